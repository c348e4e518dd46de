#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/sql/engine.h"

namespace headrace {

/// A column of text cells that is to get a type.
struct CellColumn {
  std::string name;              ///< for messages
  std::string raw;               ///< the column of the raw table, quoted
  std::optional<Type> declared;  ///< unset: found from the cells
  bool strings = false;          ///< cells were quoted strings in JSON: text, date or timestamp, never a number
  bool personal = false;         ///< its values appear in no message
};

/// A SQL expression per column that gives its cells as bool, BIGINT, DOUBLE, VARCHAR, DATE or TIMESTAMP; null for the
/// cells that are blank or one of `null_values`. Every cell of `table` was looked at, so the expressions cannot fail.
/// kData: cells that do not read as declared; `place` puts a row number of the raw table (from 0) into words.
Result<std::vector<std::string>> TypeCells(Engine& engine, const std::string& table,
                                           const std::vector<CellColumn>& columns,
                                           const std::vector<std::string>& null_values,
                                           const std::function<std::string(std::int64_t)>& place);

}  // namespace headrace
