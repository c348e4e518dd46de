#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

/// What a report draws of a model's test scores. Parts that a task has no use for stay empty.
struct Curves {
  /// Rows whose score lies in (from, to]; the first bin also holds its `from`. The bins of the metric ece.
  struct ReliabilityBin { double from = 0, to = 0; std::int64_t rows = 0; double mean_score = 0, mean_target = 0; };
  struct RocPoint { double threshold = 0, false_positive_rate = 0, true_positive_rate = 0; };
  struct PrPoint { double threshold = 0, recall = 0, precision = 0; };
  /// One tenth of the rows, highest scores first. Rows with equal scores share the tenths they span in equal parts, so `rows`
  /// and `positives` may be fractions. For regression `positives` is 0, `lift` and `gain` too.
  struct Decile {
    int decile = 0;              ///< 1 ... 10
    double rows = 0, positives = 0;
    double mean_score = 0, mean_target = 0;
    double lift = 0;             ///< mean_target over that of all rows
    double cumulative_lift = 0;  ///< the same from the first decile to this one
    double gain = 0;             ///< share of all positives from the first decile to this one
  };
  /// Uplift: of the best-scored `share` of the rows, by how much the treated ones' target exceeds that of as many controls.
  struct UpliftPoint { double share = 0, gain = 0; };
  /// Contacting the best-scored `share` of the rows: what it brings for each of all rows, by the value and cost of `metric`.
  struct ProfitPoint { double share = 0, profit = 0; };
  struct Profit { std::string metric; std::vector<ProfitPoint> points; };
  /// Scores in [from, to), the last bin also `to`. negatives + positives are the rows; for other tasks than binary all rows
  /// stand in `negatives`.
  struct HistogramBin { double from = 0, to = 0; std::int64_t negatives = 0, positives = 0; };
  /// counts[true class][predicted class], classes in the model's order.
  struct Confusion { double threshold = 0; std::vector<std::vector<std::int64_t>> counts; };

  std::vector<ReliabilityBin> reliability;    ///< binary: 10 bins
  std::vector<RocPoint> roc;                  ///< binary with both classes: (0,0) to (1,1), at most 200
  std::vector<PrPoint> precision_recall;      ///< binary with a positive: recall rising to 1, at most 200
  std::vector<Decile> deciles;                ///< binary and regression with at least 10 rows
  std::vector<Profit> profit;                 ///< binary: for each `profit@VALUE/COST` asked for, (0, 0) to all rows, at most 200
  std::vector<UpliftPoint> uplift;            ///< uplift: the Qini curve, (0, 0) to all rows, at most 200
  std::vector<HistogramBin> histogram;        ///< binary: 20 bins over [0, 1]; regression: 20 over the range of predictions
  Confusion confusion;                        ///< binary and multiclass

  /// One line of JSON, members named as above; a threshold of infinity (label no row) is null.
  std::string ToJson() const;
};

/// `target`, `scores`, `classes`, `threshold` as in Evaluate. kData: no rows, a value that is not finite, a binary
/// score outside [0, 1].
Result<Curves> MakeCurves(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                          double threshold);

/// The curve of `metric`, a `profit@VALUE/COST`. REQUIRES: as MakeCurves of a binary task.
Curves::Profit MakeProfitCurve(const std::string& metric, std::span<const double> target, std::span<const double> scores);

/// The same of scores that say how much being treated adds: the Qini curve and the histogram. `treated` as in Evaluate.
Result<Curves> MakeUpliftCurves(std::span<const double> target, std::span<const double> scores, std::span<const std::uint8_t> treated);

}  // namespace headrace
