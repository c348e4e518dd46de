#include <cstdio>
#include <nlohmann/json.hpp>

#include "headrace/base/clock.h"
#include "headrace/cli/command.h"
#include "headrace/pipeline/schema.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

struct GcFlags {
  GcRequest request;
  std::string older_than;
  std::optional<std::int64_t> keep;
};

std::string Megabytes(std::int64_t bytes) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f", static_cast<double>(bytes) / 1e6);
  return text.data();
}

/// What the flags say of runs, or else all that `retention` of headrace.yaml says.
Status Complete(GcFlags& gc, const Retention& retention) {
  const std::int64_t now = SystemClock().NowMicros();
  const auto before = [now](std::optional<std::int64_t> age) { return age ? std::optional(now - *age) : std::nullopt; };
  if (!gc.keep && gc.older_than.empty()) {
    if (!retention.data_us && !retention.runs_us && !retention.models_us)
      return Error(ErrorCode::kInvalid, "nothing says what may go").WithHelp("give --older-than 90d or --keep 50, or write `retention: {data: 30d, runs: 1y}` in headrace.yaml");
    gc.request.runs = retention.runs_us.has_value();
    gc.request.before_us = before(retention.runs_us);
    gc.request.data_before_us = before(retention.data_us);
    gc.request.models_before_us = before(retention.models_us);
    return Ok();
  }
  if (!gc.older_than.empty()) {
    ASSIGN_OR_RETURN(const std::int64_t age, ParseLongDuration(gc.older_than));
    if (age < 0) return Error(ErrorCode::kInvalid, "--older-than takes a duration like 90d, got `", gc.older_than, "`");
    gc.request.before_us = before(age);
  }
  gc.request.keep = gc.keep.value_or(0);
  return Ok();
}

GcReport::Count Total(const GcReport& report) {
  GcReport::Count total = report.left_over;
  for (const GcReport::Group& group : report.groups) {
    total.runs += group.gone.runs;
    total.steps += group.gone.steps;
    total.artifacts += group.gone.artifacts;
    total.bytes += group.gone.bytes;
  }
  return total;
}

Json CountJson(const GcReport::Count& count) { return {{"runs", count.runs}, {"steps", count.steps}, {"artifacts", count.artifacts}, {"bytes", count.bytes}}; }

Json ReportJson(const GcReport& report, bool applied) {
  Json json = CountJson(Total(report));
  json["applied"] = applied;
  json["models"] = report.models;
  json["groups"] = Json::array();
  for (const GcReport::Group& group : report.groups) {
    Json one = {{"pipeline", group.pipeline}, {"tenant", group.tenant}};
    one.update(CountJson(group.gone));
    one["kept"] = group.kept;
    one["emptied"] = group.emptied;
    one["at_work"] = group.busy;
    json["groups"].push_back(std::move(one));
  }
  for (const auto& [key, count] : {std::pair{"left_over", report.left_over}, {"postponed", report.postponed}}) json[key] = {{"artifacts", count.artifacts}, {"bytes", count.bytes}};
  return json;
}

std::string ReportText(const GcReport& report, bool applied) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& pipeline, const std::string& tenant, const GcReport::Count& count, const std::string& kept, std::string_view note) {
    rows.push_back({pipeline, tenant, FormatCount(count.runs), FormatCount(count.steps), FormatCount(count.artifacts), Megabytes(count.bytes), kept, std::string(note)});
  };
  std::int64_t untouched = 0, kept = 0;
  for (const GcReport::Group& group : report.groups) {
    kept += group.kept;
    const bool touched = group.gone.runs + group.emptied > 0;
    if (!touched && !group.busy) ++untouched;
    else add(group.pipeline, group.tenant, group.gone, FormatCount(group.kept),
             group.busy ? std::string("at work: not touched") : group.emptied > 0 ? StrCat(FormatCount(group.emptied), " of them without their rows") : std::string());
  }
  if (report.left_over.artifacts > 0) add("(no run)", "", report.left_over, "", report.models > 0 ? "of models, or left by what was killed" : "left by what was killed");
  const GcReport::Count total = Total(report);
  add("total", "", total, FormatCount(kept), untouched > 0 ? StrCat("(", Counted(untouched, "more pipeline and tenant keeps", "more pipelines and tenants keep"), " all)") : std::string());
  std::string text = TextTable({"pipeline", "tenant", "runs", "steps", "artifacts", "MB", "runs kept", ""}, rows);
  if (report.postponed.artifacts > 0)
    text += StrCat("\n", Counted(report.postponed.artifacts, "file stays", "files stay"), " for now (", Megabytes(report.postponed.bytes),
                   " MB): younger than ten minutes, or than a run at work\n");
  if (report.models > 0) text += StrCat("\n", Counted(report.models, "version of a model goes", "versions of models go"), " by `retention`\n");
  if (total.runs + total.artifacts + report.models == 0) return StrCat(text, "\nNothing to remove.\n");
  return StrCat(text, applied ? "\nRemoved.\n" : "\nNothing was removed yet. The same with --yes removes it.\n");
}

int Gc(GcFlags gc, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  Diagnostics diagnostics;
  const Result<Project> project = LoadProject(flags, "", diagnostics);
  if (!project.ok()) return Fail(project.status(), flags);
  if (diagnostics.has_errors()) return FailWith(diagnostics, flags);      // a `retention` that does not read is not "forever"
  if (const Status complete = Complete(gc, project->retention()); !complete.ok()) return Fail(complete, flags);
  const Result<GcReport> report = open->store->CollectGarbage(gc.request);
  if (!report.ok()) return Fail(report.status(), flags);
  if (report->groups.empty() && !(gc.request.pipeline.empty() && gc.request.tenant.empty()))
    return Fail(Error(ErrorCode::kInvalid, "there is no run of that pipeline and tenant").WithHelp("`headrace runs` lists them"), flags);
  if (flags.json) PrintJson(ReportJson(*report, gc.request.apply));
  else if (!flags.quiet) PrintOut(ReportText(*report, gc.request.apply));
  return 0;
}
}  // namespace

void AddGcCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("gc", "Remove old runs, and the artifacts that nothing needs any more; says first what would go");
  auto gc = std::make_shared<GcFlags>();
  command->add_option("--older-than", gc->older_than, "runs that started longer ago than this: 90d, 1y (without this and --keep: all that `retention` of headrace.yaml says)")->type_name("TIME");
  command->add_option("--keep", gc->keep, "but not the newest N of each pipeline and tenant")->range(0, 1'000'000)->type_name("N");
  command->add_option("--tenant", gc->request.tenant, "only of this tenant")->type_name("NAME");
  command->add_option("--pipeline", gc->request.pipeline, "only of this pipeline")->type_name("NAME");
  command->add_flag("--yes", gc->request.apply, "remove it; without this, only say what would go");
  command->footer("Stays whatever the flags say: runs at work or waiting, and all of a pipeline and tenant while one of its runs is at work; the last run\n"
                  "that succeeded; runs whose model is registered; models but those that `retention: {models: ...}` lets go; what a kept run refers to.");
  command->callback([&flags, &action, gc] { action = [&flags, gc] { return Gc(*gc, flags); }; });
}

}  // namespace headrace
