// The newest verdict of every check, of every step and tenant.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "headrace/check/baseline.h"
#include "headrace/cli/command.h"
#include "headrace/cli/run_json.h"
#include "headrace/run/run_loop.h"
#include "headrace/step/step.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

struct ChecksFlags {
  std::string pipeline, tenant, tag;
  bool failed = false;
};

struct Line {
  RunRecord run;
  std::string step;
  CheckVerdict verdict;
};

/// A step that was skipped in the newest run, because one before it failed, speaks by an older one.
constexpr std::int64_t kRunsLookedAt = 20;

Result<std::vector<Line>> NewestVerdicts(Store& store, const ChecksFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, store.NewestRuns(kRunsLookedAt));
  std::vector<Line> lines;
  std::set<std::tuple<std::string, std::string, std::string, std::string>> told;      // pipeline, tenant, environment, step
  for (const RunRecord& run : runs) {
    if ((!flags.pipeline.empty() && run.pipeline != flags.pipeline) || (!flags.tenant.empty() && run.tenant != flags.tenant) || run.trigger == kDryRun) continue;
    ASSIGN_OR_RETURN(const std::vector<StepRecord> steps, store.ListSteps(run.id));
    for (const StepRecord& step : steps) {
      const bool ended = step.state == StepState::kSucceeded || step.state == StepState::kReused || step.state == StepState::kFailed;
      if (!ended || !told.emplace(run.pipeline, run.tenant, run.environment, step.step).second) continue;
      ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(step.details));
      for (const CheckVerdict& verdict : details.checks)
        if (flags.tag.empty() || std::find(verdict.tags.begin(), verdict.tags.end(), flags.tag) != verdict.tags.end()) lines.push_back({run, step.step, verdict});
    }
  }
  return lines;
}

int Rank(const CheckVerdict& verdict) { return verdict.passed ? (VerdictName(verdict) == "learning" ? 2 : 3) : verdict.severity == Severity::kError ? 0 : 1; }

std::string What(const CheckVerdict& verdict) {
  if (!verdict.passed) return verdict.message;
  if (!verdict.value) return verdict.failed_rows > 0 ? StrCat(FormatCount(verdict.failed_rows), " of ", FormatCount(verdict.rows), " rows, within its tolerance") : "";
  const std::string value = ShowMeasured(*verdict.value);
  if (!verdict.band) return value;
  return verdict.band->learning ? StrCat(value, ", ", verdict.band->basis) : StrCat(value, ", expected ", ShowMeasured(verdict.band->lower), " to ", ShowMeasured(verdict.band->upper));
}

Json AsJson(const Line& line) {
  const CheckVerdict& v = line.verdict;
  Json json = {{"verdict", VerdictName(v)}, {"tenant", line.run.tenant}, {"pipeline", line.run.pipeline}, {"environment", line.run.environment}, {"step", line.step}, {"check", v.name},
               {"kind", v.kind}, {"segment", v.segment}, {"severity", v.severity == Severity::kWarn ? "warn" : "error"}, {"rows", v.rows}, {"failed_rows", v.failed_rows},
               {"value", v.value ? Json(*v.value) : Json()}, {"message", v.message}, {"help", v.help}, {"interval", IntervalJson(line.run.interval_start_us, line.run.interval_end_us)}, {"run", line.run.id}};
  if (!v.tags.empty()) json["tags"] = v.tags;
  if (v.band) json["band"] = {{"lower", v.band->learning ? Json() : Json(v.band->lower)}, {"upper", v.band->learning ? Json() : Json(v.band->upper)}, {"basis", v.band->basis}};
  return json;
}

int Checks(const ChecksFlags& flags, const GlobalFlags& global) {
  const Result<OpenProject> open = OpenState(global);
  if (!open.ok()) return Fail(open.status(), global);
  Result<std::vector<Line>> lines = NewestVerdicts(*open->store, flags);
  if (!lines.ok()) return Fail(lines.status(), global);
  if (flags.failed) std::erase_if(*lines, [](const Line& line) { return line.verdict.passed; });
  std::stable_sort(lines->begin(), lines->end(), [](const Line& a, const Line& b) { return Rank(a.verdict) < Rank(b.verdict); });
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const Line& line : *lines) {
    const std::string name = line.verdict.segment.empty() ? line.verdict.name : StrCat(line.verdict.name, " [", line.verdict.segment, "]");
    if (global.json) json.push_back(AsJson(line));
    else rows.push_back({std::string(VerdictName(line.verdict)), line.run.tenant, line.run.pipeline, line.step, name, What(line.verdict), FormatTimestamp(line.run.interval_start_us).substr(0, 10), line.run.id});
  }
  PrintOut(global.json ? DumpJson(json, 2) + "\n" : TextTable({"verdict", "tenant", "pipeline", "step", "check", "what", "interval", "run"}, rows));
  return 0;
}
}  // namespace

void AddChecksCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("checks", "The newest verdict of every check of every step and tenant, what failed first");
  auto flags = std::make_shared<ChecksFlags>();
  command->add_option("PIPELINE", flags->pipeline, "only this pipeline");
  command->add_option("--tenant", flags->tenant, "only this tenant")->type_name("NAME");
  command->add_option("--tag", flags->tag, "only checks with this word under `tags`")->type_name("TAG");
  command->add_flag("--failed", flags->failed, "only what failed or warned");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Checks(*flags, global); }; });
}

}  // namespace headrace
