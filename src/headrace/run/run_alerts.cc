// What a run's end looks like to people. The words are those of its record, which hold no row and no secret: the sample rows that a check keeps for the report on
// this machine stay there.

#include "headrace/run/run_alerts.h"

#include <algorithm>

#include "headrace/run/run_loop.h"

namespace headrace {

namespace {
constexpr std::int64_t kHistory = 200;       // runs of all tenants when there is none; enough to say since when
constexpr std::size_t kShown = 5;

std::string Minute(std::int64_t micros) { return FormatTimestamp(micros).substr(0, 16); }

Alert Basis(const AlertRules& rules, AlertEvent event, const RunRecord& run, std::int64_t now_us) {
  Alert alert;
  alert.event = event;
  alert.at_us = now_us;
  alert.project = rules.project;
  alert.environment = run.environment;
  alert.owner = rules.owner;
  alert.runbook = rules.runbook;
  alert.pipeline = run.pipeline;
  alert.tenant = run.tenant;
  alert.run = run.id;
  alert.id = StrCat(run.id, ".", run.epoch, ".", AlertEventName(event));
  if (run.interval_start_us != run.interval_end_us) alert.interval = StrCat(FormatTimestamp(run.interval_start_us), " to ", FormatTimestamp(run.interval_end_us));
  return alert;
}

/// Runs before this one that ended, newest first.
Result<std::vector<RunRecord>> Before(Store& store, const RunRecord& run) {
  ASSIGN_OR_RETURN(std::vector<RunRecord> runs, store.ListRuns({run.pipeline, run.tenant, kHistory}));
  std::erase_if(runs, [&](const RunRecord& other) {
    const bool ended = other.state == RunState::kSucceeded || other.state == RunState::kFailed;
    return other.id == run.id || other.tenant != run.tenant || other.environment != run.environment || !other.parent.empty() || other.trigger == kDryRun || !ended;
  });
  return runs;
}

std::string Since(const std::vector<RunRecord>& before, const RunRecord& run) {
  std::int64_t since_us = run.started_us, count = 1;
  for (const RunRecord& other : before) {
    if (other.state != RunState::kFailed) break;
    since_us = other.started_us;
    ++count;
  }
  return count == 1 ? StrCat(Minute(since_us), " UTC") : StrCat(Minute(since_us), " UTC, ", count, " runs in a row");
}

/// The message without what differs from client to client: numbers, and the client's name.
std::string Alike(const StepRecord& step, const std::string& tenant) {
  std::string text = StrCat(step.step, "\n", step.error_code, "\n");
  for (const char c : tenant.empty() ? step.message : ReplaceAll(step.message, tenant, "*")) {
    if (c >= '0' && c <= '9') {
      if (text.back() != '#') text += '#';
    } else if (c != ',' && c != '.') {
      text += c;
    }
  }
  return text;
}

const StepRecord* FirstFailed(const std::vector<StepRecord>& steps) {
  const auto before = [](const StepRecord& a, const StepRecord& b) { return a.finished_us < b.finished_us; };
  const StepRecord* first = nullptr;
  for (const StepRecord& step : steps)
    if (step.state == StepState::kFailed && (first == nullptr || before(step, *first))) first = &step;
  return first;
}

Alert Failed(const AlertRules& rules, const RunRecord& run, const std::vector<StepRecord>& steps, const std::vector<RunRecord>& before, std::int64_t now_us) {
  Alert alert = Basis(rules, AlertEvent::kFailed, run, now_us);
  alert.message = run.message;
  alert.alike = run.message;
  alert.look = {StrCat("headrace show ", run.id)};
  if (const StepRecord* step = FirstFailed(steps)) {
    alert.step = step->step;
    alert.message = step->message;
    alert.help = step->help;
    alert.alike = Alike(*step, run.tenant);
    alert.look.push_back(StrCat("headrace logs ", run.id, " ", step->step));
  }
  alert.since = Since(before, run);
  for (const StepRecord& step : steps)
    if (step.kind == "deliver" && (step.state == StepState::kSkipped || step.state == StepState::kFailed)) alert.held_back.push_back(step.step);
  return alert;
}

/// Up to some lines, and how many more.
std::string Lines(const std::vector<std::string>& lines) {
  std::string out;
  for (std::size_t i = 0; i < std::min(lines.size(), kShown); ++i) out += StrCat(i == 0 ? "" : "\n", lines[i]);
  if (lines.size() > kShown) out += StrCat("\nand ", lines.size() - kShown, " more");
  return out;
}
}  // namespace

Result<std::vector<Alert>> AlertsOfRun(const AlertRules& rules, Store& store, const RunRecord& run, const std::vector<StepRecord>& steps, const std::map<std::string, StepDetails>& details, std::int64_t now_us) {
  std::vector<Alert> alerts;
  const bool failed = run.state == RunState::kFailed;
  if (rules.Wants(failed ? AlertEvent::kFailed : AlertEvent::kRecovered)) {
    ASSIGN_OR_RETURN(const std::vector<RunRecord> before, Before(store, run));
    if (failed) {
      alerts.push_back(Failed(rules, run, steps, before, now_us));
    } else if (!before.empty() && before.front().state == RunState::kFailed) {
      alerts.push_back(Basis(rules, AlertEvent::kRecovered, run, now_us));
      alerts.back().message = StrCat("the run succeeded; the one before, ", before.front().id, ", had failed");
      alerts.back().alike = "recovered";
      alerts.back().look = {StrCat("headrace show ", run.id)};
    }
  }
  std::vector<std::string> warned, refused;
  std::string warned_step, refused_step;
  for (const StepRecord& step : steps) {
    const auto found = details.find(step.step);
    if (found == details.end() || step.state == StepState::kReused) continue;
    for (const CheckVerdict& verdict : found->second.checks)
      if (!verdict.passed && verdict.severity == Severity::kWarn) {
        warned.push_back(StrCat("step `", step.step, "`, check `", verdict.name, "`: ", verdict.message));
        if (warned_step.empty()) warned_step = step.step;
      }
    if (found->second.model)
      for (const GateVerdict& gate : found->second.model->gates)
        if (!gate.passed) refused.push_back(StrCat("`", gate.text, "`: ", gate.message)), refused_step = step.step;
  }
  if (!warned.empty() && rules.Wants(AlertEvent::kCheckWarned)) {
    Alert& alert = alerts.emplace_back(Basis(rules, AlertEvent::kCheckWarned, run, now_us));
    alert.step = warned_step;
    alert.message = Lines(warned);
    alert.alike = StrCat("warned ", warned_step);
    alert.look = {StrCat("headrace show ", run.id)};
  }
  if (!refused.empty() && rules.Wants(AlertEvent::kGateRefused)) {
    Alert& alert = alerts.emplace_back(Basis(rules, AlertEvent::kGateRefused, run, now_us));
    alert.step = refused_step;
    alert.message = StrCat(Lines(refused), "\nthe champion stays");
    alert.alike = StrCat("refused ", refused_step);
    alert.look = {StrCat("headrace show ", run.id)};
  }
  return alerts;
}

Alert AlertOfRequest(const AlertRules& rules, AlertEvent event, const RunRequest& request, const std::string& message, std::int64_t now_us) {
  RunRecord run;               // what the run is or would be
  run.id = request.run;
  run.pipeline = request.pipeline;
  run.tenant = request.tenant;
  run.environment = request.environment;
  run.interval_start_us = request.interval_start_us;
  run.interval_end_us = request.interval_end_us;
  Alert alert = Basis(rules, event, run, now_us);
  alert.id = StrCat(request.id, ".", AlertEventName(event));
  alert.message = message;
  alert.alike = event == AlertEvent::kLate ? "late" : message;
  alert.look = {run.id.empty() ? StrCat("headrace schedule list") : StrCat("headrace show ", run.id)};
  return alert;
}

}  // namespace headrace
