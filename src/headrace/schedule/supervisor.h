#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/schedule/scheduler.h"
#include "headrace/store/run_queue.h"
#include "headrace/store/store.h"

namespace headrace {

/// Starts the process of a request's attempt and says how it ended. The Supervisor's only way to processes.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// Start `headrace run` for `request.attempt`: for a new run, or to resume `request.run`. The process has a session of its own and outlives this one.
  /// kBusy: it cannot be started now. A process may be started for the same attempt again (by another server): only one can claim it.
  virtual Status Start(const RunRequest& request) = 0;

  struct Seen {
    enum class State : std::uint8_t { kUnknown, kAlive, kEnded } state = State::kUnknown;   ///< kUnknown: not started by this Launcher
    int exit_code = 0;                   ///< of kEnded; 128 + signal when a signal ended it
    std::string said;                    ///< the end of what it said on standard error
  };
  /// The process that this Launcher started for `request.attempt`; kUnknown when that was another.
  virtual Seen Look(const RunRequest& request) = 0;
  /// The request has ended, or another attempt is coming: forget its process.
  virtual void Forget(const std::string& request) = 0;
  /// Whether the process that holds a lease as `holder` is known to be dead: it was one of this host. false = cannot tell.
  virtual bool IsGone(const std::string& holder) = 0;
};

/// Something that happened, for the log.
struct ServerEvent {
  enum class Kind : std::uint8_t {
    kActs, kWaits, kTookOver, kLost,     ///< the lease: `text` names the other
    kTick, kPassedOver,                  ///< a request was entered; ticks were left out
    kStarted, kResumed, kAdopted,        ///< a process was started for a run; a living run of a server before this one is looked after
    kEnded, kWaitsForApproval,           ///< exit_code, seconds
    kSkipped, kCancelled, kDelayed,      ///< `overlap`; busy or its process died: another attempt comes
    kGaveUp, kLate,                      ///< too many deaths; `finish_by` has passed
  } kind = Kind::kTick;
  RunRequest request = {};               ///< pipeline and tenant of kPassedOver; empty for the lease
  std::string text = {};
  int exit_code = 0;
  double seconds = 0;
};

/// Looks after runs: enters what schedules ask for, starts what is queued within the limits, resumes what died, notes what ended. The one loop that starts runs;
/// backfills only fill the queue.
///
///   Turn -> sleep, until a process ends or a moment comes -> Turn ...
///
/// Of all supervisors on one state, the one that holds the lease "server" acts. Everything it knows stands in the state, so it may die anywhere: the next
/// one goes on, and adopts the runs that live. One that lost its lease without noticing finds its writes refused.
///
/// Threads: none. Time only by `clock` (its wall clock decides about ticks) and leases by the Store's.
class Supervisor {
 public:
  struct Options {
    std::string holder;                  ///< names this process, for IsGone and for people
    std::int64_t parallel = 4;           ///< processes at once, over all
    std::int64_t lease_us = 15'000'000;
    bool steps_down = false;             ///< give the lease to a supervisor that waits and does not step down itself
    static constexpr std::int64_t kMaxDeaths = 5;
  };
  Supervisor(Store& store, Launcher& launcher, Clock& clock, Options options, std::function<void(const ServerEvent&)> tell);

  /// From now on these schedules hold, and these many runs at once of a tenant.
  void Set(Scheduler scheduler, std::map<std::string, std::int64_t> runs_of_tenant);

  struct Turned {
    bool acting = false;                 ///< this one holds the lease
    std::optional<std::int64_t> next_us; ///< by `clock`: a tick is due or a request's time has come; look at least once a second, too
  };
  /// Do all that is to be done now. An error (the state is out of reach) leaves everything as it is: try again. Never sleeps.
  Result<Turned> Turn();

  /// Give the lease back. Runs go on.
  Status Stop();

 private:
  static constexpr std::int64_t kNever = INT64_MAX;
  struct Tally;                          // what is at work, by limit
  Result<bool> Lead();
  Result<bool> Wait(const std::string& holder, std::int64_t now);
  void Lose(const std::string& to);
  Status Work();
  Status EnterTicks(std::int64_t now_us);
  Status LookAfter(const RunRequest& request, Tally& tally, std::int64_t now_us);
  Status LookAtProcess(RunRequest request, Tally& tally, std::int64_t now_us);
  Status LookAtInterrupted(const RunRequest& request, const RunRecord& run, std::int64_t now_us);
  Status LookAtApprovals(RunRequest request, const RunRecord& run, std::int64_t now_us);
  Status Again(RunRequest request, const std::string& how, std::int64_t now_us);
  Status Anew(RunRequest request, const std::string& why, std::int64_t now_us);
  Status End(RunRequest request, RequestState state, std::string message, const RunRecord* run, int exit_code = 0);
  Status StartReady(Tally& tally, std::int64_t now_us);
  Result<bool> MayStart(const RunRequest& request, const Tally& tally);
  Status Overlap(const RunRequest& request, const RunRequest& oldest, ScheduleSpec::Overlap overlap);
  Status Issue(RunRequest request, Tally& tally);
  Status Launch(const RunRequest& request);
  void Tell(ServerEvent::Kind kind, const RunRequest& request, std::string text = {});
  void TellLate(const RunRequest& request, std::int64_t now_us);

  Store& store_;
  RunQueue queue_;
  Launcher& launcher_;
  Clock& clock_;
  Options options_;
  std::function<void(const ServerEvent&)> tell_;
  Scheduler scheduler_;
  std::map<std::string, std::int64_t> runs_of_tenant_;
  std::optional<std::int64_t> epoch_;    ///< of the lease while it is held
  std::int64_t renewed_ = 0;             ///< monotonic
  std::string waits_for_;                ///< the holder that was last told of
  std::optional<std::int64_t> next_epoch_;   ///< of the lease that says "a server waits", while it is held
  std::int64_t announced_ = 0;           ///< monotonic: when that was said last
  std::optional<std::int64_t> next_tick_us_;
  std::set<std::string> known_;          ///< requests whose process, lateness or question was told of
};

}  // namespace headrace
