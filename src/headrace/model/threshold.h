#pragma once

#include <span>
#include <string>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

/// The threshold above which a row is labelled with the positive class: label = positive when score >= threshold.
///
/// Fixed, or the distinct score at which `spec.maximize` (f1, accuracy, precision or recall) is largest when each in turn
/// is used as the threshold; among equals the lowest, which labels the most rows. So the threshold is always a score that
/// occurred, and labels at least one row. Exact counts decide; no tolerance. `scores` are those that will be labelled
/// (calibrated, if the model calibrates) and must not come from test rows.
///
/// kData: maximising over no rows, or over rows without a positive. kInvalid: as CheckThreshold.
/// REQUIRES: targets 0 or 1, scores finite, equally many of both.
Result<double> ChooseThreshold(const ThresholdSpec& spec, std::span<const double> target, std::span<const double> scores);

/// kInvalid: a fixed threshold outside [0, 1]; a metric that cannot be maximised (with the nearest name); maximising for a
/// task that is not binary.
Status CheckThreshold(const ThresholdSpec& spec, Task task);

}  // namespace headrace
