#include "headrace/store/store.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>

#include "headrace/base/crash.h"
#include "headrace/base/digest.h"
#include "headrace/base/files.h"
#include "headrace/store/process_internal.h"
#include "headrace/store/run_queue.h"
#include "headrace/store/schema_internal.h"
#include "headrace/table/value.h"

namespace headrace {

using internal::Database;
using internal::Statement;

namespace {
constexpr std::string_view kRunColumns =
    "SELECT id, pipeline, tenant, environment, interval_start_us, interval_end_us, params, trigger, state, exit_code, message, "
    "started_us, finished_us, version, code_commit, dirty, pid, process_started, host, epoch, lease_until_us, lease_clock, parent, files, definition FROM runs ";
constexpr std::string_view kStepColumns =
    "SELECT run, step, kind, state, attempt, started_us, finished_us, fingerprint, parts, reason, reused_from, error_code, "
    "message, help, details, item_of, position FROM steps ";

constexpr std::array<std::string_view, 5> kRunStates = {"running", "succeeded", "failed", "interrupted", "waiting"};
constexpr std::array<std::string_view, 7> kStepStates = {"pending", "running", "succeeded", "reused", "failed", "skipped", "waiting"};

template <typename State, std::size_t N>
State StateFrom(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<State>(i);
  return State{};
}

RunRecord ReadRun(const Statement& row) {
  RunRecord run;
  run.id = row.Text(0);
  run.pipeline = row.Text(1);
  run.tenant = row.Text(2);
  run.environment = row.Text(3);
  run.interval_start_us = row.Int(4);
  run.interval_end_us = row.Int(5);
  run.params = row.Text(6);
  run.trigger = row.Text(7);
  run.state = StateFrom<RunState>(kRunStates, row.Text(8));
  run.exit_code = static_cast<int>(row.Int(9));
  run.message = row.Text(10);
  run.started_us = row.Int(11);
  run.finished_us = row.Int(12);
  run.version = row.Text(13);
  run.commit = row.Text(14);
  run.dirty = row.Int(15) != 0;
  run.process = {row.Int(16), row.Text(17), row.Text(18)};
  run.epoch = row.Int(19);
  run.lease_until_us = row.Int(20);
  run.lease_clock = row.Text(21);
  run.parent = row.Text(22);
  run.files = row.Text(23);
  run.definition = row.Text(24);
  return run;
}

StepRecord ReadStep(const Statement& row) {
  StepRecord step;
  step.run = row.Text(0);
  step.step = row.Text(1);
  step.kind = row.Text(2);
  step.state = StateFrom<StepState>(kStepStates, row.Text(3));
  step.attempt = static_cast<int>(row.Int(4));
  step.started_us = row.Int(5);
  step.finished_us = row.Int(6);
  step.fingerprint = row.Text(7);
  step.parts = row.Text(8);
  step.reason = row.Text(9);
  step.reused_from = row.Text(10);
  step.error_code = row.Text(11);
  step.message = row.Text(12);
  step.help = row.Text(13);
  step.details = row.Text(14);
  step.item_of = row.Text(15);
  step.position = row.Int(16);
  return step;
}

Status ReadOutputs(Database& db, StepRecord& step) {
  Statement row(db, "SELECT output, digest, kind, rows FROM outputs WHERE run = ? AND step = ?");
  row.Bind(step.run, step.step);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return Ok();
    step.outputs[row.Text(0)] = {row.Text(1), row.Text(2), row.Int(3)};
  }
}

Result<std::vector<RunRecord>> ReadRuns(Statement& row) {
  std::vector<RunRecord> runs;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return runs;
    runs.push_back(ReadRun(row));
  }
}
constexpr std::string_view kKilled = "its process ended without a word; its finished steps are reused";

/// Ends the UPDATE of a step that only its run's owner may do, and only until the step has ended.
constexpr std::string_view kOpenStep =
    "WHERE run = ? AND step = ? AND state IN ('pending', 'running', 'waiting') AND EXISTS (SELECT 1 FROM runs WHERE id = ? AND epoch = ? AND state = 'running')";

/// All pending, in the order of the pipeline; some dozens a statement, since each is a round trip to a server.
Status InsertSteps(Database& db, const std::string& run, std::span<const StepRecord> steps) {
  constexpr std::size_t kBlock = 50;
  for (std::size_t begin = 0; begin < steps.size(); begin += kBlock) {
    const std::size_t end = std::min(steps.size(), begin + kBlock);
    std::string sql = "INSERT INTO steps(run, step, position, kind, state, attempt, started_us, finished_us, fingerprint, parts, reason, reused_from, error_code, message, help, details) VALUES ";
    for (std::size_t i = begin; i < end; ++i) sql += StrCat(i == begin ? "" : ",", "(?,?,?,?,'pending',0,0,0,'','{}','','','','','',?)");
    Statement add(db, sql);
    for (std::size_t i = begin; i < end; ++i) add.Bind(run, steps[i].step, i, steps[i].kind, steps[i].details);
    RETURN_IF_ERROR(add.Run());
  }
  return Ok();
}

std::string At(const ProcessId& process) {
  return IsOfThisHost(process) ? StrCat("process ", process.pid) : StrCat("process ", process.pid, " of host ", process.host.substr(0, process.host.find(' ')));
}

/// Scratch files of processes that are gone: `PID-HOST-N.parquet`, and `PID-N.parquet` of the first version. Those of living ones stay, and those of hosts
/// that share the folder, whose processes cannot be seen from here.
void RemoveLeftScratch(const std::string& folder) {
  for (const std::string& name : ListDirectory(folder)) {
    std::int64_t pid = 0;
    const std::vector<std::string> parts = Split(name, '-');
    if (!ParseInt(parts[0], &pid) || (parts.size() > 2 && parts[1].size() == 8 && parts[1] != internal::HostTag()) || IsAlive({pid, "", ""})) continue;
    std::error_code ignored;
    std::filesystem::remove_all(JoinPath(folder, name), ignored);
  }
}
}  // namespace

std::string_view StateName(RunState state) { return kRunStates[static_cast<std::size_t>(state)]; }
std::string_view StateName(StepState state) { return kStepStates[static_cast<std::size_t>(state)]; }

Store::Store(std::string directory, std::unique_ptr<Database> db, Clock& clock) : directory_(std::move(directory)), clock_(clock), db_(std::move(db)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::Open(const std::string& root, Clock& clock) { return Open(StateLocation{root}, clock); }

Result<std::unique_ptr<Store>> Store::Open(const StateLocation& where, Clock& clock) {
  const std::string directory = JoinPath(where.root, ".headrace");
  RETURN_IF_ERROR(MakeDirectories(JoinPath(directory, "artifacts")));
  RETURN_IF_ERROR(MakeDirectories(JoinPath(directory, "tmp")));
  std::unique_ptr<Database> db;
  if (where.uri) {
    std::string schema = StrCat("headrace_", where.project);
    if (schema.size() > 63) schema = StrCat(schema.substr(0, 46), "_", Sha256Hex(schema).substr(0, 16));   // PostgreSQL's limit on names
    ASSIGN_OR_RETURN(db, internal::OpenPostgres(*where.uri, schema, clock, where.own_clock));
  } else {
    ASSIGN_OR_RETURN(db, internal::OpenSqlite(JoinPath(directory, "state.db"), clock));
  }
  RETURN_IF_ERROR(internal::Migrate(*db));
  RemoveLeftScratch(JoinPath(directory, "tmp"));
  return std::unique_ptr<Store>(new Store(directory, std::move(db), clock));
}

/// On this host the process itself is asked, so that a killed run is seen at once. Another host's run has its lease.
Result<bool> Store::Lives(const RunRecord& run) {
  if (IsOfThisHost(run.process)) return IsAlive(run.process);
  ASSIGN_OR_RETURN(const internal::LeaseTime time, db_->Now());
  return run.lease_clock == time.clock && run.lease_until_us > time.now_us;
}

Result<bool> Store::RunLives(const std::string& run) {
  Statement find(*db_, StrCat(kRunColumns, "WHERE id = ? AND state = 'running'"));
  find.Bind(run);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty()) return false;
  return Lives(runs[0]);
}

/// A run that was killed could not say so: it is still recorded as running, but nobody does. One that ended between the reading of its record and the look at its
/// process did say so: the record is read again.
Result<RunRecord> Store::AsSeenNow(RunRecord run) {
  if (run.state != RunState::kRunning) return run;
  ASSIGN_OR_RETURN(const bool lives, Lives(run));
  if (lives) return run;
  Statement again(*db_, StrCat(kRunColumns, "WHERE id = ?"));
  again.Bind(run.id);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> now, ReadRuns(again));
  if (!now.empty() && (now[0].state != RunState::kRunning || now[0].epoch != run.epoch)) return now[0];
  run.state = RunState::kInterrupted;
  run.exit_code = ExitCode(ErrorCode::kInterrupted);
  run.message = kKilled;
  return run;
}

/// In a transaction: a number above that of every run here, and near the time, so that a state begun anew goes on above those of the lost one.
Result<std::int64_t> Store::NextFence() {
  Statement newest(*db_, "SELECT COALESCE(MAX(fence), 0) FROM runs");
  ASSIGN_OR_RETURN([[maybe_unused]] const bool there, newest.Step());
  return std::max(clock_.NowMicros(), newest.Int(0) + 1);
}

Status Store::CreateRun(const RunRecord& run, const std::vector<StepRecord>& steps, const RunClaim& claim) {
  const std::lock_guard lock(mutex_);
  CrashPoint("run.before_create");
  const std::int64_t now = clock_.MonotonicMicros();
  const Status done = db_->Transact(false, [&]() -> Status {
    RETURN_IF_ERROR(CheckActing());
    RETURN_IF_ERROR(Claim(claim, run.id));
    Statement open(*db_, StrCat(kRunColumns, "WHERE state = 'running' AND pipeline = ? AND tenant = ? AND interval_start_us = ? AND interval_end_us = ? AND parent = ?"));
    open.Bind(run.pipeline, run.tenant, run.interval_start_us, run.interval_end_us, run.parent);
    ASSIGN_OR_RETURN(const std::vector<RunRecord> others, ReadRuns(open));
    for (const RunRecord& other : others) {
      ASSIGN_OR_RETURN(const bool lives, Lives(other));
      if (lives)
        return Error(ErrorCode::kBusy, "run ", other.id, " of the same pipeline", run.tenant.empty() ? "" : ", tenant", " and interval is at work (", At(other.process), ")")
            .WithHelp("wait for it to end, then run again");
      Statement close(*db_, "UPDATE runs SET state = 'interrupted', exit_code = 130, message = ?, finished_us = ? WHERE id = ?");
      close.Bind(kKilled, clock_.NowMicros(), other.id);
      RETURN_IF_ERROR(close.Run());
    }
    ASSIGN_OR_RETURN(const internal::LeaseTime time, db_->Now());
    ASSIGN_OR_RETURN(const std::int64_t fence, NextFence());
    Statement insert(*db_, "INSERT INTO runs(id, pipeline, tenant, environment, interval_start_us, interval_end_us, params, trigger, state, exit_code, message, started_us, "
                           "finished_us, version, code_commit, dirty, pid, process_started, host, epoch, lease_until_us, lease_clock, parent, files, definition, fence) "
                           "VALUES (?,?,?,?,?,?,?,?,'running',-1,'',?,0,?,?,?,?,?,?,1,?,?,?,?,?,?)");
    insert.Bind(run.id, run.pipeline, run.tenant, run.environment, run.interval_start_us, run.interval_end_us, run.params, run.trigger, run.started_us,
                run.version, run.commit, run.dirty, run.process.pid, run.process.started, run.process.host, time.now_us + kRunLeaseMicros, time.clock, run.parent, run.files, run.definition, fence);
    RETURN_IF_ERROR(insert.Run());
    return InsertSteps(*db_, run.id, steps);
  });
  RETURN_IF_ERROR(done);
  owned_[run.id] = {1, now, now};
  CrashPoint("run.after_create");
  return Ok();
}

Status Store::ResumeRun(const std::string& id, const ProcessId& process, const std::vector<std::string>& again, const RunClaim& claim, const std::string& definition) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.MonotonicMicros();
  std::int64_t epoch = 0;
  const Status done = db_->Transact(false, [&]() -> Status {
    RETURN_IF_ERROR(CheckActing());
    RETURN_IF_ERROR(Claim(claim, id));
    Statement find(*db_, StrCat(kRunColumns, "WHERE id = ?"));
    find.Bind(id);
    ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
    if (runs.empty()) return Error(ErrorCode::kInvalid, "there is no run `", id, "`").WithHelp("`headrace runs` lists them");
    if (runs[0].state == RunState::kSucceeded)
      return Error(ErrorCode::kInvalid, "run ", id, " succeeded: there is nothing to resume").WithHelp("`headrace run` starts a new one, which reuses what is unchanged");
    if (runs[0].state == RunState::kRunning) {
      ASSIGN_OR_RETURN(const bool lives, Lives(runs[0]));
      if (lives) return Error(ErrorCode::kBusy, "run ", id, " is at work (", At(runs[0].process), ")").WithHelp("wait for it to end");
    }
    epoch = runs[0].epoch + 1;
    ASSIGN_OR_RETURN(const internal::LeaseTime time, db_->Now());
    ASSIGN_OR_RETURN(const std::int64_t fence, NextFence());
    Statement take(*db_, "UPDATE runs SET state = 'running', exit_code = -1, message = '', finished_us = 0, cancel_by = '', trigger = CASE trigger WHEN 'dry run' THEN trigger ELSE 'resume' END, "
                         "pid = ?, process_started = ?, host = ?, epoch = ?, lease_until_us = ?, lease_clock = ?, fence = ?, definition = CASE definition WHEN ? THEN definition ELSE '' END WHERE id = ?");
    take.Bind(process.pid, process.started, process.host, epoch, time.now_us + kRunLeaseMicros, time.clock, fence, definition, id);
    RETURN_IF_ERROR(take.Run());
    Statement reopen(*db_, "UPDATE steps SET state = 'pending', message = '', help = '', error_code = '' WHERE run = ? AND state NOT IN ('succeeded', 'reused', 'waiting')");
    reopen.Bind(id);
    RETURN_IF_ERROR(reopen.Run());
    for (const std::string& step : again) {
      Statement one(*db_, "UPDATE steps SET state = 'pending' WHERE run = ? AND step = ?");
      one.Bind(id, step);
      RETURN_IF_ERROR(one.Run());
    }
    Statement free(*db_, "DELETE FROM pool_slots WHERE run = ?");   // its former process held them
    free.Bind(id);
    return free.Run();
  });
  RETURN_IF_ERROR(done);
  owned_[id] = {epoch, now, now};
  return Ok();
}

Result<std::int64_t> Store::EpochOf(const std::string& run) {
  const auto owned = owned_.find(run);
  if (owned == owned_.end()) return Refusal(run, "");
  return owned->second.epoch;
}

Result<std::int64_t> Store::FenceOf(const std::string& run) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const std::int64_t epoch, EpochOf(run));
  Statement find(*db_, "SELECT fence FROM runs WHERE id = ? AND epoch = ? AND state = 'running'");
  find.Bind(run, epoch);
  ASSIGN_OR_RETURN(const bool mine, find.Step());
  if (!mine) return Refusal(run, "");
  return find.Int(0);
}

/// Why a transition touched no row: `run` ended or belongs to another, or `step` ("" = not asked) ended. Never ok.
Status Store::Refusal(const std::string& run, const std::string& step) {
  Statement find(*db_, StrCat(kRunColumns, "WHERE id = ?"));
  find.Bind(run);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty()) return Error(ErrorCode::kInvalid, "there is no run `", run, "`").WithHelp("`headrace runs` lists them");
  const auto owned = owned_.find(run);
  const bool taken = owned != owned_.end() && owned->second.epoch != runs[0].epoch;
  if (taken || (owned == owned_.end() && runs[0].state == RunState::kRunning))
    return Error(ErrorCode::kBusy, "run ", run, taken ? " was taken over by another owner (" : " belongs to another owner (", At(runs[0].process), "): the stale writer is rejected")
        .WithHelp("nothing is lost: the new owner does what was not recorded");
  if (runs[0].state != RunState::kRunning)
    return Error(ErrorCode::kInvalid, "run ", run, " has ended (", StateName(runs[0].state), "), and stays so").WithHelp("`headrace run --resume` goes on with one that did not succeed");
  Statement state(*db_, "SELECT state FROM steps WHERE run = ? AND step = ?");
  state.Bind(run, step);
  ASSIGN_OR_RETURN(const bool there, state.Step());
  if (!there) return Error(ErrorCode::kInvalid, "run ", run, " has no step `", step, "`");
  return Error(ErrorCode::kInvalid, "step `", step, "` of run ", run, " has ended (", state.Text(0), "), and stays so");
}

/// In a transaction: an item is recorded from its first start or end on. What keeps strangers out comes with the update that follows.
Status Store::EnterItem(const StepRecord& step) {
  if (step.item_of.empty()) return Ok();
  Statement insert(*db_, "INSERT INTO steps(run, step, position, kind, state, attempt, started_us, finished_us, fingerprint, parts, reason, reused_from, error_code, message, help, "
                         "details, item_of) VALUES (?,?,?,?,'pending',0,0,0,'','{}','','','','','','{}',?) ON CONFLICT (run, step) DO NOTHING");
  insert.Bind(step.run, step.step, step.position, step.kind, step.item_of);
  return insert.Run();
}

Status Store::WriteStart(const StepRecord& step) {
  ASSIGN_OR_RETURN(const std::int64_t epoch, EpochOf(step.run));
  RETURN_IF_ERROR(EnterItem(step));
  Statement update(*db_, StrCat("UPDATE steps SET state = 'running', attempt = ?, started_us = ?, fingerprint = ?, parts = ?, reason = ? ", kOpenStep));
  update.Bind(step.attempt, step.started_us, step.fingerprint, step.parts, step.reason, step.run, step.step, step.run, epoch);
  RETURN_IF_ERROR(update.Run());
  return update.changed() == 1 ? Ok() : Refusal(step.run, step.step);
}

/// In a transaction: what is known of a step, with its outputs.
Status Store::WriteStep(const StepRecord& step) {
  ASSIGN_OR_RETURN(const std::int64_t epoch, EpochOf(step.run));
  RETURN_IF_ERROR(EnterItem(step));
  Statement update(*db_, StrCat("UPDATE steps SET state = ?, attempt = ?, started_us = ?, finished_us = ?, fingerprint = ?, parts = ?, reason = ?, "
                                "reused_from = ?, error_code = ?, message = ?, help = ?, details = ? ", kOpenStep));
  update.Bind(StateName(step.state), step.attempt, step.started_us, step.finished_us, step.fingerprint, step.parts, step.reason,
              step.reused_from, step.error_code, step.message, step.help, step.details, step.run, step.step, step.run, epoch);
  RETURN_IF_ERROR(update.Run());
  if (update.changed() != 1) return Refusal(step.run, step.step);
  for (const auto& [name, artifact] : step.outputs) {
    Statement insert(*db_, "INSERT INTO outputs VALUES (?,?,?,?,?,?) ON CONFLICT (run, step, output) "
                           "DO UPDATE SET digest = excluded.digest, kind = excluded.kind, rows = excluded.rows");
    insert.Bind(step.run, step.step, name, artifact.digest, artifact.kind, artifact.rows);
    RETURN_IF_ERROR(insert.Run());
  }
  return WriteMeasurements(step);
}

Status Store::Advance(const std::vector<StepRecord>& ended, const StepRecord* started) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < ended.size(); ++i) CrashPoint("step.before_finish");
  if (started != nullptr) CrashPoint("step.before_start");
  const Status done = db_->Transact(false, [&]() -> Status {
    for (const StepRecord& step : ended) RETURN_IF_ERROR(WriteStep(step));
    return started == nullptr ? Ok() : WriteStart(*started);
  });
  RETURN_IF_ERROR(done);
  for (std::size_t i = 0; i < ended.size(); ++i) CrashPoint("step.after_finish");
  if (started != nullptr) CrashPoint("step.after_start");
  return Ok();
}

Status Store::FinishRun(const std::string& id, RunState state, int exit_code, const std::string& message, const std::vector<OutboxMessage>& told) {
  const std::lock_guard lock(mutex_);
  CrashPoint("run.before_finish");
  const Status done = db_->Transact(true, [&]() -> Status {
    ASSIGN_OR_RETURN(const std::int64_t epoch, EpochOf(id));
    Statement update(*db_, "UPDATE runs SET state = ?, exit_code = ?, message = ?, finished_us = ? WHERE id = ? AND epoch = ? AND state = 'running'");
    update.Bind(StateName(state), exit_code, message, clock_.NowMicros(), id, epoch);
    RETURN_IF_ERROR(update.Run());
    return update.changed() == 1 ? EnterMessages(told) : Refusal(id, "");
  });
  RETURN_IF_ERROR(done);
  CrashPoint("run.after_finish");
  return Ok();
}

Result<RunRecord> Store::GetRun(const std::string& wanted) {
  const std::lock_guard lock(mutex_);
  const bool last = wanted == "last";
  Statement find(*db_, last ? StrCat(kRunColumns, "WHERE parent = '' ORDER BY started_us DESC, id DESC LIMIT 1")
                                 : StrCat(kRunColumns, "WHERE id = ?1 OR (?1 <> '' AND substr(id, 1, length(?1)) = ?1) ORDER BY id = ?1 DESC, id LIMIT 2"));
  if (!last) find.Bind(wanted);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty())
    return Error(ErrorCode::kInvalid, last ? std::string("there is no run yet") : StrCat("there is no run `", wanted, "`"))
        .WithHelp("`headrace runs` lists them; `last` is the newest");
  if (runs.size() > 1 && runs[0].id != wanted)
    return Error(ErrorCode::kInvalid, "`", wanted, "` begins the ids of several runs, among them ", runs[0].id, " and ", runs[1].id);
  return AsSeenNow(runs[0]);
}

Result<std::optional<RunRecord>> Store::FindRun(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat(kRunColumns, "WHERE id = ?"));
  find.Bind(id);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty()) return std::optional<RunRecord>();
  ASSIGN_OR_RETURN(RunRecord run, AsSeenNow(runs[0]));
  return std::optional<RunRecord>(std::move(run));
}

Result<std::optional<RunRecord>> RunQueue::LastSucceeded(const RunRequest& window) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat(kRunColumns, "WHERE pipeline = ? AND tenant = ? AND interval_start_us = ? AND interval_end_us = ? AND state = 'succeeded' AND trigger <> 'dry run' "
                                     "ORDER BY finished_us DESC, id DESC LIMIT 1"));
  find.Bind(window.pipeline, window.tenant, window.interval_start_us, window.interval_end_us);
  ASSIGN_OR_RETURN(std::vector<RunRecord> runs, ReadRuns(find));
  return runs.empty() ? std::nullopt : std::optional<RunRecord>(std::move(runs[0]));
}

Result<std::vector<RunRecord>> Store::ListRuns(const RunQuery& query) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat(kRunColumns, "WHERE (?1 = '' OR pipeline = ?1) AND (?2 = '' OR tenant = ?2) ORDER BY started_us DESC, id DESC LIMIT ?3"));
  find.Bind(query.pipeline, query.tenant, query.limit);
  ASSIGN_OR_RETURN(std::vector<RunRecord> runs, ReadRuns(find));
  for (RunRecord& run : runs) {
    ASSIGN_OR_RETURN(run, AsSeenNow(run));
  }
  return runs;
}

Result<std::vector<RunRecord>> Store::NewestRuns(std::int64_t each) {
  const std::lock_guard lock(mutex_);
  std::string ranked = ReplaceAll(kRunColumns, " FROM runs ", ", row_number() OVER (PARTITION BY pipeline, tenant ORDER BY started_us DESC, id DESC) AS place FROM runs");
  Statement find(*db_, StrCat("SELECT * FROM (", ranked, ") AS ranked WHERE place <= ? ORDER BY pipeline, tenant, place"));
  find.Bind(each);
  ASSIGN_OR_RETURN(std::vector<RunRecord> runs, ReadRuns(find));
  for (RunRecord& run : runs) {
    ASSIGN_OR_RETURN(run, AsSeenNow(run));
  }
  return runs;
}

Result<std::map<std::string, std::vector<double>>> Store::StepSeconds(std::string_view pipeline, std::string_view tenant, std::int64_t each) {
  constexpr int kRuns = 50;      // looked at, so that a long history costs no more than a short one
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat("SELECT step, finished_us - steps.started_us FROM steps JOIN (SELECT id, started_us FROM runs WHERE pipeline = ? AND tenant = ? "
                              "ORDER BY started_us DESC, id DESC LIMIT ", kRuns, ") AS newest ON newest.id = steps.run WHERE state = 'succeeded' AND item_of = '' AND finished_us >= steps.started_us "
                              "ORDER BY newest.started_us DESC, newest.id DESC"));
  find.Bind(pipeline, tenant);
  std::map<std::string, std::vector<double>> seconds;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, find.Step());
    if (!more) return seconds;
    std::vector<double>& of_step = seconds[find.Text(0)];
    if (std::ssize(of_step) < each) of_step.push_back(static_cast<double>(find.Int(1)) / 1e6);
  }
}

Result<std::vector<StepRecord>> Store::ReadSteps(const std::string& run, const std::string& item_of) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat(kStepColumns, "WHERE run = ? AND item_of = ? ORDER BY position"));
  find.Bind(run, item_of);
  std::vector<StepRecord> steps;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, find.Step());
    if (!more) break;
    steps.push_back(ReadStep(find));
  }
  std::map<std::string, StepRecord*> by_name;
  for (StepRecord& step : steps) by_name[step.step] = &step;
  Statement output(*db_, "SELECT step, output, digest, kind, rows FROM outputs WHERE run = ?1 AND step IN (SELECT step FROM steps WHERE run = ?1 AND item_of = ?2)");
  output.Bind(run, item_of);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, output.Step());
    if (!more) return steps;
    if (const auto step = by_name.find(output.Text(0)); step != by_name.end()) step->second->outputs[output.Text(1)] = {output.Text(2), output.Text(3), output.Int(4)};
  }
}

Result<std::vector<StepRecord>> Store::ListSteps(const std::string& run) { return ReadSteps(run, ""); }
Result<std::vector<StepRecord>> Store::ListItems(const std::string& run, const std::string& step) { return ReadSteps(run, step); }

Result<std::optional<RunRecord>> Store::FindChild(const std::string& parent) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat(kRunColumns, "WHERE parent = ? AND parent <> '' ORDER BY started_us DESC, id DESC LIMIT 1"));
  find.Bind(parent);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty()) return std::optional<RunRecord>();
  ASSIGN_OR_RETURN(RunRecord run, AsSeenNow(runs[0]));
  return std::optional<RunRecord>(std::move(run));
}

Result<std::optional<StepRecord>> Store::FindReusable(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                                      std::string_view fingerprint) {
  StepRecord found;
  {
    const std::lock_guard lock(mutex_);
    Statement find(*db_, StrCat(kStepColumns, "WHERE fingerprint = ?1 AND fingerprint <> '' AND step = ?2 AND state = 'succeeded' AND run IN "
                                     "(SELECT id FROM runs WHERE pipeline = ?3 AND tenant = ?4) ORDER BY finished_us DESC LIMIT 1"));
    find.Bind(fingerprint, step, pipeline, tenant);
    ASSIGN_OR_RETURN(const bool any, find.Step());
    if (!any) return std::optional<StepRecord>();
    found = ReadStep(find);
    RETURN_IF_ERROR(ReadOutputs(*db_, found));
  }
  for (const auto& [name, artifact] : found.outputs)
    if (!ArtifactPath(artifact).ok()) return std::optional<StepRecord>();  // gone or damaged: it is made again
  return std::optional<StepRecord>(std::move(found));
}

Result<std::optional<StepRecord>> Store::LastOf(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                                std::string_view before_run) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat(kStepColumns, "NATURAL JOIN (SELECT id AS run, started_us AS run_started_us FROM runs WHERE pipeline = ?2 AND tenant = ?3 "
                              "AND (?4 = '' OR (started_us, id) < (SELECT started_us, id FROM runs WHERE id = ?4))) AS earlier "
                              "WHERE step = ?1 AND state IN ('succeeded', 'reused') ORDER BY run_started_us DESC, run DESC LIMIT 1"));  // ids of one second do not sort
  find.Bind(step, pipeline, tenant, before_run);
  ASSIGN_OR_RETURN(const bool any, find.Step());
  if (!any) return std::optional<StepRecord>();
  StepRecord found = ReadStep(find);
  RETURN_IF_ERROR(ReadOutputs(*db_, found));
  return std::optional<StepRecord>(std::move(found));
}

Status Store::AddEvent(const std::string& run, const Event& event) {
  const std::lock_guard lock(mutex_);
  return db_->Transact(false, [&]() -> Status {
    Statement insert(*db_, "INSERT INTO events(run, at_us, step, level, text) VALUES (?,?,?,?,?)");
    insert.Bind(run, event.at_us, event.step, event.level, event.text);
    return insert.Run();
  });
}

Result<std::vector<Store::Event>> Store::ListEvents(const std::string& run, std::string_view step) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, "SELECT at_us, step, level, text FROM events WHERE run = ?1 AND (?2 = '' OR step = ?2) ORDER BY rowid");
  find.Bind(run, step);
  std::vector<Event> events;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, find.Step());
    if (!more) return events;
    events.push_back({find.Int(0), find.Text(1), find.Text(2), find.Text(3)});
  }
}

std::string NewRunId(Clock& clock, Random& random) {
  const std::string now = FormatTimestamp(clock.NowMicros());  // "2026-11-22 06:00:00..."
  std::string id;
  for (const char c : now.substr(0, 19))
    if (c == ' ') id += '-';
    else if (c != '-' && c != ':') id += c;
  id += '-';
  constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
  std::uint64_t bits = random.Next();
  for (int i = 0; i < 4; ++i, bits /= kLetters.size()) id += kLetters[bits % kLetters.size()];
  return id;
}

}  // namespace headrace
