#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "headrace/check/hash_set.h"
#include "headrace/check/summaries.h"

// Answers about very many values in bounded memory: exact while there are few, with a stated error after that. What they say depends on the values and
// their order alone, so blocks of any size give the same.

namespace headrace::internal {

/// Quantiles. Up to kExact values all are kept. Then they are compacted (Manku, Rajagopalan, Lindsay 1998): a full level is sorted, and every other value
/// goes up a level, where it counts twice; whether the odd or the even ones takes turns. Each act moves the rank of an answer by at most its weight, so the
/// sum of these is a bound that always holds, not one that mostly does.
class RankSketch {
 public:
  static constexpr std::size_t kExact = 1'000'000, kLevel = 16'384;

  void Add(double value);               ///< REQUIRES: not NaN
  std::int64_t count() const { return count_; }
  /// The smallest value such that at least q of all values are not above it (quantile_disc of SQL). REQUIRES: count() > 0.
  double Quantile(double q);
  /// By how many ranks an answer may be off at most; 0 = exact.
  std::int64_t rank_error() const { return rank_error_; }

 private:
  struct Level { std::vector<double> values; bool odd = false; };
  void Compact(std::size_t level);

  std::vector<Level> levels_ = std::vector<Level>(1);
  std::int64_t count_ = 0, rank_error_ = 0;
};

/// How many different values. Up to kExact they are counted by their hashes, then estimated by a DistinctSketch.
class DistinctCount {
 public:
  static constexpr std::int64_t kExact = 1'000'000;

  void Add(Hash hash);
  bool exact() const { return seen_.has_value(); }
  std::int64_t Count() const;

 private:
  std::optional<HashSet> seen_ = HashSet();
  DistinctSketch sketch_;               ///< from when there are too many to keep
};

}  // namespace headrace::internal
