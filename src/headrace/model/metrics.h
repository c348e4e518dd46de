#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

class Table;

/// How good scores are, under scikit-learn's names and, where scikit-learn has the metric, its values. Every formula and
/// its source is in docs/metrics.md. What holds for all of them:
///
/// - `target` has one value a row: 0 or 1 (binary; 1 is the positive class), 0 ... classes-1 (multiclass), any finite
///   number (regression).
/// - `scores` has one finite value a row (binary: of the positive class; regression: the prediction), or for multiclass
///   `classes` values a row, row-major. logloss, brier and ece ask for probabilities, in [0, 1].
/// - `weights` is empty (every row counts 1), or has one finite number a row, at least 0 and not all 0.
/// - `groups` is empty, or names the query of each row, for ndcg@K and map@K.
/// - `treated` is empty, or has 1 for each treated row and 0 for the others, for qini, auuc and uplift@K%.
/// - The predicted class is positive when score >= threshold; for several classes the one with the largest score, the
///   first among equals.
/// - A metric that the rows do not define is left out of the answer, never NaN: auc of one class only, average_precision
///   and lift without a positive, r2 of one row, mape when every target is zero, multiclass auc when a class has no row.
///
/// Names (K% is a share of the rows such as 10% or 2.5%):
///   binary      auc gini ks average_precision logloss brier ece bias accuracy balanced_accuracy mcc f1 precision recall
///               specificity false_positive_rate selection_rate lift@K% gain@K% precision@K% profit@V/C profit_share@V/C
///   multiclass  auc (one-vs-rest) logloss brier accuracy balanced_accuracy mcc, and f1 precision recall averaged over the
///               classes with equal weight, over rows (f1_micro) or by the classes' rows (f1_weighted)
///   regression  rmse mae r2 mape wape rmsle bias max_error pinball@Q (0 < Q < 1) poisson_deviance gamma_deviance
///               tweedie_deviance@P (1 < P < 2)
///   ranking     ndcg@K map@K, K a number of rows: binary and regression, within each of `groups`
///   uplift      qini auuc uplift@K%: scores that say how much being treated adds (regression)
///   clustering  inertia silhouette davies_bouldin calinski_harabasz: of rows without a target, by EvaluateClusters (clusters.h)
/// mape brings along `mape_skipped`, the number of rows whose target is zero and which it therefore skips.
using Metrics = std::map<std::string, double>;

/// The named metrics; with no names, DefaultMetrics(task). `classes` is read for multiclass only.
/// kInvalid: a name the task does not have. kData: no rows, a target or score that is not as above (with its row, from 1).
/// REQUIRES: target and scores fit together in size, and weights, groups and treated where given.
Result<Metrics> Evaluate(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                         double threshold, std::span<const std::string> names, std::span<const double> weights = {},
                         std::span<const std::int64_t> groups = {}, std::span<const std::uint8_t> treated = {});

/// Where the true value of a metric lies, as far as these rows can tell.
struct MetricInterval {
  double low = 0, high = 0;
};
using Intervals = std::map<std::string, MetricInterval>;

/// 95 % bootstrap intervals (Efron 1979; percentile method): `resamples` times as many rows are drawn with replacement,
/// whole groups where there are groups, and the metric computed; the interval reaches from the 2.5th to the 97.5th
/// percentile of the values (numpy's "linear" rule). The draws depend on `seed` and the number of rows alone: equal input
/// gives equal bits for any number of threads. A metric that fewer than nine in ten resamples define has no interval.
/// Errors as Evaluate. REQUIRES: resamples >= 1.
Result<Intervals> BootstrapIntervals(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                                     double threshold, std::span<const std::string> names, std::span<const double> weights,
                                     std::span<const std::int64_t> groups, std::int64_t resamples, std::uint64_t seed,
                                     int threads, std::span<const std::uint8_t> treated = {});
inline constexpr std::int64_t kUsualResamples = 1000;

/// kInvalid, with the nearest name, when `task` has no metric of that name.
Status CheckMetricName(std::string_view name, Task task);

/// A metric as a gate may name it: `auc`, `auc.low` and `auc.high` (the ends of its interval), `recall.gap` and `recall.ratio`
/// (of its values per segment: the largest less the smallest, the smallest over the largest).
struct MetricName {
  enum class Of : std::uint8_t { kValue, kLow, kHigh, kGap, kRatio };
  std::string metric;
  Of of = Of::kValue;
  bool interval() const { return of == Of::kLow || of == Of::kHigh; }
  bool gap() const { return of == Of::kGap || of == Of::kRatio; }
};
MetricName ParseMetricName(std::string_view name);

/// What is computed when nothing is asked for, in the order people read it.
std::vector<std::string> DefaultMetrics(Task task);

/// Whether it compares treated rows with others: `qini`, `auuc`, `uplift@10%`.
bool NeedsTreatment(std::string_view name);
/// Whether it ranks the rows of each query: `ndcg@10`, `map@10`.
bool NeedsQueries(std::string_view name);

/// Whether a larger value is better (auc) or a smaller one (logloss). REQUIRES: a name that some task has.
bool HigherIsBetter(std::string_view name);

/// Metrics of the rows that share one value of one column.
struct SegmentMetrics {
  std::string column;
  std::string value;             ///< as Value::ToString; "(null)", "(small)"
  std::int64_t rows = 0;
  std::int64_t positives = 0;    ///< binary: rows of the positive class; otherwise 0
  Metrics metrics;
};
inline constexpr std::int64_t kSmallSegmentRows = 20;

/// Evaluate once per value of each column of `columns`, on the rows of `table` (row i belongs to target i). Columns come as
/// given, values in their own order (numbers by size, text by bytes), then "(null)"; values with fewer than
/// kSmallSegmentRows rows are pooled as "(small)", last. A column of a single value gives one entry.
/// kInvalid: a column that is not in `table`; else as Evaluate.
Result<std::vector<SegmentMetrics>> EvaluateSegments(const Table& table, std::span<const std::string> columns, Task task,
                                                     std::span<const double> target, std::span<const double> scores,
                                                     int classes, double threshold, std::span<const std::string> names,
                                                     std::span<const double> weights = {},
                                                     std::span<const std::int64_t> groups = {},
                                                     std::span<const std::uint8_t> treated = {});

/// How far apart the segments of one column are in one metric. "(small)" is no segment and is left out.
struct SegmentGap {
  std::string column, metric;
  std::string lowest, highest;   ///< the values of the column with the smallest and the largest metric
  double low = 0, high = 0;      ///< the metric there
  double difference() const { return high - low; }
  double ratio() const { return high > 0 ? low / high : high == low ? 1 : 0; }
};

/// What fairness asks of each segment (Hardt, Price, Srebro 2016; Barocas, Hardt, Narayanan 2023): for binary models equal
/// selection_rate (demographic parity), recall and false_positive_rate (equalised odds), precision (predictive parity) and
/// bias (calibration); bias for regression; nothing for several classes. To be computed per segment.
std::vector<std::string> FairnessMetrics(Task task);

/// For each column of `segments` and each metric at least two of its values have, the gap; columns and metrics in order.
std::vector<SegmentGap> GapsOf(std::span<const SegmentMetrics> segments);

}  // namespace headrace
