#pragma once

#include <string_view>

#include "headrace/base/status.h"

namespace headrace::internal {

/// kInvalid unless `bytes` are messages of an Arrow IPC stream of plain columns, each with its header, each column with its type, each buffer at a multiple of 8: what nanoarrow's reader takes for granted.
Status CheckIpcMessages(std::string_view bytes);

}  // namespace headrace::internal
