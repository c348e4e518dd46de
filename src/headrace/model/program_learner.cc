#include "headrace/model/program_learner.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/model/lightgbm.h"

namespace headrace {
namespace {

using Kind = LearnerSpec::Kind;

/// Numbers as numbers with a point, which is how coefficients are kept; anything else as it is, for the reader to refuse.
nlohmann::json AsDoubles(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>() + 0.0;   // never -0
  if (!value.is_array()) return value;
  nlohmann::json out = nlohmann::json::array();
  for (const nlohmann::json& item : value) out.push_back(AsDoubles(item));
  return out;
}

/// What a program wrote in the one form that is kept.
std::string InOurForm(Kind kind, std::string text) {
  if (kind == Kind::kLightGbm) return WithoutTrainingSettings(std::move(text));
  if (kind == Kind::kXgboost) return text;
  const nlohmann::json document = ParseJson(text);
  if (!document.is_object() || !document.contains("coefficients") || !document.contains("intercepts")) return text;
  return DumpJson(nlohmann::json{{"coefficients", AsDoubles(document["coefficients"])}, {"intercepts", AsDoubles(document["intercepts"])}, {"learner", LearnerName(kind)}}) + "\n";
}

/// Margins that the reader lets pass for every task need not be what calibration and metrics take them for.
Status CheckLink(const FittedLearner& learner, Task task) {
  const Link::Kind link = learner.link().kind;
  const bool fits = task == Task::kBinary ? link == Link::Kind::kSigmoid : task == Task::kMulticlass ? link == Link::Kind::kSoftmax : link == Link::Kind::kIdentity || link == Link::Kind::kExp;
  if (fits) return Ok();
  return Error(ErrorCode::kFailed, "the margins of its model are no log-odds, and a ", TaskName(task), " model has probabilities")
      .WithHelp(StrCat("train with an objective for classes; where a custom objective gives log-odds, write them into the text: `objective=", task == Task::kBinary ? "binary sigmoid:1" : "multiclass num_class:N", "`"));
}

Status NotByProgram(std::string_view key, std::string_view why) {
  return Error(ErrorCode::kInvalid, "`", key, "` has no meaning where a program fits: ", why).WithHelp(StrCat("leave `", key, "` out"));
}

}  // namespace

Result<std::unique_ptr<const FittedLearner>> FitByProgram(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control) {
  if (!control.program) return Error(ErrorCode::kInvalid, "a program fits this model, and programs run in the pipelines of a project only").WithHelp("train it by `headrace run`");
  ASSIGN_OR_RETURN(std::string text, control.program(train, control.part));
  Result<std::unique_ptr<const FittedLearner>> learner = ReadLearner(settings.kind, settings.task, InOurForm(settings.kind, std::move(text)), train.features(), settings.num_outputs());
  Status status = learner.ok() ? CheckLink(**learner, settings.task) : std::move(learner).status();
  if (!status.ok()) return std::move(status).WithCode(ErrorCode::kFailed).WithContext(StrCat(control.part, ": the program ended well, but what it wrote is no ", LearnerName(settings.kind), " model for this training"));
  return std::move(learner).value();
}

Status CheckProgramLearner(const TrainSpec& spec) {
  if (!spec.learner.by_program) return Ok();
  if (!spec.learner.parameters.empty()) return NotByProgram("parameters", "it gets `params`");
  if (spec.tune.trials > 0 || !spec.tune.choices.empty() || !spec.tune.numbers.empty()) return NotByProgram("tune", "its settings are its own");
  if (!spec.learner.monotone.empty()) return NotByProgram("monotone", "nobody could hold it to that");
  if (!spec.learner.categorical.empty()) return NotByProgram("categorical", "it gets numbers");
  if (!spec.group.empty()) return NotByProgram("group", "it learns from rows");
  if (!spec.treatment.empty()) return NotByProgram("treatment", "it writes one model");
  return Ok();
}

}  // namespace headrace
