#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/model.h"
#include "headrace/model/spec.h"
#include "headrace/table/table.h"

namespace headrace {

class TrialJournal;
struct LearnerSettings;
struct Vectors;

struct GateVerdict {
  std::string text;
  bool passed = false;
  std::string message;      ///< "auc 0.71 is below 0.72"
};

/// What training leaves behind besides the model.
struct TrainOutput {
  std::shared_ptr<const Model> model;
  Table test_predictions;                 ///< key columns, target, score, label (and score_<class>), or cluster and distance; the test rows
  Evaluation evaluation;                  ///< what the model file's metrics.json holds
  Metrics champion_metrics;               ///< of TrainContext::champion on the same rows; empty without one
  std::vector<GateVerdict> gates;
  std::vector<std::string> notes;         ///< warnings for people: a constant feature, a skipped column, last bits may move
  bool gates_passed() const { for (const GateVerdict& g : gates) if (!g.passed) return false; return true; }
};

/// One fit that a program of the user's does. Borrowed.
struct ProgramFit {
  const LearnerSettings& settings;
  const Vectors& train;                             ///< with the names of the features
  const std::vector<std::string>& classes;          ///< the target's numbers count them from 0
  std::string_view part;                            ///< "fold 2 of 5", "training rows", "all rows"
};

struct TrainContext {
  std::string pipeline;                             ///< that trains, for the model card; "" = none
  std::vector<UnfittedStep> unfitted;
  std::shared_ptr<const Model> champion;            ///< for `not_worse_than`; may be null: then such a gate passes
  int threads = 0;                                  ///< 0 = all cores; never changes a bit of the result
  std::function<void(std::string_view stage, double fraction)> progress;   ///< may be empty
  std::function<bool()> cancelled;                  ///< may be empty; asked from several threads at once
  /// False: when nothing else needs folds and the split leaves no test rows, none are fitted only to tell how good the model is; metrics are then of the rows learnt from.
  bool evaluate = true;
  /// Runs the program of `learner: {command: ...}`: gives the text of the model that it wrote. May be empty: then such a training is refused. Called on the thread of Train.
  std::function<Result<std::string>(const ProgramFit&)> program;
  TrialJournal* trials = nullptr;                   ///< scores of trials that an interrupted training left, and where this one keeps its own; may be null. Never changes a bit of the result
  std::optional<bool> compress;                     ///< the learner's vectors: as FitContext; never changes a bit of the result
  std::optional<std::size_t> exact_percentiles;     ///< as FitContext
  std::function<double()> seconds;                  ///< a clock that only goes forward, for TuneSpec::budget_us; may be empty: no budget
};

/// Fit a model on `data` as `spec` says:
///
/// 1. Order the rows by the key, then by all other columns; without a key their order is the data's own and counts.
/// 2. Split off the test rows. They serve evaluation and gates, nothing else.
/// 3. With spec.tune or `learner: auto`, try learners on the folds of the other rows (tune.h) and go on with the best.
/// 4. When something needs scores that the learner has not seen (early stopping, a calibration, a threshold that maximises,
///    or a split that leaves no test rows): for each fold fit the transforms and the learner on the other folds' rows and score
///    its own. From these out-of-fold margins come the stopping point, the calibration and the threshold. From 100,000 rows
///    on a tenth is held aside instead, and transforms and learner are fitted once, on the others.
/// 5. Fit transforms and learner on all rows but the test rows (with a tenth held aside: keep what step 4 fitted), and evaluate
///    on the test rows with the code that scores.
///    Without test rows the out-of-fold scores are evaluated (calibration and threshold were then chosen on the same rows).
/// 6. Judge the gates, the champion on the same rows.
/// 7. With spec.refit_all_rows, fit transforms and learner once more, on all rows.
/// 8. Make profile, parity proof, card and file; read the file back and replay its proof.
///
/// A column named by a `time` split is a feature only where a transform names it; that of a `column` split never is. Equal data
/// and spec give an equal file, byte for byte, for any number of threads (a tuning budget that runs out excepted). kData: no rows, one class only, nulls in the
/// target, fewer rows than folds, no usable feature. kInvalid: a column named in the spec that is not there, a setting that does not
/// fit the target. kInterrupted: context.cancelled said so.
///
/// Memory: `data` is let go column by column as it is put in order, when nobody else holds it; beside the ordered rows stand at once the vectors of those that
/// learn (8 bytes a feature, or compressed) and what the learner makes of them.
Result<TrainOutput> Train(Table data, const TrainSpec& spec, const TrainContext& context);

/// Everything of `spec` that can be checked without data: learner parameters, and where the task is known (spec.learner.task or the kind of
/// learner) metrics, gates and threshold. kInvalid.
Status CheckTrainSpec(const TrainSpec& spec);

/// What Train would refuse on any data of this schema: columns named that are not there, `derive` and transforms that do not fit the types. kInvalid.
Status CheckTrainColumns(const TrainSpec& spec, const Schema& data);

}  // namespace headrace
