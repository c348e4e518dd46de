#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "headrace/base/clock.h"
#include "headrace/cli/command.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_request.h"
#include "headrace/cli/schedule_pause.h"
#include "headrace/schedule/ticks.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

struct ScheduleFlags {
  RunTarget target;
  std::string from;
  int count = 5;
};

std::string LocalMinute(std::int64_t utc_us, std::int64_t offset_s) { return FormatTimestamp(utc_us + offset_s * 1'000'000).substr(0, 16); }

/// "+02:00"; seconds only where a zone has some.
std::string OffsetText(std::int64_t offset_s) {
  const auto size = static_cast<int>(offset_s < 0 ? -offset_s : offset_s);
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", offset_s < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  std::string out = text.data();
  if (size % 60 != 0) out += StrCat(":", size % 60 < 10 ? "0" : "", size % 60);
  return out;
}

/// "clock goes forward at 02:00 to 03:00".
std::string ChangeText(const std::vector<ClockChange>& changes) {
  std::vector<std::string> texts;
  for (const ClockChange& change : changes)
    texts.push_back(StrCat("clock goes ", change.to_offset_s > change.from_offset_s ? "forward" : "back", " at ", LocalMinute(change.at_us, change.from_offset_s).substr(11), " to ",
                           LocalMinute(change.at_us, change.to_offset_s).substr(11)));
  return Join(texts, ", ");
}

std::string WhenText(const ScheduleSpec& spec) {
  const auto* cron = std::get_if<CronExpression>(&spec.when);
  return cron != nullptr ? cron->text : StrCat("every ", std::get<Period>(spec.when).text);
}

Json TickJson(const Ticks& ticks, const Tick& tick) {
  const OffsetSpan span = ticks.zone().At(tick.at_us / 1'000'000);
  const std::string change = ChangeText(ticks.ChangesOnDayOf(tick.at_us));
  const std::optional<std::int64_t> finish_by = ticks.FinishBy(tick);
  return {{"at", FormatTimestamp(tick.at_us)}, {"local", FormatTimestamp(tick.at_us + span.offset_s * 1'000'000)}, {"offset", OffsetText(span.offset_s)}, {"zone", span.abbreviation},
          {"interval", IntervalJson(tick.interval.start_us, tick.interval.end_us)},
          {"finish_by", finish_by ? Json(FormatTimestamp(*finish_by)) : Json()}, {"moved", tick.moved}, {"clock_change", change.empty() ? Json() : Json(change)}};
}

Json ScheduleJson(const PipelineSchedule& schedule) {
  const ScheduleSpec& spec = schedule.spec;
  return {{"pipeline", schedule.pipeline}, {"tenants", schedule.by_tenant ? Json(schedule.tenants) : Json()}, {std::holds_alternative<CronExpression>(spec.when) ? "cron" : "every",
           std::holds_alternative<CronExpression>(spec.when) ? std::get<CronExpression>(spec.when).text : std::get<Period>(spec.when).text}, {"timezone", spec.timezone}};
}

/// The project's schedules, of one pipeline when the command line names one. When there is none to show, `exit_code` is set and all has been said.
std::optional<std::vector<PipelineSchedule>> LoadSchedules(const Project& project, const RunTarget& target, const GlobalFlags& flags, int* exit_code) {
  const std::string name = NamesFile(target.pipeline) ? project.opened_pipeline() : target.pipeline;
  const std::vector<std::string> names = project.pipelines();
  Diagnostics diagnostics;
  std::vector<PipelineSchedule> found = project.Schedules(name, diagnostics);
  if (diagnostics.has_errors()) {
    *exit_code = FailWith(diagnostics, flags);
    return std::nullopt;
  }
  if (name.empty() || !found.empty()) return found;
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    *exit_code = Fail(Error(ErrorCode::kInvalid, "pipeline `", name, "` has no schedule").WithHelp("add `schedule: {cron: \"0 6 * * MON\"}` to its file"), flags);
  } else {
    const std::string near = NearestName(name, names);
    *exit_code = Fail(Error(ErrorCode::kInvalid, "no pipeline `", name, "`").WithHelp(near.empty() ? StrCat("pipelines: ", Join(names, ", ")) : StrCat("did you mean `", near, "`?")), flags);
  }
  return std::nullopt;
}

/// Both commands: `list` has one row a schedule, `next` one a tick.
int Show(const ScheduleFlags& schedule_flags, bool list, const GlobalFlags& flags) {
  int exit_code = 0;
  const std::optional<Project> project = LoadTarget(schedule_flags.target, flags, &exit_code);
  if (!project) return exit_code;
  const std::optional<std::vector<PipelineSchedule>> schedules = LoadSchedules(*project, schedule_flags.target, flags, &exit_code);
  if (!schedules) return exit_code;
  std::int64_t from_us = SystemClock().NowMicros();
  if (!schedule_flags.from.empty()) {
    const Result<std::int64_t> from = ParseTimestamp(schedule_flags.from);
    if (!from.ok()) return Fail(from.status(), flags);
    from_us = *from - 1;                 // a tick at that very moment counts
  }
  if (!project->environment().schedules && !flags.quiet && !schedules->empty())
    PrintErr(StrCat("note: the environment `", project->environment().name, "` has `schedules: off`: nothing starts by itself here\n"));
  const std::vector<SchedulePause> pauses = list ? OpenPauses(*project) : std::vector<SchedulePause>();
  Json all = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const PipelineSchedule& schedule : *schedules) {
    const Result<Ticks> made = Ticks::Make(schedule.spec);
    if (!made.ok()) return Fail(made.status(), flags);
    const std::string tenants = Join(schedule.tenants, ", ");
    std::int64_t after_us = from_us;
    Json entry = ScheduleJson(schedule);
    const std::string paused = list ? PauseText(pauses, schedule) : "";
    if (list) entry["active"] = project->environment().schedules;
    if (list) entry["paused"] = paused.empty() ? Json() : Json(paused);
    const int count = list ? 1 : schedule_flags.count;
    Json next = Json::array();
    for (int i = 0; i < count; ++i) {
      const std::optional<Tick> tick = made->Next(after_us);
      if (!tick) break;
      next.push_back(TickJson(*made, *tick));
      const OffsetSpan span = made->zone().At(tick->at_us / 1'000'000);
      const std::string local = StrCat(LocalMinute(tick->at_us, span.offset_s), " ", OffsetText(span.offset_s));
      std::string note = ChangeText(made->ChangesOnDayOf(tick->at_us));
      if (tick->moved) note = StrCat("moved: ", note);
      if (!paused.empty()) note = StrCat(paused, note.empty() ? "" : "; ", note);
      if (list) rows.push_back({schedule.pipeline, tenants, WhenText(schedule.spec), schedule.spec.timezone, local, note});
      else rows.push_back({schedule.pipeline, tenants, local, span.abbreviation, LocalMinute(tick->interval.start_us, 0), LocalMinute(tick->interval.end_us, 0), note});
      after_us = tick->at_us;
    }
    if (list && next.empty()) rows.push_back({schedule.pipeline, tenants, WhenText(schedule.spec), schedule.spec.timezone, "never", ""});
    if (list) entry["next"] = next.empty() ? Json() : next[0];
    else entry["ticks"] = std::move(next);
    all.push_back(std::move(entry));
  }
  const std::vector<std::string> header = list ? std::vector<std::string>{"pipeline", "tenants", "when", "time zone", "next (local)", "note"}
                                               : std::vector<std::string>{"pipeline", "tenants", "local time", "zone", "data from (UTC)", "data to (UTC)", "note"};
  PrintOut(flags.json ? DumpJson(all, 2) + "\n" : TextTable(header, rows));
  return 0;
}
}  // namespace

void AddScheduleCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine schedule = app.add_subcommand("schedule", "When runs start: list, next, pause, resume");
  schedule->require_subcommand(1);
  auto settings = std::make_shared<ScheduleFlags>();
  const auto sub = [&, settings](const char* name, const char* what, bool list) {
    CommandLine command = schedule->add_subcommand(name, what);
    command->fallthrough();
    command->add_option("PIPELINE", settings->target.pipeline, "name of a pipeline of the project, or a pipeline file (default: all)");
    command->add_option("--from", settings->from, "ticks from this moment on, UTC unless it has an offset (default: now)")->type_name("TIME");
    command->callback([&flags, &action, settings, list] { action = [&flags, settings, list] { return Show(*settings, list, flags); }; });
    return command;
  };
  sub("list", "Each schedule and its next tick", true);
  AddPauseCommands(schedule, flags, action);
  sub("next", "The next ticks: local time, offset, data interval, clock changes", false)
      ->add_option("-n,--count", settings->count, "ticks of each schedule")->range(1, 100'000)->capture_default_str();
}

}  // namespace headrace
