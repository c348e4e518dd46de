// Fills the queue with runs for past intervals, and shows how far they are. When no server acts, it looks after them itself, with the same Supervisor.

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "headrace/base/digest.h"
#include "headrace/base/process.h"
#include "headrace/cli/alert_delivery.h"
#include "headrace/cli/command.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_request.h"
#include "headrace/cli/supervision.h"
#include "headrace/run/fingerprint.h"
#include "headrace/run/run_params.h"
#include "headrace/schedule/windows.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;
constexpr std::size_t kShownFailures = 10;

struct BackfillFlags {
  std::string pipeline, from, to, tenant, every;
  std::vector<std::string> params;
  std::int64_t parallel = 1;
  bool newest_first = false, dry_run = false, detach = false, again = false;
};

Json CountsJson(const Backfill& backfill) {
  return {{"backfill", backfill.id}, {"pipeline", backfill.pipeline}, {"tenants", backfill.tenants}, {"from", FormatTimestamp(backfill.from_us)}, {"to", FormatTimestamp(backfill.to_us)},
          {"parallel", backfill.parallel}, {"newest_first", backfill.newest_first}, {"cancelled", backfill.cancelled}, {"created", FormatTimestamp(backfill.created_us)}, {"by", backfill.by},
          {"requests", {{"queued", backfill.queued}, {"started", backfill.started}, {"succeeded", backfill.succeeded}, {"failed", backfill.failed}, {"skipped", backfill.skipped},
                        {"cancelled", backfill.cancelled_requests}}}};
}

std::string CountsText(const Backfill& backfill) {
  const std::int64_t all = backfill.open() + backfill.succeeded + backfill.failed + backfill.skipped + backfill.cancelled_requests;
  std::string text = StrCat("backfill ", backfill.id, ": ", all - backfill.open(), " of ", all, " windows done");
  const auto add = [&](std::int64_t count, const char* what) {
    if (count > 0) text += StrCat(", ", count, " ", what);
  };
  add(backfill.skipped, "of them before");
  add(backfill.failed, "failed");
  add(backfill.cancelled_requests, "cancelled");
  add(backfill.started, "at work");
  add(backfill.queued, "queued");
  return text;
}

/// One run of `headrace backfill PIPELINE`.
class BackfillCommand {
 public:
  BackfillCommand(BackfillFlags flags, const GlobalFlags& global) : flags_(std::move(flags)), global_(global) {}

  int Run() {
    Diagnostics diagnostics;
    Result<Project> project = LoadProject(global_, "", diagnostics);
    if (diagnostics.has_errors()) return FailWith(diagnostics, global_);
    if (!project.ok()) return Fail(project.status(), global_);
    Result<std::unique_ptr<Store>> store = OpenStore(*project);
    if (!store.ok()) return Fail(store.status(), global_);
    store_ = std::move(store).value();
    const Status planned = Plan(*project, diagnostics);
    if (diagnostics.has_errors()) return FailWith(diagnostics, global_);
    if (!planned.ok()) return Fail(planned, global_);
    if (flags_.dry_run) return Show();
    RunQueue queue(*store_, SystemClock());
    if (const Status entered = queue.EnterBackfill(backfill_, requests_, looked_us_); !entered.ok()) return Fail(entered, global_);
    if (flags_.detach) return Detached(queue);
    return Follow(queue, *project);
  }

 private:
  /// The requests, those that are done already marked so.
  Status Plan(const Project& project, Diagnostics& diagnostics) {
    const std::vector<std::string> names = project.pipelines();
    if (std::find(names.begin(), names.end(), flags_.pipeline) == names.end()) {
      const std::string near = NearestName(flags_.pipeline, names);
      return Error(ErrorCode::kInvalid, "no pipeline `", flags_.pipeline, "`").WithHelp(near.empty() ? StrCat("pipelines: ", Join(names, ", ")) : StrCat("did you mean `", near, "`?"));
    }
    const std::vector<PipelineSchedule> schedules = project.Schedules(flags_.pipeline, diagnostics);
    if (diagnostics.has_errors()) return Error(ErrorCode::kInvalid, "the schedule does not read");
    ASSIGN_OR_RETURN(const std::int64_t from_us, ParseTimestamp(flags_.from));
    ASSIGN_OR_RETURN(const std::int64_t to_us, ParseTimestamp(flags_.to));
    if (from_us >= to_us) return Error(ErrorCode::kInvalid, "--from ", flags_.from, " is not before --to ", flags_.to).WithHelp("the day that --to names is not part of it");
    ASSIGN_OR_RETURN(const auto given, ParseParams(flags_.params));
    nlohmann::json params = nlohmann::json::object();
    for (const auto& [name, value] : given) params[name] = value;
    ASSIGN_OR_RETURN(const std::vector<std::string> tenants, TenantsOf(project, schedules));
    std::string specs;
    for (const std::string& tenant : tenants) {
      ASSIGN_OR_RETURN(const ScheduleSpec spec, SpecOf(schedules, tenant, from_us / 1'000'000));
      specs += StrCat(TickText(spec), "\n");
      ASSIGN_OR_RETURN(const std::vector<Interval> windows, WindowsBetween(spec, from_us / 1'000'000, to_us / 1'000'000, SystemClock().NowMicros()));
      for (const Interval& window : windows) {
        RunRequest request;
        request.pipeline = flags_.pipeline;
        request.tenant = tenant;
        request.environment = project.environment().name;
        request.interval_start_us = window.start_us;
        request.interval_end_us = window.end_us;
        request.params = DumpJson(params);
        requests_.push_back(std::move(request));
      }
    }
    if (requests_.empty())
      return Error(ErrorCode::kInvalid, "no window begins from ", flags_.from, " to ", flags_.to, " and has ended by now").WithHelp("`headrace schedule next PIPELINE --from TIME` shows intervals; --every 1d names others");
    const std::string tenants_text = flags_.tenant.empty() ? Join(tenants, ", ") : flags_.tenant;
    const std::string what = StrCat(flags_.pipeline, "\n", tenants_text, "\n", from_us, "\n", to_us, "\n", specs, DumpJson(params), "\n", project.environment().name);
    backfill_ = {StrCat("b", Sha256Hex(what).substr(0, 8)), flags_.pipeline, tenants_text, project.environment().name, DumpJson(params), from_us, to_us, flags_.parallel, flags_.newest_first,
                 false, SystemClock().NowMicros(), UserName()};
    std::sort(requests_.begin(), requests_.end(), [&](const RunRequest& a, const RunRequest& b) {
      if (a.interval_start_us != b.interval_start_us) return (a.interval_start_us < b.interval_start_us) != flags_.newest_first;
      return a.tenant < b.tenant;
    });
    looked_us_ = SystemClock().NowMicros();
    RunQueue queue(*store_, SystemClock());
    const Result<Backfill> before = queue.GetBackfill(backfill_.id);
    if (before.ok()) backfill_.created_us = before->created_us;
    const bool again = flags_.again && !(before.ok() && before->open() > 0);     // a killed `--again` goes on, it does not begin anew
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      RunRequest& request = requests_[i];
      request.id = StrCat(backfill_.id, request.tenant.empty() ? "" : "/", request.tenant, "/", ReplaceAll(FormatTimestamp(request.interval_start_us), " ", "T"));
      request.origin = backfill_.id;
      request.entered_us = backfill_.created_us;
      request.position = static_cast<std::int64_t>(i);
      if (!again) RETURN_IF_ERROR(MarkIfDone(project, queue, request));
    }
    return Ok();
  }

  Result<std::vector<std::string>> TenantsOf(const Project& project, const std::vector<PipelineSchedule>& schedules) const {
    const std::vector<std::string> known = project.tenants();
    std::vector<std::string> tenants;
    if (flags_.tenant == "all") tenants = known;
    else if (!flags_.tenant.empty()) tenants = {flags_.tenant};
    else
      for (const PipelineSchedule& schedule : schedules) tenants.insert(tenants.end(), schedule.tenants.begin(), schedule.tenants.end());
    if (flags_.tenant == "all" && known.empty()) return Error(ErrorCode::kInvalid, "`--tenant all`: the project has no tenant").WithHelp("write tenants/NAME.yaml, or leave --tenant out");
    for (const std::string& tenant : tenants)
      if (std::find(known.begin(), known.end(), tenant) == known.end()) {
        const std::string near = NearestName(tenant, known);
        return Error(ErrorCode::kInvalid, "no tenant `", tenant, "`").WithHelp(near.empty() ? StrCat("tenants: ", Join(known, ", ")) : StrCat("did you mean `", near, "`?"));
      }
    std::sort(tenants.begin(), tenants.end());
    if (tenants.empty()) tenants.push_back("");
    return tenants;
  }

  /// --every, else the tenant's schedule, else days.
  Result<ScheduleSpec> SpecOf(const std::vector<PipelineSchedule>& schedules, const std::string& tenant, std::int64_t from_local_s) const {
    const ScheduleSpec* own = nullptr;
    for (const PipelineSchedule& schedule : schedules)
      if (own == nullptr || std::find(schedule.tenants.begin(), schedule.tenants.end(), tenant) != schedule.tenants.end()) own = &schedule.spec;
    if (flags_.every.empty() && own != nullptr) return *own;
    ASSIGN_OR_RETURN(const Period every, ParsePeriod(flags_.every.empty() ? "1 day" : flags_.every));
    return EverySpec(every, own != nullptr ? own->timezone : "UTC", from_local_s);
  }

  /// A window is done when its last succeeded run was made from the same files and parameters. Its data are not asked: `--again` does.
  Status MarkIfDone(const Project& project, RunQueue& queue, RunRequest& request) {
    ASSIGN_OR_RETURN(const std::optional<RunRecord> run, queue.LastSucceeded(request));
    if (!run || run->definition.empty()) return Ok();
    ResolveRequest resolve;
    resolve.pipeline = request.pipeline;
    resolve.tenant = request.tenant;
    resolve.interval = {request.interval_start_us, request.interval_end_us};
    const nlohmann::json params = ParseJson(request.params);
    for (const auto& [name, value] : params.items()) resolve.params.emplace_back(name, value.get<std::string>());
    Diagnostics ignored;                 // a pipeline that does not resolve fails as a run, with its errors
    const Result<ResolvedPipeline> pipeline = project.Resolve(resolve, ignored);
    if (!pipeline.ok() || run->definition != DefinitionOf(*pipeline) || run->params != ParamsJson(*pipeline)) return Ok();
    request.state = RequestState::kSkipped;
    request.run = run->id;
    request.message = "done before, and nothing changed since";
    return Ok();
  }

  int Show() const {
    Json all = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const RunRequest& request : requests_) {
      const bool done = request.state == RequestState::kSkipped;
      all.push_back({{"tenant", request.tenant}, {"interval", IntervalJson(request.interval_start_us, request.interval_end_us)}, {"act", done ? "skip" : "run"},
                     {"done_by", request.run}});
      rows.push_back({request.tenant, FormatTimestamp(request.interval_start_us).substr(0, 16), FormatTimestamp(request.interval_end_us).substr(0, 16), done ? StrCat("skip: done by run ", request.run) : "run"});
    }
    PrintOut(global_.json ? DumpJson(Json({{"backfill", backfill_.id}, {"windows", all}}), 2) + "\n" : TextTable({"tenant", "from (UTC)", "to (UTC)", "would"}, rows));
    return 0;
  }

  int Detached(RunQueue& queue) {
    const Result<Backfill> entered = queue.GetBackfill(backfill_.id);
    if (!entered.ok()) return Fail(entered.status(), global_);
    if (global_.json) PrintJson(CountsJson(*entered));
    const Result<Lease> lease = store_->FindLease("server");
    const bool acts = lease.ok() && lease->left_us > 0;
    if (!global_.quiet)
      PrintErr(StrCat(CountsText(*entered), "\n", acts ? StrCat("run by ", RunLauncher::Describe(lease->holder)) : "no server acts on this state: `headrace server` runs them", "\n"));
    return 0;
  }

  int Follow(RunQueue& queue, const Project& project) {
    const Result<std::string> program = OwnPath();
    if (!program.ok()) return Fail(program.status(), global_);
    const SignalWait signals;
    RunLauncher launcher({*program, project.root(), global_.threads});
    Supervisor::Options options;
    options.holder = RunLauncher::Holder("headrace backfill");
    options.parallel = flags_.parallel;
    options.steps_down = true;
    BackgroundCourier courier(*store_, [&](const std::string& problem) { Say(StrCat("alert: ", problem, "\n")); });
    courier.Set(project);
    Supervisor supervisor(*store_, launcher, SystemClock(), options, [&](const ServerEvent& event) {
      courier.Enter(event, SystemClock().NowMicros());
      Tell(event);
    });
    std::map<std::string, std::int64_t> quotas;
    for (const std::string& tenant : project.tenants()) quotas[tenant] = project.QuotaOf(tenant).runs;
    supervisor.Set(Scheduler(), std::move(quotas));
    Result<Backfill> now = queue.GetBackfill(backfill_.id);
    const auto each = [&](bool) {
      now = queue.GetBackfill(backfill_.id);
      if (now.ok()) Progress(*now);
      return !now.ok() || now->open() > 0;
    };
    Supervise(supervisor, launcher, signals, SystemClock(), 1, each, [&](const Status& status) { Say(status.ToString() + "\n"); });
    static_cast<void>(supervisor.Stop().ok());       // it would run out anyway
    DeliverAlerts(*store_, project, global_);
    now = queue.GetBackfill(backfill_.id);
    if (!now.ok()) return Fail(now.status(), global_);
    Say(CountsText(*now) + "\n");
    if (now->open() > 0 && now->started > 0) Say("the runs at work go on by themselves; the same command goes on with the rest\n");
    const int code = now->open() > 0 || now->cancelled ? ExitCode(ErrorCode::kInterrupted) : now->failed > 0 ? ExitCode(ErrorCode::kFailed) : 0;
    Json failed = Json::array();
    const Result<std::vector<RunRequest>> all = queue.List(backfill_.id, std::numeric_limits<std::int32_t>::max());
    if (!all.ok()) return Fail(all.status(), global_);
    for (const RunRequest& request : *all) {
      if (request.state != RequestState::kFailed) continue;
      const std::string start = FormatTimestamp(request.interval_start_us);
      if (failed.size() < kShownFailures) Say(StrCat("  failed: ", request.tenant, request.tenant.empty() ? "" : "  ", start.substr(0, 16), request.run.empty() ? "" : StrCat("  run ", request.run), "  ", request.message, "\n"));
      failed.push_back({{"tenant", request.tenant}, {"start", start}, {"run", request.run}, {"message", request.message}});
    }
    if (failed.size() > kShownFailures) Say(StrCat("  and ", failed.size() - kShownFailures, " more: --json lists all\n"));
    if (global_.json) {
      Json json = CountsJson(*now);
      json["failed"] = std::move(failed);
      json["exit_code"] = code;
      PrintJson(json);
    }
    return code;
  }

  void Say(const std::string& text) {
    if (global_.quiet) return;
    PrintErr(StrCat(drawn_ ? "\r\x1b[K" : "", text));
    drawn_ = false;
  }
  void Tell(const ServerEvent& event) {
    using enum ServerEvent::Kind;
    if (event.kind == kStarted || event.kind == kActs || (event.kind == kEnded && event.exit_code == 0)) return;   // the counts tell
    Say(EventText(event) + "\n");
  }
  /// On a terminal a line that is drawn again, elsewhere one every ten seconds.
  void Progress(const Backfill& backfill) {
    const std::int64_t time = SystemClock().MonotonicMicros();
    const bool live = IsInteractive(2);
    if (global_.quiet || time - progressed_ < (live ? 200'000 : 10'000'000)) return;
    progressed_ = time;
    const std::string text = CountsText(backfill);
    if (text == progress_) return;
    progress_ = text;
    Say(text + (live ? "" : "\n"));
    drawn_ = live;
  }

  BackfillFlags flags_;
  const GlobalFlags& global_;
  std::unique_ptr<Store> store_;
  Backfill backfill_;
  std::vector<RunRequest> requests_;
  std::int64_t looked_us_ = 0;           // when they were found done or not
  std::int64_t progressed_ = SystemClock().MonotonicMicros();
  std::string progress_;
  bool drawn_ = false;
};

int ListBackfills(const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<std::vector<Backfill>> backfills = RunQueue(*open->store, SystemClock()).Backfills();
  if (!backfills.ok()) return Fail(backfills.status(), flags);
  Json all = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const Backfill& backfill : *backfills) {
    all.push_back(CountsJson(backfill));
    const std::string state = backfill.cancelled ? "cancelled" : backfill.open() > 0 ? "open" : backfill.failed > 0 ? "failed" : "done";
    rows.push_back({backfill.id, backfill.pipeline, backfill.tenants, FormatTimestamp(backfill.from_us).substr(0, 10), FormatTimestamp(backfill.to_us).substr(0, 10), state, StrCat(backfill.queued),
                    StrCat(backfill.started), StrCat(backfill.succeeded), StrCat(backfill.failed), StrCat(backfill.skipped)});
  }
  if (!flags.json && rows.empty()) PrintErr("no backfill yet\n");
  else PrintOut(flags.json ? DumpJson(all, 2) + "\n" : TextTable({"backfill", "pipeline", "tenants", "from", "to", "state", "queued", "at work", "succeeded", "failed", "skipped"}, rows));
  return 0;
}

int CancelOne(const std::string& id, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  RunQueue queue(*open->store, SystemClock());
  Result<Backfill> backfill = queue.GetBackfill(id);
  if (!backfill.ok()) return Fail(backfill.status(), flags);
  if (const Status cancelled = queue.CancelBackfill(backfill->id, UserName()); !cancelled.ok()) return Fail(cancelled, flags);
  backfill = queue.GetBackfill(backfill->id);
  if (!backfill.ok()) return Fail(backfill.status(), flags);
  if (flags.json) PrintJson(CountsJson(*backfill));
  else if (!flags.quiet) PrintErr(StrCat("cancelled; ", CountsText(*backfill), "\n"));
  return 0;
}
}  // namespace

void AddBackfillCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("backfill", "Run a pipeline for past intervals; the same command again goes on where it stood");
  auto flags = std::make_shared<BackfillFlags>();
  command->add_option("PIPELINE", flags->pipeline, "name of a pipeline of the project");
  command->add_option("--from", flags->from, "windows that begin at this date or time, or later; of the schedule's time zone")->type_name("DATE");
  command->add_option("--to", flags->to, "and before this one")->type_name("DATE");
  command->add_option("--tenant", flags->tenant, "for this tenant, or `all` (default: as the schedule says)")->type_name("NAME");
  command->add_option("--every", flags->every, "length of a window: 1d, 1 week, 1 month (default: the schedule's own ticks, else 1 day)")->type_name("PERIOD");
  command->add_option("--parallel", flags->parallel, "runs at once")->range(1, 1024)->capture_default_str();
  command->add_flag("--newest-first", flags->newest_first, "begin with the newest window");
  command->add_option("-p,--param", flags->params, "set a parameter; may be given several times")->type_name("NAME=VALUE")->expected(1)->take_all();
  command->add_flag("--again", flags->again, "run windows again that are done");
  command->add_flag("--dry-run", flags->dry_run, "list the windows and say which would run");
  command->add_flag("--detach", flags->detach, "enter the windows and return; a server runs them");
  CommandLine list = command->add_subcommand("list", "All backfills and how far they are");
  CommandLine cancel = command->add_subcommand("cancel", "Start no more of a backfill, and end its runs");
  auto id = std::make_shared<std::string>();
  cancel->add_option("BACKFILL", *id, "id, or the beginning of one")->required();
  for (CommandLine sub : {list, cancel}) sub->fallthrough();
  command->callback([&global, &action, flags, list, cancel, id] {
    action = [&global, flags, list, cancel, id] {
      if (list->parsed()) return ListBackfills(global);
      if (cancel->parsed()) return CancelOne(*id, global);
      if (flags->pipeline.empty() || flags->from.empty() || flags->to.empty())
        return Fail(Error(ErrorCode::kInvalid, "which windows?").WithHelp("headrace backfill PIPELINE --from DATE --to DATE, or `headrace backfill list`"), global);
      return BackfillCommand(*flags, global).Run();
    };
  });
}

}  // namespace headrace
