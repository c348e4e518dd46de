#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/status.h"
#include "headrace/store/store.h"

namespace headrace {

/// Where a request stands. All but kQueued and kStarted are final; only a backfill that is given again queues what did not succeed once more.
/// kStarted: a process was asked for, and perhaps its run waits for an approval. kSkipped: a tick that `overlap: skip` left out.
enum class RequestState : std::uint8_t { kQueued, kStarted, kSucceeded, kFailed, kSkipped, kCancelled };
std::string_view StateName(RequestState state);   ///< "queued", "started", "succeeded", "failed", "skipped", "cancelled"

/// The wish that a pipeline runs for a tenant and an interval, by a schedule or a backfill.
///
/// An *attempt* is one process for it. The supervisor issues attempt N in a transaction, then starts a process, which claims N in the transaction that
/// creates or resumes its run (RunClaim). An attempt is claimed once at most, whoever started how many processes for it, so a run
/// is made at most once and never resumed by somebody who comes too late.
struct RunRequest {
  std::string id;                  ///< made from pipeline, tenant and tick or window, so that entering it twice is one row
  std::string origin;              ///< "schedule", or the id of a backfill
  std::string pipeline, tenant, environment;
  std::int64_t interval_start_us = 0, interval_end_us = 0;
  std::string params = "{}";       ///< JSON: {name: text}, as `-p` gives them
  std::int64_t entered_us = 0;     ///< of all requests of a backfill: when it was first given
  std::int64_t position = 0;       ///< the order of requests entered at once; of a schedule's: its tick
  std::int64_t finish_by_us = 0;   ///< when its run should have ended; 0 = no matter
  RequestState state = RequestState::kQueued;
  std::int64_t not_before_us = 0;  ///< not started before: it was busy, or its process died; seconds ahead, minutes at most
  std::int64_t attempt = 0;        ///< the newest issued; 0 = none yet
  std::int64_t claimed = 0;        ///< the newest claimed; its process made or resumed `run`
  std::int64_t deaths = 0;         ///< processes that ended without a word
  std::string run;                 ///< id of its run; "" = there is none yet
  std::string message;             ///< how it ended, or why it waits
  std::int64_t ended_us = 0;
};

/// What is remembered of the schedule of one pipeline and tenant ("" = without tenants): see ScheduleMemory.
struct ScheduleMark {
  std::string pipeline, tenant;
  std::string tick_text;           ///< TickText of the schedule as it was last seen
  std::int64_t since_us = 0;
  std::int64_t handled_us = 0;
};

/// A pause of a pipeline's schedule, of one tenant or (tenant = "*") of all. `until_us` is kOpenEnd while it lasts.
struct SchedulePause {
  static constexpr std::int64_t kOpenEnd = INT64_MAX;
  std::string pipeline, tenant = "*", by;
  std::int64_t from_us = 0, until_us = kOpenEnd;
};

struct Backfill {
  std::string id;                  ///< made from all that says which windows it has: the same command is the same backfill
  std::string pipeline, tenants, environment, params = "{}";
  std::int64_t from_us = 0, to_us = 0;
  std::int64_t parallel = 1;
  bool newest_first = false, cancelled = false;
  std::int64_t created_us = 0;
  std::string by = {};
  std::int64_t queued = 0, started = 0, succeeded = 0, failed = 0, skipped = 0, cancelled_requests = 0;   ///< of its requests; read only
  std::int64_t open() const { return queued + started; }
};

/// The queue of runs that should start: what schedules and backfills enter, and the supervisor works off. Rows of the state, so that they outlast
/// every process. A view of a Store, whose rules hold here too: each call is one transaction, refused (kBusy) under a lease that went to
/// another (Store::ActUnder).
///
/// Threads: as Store. REQUIRES: the Store outlives it.
class RunQueue {
 public:
  RunQueue(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  // Schedules. -----------------------------------------------------------------------------------------------------
  Result<std::vector<ScheduleMark>> Marks();
  /// Enter requests and remember the marks that led to them. A request that is there already stays as it is. Returns those that are new.
  Result<std::vector<RunRequest>> Enter(const std::vector<RunRequest>& requests, const std::vector<ScheduleMark>& marks);
  Result<std::vector<SchedulePause>> Pauses();     ///< oldest first, ended ones too
  /// kInvalid when it is paused already, for this tenant or for all.
  Status Pause(const SchedulePause& pause);
  /// End the open pause. kInvalid when there is none: a pause of all tenants ends for all.
  Status Unpause(const std::string& pipeline, const std::string& tenant, std::int64_t now_us);

  // Backfills. -----------------------------------------------------------------------------------------------------
  /// Enter a backfill, or go on with the one of this id (order and parallelism may change). Its requests are either queued, or skipped because `run` did them
  /// before, as LastSucceeded said at `looked_us`. One that is entered already keeps its place in the work if it is open; if it ended, it is queued again unless it
  /// is skipped now, or succeeded since then.
  Status EnterBackfill(const Backfill& backfill, const std::vector<RunRequest>& requests, std::int64_t looked_us = INT64_MAX);
  /// The newest succeeded run of a window that was no dry run.
  Result<std::optional<RunRecord>> LastSucceeded(const RunRequest& window);
  Result<std::vector<Backfill>> Backfills();       ///< newest first
  /// The backfill of this id, or whose id begins so; kInvalid says what there is.
  Result<Backfill> GetBackfill(const std::string& id_or_prefix);
  Result<std::int64_t> ParallelOf(const std::string& id);
  /// Start no more of it, and ask its living runs to end.
  Status CancelBackfill(const std::string& id, const std::string& by);

  // The supervisor's. ----------------------------------------------------------------------------------------------
  Result<std::vector<RunRequest>> Started();
  /// Queued requests whose time has come (or lies farther ahead than any pause: it was set by a clock that went back since), in the order in which they are to start: schedules before backfills, then by time entered and position. At most
  /// `limit` of each origin, pipeline and tenant.
  Result<std::vector<RunRequest>> Ready(std::int64_t now_us, std::int64_t limit);
  /// When the next queued request's `not_before_us` comes, after `now_us`.
  Result<std::optional<std::int64_t>> NextReady(std::int64_t now_us);
  /// Write state, attempt, deaths, not_before, run and message of an open request, if nobody claimed or ended it since `request` was read; false = look again.
  Result<bool> Change(const RunRequest& request);

  /// Requests of an origin ("" = all), open ones first, then newest.
  Result<std::vector<RunRequest>> List(const std::string& origin, std::int64_t limit);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace headrace
