#include "headrace/model/loss.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/model/metrics.h"

namespace headrace {

Loss Loss::Of(const LearnerSettings& settings) {
  Loss loss;
  if (settings.uplift) loss.kind_ = Kind::kUplift;
  if (settings.uplift) return loss;
  if (settings.task == Task::kClustering) loss.kind_ = Kind::kClusters;
  if (settings.task != Task::kRegression) return loss;
  const std::string objective = settings.objective();
  loss.kind_ = objective == "regression_l1" ? Kind::kAbsolute
               : objective == "quantile"    ? Kind::kQuantile
               : objective == "huber"       ? Kind::kHuber
               : objective == "poisson"     ? Kind::kPoisson
               : objective == "gamma"       ? Kind::kGamma
               : objective == "tweedie"     ? Kind::kTweedie
               : objective == "lambdarank" || objective == "rank_xendcg" ? Kind::kQueries
                                            : Kind::kSquared;
  const bool xgboost = settings.kind == LearnerSpec::Kind::kXgboost;  // there `alpha` is the L1 penalty
  if (loss.kind_ == Kind::kQuantile || loss.kind_ == Kind::kHuber)
    loss.parameter_ = settings.number(xgboost ? "quantile_alpha" : "alpha", 0.9);
  if (loss.kind_ == Kind::kTweedie) loss.parameter_ = settings.number("tweedie_variance_power", 1.5);
  return loss;
}

double Loss::OfTruth(double probability) const {
  constexpr double kLeast = 1e-15;  // as LightGBM's own metrics clip
  return -math::Log(std::max(probability, kLeast));
}

double Loss::Of(double target, double prediction) const {
  const double error = target - prediction, positive = std::max(prediction, 1e-300);
  switch (kind_) {
    case Kind::kLog:
      return OfTruth(target > 0 ? prediction : 1 - prediction);
    case Kind::kSquared:
      return error * error;
    case Kind::kAbsolute:
      return std::fabs(error);
    case Kind::kQuantile:
      return error >= 0 ? parameter_ * error : (parameter_ - 1) * error;
    case Kind::kHuber:
      return std::fabs(error) <= parameter_ ? 0.5 * error * error : parameter_ * (std::fabs(error) - 0.5 * parameter_);
    case Kind::kPoisson:
      return prediction - target * math::Log(positive);
    case Kind::kGamma:
      return target / positive + math::Log(positive);
    case Kind::kTweedie:
      return math::Pow(positive, 2 - parameter_) / (2 - parameter_) -
             target * math::Pow(positive, 1 - parameter_) / (1 - parameter_);
    case Kind::kQueries:
    case Kind::kUplift:
    case Kind::kClusters:
      break;
  }
  return 0;
}

double Loss::OfQueries(std::span<const double> target, std::span<const double> predictions,
                       std::span<const std::int64_t> groups) const {
  const std::vector<std::string> name{metric()};
  const Result<Metrics> mean = Evaluate(Task::kRegression, target, predictions, 0, 0, name, {}, groups);
  double queries = 0;
  for (std::size_t r = 0; r < groups.size(); ++r) queries += r == 0 || groups[r] != groups[r - 1] ? 1 : 0;
  return mean.ok() && !mean->empty() ? queries * (1 - mean->begin()->second) : queries;
}

std::string Loss::metric() const {
  switch (kind_) {
    case Kind::kUplift:
      return "qini";
    case Kind::kClusters:
      return "inertia";
    case Kind::kQueries:
      return "ndcg@10";
    case Kind::kLog:
      return "logloss";
    case Kind::kAbsolute:
      return "mae";
    case Kind::kQuantile:
      return StrCat("pinball@", parameter_);
    case Kind::kPoisson:
      return "poisson_deviance";
    case Kind::kGamma:
      return "gamma_deviance";
    case Kind::kTweedie:
      // At 1 the family's formula is another one; nobody sees the difference to a power just above.
      return StrCat("tweedie_deviance@", std::max(parameter_, 1.001));
    case Kind::kSquared:
    case Kind::kHuber:
      break;
  }
  return "rmse";
}

std::optional<double> Loss::constant_quantile() const {
  if (kind_ == Kind::kAbsolute) return 0.5;
  if (kind_ == Kind::kQuantile) return parameter_;
  return std::nullopt;
}

}  // namespace headrace
