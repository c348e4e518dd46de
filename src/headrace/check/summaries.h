#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

// What can be said of very many values in little memory. Each is a state that takes values one at a time and merges with another state of its kind;
// what it says depends on the values and their order alone, so blocks of any size give the same bits.

namespace headrace {

/// Count, mean and spread. Add is Welford's step (1962): d = x - mean; mean += d / n; m2 += d (x - mean). Merge is that of Chan, Golub
/// and LeVeque (1979): d = mean_b - mean_a; mean = mean_a + d n_b / n; m2 = m2_a + m2_b + d^2 n_a n_b / n.
struct Moments {
  std::int64_t count = 0;
  double mean = 0, m2 = 0;
  void Add(double x);
  void Merge(const Moments& other);
  double StandardDeviation() const;   ///< of a sample (division by n - 1); 0 for fewer than two values
};

/// How many different values there were, about: HyperLogLog with 2^14 registers (Flajolet, Fusy, Gandouet, Meunier 2007) and the estimator of Ertl
/// (2017, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6). Standard error 1.04 / sqrt(2^14) = 0.8 %.
class DistinctSketch {
 public:
  void Add(std::uint64_t hash);       ///< 64 well mixed bits of a value
  void Merge(const DistinctSketch& other);
  std::int64_t Estimate() const;

 private:
  std::vector<std::uint8_t> registers_;
};

/// Values and their rows, exact up to kExactDistinct different values. Beyond it the number of different values is estimated, and rare values are let
/// go: when the table is full, the median count is taken off all counts (Misra and Gries 1982, as batched by Anderson et al. 2017), so that a count may be too small by at
/// most slack(), and no value with more rows than slack() is missing.
class FrequentValues {
 public:
  static constexpr std::size_t kExactDistinct = 10'000;
  void Add(std::string_view key);
  void Merge(const FrequentValues& other);
  bool exact() const { return !estimated_; }
  std::int64_t Distinct() const;
  std::int64_t slack() const { return slack_; }
  /// The `most` values with the most rows, and more than slack(); most rows first, equal ones in byte order.
  std::vector<std::pair<std::string, std::int64_t>> Top(std::size_t most) const;
  /// Whether Top may speak: false when the first kExactDistinct values were as good as all different, which ends the counting.
  bool counted() const { return !gave_up_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const;
  };
  void Shrink();

  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> counts_;
  DistinctSketch distinct_;
  std::int64_t slack_ = 0;
  bool estimated_ = false, gave_up_ = false;
};

/// The spread of numbers: all of them up to `exact`, then a sketch of compactors (Manku, Rajagopalan, Lindsay 1999; Karnin, Lang, Liberty
/// 2016): a full level of `level` values is sorted and every other one, odd or even by a coin, goes up a level with twice the weight. The coin is a fixed
/// sequence, so equal values in equal order give equal answers. With levels of kLevel the rank of an answer is off by less than kRankError of the rows (more than four standard
/// deviations); rank_error() is a bound that always holds, since each act moves a rank by at most the weight it acts on.
class QuantileSketch {
 public:
  static constexpr std::size_t kExactValues = 16'384, kLevel = 2'048;
  static constexpr double kRankError = 0.002;
  struct Point { double value; std::int64_t weight; };

  explicit QuantileSketch(std::size_t exact = kExactValues, std::size_t level = kLevel) : most_exact_(exact), level_(level) {}
  void Add(double value);             ///< REQUIRES: not NaN
  void Merge(const QuantileSketch& other);
  std::int64_t count() const { return count_; }
  bool exact() const { return levels_.size() <= 1; }
  std::int64_t rank_error() const { return rank_error_; }   ///< by how many ranks an answer may be off at most; 0 = exact
  /// What is held, ascending; the weights add up to count().
  std::vector<Point> Points() const;

 private:
  void Compact(std::size_t level);
  std::size_t most_exact_, level_;
  std::vector<std::vector<double>> levels_;   ///< one level: all values; more: compactors
  std::int64_t count_ = 0, rank_error_ = 0;
  std::uint64_t coin_ = 0;
};

/// The value at `probability`: numpy's "linear" rule where every weight is 1, else the value in whose weight the place (n - 1) p falls. REQUIRES: points.
double QuantileOf(const std::vector<QuantileSketch::Point>& points, double probability);
/// The smallest value such that at least `probability` of the weight is not above it (quantile_disc of SQL). REQUIRES: points.
double DiscreteQuantileOf(const std::vector<QuantileSketch::Point>& points, double probability);

}  // namespace headrace
