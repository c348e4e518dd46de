#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "headrace/feature/kll.h"

namespace headrace {

// Statistics of number columns, NaN meaning missing and left out. Each is learnt from states of blocks (blocks.h) that merge.

/// A sum that keeps what rounding drops (Neumaier 1974, with Knuth's branch-free two-sum in eight lanes): the error
/// is about one rounding of the result, also where large terms cancel.
class ExactSum {
 public:
  void Add(double x);
  void Merge(const ExactSum& other) { Add(other.high_); Add(other.low_); }
  double value() const { return high_ + low_; }

 private:
  double high_ = 0, low_ = 0;
};

/// Count, sum, extremes.
struct RangeState {
  std::int64_t count = 0;
  ExactSum sum;
  double min = 0, max = 0;      ///< only where count > 0
  void Add(std::span<const double> values);
  void Merge(const RangeState& other);
  double Mean() const { return sum.value() / static_cast<double>(count); }
};

/// Squared deviations from a known mean, with the correction of the two-pass algorithm (Chan, Golub, LeVeque, "Algorithms
/// for computing the sample variance", 1983), as in scikit-learn's StandardScaler.
struct DeviationState {
  double mean = 0;              ///< of all rows; the same in every state
  std::int64_t count = 0;
  ExactSum deviations, squares;
  void Add(std::span<const double> values);
  void Merge(const DeviationState& other);
  double Variance() const;      ///< population variance (division by n)
};

/// States of all blocks of `values`, merged; `threads` blocks at once.
RangeState RangeOf(std::span<const double> values, int threads);
double VarianceOf(std::span<const double> values, double mean, int threads);

/// Rows of a column up to which its percentiles are exact.
inline constexpr std::size_t kExactPercentiles = std::size_t{1} << 24;

/// Order statistics of the values that are not NaN, -0 as 0. Of up to `exact` rows (NaN among them) exactly and without sorting them all: a histogram of the upper bits says
/// in which bin each rank lies, and only those bins are looked into, by their next bits. Of more rows from a sketch: those of fixed blocks of rows (blocks.h), merged in order.
///
/// Threads: none.
class Ranking {
 public:
  explicit Ranking(std::span<const double> values, int threads, std::size_t exact = kExactPercentiles);
  bool sketched() const { return sketch_.has_value(); }
  std::size_t count() const { return count_; }
  /// What would stand at each of `ranks` (0 is the smallest) if the values were sorted; from a sketch about that. REQUIRES: ranks rise and are below count().
  std::vector<double> At(std::span<const std::size_t> ranks) const;
  /// Percentiles, `q` in [0, 100], by numpy's "linear" rule: between the two neighbours of position (n - 1) q / 100. REQUIRES: count() > 0, `q` rises.
  std::vector<double> Percentiles(std::span<const double> q) const;
  /// numpy's "averaged_inverted_cdf": the value at place n q / 100, or the mean of it and its neighbour where that is whole.
  std::vector<double> AveragedPercentiles(std::span<const double> q) const;
  /// The middle value, or the mean of the two in the middle.
  double Median() const;

 private:
  std::span<const double> values_;
  int threads_;
  std::size_t count_ = 0;
  std::vector<std::uint32_t> bins_;        ///< how many values lie in each; empty for few values
  std::vector<std::vector<std::uint32_t>> parts_;   ///< the same of each part of the rows, which one thread looks at
  std::vector<double> sorted_;             ///< of few values
  std::optional<KllSketch> sketch_;        ///< of many
};

/// The value that comes most often, the smallest of those where several do. REQUIRES: one is not NaN.
double MostFrequent(std::span<const double> values, int threads);

}  // namespace headrace
