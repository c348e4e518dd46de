// The pages: of one run, or of the whole project with the pages of its runs beside.

#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <set>

#include "headrace/base/clock.h"
#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/run/project_report.h"
#include "headrace/run/run_report.h"
#include "headrace/schedule/ticks.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
struct ReportFlags {
  std::string run, out;
  bool all = false;
};

int ReportRun(const std::string& id, std::string out, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<RunReport> report = BuildReport(*open->store, open->name, id);
  if (!report.ok()) return Fail(report.status(), flags);
  if (out.empty()) out = StrCat("report-", report->run_id, ".html");
  if (const Status written = WriteFileAtomically(out, RenderHtml(*report)); !written.ok()) return Fail(written, flags);
  if (flags.json) PrintJson(nlohmann::ordered_json({{"run", report->run_id}, {"report", out}}));
  else if (!flags.quiet) PrintErr(StrCat("wrote ", out, "\n"));
  return 0;
}

std::string Local(const Ticks& ticks, std::int64_t us) { return FormatTimestamp(us + ticks.zone().At(us / 1'000'000).offset_s * 1'000'000).substr(0, 16); }

/// What the schedules say at `now_us`; lateness only where schedules start runs.
Result<std::vector<ScheduleView>> ViewSchedules(const Project& project, std::int64_t now_us) {
  std::vector<ScheduleView> views;
  Diagnostics diagnostics;
  for (const PipelineSchedule& schedule : project.Schedules("", diagnostics)) {
    ASSIGN_OR_RETURN(const Ticks ticks, Ticks::Make(schedule.spec));
    const auto* cron = std::get_if<CronExpression>(&schedule.spec.when);
    ScheduleView view;
    view.pipeline = schedule.pipeline;
    view.schedule = StrCat(cron != nullptr ? cron->text : StrCat("every ", std::get<Period>(schedule.spec.when).text), ", ", schedule.spec.timezone, project.environment().schedules ? "" : " (schedules are off here)");
    const std::optional<Tick> next = ticks.Next(now_us);
    if (next) view.next = Local(ticks, next->at_us);
    const std::optional<Tick> newest = next ? ticks.Next(next->interval.start_us - 1) : std::nullopt;      // intervals are adjacent
    if (newest && newest->at_us <= now_us && project.environment().schedules) {
      view.newest = newest->interval;
      view.finish_by_us = ticks.FinishBy(*newest);
      if (view.finish_by_us) view.finish_by = Local(ticks, *view.finish_by_us);
    }
    if (!schedule.by_tenant) views.push_back(view);
    for (const std::string& tenant : schedule.tenants) {
      views.push_back(view);
      views.back().tenant = tenant;
    }
  }
  if (diagnostics.has_errors()) return Error(ErrorCode::kInvalid, "the schedules of the project have errors").WithHelp("`headrace validate` shows them");
  return views;
}

/// Whether the page at `path` says all that the run will ever say: it was written after the run ended.
bool IsUpToDate(const std::string& path, const RunRecord& run) {
  struct stat info;
  if (run.finished_us == 0 || run.state == RunState::kRunning || run.state == RunState::kWaiting || ::stat(path.c_str(), &info) != 0) return false;
  return static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000 + info.st_mtim.tv_nsec / 1000 > run.finished_us;
}

/// The pages that the project's page leads to, those that are missing or that changed; how many were written.
Result<std::int64_t> WriteRunPages(Store& store, const ProjectReport& project, const std::string& folder) {
  std::set<std::string> ids;
  for (const PipelineGrid& grid : project.pipelines)
    for (const ClientRow& client : grid.clients) {
      ids.insert(client.last.run);
      for (const RunCell& cell : client.cells) ids.insert(cell.run);
    }
  for (const ChampionLine& line : project.champions) ids.insert(line.run);
  ids.erase("");
  RETURN_IF_ERROR(MakeDirectories(folder));
  std::int64_t written = 0;
  for (const std::string& id : ids) {
    const Result<RunRecord> run = store.GetRun(id);
    if (!run.ok()) continue;                       // removed by gc meanwhile
    const std::string path = StrCat(folder, "/", id, ".html");
    if (IsUpToDate(path, *run)) continue;
    ASSIGN_OR_RETURN(const RunReport report, BuildReport(store, project.project, id));
    RETURN_IF_ERROR(WriteFileAtomically(path, RenderHtml(report)));
    ++written;
  }
  return written;
}

int ReportAll(std::string out, const GlobalFlags& flags) {
  Diagnostics diagnostics;
  const Result<Project> project = LoadProject(flags, "", diagnostics);
  if (!project.ok()) return Fail(project.status(), flags);
  if (diagnostics.has_errors()) return FailWith(diagnostics, flags);
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  ProjectReportRequest request;
  request.project = project->name();
  request.environment = project->environment().name;
  request.pipelines = project->pipelines();
  request.tenants = project->tenants();
  for (const std::string& pipeline : request.pipelines)
    if (std::string owner = project->OwnerOf(pipeline); !owner.empty()) request.owners[pipeline] = std::move(owner);
  request.now_us = SystemClock().NowMicros();
  const Result<std::vector<ScheduleView>> schedules = ViewSchedules(*project, request.now_us);
  if (!schedules.ok()) return Fail(schedules.status(), flags);
  request.schedules = *schedules;
  const Result<ProjectReport> report = BuildProjectReport(*open->store, request);
  if (!report.ok()) return Fail(report.status(), flags);
  if (out.empty()) out = "report/index.html";
  const Result<std::int64_t> pages = WriteRunPages(*open->store, *report, JoinPath(ParentPath(out), "runs"));
  if (!pages.ok()) return Fail(pages.status(), flags);
  if (const Status written = WriteFileAtomically(out, RenderHtml(*report)); !written.ok()) return Fail(written, flags);      // last: its links lead somewhere
  if (flags.json) PrintJson(nlohmann::ordered_json({{"report", out}, {"pages_written", *pages}, {"verdict", MakeVerdict(*report).sentence}}));
  else if (!flags.quiet) PrintErr(StrCat(MakeVerdict(*report).sentence, "\nwrote ", out, " and ", Counted(*pages, "page"), " of runs beside it\n"));
  return 0;
}
}  // namespace

void AddReportCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("report", "Write the HTML report of a run, or of the whole project: pages that need no network");
  auto report = std::make_shared<ReportFlags>();
  report->run = "last";
  Option run = command->add_option("RUN", report->run, "id of a run, the beginning of one, or `last`")->capture_default_str();
  command->add_flag("--all", report->all, "the whole project: clients, pipelines and intervals, with the pages of their runs beside, in runs/")->excludes(run);
  command->add_option("-o,--output", report->out, "the file (default: report-RUN.html; with --all: report/index.html)")->type_name("FILE");
  command->callback([&flags, &action, report] {
    action = [&flags, report] { return report->all ? ReportAll(report->out, flags) : ReportRun(report->run, report->out, flags); };
  });
}

}  // namespace headrace
