#include "headrace/run/forecast.h"

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
    if (spec.for_each) {
      forecast.reason = spec.for_each->rows ? StrCat("each row of `", spec.for_each->rows->step, "` is judged when it comes") : StrCat(spec.for_each->values.size(), " items, each judged when it comes");
      return forecast;
    }
    if (AlwaysRuns(spec)) {
      forecast.reason = WhyAlways(spec);
      ASSIGN_OR_RETURN(const auto last, store_.LastOf(pipeline_.pipeline, pipeline_.tenant, spec.name, ""));
      if (last) expected_[spec.name] = {true, true, last->outputs};
      return forecast;
    }
    return FromFingerprint(spec, std::move(forecast));
  }

 private:
  Result<StepForecast> FromFingerprint(const StepSpec& spec, StepForecast forecast) {
    std::map<std::string, StepInputFile> inputs;
    bool conditional = false;
    for (const StepInput& input : spec.inputs) {
      const Expected& above = expected_[input.step];
      const auto output = above.outputs.find(input.output);
      if (!above.known || output == above.outputs.end()) {
        forecast.reason = StrCat("`", input.step, "` runs before it");
        return forecast;
      }
      conditional |= above.conditional;
      inputs[input.name] = {output->second, "", ""};
    }
    if (spec.kind == StepKind::kScore && spec.as<ScoreSpec>().model.step.empty()) {
      Result<StepInputFile> model = ResolveModelInput(store_, pipeline_, spec.as<ScoreSpec>().model);
      if (!model.ok()) {
        forecast.reason = model.status().message();
        return forecast;
      }
      inputs["model"] = std::move(model).value();
    }
    ASSIGN_OR_RETURN(const auto sources, SourceDigests(pipeline_, spec));
    const std::string parts = FingerprintParts(spec, inputs, sources, pipeline_.interval);
    ASSIGN_OR_RETURN(const auto found, store_.FindReusable(pipeline_.pipeline, pipeline_.tenant, spec.name, FingerprintOf(parts)));
    if (found && spec.cache.reuse) {
      forecast.act = conditional ? StepForecast::Act::kReuseIfUnchanged : StepForecast::Act::kReuse;
      forecast.reason = StrCat("as in run ", found->run);
      expected_[spec.name] = {true, conditional, found->outputs};
      return forecast;
    }
    ASSIGN_OR_RETURN(const auto last, store_.LastOf(pipeline_.pipeline, pipeline_.tenant, spec.name, ""));
    if (!last) {
      forecast.reason = "it never ran before";
      return forecast;
    }
    ASSIGN_OR_RETURN(const std::vector<PartChange> changes, CompareParts(last->parts, parts));
    forecast.reason = changes.empty() ? "its recorded output is gone" : StrCat("`", changes[0].part, "` changed");
    return forecast;
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
