#pragma once

#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/metrics.h"
#include "headrace/model/spec.h"
#include "headrace/model/train.h"

namespace headrace {

/// What gates read besides the metrics of the rows.
struct GateNeeds {
  bool intervals = false;            ///< `auc.low`, `auc.high`
  std::vector<std::string> gaps;     ///< the metrics of `recall.gap`, `recall.ratio`
};
GateNeeds NeedsOf(std::span<const GateSpec> gates);

/// All that gates can name, by name: the metrics, the ends of their intervals, and of the gaps of each metric the widest.
Metrics GateFigures(const Metrics& metrics, const Intervals& intervals, std::span<const SegmentGap> gaps);

/// Judge each gate, in order. An expression ("auc >= 0.72 and ece <= 0.02"; a name such as lift@10% is quoted:
/// `"lift@10%" >= 2`) reads `metrics`, as GateFigures names them (`auc.low >= 0.7`). A comparison passes unless the metric is worse than the champion's by more than
/// GateSpec::by, "worse" as HigherIsBetter says, beyond rounding (1e-12 of the champion's value); without a champion
/// (nullptr) it passes. A metric that could not be computed fails its gate. `champion_metrics` must come from the same rows.
/// Messages: "auc 0.7112 is below 0.72", "auc 0.7112 is worse than the champion's 0.73 by more than 0.005".
/// kInvalid: as ValidateGates.
Result<std::vector<GateVerdict>> JudgeGates(std::span<const GateSpec> gates, Task task, const Metrics& metrics,
                                            const Metrics* champion_metrics);

/// kInvalid: an expression that does not parse or is not a condition, an unknown metric (with the nearest), a negative or
/// infinite `by`. Spans point into GateSpec::expression.
Status ValidateGates(std::span<const GateSpec> gates, Task task);

/// What Evaluate must be asked for: `evaluate` (or the task's defaults), then what the gates name, each once.
/// kInvalid: as ValidateGates, or an unknown name in `evaluate`.
Result<std::vector<std::string>> MetricsToCompute(std::span<const std::string> evaluate, std::span<const GateSpec> gates,
                                                  Task task);

}  // namespace headrace
