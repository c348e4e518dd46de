// `drift` checks: what a step left, compared with the rows its model was trained on, with what the step left in the last run, or with a file.

#include <algorithm>

#include "headrace/base/files.h"
#include "headrace/check/drift_verdict.h"
#include "headrace/model/profile.h"
#include "headrace/sql/files.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
/// What is compared: references of the step's output, and references of the rows that a `score` step read.
struct Comparison {
  std::string against;                       // as people say it
  std::vector<DriftReference> output, input;
};

Result<Profile> ProfileOf(const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Open(path));
  ASSIGN_OR_RETURN(const std::string json, model->Member("profile.json"));
  return Profile::FromJson(json);
}

/// Columns that are nobody's business, or in which every row differs.
std::set<std::string> HiddenColumns(const std::vector<CheckSpec>& checks) {
  std::set<std::string> hidden;
  for (const CheckSpec& check : checks) {
    if (check.kind == CheckSpec::Kind::kUnique) hidden.insert(check.columns.begin(), check.columns.end());
    for (const ContractColumn& column : check.contract.columns)
      if (column.personal) hidden.insert(column.name);
  }
  return hidden;
}

/// A `score` step read the features and left the score, or cluster and distance.
Result<Comparison> AgainstTraining(const StepContext& context) {
  const auto model = context.inputs.find("model");
  if (context.step->kind != StepKind::kScore || model == context.inputs.end())
    return Error(ErrorCode::kInvalid, "`against: training` is for `score` steps, which have a model").WithHelp("name a model file, or put the check on the step that scores");
  ASSIGN_OR_RETURN(const Profile profile, ProfileOf(model->second.path));
  Comparison out;
  out.against = StrCat("the training rows of ", model->second.label);
  out.input = DriftReferences(profile);
  const auto outputs = out.input.begin() + static_cast<std::ptrdiff_t>(profile.columns.size());
  out.output.assign(std::make_move_iterator(outputs), std::make_move_iterator(out.input.end()));
  out.input.erase(outputs, out.input.end());
  return out;
}

Result<std::optional<Comparison>> AgainstLast(const StepContext& context, const CheckSpec& check) {
  ASSIGN_OR_RETURN(const std::optional<StepRecord> last, context.store().LastOf(context.pipeline().pipeline, context.pipeline().tenant, context.step->name, context.run->run));
  const auto output = last ? last->outputs.find("") : std::map<std::string, ArtifactRef>::const_iterator();
  if (!last || output == last->outputs.end()) return std::optional<Comparison>();
  const Result<std::string> path = context.store().ArtifactPath(output->second);
  if (!path.ok()) return std::optional<Comparison>();       // `headrace gc` took it
  Comparison out;
  out.against = StrCat("run ", last->run);
  ASSIGN_OR_RETURN(out.output, ReferenceOf([&] { return StreamParquet(*path); }, check.columns, HiddenColumns(context.step->checks)));
  return std::optional<Comparison>(std::move(out));
}

Result<Comparison> AgainstFile(const StepContext& context, const CheckSpec& check) {
  Comparison out;
  out.against = StrCat("`", check.drift.against, "`");
  const std::string path = JoinPath(context.pipeline().root, check.drift.against);
  if (path.ends_with(".model")) {
    ASSIGN_OR_RETURN(const Profile profile, ProfileOf(path));
    out.output = DriftReferences(profile);
    return out;
  }
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  FileSource source;
  source.pattern = path;
  RETURN_IF_ERROR(LoadFiles(*engine, source, "data"));
  ASSIGN_OR_RETURN(out.output, ReferenceOf([&] { return engine->Query("SELECT * FROM data"); }, check.columns, HiddenColumns(context.step->checks)));
  return out;
}

void KeepOnly(const std::vector<std::string>& columns, std::vector<DriftReference>& references) {
  if (!columns.empty()) std::erase_if(references, [&](const DriftReference& r) { return std::find(columns.begin(), columns.end(), r.column) == columns.end(); });
}
}  // namespace

Result<DriftCheck> DriftCheck::Make(const StepContext& context, const CheckSpec& check, const Schema& schema) {
  DriftCheck made;
  made.check_ = &check;
  Comparison comparison;
  if (check.drift.against == "last") {
    ASSIGN_OR_RETURN(std::optional<Comparison> last, AgainstLast(context, check));
    if (!last) return made;
    comparison = *std::move(last);
  } else if (check.drift.against == "training") {
    ASSIGN_OR_RETURN(comparison, AgainstTraining(context));
  } else {
    ASSIGN_OR_RETURN(comparison, AgainstFile(context, check));
  }
  for (const std::string& column : check.columns) {
    const auto knows = [&](const std::vector<DriftReference>& references) { return std::any_of(references.begin(), references.end(), [&](const DriftReference& r) { return r.column == column; }); };
    if (!knows(comparison.output) && !knows(comparison.input))
      return Error(ErrorCode::kInvalid, "check `", check.name, "`: nothing is known of a column `", column, "` in ", comparison.against, "; personal columns and keys are left out");
  }
  KeepOnly(check.columns, comparison.output);
  KeepOnly(check.columns, comparison.input);
  made.against_ = std::move(comparison.against);
  made.input_ = std::move(comparison.input);
  if (!comparison.output.empty()) made.output_.emplace(std::move(comparison.output), schema);
  return made;
}

Result<CheckVerdict> DriftCheck::Conclude(const StepContext& context) {
  std::vector<ColumnDrift> measured;
  if (!input_.empty()) {
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, StreamParquet(context.inputs.at("data").path));
    ASSIGN_OR_RETURN(measured, DriftOf(std::move(input_), *rows));
  }
  if (output_)
    for (ColumnDrift& column : output_->Finish()) measured.push_back(std::move(column));
  return JudgeDrift(*check_, measured, against_);
}

}  // namespace headrace
