#pragma once

#include <algorithm>
#include <memory>
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

  std::size_t num_outputs() const { return task == Task::kMulticlass ? classes.size() : 1; }
  /// Class index of one row's predictions: binary 1 when score >= threshold; multiclass the first of the largest.
  std::size_t Label(const double* predictions) const {
    const std::size_t outputs = num_outputs();
    return outputs == 1 ? predictions[0] >= threshold
                        : static_cast<std::size_t>(std::max_element(predictions, predictions + outputs) - predictions);
  }
};

/// kData when `given` lacks an input column, with the name that was perhaps meant.
Status CheckColumn(const Field& needed, const Schema& given);

/// Margins to predictions, in place: the learner's link and the calibration. `values` is row-major rows x outputs.
void ApplyLinkAndCalibration(const Link& link, const Calibration& calibration, std::size_t outputs,
                             std::span<double> values);

/// The table that Scorer::Score gives, from predictions.
Table ScoreTable(const Scorer& scorer, std::vector<double> predictions);

}  // namespace headrace
