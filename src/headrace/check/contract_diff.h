#pragma once

#include <string>
#include <vector>

#include "headrace/check/profile.h"
#include "headrace/check/spec.h"

namespace headrace {

/// One difference between two promises about a column.
struct ContractChange {
  std::string column;     ///< under its old name where it has one; "" = the contract as a whole
  bool breaking = false;  ///< data that keep the new promise may break the old one
  std::string what;       ///< "type int -> text", "gone; likely now `amount_eur` (contents alike: 97 %)"
};

/// Whether whoever relies on `before` may be given what `after` promises, column by column, in the order of `before` and then of `after`.
/// Nothing changed: empty. With the profiles of data behind the contracts (or nullptr) a renamed column is known by its contents, else by its name.
std::vector<ContractChange> DiffContracts(const Contract& before, const Contract& after, const DataProfile* before_data, const DataProfile* after_data);

/// How alike the contents of two columns are, in [0, 1]: 0 for other types; else the smaller of two parts, that of missing and distinct values, and that of the
/// spread (shared rows of the most frequent values; overlap of the quantiles; overlap of the lengths of texts that hardly repeat).
double Likeness(const ColumnMeasures& a, const ColumnMeasures& b);
inline constexpr double kAlike = 0.8;   ///< from here on a column that is gone and a new one are taken for one, unless another is as alike

}  // namespace headrace
