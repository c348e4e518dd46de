#include "headrace/check/sketch.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace headrace::internal {

void RankSketch::Add(double value) {
  levels_[0].values.push_back(value);
  ++count_;
  if (levels_.size() == 1 ? levels_[0].values.size() <= kExact : levels_[0].values.size() < kLevel) return;
  Compact(0);
}

void RankSketch::Compact(std::size_t level) {
  if (level + 1 == levels_.size()) levels_.emplace_back();
  Level& low = levels_[level];
  std::sort(low.values.begin(), low.values.end());
  std::optional<double> left;                      // an odd one stays where it is
  if (low.values.size() % 2 == 1) {
    left = low.values.back();
    low.values.pop_back();
  }
  for (std::size_t i = low.odd ? 1 : 0; i < low.values.size(); i += 2) levels_[level + 1].values.push_back(low.values[i]);
  low.odd = !low.odd;
  low.values.clear();
  if (left) low.values.push_back(*left);
  rank_error_ += std::int64_t{1} << level;
  if (levels_[level + 1].values.size() >= kLevel) Compact(level + 1);
}

double RankSketch::Quantile(double q) {
  const std::int64_t rank = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(q * static_cast<double>(count_) * (1 - 1e-15))), 1, count_);
  if (levels_.size() == 1) {
    auto& values = levels_[0].values;
    const auto at = values.begin() + (rank - 1);
    std::nth_element(values.begin(), at, values.end());
    return *at;
  }
  std::vector<std::pair<double, std::int64_t>> weighted;
  for (std::size_t level = 0; level < levels_.size(); ++level)
    for (const double value : levels_[level].values) weighted.emplace_back(value, std::int64_t{1} << level);
  std::sort(weighted.begin(), weighted.end());
  std::int64_t seen = 0;
  for (const auto& [value, weight] : weighted)
    if ((seen += weight) >= rank) return value;
  return weighted.back().first;
}

void DistinctCount::Add(Hash hash) {
  if (!seen_) return sketch_.Add(hash.high);
  seen_->Insert(hash);
  if (seen_->size() <= kExact) return;
  seen_->ForEach([this](Hash known) { sketch_.Add(known.high); });
  seen_.reset();
}

std::int64_t DistinctCount::Count() const { return seen_ ? seen_->size() : sketch_.Estimate(); }

}  // namespace headrace::internal
