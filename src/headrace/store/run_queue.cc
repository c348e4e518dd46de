// What should run, as rows. A request goes queued -> started (-> queued: another attempt) -> an end, and every move is conditional on what its writer read:
// the supervisor's on the claim (Change), a run process's on the attempt (Store::Claim). So of two who act on one request, one is refused.

#include "headrace/store/run_queue.h"

#include <algorithm>
#include <array>
#include <span>

#include "headrace/store/database_internal.h"

namespace headrace {

using internal::Statement;

namespace {
constexpr std::array<std::string_view, 6> kStates = {"queued", "started", "succeeded", "failed", "skipped", "cancelled"};
constexpr std::string_view kColumns =
    "id, origin, pipeline, tenant, environment, interval_start_us, interval_end_us, params, entered_us, position, finish_by_us, state, not_before_us, attempt, "
    "claimed, deaths, run, message, ended_us";
/// No request waits longer than this for its next attempt. What says otherwise was written under a wall clock that has been set back since.
constexpr std::int64_t kLongestPauseMicros = 300'000'000;
/// Schedules before backfills.
constexpr std::string_view kOrder = "CASE origin WHEN 'schedule' THEN 0 ELSE 1 END, entered_us, position, id";

RunRequest ReadRequest(const Statement& row) {
  RunRequest request;
  request.id = row.Text(0);
  request.origin = row.Text(1);
  request.pipeline = row.Text(2);
  request.tenant = row.Text(3);
  request.environment = row.Text(4);
  request.interval_start_us = row.Int(5);
  request.interval_end_us = row.Int(6);
  request.params = row.Text(7);
  request.entered_us = row.Int(8);
  request.position = row.Int(9);
  request.finish_by_us = row.Int(10);
  for (std::size_t i = 0; i < kStates.size(); ++i)
    if (kStates[i] == row.Text(11)) request.state = static_cast<RequestState>(i);
  request.not_before_us = row.Int(12);
  request.attempt = row.Int(13);
  request.claimed = row.Int(14);
  request.deaths = row.Int(15);
  request.run = row.Text(16);
  request.message = row.Text(17);
  request.ended_us = row.Int(18);
  return request;
}

Result<std::vector<RunRequest>> ReadRequests(Statement& row) {
  std::vector<RunRequest> requests;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return requests;
    requests.push_back(ReadRequest(row));
  }
}

/// True when it was not there before.
Result<bool> Insert(internal::Database& db, const RunRequest& request) {
  Statement insert(db, StrCat("INSERT INTO requests(", kColumns, ") VALUES (?,?,?,?,?,?,?,?,?,?,?,'queued',?,0,0,0,'','',0) ON CONFLICT (id) DO NOTHING"));
  insert.Bind(request.id, request.origin, request.pipeline, request.tenant, request.environment, request.interval_start_us, request.interval_end_us, request.params,
              request.entered_us, request.position, request.finish_by_us, request.not_before_us);
  RETURN_IF_ERROR(insert.Run());
  return insert.changed() == 1;
}

Result<std::vector<Backfill>> ReadBackfills(Statement& row) {
  std::vector<Backfill> backfills;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return backfills;
    Backfill backfill;
    backfill.id = row.Text(0);
    backfill.pipeline = row.Text(1);
    backfill.tenants = row.Text(2);
    backfill.environment = row.Text(3);
    backfill.params = row.Text(4);
    backfill.from_us = row.Int(5);
    backfill.to_us = row.Int(6);
    backfill.parallel = row.Int(7);
    backfill.newest_first = row.Int(8) != 0;
    backfill.cancelled = row.Int(9) != 0;
    backfill.created_us = row.Int(10);
    backfill.by = row.Text(11);
    std::size_t column = 12;
    for (std::int64_t* count : {&backfill.queued, &backfill.started, &backfill.succeeded, &backfill.failed, &backfill.skipped, &backfill.cancelled_requests}) *count = row.Int(column++);
    backfills.push_back(std::move(backfill));
  }
}

constexpr std::string_view kBackfillColumns =
    "SELECT b.id, b.pipeline, b.tenants, b.environment, b.params, b.from_us, b.to_us, b.parallel, b.newest_first, b.cancelled, b.created_us, b.by, "
    "coalesce(sum(CASE r.state WHEN 'queued' THEN 1 END), 0), coalesce(sum(CASE r.state WHEN 'started' THEN 1 END), 0), "
    "coalesce(sum(CASE r.state WHEN 'succeeded' THEN 1 END), 0), coalesce(sum(CASE r.state WHEN 'failed' THEN 1 END), 0), "
    "coalesce(sum(CASE r.state WHEN 'skipped' THEN 1 END), 0), coalesce(sum(CASE r.state WHEN 'cancelled' THEN 1 END), 0) "
    "FROM backfills b LEFT JOIN requests r ON r.origin = b.id ";
constexpr std::string_view kBackfillGroup =
    " GROUP BY b.id, b.pipeline, b.tenants, b.environment, b.params, b.from_us, b.to_us, b.parallel, b.newest_first, b.cancelled, b.created_us, b.by ORDER BY b.created_us DESC, b.id";
}  // namespace

std::string_view StateName(RequestState state) { return kStates[static_cast<std::size_t>(state)]; }

/// In the transaction that makes or resumes `run`.
Status Store::Claim(const RunClaim& claim, const std::string& run) {
  if (claim.request.empty()) return Ok();
  Statement take(*db_, "UPDATE requests SET claimed = ?1, run = ?2 WHERE id = ?3 AND state = 'started' AND attempt = ?1 AND claimed < ?1 AND run IN ('', ?2)");
  take.Bind(claim.attempt, run, claim.request);
  RETURN_IF_ERROR(take.Run());
  if (take.changed() == 1) return Ok();
  return Error(ErrorCode::kBusy, "attempt ", claim.attempt, " of request ", claim.request, " was claimed before, or is no longer wanted").WithHelp("nothing is lost: the server looks after the request");
}

Result<std::vector<ScheduleMark>> RunQueue::Marks() {
  const std::lock_guard lock(store_.mutex_);
  Statement row(*store_.db_, "SELECT pipeline, tenant, tick_text, since_us, handled_us FROM schedule_marks ORDER BY pipeline, tenant");
  std::vector<ScheduleMark> marks;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return marks;
    marks.push_back({row.Text(0), row.Text(1), row.Text(2), row.Int(3), row.Int(4)});
  }
}

Result<std::vector<RunRequest>> RunQueue::Enter(const std::vector<RunRequest>& requests, const std::vector<ScheduleMark>& marks) {
  const std::lock_guard lock(store_.mutex_);
  std::vector<RunRequest> entered;
  const Status done = store_.db_->Transact(false, [&]() -> Status {
    entered.clear();
    RETURN_IF_ERROR(store_.CheckActing());
    for (const RunRequest& request : requests) {
      ASSIGN_OR_RETURN(const bool fresh, Insert(*store_.db_, request));
      if (fresh) entered.push_back(request);
    }
    for (const ScheduleMark& mark : marks) {
      Statement remember(*store_.db_, "INSERT INTO schedule_marks(pipeline, tenant, tick_text, since_us, handled_us) VALUES (?,?,?,?,?) ON CONFLICT (pipeline, tenant) "
                                      "DO UPDATE SET tick_text = excluded.tick_text, since_us = excluded.since_us, handled_us = excluded.handled_us");
      remember.Bind(mark.pipeline, mark.tenant, mark.tick_text, mark.since_us, mark.handled_us);
      RETURN_IF_ERROR(remember.Run());
    }
    return Ok();
  });
  RETURN_IF_ERROR(done);
  return entered;
}

Result<std::vector<SchedulePause>> RunQueue::Pauses() {
  const std::lock_guard lock(store_.mutex_);
  Statement row(*store_.db_, "SELECT pipeline, tenant, by, from_us, until_us FROM schedule_pauses ORDER BY from_us, pipeline, tenant");
  std::vector<SchedulePause> pauses;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return pauses;
    pauses.push_back({row.Text(0), row.Text(1), row.Text(2), row.Int(3), row.Int(4)});
  }
}

Status RunQueue::Pause(const SchedulePause& pause) {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&]() -> Status {
    Statement open(*store_.db_, "SELECT tenant FROM schedule_pauses WHERE pipeline = ? AND tenant IN ('*', ?) AND until_us = ?");
    open.Bind(pause.pipeline, pause.tenant, SchedulePause::kOpenEnd);
    ASSIGN_OR_RETURN(const bool there, open.Step());
    if (there) return Error(ErrorCode::kInvalid, "the schedule of `", pause.pipeline, "` is paused already", open.Text(0) == "*" ? "" : StrCat(" for tenant `", open.Text(0), "`"));
    Statement add(*store_.db_, "INSERT INTO schedule_pauses(pipeline, tenant, from_us, until_us, by) VALUES (?,?,?,?,?)");
    add.Bind(pause.pipeline, pause.tenant, pause.from_us, pause.until_us, pause.by);
    return add.Run();
  });
}

Status RunQueue::Unpause(const std::string& pipeline, const std::string& tenant, std::int64_t now_us) {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&]() -> Status {
    Statement end(*store_.db_, "UPDATE schedule_pauses SET until_us = ?1 WHERE pipeline = ?2 AND (tenant = ?3 OR ?3 = '*') AND until_us = ?4");
    end.Bind(now_us, pipeline, tenant, SchedulePause::kOpenEnd);
    RETURN_IF_ERROR(end.Run());
    if (end.changed() > 0) return Ok();
    return Error(ErrorCode::kInvalid, "the schedule of `", pipeline, "` is not paused", tenant == "*" ? "" : StrCat(" for tenant `", tenant, "` alone"))
        .WithHelp("`headrace schedule list` shows pauses; one of all tenants ends for all, without --tenant");
  });
}

Status RunQueue::EnterBackfill(const Backfill& backfill, const std::vector<RunRequest>& requests, std::int64_t looked_us) {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&]() -> Status {
    Statement add(*store_.db_, "INSERT INTO backfills(id, pipeline, tenants, environment, params, from_us, to_us, parallel, newest_first, cancelled, created_us, by) "
                               "VALUES (?,?,?,?,?,?,?,?,?,0,?,?) ON CONFLICT (id) DO UPDATE SET parallel = excluded.parallel, newest_first = excluded.newest_first, cancelled = 0");
    add.Bind(backfill.id, backfill.pipeline, backfill.tenants, backfill.environment, backfill.params, backfill.from_us, backfill.to_us, backfill.parallel, backfill.newest_first,
             backfill.created_us, backfill.by);
    RETURN_IF_ERROR(add.Run());
    for (const RunRequest& request : requests) {
      ASSIGN_OR_RETURN(const bool fresh, Insert(*store_.db_, request));
      Statement place(*store_.db_, "UPDATE requests SET position = ? WHERE id = ?");
      place.Bind(request.position, request.id);
      if (!fresh) RETURN_IF_ERROR(place.Run());
      if (request.state == RequestState::kSkipped) {
        Statement skip(*store_.db_, "UPDATE requests SET state = 'skipped', message = ?, run = ?, ended_us = ? WHERE id = ? AND run = '' AND state NOT IN ('started', 'succeeded')");
        skip.Bind(request.message, request.run, clock_.NowMicros(), request.id);
        RETURN_IF_ERROR(skip.Run());
      } else if (!fresh) {
        // `attempt` and `claimed` go on rising, so a late process of an old attempt is refused. What succeeded after the caller looked is not outdated.
        Statement requeue(*store_.db_, "UPDATE requests SET state = 'queued', run = '', deaths = 0, not_before_us = 0, message = '', ended_us = 0 WHERE id = ? AND state NOT IN ('queued', 'started') "
                                       "AND NOT (state = 'succeeded' AND EXISTS (SELECT 1 FROM runs WHERE runs.id = requests.run AND finished_us > ?))");
        requeue.Bind(request.id, looked_us);
        RETURN_IF_ERROR(requeue.Run());
      }
    }
    return Ok();
  });
}

Result<std::vector<Backfill>> RunQueue::Backfills() {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat(kBackfillColumns, kBackfillGroup));
  return ReadBackfills(find);
}

Result<Backfill> RunQueue::GetBackfill(const std::string& wanted) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat(kBackfillColumns, "WHERE substr(b.id, 1, length(?1)) = ?1", kBackfillGroup, " LIMIT 2"));
  find.Bind(wanted);
  ASSIGN_OR_RETURN(const std::vector<Backfill> found, ReadBackfills(find));
  if (found.empty() || wanted.empty()) return Error(ErrorCode::kInvalid, "there is no backfill `", wanted, "`").WithHelp("`headrace backfill list` shows them");
  if (found.size() > 1 && found[0].id != wanted) return Error(ErrorCode::kInvalid, "`", wanted, "` begins the ids of several backfills, among them ", found[0].id, " and ", found[1].id);
  return found[0];
}

Result<std::int64_t> RunQueue::ParallelOf(const std::string& id) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, "SELECT parallel FROM backfills WHERE id = ?");
  find.Bind(id);
  ASSIGN_OR_RETURN(const bool there, find.Step());
  return there ? find.Int(0) : 1;
}

Status RunQueue::CancelBackfill(const std::string& id, const std::string& by) {
  const std::lock_guard lock(store_.mutex_);
  const std::int64_t now = clock_.NowMicros();
  return store_.db_->Transact(true, [&]() -> Status {
    Statement mark(*store_.db_, "UPDATE backfills SET cancelled = 1 WHERE id = ?");
    mark.Bind(id);
    RETURN_IF_ERROR(mark.Run());
    // A started attempt that nobody claimed yet is refused from now on. One that was claimed has a run: its process is asked, or it waits for an approval.
    Statement drop(*store_.db_, "UPDATE requests SET state = 'cancelled', message = ?, ended_us = ? WHERE origin = ? AND (state = 'queued' OR (state = 'started' AND claimed < attempt))");
    drop.Bind(StrCat("cancelled", by.empty() ? "" : StrCat(" by ", by)), now, id);
    RETURN_IF_ERROR(drop.Run());
    Statement ask(*store_.db_, "UPDATE runs SET cancel_by = ? WHERE state = 'running' AND id IN (SELECT run FROM requests WHERE origin = ? AND state = 'started')");
    ask.Bind(by.empty() ? "somebody" : by, id);
    RETURN_IF_ERROR(ask.Run());
    Statement end(*store_.db_, "UPDATE runs SET state = 'interrupted', exit_code = ?, message = 'cancelled while it waited for an approval', cancel_by = ? WHERE state = 'waiting' "
                               "AND id IN (SELECT run FROM requests WHERE origin = ? AND state = 'started')");
    end.Bind(ExitCode(ErrorCode::kInterrupted), by.empty() ? "somebody" : by, id);
    return end.Run();
  });
}

Result<std::vector<RunRequest>> RunQueue::Started() {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat("SELECT ", kColumns, " FROM requests WHERE state = 'started' ORDER BY ", kOrder));
  return ReadRequests(find);
}

Result<std::vector<RunRequest>> RunQueue::Ready(std::int64_t now_us, std::int64_t limit) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat("SELECT ", kColumns, " FROM (SELECT ", kColumns, ", row_number() OVER (PARTITION BY origin, pipeline, tenant ORDER BY entered_us, position, id) AS place "
                                     "FROM requests WHERE state = 'queued' AND not_before_us NOT BETWEEN ? AND ?) AS ready WHERE place <= ? ORDER BY ", kOrder));
  find.Bind(now_us + 1, now_us + kLongestPauseMicros, limit);
  return ReadRequests(find);
}

Result<std::optional<std::int64_t>> RunQueue::NextReady(std::int64_t now_us) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, "SELECT min(not_before_us) FROM requests WHERE state = 'queued' AND not_before_us BETWEEN ? AND ?");
  find.Bind(now_us + 1, now_us + kLongestPauseMicros);
  ASSIGN_OR_RETURN([[maybe_unused]] const bool row, find.Step());
  return find.Text(0).empty() ? std::nullopt : std::optional<std::int64_t>(find.Int(0));
}

Result<bool> RunQueue::Change(const RunRequest& request) {
  const std::lock_guard lock(store_.mutex_);
  bool changed = false;
  const Status done = store_.db_->Transact(false, [&]() -> Status {
    RETURN_IF_ERROR(store_.CheckActing());
    const bool ended = request.state != RequestState::kQueued && request.state != RequestState::kStarted;
    Statement update(*store_.db_, "UPDATE requests SET state = ?, attempt = ?, deaths = ?, not_before_us = ?, run = ?, message = ?, ended_us = ? "
                                  "WHERE id = ? AND state IN ('queued', 'started') AND claimed = ? AND attempt <= ?");
    update.Bind(StateName(request.state), request.attempt, request.deaths, request.not_before_us, request.run, request.message, ended ? clock_.NowMicros() : std::int64_t{0}, request.id,
                request.claimed, request.attempt);
    RETURN_IF_ERROR(update.Run());
    changed = update.changed() == 1;
    return Ok();
  });
  RETURN_IF_ERROR(done);
  return changed;
}

Result<std::vector<RunRequest>> RunQueue::List(const std::string& origin, std::int64_t limit) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat("SELECT ", kColumns, " FROM requests WHERE (?1 = '' OR origin = ?1) ORDER BY CASE WHEN state IN ('queued', 'started') THEN 0 ELSE 1 END, "
                                     "entered_us DESC, position DESC, id LIMIT ?2"));
  find.Bind(origin, limit);
  return ReadRequests(find);
}

}  // namespace headrace
