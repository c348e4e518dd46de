#include <CLI/CLI.hpp>
#include <atomic>
#include <optional>
#include <tuple>

#include "headrace/base/files.h"
#include "headrace/base/parallel.h"
#include "headrace/cli/command.h"
#include "headrace/cli/interrupt.h"
#include "headrace/cli/progress.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_request.h"
#include "headrace/cli/run_tenants.h"
#include "headrace/run/run_loop.h"
#include "headrace/run/run_params.h"
#include "headrace/run/run_report.h"

namespace headrace {

namespace {
constexpr const char* kDryRun = "dry run";

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
  ASSIGN_OR_RETURN(request.params, FlagParams(run.params));
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
  const Result<std::unique_ptr<Store>> store = OpenStore(*project);
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

  environment.threads = global.threads;

  const std::atomic<bool>& interrupt = WatchInterrupts();
  ThreadRunner runner(static_cast<std::size_t>(ResolveThreads(global.threads)));
  ProgressView view(SystemClock(), IsInteractive(2), global.quiet);
  RunLoop::Options loop_options;
  loop_options.resume = flags.resume;
  if (flags.dry_run) loop_options.trigger = kDryRun;
  loop_options.force = flags.force;
  const Result<RunRecord> run = RunLoop(environment, runner, view, interrupt).Run(loop_options);
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
      return flags->target.tenant == "all" ? RunAllTenants(*flags, global) : RunOne(*flags, global);
    };
  });
}

}  // namespace headrace
