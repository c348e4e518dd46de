#pragma once

// Private to this room: the estimator of one column.

#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/fitted_column.h"
#include "headrace/feature/plan.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// What target encodings learn from.
struct TargetColumns {
  std::vector<std::vector<double>> columns;   ///< as TargetRows::targets
  std::vector<std::string> classes;           ///< one a column; empty unless multiclass
  std::vector<int> folds;                     ///< dense; empty: by position
  int fold_count = 0;
};

struct ColumnFit {
  FittedColumn fitted;
  /// The outputs of the training rows where they are not what Apply gives (target encoding); else empty.
  std::vector<std::vector<double>> cross_fitted;
  bool constant = false;                      ///< every training row has the same outputs
};

/// Fit the steps of `plan` on `source`, each on what the one before it made of the training rows.
Result<ColumnFit> FitColumn(const ColumnPlan& plan, const Column& source, const TargetColumns& target, bool linear_learner, int threads);

}  // namespace headrace::internal
