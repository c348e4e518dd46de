#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/sql/engine.h"

namespace headrace {

/// A table that a query reads and where the query names it first.
struct TableUse {
  std::string schema;  ///< "" when the query names none
  std::string name;    ///< as written, without quotes
  TextSpan span;       ///< the whole name, in bytes of the user's SQL
  bool operator==(const TableUse&) const = default;
};

/// The tables that `sql` reads, each once (names compared without case), in order of first use: those that are neither
/// its own CTEs (scoped as in SQL, also nested and recursive ones) nor table functions. Found by DuckDB's own
/// parser, so a name in a string, a comment or a column never counts. `$name` parameters are fine and need no values.
///
/// kInvalid with a span: a syntax error, a second statement, a statement that is no SELECT, a file read by its name
/// (FROM 'x.csv'). Any engine will do; nothing of it is read or changed.
Result<std::vector<TableUse>> FindTables(Engine& engine, std::string_view sql);

}  // namespace headrace
