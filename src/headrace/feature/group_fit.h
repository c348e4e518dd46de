#pragma once

// Private to this room: the estimator of one group.

#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/parts.h"
#include "headrace/feature/plan.h"

namespace headrace::internal {

struct GroupFit {
  FittedGroup group;
  std::vector<bool> nullable;   ///< of each column: whether training rows lack it
  /// The outputs of the training rows where they are not what Run gives (target encoding); else empty.
  std::vector<std::vector<double>> cross_fitted;
};

/// Fit the steps of `plan`, each on what the one before it made of the training rows.
Result<GroupFit> FitGroup(const GroupPlan& plan, const Table& all, const TargetColumns& target, bool linear_learner, std::size_t exact_percentiles, int threads);

}  // namespace headrace::internal
