#include "headrace/run/project_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "headrace/base/json.h"
#include "headrace/base/version.h"
#include "headrace/step/step.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr std::int64_t kMinute = 60'000'000, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::int64_t kRunsEach = 40;       // looked at for each pipeline and client: some intervals ran more than once

std::string Minute(std::int64_t us) { return us == 0 ? std::string() : FormatTimestamp(us).substr(0, 16); }
/// A date where it says all, else with the time.
std::string Moment(std::int64_t us) { return FormatTimestamp(us).substr(0, us % kDay == 0 ? 10 : 16); }

/// "42 min", "3 h", "12 days": one unit is enough to know how bad it is.
std::string Span(std::int64_t us) {
  const auto of = [](std::int64_t count, std::string_view one, std::string_view many) { return StrCat(FormatCount(count), " ", count == 1 ? one : many); };
  if (us < 2 * kHour) return of(us / kMinute, "min", "min");
  return us < 2 * kDay ? of(us / kHour, "h", "h") : of(us / kDay, "day", "days");
}

Interval IntervalOf(const RunRecord& run) { return {run.interval_start_us, run.interval_end_us}; }

Result<RunCell> Describe(Store& store, const RunRecord& run) {
  RunCell cell;
  cell.run = run.id;
  cell.state = StateName(run.state);
  cell.started = Minute(run.started_us);
  if (run.finished_us > run.started_us) cell.seconds = static_cast<double>(run.finished_us - run.started_us) / 1e6;
  if (run.state != RunState::kSucceeded) cell.message = run.message;
  ASSIGN_OR_RETURN(const std::vector<StepRecord> records, store.ListSteps(run.id));
  for (const StepRecord& record : records) {
    if (record.kind != "deliver") continue;
    if (!cell.rows) cell.rows = 0;
    ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(record.details));
    if (details.delivery && record.state == StepState::kSucceeded && !details.delivery->preview) *cell.rows += details.delivery->rows();
  }
  return cell;
}

/// The newest run of an interval is what counts for it; `runs` are newest first.
const RunRecord* RunOf(const std::vector<RunRecord>& runs, const Interval& interval) {
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const RunRecord& run) { return IntervalOf(run) == interval; });
  return found == runs.end() ? nullptr : &*found;
}

/// The run that says how a client stands: the last one, unless the newest interval has none that succeeded (an older one that ran again hides nothing).
const RunRecord& Telling(const std::vector<RunRecord>& runs) {
  const auto newest = std::max_element(runs.begin(), runs.end(), [](const RunRecord& a, const RunRecord& b) { return a.interval_end_us < b.interval_end_us; });   // of equal ones the first, which is the newest run
  return newest->state == RunState::kSucceeded ? runs.front() : *newest;
}

void JudgeTime(const ScheduleView& schedule, const std::vector<RunRecord>& runs, std::int64_t now_us, ClientRow& row) {
  row.next = schedule.next;
  row.finish_by = schedule.finish_by;
  if (!schedule.newest || !schedule.finish_by_us) return;
  const std::int64_t due = *schedule.finish_by_us;
  std::optional<std::int64_t> ready;      // the first success counts: a run again later makes nothing late
  for (const RunRecord& run : runs)
    if (run.state == RunState::kSucceeded && IntervalOf(run) == *schedule.newest) ready = run.finished_us;
  row.late = ready.value_or(now_us) > due;
  if (!row.late) row.lateness = ready ? std::string("on time") : StrCat("due in ", Span(due - now_us));
  else row.lateness = ready ? StrCat("ready ", Span(*ready - due), " late") : StrCat("not ready, ", Span(now_us - due), " late");
}

/// The columns: intervals that ran, or should have, the newest first.
std::vector<Interval> NewestIntervals(const std::vector<std::vector<RunRecord>>& runs, const std::vector<const ScheduleView*>& schedules, std::size_t most) {
  const auto newer = [](const Interval& a, const Interval& b) { return std::pair(a.end_us, a.start_us) > std::pair(b.end_us, b.start_us); };
  std::set<Interval, decltype(newer)> all(newer);
  for (const auto& of_client : runs)
    for (const RunRecord& run : of_client) all.insert(IntervalOf(run));
  for (const ScheduleView* schedule : schedules)
    if (schedule != nullptr && schedule->newest && schedule->finish_by_us) all.insert(*schedule->newest);
  std::vector<Interval> newest(all.begin(), all.end());
  newest.resize(std::min(newest.size(), most));
  return newest;
}

Result<PipelineGrid> BuildGrid(Store& store, const ProjectReportRequest& request, const std::string& pipeline, const std::map<std::string, std::vector<RunRecord>>& runs_of) {
  PipelineGrid grid;
  grid.pipeline = pipeline;
  std::vector<std::vector<RunRecord>> runs;
  std::vector<const ScheduleView*> schedules;
  std::set<std::string> tenants;
  for (const auto& of : runs_of) tenants.insert(of.first);
  for (const ScheduleView& schedule : request.schedules)
    if (schedule.pipeline == pipeline) tenants.insert(schedule.tenant);
  for (const std::string& tenant : tenants) {
    const auto found = runs_of.find(tenant);
    runs.push_back(found == runs_of.end() ? std::vector<RunRecord>() : found->second);
    const auto schedule = std::find_if(request.schedules.begin(), request.schedules.end(), [&](const ScheduleView& s) { return s.pipeline == pipeline && s.tenant == tenant; });
    schedules.push_back(schedule == request.schedules.end() ? nullptr : &*schedule);
    if (schedules.back() != nullptr && grid.schedule.empty()) grid.schedule = schedules.back()->schedule;
  }
  const std::vector<Interval> intervals = NewestIntervals(runs, schedules, request.intervals);
  for (const Interval& interval : intervals) grid.intervals.emplace_back(Moment(interval.start_us), Moment(interval.end_us));
  std::size_t i = 0;
  for (const std::string& tenant : tenants) {
    ClientRow row;
    row.tenant = tenant;
    if (schedules[i] != nullptr) JudgeTime(*schedules[i], runs[i], request.now_us, row);
    for (const Interval& interval : intervals) {
      RunCell cell;
      if (const RunRecord* run = RunOf(runs[i], interval)) {
        ASSIGN_OR_RETURN(cell, Describe(store, *run));
      }
      cell.late = row.late && interval == *schedules[i]->newest;
      row.cells.push_back(std::move(cell));
    }
    if (!runs[i].empty()) {
      const RunRecord& last = Telling(runs[i]);
      ASSIGN_OR_RETURN(row.last, Describe(store, last));
      row.last_interval_end = Moment(last.interval_end_us);
    }
    grid.clients.push_back(std::move(row));
    ++i;
  }
  return grid;
}

/// The few metrics that say most, in the order people ask for them.
std::vector<std::pair<std::string, double>> MainMetrics(const std::string& json) {
  std::vector<std::pair<std::string, double>> found;
  const nlohmann::json metrics = ParseJson(json);
  if (!metrics.is_object()) return found;
  for (const auto& [key, label] : {std::pair{"auc", "AUC"}, {"ece", "ECE"}, {"lift@10%", "lift@10%"}, {"accuracy", "accuracy"}, {"rmse", "RMSE"}, {"mae", "MAE"}, {"r2", "R²"}, {"logloss", "log loss"}})
    if (metrics.contains(key) && metrics.at(key).is_number() && found.size() < 3) found.emplace_back(label, metrics.at(key).get<double>());
  return found;
}

Result<std::vector<ChampionLine>> BuildChampions(Store& store, const std::set<std::string>& tenants, std::int64_t now_us) {
  ASSIGN_OR_RETURN(const std::vector<ModelVersion> models, store.ListModels("", ""));      // by tenant and name, newest first
  std::vector<ChampionLine> lines;
  for (const ModelVersion& model : models) {
    if (!tenants.contains(model.tenant)) continue;
    if (lines.empty() || lines.back().tenant != model.tenant || lines.back().name != model.name) {
      lines.push_back({});
      lines.back().tenant = model.tenant;
      lines.back().name = model.name;
      lines.back().newest = model.version;
    }
    if (std::find(model.aliases.begin(), model.aliases.end(), "champion") == model.aliases.end()) continue;
    lines.back().version = model.version;
    lines.back().age = Span(std::max<std::int64_t>(0, now_us - model.created_us));
    lines.back().run = model.run;
    lines.back().metrics = MainMetrics(model.metrics);
  }
  return lines;
}
}  // namespace

Result<ProjectReport> BuildProjectReport(Store& store, const ProjectReportRequest& request) {
  ProjectReport report;
  report.project = request.project;
  report.environment = request.environment;
  report.written = Minute(request.now_us);
  report.headrace_version = ThisBuild().version;
  std::set<std::string> tenants(request.tenants.begin(), request.tenants.end());
  tenants.insert("");
  ASSIGN_OR_RETURN(const std::vector<RunRecord> all, store.NewestRuns(kRunsEach));
  std::map<std::string, std::map<std::string, std::vector<RunRecord>>> runs;
  for (const RunRecord& run : all)
    if (run.trigger != "dry run" && run.environment == request.environment && tenants.contains(run.tenant)) runs[run.pipeline][run.tenant].push_back(run);
  for (const std::string& pipeline : request.pipelines) {
    ASSIGN_OR_RETURN(PipelineGrid grid, BuildGrid(store, request, pipeline, runs[pipeline]));
    if (const auto owner = request.owners.find(pipeline); owner != request.owners.end()) grid.owner = owner->second;
    if (!grid.clients.empty()) report.pipelines.push_back(std::move(grid));
  }
  ASSIGN_OR_RETURN(report.champions, BuildChampions(store, tenants, request.now_us));
  return report;
}

}  // namespace headrace
