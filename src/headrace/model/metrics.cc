// Metrics are computed from a few summaries of the rows (tied-score groups, confusion counts, running sums), each made
// only when a metric asks for it. Ranking metrics work on groups of equal scores, so the order of tied rows never
// matters.

#include "headrace/model/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {
namespace {

using internal::BinaryCounts;
using internal::ScoreGroup;
using internal::Sum;

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr std::string_view kLift = "lift@";

struct KnownMetric {
  std::string_view name;
  bool binary, multiclass, regression;
  bool higher_is_better;
};
constexpr KnownMetric kMetrics[] = {
    {"auc", true, true, false, true},      {"average_precision", true, false, false, true},
    {"logloss", true, true, false, false}, {"brier", true, true, false, false},
    {"ece", true, false, false, false},    {"accuracy", true, true, false, true},
    {"f1", true, true, false, true},       {"precision", true, true, false, true},
    {"recall", true, true, false, true},   {"rmse", false, false, true, false},
    {"mae", false, false, true, false},    {"r2", false, false, true, true},
    {"mape", false, false, true, false},   {"mape_skipped", false, false, true, false},
};

bool Has(const KnownMetric& metric, Task task) {
  switch (task) {
    case Task::kBinary:
      return metric.binary;
    case Task::kMulticlass:
      return metric.multiclass;
    case Task::kRegression:
      return metric.regression;
  }
  return false;
}

/// The share of rows that "lift@K%" looks at, in (0, 1].
std::optional<double> LiftShare(std::string_view name) {
  if (!name.starts_with(kLift) || !name.ends_with('%')) return std::nullopt;
  name.remove_prefix(kLift.size());
  name.remove_suffix(1);
  double percent = 0;
  if (name.empty() || name.find_first_not_of("0123456789.") != name.npos || !ParseDouble(name, &percent))
    return std::nullopt;
  if (!(percent > 0 && percent <= 100)) return std::nullopt;
  return percent / 100;
}

/// The rows, and the summaries made of them so far.
class Rows {
 public:
  Rows(Task task, std::span<const double> target, std::span<const double> scores, std::size_t classes, double threshold)
      : task_(task), target_(target), scores_(scores), classes_(classes), threshold_(threshold) {}

  /// nullopt when these rows do not define the metric.
  std::optional<double> Compute(std::string_view name) {
    if (task_ == Task::kRegression) return Regression(name);
    return task_ == Task::kBinary ? Binary(name) : Multiclass(name);
  }

 private:
  double n() const { return static_cast<double>(target_.size()); }

  std::optional<double> Binary(std::string_view name) {
    if (name == "auc") return Auc(groups());
    if (name == "average_precision") return AveragePrecision(groups());
    if (const std::optional<double> share = LiftShare(name)) return Lift(groups(), *share);
    if (name == "logloss")
      return Mean([&](std::size_t i) { return RowLogLoss(target_[i] != 0 ? scores_[i] : 1 - scores_[i]); });
    if (name == "brier") return Mean([&](std::size_t i) { return Square(scores_[i] - target_[i]); });
    if (name == "ece") return Ece();
    if (!counts_) counts_ = CountsOf(1, [&](std::size_t i) { return scores_[i] >= threshold_; });
    return FromCounts(*counts_, name);
  }

  std::optional<double> Multiclass(std::string_view name) {
    if (name == "logloss") return Mean([&](std::size_t i) { return RowLogLoss(row(i)[ClassOf(i)]); });
    if (name == "brier") {
      return Mean([&](std::size_t i) {
        double sum = 0;
        for (std::size_t c = 0; c < classes_; ++c) sum += Square(row(i)[c] - (c == ClassOf(i) ? 1.0 : 0.0));
        return sum;
      });
    }
    if (name == "auc") return AucOneVersusRest();
    if (predicted_.empty())
      for (std::size_t i = 0; i < target_.size(); ++i) predicted_.push_back(internal::LargestScore(row(i)));
    if (name == "accuracy") return Mean([&](std::size_t i) { return predicted_[i] == ClassOf(i) ? 1.0 : 0.0; });
    // Averaged over the classes that occur, as truth or as prediction.
    Sum sum;
    double classes = 0;
    for (std::size_t c = 0; c < classes_; ++c) {
      const BinaryCounts counts = CountsOf(static_cast<double>(c), [&](std::size_t i) { return predicted_[i] == c; });
      if (counts.tp + counts.fp + counts.fn == 0) continue;
      sum.Add(FromCounts(counts, name));
      classes += 1;
    }
    return sum.value() / classes;
  }

  std::optional<double> Regression(std::string_view name) {
    const auto error = [&](std::size_t i) { return target_[i] - scores_[i]; };
    if (name == "rmse") return std::sqrt(Mean([&](std::size_t i) { return Square(error(i)); }));
    if (name == "mae") return Mean([&](std::size_t i) { return std::fabs(error(i)); });
    if (name == "r2") return R2();
    double skipped = 0;
    Sum sum;
    for (std::size_t i = 0; i < target_.size(); ++i) {
      if (target_[i] == 0)
        skipped += 1;
      else
        sum.Add(std::fabs(error(i)) / std::fabs(target_[i]));
    }
    if (name == "mape_skipped") return skipped;
    if (skipped == n()) return std::nullopt;
    return sum.value() / (n() - skipped);
  }

  /// Share of (positive, negative) pairs in which the positive has the higher score, ties counting half (Mann and
  /// Whitney).
  static std::optional<double> Auc(const std::vector<ScoreGroup>& groups) {
    double positives = 0, negatives = 0, won = 0;
    for (const ScoreGroup& g : groups) {
      const double neg = static_cast<double>(g.rows) - g.target_sum;
      won += neg * (positives + 0.5 * g.target_sum);
      positives += g.target_sum;
      negatives += neg;
    }
    if (positives == 0 || negatives == 0) return std::nullopt;
    return won / positives / negatives;
  }

  static std::optional<double> AveragePrecision(const std::vector<ScoreGroup>& groups) {
    double positives = 0, rows = 0;
    Sum sum;
    for (const ScoreGroup& g : groups) {
      positives += g.target_sum;
      rows += static_cast<double>(g.rows);
      sum.Add(g.target_sum * (positives / rows));
    }
    if (positives == 0) return std::nullopt;
    return sum.value() / positives;
  }

  std::optional<double> Lift(const std::vector<ScoreGroup>& groups, double share) const {
    const double wanted = share * n();
    double left = wanted, found = 0, positives = 0;
    for (const ScoreGroup& g : groups) {
      const double rows = static_cast<double>(g.rows);
      const double taken = std::min(left, rows);
      found += g.target_sum * (taken / rows);
      left -= taken;
      positives += g.target_sum;
    }
    if (positives == 0) return std::nullopt;
    return found / wanted / (positives / n());
  }

  double Ece() const {
    Sum difference[internal::kReliabilityBins];
    for (std::size_t i = 0; i < target_.size(); ++i)
      difference[internal::ReliabilityBinOf(scores_[i])].Add(scores_[i] - target_[i]);
    Sum sum;
    for (const Sum& bin : difference) sum.Add(std::fabs(bin.value()));
    return sum.value() / n();
  }

  std::optional<double> AucOneVersusRest() const {
    Sum sum;
    std::vector<double> is(target_.size()), score(target_.size());
    for (std::size_t c = 0; c < classes_; ++c) {
      for (std::size_t i = 0; i < target_.size(); ++i) {
        is[i] = ClassOf(i) == c ? 1 : 0;
        score[i] = row(i)[c];
      }
      const std::optional<double> auc = Auc(internal::RankScores(is, score));
      if (!auc) return std::nullopt;
      sum.Add(*auc);
    }
    return sum.value() / static_cast<double>(classes_);
  }

  std::optional<double> R2() const {
    if (target_.size() < 2) return std::nullopt;
    const double residual = n() * Mean([&](std::size_t i) { return Square(target_[i] - scores_[i]); });
    const auto [least, most] = std::minmax_element(target_.begin(), target_.end());
    if (*least == *most) return residual == 0 ? 1.0 : 0.0;
    const double mean = Mean([&](std::size_t i) { return target_[i]; });
    return 1 - residual / (n() * Mean([&](std::size_t i) { return Square(target_[i] - mean); }));
  }

  template <typename Predicted>
  BinaryCounts CountsOf(double positive, Predicted predicted) const {
    BinaryCounts counts;
    for (std::size_t i = 0; i < target_.size(); ++i) {
      if (target_[i] == positive)
        (predicted(i) ? counts.tp : counts.fn) += 1;
      else
        (predicted(i) ? counts.fp : counts.tn) += 1;
    }
    return counts;
  }

  static double FromCounts(const BinaryCounts& counts, std::string_view name) {
    if (name == "accuracy") return counts.accuracy();
    if (name == "precision") return counts.precision();
    if (name == "recall") return counts.recall();
    assert(name == "f1");
    return counts.f1();
  }

  /// -log of the probability given to what came true, which is first clipped to [eps, 1 - eps] as scikit-learn does.
  static double RowLogLoss(double p) { return -math::Log(std::clamp(p, kEps, 1 - kEps)); }
  static double Square(double v) { return v * v; }

  template <typename F>
  double Mean(F value) const {
    Sum sum;
    for (std::size_t i = 0; i < target_.size(); ++i) sum.Add(value(i));
    return sum.value() / n();
  }

  const std::vector<ScoreGroup>& groups() {
    if (groups_.empty()) groups_ = internal::RankScores(target_, scores_);
    return groups_;
  }
  std::span<const double> row(std::size_t i) const { return scores_.subspan(i * classes_, classes_); }
  std::size_t ClassOf(std::size_t i) const { return static_cast<std::size_t>(target_[i]); }

  const Task task_;
  const std::span<const double> target_, scores_;
  const std::size_t classes_;
  const double threshold_;
  std::vector<ScoreGroup> groups_;
  std::optional<BinaryCounts> counts_;
  std::vector<std::size_t> predicted_;
};

bool AsksForProbabilities(std::string_view name) { return name == "logloss" || name == "brier" || name == "ece"; }

}  // namespace

Status CheckMetricName(std::string_view name, Task task) {
  for (const KnownMetric& metric : kMetrics)
    if (metric.name == name && Has(metric, task)) return Ok();
  if (task == Task::kBinary && LiftShare(name)) return Ok();

  std::vector<std::string> names;
  for (const KnownMetric& metric : kMetrics)
    if (Has(metric, task)) names.emplace_back(metric.name);
  if (task == Task::kBinary) names.emplace_back("lift@10%");
  for (const KnownMetric& metric : kMetrics) {
    if (metric.name != name) continue;
    return Error(ErrorCode::kInvalid, "metric \"", name, "\" does not apply to ", TaskName(task), " models")
        .WithHelp(StrCat("choose from: ", Join(names, ", ")));
  }
  if (name.starts_with(kLift) && task == Task::kBinary)
    return Error(ErrorCode::kInvalid, "metric \"", name, "\" is not lift@K% with K above 0 and at most 100")
        .WithHelp("write it as lift@10% or lift@2.5%");
  const std::string near = NearestName(name, names);
  return Error(ErrorCode::kInvalid, "unknown metric \"", name, "\" for a ", TaskName(task), " model")
      .WithHelp(near.empty() ? StrCat("choose from: ", Join(names, ", ")) : StrCat("did you mean \"", near, "\"?"));
}

std::vector<std::string> DefaultMetrics(Task task) {
  switch (task) {
    case Task::kBinary:
      return {"auc", "average_precision", "logloss", "brier",   "ece", "accuracy",
              "f1",  "precision",         "recall",  "lift@10%"};
    case Task::kMulticlass:
      return {"accuracy", "auc", "logloss", "brier", "f1", "precision", "recall"};
    case Task::kRegression:
      return {"rmse", "mae", "r2", "mape"};
  }
  return {};
}

bool HigherIsBetter(std::string_view name) {
  for (const KnownMetric& metric : kMetrics)
    if (metric.name == name) return metric.higher_is_better;
  assert(LiftShare(name));
  return true;
}

Result<Metrics> Evaluate(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                         double threshold, std::span<const std::string> names) {
  const std::size_t width = task == Task::kMulticlass ? static_cast<std::size_t>(classes) : 1;
  assert(width >= 1 && scores.size() == target.size() * width);
  const std::vector<std::string> usual = DefaultMetrics(task);
  if (names.empty()) names = usual;
  bool probabilities = false;
  for (const std::string& name : names) {
    RETURN_IF_ERROR(CheckMetricName(name, task));
    probabilities = probabilities || AsksForProbabilities(name);
  }
  RETURN_IF_ERROR(internal::CheckRows(task, target, scores, width, probabilities));

  Rows rows(task, target, scores, width, threshold);
  Metrics metrics;
  const auto add = [&](const std::string& name) {
    const std::optional<double> value = rows.Compute(name);
    if (value && std::isfinite(*value)) metrics[name] = *value;
  };
  for (const std::string& name : names) {
    add(name);
    if (name == "mape") add("mape_skipped");
  }
  return metrics;
}

}  // namespace headrace
