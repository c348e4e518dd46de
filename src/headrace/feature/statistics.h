#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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

/// The values that are not NaN, -0 as 0: what the functions below select from.
std::vector<double> Present(std::span<const double> values);
/// Exact percentile, `q` in [0, 100], by numpy's "linear" rule: between the two neighbours of position (n - 1) q / 100.
/// Reorders `present`. REQUIRES: not empty.
double Percentile(std::span<double> present, double q);
/// The middle value, or the mean of the two in the middle. Reorders `present`. REQUIRES: not empty.
double Median(std::span<double> present);
/// The value that comes most often, the smallest of those where several do. Reorders `present`. REQUIRES: not empty.
double MostFrequent(std::span<double> present);

}  // namespace headrace
