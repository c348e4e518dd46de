#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "headrace/model/learner.h"

namespace headrace {

/// The loss of one prediction that a learner's objective stands for; early stopping and comparisons add it up.
///   binary, multiclass   -log of the probability given to what came true
///   regression           squared error       regression_l1  absolute error
///   quantile             pinball loss at alpha      huber   squared up to alpha, then linear
///   two_model, x_learner   nothing: of uplift no row's truth is known; `metric` is qini
///   kmeans               the squared distance to the nearest centre; `metric` is inertia
///   lambdarank, rank_xendcg   of a query, not of a row: what its ndcg@10 lacks to 1
///   poisson, gamma, tweedie   the negative log-likelihood, but for what the target alone decides
///
/// Threads: an immutable value.
class Loss {
 public:
  static Loss Of(const LearnerSettings& settings);

  /// Of a prediction after the link (binary: the probability of the positive class).
  double Of(double target, double prediction) const;
  /// Several classes: of the probability given to the class that came true.
  double OfTruth(double probability) const;

  /// Rankings: of all queries together. `groups` as Vectors; predictions are margins.
  double OfQueries(std::span<const double> target, std::span<const double> predictions,
                   std::span<const std::int64_t> groups) const;
  bool by_query() const { return kind_ == Kind::kQueries; }

  /// The metric that measures it: "logloss", "rmse", "mae", "pinball@0.9".
  std::string metric() const;
  /// The one answer with the smallest loss on targets as these is this quantile of them; nothing: their mean.
  std::optional<double> constant_quantile() const;

 private:
  enum class Kind { kLog, kSquared, kAbsolute, kQuantile, kHuber, kPoisson, kGamma, kTweedie, kQueries, kUplift, kClusters };
  Kind kind_ = Kind::kLog;
  double parameter_ = 0;
};

}  // namespace headrace
