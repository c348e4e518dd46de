#include "headrace/sql/engine.h"

#include <algorithm>
#include <utility>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/sql/adbc_internal.h"
#include "headrace/sql/duckdb_error_internal.h"
#include "headrace/sql/memory_limit_internal.h"
#include "headrace/sql/parameters_internal.h"

namespace headrace {
namespace {

Status PlainError(const adbc::DriverError& error) { return DuckDbError(error.message); }

std::string QuotedList(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += StrCat(out.size() > 1 ? ", " : "", QuoteString(item));
  return out + "]";
}

std::string CopyOptions(FileFormat format) {
  using Kind = FileFormat::Kind;
  using Compression = FileFormat::Compression;
  const std::string_view packed = format.compression == Compression::kGzip   ? ", COMPRESSION gzip"
                                  : format.compression == Compression::kZstd ? ", COMPRESSION zstd"
                                                                             : ", COMPRESSION none";
  if (format.kind == Kind::kJsonLines) return StrCat("FORMAT json, ARRAY false", packed);
  return StrCat("FORMAT csv, HEADER true, QUOTE '\"', ESCAPE '\"', NULLSTR '', DELIMITER '",
                format.kind == Kind::kTsv ? "\t" : ",", "'", packed);
}

Result<std::int64_t> OneInt(TableStream& rows) {
  ASSIGN_OR_RETURN(const Table table, ReadAll(rows));
  if (table.num_rows() != 1 || table.num_columns() < 1 || !HeldAsInt(table.column(0).type()))
    return Error(ErrorCode::kInternal, "expected one number from the engine");
  return table.column(0).ints()[0];
}

}  // namespace

Result<FileFormat> FileFormat::OfName(std::string_view name) {
  if (name == "csv") return FileFormat{Kind::kCsv, Compression::kNone};
  if (name == "tsv") return FileFormat{Kind::kTsv, Compression::kNone};
  if (name == "parquet") return FileFormat{Kind::kParquet, Compression::kNone};
  if (name == "jsonl") return FileFormat{Kind::kJsonLines, Compression::kNone};
  return Error(ErrorCode::kInvalid, "`", name, "` is not a file format; expected csv, tsv, parquet or jsonl");
}

Result<FileFormat> FileFormat::OfPath(std::string_view path) {
  std::string lower = ToLower(path);
  const auto strip = [&lower](std::string_view end) {
    if (lower.size() <= end.size() || lower.substr(lower.size() - end.size()) != end) return false;
    lower.resize(lower.size() - end.size());
    return true;
  };
  FileFormat format;
  if (strip(".gz"))
    format.compression = Compression::kGzip;
  else if (strip(".zst"))
    format.compression = Compression::kZstd;
  const bool packed = format.compression != Compression::kNone;
  if (strip(".csv"))
    format.kind = Kind::kCsv;
  else if (strip(".tsv") || strip(".tab"))
    format.kind = Kind::kTsv;
  else if (strip(".jsonl") || strip(".ndjson"))
    format.kind = Kind::kJsonLines;
  else if (!packed && strip(".parquet"))
    format.kind = Kind::kParquet;
  else
    return Error(ErrorCode::kInvalid, "the name `", path, "` does not tell the file's format")
        .WithHelp(
            "use .csv, .tsv or .jsonl (each also with .gz or .zst) or .parquet, or name the format: csv, tsv, parquet, "
            "jsonl");
  return format;
}

Result<std::unique_ptr<Engine>> Engine::Open(const Options& options) {
  adbc::Database::Options settings = {{"autoinstall_known_extensions", "false"},
                                      {"autoload_known_extensions", "false"},
                                      {"threads", StrCat(options.threads)}};
  const std::string memory_limit = options.memory_limit.empty() ? internal::DefaultMemoryLimit() : options.memory_limit;
  if (!memory_limit.empty()) settings.emplace_back("memory_limit", memory_limit);
  std::unique_ptr<Engine> engine(new Engine());
  ASSIGN_OR_RETURN(engine->database_, adbc::Database::Open("libduckdb.so", "duckdb_adbc_init", settings, PlainError));
  ASSIGN_OR_RETURN(engine->session_, adbc::Session::Open(engine->database_, PlainError));
  std::vector<std::string> statements = {"SET GLOBAL TimeZone = 'UTC'",
                                         StrCat("SET GLOBAL temp_directory = ", QuoteString(options.temp_directory))};
  if (!options.any_file) {
    statements.push_back(StrCat("SET GLOBAL allowed_directories = ", QuotedList(options.allowed_directories)));
    statements.push_back(StrCat("SET GLOBAL allowed_paths = ", QuotedList(options.allowed_files)));
    statements.push_back("SET GLOBAL enable_external_access = false");
  }
  statements.push_back("SET GLOBAL lock_configuration = true");
  for (const std::string& statement : statements) RETURN_IF_ERROR(engine->Execute(statement));
  return engine;
}

Engine::~Engine() = default;

Result<std::shared_ptr<adbc::Session>> Engine::NewSession() {
  if (cancelled_) return Error(ErrorCode::kInterrupted, "the query was interrupted");
  ASSIGN_OR_RETURN(std::shared_ptr<adbc::Session> session, adbc::Session::Open(database_, PlainError));
  const std::lock_guard lock(mutex_);
  std::erase_if(running_, [](const auto& weak) { return weak.expired(); });
  running_.push_back(session);
  return session;
}

void Engine::Cancel() {
  cancelled_ = true;
  const std::lock_guard lock(mutex_);
  for (const auto& weak : running_)
    if (const auto session = weak.lock()) session->Cancel();
}

Status Engine::Execute(const std::string& sql) { return session_->Execute(sql).status(); }

Status Engine::AddSelect(std::string_view name, const std::string& select, bool copy) {
  RETURN_IF_ERROR(Execute(StrCat("CREATE OR REPLACE ", copy ? "TABLE " : "VIEW ", QuoteIdentifier(name), " AS ", select)));
  if (std::find(tables_.begin(), tables_.end(), name) == tables_.end()) tables_.emplace_back(name);
  // `step.output` without quotes is a table in a schema.
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || name.find('.', dot + 1) != std::string_view::npos) return Ok();
  const std::string schema = QuoteIdentifier(name.substr(0, dot));
  RETURN_IF_ERROR(Execute(StrCat("CREATE SCHEMA IF NOT EXISTS ", schema)));
  return Execute(StrCat("CREATE OR REPLACE VIEW ", schema, ".", QuoteIdentifier(name.substr(dot + 1)), " AS SELECT * FROM ", QuoteIdentifier(name)));
}

Status Engine::AddParquet(std::string_view name, const std::string& path) {
  return AddSelect(name, StrCat("SELECT * FROM ", ReadParquetSql(path)), false);
}

Status Engine::AddColumns(std::string_view name, const Schema& schema) {
  std::string select;
  for (const Field& field : schema.fields())
    select += StrCat(select.empty() ? "SELECT " : ", ", "CAST(NULL AS ", DuckDbTypeName(field.type), ") AS ", QuoteIdentifier(field.name));
  return AddSelect(name, StrCat(select, " WHERE false"), false);
}

Status Engine::AddTable(std::string_view name, std::unique_ptr<TableStream> rows) {
  RETURN_IF_ERROR(session_->Ingest(std::string(name), "", ADBC_INGEST_OPTION_MODE_CREATE, std::move(rows)).status());
  tables_.emplace_back(name);
  return Ok();
}

// A stream has a session of its own: DuckDB ends an open result when its connection runs another statement.
Result<std::unique_ptr<TableStream>> Engine::Run(std::string_view before, const std::string& sql,
                                                 std::string_view after, const Parameters& parameters) {
  ASSIGN_OR_RETURN(BoundSql bound, BoundSql::Make(sql, SqlDialect::kDuckDb, parameters));
  ASSIGN_OR_RETURN(const std::shared_ptr<adbc::Session> session, NewSession());
  const Table row = ParameterRow(bound, parameters, SqlDialect::kDuckDb);
  const std::string full = StrCat(before, bound.text(), after);
  const auto shared = std::make_shared<const BoundSql>(std::move(bound));
  const auto translate = [shared, full, prefix = before.size(), names = tables_](const adbc::DriverError& error) {
    return DuckDbError(error.message, {full, prefix, shared.get(), names});
  };
  return adbc::Session::Query(session, full, row, translate);
}

Result<std::unique_ptr<TableStream>> Engine::Query(const std::string& sql, const Parameters& parameters) {
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, Run("", sql, "", parameters));
  RETURN_IF_ERROR(CheckUniqueNames(rows->schema()));
  return rows;
}

Result<Schema> Engine::Describe(const std::string& sql, const Parameters& parameters) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, Run("SELECT * FROM (\n", sql, "\n) LIMIT 0", parameters));
  RETURN_IF_ERROR(CheckUniqueNames(rows->schema()));
  return rows->schema();
}

Result<std::int64_t> Engine::WriteFile(const std::string& sql, const Parameters& parameters, const std::string& path,
                                       FileFormat format) {
  if (format.kind == FileFormat::Kind::kParquet) return WriteParquet(sql, parameters, path);
  ASSIGN_OR_RETURN(const Schema schema, Describe(sql, parameters));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows,
                   Run(StrCat("COPY (SELECT ", CastList(schema), " FROM (\n"), sql,
                       StrCat("\n)) TO ", QuoteString(path), " (", CopyOptions(format), ")"), parameters));
  return OneInt(*rows);
}

Result<std::int64_t> Engine::WriteParquet(const std::string& sql, const Parameters& parameters, const std::string& path, int threads) {
  ASSIGN_OR_RETURN(const Schema schema, Describe(sql, parameters));
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, Run(StrCat("SELECT ", CastList(schema), " FROM (\n"), sql, "\n)", parameters));
  return WriteParquetFile(std::move(rows), path, threads);
}

}  // namespace headrace
