#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/time_zone.h"
#include "headrace/check/spec.h"

namespace headrace {

/// What an earlier run measured, for one interval.
struct HistoryPoint {
  std::int64_t at_us = 0;         ///< the interval's start
  double value = 0;
  bool good = true;               ///< false: it failed, and trains nothing
};

/// What is expected at the interval that begins at `at_us`. Of `history` count the good points that begin before it, so neither the tested point
/// nor an earlier attempt of its interval is part of its own average. `zone` says which hour, weekday and month a moment is in; nullptr = UTC.
///
/// The numbers are docs/baselines.md's: with all points above 0 their logarithms, else they themselves; the median; the spread of SpreadOf, of logarithms together
/// with what a series nobody knows yet is thought to have, widened by what the median itself may be off; `within` such spreads to both sides (of logarithms upwards as shares), and never less than `min_change`, `min_difference` and, of counts, twice the square root.
ExpectedBand ExpectFrom(const BaselineSpec& spec, std::span<const HistoryPoint> history, std::int64_t at_us, const TimeZone* zone);

/// Whether `value` lies in `band`, as far as `spec` asks. True while learning; false for NaN.
bool Fits(const BaselineSpec& spec, const ExpectedBand& band, double value);

/// Hold `verdict.value` against the history: sets `verdict.band`, and fails a verdict that had passed. REQUIRES: verdict.value.
void JudgeByBaseline(const BaselineSpec& spec, std::span<const HistoryPoint> history, std::int64_t at_us, const TimeZone* zone, CheckVerdict& verdict);

/// What each point of a recorded history would have been told under `spec`, oldest first: points judged outside train nothing that follows. `good` of a
/// point says that nothing else was wrong with it.
struct ReplayedPoint { ExpectedBand band; bool fits = true; };
std::vector<ReplayedPoint> Replay(const BaselineSpec& spec, std::vector<HistoryPoint> history, const TimeZone* zone);

/// The middle of `values` by weight: half of the weight lies on each side; between two values their mean. REQUIRES: equally many, at least one; weights above 0.
double WeightedMedian(std::span<const double> values, std::span<const double> weights);
/// The standard deviation of a normal distribution, from the distances of all pairs of `values` (Qn of Rousseeuw and Croux 1993, with their factors for few
/// values): half of the values may be anything, and yet it is nearly as sure of itself as the deviation from the mean. 0 for fewer than two. Weights are those of the values.
double SpreadOf(std::span<const double> values, std::span<const double> weights);
/// The median slope of all pairs with different `at` (Theil 1950, Sen 1968); 0 without one.
double TheilSenSlope(std::span<const double> at, std::span<const double> values);

/// A measured value as people read it: whole numbers with commas, others with four digits.
std::string ShowMeasured(double value);
/// "300 to 500", "at least 300" or "at most 500", as the direction asks.
std::string ShowBand(const BaselineSpec& spec, const ExpectedBand& band);

}  // namespace headrace
