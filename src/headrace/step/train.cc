#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "headrace/base/files.h"
#include "headrace/base/json.h"
#include "headrace/model/train.h"
#include "headrace/model/trial_journal.h"
#include "headrace/notify/alert.h"
#include "headrace/pipeline/tags.h"
#include "headrace/sql/engine.h"
#include "headrace/step/learner_program.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
/// The model that `champion` names now; nullptr when none does.
Result<std::shared_ptr<const Model>> Champion(const StepContext& context, const TrainStepSpec& spec) {
  const bool asked = std::any_of(spec.train.gate.begin(), spec.train.gate.end(), [](const GateSpec& g) { return !g.metric.empty(); });
  if (!asked || !spec.registration) return std::shared_ptr<const Model>();
  const Result<ModelVersion> version = context.store().ResolveModel(context.pipeline().tenant, spec.registration->name, "champion");
  if (!version.ok()) return std::shared_ptr<const Model>();
  ASSIGN_OR_RETURN(const std::string path, context.store().ArtifactPath({version->digest, "model", -1}));
  return Model::Open(path);
}

/// Whether trials are kept for the next attempt.
bool Searches(const StepContext& context) {
  const TrainSpec& train = context.step->as<TrainStepSpec>().train;
  return !context.fingerprint.empty() && (train.tune.trials > 0 || train.learner.automatic);
}

std::int64_t ChampionVersion(Store& store, const std::string& tenant, const std::string& name) {
  const Result<ModelVersion> champion = store.ResolveModel(tenant, name, "champion");
  return champion.ok() ? champion->version : 0;
}
}  // namespace

std::vector<std::string> PersonalColumns(const ResolvedPipeline& pipeline) {
  std::set<std::string> names;
  for (const StepSpec& step : pipeline.steps)
    if (const Contract* contract = ExtractSpec::ContractOf(step.checks))
      for (const ContractColumn& column : contract->columns)
        if (column.personal) names.insert(column.name);
  return {names.begin(), names.end()};
}

Result<StepFiles> RunTrain(const StepContext& context) {
  const auto& spec = context.step->as<TrainStepSpec>();
  ASSIGN_OR_RETURN(Table data, ReadParquet(context.inputs.at("data").path, context.run->threads));
  TrainContext train;
  train.unfitted = context.unfitted;
  train.pipeline = context.pipeline().pipeline;
  train.threads = context.run->threads;
  train.progress = context.progress;
  train.cancelled = context.cancelled;
  train.seconds = [clock = context.run->clock] { return static_cast<double>(clock->MonotonicMicros()) / 1e6; };
  ASSIGN_OR_RETURN(train.champion, Champion(context, spec));
  TrainSpec settings = spec.train;
  RETURN_IF_ERROR(ResolveTags(context.pipeline(), settings.transform));
  for (const std::string& name : PersonalColumns(context.pipeline()))
    if (data.schema().IndexOf(name)) settings.personal.push_back(name);
  if (spec.program) train.program = [&](const ProgramFit& fit) { return FitByProgram(context, *spec.program, fit); };
  std::optional<TrialJournal> trials;
  if (Searches(context)) {
    ASSIGN_OR_RETURN(const std::string path, context.store().TrialsPath(context.fingerprint));
    train.trials = &trials.emplace(path);
  }
  ASSIGN_OR_RETURN(const TrainOutput trained, Train(std::move(data), settings, train));

  StepFiles out;
  if (trials && trials->found() > 0)
    out.details.notes.push_back(StrCat(FormatCount(trials->found()), " of the settings had been tried before this attempt, which went on from there"));
  out.details.notes.insert(out.details.notes.end(), trained.notes.begin(), trained.notes.end());
  out.details.model = ModelDetails{};
  out.details.model->gates = trained.gates;
  out.gate_refused = !trained.gates_passed();
  const std::string model_path = context.store().ScratchPath(".model");
  RETURN_IF_ERROR(WriteFileAtomically(model_path, trained.model->bytes()));
  out.files[""] = {model_path, "model", -1};
  const std::string predictions = context.store().ScratchPath(".parquet");
  ASSIGN_OR_RETURN(const std::int64_t rows, WriteParquetFile(StreamOf(trained.test_predictions), predictions));
  out.files["test_predictions"] = {predictions, "dataset", rows};
  return out;
}

Status RegisterModel(const StepContext& context, const ArtifactRef& artifact, bool gate_refused, StepDetails& details) {
  details.model->digest = artifact.digest;
  if (Searches(context)) {
    // The model lies in the store: no attempt needs the trials any more.
    ASSIGN_OR_RETURN(const std::string trials, context.store().TrialsPath(context.fingerprint));
    RETURN_IF_ERROR(RemoveFile(trials));
  }
  const auto& registration = context.step->as<TrainStepSpec>().registration;
  if (!registration || context.run->dry_run) return Ok();
  const std::string& tenant = context.pipeline().tenant;
  ASSIGN_OR_RETURN(const std::string path, context.store().ArtifactPath(artifact));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Open(path));
  ModelVersion version;
  version.tenant = tenant;
  version.name = registration->name;
  version.digest = artifact.digest;
  version.run = context.run->run;
  version.commit = context.run->commit;
  version.dirty = context.run->dirty;
  version.metrics = DumpJson(nlohmann::json(model->info().metrics));
  nlohmann::json gates = nlohmann::json::array();
  for (const GateVerdict& gate : details.model->gates) gates.push_back({{"text", gate.text}, {"passed", gate.passed}, {"message", gate.message}});
  version.gates = DumpJson(gates);
  ASSIGN_OR_RETURN(version, context.store().AddModelVersion(version));
  details.model->name = registration->name;
  details.model->version = version.version;
  details.model->champion_before = ChampionVersion(context.store(), tenant, registration->name);
  if (!gate_refused && registration->promote == RegisterSpec::Promote::kAuto)
    RETURN_IF_ERROR(PromoteModel(*context.run, registration->name, details.model->champion_before, version.version, context.run->user));
  details.model->champion_after = ChampionVersion(context.store(), tenant, registration->name);
  return Ok();
}

Status PromoteModel(const RunEnvironment& run, const std::string& model, std::int64_t before, std::int64_t version, const std::string& by) {
  std::vector<OutboxMessage> told;
  const ResolvedPipeline& pipeline = *run.pipeline;
  if (run.alerts != nullptr && run.alerts->Wants(AlertEvent::kChampionMoved)) {
    const Alert moved = ChampionMoved(*run.alerts, pipeline.pipeline, pipeline.tenant, model, before, version, by, run.run, run.clock->NowMicros());
    told = MessagesFor(*run.alerts, {&moved, 1});
  }
  return run.store->MoveAlias(pipeline.tenant, model, "champion", version, by, run.run, told);
}

}  // namespace headrace
