#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/curves.h"
#include "headrace/model/metrics.h"

namespace headrace {

class Model;

/// How good a model was on rows it had not seen: the content of its metrics.json.
struct Evaluation {
  std::string evaluated_on;  ///< "test rows", "out-of-fold rows"
  std::string split, folds;  ///< for people: "hash 20%", "out-of-fold 5"
  /// Rows fitted on for the evaluation; evaluated on; in neither part (the gap of a time split).
  std::int64_t train_rows = 0, test_rows = 0, dropped_rows = 0;
  int iterations = 0;  ///< LightGBM: trees grown (times classes); 0 otherwise
  Metrics metrics;
  std::vector<SegmentMetrics> segments;
  Curves curves;
  /// Feature (of the transformed vector) and its importance, largest first: LightGBM's total gain, or |coefficient| x
  /// standard deviation. Features without any are left out.
  std::vector<std::pair<std::string, double>> importance;
  std::vector<std::string> notes;  ///< for people

  /// Canonical JSON; reads back to the same bits.
  std::string ToJson() const;
  /// kInvalid: not what ToJson writes.
  static Result<Evaluation> FromJson(std::string_view text);
};

/// metrics.json of a model.
Result<Evaluation> EvaluationOf(const Model& model);

}  // namespace headrace
