#include "headrace/cli/run_tenants.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "headrace/base/files.h"
#include "headrace/base/json.h"
#include "headrace/cli/alert_delivery.h"
#include "headrace/cli/interrupt.h"
#include "headrace/schedule/tenant_runs.h"

namespace headrace {

namespace {
/// The command line of one tenant's run.
std::vector<std::string> TenantCommand(const std::string& program, const RunFlags& flags, const GlobalFlags& global, const std::string& tenant) {
  std::vector<std::string> argv = {program, "-C", global.directory, "--json", "run", flags.target.pipeline, "--tenant", tenant,
                                   "--ends-with", StrCat(::getpid()), "--leave-alerts"};
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) argv.insert(argv.end(), {flag, value});
  };
  add("--env", global.environment);
  if (global.threads > 0) add("--threads", StrCat(global.threads));
  add("--interval", flags.target.interval);
  if (!flags.report.empty()) add("--report", ReplaceAll(flags.report, "{tenant}", tenant));
  for (const std::string& param : flags.target.params) add("-p", param);
  for (const std::string& step : flags.from) add("--from", step);
  for (const std::string& step : flags.only) add("--only", step);
  if (flags.as_recorded) argv.push_back("--as-recorded");
  if (flags.dry_run) argv.push_back("--dry-run");
  if (flags.force) argv.push_back("--force");
  return argv;
}

}  // namespace

int RunAllTenants(const RunFlags& flags, const GlobalFlags& global) {
  int exit_code = 0;
  const std::optional<Project> project = LoadTarget(flags.target, global, &exit_code);
  if (!project) return exit_code;
  if (project->tenants().empty())
    return Fail(Error(ErrorCode::kInvalid, "`--tenant all`: the project has no tenant").WithHelp("write tenants/NAME.yaml, or leave --tenant out"), global);
  const Result<std::string> program = OwnPath();
  if (!program.ok()) return Fail(program.status(), global);

  TenantRuns runs;
  runs.tenants = project->tenants();
  runs.parallel = flags.parallel;
  runs.command = [&](const std::string& tenant) { return TenantCommand(*program, flags, global, tenant); };
  runs.cancelled = &WatchInterrupts();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  std::map<std::string, nlohmann::ordered_json> by_tenant;
  const std::vector<TenantRun> results = RunTenants(runs, SystemProcesses(), SystemClock(), [&](const TenantRun& run) {
    nlohmann::ordered_json json = ParseOrderedJson(run.exit.out);
    if (!json.is_object() || !json.contains("state"))
      json = {{"run", ""}, {"tenant", run.tenant}, {"state", "failed"}, {"exit_code", run.exit.code}, {"message", std::string(Trim(run.exit.err))}, {"rows_delivered", 0}};
    json["tenant"] = run.tenant;
    json["seconds"] = run.seconds;
    by_tenant[run.tenant] = json;
    if (!global.quiet) PrintErr(StrCat("  ", run.tenant, ": ", json.value("state", ""), " in ", FormatSeconds(run.seconds), "\n"));
    if (run.exit.code != 0) PrintErr(run.exit.err);
  });
  std::vector<std::vector<std::string>> rows;
  for (const TenantRun& run : results) {
    if (!run.started && run.exit.code == 0) by_tenant[run.tenant] = {{"run", ""}, {"tenant", run.tenant}, {"state", "not started"}, {"exit_code", 130}, {"rows_delivered", 0}};
    const nlohmann::ordered_json& json = by_tenant[run.tenant];
    documents.push_back(json);
    rows.push_back({run.tenant, json.value("state", ""), StrCat(json.value("exit_code", run.exit.code)), FormatCount(json.value("rows_delivered", std::int64_t{0})),
                    FormatSeconds(run.seconds), json.value("run", "")});
  }
  if (global.json) PrintJson(documents);
  if (!project->alerts().empty()) {
    const Result<std::unique_ptr<Store>> store = OpenStore(*project);
    if (store.ok()) DeliverAlerts(**store, *project, global);
    else PrintErr(StrCat("warning: ", store.status().message(), "\n"));
  }
  if (!global.quiet) PrintErr(TextTable({"tenant", "state", "exit", "rows delivered", "time", "run"}, rows));
  return ExitCodeOf(results);
}

}  // namespace headrace
