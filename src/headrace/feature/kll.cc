#include "headrace/feature/kll.h"

#include <algorithm>
#include <utility>

namespace headrace {
namespace {

constexpr std::size_t kLeastCapacity = 8;                   // of a level, however low

/// SplitMix64's finish (Steele, Lea, Flood 2014).
std::uint64_t Stir(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

std::size_t KllSketch::Capacity(std::size_t level) const {
  std::size_t capacity = kWidth;
  for (std::size_t above = levels_.size() - 1; above > level && capacity > kLeastCapacity; --above) capacity = (capacity * 2 + 2) / 3;
  return std::max(capacity, kLeastCapacity);
}

void KllSketch::Add(std::span<const double> values) {
  while (!values.empty()) {
    const std::size_t some = std::min(values.size(), capacity_ - held_ + 1);
    std::vector<double>& lowest = levels_[0];
    const std::size_t before = lowest.size();
    for (const double x : values.first(some)) {
      if (x != x) continue;
      const double value = x + 0.0;
      min_ = count_ == 0 ? value : std::min(min_, value);
      max_ = count_ == 0 ? value : std::max(max_, value);
      ++count_;
      lowest.push_back(value);
    }
    held_ += lowest.size() - before;
    Shrink();
    values = values.subspan(some);
  }
}

void KllSketch::Merge(const KllSketch& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  held_ += other.held_;
  if (levels_.size() < other.levels_.size()) {
    levels_.resize(other.levels_.size());
    emptied_.resize(levels_.size());
  }
  for (std::size_t h = 0; h < other.levels_.size(); ++h) levels_[h].insert(levels_[h].end(), other.levels_[h].begin(), other.levels_[h].end());
  capacity_ = 0;
  for (std::size_t h = 0; h < levels_.size(); ++h) capacity_ += Capacity(h);
  Shrink();
}

void KllSketch::Shrink() {
  while (held_ > capacity_) {
    std::size_t level = 0;
    while (levels_[level].size() < Capacity(level)) ++level;
    Empty(level);
  }
}

/// A value that has no neighbour stays.
void KllSketch::Empty(std::size_t level) {
  if (level + 1 == levels_.size()) {
    levels_.emplace_back();
    emptied_.push_back(0);
    capacity_ = 0;
    for (std::size_t h = 0; h < levels_.size(); ++h) capacity_ += Capacity(h);
  }
  std::vector<double> values = std::exchange(levels_[level], {});
  std::sort(values.begin(), values.end());
  if (values.size() % 2 == 1) {
    levels_[level].push_back(values.back());
    values.pop_back();
  }
  const std::uint64_t coin = Stir(Stir(Stir(seed_ + 0x9E3779B97F4A7C15) ^ level) + emptied_[level]++) & 1;
  for (std::size_t i = coin; i < values.size(); i += 2) levels_[level + 1].push_back(values[i]);
  held_ -= values.size() / 2;
}

std::vector<double> KllSketch::At(std::span<const std::size_t> ranks) const {
  std::vector<std::pair<double, std::size_t>> weighted;
  weighted.reserve(held_);
  for (std::size_t h = 0; h < levels_.size(); ++h)
    for (const double x : levels_[h]) weighted.emplace_back(x, std::size_t{1} << h);
  std::sort(weighted.begin(), weighted.end());
  std::vector<double> out;
  std::size_t at = 0, below = 0;                    // `below` stand in front of weighted[at]
  for (const std::size_t rank : ranks) {
    while (at + 1 < weighted.size() && below + weighted[at].second <= rank) below += weighted[at++].second;
    out.push_back(rank == 0 ? min_ : rank + 1 == count_ ? max_ : weighted[at].first);
  }
  return out;
}

}  // namespace headrace
