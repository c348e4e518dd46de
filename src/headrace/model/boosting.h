#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"

namespace headrace {

/// One training of a library that adds trees one by one (lightgbm.h, xgboost.h).
///
/// Threads: one at a time; different boosters may grow side by side.
class Booster {
 public:
  virtual ~Booster() = default;
  /// Grow one more iteration. False when no split is left to make: further calls would change nothing.
  virtual Result<bool> Grow() = 0;
  /// The weighted sum over the held-out rows of the objective's loss now. REQUIRES: made with held-out rows.
  virtual Result<double> HeldLoss() = 0;
  /// The first `iterations` iterations (fewer when it ran out of splits) as the library's text.
  virtual Result<std::string> Text(int iterations) = 0;
  /// Total gain of each feature's splits in the first `iterations`.
  virtual Result<std::vector<double>> Gains(int iterations) = 0;
};

/// What scores: our own evaluator over the text of LightGBM or XGBoost.
Result<std::unique_ptr<const FittedLearner>> MakeForestLearner(LearnerSpec::Kind kind, std::string text,
                                                               std::size_t num_features,
                                                               std::vector<double> importance);

/// FitFolds and FitLearner for learners that grow trees.
Result<FoldFit> FitBoostedFolds(const LearnerSettings& settings, const FoldSource& source,
                                const LearnerControl& control);
Result<std::unique_ptr<const FittedLearner>> FitBoosted(const LearnerSettings& settings, const Vectors& train,
                                                        int iterations, const LearnerControl& control);

}  // namespace headrace
