#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/model.h"
#include "headrace/table/table.h"

namespace headrace {

/// What each of the user's columns adds to the margins of some rows: the sum over the features made from it.
struct ColumnContributions {
  std::vector<std::string> columns;  ///< raw and derived columns that features are made from, in the vector's order
  std::size_t outputs = 1;           ///< margins a row: 1, or the number of classes
  /// Row-major rows x outputs x (columns + 1). The last is the margin when nothing is known of the row; with it, the
  /// sum is the margin, up to rounding.
  std::vector<double> values;

  std::span<const double> Of(std::size_t row, std::size_t output) const {
    const std::size_t width = columns.size() + 1;
    return std::span(values).subspan((row * outputs + output) * width, width);
  }
};

/// Trees: TreeSHAP, path-dependent. Linear: weight times value. A row's numbers depend on that row only, whatever the
/// threads (0 = all cores). Errors are Scorer::Score's; kInvalid when the learner cannot say it.
Result<ColumnContributions> Contributions(const Scorer& scorer, const Table& rows, int threads = 1);

struct ReasonOptions {
  int count = 3;
  std::set<std::string> personal;  ///< columns whose values are not told
  int threads = 1;                 ///< 0 = all cores
};

/// `count` text columns, reason_1 first: what moved each row's score most (docs/explanations.md), "+ spend = 12.5",
/// "- country = DE", "+ spend = (missing)"; a personal or derived column without its value, "- email". Ordered by the
/// size of the contribution, equal ones by their place in the vector; null where no further column has one. For several
/// classes the score is that of the row's label.
Result<std::vector<ColumnPtr>> Reasons(const Scorer& scorer, const Table& rows, const ReasonOptions& options);

}  // namespace headrace
