#include "headrace/step/step.h"

#include "headrace/base/files.h"
#include "headrace/check/check.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
Result<StepFiles> Act(const StepContext& context) {
  switch (context.step->kind) {
    case StepKind::kExtract: return RunExtract(context);
    case StepKind::kSql: return RunSql(context);
    case StepKind::kTrain: return RunTrain(context);
    case StepKind::kScore: return RunScore(context);
    case StepKind::kDeliver: return RunDeliver(context);
    case StepKind::kCommand: return RunCommand(context);
    case StepKind::kUnion: return RunUnion(context);
    case StepKind::kPipeline: break;
  }
  return Error(ErrorCode::kInternal, "unknown kind of step");
}

/// Judge the step's checks on the dataset at `path`.
Status Check(const StepContext& context, const std::string& path, StepDetails& details) {
  if (context.step->checks.empty()) return Ok();
  if (context.progress) context.progress("checking", 0.9);
  const auto is_drift = [](const CheckSpec& check) { return check.kind == CheckSpec::Kind::kDrift; };
  std::vector<CheckSpec> scanned = context.step->checks;
  std::erase_if(scanned, is_drift);
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, StreamParquet(path));
  ASSIGN_OR_RETURN(details.checks, RunChecks(scanned, *rows));
  for (const CheckSpec& check : context.step->checks) {  // they look at other datasets too, so they do not share the scan
    if (!is_drift(check)) continue;
    ASSIGN_OR_RETURN(CheckVerdict verdict, JudgeDriftOf(context, check, path));
    details.checks.push_back(std::move(verdict));
  }
  return ToStatus(context.step->name, details.checks);
}

Status CheckMain(const StepContext& context, StepFiles& files) {
  const auto main = files.files.find("");
  return main == files.files.end() || main->second.kind != "dataset" ? Ok() : Check(context, main->second.path, files.details);
}

/// The other pipeline's run judged its own steps; this step's checks come on top.
StepOutcome RunPipelineStep(const StepContext& context) {
  StepOutcome outcome = context.run->pipelines(context);
  const auto main = outcome.outputs.find("");
  if (!outcome.status.ok() || main == outcome.outputs.end()) return outcome;
  const Result<std::string> path = context.store().ArtifactPath(main->second);
  outcome.status = path.ok() ? Check(context, *path, outcome.details) : path.status();
  if (!outcome.status.ok()) outcome.outputs.clear();
  return outcome;
}

Status Keep(const StepContext& context, const StepFiles& files, std::map<std::string, ArtifactRef>& outputs) {
  for (const auto& [name, file] : files.files) {
    ASSIGN_OR_RETURN(outputs[name], context.store().AddArtifact(file.path, file.kind, file.rows));
  }
  return Ok();
}
}  // namespace

StepOutcome RunStep(const StepContext& context) {
  if (context.step->kind == StepKind::kPipeline && context.run->pipelines) return RunPipelineStep(context);
  StepOutcome outcome;
  Result<StepFiles> files = Act(context);
  if (!files.ok()) {
    outcome.status = std::move(files).status();
    return outcome;
  }
  outcome.status = CheckMain(context, *files);
  if (outcome.status.ok()) outcome.status = Keep(context, *files, outcome.outputs);
  if (outcome.status.ok() && context.step->kind == StepKind::kTrain)
    outcome.status = RegisterModel(context, outcome.outputs.at(""), files->gate_refused, files->details);
  if (!outcome.status.ok()) {
    outcome.outputs.clear();
    for (const auto& [name, file] : files->files) static_cast<void>(RemoveFile(file.path).ok());
  }
  outcome.details = std::move(files->details);
  outcome.gate_refused = files->gate_refused;
  outcome.skipped = std::move(files->skipped);
  return outcome;
}

Result<std::unique_ptr<Connection>> OpenConnection(const StepContext& context, const std::string& name, bool writable) {
  const auto& connections = context.pipeline().connections;
  const auto found = connections.find(name);
  if (found == connections.end()) return Error(ErrorCode::kInvalid, "there is no connection `", name, "`");
  ASSIGN_OR_RETURN(const Secret uri, Load(found->second.uri, context.run->variables));
  ConnectionSpec spec;
  spec.name = name;
  spec.driver = found->second.driver;
  spec.uri = ConnectionUri(spec.driver, context.pipeline().root, uri.Reveal());
  spec.writable = writable;
  return context.run->connections->Open(spec);
}

Status AtPlace(const SourcedText& text, Status status) {
  if (status.ok() || !status.span()) return status;
  const Location at = Locate(text.origin.At(*status.span()));
  if (at.file.empty()) return status;
  return std::move(status).WithContext(StrCat(at.file, ":", at.line, ":", at.column));
}

SqlParameters Bind(const BoundValues& values) { return SqlParameters(values.begin(), values.end()); }

std::shared_ptr<void> CancelsWith(const StepContext& context, std::function<void()> act) {
  return context.on_cancel ? context.on_cancel(std::move(act)) : nullptr;
}

}  // namespace headrace
