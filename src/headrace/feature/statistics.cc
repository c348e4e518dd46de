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

/// Bits in the order of the numbers.
std::uint64_t OrderedBits(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x + 0.0);   // -0 + 0 is 0
  return bits >> 63 != 0 ? ~bits : bits | std::uint64_t{1} << 63;
}

/// The bin of a number: its upper 16 bits.
constexpr int kBinShift = 48;
std::size_t BinOf(double x) { return static_cast<std::size_t>(OrderedBits(x) >> kBinShift); }

/// Add to `found` what sorting would put at each of `ranks` (rising, the first of `values` being `first`). `values` have the bits above `shift` in common; those that
/// have the next eight in common as well are told apart only where a rank is among them.
void Select(std::span<double> values, std::span<const std::size_t> ranks, std::size_t first, int shift, std::vector<double>& found) {
  constexpr std::size_t kSorted = 48, kDigits = 256;
  if (values.size() <= kSorted || shift == 0) {
    if (shift > 0) std::sort(values.begin(), values.end());
    for (const std::size_t rank : ranks) found.push_back(values[rank - first]);
    return;
  }
  shift -= 8;
  const auto digit = [shift](double x) { return static_cast<std::size_t>(OrderedBits(x) >> shift) % kDigits; };
  std::array<std::size_t, kDigits> counts{}, begin{};
  for (const double x : values) ++counts[digit(x)];
  struct Wanted { std::size_t first_rank, ranks, begin, count; };
  std::vector<Wanted> wanted;
  std::array<bool, kDigits> keep{};
  std::size_t below = first, gathered = 0, next = 0;
  for (std::size_t d = 0; d < kDigits && next < ranks.size(); below += counts[d++]) {
    const std::size_t from = next;
    while (next < ranks.size() && ranks[next] < below + counts[d]) ++next;
    if (next == from) continue;
    keep[d] = true;
    begin[d] = gathered;
    wanted.push_back({below, next - from, gathered, counts[d]});
    gathered += counts[d];
  }
  std::vector<double> held;
  if (gathered < values.size() || wanted.size() > 1) {
    held.resize(gathered);
    for (const double x : values)
      if (const std::size_t d = digit(x); keep[d]) held[begin[d]++] = x;
    values = held;
  }
  for (const Wanted& here : wanted) {
    Select(values.subspan(here.begin, here.count), ranks.first(here.ranks), here.first_rank, shift, found);
    ranks = ranks.subspan(here.ranks);
  }
}

std::span<const double> PartOf(std::span<const double> values, std::size_t part, std::size_t parts) {
  const std::size_t begin = values.size() * part / parts;
  return values.subspan(begin, values.size() * (part + 1) / parts - begin);
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
  parts_.resize(std::min(FitBlocks(values.size()), static_cast<std::size_t>(ResolveThreads(threads))));
  ForEach(threads, parts_.size(), [&](std::size_t p) {
    parts_[p].assign(kBins, 0);
    for (const double x : PartOf(values, p, parts_.size()))
      if (x == x) ++parts_[p][BinOf(x)];
  });
  bins_ = parts_[0];
  for (std::size_t p = 1; p < parts_.size(); ++p)
    for (std::size_t b = 0; b < kBins; ++b) bins_[b] += parts_[p][b];
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
  struct Wanted { std::size_t bin, first_rank, begin; std::span<const std::size_t> ranks; };
  std::vector<Wanted> wanted;
  std::vector<std::int32_t> place(kBins, -1);
  std::size_t below = 0, gathered = 0, next = 0;
  for (std::size_t b = 0; b < kBins && next < ranks.size(); below += bins_[b++]) {
    const std::size_t from = next;
    while (next < ranks.size() && ranks[next] < below + bins_[b]) ++next;
    if (next == from) continue;
    place[b] = static_cast<std::int32_t>(wanted.size());
    wanted.push_back({b, below, gathered, ranks.subspan(from, next - from)});
    gathered += bins_[b];
  }
  const auto values = std::make_unique_for_overwrite<double[]>(gathered);
  ForEach(threads_, parts_.size(), [&](std::size_t p) {
    std::vector<std::size_t> fill;
    for (const Wanted& here : wanted) {
      fill.push_back(here.begin);
      for (std::size_t q = 0; q < p; ++q) fill.back() += parts_[q][here.bin];
    }
    for (const double x : PartOf(values_, p, parts_.size())) {
      if (x != x) continue;
      const std::int32_t at = place[BinOf(x)];
      if (at >= 0) values[fill[static_cast<std::size_t>(at)]++] = x + 0.0;
    }
  });
  std::vector<std::vector<double>> found(wanted.size());
  ForEach(threads_, wanted.size(), [&](std::size_t w) {
    const Wanted& here = wanted[w];
    Select({values.get() + here.begin, bins_[here.bin]}, here.ranks, here.first_rank, kBinShift, found[w]);
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
