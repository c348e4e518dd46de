// Schedules that tick and runs that are looked after, until it is told to stop. All that matters stands in the state: see schedule/supervisor.h.

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "headrace/base/files.h"
#include "headrace/base/process.h"
#include "headrace/cli/alert_delivery.h"
#include "headrace/cli/command.h"
#include "headrace/cli/supervision.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr std::int64_t kReloadMicros = 1'000'000;

struct ServerFlags {
  std::int64_t parallel = std::max(1u, std::thread::hardware_concurrency());
  std::string clock;
  double clock_speed = 1;
  double lease_s = 15;
};

/// Names, sizes and times of the project's files: when it differs, something was edited.
std::string SignatureOf(const Project& project) {
  std::string signature;
  const auto add = [&](const std::string& path) {
    struct stat about{};
    if (::stat(JoinPath(project.root(), path).c_str(), &about) != 0) return;
    signature += StrCat(path, ":", about.st_size, ":", about.st_mtim.tv_sec, ".", about.st_mtim.tv_nsec, "\n");
  };
  for (const char* folder : {"", "pipelines", "tenants"})
    for (const std::string& name : ListDirectory(JoinPath(project.root(), folder)))
      if (name.ends_with(".yaml") || name.ends_with(".yml")) add(JoinPath(folder, name));
  for (const std::string& file : project.files()) add(file);
  return signature;
}

class Server {
 public:
  Server(ServerFlags flags, const GlobalFlags& global) : server_flags_(std::move(flags)), global_(global) {}

  int Run() {
    Diagnostics diagnostics;
    Result<Project> project = LoadProject(global_, "", diagnostics);
    if (diagnostics.has_errors()) return FailWith(diagnostics, global_);
    if (!project.ok()) return Fail(project.status(), global_);
    project_ = std::make_unique<Project>(std::move(project).value());
    if (!project_->has_file() && project_->pipelines().empty())
      return Fail(Error(ErrorCode::kInvalid, "there is no project: no headrace.yaml in `", project_->root(), "` or above it").WithHelp("-C names the project's folder"), global_);
    if (const int code = MakeClock(); code != 0) return code;
    const Result<std::unique_ptr<Store>> store = OpenStore(*project_);
    if (!store.ok()) return Fail(store.status(), global_);
    const Result<std::string> program = OwnPath();
    if (!program.ok()) return Fail(program.status(), global_);

    const SignalWait signals;
    RunLauncher launcher({*program, project_->root(), global_.threads});
    Supervisor::Options options;
    options.holder = RunLauncher::Holder("headrace server");
    options.parallel = server_flags_.parallel;
    options.lease_us = static_cast<std::int64_t>(server_flags_.lease_s * 1e6);
    BackgroundCourier courier(**store, [&](const std::string& problem) { Line("alert", problem); });
    courier_ = &courier;
    Supervisor supervisor(**store, launcher, *clock_, options, [&](const ServerEvent& event) { Tell(event); });
    signature_ = SignatureOf(*project_);
    if (const Status set = SetFrom(*project_, supervisor, diagnostics); !set.ok()) return diagnostics.has_errors() ? FailWith(diagnostics, global_) : Fail(set, global_);
    Supervise(supervisor, launcher, signals, *clock_, server_flags_.clock_speed, [&](bool) { return Reload(supervisor), true; },
              [&](const Status& status) { Line("problem", status.ToString()); });
    if (const Status stopped = supervisor.Stop(); !stopped.ok()) Line("problem", stopped.ToString());
    RunQueue queue(**store, *clock_);
    const Result<std::vector<RunRequest>> started = queue.Started();
    Line("stopped", started.ok() && !started->empty() ? StrCat(Counted(started->size(), "run goes", "runs go"), " on without it; the next server looks after them") : std::string("no run is at work"));
    return 0;
  }

 private:
  int MakeClock() {
    if (server_flags_.clock.empty() && server_flags_.clock_speed == 1) return 0;
    Result<std::int64_t> start = SystemClock().NowMicros();
    if (!server_flags_.clock.empty()) start = ParseTimestamp(server_flags_.clock);
    if (!start.ok()) return Fail(start.status(), global_);
    shifted_ = std::make_unique<ShiftedClock>(*start, server_flags_.clock_speed);
    clock_ = shifted_.get();
    return 0;
  }

  Status SetFrom(const Project& project, Supervisor& supervisor, Diagnostics& diagnostics) {
    const std::vector<PipelineSchedule> schedules = project.Schedules("", diagnostics);
    if (diagnostics.has_errors()) return Error(ErrorCode::kInvalid, "a schedule is not valid");
    Scheduler scheduler;
    if (project.environment().schedules) {
      ASSIGN_OR_RETURN(scheduler, Scheduler::Make(schedules, project.environment().name));
    }
    std::map<std::string, std::int64_t> quotas;
    for (const std::string& tenant : project.tenants()) quotas[tenant] = project.QuotaOf(tenant).runs;
    std::string text = StrCat(Counted(std::ssize(schedules), "schedule"), ", ", server_flags_.parallel, " runs at once");
    if (!project.environment().schedules) text += StrCat("; environment `", project.environment().name, "` has `schedules: off`: only backfills and what is queued run");
    Line("loaded", text);
    supervisor.Set(std::move(scheduler), std::move(quotas));
    courier_->Set(project);
    return Ok();
  }

  /// An edit that does not read leaves the last good schedules in force, and is said once.
  void Reload(Supervisor& supervisor) {
    const std::int64_t now = SystemClock().MonotonicMicros();
    if (now - looked_ < kReloadMicros) return;
    looked_ = now;
    std::string signature = SignatureOf(*project_);
    if (signature == signature_) return;
    signature_ = std::move(signature);
    Diagnostics diagnostics;
    Result<Project> project = LoadProject(global_, "", diagnostics);
    Status status = project.status();
    if (project.ok() && !diagnostics.has_errors()) status = SetFrom(*project, supervisor, diagnostics);
    if (!diagnostics.has_errors() && status.ok()) {
      *project_ = std::move(project).value();
      return;
    }
    Line("problem", "the project's files were edited and do not read; the schedules stay as they were");
    if (diagnostics.has_errors()) static_cast<void>(FailWith(diagnostics, quiet_json_));
    else PrintErr(status.ToString() + "\n");
  }

  void Tell(const ServerEvent& event) {
    courier_->Enter(event, clock_->NowMicros());
    if (global_.json) PrintOut(EventJson(event, clock_->NowMicros()) + "\n");
    else Say(EventText(event));
    std::fflush(stdout);
  }
  void Line(std::string_view what, const std::string& text) {
    if (global_.json) PrintOut(DumpJson(nlohmann::ordered_json({{"at", FormatTimestamp(clock_->NowMicros())}, {"event", what}, {"text", text}})) + "\n");
    else Say(StrCat(what, std::string(what.size() < 9 ? 9 - what.size() : 0, ' '), "  ", text));
    std::fflush(stdout);
  }
  void Say(const std::string& text) { PrintOut(StrCat(FormatTimestamp(clock_->NowMicros()).substr(0, 19), "Z  ", text, "\n")); }

  ServerFlags server_flags_;
  const GlobalFlags& global_;
  const GlobalFlags quiet_json_;          // errors of an edit go to standard error as text
  std::unique_ptr<Project> project_;
  std::unique_ptr<ShiftedClock> shifted_;
  Clock* clock_ = &SystemClock();
  BackgroundCourier* courier_ = nullptr;
  std::string signature_;
  std::int64_t looked_ = 0;
};
}  // namespace

void AddServerCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("server", "Start runs when their schedules tick, look after them and after backfills; until Ctrl-C, which leaves the runs at work");
  auto flags = std::make_shared<ServerFlags>();
  command->add_option("--parallel", flags->parallel, "runs at once, over all pipelines and tenants (default: one a core)")->range(1, 1024);
  command->add_option("--clock", flags->clock, "pretend that it is this moment now; for tests")->group("");
  command->add_option("--clock-speed", flags->clock_speed, "pretend that time passes so many times faster; for tests")->group("");
  command->add_option("--lease", flags->lease_s, "seconds until a server that does not answer any more is replaced; for tests")->group("");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Server(*flags, global).Run(); }; });
}

}  // namespace headrace
