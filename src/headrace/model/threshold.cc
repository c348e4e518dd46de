#include "headrace/model/threshold.h"

#include <cassert>
#include <cmath>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {
namespace {

const std::vector<std::string>& Maximizable() {
  static const std::vector<std::string> names = {"f1", "accuracy", "precision", "recall"};
  return names;
}

double MetricOf(const internal::BinaryCounts& counts, std::string_view name) {
  if (name == "f1") return counts.f1();
  if (name == "accuracy") return counts.accuracy();
  if (name == "precision") return counts.precision();
  return counts.recall();
}

}  // namespace

Status CheckThreshold(const ThresholdSpec& spec, Task task) {
  if (spec.maximize.empty()) {
    if (spec.fixed >= 0 && spec.fixed <= 1) return Ok();
    return Error(ErrorCode::kInvalid, "threshold ", spec.fixed, " is not between 0 and 1");
  }
  for (const std::string& name : Maximizable()) {
    if (name != spec.maximize) continue;
    if (task == Task::kBinary) return Ok();
    return Error(ErrorCode::kInvalid, "threshold: maximize needs a binary target; this one is ", TaskName(task))
        .WithHelp("leave `threshold` out");
  }
  const std::string near = NearestName(spec.maximize, Maximizable());
  return Error(ErrorCode::kInvalid, "a threshold cannot maximize \"", spec.maximize, "\"")
      .WithHelp(near.empty() ? StrCat("choose from: ", Join(Maximizable(), ", "))
                             : StrCat("did you mean \"", near, "\"?"));
}

Result<double> ChooseThreshold(const ThresholdSpec& spec, std::span<const double> target,
                               std::span<const double> scores) {
  assert(target.size() == scores.size());
  RETURN_IF_ERROR(CheckThreshold(spec, Task::kBinary));
  if (spec.maximize.empty()) return spec.fixed;
  const std::vector<internal::ScoreGroup> groups = internal::RankScores(target, scores);
  double positives = 0;
  for (const internal::ScoreGroup& group : groups) positives += group.target_sum;
  if (positives == 0) return Error(ErrorCode::kData, "no positive row to choose a threshold from");

  // Walk down the scores: each further group moves from below the threshold to above it. >= keeps the lowest of equals.
  internal::BinaryCounts counts{0, 0, positives, static_cast<double>(scores.size()) - positives};
  double best = -1, threshold = 0;
  for (const internal::ScoreGroup& group : groups) {
    const double negatives = static_cast<double>(group.rows) - group.target_sum;
    counts.tp += group.target_sum;
    counts.fn -= group.target_sum;
    counts.fp += negatives;
    counts.tn -= negatives;
    const double value = MetricOf(counts, spec.maximize);
    if (value >= best) {
      best = value;
      threshold = group.score;
    }
  }
  return threshold;
}

}  // namespace headrace
