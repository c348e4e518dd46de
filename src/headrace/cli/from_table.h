#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/cli/scaffold.h"
#include "headrace/sql/files.h"
#include "headrace/table/table.h"

namespace headrace {

/// What was measured of one column.
struct ColumnFacts {
  Field field;
  std::int64_t nulls = 0, distinct = 0;   ///< distinct values, nulls apart
  Value min, max;                         ///< int, double (finite values only), date, timestamp; null for other types and without values
  std::vector<std::string> levels;        ///< all values in byte order, for text columns of at most kMaxLevels that come up again and again
};
inline constexpr std::int64_t kMaxLevels = 12;

/// What was measured of a table.
struct TableFacts {
  std::int64_t rows = 0;
  std::vector<ColumnFacts> columns;

  const ColumnFacts* Find(std::string_view name) const;   ///< nullptr when there is none
  /// The first int or text column without nulls whose values all differ and whose name ends with "id" (any case); nullptr
  /// when there is none. `target` is never it.
  const ColumnFacts* Key(std::string_view target) const;
};

/// Read all of `source` once and measure it. Errors are those of LoadFiles.
Result<TableFacts> MeasureTable(const FileSource& source);

/// Where the table lies and what is to be predicted, as the project's files will say it.
struct FromTable {
  std::string pattern;     ///< path or glob as the project's files name it: relative to the project, or absolute
  std::string delimiter;   ///< "" = found in the first lines
  std::string target;
};

/// The files of a project that trains on the table and scores it: headrace.yaml, contracts, pipelines/train.yaml, pipelines/score.yaml,
/// README.md, .gitignore. kInvalid: no column is called `target` (nearest name given), or a column's name holds `${`. kData: the target has fewer than two
/// values, so there is nothing to learn.
Result<std::vector<NewFile>> ProjectFromTable(const FromTable& from, const TableFacts& facts);

}  // namespace headrace
