#include "headrace/model/ranking_internal.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace headrace::internal {

std::vector<ScoreGroup> RankScores(std::span<const double> target, std::span<const double> scores) {
  assert(target.size() == scores.size());
  std::vector<std::pair<double, double>> rows(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) rows[i] = {scores[i], target[i]};
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a > b; });
  std::vector<ScoreGroup> groups;
  Sum sum;
  for (const auto& [score, value] : rows) {
    if (groups.empty() || groups.back().score != score) {
      groups.push_back({score, 0, 0});
      sum = Sum();
    }
    sum.Add(value);
    groups.back().rows += 1;
    groups.back().target_sum = sum.value();
  }
  return groups;
}

Status CheckRows(Task task, std::span<const double> target, std::span<const double> scores, std::size_t classes,
                 bool probabilities) {
  if (target.empty()) return Error(ErrorCode::kData, "no rows to evaluate");
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double t = target[i];
    if (!std::isfinite(t))
      return Error(ErrorCode::kData, "target is ", t, " in row ", i + 1, "; expected a finite number");
    if (task == Task::kBinary && t != 0 && t != 1)
      return Error(ErrorCode::kData, "target is ", t, " in row ", i + 1, "; expected 0 or 1");
    if (task == Task::kMulticlass && !(t >= 0 && t < static_cast<double>(classes) && t == std::floor(t)))
      return Error(ErrorCode::kData, "target is ", t, " in row ", i + 1, "; expected a class from 0 to ", classes - 1);
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i]))
      return Error(ErrorCode::kData, "score is ", scores[i], " in row ", i / classes + 1, "; expected a finite number");
    if (probabilities && !(scores[i] >= 0 && scores[i] <= 1))
      return Error(ErrorCode::kData, "score is ", scores[i], " in row ", i / classes + 1,
                   "; expected a probability from 0 to 1");
  }
  return Ok();
}

double ReliabilityEdge(int i) { return i == kReliabilityBins ? 1.0 : i * 0.1; }

int ReliabilityBinOf(double score) {
  int bin = 0;
  while (bin < kReliabilityBins - 1 && ReliabilityEdge(bin + 1) < score) ++bin;
  return bin;
}

std::size_t LargestScore(std::span<const double> scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

}  // namespace headrace::internal
