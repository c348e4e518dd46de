// What a step's checks make of the tenant's earlier runs: bands that its numbers must lie in, rows that are those of the interval before, and no rows at all.
#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/baseline.h"
#include "headrace/check/check.h"
#include "headrace/step/step_internal.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
std::string Days(std::int64_t start_us, std::int64_t end_us) {
  if (start_us % kMicrosPerDay == 0 && end_us % kMicrosPerDay == 0) return StrCat(FormatDate(start_us / kMicrosPerDay), " to ", FormatDate(end_us / kMicrosPerDay));
  return StrCat(FormatTimestamp(start_us), " to ", FormatTimestamp(end_us));
}

Result<std::optional<TimeZone>> ZoneOf(const ResolvedPipeline& pipeline) {
  if (pipeline.time_zone.empty()) return std::optional<TimeZone>();
  ASSIGN_OR_RETURN(TimeZone zone, TimeZone::Find(pipeline.time_zone));
  return std::optional<TimeZone>(std::move(zone));
}

const BaselineSpec* BaselineOf(const StepSpec& step, const CheckVerdict& verdict) {
  if (!verdict.value) return nullptr;
  for (const CheckSpec& check : step.checks)
    if (check.baseline && MeasureOf(check) == verdict.measure && (check.name.empty() || check.name == verdict.name)) return &*check.baseline;
  return nullptr;
}
}  // namespace

Status JudgeBaselines(const StepContext& context, std::vector<CheckVerdict>& verdicts) {
  const ResolvedPipeline& pipeline = context.pipeline();
  std::map<std::string, std::vector<Measurement>> by_measure;      // one query each
  for (CheckVerdict& verdict : verdicts) {
    const BaselineSpec* spec = BaselineOf(*context.step, verdict);
    if (spec == nullptr) continue;
    const auto [known, first] = by_measure.try_emplace(verdict.measure);
    if (first) {
      ASSIGN_OR_RETURN(known->second, context.store().ReadMeasurements({.pipeline = pipeline.pipeline, .tenant = pipeline.tenant, .environment = pipeline.environment.name,
                                                                        .step = context.step->name, .measure = verdict.measure, .before_us = pipeline.interval.start_us}));
    }
    std::vector<HistoryPoint> history;
    for (const Measurement& m : known->second)
      if (m.segment == verdict.segment) history.push_back({m.interval_start_us, m.value, m.good});
    ASSIGN_OR_RETURN(const std::optional<TimeZone> zone, ZoneOf(pipeline));
    JudgeByBaseline(*spec, history, pipeline.interval.start_us, zone ? &*zone : nullptr, verdict);
  }
  return Ok();
}

std::optional<CheckVerdict> JudgeEmpty(const StepContext& context) {
  if (context.step->as<ExtractSpec>().empty_allowed) return std::nullopt;
  CheckVerdict verdict;
  verdict.name = verdict.kind = "empty";
  verdict.passed = false;
  verdict.message = "the source gave no row at all";
  verdict.help = "look at what the source answered: an empty answer is not an empty table; where it is, say `empty: allow` under `extract`";
  return verdict;
}

Result<std::optional<CheckVerdict>> JudgeUnchanged(Store& store, const ResolvedPipeline& pipeline, const StepSpec& step, const ArtifactRef& rows) {
  const auto& spec = step.as<ExtractSpec>();
  if (spec.unchanged_allowed || rows.rows == 0) return std::optional<CheckVerdict>();
  ASSIGN_OR_RETURN(const auto before, store.OutputOfIntervalBefore(pipeline.pipeline, pipeline.tenant, pipeline.environment.name, step.name, pipeline.interval.start_us));
  if (!before || before->digest != rows.digest) return std::optional<CheckVerdict>();
  CheckVerdict verdict;
  verdict.name = verdict.kind = "unchanged";
  verdict.severity = spec.of_interval ? Severity::kError : Severity::kWarn;
  verdict.passed = false;
  verdict.rows = rows.rows;
  verdict.message = StrCat("the same ", Counted(rows.rows, "row"), " as run ", before->run, " read for ", Days(before->interval_start_us, before->interval_end_us),
                           spec.of_interval ? "; the step reads by the run's interval, so others were due" : "");
  verdict.help = "look at whether the source was loaded since; where rows may stay the same, say `unchanged: allow` under `extract`";
  return std::optional<CheckVerdict>(std::move(verdict));
}

std::string_view VerdictName(const CheckVerdict& verdict) {
  if (!verdict.passed) return verdict.severity == Severity::kWarn ? "warned" : "failed";
  return verdict.band && verdict.band->learning ? "learning" : "passed";
}

std::vector<Measurement> MeasurementsOf(const StepDetails& details, bool succeeded) {
  std::vector<Measurement> measured;
  for (const CheckVerdict& verdict : details.checks) {
    if (!verdict.value || !std::isfinite(*verdict.value) || verdict.measure.empty()) continue;
    Measurement m;
    m.measure = verdict.measure;
    m.segment = verdict.segment;
    m.value = *verdict.value;
    m.verdict = VerdictName(verdict);
    m.good = verdict.passed && succeeded;
    if (verdict.band && !verdict.band->learning) m.lower = verdict.band->lower, m.upper = verdict.band->upper;
    const auto same = std::find_if(measured.begin(), measured.end(), [&](const Measurement& other) { return other.measure == m.measure && other.segment == m.segment; });
    if (same == measured.end()) {
      measured.push_back(std::move(m));
      continue;
    }
    // Two checks of one measure, such as a bound that fails and a baseline that warns.
    if (!verdict.passed && (same->good || same->verdict != "failed")) same->verdict = m.verdict;
    same->good = same->good && m.good;
    if (m.lower) same->lower = m.lower, same->upper = m.upper;
  }
  return measured;
}

}  // namespace headrace
