#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "headrace/base/text.h"
#include "headrace/feature/transform.h"
#include "headrace/model/clusters.h"
#include "headrace/model/folds.h"
#include "headrace/model/gate.h"
#include "headrace/model/learner.h"
#include "headrace/model/program_learner.h"
#include "headrace/model/queries.h"
#include "headrace/model/scorer_parts.h"
#include "headrace/model/split.h"
#include "headrace/model/threshold.h"
#include "headrace/model/train_internal.h"
#include "headrace/model/treatment.h"
#include "headrace/model/tune.h"

namespace headrace {
namespace internal {
namespace {

std::string Percent(double share) { return StrCat(std::round(share * 1000) / 10, "%"); }

std::string_view CalibrationName(CalibrationSpec::Kind kind) {
  return kind == CalibrationSpec::Kind::kIsotonic  ? "isotonic"
         : kind == CalibrationSpec::Kind::kSigmoid ? "sigmoid"
         : kind == CalibrationSpec::Kind::kBeta    ? "beta"
                                                   : "none";
}

Status CheckClassWeights(const TrainSpec& spec, Task task) {
  if (!spec.class_weight_balanced && spec.class_weight.empty()) return Ok();
  if (task == Task::kRegression)
    return Error(ErrorCode::kInvalid, "`class_weight` is for classes, the target is for regression")
        .WithHelp("weigh rows with `weight: COLUMN`");
  for (const auto& [name, weight] : spec.class_weight)
    if (!(weight > 0) || std::isinf(weight))
      return Error(ErrorCode::kInvalid, "the weight of class \"", name, "\" is ", weight, ", expected a number above 0");
  return Ok();
}

/// `calibrate: {by: COLUMN}`: a column of few values that scored rows will have, and whose values may stand in the file.
Status CheckCalibrationColumn(const TrainSpec& spec, const Schema& schema) {
  const std::string& by = spec.calibrate.by;
  if (by.empty()) return Ok();
  const std::optional<std::size_t> at = schema.IndexOf(by);
  if (!at) return UnknownColumn("calibration", by, schema);
  if (Contains(spec.personal, by)) return Error(ErrorCode::kInvalid, "calibration column `", by, "` is personal, and its values would stand in the model file");
  const std::vector<std::string> never = NeverFeatures(spec), dividing = DividesOnly(spec, spec.transform);
  if (by == spec.target || Contains(never, by) || Contains(dividing, by))
    return Error(ErrorCode::kInvalid, "calibration goes by `", by, "`, which is no feature").WithHelp("scored rows bring the model's features; choose one of them");
  if (!CanCalibrateBy(schema[*at].type))
    return Error(ErrorCode::kInvalid, "calibration column `", by, "` is ", TypeName(schema[*at].type), ", expected text, int or bool");
  return Ok();
}

}  // namespace

Status UnknownColumn(std::string_view role, const std::string& name, const Schema& schema) {
  Status status = Error(ErrorCode::kInvalid, role, " column `", name, "` is not in the training data");
  const std::string near = NearestName(name, schema.Names());
  return near.empty() ? status : std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string DescribeSplit(const SplitSpec& split) {
  switch (split.kind) {
    case SplitSpec::Kind::kNone:
      return "none";
    case SplitSpec::Kind::kHash:
      return StrCat("hash", split.columns.empty() ? "" : StrCat("(", Join(split.columns, ", "), ")"), " ",
                    Percent(split.test));
    case SplitSpec::Kind::kTime:
      return StrCat("time by ", Join(split.columns, ", "), " ", Percent(split.test),
                    split.gap_us > 0 ? StrCat(", gap ", FormatDuration(split.gap_us)) : "");
    case SplitSpec::Kind::kColumn:
      return StrCat("column ", Join(split.columns, ", "));
  }
  return "";
}

Status CheckForTask(const TrainSpec& spec, Task task) {
  RETURN_IF_ERROR(CheckThreshold(spec.threshold, task));
  const std::vector<std::string> of_uplift{"qini", "auuc"};
  ASSIGN_OR_RETURN(std::vector<std::string> metrics, MetricsToCompute(spec.evaluate.empty() && !spec.treatment.empty() ? of_uplift : spec.evaluate, spec.gate, task));
  if (!spec.tune.metric.empty()) metrics.push_back(spec.tune.metric);
  for (const std::string& name : metrics) {
    if (spec.treatment.empty() && NeedsTreatment(name))
      return Error(ErrorCode::kInvalid, "metric \"", name, "\" compares treated rows with others, and no column says who was treated").WithHelp("name it with `treatment: COLUMN`");
    if (!spec.treatment.empty() && !NeedsTreatment(name))
      return Error(ErrorCode::kInvalid, "metric \"", name, "\" compares scores with the target, and of uplift no row's truth is known").WithHelp("use qini, auuc or uplift@10%");
    if (spec.group.empty() && NeedsQueries(name))
      return Error(ErrorCode::kInvalid, "metric \"", name, "\" ranks the rows of a query, and no column names queries")
          .WithHelp("name it with `group: COLUMN`, or use auc, average_precision or lift@10%");
  }
  if (task == Task::kRegression && spec.calibrate.kind != CalibrationSpec::Kind::kNone)
    return Error(ErrorCode::kInvalid, "`calibrate: ", CalibrationName(spec.calibrate.kind),
                 "` is for classes, the target is for regression");
  if (!NeedsOf(spec.gate).gaps.empty() && spec.segments.empty())
    return Error(ErrorCode::kInvalid, "a gate compares segments, but no column is named in `segments`")
        .WithHelp("add segments: [COLUMN]");
  if (spec.intervals < 0) return Error(ErrorCode::kInvalid, "`intervals` is ", spec.intervals, ", expected how often rows are drawn again");
  RETURN_IF_ERROR(CheckTune(spec.tune, spec.learner, task));
  return CheckClassWeights(spec, task);
}

Status CheckColumns(const TrainSpec& spec, const Schema& schema) {
  const bool clusters = TaskOfLearner(spec.learner) == Task::kClustering;
  if (spec.target.empty() && !clusters) return Error(ErrorCode::kInvalid, "no target column is named");
  if (!clusters && !schema.IndexOf(spec.target)) return UnknownColumn("target", spec.target, schema);
  for (const auto& [role, names] : {std::pair{"key", &spec.key}, std::pair{"ignored", &spec.ignore}, std::pair{"segment", &spec.segments}, {"fold", &spec.folds.columns}}) {
    for (const std::string& name : *names) {
      if (!schema.IndexOf(name)) return UnknownColumn(role, name, schema);
      if (name == spec.target) return Error(ErrorCode::kInvalid, "`", name, "` cannot be both target and ", role, " column");
    }
  }
  if (!spec.group.empty()) {
    if (!schema.IndexOf(spec.group)) return UnknownColumn("group", spec.group, schema);
    if (spec.group == spec.target) return Error(ErrorCode::kInvalid, "`", spec.group, "` cannot be both target and group column");
  }
  if (!spec.treatment.empty()) {
    if (!schema.IndexOf(spec.treatment)) return UnknownColumn("treatment", spec.treatment, schema);
    if (spec.treatment == spec.target || spec.treatment == spec.weight)
      return Error(ErrorCode::kInvalid, "`", spec.treatment, "` cannot be both treatment and ", spec.treatment == spec.target ? "target" : "weight", " column");
  }
  if (!spec.weight.empty()) {
    const std::optional<std::size_t> at = schema.IndexOf(spec.weight);
    if (!at) return UnknownColumn("weight", spec.weight, schema);
    if (spec.weight == spec.target || Contains(spec.key, spec.weight))
      return Error(ErrorCode::kInvalid, "`", spec.weight, "` cannot be both weight and ", spec.weight == spec.target ? "target" : "key");
    if (schema[*at].type != Type::kInt && schema[*at].type != Type::kDouble)
      return Error(ErrorCode::kInvalid, "weight column `", spec.weight, "` is ", TypeName(schema[*at].type), ", expected int or double");
  }
  RETURN_IF_ERROR(CheckCalibrationColumn(spec, schema));
  for (const std::string& name : spec.segments)
    if (Contains(spec.key, name) || Contains(spec.personal, name))
      return Error(ErrorCode::kInvalid, "segment column `", name, "` is ", Contains(spec.key, name) ? "a key" : "personal", ", and its values would be told in the report");
  return Ok();
}

std::vector<std::string> DividesOnly(const TrainSpec& spec, const std::vector<TransformSpec>& transform) {
  std::set<std::string> named;
  for (const TransformSpec& entry : transform) {
    if (entry.tag.empty()) named.insert(entry.columns.begin(), entry.columns.end());
    named.insert(entry.drop.begin(), entry.drop.end());
    for (const auto& [name, to] : entry.cast) named.insert(name);
    for (const auto& [name, to] : entry.rename) named.insert(name);
  }
  std::vector<std::string> only;
  const auto add = [&](const std::string& column, bool whatever) {
    if (Contains(spec.key, column) || Contains(spec.ignore, column) || Contains(only, column)) return;
    if (whatever || !named.contains(column)) only.push_back(column);
  };
  if (spec.split.kind != SplitSpec::Kind::kNone)
    for (const std::string& column : spec.split.columns) add(column, spec.split.kind == SplitSpec::Kind::kColumn);
  for (const std::string& column : spec.folds.columns) add(column, false);
  return only;
}

std::vector<std::string> NeverFeatures(const TrainSpec& spec) {
  std::vector<std::string> names = spec.key;
  names.insert(names.end(), spec.ignore.begin(), spec.ignore.end());
  if (!spec.weight.empty()) names.push_back(spec.weight);
  if (!spec.group.empty()) names.push_back(spec.group);
  if (!spec.treatment.empty()) names.push_back(spec.treatment);
  return names;
}

}  // namespace internal

using namespace internal;

Status CheckTrainSpec(const TrainSpec& spec) {
  RETURN_IF_ERROR(CheckLearnerParameters(spec.learner));
  RETURN_IF_ERROR(CheckTreatment(spec));
  RETURN_IF_ERROR(CheckRanking(spec));
  RETURN_IF_ERROR(CheckClustering(spec));
  RETURN_IF_ERROR(CheckProgramLearner(spec));
  RETURN_IF_ERROR(CheckSplit(spec.split));
  RETURN_IF_ERROR(CheckFolds(spec.folds));
  RETURN_IF_ERROR(CheckTuneSpace(spec.tune, spec.learner));
  if (spec.learner.automatic && !spec.learner.monotone.empty())
    return Error(ErrorCode::kInvalid, "`monotone` is for lightgbm and xgboost, and `learner: auto` tries others too").WithHelp("write `learner: lightgbm`");
  if (spec.learner.automatic && !spec.learner.categorical.empty())
    return Error(ErrorCode::kInvalid, "`categorical` is for lightgbm, and `learner: auto` tries others too").WithHelp("write `learner: lightgbm`");
  const std::optional<Task> task = spec.treatment.empty() ? TaskOfLearner(spec.learner) : Task::kRegression;
  return task ? CheckForTask(spec, *task) : Ok();
}

Status CheckTrainColumns(const TrainSpec& spec, const Schema& data) {
  RETURN_IF_ERROR(CheckColumns(spec, data));
  if (spec.split.kind != SplitSpec::Kind::kNone)
    for (const std::string& name : spec.split.columns)
      if (!data.IndexOf(name)) return UnknownColumn("split", name, data);
  const auto by_time = [&](bool time, const std::vector<std::string>& columns, const char* role, std::int64_t gap_us) -> Status {
    return time && !columns.empty() ? CheckTimeType(data[*data.IndexOf(columns.front())].type, columns.front(), role, gap_us) : Ok();
  };
  RETURN_IF_ERROR(by_time(spec.split.kind == SplitSpec::Kind::kTime, spec.split.columns, "split", spec.split.gap_us));
  RETURN_IF_ERROR(by_time(spec.folds.kind == FoldSpec::Kind::kTime, spec.folds.columns, "fold", spec.folds.gap_us));
  FitContext fit;
  fit.task = spec.treatment.empty() ? TaskOfLearner(spec.learner).value_or(Task::kBinary) : Task::kRegression;
  fit.has_target = fit.task != Task::kClustering;
  fit.target_column = spec.target;
  fit.exclude = NeverFeatures(spec);
  fit.categorical = spec.learner.categorical;
  const std::vector<std::string> never = fit.exclude;
  const auto check = [&](const std::map<std::string, std::string>& chosen) {
    const std::vector<TransformSpec> transform = Chosen(spec.transform, chosen);
    const std::vector<std::string> dividing = DividesOnly(spec, transform);
    fit.exclude = never;
    fit.exclude.insert(fit.exclude.end(), dividing.begin(), dividing.end());
    return CheckTransform(data, transform, fit);
  };
  // Each alternative once, beside the first of the others: what only some combinations do wrong, a trial tells.
  std::map<std::string, std::string> first;
  for (const TuneSpec::Dimension& choice : spec.tune.choices) first[choice.name] = choice.values.front();
  RETURN_IF_ERROR(check(first));
  for (const TuneSpec::Dimension& choice : spec.tune.choices)
    for (std::size_t i = 1; i < choice.values.size(); ++i) {
      std::map<std::string, std::string> other = first;
      other[choice.name] = choice.values[i];
      if (Status status = check(other); !status.ok()) return std::move(status).WithContext(StrCat("`", choice.name, "`, alternative `", choice.values[i], "`"));
    }
  // Likewise each value of a number, and both ends of its range.
  for (const TuneSpec::Dimension& number : spec.tune.numbers) {
    std::map<std::string, std::string> other = first;
    if (!number.choice.empty()) other[number.choice] = number.alternative;
    for (const std::string& value : number.values.empty() ? std::vector{internal::ValueAt(number, 0), internal::ValueAt(number, 0x1.fffffffffffffp-1)} : number.values) {
      other[number.name] = value;
      if (Status status = check(other); !status.ok()) return std::move(status).WithContext(StrCat("`", number.name, "` of ", value));
    }
  }
  return Ok();
}

}  // namespace headrace
