#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "headrace/base/files.h"
#include "headrace/base/parallel.h"
#include "headrace/cli/command.h"
#include "headrace/cli/progress.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_request.h"
#include "headrace/run/run_loop.h"
#include "headrace/run/run_report.h"
#include "headrace/schedule/tenant_runs.h"

namespace headrace {

namespace {
struct RunFlags {
  RunTarget target;
  std::string resume, report;
  int parallel = 1;
  bool dry_run = false, force = false;
};

constexpr const char* kDryRun = "dry run";

std::atomic<bool> g_interrupt = false;

/// Ctrl-C once: finish cleanly. Twice: now.
extern "C" void OnInterrupt(int) {
  if (g_interrupt.exchange(true)) ::_exit(ExitCode(ErrorCode::kInterrupted));
}

void HandleSignals() {
  struct sigaction action{};
  action.sa_handler = &OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

/// The recorded run that --resume names: its pipeline, tenant, interval and parameters are used again.
Status UseRecorded(Store& store, RunFlags& flags, ResolveRequest& request) {
  ASSIGN_OR_RETURN(const RunRecord run, store.GetRun(flags.resume));
  flags.resume = run.id;
  const bool was_dry = run.trigger == kDryRun;  // its deliveries only counted: going on for real would leave them out
  if (flags.dry_run && !was_dry)
    return Error(ErrorCode::kInvalid, "run ", run.id, " delivers; it cannot go on as a dry run").WithHelp("resume it without --dry-run, or start a new run with it");
  flags.dry_run = was_dry;
  request.pipeline = run.pipeline;
  request.tenant = run.tenant;
  request.interval = {run.interval_start_us, run.interval_end_us};
  const nlohmann::json params = nlohmann::json::parse(run.params, nullptr, false);
  if (!params.is_object()) return Error(ErrorCode::kInvalid, "the recorded parameters of run ", run.id, " do not read");
  for (const auto& [name, param] : params.items())
    if (param.value("from", "") == "flag") request.params.emplace_back(name, param.value("value", ""));
  return Ok();
}

/// The commit of the repository the project lies in, and whether its files differ from it; "" without git or a repository.
std::pair<std::string, bool> CommitOf(const std::string& root) {
  const std::vector<std::string> git = {"/usr/bin/env", "git", "-C", root};
  const auto ask = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), git.begin(), git.end());
    const Result<ProcessExit> exit = SystemProcesses().Run(arguments, nullptr);
    return exit.ok() && exit->code == 0 ? std::optional<std::string>(Trim(exit->out)) : std::nullopt;
  };
  const std::optional<std::string> commit = ask({"rev-parse", "HEAD"});
  if (!commit) return {};
  const std::optional<std::string> changes = ask({"status", "--porcelain", "--", "."});
  return {*commit, !changes || !changes->empty()};
}

/// Databases that some delivery of the run writes to must be opened for writing from the first.
Status DeclareWrites(const ResolvedPipeline& pipeline, ConnectionMap& connections) {
  for (const StepSpec& step : pipeline.steps) {
    if (step.kind != StepKind::kDeliver || step.as<DeliverSpec>().connection.empty() || step.as<DeliverSpec>().preview) continue;
    const auto entry = pipeline.connections.find(step.as<DeliverSpec>().connection);
    if (entry == pipeline.connections.end()) continue;
    ASSIGN_OR_RETURN(const Secret uri, Load(entry->second.uri, ProcessVariables()));
    connections.DeclareWritable(JoinPath(pipeline.root, uri.Reveal()));
  }
  return Ok();
}

Status WriteReport(Store& store, const std::string& project, const std::string& run, const std::string& path) {
  ASSIGN_OR_RETURN(const RunReport report, BuildReport(store, project, run));
  RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  return WriteFileAtomically(path, RenderHtml(report));
}

int RunOne(RunFlags flags, const GlobalFlags& global) {
  int exit_code = 0;
  const std::optional<Project> project = LoadTarget(flags.target, global, &exit_code);
  if (!project) return exit_code;
  const Result<std::unique_ptr<Store>> store = Store::Open(project->root(), SystemClock());
  if (!store.ok()) return Fail(store.status(), global);
  Result<ResolveRequest> request = RequestOf(flags.target, *project, SystemClock());
  if (!request.ok()) return Fail(request.status(), global);
  if (!flags.resume.empty())
    if (const Status status = UseRecorded(**store, flags, *request); !status.ok()) return Fail(status, global);
  const std::optional<ResolvedPipeline> pipeline = ResolveTarget(*project, *request, global, &exit_code);
  if (!pipeline) return exit_code;

  ConnectionMap::Options options;
  options.sleep = [](std::int64_t ms) { SystemClock().Sleep(ms * 1000); };
  ConnectionMap connections(options);
  if (const Status status = DeclareWrites(*pipeline, connections); !status.ok()) return Fail(status, global);

  RunEnvironment environment;
  environment.pipeline = &*pipeline;
  environment.store = store->get();
  environment.connections = &connections;
  environment.clock = &SystemClock();
  environment.variables = ProcessVariables();
  environment.run = flags.resume.empty() ? NewRunId(SystemClock(), SystemRandom()) : flags.resume;
  const char* user = std::getenv("USER");
  environment.user = user == nullptr ? "" : user;
  std::tie(environment.commit, environment.dirty) = CommitOf(pipeline->root);
  environment.dry_run = flags.dry_run;

  HandleSignals();
  ThreadRunner runner(static_cast<std::size_t>(ResolveThreads(0)));
  ProgressView view(SystemClock(), IsInteractive(2), global.quiet);
  RunLoop::Options loop_options;
  loop_options.resume = flags.resume;
  if (flags.dry_run) loop_options.trigger = kDryRun;
  loop_options.force = flags.force;
  const Result<RunRecord> run = RunLoop(environment, runner, view, g_interrupt).Run(loop_options);
  if (!run.ok()) return Fail(run.status(), global);
  if (!flags.report.empty())
    if (const Status status = WriteReport(**store, project->name(), run->id, flags.report); !status.ok()) return Fail(status, global);
  if (global.json) {
    const Result<std::string> json = RunJson(**store, *run, true);
    if (!json.ok()) return Fail(json.status(), global);
    PrintOut(*json + "\n");
  }
  return run->exit_code;
}

/// The command line of one tenant's run.
std::vector<std::string> TenantCommand(const std::string& program, const RunFlags& flags, const GlobalFlags& global, const std::string& tenant) {
  std::vector<std::string> argv = {program, "-C", global.directory, "--json", "run", flags.target.pipeline, "--tenant", tenant};
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) argv.insert(argv.end(), {flag, value});
  };
  add("--env", global.environment);
  add("--interval", flags.target.interval);
  if (!flags.report.empty()) add("--report", ReplaceAll(flags.report, "{tenant}", tenant));
  for (const std::string& param : flags.target.params) add("-p", param);
  if (flags.dry_run) argv.push_back("--dry-run");
  if (flags.force) argv.push_back("--force");
  return argv;
}

int RunAll(const RunFlags& flags, const GlobalFlags& global) {
  int exit_code = 0;
  const std::optional<Project> project = LoadTarget(flags.target, global, &exit_code);
  if (!project) return exit_code;
  if (project->tenants().empty())
    return Fail(Error(ErrorCode::kInvalid, "`--tenant all`: the project has no tenant").WithHelp("write tenants/NAME.yaml, or leave --tenant out"), global);
  const Result<std::string> program = OwnPath();
  if (!program.ok()) return Fail(program.status(), global);

  HandleSignals();
  TenantRuns runs;
  runs.tenants = project->tenants();
  runs.parallel = flags.parallel;
  runs.command = [&](const std::string& tenant) { return TenantCommand(*program, flags, global, tenant); };
  runs.cancelled = &g_interrupt;
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  std::map<std::string, nlohmann::ordered_json> by_tenant;
  const std::vector<TenantRun> results = RunTenants(runs, SystemProcesses(), SystemClock(), [&](const TenantRun& run) {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(run.exit.out, nullptr, false);
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
  if (global.json) PrintOut(documents.dump(2) + "\n");
  if (!global.quiet) PrintErr(TextTable({"tenant", "state", "exit", "rows delivered", "time", "run"}, rows));
  return ExitCodeOf(results);
}
}  // namespace

void AddRunCommand(CLI::App& app, const GlobalFlags& global, Action& action) {
  CLI::App* command = app.add_subcommand("run", "Run a pipeline: what is unchanged is reused, the rest runs");
  auto flags = std::make_shared<RunFlags>();
  AddRunTarget(command, flags->target);
  command->add_option("--parallel", flags->parallel, "with --tenant all: processes at once")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--resume", flags->resume, "go on with a run that was killed, interrupted or failed: an id, or `last`")->type_name("RUN");
  command->add_option("--report", flags->report, "write the HTML report there ({tenant} stands for the tenant's name)")->type_name("FILE");
  command->add_flag("--dry-run", flags->dry_run, "say what deliveries would change; deliver, register and promote nothing");
  command->add_flag("--force", flags->force, "reuse nothing");
  command->callback([&global, &action, flags] {
    action = [&global, flags] {
      if (flags->target.pipeline.empty() && flags->resume.empty())
        return Fail(Error(ErrorCode::kInvalid, "which pipeline?").WithHelp("headrace run PIPELINE, or headrace run --resume RUN"), global);
      return flags->target.tenant == "all" ? RunAll(*flags, global) : RunOne(*flags, global);
    };
  });
}

}  // namespace headrace
