#include "headrace/run/forecast.h"

#include "headrace/run/fan_out.h"
#include "headrace/run/fingerprint.h"
#include "headrace/run/run_loop.h"

namespace headrace {

std::string_view ActName(StepForecast::Act act) {
  switch (act) {
    case StepForecast::Act::kRun: return "run";
    case StepForecast::Act::kReuse: return "reuse";
    case StepForecast::Act::kReuseIfUnchanged: return "reuse if unchanged";
    case StepForecast::Act::kSkip: return "skip";
  }
  return "run";
}

namespace {
/// Outputs that a step is expected to leave; none when it would run and nobody knows what comes of it.
struct Expected {
  bool known = false, conditional = false;
  std::map<std::string, ArtifactRef> outputs;
};

class Forecaster {
 public:
  Forecaster(Store& store, const ResolvedPipeline& pipeline) : store_(store), pipeline_(pipeline) {}

  Result<StepForecast> Next(const StepSpec& spec) {
    StepForecast forecast;
    forecast.step = spec.name;
    forecast.kind = StepKindName(spec.kind);
    forecast.upstream = spec.upstream;
    if (!spec.enabled) {
      forecast.act = StepForecast::Act::kSkip;
      forecast.reason = StrCat("`when: ", spec.when, "` is false");
      return forecast;
    }
    if (spec.for_each) return OfItems(spec, std::move(forecast));
    if (AlwaysRuns(spec)) {
      forecast.reason = WhyAlways(spec);
      ASSIGN_OR_RETURN(const auto last, store_.LastOf(pipeline_.pipeline, pipeline_.tenant, spec.name, ""));
      if (last) expected_[spec.name] = {true, true, last->outputs};
      return forecast;
    }
    return FromFingerprint(spec, std::move(forecast));
  }

 private:
  /// What determines the output of a step, as far as its inputs are known.
  struct Parts {
    std::string text, unknown;               ///< `unknown`: why there is none
    bool conditional = false;
  };
  Result<Parts> PartsOf(const StepSpec& spec) {
    Parts parts;
    std::map<std::string, StepInputFile> inputs;
    for (const StepInput& input : spec.inputs) {
      const Expected& above = expected_[input.step];
      const auto output = above.outputs.find(input.output);
      if (!above.known || output == above.outputs.end()) return parts.unknown = StrCat("`", input.step, "` runs before it"), parts;
      parts.conditional |= above.conditional;
      inputs[input.name] = {output->second, "", ""};
    }
    if (spec.kind == StepKind::kScore && spec.as<ScoreSpec>().model.step.empty()) {
      Result<StepInputFile> model = ResolveModelInput(store_, pipeline_, spec.as<ScoreSpec>().model);
      if (!model.ok()) return parts.unknown = model.status().message(), parts;
      inputs["model"] = std::move(model).value();
    }
    ASSIGN_OR_RETURN(const auto sources, SourceDigests(pipeline_, spec));
    parts.text = FingerprintParts(spec, inputs, sources, pipeline_.interval);
    return parts;
  }

  /// Why a step, or an item, that has no output to reuse would run.
  Result<std::string> WhyRun(const std::string& name, const std::string& parts) {
    ASSIGN_OR_RETURN(const auto last, store_.LastOf(pipeline_.pipeline, pipeline_.tenant, name, ""));
    if (!last) return "it never ran before";
    ASSIGN_OR_RETURN(const std::vector<PartChange> changes, CompareParts(last->parts, parts));
    return changes.empty() ? "its recorded output is gone" : StrCat("`", changes[0].part, "` changed");
  }

  Result<StepForecast> FromFingerprint(const StepSpec& spec, StepForecast forecast) {
    ASSIGN_OR_RETURN(const Parts parts, PartsOf(spec));
    if (!parts.unknown.empty()) return forecast.reason = parts.unknown, forecast;
    ASSIGN_OR_RETURN(const auto found, store_.FindReusable(pipeline_.pipeline, pipeline_.tenant, spec.name, FingerprintOf(parts.text)));
    if (found && spec.cache.reuse) return Reuse(*found, parts.conditional, std::move(forecast));
    ASSIGN_OR_RETURN(forecast.reason, WhyRun(spec.name, parts.text));
    return forecast;
  }

  StepForecast Reuse(const StepRecord& found, bool conditional, StepForecast forecast) {
    forecast.act = conditional ? StepForecast::Act::kReuseIfUnchanged : StepForecast::Act::kReuse;
    forecast.reason = StrCat("as in run ", found.run);
    expected_[forecast.step] = {true, conditional, found.outputs};
    return forecast;
  }

  /// A step with items: each is judged, where the rows that they come from are known.
  Result<StepForecast> OfItems(const StepSpec& spec, StepForecast forecast) {
    std::string rows;
    bool conditional = false;
    if (spec.for_each->rows) {
      const Expected& above = expected_[spec.for_each->rows->step];
      const auto output = above.outputs.find(spec.for_each->rows->output);
      if (!above.known || output == above.outputs.end()) return forecast.reason = StrCat("`", spec.for_each->rows->step, "` runs before it, and its rows are the items"), forecast;
      conditional = above.conditional;
      ASSIGN_OR_RETURN(rows, store_.ArtifactPath(output->second));
    }
    Result<std::vector<FanItem>> items = ItemsOf(spec, rows);
    if (!items.ok()) return forecast.reason = items.status().message(), forecast;
    const FanOut fan(spec, std::move(items).value());
    std::vector<std::pair<std::string, std::string>> all;
    std::size_t reused = 0;
    std::string first;                       // of those that would run
    for (std::size_t item = 0; item < fan.size(); ++item) {
      ASSIGN_OR_RETURN(const std::string why, WhyItemRuns(fan, item, all, conditional));
      if (why.empty()) ++reused;
      else if (first.empty()) first = StrCat("`", fan.Text(item), "`: ", why);
    }
    if (all.size() == fan.size()) {
      ASSIGN_OR_RETURN(const auto found, store_.FindReusable(pipeline_.pipeline, pipeline_.tenant, spec.name, FingerprintOf(ItemParts(spec, all))));
      if (found && reused == fan.size()) return Reuse(*found, conditional, std::move(forecast));
    }
    const std::string of_them = StrCat(fan.size() - reused, " of ", fan.size(), " items");
    forecast.reason = reused == fan.size() ? StrCat("each of ", fan.size(), " items is there; they are joined") : reused + 1 == fan.size() ? StrCat(of_them, ", ", first) : StrCat(of_them, ", the first ", first);
    return forecast;
  }

  /// "" = its recorded output would be used. Adds the item's text and fingerprint to `all`, where it has one.
  Result<std::string> WhyItemRuns(const FanOut& fan, std::size_t item, std::vector<std::pair<std::string, std::string>>& all, bool& conditional) {
    const Result<StepSpec> spec = fan.SpecOf(item);
    if (!spec.ok()) return spec.status().message();
    if (!spec->enabled) return all.emplace_back(fan.Text(item), "off"), std::string();
    ASSIGN_OR_RETURN(const Parts parts, PartsOf(*spec));
    if (!parts.unknown.empty()) return parts.unknown;
    all.emplace_back(fan.Text(item), FingerprintOf(parts.text));
    conditional |= parts.conditional;
    if (AlwaysRuns(*spec)) return std::string(WhyAlways(*spec));
    ASSIGN_OR_RETURN(const auto found, store_.FindReusable(pipeline_.pipeline, pipeline_.tenant, fan.Name(item), all.back().second));
    return found && spec->cache.reuse ? std::string() : WhyRun(fan.Name(item), parts.text);
  }

  Store& store_;
  const ResolvedPipeline& pipeline_;
  std::map<std::string, Expected> expected_;
};
}  // namespace

Result<std::vector<StepForecast>> Forecast(Store& store, const ResolvedPipeline& pipeline) {
  Forecaster forecaster(store, pipeline);
  std::vector<StepForecast> forecasts;
  for (const StepSpec& spec : pipeline.steps) {
    ASSIGN_OR_RETURN(StepForecast forecast, forecaster.Next(spec));
    forecasts.push_back(std::move(forecast));
  }
  return forecasts;
}

}  // namespace headrace
