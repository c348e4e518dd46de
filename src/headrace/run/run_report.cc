#include "headrace/run/run_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/model.h"
#include "headrace/run/fan_out.h"
#include "headrace/step/step.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
double Seconds(std::int64_t from_us, std::int64_t to_us) { return to_us > from_us ? static_cast<double>(to_us - from_us) / 1e6 : 0; }

std::string Second(std::int64_t us) { return us == 0 ? std::string() : FormatTimestamp(us / 1'000'000 * 1'000'000); }

bool Warned(const StepDetails& details) {
  for (const CheckVerdict& verdict : details.checks)
    if (!verdict.passed) return true;
  return false;
}

StepReport Describe(const RunRecord& run, const StepRecord& record, const StepDetails& details) {
  StepReport step;
  step.name = record.step;
  step.kind = record.kind;
  step.state = record.state == StepState::kSucceeded && Warned(details) ? "warned" : std::string(StateName(record.state));
  step.seconds = record.state == StepState::kReused ? 0 : Seconds(record.started_us, record.finished_us);
  step.started_offset_seconds = Seconds(run.started_us, record.started_us);
  if (const auto main = record.outputs.find(""); main != record.outputs.end()) {
    if (main->second.rows >= 0) step.rows_out = main->second.rows;
    step.artifact_digest = main->second.digest;
  }
  step.message = record.message;
  step.help = record.help;
  step.inputs = details.upstream;
  step.checks = details.checks;
  step.fingerprint = record.fingerprint;
  step.reason = record.reason;
  step.notes = details.notes;
  if (details.items) step.notes.insert(step.notes.begin(), CountsText(*details.items));
  step.delivery = details.delivery;
  return step;
}

std::string DayOrMinute(std::int64_t us) {
  const std::string text = FormatTimestamp(us);
  return text.substr(0, text.ends_with(" 00:00:00") ? 10 : 16);
}

/// What the step's checks measured for earlier intervals, and in this run; one with nothing before it needs no chart.
Result<std::vector<CheckHistory>> Histories(Store& store, const RunRecord& run, const StepReport& step) {
  constexpr std::int64_t kShown = 60;
  std::vector<CheckHistory> histories;
  if (std::none_of(step.checks.begin(), step.checks.end(), [](const CheckVerdict& check) { return check.value.has_value(); })) return histories;
  ASSIGN_OR_RETURN(const std::vector<Measurement> measured, store.ReadMeasurements({.pipeline = run.pipeline, .tenant = run.tenant, .environment = run.environment, .step = step.name,
                                                                                    .before_us = run.interval_start_us, .limit = kShown * std::ssize(step.checks)}));
  for (const CheckVerdict& check : step.checks) {
    CheckHistory history;
    history.measure = check.segment.empty() ? check.measure : StrCat(check.measure, " of ", check.segment);
    const auto known = std::find_if(histories.begin(), histories.end(), [&](const CheckHistory& other) { return other.measure == history.measure; });
    if (!check.value || known != histories.end()) continue;
    for (const Measurement& m : measured) {
      if (m.measure != check.measure || m.segment != check.segment) continue;
      history.points.push_back({DayOrMinute(m.interval_start_us), m.value, m.lower, m.upper, m.verdict});
    }
    const bool band = check.band && !check.band->learning;
    history.points.push_back({DayOrMinute(run.interval_start_us), *check.value, band ? std::optional(check.band->lower) : std::nullopt,
                              band ? std::optional(check.band->upper) : std::nullopt, std::string(VerdictName(check))});
    if (history.points.size() > 1) histories.push_back(std::move(history));
  }
  return histories;
}

std::string Describe(const AliasMove& move) {
  return StrCat(move.alias, ": version ", move.from_version == 0 ? std::string() : StrCat(move.from_version, " -> "), move.to_version, move.by.empty() ? "" : StrCat(" by ", move.by), ", ",
                Second(move.moved_us), " UTC");
}

Result<ModelReport> DescribeModel(Store& store, const RunRecord& run, const StepRecord& record, const ModelDetails& details) {
  ASSIGN_OR_RETURN(const std::string path, store.ArtifactPath(record.outputs.at("")));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Open(path));
  ModelReport report;
  report.step = record.step;
  report.name = details.name;
  report.version = details.version;
  report.gates = details.gates;
  report.champion_version = details.champion_after;
  report.promoted = details.version > 0 && details.champion_after == details.version;
  if (details.version > 0) {
    ASSIGN_OR_RETURN(const std::vector<AliasMove> moves, store.AliasHistory(run.tenant, details.name));
    for (const AliasMove& move : moves)   // newest first; people read the oldest first
      if (move.to_version == details.version || move.from_version == details.version) report.alias_moves.insert(report.alias_moves.begin(), Describe(move));
  }
  UseModelInfo(model->info(), &report);
  ASSIGN_OR_RETURN(const Evaluation evaluation, EvaluationOf(*model));
  UseEvaluation(evaluation, &report);
  ASSIGN_OR_RETURN(report.card, model->Member("card.md"));
  return report;
}

void AddLineage(const StepRecord& record, const StepDetails& details, RunReport& report) {
  for (const auto& [name, artifact] : record.outputs)
    report.lineage.push_back({name.empty() ? record.step : StrCat(record.step, ".", name), artifact.kind, artifact.digest});
  if (details.score) report.lineage.push_back({record.step, StrCat("model ", details.score->model), details.model ? details.model->digest : ""});
  if (details.delivery) report.lineage.push_back({details.delivery->destination, StrCat("delivered by ", record.step), details.delivery->digest});
}
}  // namespace

Result<RunReport> BuildReport(Store& store, const std::string& project, const std::string& id) {
  ASSIGN_OR_RETURN(const RunRecord run, store.GetRun(id));
  ASSIGN_OR_RETURN(const std::vector<StepRecord> records, store.ListSteps(run.id));
  RunReport report;
  report.project = project;
  report.pipeline = run.pipeline;
  report.tenant = run.tenant;
  report.environment = run.environment;
  report.run_id = run.id;
  report.state = StateName(run.state);
  report.exit_code = run.exit_code;
  report.started = Second(run.started_us);
  report.finished = Second(run.finished_us);
  report.seconds = Seconds(run.started_us, run.finished_us);
  report.interval_start = Second(run.interval_start_us);
  report.interval_end = Second(run.interval_end_us);
  report.trigger = run.trigger;
  report.headrace_version = run.version;
  report.code_commit = run.commit;
  report.code_dirty = run.dirty;
  try {
    const nlohmann::json params = ParseJson(run.params);
    if (!params.is_object()) return Error(ErrorCode::kInvalid, "the recorded parameters of run ", run.id, " do not read");
    for (const auto& [name, value] : params.items()) report.parameters.emplace_back(name, value.at("value").get<std::string>());
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::kInvalid, "the recorded parameters of run ", run.id, " do not read: ", error.what());
  }
  for (const StepRecord& record : records) {
    ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(record.details));
    report.steps.push_back(Describe(run, record, details));
    ASSIGN_OR_RETURN(report.steps.back().histories, Histories(store, run, report.steps.back()));
    AddLineage(record, details, report);
    if (details.score) report.scores.push_back(*details.score);
    if (record.kind == "train" && details.model && record.outputs.contains("")) {
      Result<ModelReport> model = DescribeModel(store, run, record, *details.model);
      if (model.ok()) report.models.push_back(std::move(model).value());
      else report.notes.push_back(StrCat("the model of `", record.step, "` cannot be shown: ", model.status().message()));
    }
  }
  // An error of a step is told with the step, a refused gate with its model; what is left belongs to the run.
  const bool told = std::any_of(report.steps.begin(), report.steps.end(), [](const StepReport& s) { return s.state == "failed"; }) ||
                    std::any_of(report.models.begin(), report.models.end(), [](const ModelReport& m) { return std::any_of(m.gates.begin(), m.gates.end(), [](const GateVerdict& g) { return !g.passed; }); });
  if (!told) report.message = run.message;
  return report;
}

}  // namespace headrace
