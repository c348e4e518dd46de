#include "headrace/cli/run_outputs.h"

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace {

Result<std::vector<StepRecord>> StepsFor(Store& store, const std::string& run, const std::string& name) {
  const std::size_t bracket = name.find('[');   // no step's own name holds one
  return bracket == std::string::npos ? store.ListSteps(run) : store.ListItems(run, name.substr(0, bracket));
}

std::string NamesHelp(const std::string& run, const std::string& wanted, const std::vector<std::string>& names, std::string_view what) {
  const std::string near = NearestName(wanted, names);
  if (!near.empty()) return StrCat("did you mean `", near, "`?");
  if (const std::size_t bracket = wanted.find('['); bracket != std::string::npos) return StrCat("`headrace show ", run, " --items ", wanted.substr(0, bracket), "` lists the items");
  return StrCat(what, Join(names, ", "));
}

Result<ArtifactRef> FindOutput(Store& store, const std::string& run, const std::string& wanted) {
  ASSIGN_OR_RETURN(const std::vector<StepRecord> steps, StepsFor(store, run, wanted));
  std::vector<std::string> names;
  for (const StepRecord& step : steps)
    for (const auto& [output, artifact] : step.outputs) {
      const std::string name = output.empty() ? step.step : StrCat(step.step, ".", output);
      names.push_back(name);
      if (name == wanted) return artifact;
    }
  Status status = Error(ErrorCode::kInvalid, "run ", run, " left no output `", wanted, "`");
  const auto lost_it = [&](const StepRecord& step) { return (wanted == step.step || wanted.starts_with(step.step + ".")) && step.state == StepState::kSucceeded && step.fingerprint.empty(); };
  const bool emptied = std::any_of(steps.begin(), steps.end(), lost_it);
  return std::move(status).WithHelp(emptied ? "it was removed: `retention` of headrace.yaml says when rows and models go" : NamesHelp(run, wanted, names, "it left "));
}

}  // namespace headrace
