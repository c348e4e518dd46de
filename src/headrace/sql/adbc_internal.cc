#include "headrace/sql/adbc_internal.h"

#include <arrow-adbc/adbc_driver_manager.h>

#include <nanoarrow/nanoarrow.h>

#include <optional>

#include "headrace/base/libraries.h"

namespace headrace::adbc {
namespace {

DriverError Read(const AdbcError& error) {
  DriverError out{error.message != nullptr ? error.message : "the driver gave no reason"};
  if (error.sqlstate[0] != '\0') out.sqlstate.assign(error.sqlstate, sizeof error.sqlstate);
  const int count = error.release == nullptr ? 0 : AdbcErrorGetDetailCount(&error);
  for (int i = 0; i < count; ++i) {
    const AdbcErrorDetail detail = AdbcErrorGetDetail(&error, i);
    if (detail.key == nullptr || detail.value == nullptr) continue;
    out.details[detail.key] = std::string(reinterpret_cast<const char*>(detail.value), detail.value_length);
  }
  return out;
}

/// An AdbcError that frees itself.
struct ErrorHolder {
  AdbcError error = ADBC_ERROR_INIT;
  ErrorHolder() = default;
  ErrorHolder(const ErrorHolder&) = delete;
  ErrorHolder& operator=(const ErrorHolder&) = delete;
  ~ErrorHolder() {
    if (error.release != nullptr) error.release(&error);
  }
  AdbcError* get() { return &error; }
};

Status Check(AdbcStatusCode code, const ErrorHolder& error, const Translate& translate) {
  if (code == ADBC_STATUS_OK) return Ok();
  const DriverError said = Read(error.error);
  if (code == ADBC_STATUS_CANCELLED && said.sqlstate.empty()) return Error(ErrorCode::kInterrupted, "the query was interrupted");
  return translate(said);
}

/// A statement handle. After an error it is released, never executed again (a DuckDB statement that failed may
/// answer its second execution with rows of the first).
class Statement {
 public:
  static Result<std::unique_ptr<Statement>> New(Session& session, const Translate& translate) {
    std::unique_ptr<Statement> statement(new Statement(translate ? translate : session.translate()));
    ErrorHolder error;
    RETURN_IF_ERROR(
        Check(AdbcStatementNew(session.get(), &statement->handle_, error.get()), error, statement->translate_));
    return statement;
  }
  const Translate& translate() const { return translate_; }
  ~Statement() {
    if (handle_.private_data == nullptr) return;
    ErrorHolder error;
    AdbcStatementRelease(&handle_, error.get());
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Status SetSql(const std::string& sql) {
    ErrorHolder error;
    return Check(AdbcStatementSetSqlQuery(&handle_, sql.c_str(), error.get()), error, translate_);
  }
  Status SetOption(const char* key, const char* value) {
    ErrorHolder error;
    return Check(AdbcStatementSetOption(&handle_, key, value, error.get()), error, translate_);
  }
  Status Prepare() {
    ErrorHolder error;
    return Check(AdbcStatementPrepare(&handle_, error.get()), error, translate_);
  }
  Status Bind(std::unique_ptr<TableStream> rows) {
    ArrowArrayStream stream = {};
    ExportStream(std::move(rows), &stream);
    ErrorHolder error;
    const AdbcStatusCode code = AdbcStatementBindStream(&handle_, &stream, error.get());
    if (code != ADBC_STATUS_OK && stream.release != nullptr) stream.release(&stream);
    return Check(code, error, translate_);
  }
  Status ExecuteSchema(ArrowSchema* out) {
    ErrorHolder error;
    return Check(AdbcStatementExecuteSchema(&handle_, out, error.get()), error, translate_);
  }
  Status Execute(ArrowArrayStream* out, std::int64_t* rows) {
    ErrorHolder error;
    return Check(AdbcStatementExecuteQuery(&handle_, out, rows, error.get()), error, translate_);
  }

 private:
  explicit Statement(Translate translate) : translate_(std::move(translate)) {}
  Translate translate_;
  AdbcStatement handle_ = {};
};

/// The rows of a statement. Members are destroyed in reverse: the rows, then the statement, then the session.
class StatementStream : public TableStream {
 public:
  StatementStream(std::shared_ptr<Session> session, std::unique_ptr<Statement> statement,
                  std::unique_ptr<TableStream> rows, const ArrowArrayStream& handle)
      : session_(std::move(session)), statement_(std::move(statement)), rows_(std::move(rows)), handle_(handle) {}
  const Schema& schema() const override { return rows_->schema(); }
  Result<std::optional<Table>> Next() override {
    Result<std::optional<Table>> block = rows_->Next();
    if (block.ok()) return block;
    // What the driver reports while rows flow arrives as plain text; what the import itself refuses is kData.
    if (block.status().code() == ErrorCode::kData) return block;
    AdbcStatusCode code = ADBC_STATUS_OK;
    const AdbcError* error = AdbcErrorFromArrayStream(&handle_, &code);
    return statement_->translate()(error == nullptr ? DriverError{block.status().message()} : Read(*error));
  }

 private:
  std::shared_ptr<Session> session_;
  std::unique_ptr<Statement> statement_;
  std::unique_ptr<TableStream> rows_;
  ArrowArrayStream handle_;  // what `rows_` owns; only asked for errors
};

}  // namespace

Result<std::shared_ptr<Database>> Database::Open(const char* library, const char* entry, const Options& options,
                                                 const Translate& translate) {
  ASSIGN_OR_RETURN(const std::string path, FindSharedLibrary(library));
  std::shared_ptr<Database> database(new Database());
  AdbcDatabase* handle = database->get();
  ErrorHolder error;
  RETURN_IF_ERROR(Check(AdbcDatabaseNew(handle, error.get()), error, translate));
  RETURN_IF_ERROR(Check(AdbcDatabaseSetOption(handle, "driver", path.c_str(), error.get()), error, translate));
  RETURN_IF_ERROR(Check(AdbcDatabaseSetOption(handle, "entrypoint", entry, error.get()), error, translate));
  for (const auto& [key, value] : options)
    RETURN_IF_ERROR(Check(AdbcDatabaseSetOption(handle, key.c_str(), value.c_str(), error.get()), error, translate));
  RETURN_IF_ERROR(Check(AdbcDatabaseInit(handle, error.get()), error, translate));
  return database;
}

Database::~Database() {
  ErrorHolder error;
  if (handle_.private_data != nullptr || handle_.private_driver != nullptr) AdbcDatabaseRelease(&handle_, error.get());
}

Result<std::shared_ptr<Session>> Session::Open(std::shared_ptr<Database> database, Translate translate) {
  std::shared_ptr<Session> session(new Session());
  session->database_ = std::move(database);
  session->translate_ = std::move(translate);
  ErrorHolder error;
  RETURN_IF_ERROR(Check(AdbcConnectionNew(&session->handle_, error.get()), error, session->translate_));
  RETURN_IF_ERROR(
      Check(AdbcConnectionInit(&session->handle_, session->database_->get(), error.get()), error, session->translate_));
  return session;
}

Session::~Session() {
  ErrorHolder error;
  if (handle_.private_data != nullptr || handle_.private_driver != nullptr)
    AdbcConnectionRelease(&handle_, error.get());
}

namespace {

Result<std::unique_ptr<Statement>> Prepared(Session& session, const std::string& sql, const Table& parameters,
                                            const Translate& translate) {
  ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Statement::New(session, translate));
  RETURN_IF_ERROR(statement->SetSql(sql));
  if (parameters.num_columns() > 0) {
    RETURN_IF_ERROR(statement->Prepare());
    RETURN_IF_ERROR(statement->Bind(StreamOf(parameters)));
  }
  return statement;
}

/// Passes rows on and keeps the error of their source, which the driver would only repeat in its own words.
class WatchedStream : public TableStream {
 public:
  WatchedStream(std::unique_ptr<TableStream> rows, std::shared_ptr<Status> error)
      : rows_(std::move(rows)), error_(std::move(error)) {}
  const Schema& schema() const override { return rows_->schema(); }
  Result<std::optional<Table>> Next() override {
    Result<std::optional<Table>> block = rows_->Next();
    if (!block.ok()) *error_ = block.status();
    return block;
  }

 private:
  std::unique_ptr<TableStream> rows_;
  std::shared_ptr<Status> error_;
};

}  // namespace

Result<std::unique_ptr<TableStream>> Session::Query(const std::shared_ptr<Session>& session, const std::string& sql,
                                                    const Table& parameters, const Translate& translate) {
  ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Prepared(*session, sql, parameters, translate));
  ArrowArrayStream stream = {};
  std::int64_t affected = -1;
  RETURN_IF_ERROR(statement->Execute(&stream, &affected));
  const ArrowArrayStream handle = stream;
  Result<std::unique_ptr<TableStream>> rows = ImportStream(&stream);
  if (!rows.ok()) {
    if (rows.status().code() == ErrorCode::kData) return rows;
    return statement->translate()({rows.status().message()});
  }
  return std::unique_ptr<TableStream>(
      std::make_unique<StatementStream>(session, std::move(statement), std::move(*rows), handle));
}

Result<std::vector<DriverColumn>> Session::Describe(const std::string& sql, const Table& parameters,
                                                    const Translate& translate) {
  ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Prepared(*this, sql, parameters, translate));
  ArrowSchema schema = {};
  RETURN_IF_ERROR(statement->ExecuteSchema(&schema));
  std::vector<DriverColumn> columns;
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& field = *schema.children[i];
    DriverColumn column{field.name == nullptr ? "" : field.name, field.format, {}};
    ArrowMetadataReader reader;
    ArrowStringView key, value;
    if (ArrowMetadataReaderInit(&reader, field.metadata) == NANOARROW_OK)
      while (reader.remaining_keys > 0 && ArrowMetadataReaderRead(&reader, &key, &value) == NANOARROW_OK)
        column.metadata[std::string(key.data, static_cast<std::size_t>(key.size_bytes))] =
            std::string(value.data, static_cast<std::size_t>(value.size_bytes));
    columns.push_back(std::move(column));
  }
  schema.release(&schema);
  return columns;
}

Result<std::int64_t> Session::Execute(const std::string& sql, const Table& parameters, const Translate& translate) {
  ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Prepared(*this, sql, parameters, translate));
  std::int64_t affected = -1;
  RETURN_IF_ERROR(statement->Execute(nullptr, &affected));
  return affected;
}

Result<std::int64_t> Session::Ingest(const std::string& table, const std::string& schema, const char* mode,
                                     std::unique_ptr<TableStream> rows, bool temporary) {
  ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Statement::New(*this, nullptr));
  if (temporary) RETURN_IF_ERROR(statement->SetOption(ADBC_INGEST_OPTION_TEMPORARY, ADBC_OPTION_VALUE_ENABLED));
  RETURN_IF_ERROR(statement->SetOption(ADBC_INGEST_OPTION_TARGET_TABLE, table.c_str()));
  if (!schema.empty()) RETURN_IF_ERROR(statement->SetOption(ADBC_INGEST_OPTION_TARGET_DB_SCHEMA, schema.c_str()));
  RETURN_IF_ERROR(statement->SetOption(ADBC_INGEST_OPTION_MODE, mode));
  const auto source_error = std::make_shared<Status>();
  RETURN_IF_ERROR(statement->Bind(std::make_unique<WatchedStream>(std::move(rows), source_error)));
  std::int64_t count = -1;
  const Status status = statement->Execute(nullptr, &count);
  if (!source_error->ok()) return *source_error;
  RETURN_IF_ERROR(status);
  return count;
}

Status Session::SetAutocommit(bool on) {
  ErrorHolder error;
  return Check(AdbcConnectionSetOption(&handle_, ADBC_CONNECTION_OPTION_AUTOCOMMIT,
                                       on ? ADBC_OPTION_VALUE_ENABLED : ADBC_OPTION_VALUE_DISABLED, error.get()),
               error, translate_);
}

Status Session::Commit() {
  ErrorHolder error;
  return Check(AdbcConnectionCommit(&handle_, error.get()), error, translate_);
}

Status Session::Rollback() {
  ErrorHolder error;
  return Check(AdbcConnectionRollback(&handle_, error.get()), error, translate_);
}

void Session::Cancel() {
  ErrorHolder error;
  AdbcConnectionCancel(&handle_, error.get());
}

}  // namespace headrace::adbc
