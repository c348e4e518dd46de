#include "headrace/base/process.h"
#include "headrace/cli/schedule_pause.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
struct PauseFlags {
  std::string pipeline, tenant;
};

/// Whether the project has this schedule; a pause of one that does not exist would be lost on nobody.
Status CheckSchedule(const Project& project, const PauseFlags& pause, Diagnostics& diagnostics) {
  const std::vector<PipelineSchedule> schedules = project.Schedules(pause.pipeline, diagnostics);
  if (diagnostics.has_errors()) return Error(ErrorCode::kInvalid, "the schedule does not read");
  if (schedules.empty()) return Error(ErrorCode::kInvalid, "there is no schedule of a pipeline `", pause.pipeline, "`").WithHelp("`headrace schedule list` shows all");
  if (pause.tenant.empty()) return Ok();
  for (const PipelineSchedule& schedule : schedules)
    if (std::find(schedule.tenants.begin(), schedule.tenants.end(), pause.tenant) != schedule.tenants.end()) return Ok();
  return Error(ErrorCode::kInvalid, "the schedule of `", pause.pipeline, "` is not for tenant `", pause.tenant, "`").WithHelp("`headrace schedule list` shows its tenants");
}

int Change(const PauseFlags& pause, bool on, const GlobalFlags& flags) {
  Diagnostics diagnostics;
  const Result<Project> project = LoadProject(flags, "", diagnostics);
  if (diagnostics.has_errors()) return FailWith(diagnostics, flags);
  if (!project.ok()) return Fail(project.status(), flags);
  const Status known = CheckSchedule(*project, pause, diagnostics);
  if (diagnostics.has_errors()) return FailWith(diagnostics, flags);
  if (!known.ok()) return Fail(known, flags);
  const Result<std::unique_ptr<Store>> store = OpenStore(*project);
  if (!store.ok()) return Fail(store.status(), flags);
  RunQueue queue(**store, SystemClock());
  const std::string tenant = pause.tenant.empty() ? "*" : pause.tenant;
  const std::int64_t now = SystemClock().NowMicros();
  const Status done = on ? queue.Pause({pause.pipeline, tenant, UserName(), now, SchedulePause::kOpenEnd}) : queue.Unpause(pause.pipeline, tenant, now);
  if (!done.ok()) return Fail(done, flags);
  if (flags.json) PrintJson(nlohmann::ordered_json({{"pipeline", pause.pipeline}, {"tenant", pause.tenant}, {"paused", on}}));
  else if (!flags.quiet) PrintErr(on ? "paused: its ticks are left out until `headrace schedule resume`; what is queued still runs\n" : "resumed: the next tick runs; those of the pause are not made up for\n");
  return 0;
}
}  // namespace

std::vector<SchedulePause> OpenPauses(const Project& project) {
  if (project.environment().state.empty() && !FileExists(JoinPath(project.root(), ".headrace/state.db"))) return {};
  const Result<std::unique_ptr<Store>> store = OpenStore(project);
  if (!store.ok()) return {};
  Result<std::vector<SchedulePause>> pauses = RunQueue(**store, SystemClock()).Pauses();
  if (!pauses.ok()) return {};
  std::erase_if(*pauses, [](const SchedulePause& pause) { return pause.until_us != SchedulePause::kOpenEnd; });
  return *std::move(pauses);
}

std::string PauseText(const std::vector<SchedulePause>& pauses, const PipelineSchedule& schedule) {
  std::vector<std::string> tenants;
  for (const SchedulePause& pause : pauses) {
    if (pause.pipeline != schedule.pipeline) continue;
    if (pause.tenant == "*") return "paused";
    if (std::find(schedule.tenants.begin(), schedule.tenants.end(), pause.tenant) != schedule.tenants.end()) tenants.push_back(pause.tenant);
  }
  return tenants.empty() ? "" : StrCat("paused for ", Join(tenants, ", "));
}

void AddPauseCommands(CommandLine schedule, const GlobalFlags& flags, Action& action) {
  for (const bool on : {true, false}) {
    auto pause = std::make_shared<PauseFlags>();
    CommandLine command = schedule->add_subcommand(on ? "pause" : "resume", on ? "Leave its ticks out until it is resumed; they are not made up for" : "End a pause");
    command->fallthrough();
    command->add_option("PIPELINE", pause->pipeline, "name of the pipeline")->required();
    command->add_option("--tenant", pause->tenant, "of this tenant alone")->type_name("NAME");
    command->callback([&flags, &action, pause, on] { action = [&flags, pause, on] { return Change(*pause, on, flags); }; });
  }
}

}  // namespace headrace
