#pragma once

#include <memory>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

/// The rows of `rows` with the columns that `declared` names turned into the types it declares; others stay. A source
/// that knows fewer types than we do (SQLite keeps dates as text) gets them back from a contract so. Null stays null.
///
///   text -> any type, as Value::Parse reads it          int -> double, bool (0 and 1 only), text
///   double -> int (whole numbers within 2^53), text     date -> timestamp, text
///   timestamp -> date (midnight only), text             bool -> int, text
///
/// A value that does not read so is kData, naming the column, the row (from 1) and, unless the column is one of `personal`, the
/// value; a pair of types not listed is kData at once. Columns that `declared` names and the rows lack are not this function's concern.
Result<std::unique_ptr<TableStream>> ReadAs(std::unique_ptr<TableStream> rows, const Schema& declared,
                                            const std::vector<std::string>& personal = {});

}  // namespace headrace
