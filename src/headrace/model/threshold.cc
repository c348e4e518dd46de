#include "headrace/model/threshold.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {
namespace {

const std::vector<std::string>& Maximizable() {
  static const std::vector<std::string> names = {"f1", "accuracy", "balanced_accuracy", "mcc", "precision", "recall"};
  return names;
}

double MetricOf(const internal::BinaryCounts& counts, std::string_view name) {
  if (name == "f1") return counts.f1();
  if (name == "accuracy") return counts.accuracy();
  if (name == "balanced_accuracy") return counts.balanced_accuracy();
  if (name == "mcc") return counts.mcc();
  if (name == "precision") return counts.precision();
  return counts.recall();
}

bool HasCost(const ThresholdSpec& spec) { return spec.false_positive != 0 || spec.false_negative != 0; }

Status CheckNumbers(const ThresholdSpec& spec) {
  if (!(spec.fixed >= 0 && spec.fixed <= 1))
    return Error(ErrorCode::kInvalid, "threshold ", spec.fixed, " is not between 0 and 1");
  for (const double cost : {spec.false_positive, spec.false_negative})
    if (!(cost >= 0) || std::isinf(cost))
      return Error(ErrorCode::kInvalid, "a cost of the threshold is ", cost, "; expected a number from 0");
  if (!(spec.precision >= 0 && spec.precision <= 1))
    return Error(ErrorCode::kInvalid, "the threshold's precision ", spec.precision, " is not between 0 and 1");
  if (!(spec.top >= 0 && spec.top <= 1))
    return Error(ErrorCode::kInvalid, "the threshold's top share ", spec.top, " is not between 0% and 100%");
  const int ways = !spec.maximize.empty() + HasCost(spec) + (spec.precision > 0) + (spec.top > 0);
  if (ways > 1)
    return Error(ErrorCode::kInvalid, "a threshold is chosen in one way: by `maximize`, `cost`, `precision` or `top`");
  return Ok();
}

/// How good a threshold is, larger being better; nothing when it may not be taken.
std::optional<double> Worth(const ThresholdSpec& spec, const internal::BinaryCounts& c, double rows) {
  if (!spec.maximize.empty()) return MetricOf(c, spec.maximize);
  if (HasCost(spec)) return -(spec.false_positive * c.fp + spec.false_negative * c.fn);
  if (spec.precision > 0) return c.precision() >= spec.precision ? std::optional(c.recall()) : std::nullopt;
  // A share that is a whole number of rows, but for rounding, takes them all.
  return c.tp + c.fp <= spec.top * rows * (1 + 1e-12) ? std::optional(c.tp + c.fp) : std::nullopt;
}

}  // namespace

Status CheckThreshold(const ThresholdSpec& spec, Task task) {
  RETURN_IF_ERROR(CheckNumbers(spec));
  if (!spec.chosen()) return Ok();
  if (!spec.maximize.empty() &&
      std::find(Maximizable().begin(), Maximizable().end(), spec.maximize) == Maximizable().end()) {
    const std::string near = NearestName(spec.maximize, Maximizable());
    return Error(ErrorCode::kInvalid, "a threshold cannot maximize \"", spec.maximize, "\"")
        .WithHelp(near.empty() ? StrCat("choose from: ", Join(Maximizable(), ", "))
                               : StrCat("did you mean \"", near, "\"?"));
  }
  if (task == Task::kBinary) return Ok();
  return Error(ErrorCode::kInvalid, "threshold: ",
               !spec.maximize.empty() ? "maximize" : HasCost(spec) ? "cost" : spec.precision > 0 ? "precision" : "top",
               " needs a binary target; this one is ", TaskName(task))
      .WithHelp("leave `threshold` out");
}

Result<double> ChooseThreshold(const ThresholdSpec& spec, std::span<const double> target,
                               std::span<const double> scores, std::span<const double> weights) {
  assert(target.size() == scores.size());
  RETURN_IF_ERROR(CheckThreshold(spec, Task::kBinary));
  if (!spec.chosen()) return spec.fixed;
  const std::vector<internal::ScoreGroup> groups = internal::RankScores(target, scores, weights);
  double positives = 0, rows = 0;
  for (const internal::ScoreGroup& group : groups) {
    positives += group.target_sum;
    rows += group.rows;
  }
  if (positives == 0) return Error(ErrorCode::kData, "no positive row to choose a threshold from");

  // Walk down the scores: each further group moves from below the threshold to above it. >= keeps the lowest of equals.
  internal::BinaryCounts counts{0, 0, positives, rows - positives};
  std::optional<double> best;
  double threshold = groups.front().score, best_precision = 0;
  for (const internal::ScoreGroup& group : groups) {
    const double negatives = group.rows - group.target_sum;
    counts.tp += group.target_sum;
    counts.fn -= group.target_sum;
    counts.fp += negatives;
    counts.tn -= negatives;
    best_precision = std::max(best_precision, counts.precision());
    const std::optional<double> worth = Worth(spec, counts, rows);
    if (!worth || (best && *worth < *best)) continue;
    best = worth;
    threshold = group.score;
  }
  if (!best && spec.precision > 0)
    return Error(ErrorCode::kData, "no threshold reaches a precision of ", spec.precision,
                 " on rows that the learner had not seen; the best is ", best_precision)
        .WithHelp("ask for less, or choose the threshold by `maximize` or `cost`");
  return threshold;
}

}  // namespace headrace
