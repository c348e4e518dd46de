#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/model.h"
#include "headrace/model/spec.h"
#include "headrace/table/table.h"

namespace headrace {

struct GateVerdict {
  std::string text;
  bool passed = false;
  std::string message;      ///< "auc 0.71 is below 0.72"
};

/// What training leaves behind besides the model.
struct TrainOutput {
  std::shared_ptr<const Model> model;
  Table test_predictions;                 ///< key columns, target, score, label (and score_<class>); the test rows
  std::vector<GateVerdict> gates;
  std::vector<std::string> notes;         ///< warnings for people: a constant feature, a skipped column, last bits may move
  bool gates_passed() const { for (const GateVerdict& g : gates) if (!g.passed) return false; return true; }
};

struct TrainContext {
  std::vector<UnfittedStep> unfitted;
  std::shared_ptr<const Model> champion;            ///< for `not_worse_than`; may be null: then such a gate passes
  int threads = 0;                                  ///< 0 = all cores; never changes a bit of the result
  std::function<void(std::string_view stage, double fraction)> progress;   ///< may be empty
  std::function<bool()> cancelled;                  ///< may be empty
};

/// Fit a model on `data` as `spec` says: order by key, split, fold, transform, learn, calibrate, choose the
/// threshold, evaluate on the test rows, judge the gates, refit, make the parity proof, and write the file's bytes.
/// Equal data and spec give an equal file. kData: one class only, nulls in the target, fewer rows than folds, no usable feature;
/// kInvalid: a column named in the spec that is not there.
Result<TrainOutput> Train(const Table& data, const TrainSpec& spec, const TrainContext& context);

}  // namespace headrace
