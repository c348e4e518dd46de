#include "headrace/store/sqlite_internal.h"

namespace headrace::internal {

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

Status Execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return SqliteError(db, "use the state of the project");
  return Ok();
}

// The level of `synchronous` can only change outside a transaction.
Transaction::Transaction(sqlite3* db, bool durable) : db_(db), durable_(durable) {
  if (durable_) begun_ = Execute(db_, "PRAGMA synchronous=FULL");
  if (begun_.ok()) begun_ = Execute(db_, "BEGIN IMMEDIATE");
  open_ = begun_.ok();
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  if (durable_) sqlite3_exec(db_, "PRAGMA synchronous=NORMAL", nullptr, nullptr, nullptr);
}

Status Transaction::Commit() {
  RETURN_IF_ERROR(Execute(db_, "COMMIT"));
  open_ = false;
  return Ok();
}

}  // namespace headrace::internal
