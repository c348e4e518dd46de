#pragma once

#include <memory>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"
#include "headrace/model/loss.h"

namespace headrace {

struct LightGbmApi;  ///< the C functions of lib_lightgbm.so (lightgbm_api.h)

/// One LightGBM training: trees are added one by one. The library is loaded by the first Make of the process.
///
/// Threads: one at a time; different boosters may grow side by side.
class Booster {
 public:
  /// `train` and `held` (may be null) are copied into LightGBM's own form. kInvalid when the library is not there.
  static Result<std::unique_ptr<Booster>> Make(const LearnerSettings& settings, const Vectors& train,
                                               const Vectors* held, int threads);
  ~Booster();
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  /// Grow one more iteration. False when no split is left to make: further calls would change nothing.
  Result<bool> Grow();
  /// The weighted sum over the held-out rows of the objective's loss now. REQUIRES: held was given.
  Result<double> HeldLoss();
  /// The first `iterations` iterations (fewer when it ran out of splits) as LightGBM's text, without its parameters
  /// block.
  Result<std::string> Text(int iterations);
  /// Total gain of each feature's splits in the first `iterations`.
  Result<std::vector<double>> Gains(int iterations);

 private:
  Booster() = default;
  Status Check(int result, const char* what) const;

  const LightGbmApi* api_ = nullptr;
  void* train_data_ = nullptr;
  void* held_data_ = nullptr;
  void* booster_ = nullptr;
  Loss loss_;
  std::size_t outputs_ = 1, features_ = 0;
  std::vector<double> held_target_, held_weights_, predictions_;
};

/// LightGBM's text of a forest without what only tells how it was trained: its parameters block and its line of monotone constraints.
std::string WithoutTrainingSettings(std::string text);

/// What scores: our own evaluator over LightGBM's text.
Result<std::unique_ptr<const FittedLearner>> MakeForestLearner(std::string text, std::size_t num_features,
                                                               std::vector<double> importance);

Result<FoldFit> FitLightGbmFolds(const LearnerSettings& settings, const FoldSource& source,
                                 const LearnerControl& control);
Result<std::unique_ptr<const FittedLearner>> FitLightGbm(const LearnerSettings& settings, const Vectors& train,
                                                         int iterations, const LearnerControl& control);

}  // namespace headrace
