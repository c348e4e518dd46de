#include "headrace/step/step.h"

#include <iterator>

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
    case StepKind::kAggregate: return RunAggregate(context);
    case StepKind::kTrain: return RunTrain(context);
    case StepKind::kScore: return RunScore(context);
    case StepKind::kDeliver: return RunDeliver(context);
    case StepKind::kCommand: return RunCommand(context);
    case StepKind::kUnion: return RunUnion(context);
    case StepKind::kPipeline: break;
  }
  return Error(ErrorCode::kInternal, "unknown kind of step");
}

/// An engine that answers the queries of `sql` checks: it knows the dataset at `path` by the step's name, and the others they read.
Result<std::unique_ptr<Engine>> OpenCheckEngine(const StepContext& context, const std::string& path) {
  Engine::Options options;
  options.temp_directory = context.store().ScratchPath("-spill");
  options.allowed_files = {path};
  for (const auto& [name, input] : context.inputs) options.allowed_files.push_back(input.path);
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(engine->AddParquet(context.step->bare_name, path));
  for (const auto& [name, input] : context.inputs)
    if (name.starts_with(kCheckInput)) RETURN_IF_ERROR(engine->AddParquet(name.substr(kCheckInput.size()), input.path));
  return engine;
}

/// Rows on their way to a scan of checks, which drift checks count as they pass.
class CountedRows : public TableStream {
 public:
  CountedRows(std::unique_ptr<TableStream> rows, std::vector<DriftCheck>& drifts) : rows_(std::move(rows)), drifts_(drifts) {}
  const Schema& schema() const override { return rows_->schema(); }
  Result<std::optional<Table>> Next() override {
    ASSIGN_OR_RETURN(std::optional<Table> block, rows_->Next());
    if (block)
      for (DriftCheck& drift : drifts_) drift.Add(*block);
    return block;
  }

 private:
  std::unique_ptr<TableStream> rows_;
  std::vector<DriftCheck>& drifts_;
};

/// Judge the step's checks on the dataset at `path`, in one scan of it, each verdict beside those that are there.
Status Judge(const StepContext& context, const std::string& path, StepDetails& details, BadRows* bad_rows) {
  if (context.progress) context.progress("checking", 0.9);
  std::unique_ptr<Engine> engine;
  CheckContext around;
  around.until_us = context.pipeline().interval.end_us;
  around.bad_rows = bad_rows;
  around.threads = context.run->threads;
  around.open = [&context](const std::string& dataset) -> Result<std::unique_ptr<TableStream>> {
    const auto input = context.inputs.find(StrCat(kCheckInput, dataset));
    if (input == context.inputs.end()) return Error(ErrorCode::kInvalid, "`", dataset, "` is not read by this step");
    return StreamParquet(input->second.path);
  };
  around.query = [&](const CheckSpec& check) -> Result<std::unique_ptr<TableStream>> {
    if (engine == nullptr) {
      ASSIGN_OR_RETURN(engine, OpenCheckEngine(context, path));
    }
    return engine->Query(check.query, Bind(check.bind));
  };
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, StreamParquet(path));
  std::vector<CheckSpec> scanned;
  std::vector<DriftCheck> drifts;
  std::vector<std::uint32_t> places;
  for (const CheckSpec& check : context.step->checks) {
    if (check.kind == CheckSpec::Kind::kDrift) {
      ASSIGN_OR_RETURN(DriftCheck drift, DriftCheck::Make(context, check, rows->schema()));
      drifts.push_back(std::move(drift));
      continue;
    }
    places.push_back(static_cast<std::uint32_t>(scanned.size() + drifts.size()));
    scanned.push_back(check);
  }
  CountedRows counted(std::move(rows), drifts);
  ASSIGN_OR_RETURN(std::vector<CheckVerdict> verdicts, RunChecks(scanned, counted, around));
  if (bad_rows != nullptr)
    for (BadRows::Row& row : bad_rows->rows)
      for (std::uint32_t& check : row.checks) check = places[check];
  for (DriftCheck& drift : drifts) {
    ASSIGN_OR_RETURN(CheckVerdict verdict, drift.Conclude(context));
    verdicts.push_back(std::move(verdict));
  }
  RETURN_IF_ERROR(JudgeBaselines(context, verdicts));
  std::move(verdicts.begin(), verdicts.end(), std::back_inserter(details.checks));
  return Ok();
}

Status Check(const StepContext& context, const std::string& path, StepDetails& details) {
  if (!context.step->checks.empty()) RETURN_IF_ERROR(Judge(context, path, details, nullptr));
  return ToStatus(context.step->name, details.checks);
}

Status CheckMain(const StepContext& context, StepFiles& files) {
  const auto main = files.files.find("");
  if (main == files.files.end() || main->second.kind != "dataset") return Ok();
  if (context.step->kind == StepKind::kExtract && main->second.rows == 0)
    if (std::optional<CheckVerdict> empty = JudgeEmpty(context)) files.details.checks.push_back(*std::move(empty));
  if (!context.step->quarantine_at_most) return Check(context, main->second.path, files.details);
  BadRows bad;
  ASSIGN_OR_RETURN(const std::int64_t rows, ParquetRowCount(main->second.path));
  bad.limit = QuarantineLimit(*context.step, rows);
  RETURN_IF_ERROR(Judge(context, main->second.path, files.details, &bad));
  return PutAside(context, bad, files);
}

/// Rows that were there before this interval are told only now that they have their digest.
Status CheckUnchanged(const StepContext& context, const std::map<std::string, ArtifactRef>& outputs, StepDetails& details) {
  const auto main = outputs.find("");
  if (context.step->kind != StepKind::kExtract || main == outputs.end()) return Ok();
  ASSIGN_OR_RETURN(std::optional<CheckVerdict> unchanged, JudgeUnchanged(context.store(), context.pipeline(), *context.step, main->second));
  if (unchanged) details.checks.push_back(*std::move(unchanged));
  return ToStatus(context.step->name, details.checks);
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
  if (outcome.status.ok()) outcome.status = CheckUnchanged(context, outcome.outputs, files->details);
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

std::map<std::string, StepInputFile> OwnInputs(const StepContext& context) {
  std::map<std::string, StepInputFile> inputs = context.inputs;
  std::erase_if(inputs, [](const auto& input) { return input.first.starts_with(kCheckInput); });
  return inputs;
}

SqlParameters Bind(const BoundValues& values) { return SqlParameters(values.begin(), values.end()); }

std::shared_ptr<void> CancelsWith(const StepContext& context, std::function<void()> act) {
  return context.on_cancel ? context.on_cancel(std::move(act)) : nullptr;
}

}  // namespace headrace
