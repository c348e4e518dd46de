// One turn: hold the lease, enter due ticks, look at every started request, start what may start. Each decision is first a row (RunQueue::Change), then an
// act, so a supervisor that dies between the two leaves a row from which the next one finds out what is missing: an issued attempt that nobody
// claimed is started again, and the claim sees to it that two processes for one attempt make one run.

#include "headrace/schedule/supervisor.h"

#include <algorithm>
#include <tuple>

namespace headrace {

namespace {
using Kind = ServerEvent::Kind;
constexpr const char* kLease = "server";
constexpr const char* kNext = "server.next";         // held by a server that waits, so that a backfill which looks after itself steps down
constexpr std::int64_t kBusyDelayMicros = 10'000'000;
constexpr std::int64_t kSecond = 1'000'000;
constexpr int kInterruptedExit = 130, kBusyExit = 75, kInvalidExit = 2, kSignalled = 128;

bool IsScheduled(const RunRequest& request) { return request.origin == "schedule"; }

std::string LastLine(const std::string& text) {
  const std::string_view trimmed = Trim(text);
  const std::size_t error = trimmed.rfind("error: ");
  return std::string(error == std::string_view::npos ? trimmed.substr(trimmed.rfind('\n') + 1) : trimmed.substr(error + 7, trimmed.find('\n', error) - error - 7));
}
}  // namespace

/// What is at work, counted by everything that has a limit.
struct Supervisor::Tally {
  std::int64_t total = 0;
  std::map<std::string, std::int64_t> tenants, backfills;
  std::map<std::pair<std::string, std::string>, std::vector<RunRequest>> scheduled;      // by pipeline and tenant, oldest first
  std::set<std::tuple<std::string, std::string, std::int64_t, std::int64_t>> windows;

  static auto WindowOf(const RunRequest& request) { return std::tuple(request.pipeline, request.tenant, request.interval_start_us, request.interval_end_us); }
  void Add(const RunRequest& request) {
    ++total;
    ++tenants[request.tenant];
    windows.insert(WindowOf(request));
    if (IsScheduled(request)) scheduled[{request.pipeline, request.tenant}].push_back(request);
    else ++backfills[request.origin];
  }
  std::int64_t TenantsOf(const std::string& pipeline) const {
    return std::count_if(scheduled.begin(), scheduled.end(), [&](const auto& entry) { return entry.first.first == pipeline && !entry.second.empty(); });
  }
};

Supervisor::Supervisor(Store& store, Launcher& launcher, Clock& clock, Options options, std::function<void(const ServerEvent&)> tell)
    : store_(store), queue_(store, clock), launcher_(launcher), clock_(clock), options_(std::move(options)), tell_(std::move(tell)) {}

void Supervisor::Set(Scheduler scheduler, std::map<std::string, std::int64_t> runs_of_tenant) {
  scheduler_ = std::move(scheduler);
  runs_of_tenant_ = std::move(runs_of_tenant);
  next_tick_us_.reset();
}

void Supervisor::Tell(Kind kind, const RunRequest& request, std::string text) { tell_({kind, request, std::move(text)}); }

Result<Supervisor::Turned> Supervisor::Turn() {
  ASSIGN_OR_RETURN(const bool acting, Lead());
  if (!acting) return Turned{};
  const Status done = Work();
  if (done.code() == ErrorCode::kBusy) {               // fenced, or only out of reach? The lease knows
    ASSIGN_OR_RETURN(const Lease lease, store_.FindLease(kLease));
    if (lease.epoch != epoch_) {
      Lose(lease.holder);
      return Turned{};
    }
  }
  RETURN_IF_ERROR(done);
  const std::int64_t now_us = clock_.NowMicros();
  ASSIGN_OR_RETURN(std::optional<std::int64_t> next_us, queue_.NextReady(now_us));
  if (next_tick_us_ && *next_tick_us_ != kNever) next_us = std::min(next_us.value_or(*next_tick_us_), *next_tick_us_);
  return Turned{true, next_us};
}

Status Supervisor::Work() {
  const std::int64_t now_us = clock_.NowMicros();
  if (!next_tick_us_ || now_us >= *next_tick_us_) RETURN_IF_ERROR(EnterTicks(now_us));
  Tally tally;
  ASSIGN_OR_RETURN(const std::vector<RunRequest> started, queue_.Started());
  for (const RunRequest& request : started) RETURN_IF_ERROR(LookAfter(request, tally, now_us));
  return StartReady(tally, now_us);
}

void Supervisor::Lose(const std::string& to) {
  epoch_.reset();
  known_.clear();
  waits_for_ = to;
  Tell(Kind::kLost, {}, to);
}

/// Take, keep or wait for the lease.
Result<bool> Supervisor::Lead() {
  const std::int64_t now = clock_.MonotonicMicros();
  if (epoch_ && options_.steps_down) {
    ASSIGN_OR_RETURN(const Lease next, store_.FindLease(kNext));
    if (next.left_us > 0 && !launcher_.IsGone(next.holder)) {
      RETURN_IF_ERROR(store_.ReleaseLease(kLease, *epoch_));
      Lose(next.holder);
      return false;
    }
  }
  if (epoch_ && now - renewed_ < options_.lease_us / 3) return true;
  if (epoch_) {
    const Status renewed = store_.RenewLease(kLease, *epoch_, options_.lease_us);
    if (renewed.ok()) renewed_ = now;
    if (renewed.ok()) return true;
    ASSIGN_OR_RETURN(const Lease lease, store_.FindLease(kLease));   // an error here: the state is out of reach, the lease may still hold
    Lose(lease.holder == options_.holder ? "nobody yet: it ran out" : lease.holder);
  }
  ASSIGN_OR_RETURN(const Lease held, store_.FindLease(kLease));
  const bool gone = held.left_us > 0 && held.holder != options_.holder && launcher_.IsGone(held.holder);
  if (held.left_us > 0 && held.holder != options_.holder && !gone) return Wait(held.holder, now);
  if (options_.steps_down) {
    ASSIGN_OR_RETURN(const Lease next, store_.FindLease(kNext));
    if (next.left_us > 0 && !launcher_.IsGone(next.holder)) return Wait(next.holder, now);
  }
  if (gone) RETURN_IF_ERROR(store_.ReleaseLease(kLease, held.epoch));
  ASSIGN_OR_RETURN(const Lease lease, store_.AcquireLease(kLease, options_.holder, options_.lease_us));
  if (!lease.granted) return Wait(lease.holder, now);
  store_.ActUnder(kLease, lease.epoch);
  epoch_ = lease.epoch;
  renewed_ = now;
  next_tick_us_.reset();
  known_.clear();
  const bool took_over = !waits_for_.empty() || gone;
  Tell(took_over ? Kind::kTookOver : Kind::kActs, {}, gone ? held.holder : waits_for_);
  waits_for_.clear();
  if (next_epoch_) static_cast<void>(store_.ReleaseLease(kNext, *next_epoch_).ok());   // it would run out anyway
  next_epoch_.reset();
  return true;
}

Result<bool> Supervisor::Wait(const std::string& holder, std::int64_t now) {
  if (waits_for_ != holder) Tell(Kind::kWaits, {}, holder);
  waits_for_ = holder;
  if (options_.steps_down || (next_epoch_ && now - announced_ < options_.lease_us / 3)) return false;
  ASSIGN_OR_RETURN(const Lease next, store_.AcquireLease(kNext, options_.holder, options_.lease_us));
  announced_ = now;
  next_epoch_.reset();
  if (next.granted) next_epoch_ = next.epoch;
  return false;
}

Status Supervisor::Stop() {
  if (!epoch_) return Ok();
  const std::int64_t epoch = *epoch_;
  epoch_.reset();
  return store_.ReleaseLease(kLease, epoch);
}

Status Supervisor::EnterTicks(std::int64_t now_us) {
  if (scheduler_.size() == 0) {
    next_tick_us_ = kNever;
    return Ok();
  }
  ASSIGN_OR_RETURN(const std::vector<ScheduleMark> marks, queue_.Marks());
  ASSIGN_OR_RETURN(const std::vector<SchedulePause> pauses, queue_.Pauses());
  const DueRequests due = scheduler_.Due(marks, pauses, now_us);
  std::vector<RunRequest> entered;
  if (!due.requests.empty() || !due.marks.empty()) {
    ASSIGN_OR_RETURN(entered, queue_.Enter(due.requests, due.marks));
  }
  next_tick_us_ = due.next_us.value_or(kNever);
  for (const DueRequests::PassedOver& passed : due.passed_over) {
    RunRequest whose;
    whose.pipeline = passed.pipeline;
    whose.tenant = passed.tenant;
    Tell(Kind::kPassedOver, whose, StrCat(Counted(passed.ticks, "tick"), passed.paused ? ": paused" : ": missed, and `catch_up` leaves them out"));
  }
  for (const RunRequest& request : entered) Tell(Kind::kTick, request);
  return Ok();
}

/// What became of a started request.
Status Supervisor::LookAfter(const RunRequest& request, Tally& tally, std::int64_t now_us) {
  TellLate(request, now_us);
  if (request.claimed < request.attempt) return LookAtProcess(request, tally, now_us);
  ASSIGN_OR_RETURN(const std::optional<RunRecord> run, store_.FindRun(request.run));
  if (!run) return End(request, RequestState::kFailed, "the record of its run is gone", nullptr);
  switch (run->state) {
    case RunState::kSucceeded: return End(request, RequestState::kSucceeded, run->message, &*run);
    case RunState::kFailed: return End(request, RequestState::kFailed, run->message, &*run);
    case RunState::kWaiting: return LookAtApprovals(request, *run, now_us);
    case RunState::kInterrupted: return LookAtInterrupted(request, *run, now_us);
    case RunState::kRunning: break;
  }
  const bool adopted = known_.insert(request.id).second && launcher_.Look(request).state == Launcher::Seen::State::kUnknown;
  if (adopted) Tell(Kind::kAdopted, request);
  tally.Add(request);
  return Ok();
}

/// An attempt was issued, and no run claimed it yet.
Status Supervisor::LookAtProcess(RunRequest request, Tally& tally, std::int64_t now_us) {
  const Launcher::Seen seen = launcher_.Look(request);
  if (seen.state == Launcher::Seen::State::kAlive) {
    tally.Add(request);
    return Ok();
  }
  if (seen.state == Launcher::Seen::State::kUnknown) {       // issued by a supervisor that died, or could not be started
    known_.insert(request.id);
    tally.Add(request);
    return Launch(request);
  }
  launcher_.Forget(request.id);
  const std::string said = LastLine(seen.said);
  if (!request.run.empty()) {                                // what was to be resumed may have come to its end by itself
    ASSIGN_OR_RETURN(const std::optional<RunRecord> run, store_.FindRun(request.run));
    if (run && run->state == RunState::kSucceeded) return End(request, RequestState::kSucceeded, run->message, &*run);
    if (run && run->state == RunState::kFailed) return End(request, RequestState::kFailed, run->message, &*run);
  }
  if (seen.exit_code == kBusyExit) {
    request.state = RequestState::kQueued;
    request.not_before_us = now_us + kBusyDelayMicros;
    request.message = said;
    ASSIGN_OR_RETURN(const bool changed, queue_.Change(request));
    if (changed) Tell(Kind::kDelayed, request, StrCat("busy, tried again in ", kBusyDelayMicros / kSecond, " s: ", said));
    return Ok();
  }
  if (seen.exit_code >= kSignalled) return Again(request, seen.exit_code == kInterruptedExit ? "its process was stopped" : StrCat("its process was ended by signal ", seen.exit_code - kSignalled), now_us);
  if (!request.run.empty() && seen.exit_code == kInvalidExit) return Anew(request, said, now_us);
  return End(request, RequestState::kFailed, said.empty() ? StrCat("its process ended with exit code ", seen.exit_code, " and made no run") : said, nullptr, seen.exit_code);
}

Status Supervisor::LookAtInterrupted(const RunRequest& request, const RunRecord& run, std::int64_t now_us) {
  ASSIGN_OR_RETURN(const std::string by, store_.CancelledBy(run.id));
  if (!by.empty()) return End(request, RequestState::kCancelled, StrCat("cancelled by ", by), &run);
  const Launcher::Seen seen = launcher_.Look(request);
  launcher_.Forget(request.id);
  const bool ended = seen.state == Launcher::Seen::State::kEnded;
  if (ended && seen.exit_code == kInvalidExit) return Anew(request, LastLine(seen.said), now_us);
  return Again(request, run.finished_us > 0 ? "it was interrupted" : ended && seen.exit_code > kSignalled ? StrCat("its process was ended by signal ", seen.exit_code - kSignalled) : "its process died", now_us);
}

/// A waiting run holds no process; it goes on when every question is answered, or nobody can answer any more.
Status Supervisor::LookAtApprovals(RunRequest request, const RunRecord& run, std::int64_t now_us) {
  launcher_.Forget(request.id);
  ASSIGN_OR_RETURN(const std::vector<Approval> asked, store_.ListApprovals(run.id));
  const bool open = std::any_of(asked.begin(), asked.end(), [&](const Approval& approval) {
    return approval.verdict == Approval::Verdict::kOpen && (approval.until_us == 0 || now_us < approval.until_us);
  });
  if (open) {
    if (known_.insert(request.id + " waits").second) Tell(Kind::kWaitsForApproval, request, run.message);
    return Ok();
  }
  known_.erase(request.id + " waits");
  request.state = RequestState::kQueued;
  request.not_before_us = 0;
  return queue_.Change(request).status();
}

/// The pipeline changed so that the run cannot go on: a new one reuses what is unchanged.
Status Supervisor::Anew(RunRequest request, const std::string& why, std::int64_t now_us) {
  request.run.clear();
  return Again(std::move(request), StrCat("it cannot be resumed (", why, "), so a new run is made"), now_us);
}

/// Queue another attempt, unless there were too many.
Status Supervisor::Again(RunRequest request, const std::string& how, std::int64_t now_us) {
  if (++request.deaths > Options::kMaxDeaths) {
    const std::string text = StrCat(how, ", for the ", request.deaths, "th time: given up");
    return End(request, RequestState::kFailed, text, nullptr);
  }
  const std::int64_t delay_us = request.deaths == 1 ? 0 : (std::int64_t{1} << (request.deaths - 1)) * kSecond;
  request.state = RequestState::kQueued;
  request.not_before_us = now_us + delay_us;
  request.message = how;
  launcher_.Forget(request.id);
  ASSIGN_OR_RETURN(const bool changed, queue_.Change(request));
  known_.erase(request.id);
  if (changed) Tell(Kind::kDelayed, request, StrCat(how, delay_us == 0 ? "; another try" : StrCat("; another try in ", delay_us / kSecond, " s")));
  return Ok();
}

Status Supervisor::End(RunRequest request, RequestState state, std::string message, const RunRecord* run, int exit_code) {
  const bool gave_up = request.deaths > Options::kMaxDeaths;
  request.state = state;
  request.message = std::move(message);
  ASSIGN_OR_RETURN(const bool changed, queue_.Change(request));
  if (!changed) return Ok();
  for (const char* what : {"", " waits", " late"}) known_.erase(request.id + what);
  launcher_.Forget(request.id);
  ServerEvent event{Kind::kEnded, request, request.message};
  if (state == RequestState::kSkipped) event.kind = Kind::kSkipped;
  if (state == RequestState::kCancelled) event.kind = Kind::kCancelled;
  if (gave_up) event.kind = Kind::kGaveUp;
  event.exit_code = run != nullptr ? run->exit_code : exit_code;
  if (run != nullptr && run->finished_us > 0) event.seconds = static_cast<double>(run->finished_us - run->started_us) / 1e6;
  tell_(event);
  return Ok();
}

void Supervisor::TellLate(const RunRequest& request, std::int64_t now_us) {
  if (request.finish_by_us == 0 || now_us <= request.finish_by_us) return;
  if (known_.insert(request.id + " late").second) Tell(Kind::kLate, request);
}

Status Supervisor::StartReady(Tally& tally, std::int64_t now_us) {
  ASSIGN_OR_RETURN(const std::vector<RunRequest> ready, queue_.Ready(now_us, options_.parallel));
  for (const RunRequest& request : ready) {
    TellLate(request, now_us);
    ASSIGN_OR_RETURN(const bool may, MayStart(request, tally));
    if (may) RETURN_IF_ERROR(Issue(request, tally));
  }
  return Ok();
}

/// Whether no limit keeps the request. Does what `overlap` says of a tick that finds too many at work.
Result<bool> Supervisor::MayStart(const RunRequest& request, const Tally& tally) {
  const auto count = [](const std::map<std::string, std::int64_t>& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
  };
  if (IsScheduled(request)) {
    const ScheduleSpec* found = scheduler_.Find(request.pipeline, request.tenant);
    const ScheduleSpec spec = found != nullptr ? *found : ScheduleSpec{};
    const auto at_work = tally.scheduled.find({request.pipeline, request.tenant});
    const bool any = at_work != tally.scheduled.end();
    if (any && static_cast<std::int64_t>(at_work->second.size()) >= spec.max_parallel) {
      RETURN_IF_ERROR(Overlap(request, at_work->second.front(), spec.overlap));
      return false;
    }
    if (!any && tally.TenantsOf(request.pipeline) >= spec.parallel) return false;
  } else if (const std::int64_t at_work = count(tally.backfills, request.origin); at_work > 0) {
    ASSIGN_OR_RETURN(const std::int64_t parallel, queue_.ParallelOf(request.origin));
    if (at_work >= parallel) return false;
  }
  const std::int64_t quota = count(runs_of_tenant_, request.tenant);
  if (quota > 0 && count(tally.tenants, request.tenant) >= quota) return false;
  return tally.total < options_.parallel && !tally.windows.contains(Tally::WindowOf(request));
}

Status Supervisor::Overlap(const RunRequest& request, const RunRequest& oldest, ScheduleSpec::Overlap overlap) {
  const std::string which = oldest.run.empty() ? oldest.id : StrCat("run ", oldest.run);
  if (overlap == ScheduleSpec::Overlap::kSkip && request.attempt == 0) return End(request, RequestState::kSkipped, StrCat(which, " is at work (overlap: skip)"), nullptr);
  if (overlap != ScheduleSpec::Overlap::kCancel) return Ok();
  if (oldest.claimed < oldest.attempt) return End(oldest, RequestState::kCancelled, StrCat("cancelled for ", request.id, " (overlap: cancel)"), nullptr);
  ASSIGN_OR_RETURN(const std::string by, store_.CancelledBy(oldest.run));
  if (!by.empty()) return Ok();
  const Status cancelled = store_.Cancel(oldest.run, StrCat("the schedule, for ", request.id));
  return cancelled.code() == ErrorCode::kInvalid ? Ok() : cancelled;      // it ended meanwhile
}

Status Supervisor::Issue(RunRequest request, Tally& tally) {
  request.state = RequestState::kStarted;
  request.message.clear();
  ++request.attempt;
  ASSIGN_OR_RETURN(const bool changed, queue_.Change(request));
  if (!changed) return Ok();
  known_.insert(request.id);
  tally.Add(request);
  return Launch(request);
}

/// It may fail for want of processes or memory: the attempt stands issued, so the next turn tries again.
Status Supervisor::Launch(const RunRequest& request) {
  const Status started = launcher_.Start(request);
  if (!started.ok()) Tell(Kind::kDelayed, request, started.message());
  else Tell(request.run.empty() ? Kind::kStarted : Kind::kResumed, request);
  return Ok();
}

}  // namespace headrace
