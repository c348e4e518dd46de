#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

/// Private to this room: what metrics, curves and the choice of a threshold share.
namespace headrace::internal {

/// kData unless there are rows, every target is what `task` asks for, and every score is finite and, if `probabilities`, in
/// [0, 1]. Rows are counted from 1. REQUIRES: scores are rows x classes, classes 1 but for multiclass.
Status CheckRows(Task task, std::span<const double> target, std::span<const double> scores, std::size_t classes,
                 bool probabilities);

/// Sum with the rounding errors carried along (Neumaier 1974), so that the order of rows hardly matters. Once the sum
/// overflows it stays infinite or NaN.
class Sum {
 public:
  void Add(double v) {
    const double next = sum_ + v;
    lost_ += std::fabs(sum_) >= std::fabs(v) ? (sum_ - next) + v : (v - next) + sum_;
    sum_ = next;
  }
  double value() const { return std::isfinite(lost_) ? sum_ + lost_ : sum_; }

 private:
  double sum_ = 0, lost_ = 0;
};

/// Rows that share one score, each counted by its weight (1 without weights, which is exact).
struct ScoreGroup {
  double score = 0;
  double rows = 0;
  double target_sum = 0;    ///< binary: the number of positives
};

/// Distinct scores, highest first; groups whose rows all weigh 0 are left out. `weights` may be empty. REQUIRES: finite
/// scores, as many as targets.
std::vector<ScoreGroup> RankScores(std::span<const double> target, std::span<const double> scores,
                                   std::span<const double> weights = {});

/// The order of rows by score, made once, from which groups under other weights come without sorting again.
class Ranking {
 public:
  Ranking(std::span<const double> target, std::span<const double> scores);
  /// As RankScores. The spans given to the constructor must still be there.
  std::vector<ScoreGroup> Groups(std::span<const double> weights) const;

 private:
  std::span<const double> target_, scores_;
  std::vector<std::uint32_t> order_;
};

/// The ten bins of ece and the reliability curve: [0, 0.1], (0.1, 0.2], ... (0.9, 1], with the edges i x 0.1 of
/// numpy.linspace(0, 1, 11), as scikit-learn's calibration_curve cuts them.
inline constexpr int kReliabilityBins = 10;
double ReliabilityEdge(int i);
int ReliabilityBinOf(double score);

/// The class with the largest of `scores`, the first among equals.
std::size_t LargestScore(std::span<const double> scores);

/// A confusion of two classes and what is read off it; 0 where a quotient has nothing below, as scikit-learn.
struct BinaryCounts {
  double tp = 0, fp = 0, fn = 0, tn = 0;
  double accuracy() const { return Quotient(tp + tn, tp + tn + fp + fn); }
  double precision() const { return Quotient(tp, tp + fp); }
  double recall() const { return Quotient(tp, tp + fn); }
  double f1() const { return Quotient(2 * tp, 2 * tp + fp + fn); }
  double balanced_accuracy() const { return (recall() + Quotient(tn, tn + fp)) / 2; }
  double mcc() const { return Quotient(tp * tn - fp * fn, std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))); }

 private:
  static double Quotient(double above, double below) { return below > 0 ? above / below : 0; }
};

}  // namespace headrace::internal
