#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/secret.h"
#include "headrace/base/status.h"

namespace headrace::internal {

using Parameter = std::variant<std::int64_t, std::string>;

/// The whole answer to a statement, as text. `changed` counts the rows that an INSERT, UPDATE or DELETE touched.
struct Answer {
  std::size_t columns = 0;
  std::vector<std::string> cells;   ///< row by row; NULL reads as ""
  std::int64_t changed = 0;
};

/// The time that leases are counted in. Times of different clocks cannot be compared: a lease counted by another clock is over.
struct LeaseTime {
  std::int64_t now_us = 0;
  std::string clock;                ///< names the clock: the boot whose monotonic clock it is, or "database"
};

/// One connection to where the state lies: a SQLite file or a schema of a PostgreSQL database. Both speak the part of SQL that the
/// two have in common, with parameters ?1, ?2 or ? in order, and keep each statement prepared, found again by its text.
///
/// Every change stands in a Transact. On both stores the changes to one project's state come one at a time (BEGIN IMMEDIATE; an advisory
/// lock held to the end of the transaction), so a transaction that reads and then writes needs no thought about the others, and there are
/// neither deadlocks nor serialization failures to repeat for.
///
/// Threads: none; the owner serialises.
class Database {
 public:
  virtual ~Database() = default;

  /// Run one statement. Outside of Transact it only reads.
  virtual Result<Answer> Query(std::string_view sql, std::span<const Parameter> parameters) = 0;
  /// Run several statements of schema.cc; in Transact.
  virtual Status Script(std::string_view sql) = 0;
  /// Run `body` as one transaction: committed when it returns ok, else as if it had not begun. `durable`: on the disk before this
  /// returns. The body may run several times (a broken connection), so it changes nothing but the database. kBusy when the
  /// state stays locked, or when nobody can say whether the commit took place; never ok for what was not committed. Not nested.
  virtual Status Transact(bool durable, const std::function<Status()>& body) = 0;

  /// Version of the layout; 0 when there are no tables yet.
  virtual Result<std::int64_t> Version() = 0;
  virtual Status SetVersion(std::int64_t version) = 0;   ///< in Transact
  virtual Result<LeaseTime> Now() = 0;
  virtual std::string Name() const = 0;                  ///< for messages: "state.db", "the PostgreSQL state"
};

/// kBusy when the file stays locked for ten seconds. Leases are counted by the monotonic clock of this boot.
Result<std::unique_ptr<Database>> OpenSqlite(const std::string& path, Clock& clock);

/// `uri` is postgresql://...; it is never printed, nor is the password in it. The tables lie in `schema`, made at the first Transact of
/// SetVersion. Leases are counted by the database's clock, unless `own_clock`. kInvalid when libpq cannot be loaded or the server
/// says no; kBusy when it cannot be reached.
Result<std::unique_ptr<Database>> OpenPostgres(const Secret& uri, const std::string& schema, Clock& clock, bool own_clock);

/// One statement: bind in order, then step through its rows.
///
/// Threads: none. REQUIRES: `db` and `sql` outlive it.
class Statement {
 public:
  Statement(Database& db, std::string sql) : db_(db), sql_(std::move(sql)) {}
  Statement(Database& db, std::string_view sql) : Statement(db, std::string(sql)) {}
  Statement(Database& db, const char* sql) : Statement(db, std::string(sql)) {}

  template <typename... Values>
  Statement& Bind(const Values&... values) {
    (BindOne(values), ...);
    return *this;
  }

  /// The next row: true; the end: false. The first call runs the statement.
  Result<bool> Step() {
    if (!ran_) {
      ASSIGN_OR_RETURN(answer_, db_.Query(sql_, parameters_));
      ran_ = true;
    } else {
      row_ += answer_.columns;
    }
    return row_ < answer_.cells.size();
  }
  /// For statements without rows.
  Status Run() {
    ASSIGN_OR_RETURN([[maybe_unused]] const bool row, Step());
    return Ok();
  }

  const std::string& Text(std::size_t column) const { return answer_.cells[row_ + column]; }
  std::int64_t Int(std::size_t column) const {
    std::int64_t value = 0;
    ParseInt(Text(column), &value);
    return value;
  }
  std::int64_t changed() const { return answer_.changed; }

 private:
  template <typename T>
  void BindOne(const T& value) {
    if constexpr (std::is_integral_v<T>) parameters_.emplace_back(static_cast<std::int64_t>(value));
    else parameters_.emplace_back(std::string(std::string_view(value)));
  }

  Database& db_;
  std::string sql_;
  std::vector<Parameter> parameters_;
  Answer answer_;
  std::size_t row_ = 0;
  bool ran_ = false;
};

}  // namespace headrace::internal
