#include "headrace/model/ranking_internal.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace headrace::internal {

Ranking::Ranking(std::span<const double> target, std::span<const double> scores)
    : target_(target), scores_(scores), order_(scores.size()) {
  assert(target.size() == scores.size());
  std::iota(order_.begin(), order_.end(), std::uint32_t{0});
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return scores_[a] != scores_[b] ? scores_[a] > scores_[b] : target_[a] != target_[b] ? target_[a] > target_[b] : a < b;
  });
}

std::vector<ScoreGroup> Ranking::Groups(std::span<const double> weights) const {
  std::vector<ScoreGroup> groups;
  Sum rows, sum;
  for (const std::uint32_t i : order_) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    if (weight == 0) continue;
    if (groups.empty() || groups.back().score != scores_[i]) {
      groups.push_back({scores_[i], 0, 0});
      rows = sum = Sum();
    }
    rows.Add(weight);
    sum.Add(weight * target_[i]);
    groups.back().rows = rows.value();
    groups.back().target_sum = sum.value();
  }
  return groups;
}

std::vector<ScoreGroup> RankScores(std::span<const double> target, std::span<const double> scores,
                                   std::span<const double> weights) {
  return Ranking(target, scores).Groups(weights);
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
