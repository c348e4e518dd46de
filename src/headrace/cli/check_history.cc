// What the checks of a step measured and said run by run, and what they would have said under the rule that the file states now, or under one given to try.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "headrace/check/baseline.h"
#include "headrace/check/check.h"
#include "headrace/cli/command.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_request.h"
#include "headrace/pipeline/baseline_rule.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

struct HistoryFlags {
  RunTarget target;
  std::string step, rule, measure;
  std::int64_t limit = 400;
};

/// One measure of one segment, with the rule of today or the one to try.
struct Series {
  std::string measure, segment;
  std::vector<Measurement> points;
  std::optional<BaselineSpec> rule;
  std::vector<ReplayedPoint> replayed;   ///< empty without a rule
};

std::string When(std::int64_t us) {
  const std::string text = FormatTimestamp(us);
  return text.substr(0, text.ends_with(" 00:00:00") ? 10 : 16);
}

Result<const StepSpec*> FindStep(const ResolvedPipeline& pipeline, const std::string& name) {
  std::vector<std::string> names;
  for (const StepSpec& step : pipeline.steps) {
    names.push_back(step.name);
    // An item of a `for_each` is named "step[item]".
    if (step.name == name || (step.for_each && name.starts_with(step.name + "["))) return &step;
  }
  const std::string near = NearestName(name, names);
  return Error(ErrorCode::kInvalid, "pipeline `", pipeline.pipeline, "` has no step `", name, "`").WithHelp(near.empty() ? StrCat("its steps: ", Join(names, ", ")) : StrCat("did you mean `", near, "`?"));
}

std::vector<Series> BySeries(std::vector<Measurement> measured, const StepSpec& step, const std::optional<BaselineSpec>& tried) {
  std::vector<Series> all;
  for (Measurement& m : measured) {
    auto series = std::find_if(all.begin(), all.end(), [&](const Series& s) { return s.measure == m.measure && s.segment == m.segment; });
    if (series == all.end()) series = all.insert(all.end(), Series{m.measure, m.segment, {}, {}, {}});
    series->points.push_back(std::move(m));
  }
  for (Series& series : all) {
    series.rule = tried;
    if (tried) continue;
    for (const CheckSpec& check : step.checks)
      if (check.baseline && MeasureOf(check) == series.measure) series.rule = check.baseline;
  }
  return all;
}

/// A point that failed by this check alone may train under another rule; one whose step failed for another reason never does.
bool NothingElseWrong(const Measurement& m) { return m.good || m.verdict == "failed" || m.verdict == "warned"; }

void ReplayRule(Series& series, const TimeZone* zone) {
  if (!series.rule) return;
  std::vector<HistoryPoint> history;
  for (const Measurement& m : series.points) history.push_back({m.interval_start_us, m.value, NothingElseWrong(m)});
  series.replayed = Replay(*series.rule, std::move(history), zone);
}

std::string Band(const std::optional<double>& lower, const std::optional<double>& upper) {
  return lower && upper ? StrCat(ShowMeasured(*lower), " to ", ShowMeasured(*upper)) : std::string();
}

std::string_view Replayed(const ReplayedPoint& point) { return point.band.learning ? "learning" : point.fits ? "passed" : "outside"; }

std::string AsText(const Series& series, bool tried) {
  std::vector<std::vector<std::string>> rows;
  std::int64_t said = 0, would = 0;
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const Measurement& m = series.points[i];
    rows.push_back({m.verdict, When(m.interval_start_us), ShowMeasured(m.value), Band(m.lower, m.upper)});
    said += m.verdict == "failed" || m.verdict == "warned" ? 1 : 0;
    if (!series.rule) continue;
    const ReplayedPoint& point = series.replayed[i];
    rows.back().insert(rows.back().end(), {std::string(Replayed(point)), point.band.learning ? point.band.basis : ShowBand(*series.rule, point.band)});
    would += point.fits ? 0 : 1;
  }
  std::vector<std::string> header = {"said", "interval", "value", "expected"};
  if (series.rule) header.insert(header.end(), {tried ? "by the rule given" : "by today's rule", "expected then"});
  const std::string of = series.segment.empty() ? "" : StrCat(" of ", series.segment);
  return StrCat(series.measure, of, ": ", Counted(std::ssize(series.points), "interval"), ", ", said, " did not pass",
                series.rule ? StrCat(tried ? "; by the rule given " : "; by today's rule ", would, " would be outside") : "; the step has no `baseline` for it today", "\n", TextTable(header, rows));
}

Json AsJson(const Series& series) {
  const auto number = [](const std::optional<double>& value) { return value ? Json(*value) : Json(); };
  Json points = Json::array();
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const Measurement& m = series.points[i];
    Json point = {{"interval", IntervalJson(m.interval_start_us, m.interval_end_us)}, {"run", m.run}, {"value", m.value},
                  {"lower", number(m.lower)}, {"upper", number(m.upper)}, {"verdict", m.verdict}, {"trains", m.good}};
    if (series.rule) {
      const ReplayedPoint& now = series.replayed[i];
      point["today"] = {{"verdict", Replayed(now)}, {"lower", now.band.learning ? Json() : Json(now.band.lower)}, {"upper", now.band.learning ? Json() : Json(now.band.upper)}, {"basis", now.band.basis}};
    }
    points.push_back(std::move(point));
  }
  return {{"measure", series.measure}, {"segment", series.segment}, {"points", points}};
}

Result<std::vector<Series>> ReadSeries(const Project& project, const ResolvedPipeline& pipeline, const HistoryFlags& flags, const std::optional<BaselineSpec>& tried) {
  ASSIGN_OR_RETURN(const StepSpec* step, FindStep(pipeline, flags.step));
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(project));
  ASSIGN_OR_RETURN(std::vector<Measurement> measured, store->ReadMeasurements({.pipeline = pipeline.pipeline, .tenant = pipeline.tenant, .environment = pipeline.environment.name,
                                                                               .step = flags.step, .limit = flags.limit * std::max<std::int64_t>(1, std::ssize(step->checks))}));
  if (measured.empty())
    return Error(ErrorCode::kInvalid, "no run of `", pipeline.pipeline, "`", pipeline.tenant.empty() ? "" : StrCat(" for ", pipeline.tenant), " has measured `", flags.step, "` yet")
        .WithHelp("a check that measures the whole dataset, such as `rows`, leaves a number with every run but dry ones");
  std::optional<TimeZone> zone;
  if (!pipeline.time_zone.empty()) {
    ASSIGN_OR_RETURN(zone, TimeZone::Find(pipeline.time_zone));
  }
  std::vector<Series> all = BySeries(std::move(measured), *step, tried);
  if (!flags.measure.empty()) {
    std::vector<std::string> known;
    for (const Series& series : all) known.push_back(series.measure);
    std::erase_if(all, [&](const Series& series) { return series.measure != flags.measure; });
    if (all.empty()) return Error(ErrorCode::kInvalid, "no run has measured `", flags.measure, "` of `", flags.step, "`").WithHelp(StrCat("measured were ", Join(known, ", ")));
  }
  for (Series& series : all) ReplayRule(series, zone ? &*zone : nullptr);
  return all;
}

int ShowHistory(const HistoryFlags& flags, const GlobalFlags& global) {
  int exit_code = 0;
  const std::optional<Project> project = LoadTarget(flags.target, global, &exit_code);
  if (!project) return exit_code;
  const Result<ResolveRequest> request = RequestOf(flags.target, *project, SystemClock());
  if (!request.ok()) return Fail(request.status(), global);
  const std::optional<ResolvedPipeline> pipeline = ResolveTarget(*project, *request, global, &exit_code);
  if (!pipeline) return exit_code;
  std::optional<BaselineSpec> tried;
  if (!flags.rule.empty()) {
    Diagnostics diagnostics;
    tried = ReadBaselineRule(flags.rule, "--rule", diagnostics);
    if (!tried) return FailWith(diagnostics, global);
  }
  const Result<std::vector<Series>> all = ReadSeries(*project, *pipeline, flags, tried);
  if (!all.ok()) return Fail(all.status(), global);
  Json json = Json::array();
  std::string text;
  for (const Series& series : *all) {
    if (global.json) json.push_back(AsJson(series));
    else text += StrCat(text.empty() ? "" : "\n", AsText(series, tried.has_value()));
  }
  PrintOut(global.json ? DumpJson(json, 2) + "\n" : text);
  return 0;
}
}  // namespace

void AddCheckHistoryCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("check-history", "What a step's checks measured and said run by run, and what today's rule would have said");
  auto flags = std::make_shared<HistoryFlags>();
  AddRunTarget(command, flags->target);
  command->add_option("--step", flags->step, "the step; an item of a `for_each` is STEP[ITEM]")->type_name("STEP")->required();
  command->add_option("--measure", flags->measure, "only this number: rows, sum(amount), ...")->type_name("NAME");
  command->add_option("--rule", flags->rule, "a baseline to try in place of the file's, as it would stand there: '{window: 90d, within: 4}'")->type_name("RULE");
  command->add_option("--limit", flags->limit, "the newest so many intervals")->range(1, 100000)->capture_default_str();
  command->callback([&global, &action, flags] { action = [&global, flags] { return ShowHistory(*flags, global); }; });
}

}  // namespace headrace
