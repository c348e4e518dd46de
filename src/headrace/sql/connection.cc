#include "headrace/sql/connection.h"

#include <algorithm>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/sql/connection_internal.h"
#include "headrace/sql/parameters_internal.h"

namespace headrace {

namespace {
constexpr std::string_view kDrivers[] = {"duckdb", "sqlite", "postgresql"};
}

std::span<const std::string_view> ConnectionDrivers() { return kDrivers; }

SqlDialect DialectOf(std::string_view driver) {
  if (driver == "sqlite") return SqlDialect::kSqlite;
  return driver == "postgresql" ? SqlDialect::kPostgres : SqlDialect::kDuckDb;
}

std::string ConnectionUri(std::string_view driver, std::string_view root, std::string_view uri) {
  return DialectOf(driver) == SqlDialect::kPostgres ? std::string(uri) : JoinPath(root, uri);
}

DriverConnection::~DriverConnection() {
  if (in_transaction_) Rollback().ok();  // NOLINT: closing the session ends the transaction in any case
}

Result<Table> DriverConnection::Rows(const std::string& sql) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, adbc::Session::Query(session_, sql));
  return ReadAll(*rows);
}

Result<std::int64_t> DriverConnection::Execute(const std::string& sql, const SqlParameters& parameters) {
  ASSIGN_OR_RETURN(BoundSql bound, BoundSql::Make(sql, dialect_.kind(), parameters));
  const Table row = ParameterRow(bound, parameters, dialect_.kind());
  const std::string text = bound.text();
  const auto shared = std::make_shared<const BoundSql>(std::move(bound));
  return session_->Execute(text, row, TranslateFor(sql, shared, 0, text));
}

Status DriverConnection::Begin() {
  RETURN_IF_ERROR(session_->Execute(begin_statement()).status());
  in_transaction_ = true;
  return Ok();
}

Status DriverConnection::Commit() {
  const Status status = session_->Execute("COMMIT").status();
  // A COMMIT that fails leaves SQLite's transaction open (busy) and ends DuckDB's; the destructor settles either.
  if (status.ok()) in_transaction_ = false;
  return status;
}

Status DriverConnection::Rollback() {
  in_transaction_ = false;
  return session_->Execute("ROLLBACK").status();
}

Status DriverConnection::NoTable(const QualifiedName& table) {
  Status status =
      Error(ErrorCode::kInvalid, "the database of connection `", name_, "` has no table `", table.ToString(), "`");
  const Result<std::vector<QualifiedName>> tables = ListTables();
  if (!tables.ok()) return status;
  std::vector<std::string> names;
  for (const QualifiedName& known : *tables) names.push_back(known.ToString());
  const std::string nearest = NearestName(table.ToString(), names);
  if (!nearest.empty()) return std::move(status).WithHelp(StrCat("did you mean ", nearest, "?"));
  if (names.empty()) return std::move(status).WithHelp("it has no tables at all: is this the right file?");
  const std::size_t shown = std::min<std::size_t>(names.size(), 10);
  return std::move(status).WithHelp(
      StrCat("its tables are ", Join(std::span(names).first(shown), ", "), names.size() > shown ? ", ..." : ""));
}

Status DriverConnection::CheckColumns(const QualifiedName& table, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::optional<TableInfo> info, Describe(table));
  if (!info) return NoTable(table);
  std::vector<std::string> theirs;
  for (const TableInfo::Column& column : info->columns) theirs.push_back(column.name);
  if (schema.Names() == theirs) return Ok();
  return Error(ErrorCode::kInvalid, "table ", table.ToString(), " has the columns ", Join(theirs, ", "),
               "; the rows have ", Join(schema.Names(), ", "))
      .WithHelp("load them into a stage and merge by name");
}

}  // namespace headrace
