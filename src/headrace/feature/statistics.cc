#include "headrace/feature/statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "headrace/feature/blocks.h"
#include "headrace/feature/kernels.h"
#include "headrace/feature/levels.h"

namespace headrace {
namespace {

using internal::Four;

constexpr std::size_t kLanes = 8;

/// Eight running two-sums, two registers of four. The lanes are part of the definition: their merging order fixes the bits.
struct Lanes {
  Four high[2] = {}, low[2] = {};

  __attribute__((always_inline)) void Add(std::size_t half, const Four& x) {
    const Four sum = high[half] + x;
    const Four part = sum - high[half];
    low[half] += (high[half] - (sum - part)) + (x - part);
    high[half] = sum;
  }

  void MergeInto(ExactSum& sum) const {
    for (const Four* all : {high, low})
      for (std::size_t lane = 0; lane < kLanes; ++lane) sum.Add(all[lane / 4][lane % 4]);
  }
};

/// add(half, four numbers) for all of `x`, eight at a time; what is left over comes one by one beside missing ones.
template <typename Add>
__attribute__((always_inline)) inline void ForLanes(const double* x, std::size_t n, const Add& add) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Four first, second;
    internal::Load(x + i, &first);
    internal::Load(x + i + 4, &second);
    add(0, first);
    add(1, second);
  }
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  for (; i < n; ++i) add(0, Four{x[i], kMissing, kMissing, kMissing});
}

template <typename State>
State FoldBlocks(std::span<const double> values, int threads, const State& empty) {
  const std::size_t blocks = FitBlocks(values.size());
  std::vector<State> states(blocks, empty);
  ForEach(threads, blocks, [&](std::size_t b) {
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

namespace internal {

struct RangeLanes {
  Lanes sums;
  Four counts[2] = {}, low[2], high[2];   // counts as doubles: one kind of lane
};

HEADRACE_BODY AddRangeBody(const double* x, std::size_t n, RangeLanes* out) {
  RangeLanes lanes = *out;
  ForLanes(x, n, [&](std::size_t half, const Four& v) __attribute__((always_inline)) {
    constexpr Four kNone = {}, kOne = {1, 1, 1, 1};
    lanes.counts[half] += v == v ? kOne : kNone;
    lanes.sums.Add(half, v == v ? v : kNone);
    lanes.low[half] = v < lanes.low[half] ? v : lanes.low[half];
    lanes.high[half] = v > lanes.high[half] ? v : lanes.high[half];
  });
  *out = lanes;
}
HEADRACE_WITH_AVX2(AddRange, (const double* x, std::size_t n, RangeLanes* out), (x, n, out))

struct DeviationLanes {
  Lanes sums, squared;
  Four counts[2] = {};
};

HEADRACE_BODY AddDeviationsBody(const double* x, std::size_t n, double mean, DeviationLanes* out) {
  DeviationLanes lanes = *out;
  ForLanes(x, n, [&](std::size_t half, const Four& v) __attribute__((always_inline)) {
    constexpr Four kNone = {}, kOne = {1, 1, 1, 1};
    const Four d = v == v ? v - mean : kNone;
    lanes.counts[half] += v == v ? kOne : kNone;
    lanes.sums.Add(half, d);
    lanes.squared.Add(half, d * d);
  });
  *out = lanes;
}
HEADRACE_WITH_AVX2(AddDeviations, (const double* x, std::size_t n, double mean, DeviationLanes* out), (x, n, mean, out))

}  // namespace internal

void RangeState::Add(std::span<const double> values) {
  internal::RangeLanes lanes;
  lanes.low[0] = lanes.low[1] = Four{} + HUGE_VAL;
  lanes.high[0] = lanes.high[1] = Four{} - HUGE_VAL;
  internal::AddRange(values.data(), values.size(), &lanes);
  RangeState block;
  block.min = HUGE_VAL;
  block.max = -HUGE_VAL;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    block.count += static_cast<std::int64_t>(lanes.counts[lane / 4][lane % 4]);
    block.min = std::min(block.min, lanes.low[lane / 4][lane % 4]);
    block.max = std::max(block.max, lanes.high[lane / 4][lane % 4]);
  }
  lanes.sums.MergeInto(block.sum);
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
  internal::DeviationLanes lanes;
  internal::AddDeviations(values.data(), values.size(), mean, &lanes);
  for (std::size_t lane = 0; lane < kLanes; ++lane) count += static_cast<std::int64_t>(lanes.counts[lane / 4][lane % 4]);
  lanes.sums.MergeInto(deviations);
  lanes.squared.MergeInto(squares);
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

namespace {

constexpr std::size_t kFew = 4096;          // are sorted at once
constexpr std::size_t kBins = 1 << 16;

/// The bin of a number: its upper 16 bits, in the order of the numbers.
std::size_t BinOf(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x + 0.0);   // -0 + 0 is 0
  return static_cast<std::size_t>((bits >> 63 != 0 ? ~bits : bits | std::uint64_t{1} << 63) >> 48);
}

/// Put what sorting would put at each of `ranks` (rising) there: the middle one first, then those below among what is below it, those above likewise.
void PlaceRanks(std::span<double> values, std::span<const std::size_t> ranks, std::size_t first = 0) {
  if (ranks.empty()) return;
  const std::size_t middle = ranks.size() / 2, at = ranks[middle] - first;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  PlaceRanks(values.first(at), ranks.first(middle), first);
  PlaceRanks(values.subspan(at + 1), ranks.subspan(middle + 1), first + at + 1);
}

/// Of blocks merged in order, some of which are held at once.
KllSketch SketchOf(std::span<const double> values, int threads) {
  constexpr std::size_t kAtOnce = 64;
  KllSketch all(0);
  const std::size_t blocks = FitBlocks(values.size());
  for (std::size_t first = 0; first < blocks; first += kAtOnce) {
    std::vector<KllSketch> parts;
    for (std::size_t b = first; b < std::min(blocks, first + kAtOnce); ++b) parts.emplace_back(b + 1);
    ForEach(threads, parts.size(), [&](std::size_t p) {
      const std::size_t begin = (first + p) * kFitBlockRows;
      parts[p].Add(values.subspan(begin, std::min(kFitBlockRows, values.size() - begin)));
    });
    for (const KllSketch& part : parts) all.Merge(part);
  }
  return all;
}

/// numpy's _lerp: exact at both ends.
double Between(double a, double b, double t) {
  const double width = b - a;
  if (!std::isfinite(width)) return a * (1 - t) + b * t;
  return t >= 0.5 ? b - width * (1 - t) : a + width * t;
}

}  // namespace

Ranking::Ranking(std::span<const double> values, int threads, std::size_t exact) : values_(values), threads_(threads) {
  if (values.size() > exact) {
    sketch_ = SketchOf(values, threads);
    count_ = sketch_->count();
    return;
  }
  if (values.size() <= kFew) {
    for (const double x : values)
      if (x == x) sorted_.push_back(x + 0.0);
    std::sort(sorted_.begin(), sorted_.end());
    count_ = sorted_.size();
    return;
  }
  // Counts of whole numbers add up to the same in any order: as many parts as threads will do.
  const std::size_t parts = std::min(FitBlocks(values.size()), static_cast<std::size_t>(ResolveThreads(threads)));
  std::vector<std::vector<std::uint32_t>> counts(parts);
  ForEach(threads, parts, [&](std::size_t p) {
    std::vector<std::uint32_t>& bins = counts[p];
    bins.assign(kBins, 0);
    for (std::size_t i = values.size() * p / parts; i < values.size() * (p + 1) / parts; ++i)
      if (values[i] == values[i]) ++bins[BinOf(values[i])];
  });
  bins_ = std::move(counts[0]);
  for (std::size_t p = 1; p < parts; ++p)
    for (std::size_t b = 0; b < kBins; ++b) bins_[b] += counts[p][b];
  for (const std::uint32_t n : bins_) count_ += n;
}

std::vector<double> Ranking::At(std::span<const std::size_t> ranks) const {
  if (sketch_) return sketch_->At(ranks);
  std::vector<double> out;
  if (bins_.empty()) {
    for (const std::size_t rank : ranks) out.push_back(sorted_[rank]);
    return out;
  }
  // The bins that hold a rank, and where each begins among the values gathered.
  struct Wanted { std::size_t first_rank, begin, count; };
  std::vector<Wanted> wanted;
  std::vector<std::int32_t> place(kBins, -1);
  std::size_t below = 0, gathered = 0, next = 0;
  for (std::size_t b = 0; b < kBins && next < ranks.size(); ++b) {
    const std::size_t n = bins_[b];
    if (n > 0 && ranks[next] < below + n) {
      place[b] = static_cast<std::int32_t>(wanted.size());
      wanted.push_back({below, gathered, n});
      gathered += n;
      while (next < ranks.size() && ranks[next] < below + n) ++next;
    }
    below += n;
  }
  std::vector<double> values(gathered);
  std::vector<std::size_t> fill;
  for (const Wanted& bin : wanted) fill.push_back(bin.begin);
  for (const double x : values_) {
    if (x != x) continue;
    const std::int32_t at = place[BinOf(x)];
    if (at >= 0) values[fill[static_cast<std::size_t>(at)]++] = x + 0.0;
  }
  std::vector<std::vector<std::size_t>> of_bin(wanted.size());
  std::size_t bin = 0;
  for (const std::size_t rank : ranks) {
    while (rank >= wanted[bin].first_rank + wanted[bin].count) ++bin;
    of_bin[bin].push_back(rank - wanted[bin].first_rank);
  }
  std::vector<std::vector<double>> found(wanted.size());
  ForEach(threads_, wanted.size(), [&](std::size_t b) {
    const std::span<double> here(values.data() + wanted[b].begin, wanted[b].count);
    PlaceRanks(here, of_bin[b]);
    for (const std::size_t rank : of_bin[b]) found[b].push_back(here[rank]);
  });
  for (const std::vector<double>& some : found) out.insert(out.end(), some.begin(), some.end());
  return out;
}

std::vector<double> Ranking::Percentiles(std::span<const double> q) const {
  std::vector<std::size_t> ranks;
  std::vector<double> positions;
  for (const double one : q) {
    positions.push_back(static_cast<double>(count_ - 1) * (one / 100.0));
    const std::size_t below = std::min(static_cast<std::size_t>(positions.back()), count_ - 1);
    ranks.push_back(below);
    if (below + 1 < count_) ranks.push_back(below + 1);
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  const std::vector<double> values = At(ranks);
  const auto at = [&](std::size_t rank) { return values[static_cast<std::size_t>(std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin())]; };
  std::vector<double> out;
  for (const double position : positions) {
    const std::size_t below = std::min(static_cast<std::size_t>(position), count_ - 1);
    out.push_back(below + 1 == count_ ? at(below) : Between(at(below), at(below + 1), position - static_cast<double>(below)));
  }
  return out;
}

std::vector<double> Ranking::AveragedPercentiles(std::span<const double> q) const {
  std::vector<double> out;
  std::vector<std::size_t> ranks;
  struct Place { std::size_t low, high; };
  std::vector<Place> places;
  for (const double one : q) {
    const double position = static_cast<double>(count_) * (one / 100.0);
    const auto whole = static_cast<std::size_t>(position);
    const bool exact = static_cast<double>(whole) == position;
    const std::size_t low = std::min(exact && whole > 0 ? whole - 1 : whole, count_ - 1);
    const std::size_t high = exact ? std::min(whole, count_ - 1) : low;
    places.push_back({low, high});
    ranks.push_back(low);
    ranks.push_back(high);
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  const std::vector<double> values = At(ranks);
  const auto at = [&](std::size_t rank) { return values[static_cast<std::size_t>(std::lower_bound(ranks.begin(), ranks.end(), rank) - ranks.begin())]; };
  for (const Place& place : places) out.push_back(place.low == place.high ? at(place.low) : Between(at(place.low), at(place.high), 0.5));
  return out;
}

double Ranking::Median() const {
  const std::size_t half = count_ / 2;
  if (count_ % 2 == 1) return At(std::vector<std::size_t>{half})[0];
  const std::vector<double> two = At(std::vector<std::size_t>{half - 1, half});
  const double sum = two[0] + two[1];
  return std::isfinite(sum) ? sum / 2 : two[0] / 2 + two[1] / 2;
}

double MostFrequent(std::span<const double> values, int threads) {
  const LevelCounts<std::uint64_t> counts = CountLevels(values, threads);
  std::size_t best = 0;
  const auto value = [&](std::size_t i) { return std::bit_cast<double>(counts.keys()[i]); };
  for (std::size_t i = 1; i < counts.size(); ++i)
    if (counts.counts()[i] > counts.counts()[best] || (counts.counts()[i] == counts.counts()[best] && value(i) < value(best))) best = i;
  return value(best);
}

}  // namespace headrace
