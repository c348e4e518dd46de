#include "headrace/check/summaries.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "headrace/base/math.h"

namespace headrace {

void Moments::Add(double x) {
  ++count;
  const double d = x - mean;
  mean += d / static_cast<double>(count);
  m2 += d * (x - mean);
}

void Moments::Merge(const Moments& other) {
  if (other.count == 0) return;
  const double a = static_cast<double>(count), b = static_cast<double>(other.count), d = other.mean - mean;
  count += other.count;
  mean += d * b / (a + b);
  m2 += other.m2 + d * d * a * b / (a + b);
}

double Moments::StandardDeviation() const { return count < 2 ? 0 : std::sqrt(std::max(0.0, m2) / static_cast<double>(count - 1)); }

namespace {
constexpr unsigned kIndexBits = 14, kRanks = 64 - kIndexBits;
constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;

double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before = -1;
  while (z != before) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before = -1;
  while (z != before) {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}
}  // namespace

void DistinctSketch::Add(std::uint64_t hash) {
  if (registers_.empty()) registers_.assign(kRegisters, 0);
  const std::uint64_t rest = hash << kIndexBits;
  const auto rank = static_cast<std::uint8_t>(rest == 0 ? kRanks + 1 : static_cast<unsigned>(std::countl_zero(rest)) + 1);
  std::uint8_t& place = registers_[hash >> kRanks];
  place = std::max(place, rank);
}

void DistinctSketch::Merge(const DistinctSketch& other) {
  if (other.registers_.empty()) return;
  if (registers_.empty()) registers_.assign(kRegisters, 0);
  for (std::size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

std::int64_t DistinctSketch::Estimate() const {
  if (registers_.empty()) return 0;
  std::array<std::int64_t, kRanks + 2> counts{};
  for (const std::uint8_t rank : registers_) ++counts[rank];
  const auto m = static_cast<double>(kRegisters);
  double z = m * Tau(1 - static_cast<double>(counts[kRanks + 1]) / m);
  for (std::size_t k = kRanks; k >= 1; --k) z = 0.5 * (z + static_cast<double>(counts[k]));
  z += m * Sigma(static_cast<double>(counts[0]) / m);
  return std::llround(m * m / (2 * math::Log(2)) / z);
}

std::size_t FrequentValues::Hash::operator()(std::string_view key) const { return XXH3_64bits(key.data(), key.size()); }

void FrequentValues::Add(std::string_view key) {
  if (estimated_) distinct_.Add(Hash()(key));
  if (gave_up_) return;
  if (const auto found = counts_.find(key); found != counts_.end()) {
    ++found->second;
    return;
  }
  counts_.emplace(key, 1);
  if (counts_.size() > kExactDistinct) Shrink();
}

void FrequentValues::Shrink() {
  if (!estimated_) {
    estimated_ = true;
    for (const auto& [key, count] : counts_) distinct_.Add(Hash()(key));
  }
  std::vector<std::int64_t> all;
  all.reserve(counts_.size());
  for (const auto& [key, count] : counts_) all.push_back(count);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  const std::int64_t median = *middle;
  slack_ += median;
  for (auto at = counts_.begin(); at != counts_.end();) {
    at->second -= median;
    at = at->second <= 0 ? counts_.erase(at) : std::next(at);
  }
  gave_up_ = counts_.empty();
  if (gave_up_) counts_ = {};       // its buckets, too
}

void FrequentValues::Merge(const FrequentValues& other) {
  if (other.estimated_ && !estimated_) {
    estimated_ = true;
    for (const auto& [key, count] : counts_) distinct_.Add(Hash()(key));
  }
  if (other.estimated_) distinct_.Merge(other.distinct_);
  else if (estimated_)
    for (const auto& [key, count] : other.counts_) distinct_.Add(Hash()(key));
  gave_up_ = gave_up_ || other.gave_up_;
  slack_ += other.slack_;
  if (gave_up_) {
    counts_.clear();
    return;
  }
  for (const auto& [key, count] : other.counts_) counts_[key] += count;
  if (counts_.size() > kExactDistinct) Shrink();
}

std::int64_t FrequentValues::Distinct() const { return estimated_ ? distinct_.Estimate() : static_cast<std::int64_t>(counts_.size()); }

std::vector<std::pair<std::string, std::int64_t>> FrequentValues::Top(std::size_t most) const {
  std::vector<std::pair<std::string, std::int64_t>> top;
  for (const auto& entry : counts_)
    if (entry.second > slack_) top.emplace_back(entry);
  const auto before = [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; };
  const auto end = top.begin() + static_cast<std::ptrdiff_t>(std::min(most, top.size()));
  std::partial_sort(top.begin(), end, top.end(), before);
  top.erase(end, top.end());
  return top;
}

void QuantileSketch::Add(double value) {
  if (levels_.empty()) levels_.emplace_back();
  ++count_;
  levels_[0].push_back(value);
  if (levels_[0].size() >= (exact() ? most_exact_ + 1 : level_)) Compact(0);
}

/// Half of a level goes up. Of an odd number the largest value stays.
void QuantileSketch::Compact(std::size_t level) {
  if (level + 1 >= levels_.size()) levels_.emplace_back();
  std::vector<double>& full = levels_[level];
  std::sort(full.begin(), full.end());
  const std::size_t pairs = full.size() / 2;
  coin_ += 0x9E3779B97F4A7C15u;                       // splitmix64 (Steele, Lea, Flood 2014)
  std::uint64_t bits = coin_;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
  const std::size_t odd = (bits ^ (bits >> 31)) & 1u;
  std::vector<double>& above = levels_[level + 1];
  for (std::size_t i = 0; i < pairs; ++i) above.push_back(full[2 * i + odd]);
  full.erase(full.begin(), full.begin() + static_cast<std::ptrdiff_t>(2 * pairs));
  rank_error_ += std::int64_t{1} << level;
  if (above.size() >= level_) Compact(level + 1);
}

void QuantileSketch::Merge(const QuantileSketch& other) {
  if (other.count_ == 0) return;
  if (levels_.size() < other.levels_.size()) levels_.resize(other.levels_.size());
  count_ += other.count_;
  rank_error_ += other.rank_error_;
  for (std::size_t level = 0; level < other.levels_.size(); ++level) levels_[level].insert(levels_[level].end(), other.levels_[level].begin(), other.levels_[level].end());
  if (exact() && levels_[0].size() <= most_exact_) return;
  for (std::size_t level = 0; level < levels_.size(); ++level)
    if (levels_[level].size() >= level_) Compact(level);
}

std::vector<QuantileSketch::Point> QuantileSketch::Points() const {
  std::vector<Point> points;
  std::int64_t weight = 1;
  for (const std::vector<double>& level : levels_) {
    for (const double value : level) points.push_back({value, weight});
    weight *= 2;
  }
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.value != b.value ? a.value < b.value : a.weight < b.weight; });
  return points;
}

double QuantileOf(const std::vector<QuantileSketch::Point>& points, double probability) {
  std::int64_t count = 0;
  for (const auto& point : points) count += point.weight;
  const double place = probability * static_cast<double>(count - 1);
  if (count == static_cast<std::int64_t>(points.size())) {
    const auto below = static_cast<std::size_t>(place);
    if (below + 1 >= points.size()) return points.back().value;
    return points[below].value + (place - static_cast<double>(below)) * (points[below + 1].value - points[below].value);
  }
  std::int64_t passed = 0;
  for (const auto& point : points) {
    passed += point.weight;
    if (static_cast<double>(passed) > place) return point.value;
  }
  return points.back().value;
}

double DiscreteQuantileOf(const std::vector<QuantileSketch::Point>& points, double probability) {
  std::int64_t count = 0, seen = 0;
  for (const auto& point : points) count += point.weight;
  const auto rank = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(probability * static_cast<double>(count) * (1 - 1e-15))), 1, count);
  for (const auto& point : points)
    if ((seen += point.weight) >= rank) return point.value;
  return points.back().value;
}

}  // namespace headrace
