#pragma once

#include <span>
#include <string>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

/// The threshold above which a row is labelled with the positive class: label = positive when score >= threshold.
///
/// Fixed, or one of the distinct scores, each of which in turn is tried as the threshold:
///   maximize   where f1, accuracy, balanced_accuracy, mcc, precision or recall is largest
///   cost       where false_positive x rows wrongly labelled positive + false_negative x rows wrongly not is smallest
///   precision  where the recall is largest among those with at least that precision
///   top        where most rows are labelled but no more than that share (one group of tied scores at least)
/// Among equals the lowest, which labels the most rows. So the threshold is always a score that occurred, and labels at
/// least one row. No tolerance. `scores` are those that will be labelled (calibrated, if the model calibrates) and must not
/// come from test rows; `weights` may be empty.
///
/// kData: choosing over no rows, or over rows without a positive; a precision that no threshold reaches (with the best that
/// one does). kInvalid: as CheckThreshold. REQUIRES: targets 0 or 1, scores finite, equally many of both.
Result<double> ChooseThreshold(const ThresholdSpec& spec, std::span<const double> target, std::span<const double> scores,
                               std::span<const double> weights = {});

/// kInvalid: a fixed threshold, a precision or a share outside [0, 1]; a negative cost; two ways at once; a metric that cannot be maximised (with the nearest name); choosing for a
/// task that is not binary.
Status CheckThreshold(const ThresholdSpec& spec, Task task);

}  // namespace headrace
