#include "headrace/run/fingerprint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "headrace/base/digest.h"
#include "headrace/base/json.h"
#include "headrace/base/version.h"

namespace headrace {

namespace {
using Json = nlohmann::json;

Json Describe(const Value& value) { return {{"type", TypeName(value.type())}, {"value", value.is_null() ? Json() : Json(value.ToString())}}; }

Json Describe(const BoundValues& values) {
  Json out = Json::object();
  for (const auto& [name, value] : values) out[name] = Describe(value);
  return out;
}

Json Describe(const ApiSpec& spec) {
  const auto shown = [](const TextOrSecret& value) { return value.secret.empty() ? value.text : StrCat("secret ", value.secret); };
  Json headers = Json::object();
  for (const auto& [name, value] : spec.headers) headers[name] = shown(value);
  return {{"url", shown(spec.url)}, {"headers", headers}, {"rows", spec.rows}};
}

Json Describe(const ExtractSpec& spec) {
  if (spec.api) return {{"api", Describe(*spec.api)}, {"null_values", spec.null_values}};
  Json out = {{"file", spec.file}, {"format", spec.format}, {"delimiter", spec.delimiter}, {"null_values", spec.null_values},
          {"connection", spec.connection}, {"table", spec.table}, {"query", spec.query ? spec.query->text : ""}, {"bind", Describe(spec.bind)}};
  if (spec.empty_allowed) out["empty"] = "allow";
  return out;
}

Json Describe(const AggregateSpec& spec) {
  Json labels = Json::object();
  for (const FeatureSpec& label : spec.labels) labels[label.name] = label.of;
  return {{"features", spec.Text()}, {"as_of", spec.as_of ? Describe(*spec.as_of) : Json()}, {"labels", labels}, {"within_us", spec.within_us}};
}

Json Describe(const SqlSpec& spec) {
  return {{"query", spec.query.text}, {"bind", Describe(spec.bind)}, {"threads", spec.threads}, {"values", Describe(spec.value_tables)}};
}

Json Describe(const TuneSpec& spec) {
  const auto described = [](const std::vector<TuneSpec::Dimension>& dimensions) {
    Json out = Json::array();
    for (const TuneSpec::Dimension& d : dimensions) out.push_back({{"name", d.name}, {"values", d.values}, {"low", d.low}, {"high", d.high}, {"log", d.log}, {"whole", d.whole}});
    return out;
  };
  Json choices = Json::object();
  for (const TuneSpec::Dimension& choice : spec.choices) choices[choice.name] = choice.values;
  return {{"trials", spec.trials}, {"budget_us", spec.budget_us}, {"search", static_cast<int>(spec.search)}, {"choose", static_cast<int>(spec.choose)},
          {"metric", spec.metric}, {"seed", spec.seed}, {"space", described(spec.space)}, {"choices", choices}, {"numbers", described(spec.numbers)}};
}

Json Describe(const TransformSpec& spec) { return CanonicalText(spec); }

Json Describe(const TrainSpec& spec) {
  Json transform = Json::array(), gates = Json::array();
  for (const TransformSpec& t : spec.transform) transform.push_back(Describe(t));
  for (const GateSpec& g : spec.gate) gates.push_back({{"expression", g.expression}, {"metric", g.metric}, {"by", g.by}});
  return {{"target", spec.target}, {"positive", spec.positive}, {"key", spec.key}, {"ignore", spec.ignore},
          {"split", {{"kind", static_cast<int>(spec.split.kind)}, {"columns", spec.split.columns}, {"test", spec.split.test}, {"gap_us", spec.split.gap_us}}},
          {"folds", {{"kind", static_cast<int>(spec.folds.kind)}, {"columns", spec.folds.columns}, {"count", spec.folds.count}, {"gap_us", spec.folds.gap_us}}}, {"transform", transform},
          {"learner", {{"kind", static_cast<int>(spec.learner.kind)}, {"given", spec.learner.given}, {"parameters", spec.learner.parameters},
                       {"task", spec.learner.task ? static_cast<int>(*spec.learner.task) : -1}, {"l2", spec.learner.l2}, {"l1", spec.learner.l1},
                       {"automatic", spec.learner.automatic}, {"uplift", spec.learner.uplift ? static_cast<int>(*spec.learner.uplift) : -1}, {"monotone", spec.learner.monotone}, {"categorical", spec.learner.categorical}}},
          {"tune", Describe(spec.tune)}, {"weight", spec.weight}, {"group", spec.group}, {"treatment", spec.treatment}, {"treated", spec.treated}, {"class_weight", spec.class_weight}, {"class_weight_balanced", spec.class_weight_balanced}, {"intervals", spec.intervals},
          {"calibrate", static_cast<int>(spec.calibrate.kind)}, {"calibrate_by", spec.calibrate.by}, {"threshold", {{"fixed", spec.threshold.fixed}, {"maximize", spec.threshold.maximize}, {"false_positive", spec.threshold.false_positive},
                                                                                     {"false_negative", spec.threshold.false_negative}, {"precision", spec.threshold.precision}, {"top", spec.threshold.top}}},
          {"evaluate", spec.evaluate}, {"segments", spec.segments}, {"gate", gates}, {"refit_all_rows", spec.refit_all_rows}, {"purpose", spec.purpose}, {"limits", spec.limits}};
}

/// Limits are left out: within them the output is the same, beyond them there is none.
Json Describe(const CommandSpec& spec) {
  Json env = Json::object();
  for (const auto& [name, value] : spec.env) env[name] = value.secret.empty() ? value.text : StrCat("secret ", value.secret);
  return {{"run", spec.argv}, {"outputs", spec.outputs ? Json(*spec.outputs) : Json()}, {"params", ParseJson(spec.params)}, {"env", env}};
}

Json Describe(const TrainStepSpec& spec) {
  Json out = Describe(spec.train);
  if (spec.program) out["learner"]["command"] = Describe(*spec.program);
  if (spec.registration) out["register"] = {{"name", spec.registration->name}, {"promote", static_cast<int>(spec.registration->promote)}};
  return out;
}

Json Describe(const Boxed<TrainStepSpec>& spec) { return Describe(*spec); }

Json Describe(const ScoreSpec& spec) {
  return {{"keep", spec.keep ? Json(*spec.keep) : Json()}, {"allow_changed_features", spec.allow_changed_features}, {"reasons", spec.reasons}, {"top", spec.top}};
}

Json Describe(const DeliverSpec& spec) {
  return {{"connection", spec.connection}, {"table", spec.table}, {"file", spec.file}, {"mode", DeliverModeName(spec.mode)},
          {"key", spec.key}, {"allow_older", spec.allow_older}, {"preview", spec.preview}};
}

Json Describe(const PipelineStepSpec& spec) { return {{"pipeline", spec.pipeline}, {"params", spec.params}, {"output", spec.output}}; }

/// The union of a `for_each` has no fingerprint of its own: that of its step holds those of the items.
Json Describe(const UnionSpec&) { return Json::object(); }

Json Describe(const BaselineSpec& spec) {
  return {{"same", spec.same}, {"learn", spec.learn}, {"window", spec.window}, {"within", spec.within}, {"min_change", spec.min_change}, {"min_difference", spec.min_difference},
          {"direction", static_cast<int>(spec.direction)}, {"half_life", spec.half_life}, {"trend", spec.trend}, {"since_us", spec.since_us.value_or(0)}, {"window_us", spec.window_us}};
}

Json Describe(const CheckSpec& check) {
  Json out = {{"kind", CheckKindName(check.kind)}, {"severity", check.severity == Severity::kWarn ? "warn" : "error"}, {"name", check.name},
              {"at_least", check.at_least}, {"columns", check.columns}, {"values", check.values}, {"pattern", check.pattern}, {"expression", check.expression}};
  if (check.min_rows) out["min_rows"] = *check.min_rows;
  if (check.max_rows) out["max_rows"] = *check.max_rows;
  if (check.min) out["min"] = Describe(*check.min);
  if (check.max) out["max"] = Describe(*check.max);
  if (check.warn) {
    Json& warn = out["warn"] = Json::object();
    if (check.warn->at_least) warn["at_least"] = *check.warn->at_least;
    if (check.warn->within_us) warn["within_us"] = *check.warn->within_us;
    if (check.warn->min) warn["min"] = Describe(*check.warn->min);
    if (check.warn->max) warn["max"] = Describe(*check.warn->max);
  }
  if (!check.where.empty()) out["where"] = check.where;
  if (!check.by.empty()) out["by"] = check.by;
  if (!check.tags.empty()) out["tags"] = check.tags;
  if (!check.key.empty()) out["key"] = check.key;
  if (!check.form.empty()) out["form"] = check.form;
  if (!check.query.empty()) out["query"] = check.query;
  for (const auto& [name, value] : check.bind) out["bind"][name] = Describe(value);
  if (!check.dataset.empty()) out["other"] = StrCat(check.dataset, ".", check.other_column);
  if (check.kind == CheckSpec::Kind::kQuantile) out["quantile"] = check.quantile;
  if (check.kind == CheckSpec::Kind::kFresh) out["within_us"] = check.within_us;
  if (check.kind == CheckSpec::Kind::kSequence) out["every"] = check.every;
  if (check.baseline) out["baseline"] = Describe(*check.baseline);
  if (check.kind == CheckSpec::Kind::kDrift) {
    const DriftLimits& drift = check.drift;
    out["drift"]["against"] = drift.against;
    for (const auto& [name, limit] : {std::pair("psi", drift.psi), {"js", drift.js}, {"l_inf", drift.l_inf}, {"ks", drift.ks}, {"missing", drift.missing}, {"chi2_p", drift.chi2_p}})
      if (limit) out["drift"][name] = *limit;
  }
  if (check.kind == CheckSpec::Kind::kContract) {
    for (const ContractColumn& c : check.contract.columns)
      out["contract"][c.name] = {{"type", TypeName(c.type)}, {"nullable", c.nullable}, {"personal", c.personal}};
    // Bounds of its columns stand among the step's checks.
    out["extra"] = static_cast<int>(check.contract.extra);
    out["null_values"] = check.contract.null_values;
  }
  return out;
}

void Flatten(const Json& json, const std::string& path, std::map<std::string, std::string>& out) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items()) Flatten(value, path.empty() ? key : StrCat(path, "/", key), out);
  } else {
    out[path] = json.is_string() ? json.get<std::string>() : DumpJson(json);
  }
}
}  // namespace

std::string FingerprintParts(const StepSpec& step, const std::map<std::string, StepInputFile>& inputs,
                             const std::map<std::string, std::string>& sources, const Interval& interval) {
  Json parts;
  parts["kind"] = StepKindName(step.kind);
  parts["spec"] = std::visit([](const auto& spec) { return Describe(spec); }, step.spec);
  for (std::size_t i = 0; i < step.checks.size(); ++i) parts["checks"][StrCat(i)] = Describe(step.checks[i]);
  if (step.quarantine_at_most) parts["quarantine"] = *step.quarantine_at_most;
  if (std::any_of(step.checks.begin(), step.checks.end(), [](const CheckSpec& check) { return check.kind == CheckSpec::Kind::kFresh; }))
    parts["until"] = FormatTimestamp(interval.end_us);   // the same rows grow old
  for (const auto& [name, input] : inputs)  // a model's label stands in the scored rows
    parts["inputs"][name] = StrCat(input.label, input.label.empty() ? "" : " ", input.artifact.digest);
  const bool program = ProgramOf(step) != nullptr;
  if (!sources.empty()) parts[program ? "code" : "sources"] = sources;
  // A program is told the interval; a baseline expects something else of each.
  const bool by_interval = std::any_of(step.checks.begin(), step.checks.end(), [](const CheckSpec& check) { return check.baseline.has_value(); });
  if (program || by_interval) parts["interval"] = StrCat(FormatTimestamp(interval.start_us), " to ", FormatTimestamp(interval.end_us));
  parts["program"] = StrCat(ThisBuild().version, " ", ThisBuild().commit);
  return DumpJson(parts);
}

std::string FingerprintOf(std::string_view parts) { return Sha256Hex(parts); }

std::string DefinitionOf(const ResolvedPipeline& pipeline) {
  Json all = Json::array();
  for (const StepSpec& step : pipeline.steps)
    all.push_back({step.name, step.upstream, step.enabled, step.when, step.last, FingerprintParts(step, {}, {}, pipeline.interval)});
  // What an item or another pipeline does stands in the files alone.
  const bool in_files = std::any_of(pipeline.steps.begin(), pipeline.steps.end(), [](const StepSpec& step) { return step.for_each || step.kind == StepKind::kPipeline; });
  for (const auto& [path, source] : pipeline.files)
    if (in_files) all.push_back({path, Sha256Hex(source->text())});
  return Sha256Hex(DumpJson(all));
}

Result<std::vector<PartChange>> CompareParts(std::string_view before, std::string_view now) {
  std::map<std::string, std::string> a, b;
  for (const auto& [text, parts] : {std::pair(before, &a), {now, &b}}) {
    const Json json = ParseJson(text);
    if (json.is_discarded()) return Error(ErrorCode::kInvalid, "a recorded fingerprint does not read: it is not JSON");
    Flatten(json, "", *parts);
  }
  std::vector<PartChange> changes;
  for (const auto& [part, text] : a)
    if (const auto other = b.find(part); other == b.end()) changes.push_back({part, text, ""});
    else if (other->second != text) changes.push_back({part, text, other->second});
  for (const auto& [part, text] : b)
    if (!a.contains(part)) changes.push_back({part, "", text});
  std::sort(changes.begin(), changes.end(), [](const PartChange& x, const PartChange& y) { return x.part < y.part; });
  return changes;
}

}  // namespace headrace
