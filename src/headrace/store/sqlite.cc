#include <sqlite3.h>

#include <unordered_map>

#include "headrace/base/crash.h"
#include "headrace/store/database_internal.h"
#include "headrace/store/process_internal.h"

namespace headrace::internal {

namespace {
constexpr int kBusyMs = 10'000;      // how long a lock of another process is waited for

struct Close { void operator()(sqlite3* db) const { sqlite3_close(db); } };
struct Finalize { void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); } };
using Prepared = std::unique_ptr<sqlite3_stmt, Finalize>;

Status SqliteError(sqlite3* db, std::string_view act) {
  const int code = sqlite3_errcode(db) & 0xFF;
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    return Error(ErrorCode::kBusy, "cannot ", act, ": state.db stayed locked by another process").WithHelp("try again in a moment");
  const int extended = sqlite3_extended_errcode(db);
  if (code == SQLITE_FULL || extended == SQLITE_IOERR_WRITE || extended == SQLITE_IOERR_SHMSIZE || extended == SQLITE_IOERR_TRUNCATE)
    return Error(ErrorCode::kBusy, "cannot ", act, ": state.db cannot grow; the disk is likely full").WithHelp("free space, then run again: nothing half-written was left");
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    return Error(ErrorCode::kInvalid, "cannot ", act, ": state.db is damaged (", sqlite3_errmsg(db), ")")
        .WithHelp("put state.db aside and start with an empty one, or restore it from a copy; models and datasets in artifacts/ stay readable");
  return Error(ErrorCode::kFailed, "cannot ", act, ": ", sqlite3_errmsg(db));
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(sqlite3* db, std::string folder, Clock& clock) : db_(db), folder_(std::move(folder)), clock_(clock), boot_(TheKernel().BootId()) {}

  Result<Answer> Query(std::string_view sql, std::span<const Parameter> parameters) override {
    ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(sql));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const int place = static_cast<int>(i) + 1;
      if (const auto* number = std::get_if<std::int64_t>(&parameters[i])) sqlite3_bind_int64(statement, place, *number);
      else {
        const std::string& text = std::get<std::string>(parameters[i]);
        sqlite3_bind_text(statement, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
      }
    }
    Answer answer;
    const int columns = sqlite3_column_count(statement);
    answer.columns = static_cast<std::size_t>(columns);
    int code = SQLITE_OK;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
      for (int c = 0; c < columns; ++c) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, c));
        answer.cells.emplace_back(text == nullptr ? "" : text, text == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement, c)));
      }
    Status status = code == SQLITE_DONE ? Ok() : SqliteError(db_.get(), "use the state of the project");
    answer.changed = sqlite3_changes64(db_.get());
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (!status.ok()) return status;
    return answer;
  }

  Status Script(std::string_view sql) override { return Execute(std::string(sql).c_str()); }

  // The level of `synchronous` can only change outside of a transaction.
  Status Transact(bool durable, const std::function<Status()>& body) override {
    CrashPoint("state.before_begin");
    if (durable) RETURN_IF_ERROR(Execute("PRAGMA synchronous=FULL"));
    Status status = Run("BEGIN IMMEDIATE");
    if (status.ok()) {
      status = body();
      if (status.ok()) status = Run("COMMIT");
      if (!status.ok() && sqlite3_get_autocommit(db_.get()) == 0) static_cast<void>(Run("ROLLBACK"));
    }
    if (durable) static_cast<void>(Execute("PRAGMA synchronous=NORMAL"));
    return status;
  }

  Result<std::int64_t> Version() override {
    ASSIGN_OR_RETURN(const Answer answer, Query("PRAGMA user_version", {}));
    std::int64_t version = 0;
    ParseInt(answer.cells.at(0), &version);
    return version;
  }
  Status SetVersion(std::int64_t version) override { return Execute(StrCat("PRAGMA user_version=", version).c_str()); }
  Result<LeaseTime> Now() override { return LeaseTime{clock_.MonotonicMicros(), boot_}; }
  std::string Name() const override { return StrCat("the state in `", folder_, "`"); }

  Status Execute(const char* sql) {
    if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return SqliteError(db_.get(), "use the state of the project");
    return Ok();
  }

 private:
  Status Run(std::string_view sql) { return Query(sql, {}).status(); }

  Result<sqlite3_stmt*> Prepare(std::string_view sql) {
    Prepared& prepared = prepared_[std::string(sql)];
    if (prepared) return prepared.get();
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
      return SqliteError(db_.get(), "use the state of the project");
    prepared.reset(raw);
    return raw;
  }

  std::unique_ptr<sqlite3, Close> db_;
  std::string folder_;
  Clock& clock_;
  std::string boot_;
  std::unordered_map<std::string, Prepared> prepared_;   // by text; goes before db_
};

/// The first processes of a project may come at the same moment, and SQLite does not wait for a lock when it changes the journal mode.
Status TurnOnWal(SqliteDatabase& db, Clock& clock) {
  const std::int64_t until = clock.MonotonicMicros() + kBusyMs * 1000;
  while (true) {
    const Status status = db.Execute("PRAGMA journal_mode=WAL");
    if (status.code() != ErrorCode::kBusy || clock.MonotonicMicros() > until) return status;
    clock.Sleep(5'000);
  }
}
}  // namespace

Result<std::unique_ptr<Database>> OpenSqlite(const std::string& path, Clock& clock) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto db = std::make_unique<SqliteDatabase>(raw, path.substr(0, path.rfind('/')), clock);
  if (code != SQLITE_OK) return SqliteError(raw, "open state.db");
  sqlite3_busy_timeout(raw, kBusyMs);
  RETURN_IF_ERROR(TurnOnWal(*db, clock));
  RETURN_IF_ERROR(db->Execute("PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=4000"));
  return std::unique_ptr<Database>(std::move(db));
}

}  // namespace headrace::internal
