#include <nlohmann/json.hpp>

#include "headrace/cli/command.h"
#include "headrace/cli/run_request.h"
#include "headrace/run/forecast.h"

namespace headrace {

namespace {
int ShowPlan(const RunTarget& target, const GlobalFlags& flags) {
  int exit_code = 0;
  const std::optional<Project> project = LoadTarget(target, flags, &exit_code);
  if (!project) return exit_code;
  const Result<ResolveRequest> request = RequestOf(target, *project, SystemClock());
  if (!request.ok()) return Fail(request.status(), flags);
  const std::optional<ResolvedPipeline> pipeline = ResolveTarget(*project, *request, flags, &exit_code);
  if (!pipeline) return exit_code;
  const Result<std::unique_ptr<Store>> store = OpenStore(*project);
  if (!store.ok()) return Fail(store.status(), flags);
  const Result<std::vector<StepForecast>> forecasts = Forecast(**store, *pipeline);
  if (!forecasts.ok()) return Fail(forecasts.status(), flags);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const StepForecast& step : *forecasts) {
    all.push_back({{"step", step.step}, {"kind", step.kind}, {"waits_for", step.upstream}, {"act", ActName(step.act)}, {"reason", step.reason}});
    rows.push_back({step.step, step.kind, Join(step.upstream, ", "), std::string(ActName(step.act)), step.reason});
  }
  PrintOut(flags.json ? DumpJson(all, 2) + "\n" : TextTable({"step", "kind", "waits for", "would", "because"}, rows));
  return 0;
}
}  // namespace

void AddPlanCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("plan", "Say what a run would do: steps, edges, what runs, what is reused, and why");
  auto target = std::make_shared<RunTarget>();
  AddRunTarget(command, *target);
  command->get_option("PIPELINE")->required();
  command->callback([&flags, &action, target] { action = [&flags, target] { return ShowPlan(*target, flags); }; });
}

}  // namespace headrace
