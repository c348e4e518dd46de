#pragma once

#include <memory>
#include <string>

#include "headrace/sql/adbc_internal.h"
#include "headrace/sql/connection.h"

namespace headrace {

/// A connection that runs on `session`; `keep` is destroyed after it.
std::unique_ptr<Connection> MakeDuckDbConnection(std::string name, std::shared_ptr<adbc::Session> session,
                                                 std::shared_ptr<void> keep);
std::unique_ptr<Connection> MakeSqliteConnection(std::string name, std::shared_ptr<adbc::Session> session);

std::unique_ptr<Connection> MakePostgresConnection(std::string name, std::shared_ptr<adbc::Session> session);
/// A session on the server, set up as ConnectionMap::Open says. One try.
Result<std::shared_ptr<adbc::Session>> OpenPostgres(const ConnectionSpec& spec);

/// SQLite's messages as a Status. `sql` is the user's text, for a span; "" when there is none.
Status SqliteError(const std::string& message, std::string_view sql);

/// What both kinds share: the acts of a transaction, and the check that rows fit a table.
class DriverConnection : public Connection {
 public:
  DriverConnection(std::string name, SqlDialect dialect, std::shared_ptr<adbc::Session> session)
      : name_(std::move(name)), dialect_(dialect), session_(std::move(session)) {}
  ~DriverConnection() override;
  Result<std::int64_t> Execute(const std::string& sql, const SqlParameters& parameters) override;
  Status Begin() override;
  Status Commit() override;
  Status Rollback() override;
  Status LockForDelivery(const QualifiedName&) override { return Ok(); }
  const Dialect& dialect() const override { return dialect_; }
  const std::string& name() const override { return name_; }
  void Cancel() override { session_->Cancel(); }

 protected:
  virtual adbc::Translate TranslateFor(const std::string& sql, std::shared_ptr<const BoundSql> bound,
                                       std::size_t prefix, std::string full) = 0;
  virtual const char* begin_statement() const = 0;
  /// Rows of a query of ours.
  Result<Table> Rows(const std::string& sql);
  /// kInvalid with the nearest name for a table that is not there.
  Status NoTable(const QualifiedName& table);
  /// The rows' columns are the table's.
  Status CheckColumns(const QualifiedName& table, const Schema& schema);

  std::string name_;
  Dialect dialect_;
  std::shared_ptr<adbc::Session> session_;
  bool in_transaction_ = false;
};

}  // namespace headrace
