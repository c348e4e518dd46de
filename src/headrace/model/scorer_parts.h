#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/feature/transform.h"
#include "headrace/model/calibration.h"
#include "headrace/model/learner.h"
#include "headrace/model/model.h"

namespace headrace {

/// Everything a score depends on.
struct Scorer::Parts {
  Task task = Task::kBinary;
  std::vector<std::string> classes;
  double threshold = 0.5;
  FittedTransform transform;
  std::shared_ptr<const FittedLearner> learner;
  Calibration calibration;

  std::size_t num_outputs() const { return NumOutputs(task, classes.size()); }
  /// Class index of one row's predictions: binary 1 when score >= threshold; multiclass the first of the largest; clustering: the cluster.
  std::size_t Label(const double* predictions) const {
    const std::size_t outputs = num_outputs();
    if (task == Task::kClustering) return static_cast<std::size_t>(predictions[0]);
    return outputs == 1 ? predictions[0] >= threshold
                        : static_cast<std::size_t>(std::max_element(predictions, predictions + outputs) - predictions);
  }
};

/// kData when `given` lacks an input column, with the name that was perhaps meant.
Status CheckColumn(const Field& needed, const Schema& given);

/// A value of the column that a calibration goes by, as text; nothing for null.
std::optional<std::string> CalibrationValue(const Column& column, std::size_t row);
/// Whether a calibration may go by a column of this type: text, int, bool.
bool CanCalibrateBy(Type type);

/// Which curves each row has (Calibration::SegmentOf); empty when all have the same. REQUIRES: rows with the calibration's column.
std::vector<std::size_t> SegmentsOf(const Calibration& calibration, const Table& rows);

/// Margins to predictions, in place: the learner's link and the calibration. `values` is row-major rows x outputs, `segments` as
/// SegmentsOf.
void ApplyLinkAndCalibration(const Link& link, const Calibration& calibration, std::size_t outputs, std::span<double> values,
                             std::span<const std::size_t> segments);

/// The table that Scorer::Score gives, from predictions.
Table ScoreTable(const Scorer& scorer, std::vector<double> predictions);

/// Those of its columns that a profile tells: `score`, or `cluster` and `distance`.
Table ProfiledOutputs(const Scorer& scorer, std::vector<double> predictions);

}  // namespace headrace
