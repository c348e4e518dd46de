#include "headrace/cli/run_json.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/step/step.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

double Seconds(std::int64_t from_us, std::int64_t to_us) { return to_us > from_us ? static_cast<double>(to_us - from_us) / 1e6 : 0; }

Json Describe(const StepRecord& record, const StepDetails& details) {
  Json step = {{"step", record.step}, {"kind", record.kind}, {"state", StateName(record.state)}, {"seconds", Seconds(record.started_us, record.finished_us)},
               {"attempt", record.attempt}, {"reason", record.reason}};
  if (const auto main = record.outputs.find(""); main != record.outputs.end()) {
    if (main->second.rows >= 0) step["rows"] = main->second.rows;
    step["digest"] = main->second.digest;
  }
  if (!record.reused_from.empty()) step["reused_from"] = record.reused_from;
  if (record.state == StepState::kFailed) {
    step["error"] = record.error_code;
    step["message"] = record.message;
    step["help"] = record.help;
  }
  for (const CheckVerdict& verdict : details.checks) {
    Json& check = step["checks"].emplace_back(Json{{"name", verdict.name}, {"kind", verdict.kind}, {"severity", verdict.severity == Severity::kWarn ? "warn" : "error"},
                                                   {"passed", verdict.passed}, {"rows", verdict.rows}, {"failed_rows", verdict.failed_rows}, {"message", verdict.message}});
    if (!verdict.segment.empty()) check["segment"] = verdict.segment;
    if (verdict.value) check["value"] = *verdict.value;
    if (!verdict.tags.empty()) check["tags"] = verdict.tags;
  }
  if (details.quarantine) step["quarantine"] = {{"rows_in", details.quarantine->rows_in}, {"rows_out", details.quarantine->rows_out}, {"rows_aside", details.quarantine->rows_aside}};
  if (details.delivery) {
    const DeliveryReport& d = *details.delivery;
    step["delivery"] = {{"destination", d.destination}, {"mode", d.mode}, {"inserted", d.inserted}, {"updated", d.updated}, {"deleted", d.deleted},
                        {"unchanged", d.unchanged}, {"revision", d.revision}, {"no_op", d.no_op}, {"preview", d.preview}};
  }
  if (details.items)
    step["items"] = {{"total", details.items->total}, {"succeeded", details.items->succeeded}, {"reused", details.items->reused}, {"skipped", details.items->skipped}, {"failed", details.items->failed}, {"waiting", details.items->waiting}};
  if (!details.child.empty()) step["child"] = details.child;
  if (details.model) {
    step["model"] = {{"name", details.model->name}, {"version", details.model->version}, {"digest", details.model->digest},
                     {"champion", details.model->champion_after}};
    for (const GateVerdict& gate : details.model->gates)
      step["model"]["gates"].push_back({{"gate", gate.text}, {"passed", gate.passed}, {"message", gate.message}});
  }
  return step;
}
}  // namespace

Json IntervalJson(std::int64_t start_us, std::int64_t end_us) { return {{"start", FormatTimestamp(start_us)}, {"end", FormatTimestamp(end_us)}}; }

Result<std::int64_t> RowsDelivered(Store& store, const std::string& run) {
  ASSIGN_OR_RETURN(const std::vector<StepRecord> records, store.ListSteps(run));
  std::int64_t rows = 0;
  for (const StepRecord& record : records) {
    ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(record.details));
    if (details.delivery && record.state == StepState::kSucceeded && !details.delivery->preview && !details.delivery->no_op) rows += details.delivery->rows();
  }
  return rows;
}

Result<std::string> RunJson(Store& store, const RunRecord& run, bool with_steps) {
  ASSIGN_OR_RETURN(const std::int64_t delivered, RowsDelivered(store, run.id));
  Json json = {{"run", run.id}, {"pipeline", run.pipeline}, {"tenant", run.tenant}, {"environment", run.environment},
               {"interval", IntervalJson(run.interval_start_us, run.interval_end_us)},
               {"state", StateName(run.state)}, {"exit_code", run.exit_code}, {"message", run.message}, {"started", FormatTimestamp(run.started_us)},
               {"seconds", Seconds(run.started_us, run.finished_us)}, {"rows_delivered", delivered}};
  if (with_steps) {
    json["steps"] = Json::array();
    ASSIGN_OR_RETURN(const std::vector<StepRecord> records, store.ListSteps(run.id));
    for (const StepRecord& record : records) {
      ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(record.details));
      json["steps"].push_back(Describe(record, details));
    }
  }
  return DumpJson(json, 2);
}

}  // namespace headrace
