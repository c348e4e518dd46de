// Parts are brought into the one form that Headrace writes, then go through the same readers as parts of a file.
#include "headrace/model/converted.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/lightgbm.h"
#include "headrace/model/model_file.h"
#include "headrace/model/profile.h"
#include "headrace/model/proof.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {
namespace {

using nlohmann::json;

std::string Canonical(const json& document) { return DumpJson(document); }

Result<Task> TaskOf(const std::string& name) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    if (TaskName(task) == name) return task;
  return Error(ErrorCode::kInvalid, "`task` is \"", name, "\", expected binary, multiclass or regression");
}

Status CheckClassNames(Task task, const std::vector<std::string>& classes) {
  const bool fits = task == Task::kRegression ? classes.empty() : task == Task::kBinary ? classes.size() == 2 : classes.size() >= 2;
  if (!fits) return Error(ErrorCode::kInvalid, classes.size(), " classes for a ", TaskName(task), " model");
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (std::find(classes.begin(), classes.begin() + static_cast<std::ptrdiff_t>(i), classes[i]) != classes.begin() + static_cast<std::ptrdiff_t>(i))
      return Error(ErrorCode::kInvalid, "two classes are called `", classes[i], "`");
  return Ok();
}

/// Throws json's exceptions.
Result<std::unique_ptr<const Scorer::Parts>> PartsOf(const json& document) {
  ASSIGN_OR_RETURN(const Task task, TaskOf(document.at("task")));
  const auto classes = document.at("classes").get<std::vector<std::string>>();
  RETURN_IF_ERROR(CheckClassNames(task, classes));
  ASSIGN_OR_RETURN(FittedTransform transform, FittedTransform::FromJson(Canonical(document.at("transform"))));
  ASSIGN_OR_RETURN(const LearnerSpec::Kind kind, LearnerFromName(document.at("learner").get<std::string>()));
  const json& fitted = document.at("fitted");
  const std::string text = fitted.is_string() ? WithoutTrainingSettings(fitted.get<std::string>()) : Canonical(fitted) + "\n";
  const std::size_t outputs = task == Task::kMulticlass ? classes.size() : 1;
  ASSIGN_OR_RETURN(std::unique_ptr<const FittedLearner> learner, ReadLearner(kind, task, text, transform.output_names().size(), outputs));
  Calibration calibration;
  if (document.contains("calibration") && !document.at("calibration").is_null()) {
    ASSIGN_OR_RETURN(calibration, Calibration::FromAnyJson(Canonical(document.at("calibration"))));
  }
  if (!calibration.by().empty()) return Error(ErrorCode::kInvalid, "the calibration of a converted model is one for all rows");
  return std::unique_ptr<const Scorer::Parts>(
      new Scorer::Parts{task, classes, document.value("threshold", 0.5), std::move(transform), std::move(learner), std::move(calibration)});
}

ModelInfo InfoOf(const json& document, const Scorer::Parts& parts) {
  ModelInfo info;
  info.task = parts.task;
  document.at("learner").get_to(info.learner);
  document.at("target").get_to(info.target);
  info.classes = parts.classes;
  const Schema& inputs = parts.transform.input_schema();
  for (std::size_t i = 0; i < inputs.size(); ++i) info.inputs.push_back({inputs[i].name, inputs[i].type, parts.transform.input_nullable()[i]});
  info.features = parts.transform.output_names();
  info.threshold = parts.threshold;
  info.calibration = parts.calibration.name();
  info.folds = "none needed";
  info.evaluated_on = "no rows";
  return info;
}

Result<std::string> BytesOf(const json& document, const Table& sample, int threads) {
  if (sample.num_rows() == 0) return Error(ErrorCode::kData, "the sample has no rows").WithHelp("give rows like those that will be scored");
  ASSIGN_OR_RETURN(std::unique_ptr<const Scorer::Parts> parts, PartsOf(document));
  ModelContents contents;
  contents.info = InfoOf(document, *parts);
  const Scorer scorer(std::move(parts));
  ASSIGN_OR_RETURN(const std::vector<double> predictions, scorer.Predict(sample, nullptr, threads));
  const Profile profile = MakeProfile(sample, scorer.parts().transform.input_schema(), {}, ProfiledOutputs(scorer, predictions));
  Evaluation evaluation;
  evaluation.evaluated_on = contents.info.evaluated_on;
  evaluation.folds = contents.info.folds;
  evaluation.split = "none";
  evaluation.notes.push_back(StrCat("fitted by ", document.at("source").get<std::string>(), " and converted: how good it is was not measured here"));
  for (const json& note : document.value("notes", json::array())) evaluation.notes.push_back(note);
  contents.transform = scorer.parts().transform.ToJson();
  contents.learner_member = scorer.parts().learner->member();
  contents.learner = scorer.parts().learner->text();
  contents.calibration = scorer.parts().calibration.ToJson();
  contents.metrics = evaluation.ToJson();
  contents.profile = profile.ToJson();
  ASSIGN_OR_RETURN(contents.proof, MakeProof(scorer, profile));
  contents.card = StrCat("# Model of `", contents.info.target, "`\n\nTask: ", TaskName(contents.info.task), ". Learner: ", contents.info.learner, ". Calibration: ",
                         contents.info.calibration, ".\n\n## Notes\n\n");
  for (const std::string& note : evaluation.notes) contents.card += StrCat("- ", note, "\n");
  return ModelFile::Write(contents);
}

}  // namespace

Result<std::shared_ptr<const Model>> ConvertModel(std::string_view text, const Table& sample, int threads) {
  const json document = ParseJson(text);
  if (!document.is_object()) return Error(ErrorCode::kInvalid, "a converted model is described by a JSON object");
  Result<std::string> bytes = Error(ErrorCode::kInternal, "not made");
  try {
    bytes = BytesOf(document, sample, threads);
  } catch (const json::exception& error) { bytes = Error(ErrorCode::kInvalid, "the description of a converted model: ", error.what()); }
  if (!bytes.ok()) return std::move(bytes).status();
  ASSIGN_OR_RETURN(std::shared_ptr<const Model> model, ModelFile::Read(std::move(*bytes), "just converted"));
  RETURN_IF_ERROR(model->ReplayProof());
  return model;
}

}  // namespace headrace
