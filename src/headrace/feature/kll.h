#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace headrace {

/// Order statistics of many values in little memory: KLL (Karnin, Lang, Liberty, "Optimal quantile approximation in streams", 2016). Values lie in levels, one of level h
/// standing for 2^h of those that were added. When there are too many, a level is sorted and every second of its values goes one level up, for two; a coin says whether
/// the odd or the even ones. The coins follow from the seed, the level and how often it was emptied, so equal values in equal order, added and merged in equal order,
/// give equal bits.
///
/// The share of values below what At gives differs from that of its rank by less than kRankError: 0.07 % with a probability of 99 % for each rank (by the constants that
/// Apache DataSketches publishes for this width), which the tests look at for a thousand ranks of many distributions.
class KllSketch {
 public:
  static constexpr std::size_t kWidth = 8192;       ///< of the highest level; each one below has two thirds of it
  static constexpr double kRankError = 0.001;

  /// Sketches that will be merged need seeds of their own: equal coins would add up their errors.
  explicit KllSketch(std::uint64_t seed) : seed_(seed) {}
  void Add(std::span<const double> values);         ///< NaN is left out, -0 is 0
  void Merge(const KllSketch& other);
  std::size_t count() const { return count_; }      ///< values added
  std::size_t held() const { return held_; }        ///< values in memory: at most about 3 kWidth
  /// About what would stand at each of `ranks` (0 is the smallest) if all values were sorted; of the first and the last rank exactly. REQUIRES: ranks rise and are below
  /// count().
  std::vector<double> At(std::span<const std::size_t> ranks) const;

 private:
  std::size_t Capacity(std::size_t level) const;
  void Shrink();
  void Empty(std::size_t level);

  std::uint64_t seed_;
  std::vector<std::vector<double>> levels_{1};
  std::vector<std::uint64_t> emptied_{0};           // how often each level was
  std::size_t capacity_ = kWidth, held_ = 0, count_ = 0;
  double min_ = 0, max_ = 0;                        // only where count_ > 0
};

}  // namespace headrace
