#include "headrace/store/store.h"

#include <array>
#include <filesystem>

#include "headrace/base/crash.h"
#include "headrace/base/files.h"
#include "headrace/store/sqlite_internal.h"
#include "headrace/table/value.h"

namespace headrace {

using internal::Execute;
using internal::SqliteError;
using internal::Statement;
using internal::Transaction;

namespace {
constexpr std::int64_t kSchemaVersion = 1;
constexpr int kBusyMs = 10'000;      // how long a lock of another process is waited for
constexpr const char* kSchema = R"sql(
CREATE TABLE runs(
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, tenant TEXT NOT NULL, environment TEXT NOT NULL,
  interval_start_us INTEGER NOT NULL, interval_end_us INTEGER NOT NULL, params TEXT NOT NULL, trigger TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('running','succeeded','failed','interrupted')),
  exit_code INTEGER NOT NULL, message TEXT NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL,
  version TEXT NOT NULL, code_commit TEXT NOT NULL, dirty INTEGER NOT NULL, pid INTEGER NOT NULL, process_started TEXT NOT NULL) STRICT;
CREATE INDEX runs_by_window ON runs(pipeline, tenant, interval_start_us, interval_end_us);
CREATE TABLE steps(
  run TEXT NOT NULL REFERENCES runs(id), step TEXT NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('pending','running','succeeded','reused','failed','skipped')),
  attempt INTEGER NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL, fingerprint TEXT NOT NULL,
  parts TEXT NOT NULL, reason TEXT NOT NULL, reused_from TEXT NOT NULL, error_code TEXT NOT NULL, message TEXT NOT NULL,
  help TEXT NOT NULL, details TEXT NOT NULL, PRIMARY KEY(run, step)) STRICT;
CREATE INDEX steps_by_fingerprint ON steps(fingerprint) WHERE fingerprint <> '';
CREATE TABLE outputs(
  run TEXT NOT NULL, step TEXT NOT NULL, output TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY(run, step, output)) STRICT;
CREATE TABLE events(run TEXT NOT NULL, at_us INTEGER NOT NULL, step TEXT NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX events_by_run ON events(run);
CREATE TABLE models(
  tenant TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, created_us INTEGER NOT NULL,
  run TEXT NOT NULL, code_commit TEXT NOT NULL, dirty INTEGER NOT NULL, metrics TEXT NOT NULL, gates TEXT NOT NULL,
  PRIMARY KEY(tenant, name, version), UNIQUE(tenant, name, digest)) STRICT;
CREATE TABLE aliases(
  tenant TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY(tenant, name, alias)) STRICT;
CREATE TABLE alias_moves(
  tenant TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL, from_version INTEGER NOT NULL, to_version INTEGER NOT NULL,
  moved_us INTEGER NOT NULL, by TEXT NOT NULL, run TEXT NOT NULL) STRICT;
)sql";

constexpr std::string_view kRunColumns =
    "SELECT id, pipeline, tenant, environment, interval_start_us, interval_end_us, params, trigger, state, exit_code, message, "
    "started_us, finished_us, version, code_commit, dirty, pid, process_started FROM runs ";
constexpr std::string_view kStepColumns =
    "SELECT run, step, kind, state, attempt, started_us, finished_us, fingerprint, parts, reason, reused_from, error_code, "
    "message, help, details FROM steps ";

constexpr std::array<std::string_view, 4> kRunStates = {"running", "succeeded", "failed", "interrupted"};
constexpr std::array<std::string_view, 6> kStepStates = {"pending", "running", "succeeded", "reused", "failed", "skipped"};

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
  run.process = {row.Int(16), row.Text(17)};
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
  return step;
}

Status ReadOutputs(sqlite3* db, StepRecord& step) {
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

/// A run that was killed could not say so: it is still recorded as running, but nobody does.
RunRecord AsSeenNow(RunRecord run) {
  if (run.state != RunState::kRunning || IsAlive(run.process)) return run;
  run.state = RunState::kInterrupted;
  run.exit_code = ExitCode(ErrorCode::kInterrupted);
  run.message = kKilled;
  return run;
}

/// Scratch files of processes that are gone. The numbers of living ones stay: `PID-N.parquet`.
void RemoveLeftScratch(const std::string& folder) {
  for (const std::string& name : ListDirectory(folder)) {
    std::int64_t pid = 0;
    if (!ParseInt(std::string_view(name).substr(0, name.find('-')), &pid) || IsAlive({pid, ""})) continue;
    std::error_code ignored;
    std::filesystem::remove_all(JoinPath(folder, name), ignored);
  }
}
}  // namespace

std::string_view StateName(RunState state) { return kRunStates[static_cast<std::size_t>(state)]; }
std::string_view StateName(StepState state) { return kStepStates[static_cast<std::size_t>(state)]; }

void Store::CloseDatabase::operator()(sqlite3* db) const { sqlite3_close(db); }
Store::~Store() = default;

namespace {
/// The first processes of a project may come at the same moment, and SQLite does not wait for a lock when it changes the journal mode.
Status TurnOnWal(sqlite3* db, Clock& clock) {
  const std::int64_t until = clock.MonotonicMicros() + kBusyMs * 1000;
  while (true) {
    const Status status = Execute(db, "PRAGMA journal_mode=WAL");
    if (status.code() != ErrorCode::kBusy || clock.MonotonicMicros() > until) return status;
    clock.Sleep(5'000);
  }
}
}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const std::string& root, Clock& clock) {
  const std::string directory = JoinPath(root, ".headrace");
  RETURN_IF_ERROR(MakeDirectories(JoinPath(directory, "artifacts")));
  RETURN_IF_ERROR(MakeDirectories(JoinPath(directory, "tmp")));
  std::unique_ptr<Store> store(new Store(directory, clock));
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(JoinPath(directory, "state.db").c_str(), &raw,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  store->db_.reset(raw);
  if (code != SQLITE_OK) return SqliteError(raw, "open state.db");
  sqlite3_busy_timeout(raw, kBusyMs);
  RETURN_IF_ERROR(TurnOnWal(raw, clock));
  RETURN_IF_ERROR(Execute(raw, "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON"));
  RETURN_IF_ERROR(store->Migrate());
  RemoveLeftScratch(JoinPath(directory, "tmp"));
  return store;
}

Status Store::Migrate() {
  Transaction transaction(db_.get(), false);
  RETURN_IF_ERROR(transaction.begun());
  Statement version(db_.get(), "PRAGMA user_version");
  ASSIGN_OR_RETURN([[maybe_unused]] const bool row, version.Step());
  const std::int64_t found = version.Int(0);
  if (found > kSchemaVersion)
    return Error(ErrorCode::kInvalid, "the state in `", directory_, "` was written by a newer Headrace (version ", found,
                 " of its layout, this program knows ", kSchemaVersion, ")")
        .WithHelp("use that Headrace, or point this one at another project folder");
  if (found == kSchemaVersion) return Ok();
  RETURN_IF_ERROR(Execute(db_.get(), kSchema));
  RETURN_IF_ERROR(Execute(db_.get(), StrCat("PRAGMA user_version=", kSchemaVersion).c_str()));
  return transaction.Commit();
}

Status Store::CreateRun(const RunRecord& run, const std::vector<StepRecord>& steps) {
  const std::lock_guard lock(mutex_);
  CrashPoint("run.before_create");
  Transaction transaction(db_.get(), false);
  RETURN_IF_ERROR(transaction.begun());
  Statement open(db_.get(), StrCat(kRunColumns, "WHERE state = 'running' AND pipeline = ? AND tenant = ? AND interval_start_us = ? AND interval_end_us = ?"));
  open.Bind(run.pipeline, run.tenant, run.interval_start_us, run.interval_end_us);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> others, ReadRuns(open));
  for (const RunRecord& other : others) {
    if (IsAlive(other.process))
      return Error(ErrorCode::kBusy, "run ", other.id, " of the same pipeline", run.tenant.empty() ? "" : ", tenant",
                   " and interval is at work (process ", other.process.pid, ")")
          .WithHelp("wait for it to end, then run again");
    Statement close(db_.get(), "UPDATE runs SET state = 'interrupted', exit_code = 130, message = ?, finished_us = ? WHERE id = ?");
    close.Bind(kKilled, clock_.NowMicros(), other.id);
    RETURN_IF_ERROR(close.Run());
  }
  Statement insert(db_.get(), "INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,'running',-1,'',?,0,?,?,?,?,?)");
  insert.Bind(run.id, run.pipeline, run.tenant, run.environment, run.interval_start_us, run.interval_end_us, run.params,
              run.trigger, run.started_us, run.version, run.commit, run.dirty, run.process.pid, run.process.started);
  RETURN_IF_ERROR(insert.Run());
  std::int64_t position = 0;
  for (const StepRecord& step : steps) {
    Statement add(db_.get(), "INSERT INTO steps VALUES (?,?,?,?,'pending',0,0,0,'','{}','','','','','',?)");
    add.Bind(run.id, step.step, position++, step.kind, step.details);
    RETURN_IF_ERROR(add.Run());
  }
  RETURN_IF_ERROR(transaction.Commit());
  CrashPoint("run.after_create");
  return Ok();
}

Status Store::ResumeRun(const std::string& id, const ProcessId& process) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(db_.get(), false);
  RETURN_IF_ERROR(transaction.begun());
  Statement find(db_.get(), StrCat(kRunColumns, "WHERE id = ?"));
  find.Bind(id);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty()) return Error(ErrorCode::kInvalid, "there is no run `", id, "`").WithHelp("`headrace runs` lists them");
  if (runs[0].state == RunState::kSucceeded)
    return Error(ErrorCode::kInvalid, "run ", id, " succeeded: there is nothing to resume").WithHelp("`headrace run` starts a new one, which reuses what is unchanged");
  if (runs[0].state == RunState::kRunning && IsAlive(runs[0].process))
    return Error(ErrorCode::kBusy, "run ", id, " is at work (process ", runs[0].process.pid, ")").WithHelp("wait for it to end");
  Statement take(db_.get(), "UPDATE runs SET state = 'running', exit_code = -1, message = '', finished_us = 0, trigger = CASE trigger WHEN 'dry run' THEN trigger ELSE 'resume' END, pid = ?, process_started = ? WHERE id = ?");
  take.Bind(process.pid, process.started, id);
  RETURN_IF_ERROR(take.Run());
  Statement again(db_.get(), "UPDATE steps SET state = 'pending', message = '', help = '', error_code = '' WHERE run = ? AND state NOT IN ('succeeded', 'reused')");
  again.Bind(id);
  RETURN_IF_ERROR(again.Run());
  return transaction.Commit();
}

Status Store::StartStep(const StepRecord& step) {
  const std::lock_guard lock(mutex_);
  CrashPoint("step.before_start");
  Statement update(db_.get(), "UPDATE steps SET state = 'running', attempt = ?, started_us = ?, fingerprint = ?, parts = ?, reason = ? WHERE run = ? AND step = ?");
  update.Bind(step.attempt, step.started_us, step.fingerprint, step.parts, step.reason, step.run, step.step);
  RETURN_IF_ERROR(update.Run());
  CrashPoint("step.after_start");
  return Ok();
}

Status Store::FinishStep(const StepRecord& step) {
  const std::lock_guard lock(mutex_);
  CrashPoint("step.before_finish");
  Transaction transaction(db_.get(), false);
  RETURN_IF_ERROR(transaction.begun());
  Statement update(db_.get(),
                   "UPDATE steps SET state = ?, attempt = ?, started_us = ?, finished_us = ?, fingerprint = ?, parts = ?, reason = ?, "
                   "reused_from = ?, error_code = ?, message = ?, help = ?, details = ? WHERE run = ? AND step = ?");
  update.Bind(StateName(step.state), step.attempt, step.started_us, step.finished_us, step.fingerprint, step.parts, step.reason,
              step.reused_from, step.error_code, step.message, step.help, step.details, step.run, step.step);
  RETURN_IF_ERROR(update.Run());
  for (const auto& [name, artifact] : step.outputs) {
    Statement insert(db_.get(), "INSERT OR REPLACE INTO outputs VALUES (?,?,?,?,?,?)");
    insert.Bind(step.run, step.step, name, artifact.digest, artifact.kind, artifact.rows);
    RETURN_IF_ERROR(insert.Run());
  }
  RETURN_IF_ERROR(transaction.Commit());
  CrashPoint("step.after_finish");
  return Ok();
}

Status Store::FinishRun(const std::string& id, RunState state, int exit_code, const std::string& message) {
  const std::lock_guard lock(mutex_);
  CrashPoint("run.before_finish");
  Transaction transaction(db_.get(), true);
  RETURN_IF_ERROR(transaction.begun());
  Statement update(db_.get(), "UPDATE runs SET state = ?, exit_code = ?, message = ?, finished_us = ? WHERE id = ? AND state = 'running'");
  update.Bind(StateName(state), exit_code, message, clock_.NowMicros(), id);
  RETURN_IF_ERROR(update.Run());
  RETURN_IF_ERROR(transaction.Commit());
  CrashPoint("run.after_finish");
  return Ok();
}

Result<RunRecord> Store::GetRun(const std::string& wanted) {
  const std::lock_guard lock(mutex_);
  const bool last = wanted == "last";
  Statement find(db_.get(), last ? StrCat(kRunColumns, "ORDER BY started_us DESC, id DESC LIMIT 1")
                                 : StrCat(kRunColumns, "WHERE id = ?1 OR substr(id, 1, length(?1)) = ?1 ORDER BY id = ?1 DESC, id LIMIT 2"));
  if (!last) find.Bind(wanted);
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, ReadRuns(find));
  if (runs.empty())
    return Error(ErrorCode::kInvalid, last ? std::string("there is no run yet") : StrCat("there is no run `", wanted, "`"))
        .WithHelp("`headrace runs` lists them; `last` is the newest");
  if (runs.size() > 1 && runs[0].id != wanted)
    return Error(ErrorCode::kInvalid, "`", wanted, "` begins the ids of several runs, among them ", runs[0].id, " and ", runs[1].id);
  return AsSeenNow(runs[0]);
}

Result<std::vector<RunRecord>> Store::ListRuns(const RunQuery& query) {
  const std::lock_guard lock(mutex_);
  Statement find(db_.get(), StrCat(kRunColumns, "WHERE (?1 = '' OR pipeline = ?1) AND (?2 = '' OR tenant = ?2) ORDER BY started_us DESC, id DESC LIMIT ?3"));
  find.Bind(query.pipeline, query.tenant, query.limit);
  ASSIGN_OR_RETURN(std::vector<RunRecord> runs, ReadRuns(find));
  for (RunRecord& run : runs) run = AsSeenNow(std::move(run));
  return runs;
}

Result<std::vector<StepRecord>> Store::ListSteps(const std::string& run) {
  const std::lock_guard lock(mutex_);
  Statement find(db_.get(), StrCat(kStepColumns, "WHERE run = ? ORDER BY position"));
  find.Bind(run);
  std::vector<StepRecord> steps;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, find.Step());
    if (!more) break;
    steps.push_back(ReadStep(find));
  }
  for (StepRecord& step : steps) RETURN_IF_ERROR(ReadOutputs(db_.get(), step));
  return steps;
}

Result<std::optional<StepRecord>> Store::FindReusable(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                                      std::string_view fingerprint) {
  StepRecord found;
  {
    const std::lock_guard lock(mutex_);
    Statement find(db_.get(), StrCat(kStepColumns, "WHERE fingerprint = ?1 AND step = ?2 AND state = 'succeeded' AND run IN "
                                     "(SELECT id FROM runs WHERE pipeline = ?3 AND tenant = ?4) ORDER BY finished_us DESC LIMIT 1"));
    find.Bind(fingerprint, step, pipeline, tenant);
    ASSIGN_OR_RETURN(const bool any, find.Step());
    if (!any) return std::optional<StepRecord>();
    found = ReadStep(find);
    RETURN_IF_ERROR(ReadOutputs(db_.get(), found));
  }
  for (const auto& [name, artifact] : found.outputs)
    if (!ArtifactPath(artifact).ok()) return std::optional<StepRecord>();  // gone or damaged: it is made again
  return std::optional<StepRecord>(std::move(found));
}

Result<std::optional<StepRecord>> Store::LastOf(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                                std::string_view before_run) {
  const std::lock_guard lock(mutex_);
  Statement find(db_.get(), StrCat(kStepColumns, "WHERE step = ?1 AND state IN ('succeeded', 'reused') AND run IN "
                                   "(SELECT id FROM runs WHERE pipeline = ?2 AND tenant = ?3 AND (?4 = '' OR (started_us, id) < (SELECT started_us, id FROM runs WHERE id = ?4))) "
                                   "ORDER BY (SELECT started_us FROM runs WHERE id = steps.run) DESC, run DESC LIMIT 1"));  // ids of one second do not sort
  find.Bind(step, pipeline, tenant, before_run);
  ASSIGN_OR_RETURN(const bool any, find.Step());
  if (!any) return std::optional<StepRecord>();
  StepRecord found = ReadStep(find);
  RETURN_IF_ERROR(ReadOutputs(db_.get(), found));
  return std::optional<StepRecord>(std::move(found));
}

Status Store::AddEvent(const std::string& run, const Event& event) {
  const std::lock_guard lock(mutex_);
  Statement insert(db_.get(), "INSERT INTO events VALUES (?,?,?,?,?)");
  insert.Bind(run, event.at_us, event.step, event.level, event.text);
  return insert.Run();
}

Result<std::vector<Store::Event>> Store::ListEvents(const std::string& run, std::string_view step) {
  const std::lock_guard lock(mutex_);
  Statement find(db_.get(), "SELECT at_us, step, level, text FROM events WHERE run = ?1 AND (?2 = '' OR step = ?2) ORDER BY rowid");
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
