#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

/// Rows in the order of the key columns, ties by all other columns from the first to the last, so that the same rows in
/// any order come out the same (rows that tie to the end are equal). Nulls come first, numbers by size, NaN after them,
/// text by bytes.
struct RowOrder {
  std::vector<std::size_t> rows;
  std::size_t duplicate_keys = 0;  ///< rows whose key an earlier row has
  bool as_given = true;            ///< the table has this order already
};

/// kInvalid: a key column that is not in `table`, with the nearest name. Without a key the order is the table's own.
Result<RowOrder> OrderRows(const Table& table, std::span<const std::string> key);

}  // namespace headrace
