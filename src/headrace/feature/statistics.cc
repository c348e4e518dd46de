#include "headrace/feature/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "headrace/feature/blocks.h"

namespace headrace {
namespace {

constexpr std::size_t kLanes = 8;

/// Eight running two-sums. The lanes are part of the definition: their merging order fixes the bits, and a compiler may keep
/// them in vector registers.
struct Lanes {
  std::array<double, kLanes> high{}, low{};

  void Add(std::size_t lane, double x) {
    const double sum = high[lane] + x;
    const double part = sum - high[lane];
    low[lane] += (high[lane] - (sum - part)) + (x - part);
    high[lane] = sum;
  }

  void MergeInto(ExactSum& sum) const {
    for (const double x : high) sum.Add(x);
    for (const double x : low) sum.Add(x);
  }
};

template <typename State>
State FoldBlocks(std::span<const double> values, int threads, const State& empty) {
  const std::size_t blocks = FitBlocks(values.size());
  std::vector<State> states(blocks, empty);
  ForEachBlock(threads, blocks, [&](std::size_t b) {
    states[b].Add(values.subspan(b * kFitBlockRows, std::min(kFitBlockRows, values.size() - b * kFitBlockRows)));
  });
  State all = empty;
  for (const State& state : states) all.Merge(state);
  return all;
}

}  // namespace

void ExactSum::Add(double x) {
  const double sum = high_ + x;
  const double part = sum - high_;
  low_ += (high_ - (sum - part)) + (x - part);
  high_ = sum;
}

void RangeState::Add(std::span<const double> values) {
  Lanes sums;
  std::array<std::int64_t, kLanes> counts{};
  std::array<double, kLanes> low, high;
  low.fill(HUGE_VAL);
  high.fill(-HUGE_VAL);
  const auto add = [&](std::size_t lane, double x) {
    const bool present = x == x;
    counts[lane] += present ? 1 : 0;
    sums.Add(lane, present ? x : 0.0);
    low[lane] = x < low[lane] ? x : low[lane];
    high[lane] = x > high[lane] ? x : high[lane];
  };
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, values[i + lane]);
  for (; i < values.size(); ++i) add(0, values[i]);

  RangeState block;
  for (const std::int64_t n : counts) block.count += n;
  sums.MergeInto(block.sum);
  block.min = *std::min_element(low.begin(), low.end());
  block.max = *std::max_element(high.begin(), high.end());
  Merge(block);
}

void RangeState::Merge(const RangeState& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  count += other.count;
  sum.Merge(other.sum);
}

void DeviationState::Add(std::span<const double> values) {
  Lanes sums, squared;
  std::array<std::int64_t, kLanes> counts{};
  const auto add = [&](std::size_t lane, double x) {
    const bool present = x == x;
    const double d = present ? x - mean : 0.0;
    counts[lane] += present ? 1 : 0;
    sums.Add(lane, d);
    squared.Add(lane, d * d);
  };
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, values[i + lane]);
  for (; i < values.size(); ++i) add(0, values[i]);

  for (const std::int64_t n : counts) count += n;
  sums.MergeInto(deviations);
  squared.MergeInto(squares);
}

void DeviationState::Merge(const DeviationState& other) {
  count += other.count;
  deviations.Merge(other.deviations);
  squares.Merge(other.squares);
}

double DeviationState::Variance() const {
  const double n = static_cast<double>(count);
  const double drift = deviations.value();
  return std::max(0.0, (squares.value() - drift * drift / n) / n);
}

RangeState RangeOf(std::span<const double> values, int threads) { return FoldBlocks(values, threads, RangeState{}); }

double VarianceOf(std::span<const double> values, double mean, int threads) {
  DeviationState empty;
  empty.mean = mean;
  return FoldBlocks(values, threads, empty).Variance();
}

std::vector<double> Present(std::span<const double> values) {
  std::vector<double> present;
  present.reserve(values.size());
  for (const double x : values)
    if (x == x) present.push_back(x + 0.0);   // -0 + 0 is 0
  return present;
}

double Percentile(std::span<double> present, double q) {
  const double position = static_cast<double>(present.size() - 1) * (q / 100.0);
  const std::size_t below = std::min(static_cast<std::size_t>(position), present.size() - 1);
  const double t = position - static_cast<double>(below);
  const auto at = present.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(present.begin(), at, present.end());
  const double a = *at;
  if (below + 1 == present.size()) return a;
  const double b = *std::min_element(at + 1, present.end());
  const double width = b - a;
  if (!std::isfinite(width)) return a * (1 - t) + b * t;
  return t >= 0.5 ? b - width * (1 - t) : a + width * t;    // numpy's _lerp: exact at both ends
}

double Median(std::span<double> present) {
  const std::size_t half = present.size() / 2;
  const auto middle = present.begin() + static_cast<std::ptrdiff_t>(half);
  std::nth_element(present.begin(), middle, present.end());
  if (present.size() % 2 == 1) return *middle;
  const double below = *std::max_element(present.begin(), middle);
  const double sum = below + *middle;
  return std::isfinite(sum) ? sum / 2 : below / 2 + *middle / 2;
}

double MostFrequent(std::span<double> present) {
  std::sort(present.begin(), present.end());
  double best = present[0];
  std::size_t best_count = 0;
  for (std::size_t i = 0; i < present.size();) {
    std::size_t end = i + 1;
    while (end < present.size() && present[end] == present[i]) ++end;
    if (end - i > best_count) {
      best_count = end - i;
      best = present[i];
    }
    i = end;
  }
  return best;
}

}  // namespace headrace
