
#include <algorithm>
#include <atomic>
#include <optional>
#include <tuple>

#include "headrace/base/files.h"
#include "headrace/base/memory.h"
#include "headrace/base/parallel.h"
#include "headrace/base/process.h"
#include "headrace/cli/alert_delivery.h"
#include "headrace/cli/command.h"
#include "headrace/cli/contract_accept.h"
#include "headrace/cli/interrupt.h"
#include "headrace/cli/progress.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_request.h"
#include "headrace/cli/run_tenants.h"
#include "headrace/pipeline/columns.h"
#include "headrace/run/fingerprint.h"
#include "headrace/run/kept_files.h"
#include "headrace/run/run_loop.h"
#include "headrace/run/run_params.h"
#include "headrace/run/run_report.h"
#include "headrace/run/sub_run.h"

namespace headrace {

namespace {
/// Run what `run` ran: its pipeline, tenant, interval and parameters.
Status Repeat(const RunRecord& run, ResolveRequest& request) {
  request.pipeline = run.pipeline;
  request.tenant = run.tenant;
  request.interval = {run.interval_start_us, run.interval_end_us};
  ASSIGN_OR_RETURN(request.params, FlagParams(run.params));
  return Ok();
}

Status Resume(Store& store, RunFlags& flags, ResolveRequest& request) {
  ASSIGN_OR_RETURN(const RunRecord run, store.GetRun(flags.resume));
  flags.resume = run.id;
  const bool was_dry = run.trigger == kDryRun;  // its deliveries only counted: going on for real would leave them out
  if (flags.dry_run && !was_dry)
    return Error(ErrorCode::kInvalid, "run ", run.id, " delivers; it cannot go on as a dry run").WithHelp("resume it without --dry-run, or start a new run with it");
  flags.dry_run = was_dry;
  return Repeat(run, request);
}

/// Find the run that --from and --only take a part of: the one that --of names, else the last of the pipeline and tenant that was not a dry run.
Status TakePart(Store& store, RunFlags& flags, ResolveRequest& request) {
  if (!flags.target.interval.empty() || !flags.target.params.empty())
    return Error(ErrorCode::kInvalid, "`--from` and `--only` repeat a recorded run, with its interval and parameters").WithHelp("leave --interval and -p out; --of chooses the run");
  std::optional<RunRecord> found;
  if (!flags.of.empty()) {
    ASSIGN_OR_RETURN(found, store.GetRun(flags.of));
    if (found->pipeline != request.pipeline || found->tenant != request.tenant)
      return Error(ErrorCode::kInvalid, "run ", found->id, " is of pipeline `", found->pipeline, "`", found->tenant.empty() ? "" : StrCat(", tenant `", found->tenant, "`"))
          .WithHelp("`headrace runs` lists the runs");
  } else {
    ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, store.ListRuns({request.pipeline, request.tenant, 100}));
    for (const RunRecord& run : runs)
      if (!found && run.trigger != kDryRun && run.tenant == request.tenant) found = run;
    if (!found) return Error(ErrorCode::kInvalid, "pipeline `", request.pipeline, "` has no recorded run to take the rest from").WithHelp("run it whole first");
  }
  flags.of = found->id;
  return Repeat(*found, request);
}

/// The project as the run that is resumed or repeated read it.
Result<std::unique_ptr<KeptProject>> OpenKept(Store& store, const RunFlags& flags, const Project& today, const GlobalFlags& global) {
  ASSIGN_OR_RETURN(const RunRecord run, store.GetRun(flags.resume.empty() ? flags.of : flags.resume));
  return KeptProject::Open(store, run, today, global.environment);
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

/// Databases that some delivery of the run writes to, also in the pipelines that its steps run, must be opened for writing from the first.
Status DeclareWrites(const Project& project, const ResolvedPipeline& pipeline, ConnectionMap& connections, std::size_t depth = 0) {
  constexpr std::size_t kDeepest = 20;                  // pipelines that run each other are refused by name when they run
  for (const StepSpec& step : pipeline.steps) {
    if (step.kind == StepKind::kPipeline && !step.for_each && depth < kDeepest) {
      ASSIGN_OR_RETURN(const ResolvedPipeline other, ResolveSubPipeline(project, pipeline, step.as<PipelineStepSpec>()));
      RETURN_IF_ERROR(DeclareWrites(project, other, connections, depth + 1));
    }
    if (step.kind != StepKind::kDeliver || step.as<DeliverSpec>().connection.empty() || step.as<DeliverSpec>().preview) continue;
    const auto entry = pipeline.connections.find(step.as<DeliverSpec>().connection);
    if (entry == pipeline.connections.end()) continue;
    ASSIGN_OR_RETURN(const Secret uri, Load(entry->second.uri, ProcessVariables()));
    connections.DeclareWritable(ConnectionUri(entry->second.driver, pipeline.root, uri.Reveal()));
  }
  return Ok();
}

Status WriteReport(Store& store, const std::string& project, const std::string& run, const std::string& path) {
  ASSIGN_OR_RETURN(const RunReport report, BuildReport(store, project, run));
  RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  return WriteFileAtomically(path, RenderHtml(report));
}

RunClaim ClaimOf(const std::string& request) {
  RunClaim claim;
  const std::size_t hash = request.rfind('#');
  if (hash == std::string::npos || !ParseInt(std::string_view(request).substr(hash + 1), &claim.attempt)) return {};
  claim.request = request.substr(0, hash);
  return claim;
}

/// Whether names and types fit, before anything runs; not asked again of what ran well.
bool ColumnsFit(Store& store, const ResolvedPipeline& pipeline, const GlobalFlags& global, int* exit_code) {
  const Result<std::vector<RunRecord>> earlier = store.ListRuns({.pipeline = pipeline.pipeline, .tenant = pipeline.tenant, .limit = 20});
  const std::string definition = DefinitionOf(pipeline);
  if (earlier.ok() && std::any_of(earlier->begin(), earlier->end(), [&](const RunRecord& run) { return run.state == RunState::kSucceeded && run.definition == definition; })) return true;
  Diagnostics diagnostics;
  CheckColumns(pipeline, diagnostics);
  if (!diagnostics.has_errors()) return true;
  *exit_code = FailWith(diagnostics, global);
  return false;
}

int RunOne(RunFlags flags, const GlobalFlags& global) {
  int exit_code = 0;
  if (flags.ends_with > 0) EndWithParent(flags.ends_with);
  const std::optional<Project> today = LoadTarget(flags.target, global, &exit_code);
  if (!today) return exit_code;
  const Result<std::unique_ptr<Store>> store = OpenStore(*today);
  if (!store.ok()) return Fail(store.status(), global);
  Result<ResolveRequest> request = RequestOf(flags.target, *today, SystemClock());
  if (!request.ok()) return Fail(request.status(), global);
  if (!flags.resume.empty())
    if (const Status status = Resume(**store, flags, *request); !status.ok()) return Fail(status, global);
  if (!flags.from.empty() || !flags.only.empty())
    if (const Status status = TakePart(**store, flags, *request); !status.ok()) return Fail(status, global);
  std::unique_ptr<KeptProject> kept;
  if (flags.as_recorded) {
    Result<std::unique_ptr<KeptProject>> opened = OpenKept(**store, flags, *today, global);
    if (!opened.ok()) return Fail(opened.status(), global);
    kept = std::move(opened).value();
  }
  const Project* project = kept ? &kept->project() : &*today;
  const std::optional<ResolvedPipeline> pipeline = ResolveTarget(*project, *request, global, &exit_code);
  if (!pipeline) return exit_code;

  LimitMemory(project->QuotaOf(request->tenant).memory_bytes);    // what is asked for beyond it is an error of the step that asks, and of no other tenant's
  ConnectionMap::Options options;
  options.sleep = [](std::int64_t ms) { SystemClock().Sleep(ms * 1000); };
  ConnectionMap connections(options);
  if (const Status status = DeclareWrites(*project, *pipeline, connections); !status.ok()) return Fail(status, global);

  RunEnvironment environment;
  environment.pipeline = &*pipeline;
  environment.store = store->get();
  environment.connections = &connections;
  environment.clock = &SystemClock();
  environment.variables = ProcessVariables();
  environment.run = flags.resume.empty() ? NewRunId(SystemClock(), SystemRandom()) : flags.resume;
  environment.user = UserName();
  std::tie(environment.commit, environment.dirty) = CommitOf(pipeline->root);
  const Result<std::string> files = KeepFiles(**store, *pipeline);
  if (!files.ok()) return Fail(files.status(), global);
  environment.files = *files;
  environment.dry_run = flags.dry_run;
  const AlertRules alerts = AlertRulesOf(*today, pipeline->pipeline);
  if (!alerts.destinations.empty()) environment.alerts = &alerts;

  environment.threads = global.threads;

  std::unique_ptr<CommandRunner> commands;   // its guard is forked before the steps' threads and data are there
  if (std::any_of(pipeline->steps.begin(), pipeline->steps.end(), [](const StepSpec& step) { return ProgramOf(step) != nullptr || step.kind == StepKind::kPipeline; })) {
    Result<std::unique_ptr<CommandRunner>> started = StartCommandRunner();
    if (!started.ok()) return Fail(started.status(), global);
    commands = std::move(started).value();
    environment.commands = commands.get();
  }

  // Who waits at a terminal is told at once. What a server starts fails at its step, so that there is a run to look at and somebody is told.
  if (flags.request.empty() && !ColumnsFit(**store, *pipeline, global, &exit_code)) return exit_code;   // the engine has threads: after the fork
  const auto slots = static_cast<std::size_t>(ResolveThreads(global.threads));
  environment.pipelines = [project, slots](const StepContext& context) { return RunSubPipeline(context, *project, slots); };

  const std::atomic<bool>& interrupt = WatchInterrupts();
  ThreadRunner runner(slots);
  const bool live = IsInteractive(2) && !global.quiet;
  std::map<std::string, std::vector<double>> seconds;       // only to be shown: a run does not fail for want of it
  if (live)
    if (Result<std::map<std::string, std::vector<double>>> found = (*store)->StepSeconds(pipeline->pipeline, pipeline->tenant, 5); found.ok()) seconds = *std::move(found);
  ProgressView view(SystemClock(), live, global.quiet, seconds);
  RunLoop::Options loop_options;
  loop_options.resume = flags.resume;
  if (!flags.trigger.empty()) loop_options.trigger = flags.trigger;
  if (flags.dry_run) loop_options.trigger = kDryRun;
  loop_options.claim = ClaimOf(flags.request);
  loop_options.force = flags.force;
  loop_options.from = flags.from;
  loop_options.only = flags.only;
  loop_options.of = flags.of;
  const Result<RunRecord> run = RunLoop(environment, runner, view, interrupt).Run(loop_options);
  if (!run.ok()) return Fail(run.status(), global);
  if (!global.quiet) PrintErr(ContractHint(**store, *pipeline, *run));
  if (!flags.report.empty())
    if (const Status status = WriteReport(**store, project->name(), run->id, flags.report); !status.ok()) return Fail(status, global);
  if (global.json) {
    const Result<std::string> json = RunJson(**store, *run, true);
    if (!json.ok()) return Fail(json.status(), global);
    PrintOut(*json + "\n");
    std::fflush(stdout);
  }
  if (flags.request.empty() && !flags.leave_alerts) DeliverAlerts(**store, *today, global);
  return run->exit_code;
}

}  // namespace

void AddRunCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("run", "Run a pipeline: what is unchanged is reused, the rest runs");
  auto flags = std::make_shared<RunFlags>();
  AddRunTarget(command, flags->target);
  command->add_option("--parallel", flags->parallel, "with --tenant all: processes at once")->range(1, 1024)->capture_default_str();
  command->add_option("--resume", flags->resume, "go on with a run that was killed, interrupted or failed: an id, or `last`")->type_name("RUN");
  Option from = command->add_option("--from", flags->from, "repeat a recorded run from this step on: it and all that comes after it; the rest as recorded")->type_name("STEP");
  Option only = command->add_option("--only", flags->only, "repeat a recorded run of this step alone")->type_name("STEP");
  command->add_option("--of", flags->of, "with --from and --only: the recorded run, an id or `last` (default: the last of the pipeline and tenant)")->type_name("RUN");
  for (Option part : {from, only}) part->excludes("--resume");
  command->add_flag("--as-recorded", flags->as_recorded, "with --resume, --from and --only: the project's files as that run read them, not today's");
  command->add_option("--report", flags->report, "write the HTML report there ({tenant} stands for the tenant's name)")->type_name("FILE");
  command->add_flag("--dry-run", flags->dry_run, "say what deliveries would change; deliver, register and promote nothing");
  command->add_flag("--force", flags->force, "reuse nothing");
  command->add_option("--request", flags->request, "the request that this run is for, and its attempt; for the server")->type_name("ID#N")->group("");
  command->add_option("--trigger", flags->trigger, "what made the request; for the server")->group("");
  command->add_flag("--leave-alerts", flags->leave_alerts, "the process that started this one tells people")->group("");
  command->add_option("--ends-with", flags->ends_with, "the process that started this one; the run is interrupted when it dies")->group("");
  command->callback([&global, &action, flags] {
    action = [&global, flags] {
      if (flags->target.pipeline.empty() && flags->resume.empty())
        return Fail(Error(ErrorCode::kInvalid, "which pipeline?").WithHelp("headrace run PIPELINE, or headrace run --resume RUN"), global);
      if (flags->as_recorded && flags->resume.empty() && flags->from.empty() && flags->only.empty())
        return Fail(Error(ErrorCode::kInvalid, "`--as-recorded` needs `--resume`, `--from` or `--only`").WithHelp("a new run reads today's files"), global);
      if (!flags->of.empty() && flags->from.empty() && flags->only.empty())
        return Fail(Error(ErrorCode::kInvalid, "`--of` needs `--from` or `--only`").WithHelp("`--resume RUN` goes on with a run"), global);
      if (flags->target.tenant == "all" && !flags->of.empty())
        return Fail(Error(ErrorCode::kInvalid, "`--of ", flags->of, "` is a run of one tenant, and `--tenant all` asks for each").WithHelp("leave --of out: each tenant's last run of the pipeline is taken; or name the tenant"), global);
      return flags->target.tenant == "all" ? RunAllTenants(*flags, global) : RunOne(*flags, global);
    };
  });
}

}  // namespace headrace
