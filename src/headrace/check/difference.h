#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "headrace/table/table.h"

namespace headrace {

/// Rows that must come, by the columns that are compared.
struct ExpectedRows {
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;    ///< one value a column; a number may stand for a number of the other type
};

struct DifferenceOptions {
  std::vector<std::string> key = {};    ///< rows are paired by these of the columns; empty = rows are equal in all columns or not at all
  bool ordered = false;            ///< rows are paired by their place; `key` only names them
  double tolerance = 1e-9;         ///< numbers a and b are equal when |a - b| <= tolerance * max(1, |a|, |b|); NaN is equal to NaN
};

/// How the rows that came differ from those that must come.
struct Difference {
  static constexpr std::size_t kShown = 10;                ///< rows in `rows`
  struct Row {
    enum class Kind : std::uint8_t { kChanged, kMissing, kExtra } kind = Kind::kChanged;
    std::string label;                                     ///< "customer_id=2"; without a key and for missing and extra rows all cells
    struct Cell { std::string column, expected, found; };
    std::vector<Cell> cells;                               ///< kChanged: those that differ
  };
  std::size_t missing = 0, extra = 0, changed = 0;         ///< rows
  std::vector<Row> rows;                                   ///< the first of them: changed and missing in the order expected, then extra
  bool none() const { return missing + extra + changed == 0; }
};

/// Compare as multisets of rows, or by place. Rows of equal key are paired in the order they come.
/// REQUIRES: `found` has all of `expected.columns`, and these hold `options.key`.
Difference CompareRows(const ExpectedRows& expected, const Table& found, const DifferenceOptions& options);

}  // namespace headrace
