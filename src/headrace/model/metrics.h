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
/// - The predicted class is positive when score >= threshold; for several classes the one with the largest score, the
///   first among equals.
/// - A metric that the rows do not define is left out of the answer, never NaN: auc of one class only, average_precision
///   and lift without a positive, r2 of one row, mape when every target is zero, multiclass auc when a class has no row.
///
/// Names: auc average_precision logloss brier ece accuracy f1 precision recall lift@K% (binary; 0 < K <= 100, as in
/// lift@10% or lift@2.5%); auc logloss brier accuracy f1 precision recall (multiclass: auc one-vs-rest, f1, precision and
/// recall all averaged over the classes with equal weight); rmse mae r2 mape (regression). mape brings along
/// `mape_skipped`, the number of rows whose target is zero and which it therefore skips.
using Metrics = std::map<std::string, double>;

/// The named metrics; with no names, DefaultMetrics(task). `classes` is read for multiclass only.
/// kInvalid: a name the task does not have. kData: no rows, a target or score that is not as above (with its row, from 1).
/// REQUIRES: target and scores fit together in size.
Result<Metrics> Evaluate(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                         double threshold, std::span<const std::string> names);

/// kInvalid, with the nearest name, when `task` has no metric of that name.
Status CheckMetricName(std::string_view name, Task task);

/// What is computed when nothing is asked for, in the order people read it.
std::vector<std::string> DefaultMetrics(Task task);

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
                                                     int classes, double threshold, std::span<const std::string> names);

}  // namespace headrace
