#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "headrace/base/status.h"

namespace headrace::internal {

Status SqliteError(sqlite3* db, std::string_view act);

/// One prepared statement: bind in order, then step.
///
/// Threads: none; the owner of the database handle serialises.
class Statement {
 public:
  Statement(sqlite3* db, std::string_view sql) : db_(db) {
    sqlite3_stmt* raw = nullptr;
    code_ = sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    statement_.reset(raw);
  }

  template <typename... Values>
  Statement& Bind(const Values&... values) {
    (BindOne(values), ...);
    return *this;
  }

  /// The next row: true; the end: false.
  Result<bool> Step() {
    if (code_ == SQLITE_OK) code_ = sqlite3_step(statement_.get());
    if (code_ == SQLITE_ROW) {
      code_ = SQLITE_OK;
      return true;
    }
    if (code_ == SQLITE_DONE) return false;
    return SqliteError(db_, "use the state of the project");
  }
  /// For statements without rows.
  Status Run() {
    ASSIGN_OR_RETURN([[maybe_unused]] const bool row, Step());
    return Ok();
  }

  std::string Text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
  }
  std::int64_t Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }

 private:
  void BindOne(std::string_view text) {
    sqlite3_bind_text(statement_.get(), ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }
  void BindOne(const std::string& text) { BindOne(std::string_view(text)); }
  void BindOne(const char* text) { BindOne(std::string_view(text)); }
  template <typename T>
    requires std::is_integral_v<T>
  void BindOne(T value) { sqlite3_bind_int64(statement_.get(), ++bound_, static_cast<std::int64_t>(value)); }

  struct Finalize { void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); } };
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int code_ = SQLITE_OK;
  int bound_ = 0;
};

/// BEGIN IMMEDIATE at construction; Commit, or roll back when it goes away. `durable` flushes to the disk on commit.
class Transaction {
 public:
  Transaction(sqlite3* db, bool durable);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Status begun() const { return begun_; }
  Status Commit();

 private:
  sqlite3* db_;
  bool durable_, open_ = false;
  Status begun_;
};

Status Execute(sqlite3* db, const char* sql);

}  // namespace headrace::internal
