#pragma once

#include <string>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

/// `table` as an Arrow IPC stream (schema, one record batch, end): what pyarrow.ipc.open_stream reads. Equal tables
/// give equal bytes.
Result<std::string> WriteArrowStream(const Table& table);

/// Read an Arrow IPC stream from a stranger: offsets, lengths and UTF-8 are checked before use. kInvalid: not such a
/// stream, more than `max_rows` rows, a column type the house does not have.
Result<Table> ReadArrowStream(std::string_view bytes, std::size_t max_rows);

}  // namespace headrace
