// Rows from outside become one Parquet file. Where there is a contract it decides how text files and SQLite, which know no dates or bools, are
// read; whether the rows keep it is judged afterwards with the other checks. A database with types of its own is taken at its word, so
// that a changed type is a breach and not silently converted.

#include "headrace/base/files.h"
#include "headrace/base/parallel.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/files.h"
#include "headrace/sql/read_as.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
constexpr std::string_view kRows = "rows";

std::vector<std::string> Personal(const Contract* contract) {
  std::vector<std::string> names;
  if (contract != nullptr)
    for (const ContractColumn& column : contract->columns)
      if (column.personal) names.push_back(column.name);
  return names;
}

FileSource SourceOf(const std::string& pattern, const std::string& format, const ExtractSpec& spec, const Contract* contract) {
  FileSource source;
  source.pattern = pattern;
  source.format = format;
  source.delimiter = spec.delimiter;
  source.personal = Personal(contract);
  source.empty_allowed = spec.empty_allowed;
  if (contract != nullptr) {
    source.declared = contract->schema();
    source.refuse_extra = contract->extra == ExtraColumns::kRefuse;
    if (!contract->null_values.empty()) source.null_values = contract->null_values;
  }
  if (!spec.null_values.empty()) source.null_values = spec.null_values;
  return source;
}

/// What a file is read as only shows where its rows are: an engine that fails there has found damage, and tells neither the file nor what to do.
Status Damaged(Status status, const std::string& file) {
  if (status.ok() || (status.code() != ErrorCode::kFailed && status.code() != ErrorCode::kInvalid)) return status;
  return Error(ErrorCode::kData, file, ": is damaged: ", status.message()).WithHelp("have it written again: a file whose writing was cut off, or that was changed while it was read, looks like this");
}

/// The rows of files: a file that we could write no better is kept byte by byte, once it has been read through; nullopt says that the table kRows is to be written.
Result<std::optional<std::int64_t>> LoadOrKeep(const StepContext& context, const ExtractSpec& spec, Engine& engine, const Contract* contract, const std::string& path) {
  FileSource source = SourceOf(JoinPath(context.pipeline().root, spec.file), spec.format, spec, contract);
  source.folder = context.pipeline().root;
  RETURN_IF_ERROR(LoadFiles(engine, source, kRows));
  ASSIGN_OR_RETURN(const std::optional<std::string> file, FileToKeep(engine, source, kRows));
  if (!file) return std::optional<std::int64_t>();
  RETURN_IF_ERROR(CopyFile(*file, path));
  Engine::Options options;
  options.any_file = true;
  options.threads = ResolveThreads(context.run->threads);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> reader, Engine::Open(options));
  const auto token = CancelsWith(context, [&reader] { reader->Cancel(); });
  const Result<bool> same = IsDataset(engine, path, kRows);     // of what was copied, whatever became of the file since
  const Result<std::int64_t> rows = !same.ok() ? same.status() : *same ? ReadThrough(*reader, path) : Error(ErrorCode::kBusy, *file, ": was replaced while it was read").WithHelp("run again");
  if (!rows.ok()) {
    static_cast<void>(RemoveFile(path).ok());
    return Damaged(rows.status(), spec.file);
  }
  return std::optional(*rows);
}

/// A column the database does not have is the data's fault when a contract promises it.
Status MissingColumn(Status status, const Contract* contract) {
  const bool about_column = status.message().find("olumn") != std::string::npos;
  if (contract != nullptr && status.code() == ErrorCode::kInvalid && about_column) return std::move(status).WithCode(ErrorCode::kData);
  return status;
}

Status LoadFromDatabase(const StepContext& context, const ExtractSpec& spec, Engine& engine, const Contract* contract) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, OpenConnection(context, spec.connection, false));
  const auto token = CancelsWith(context, [&connection] { connection->Cancel(); });
  std::unique_ptr<TableStream> rows;
  if (spec.query) {
    Result<std::unique_ptr<TableStream>> answer = connection->Query(spec.query->text, Bind(spec.bind));
    if (!answer.ok()) return MissingColumn(AtPlace(*spec.query, std::move(answer).status()), contract);
    rows = std::move(answer).value();
  } else {
    ASSIGN_OR_RETURN(const QualifiedName table, QualifiedName::Parse(spec.table));
    ASSIGN_OR_RETURN(rows, connection->ReadTable(table));
  }
  if (contract != nullptr && connection->dialect().kind() == SqlDialect::kSqlite) {
    ASSIGN_OR_RETURN(rows, ReadAs(std::move(rows), contract->schema(), Personal(contract)));
  }
  return engine.AddTable(kRows, std::move(rows));
}
}  // namespace

Result<StepFiles> RunExtract(const StepContext& context) {
  const auto& spec = context.step->as<ExtractSpec>();
  const Contract* contract = ExtractSpec::ContractOf(context.step->checks);
  Engine::Options options;
  options.any_file = true;
  options.temp_directory = context.store().ScratchPath("-spill");
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  const auto token = CancelsWith(context, [&engine] { engine->Cancel(); });
  StepFiles out;
  const std::string path = context.store().ScratchPath(".parquet");
  std::optional<std::int64_t> rows;
  if (spec.api) {
    ASSIGN_OR_RETURN(const ApiAnswer answer, AskApi(context, *spec.api));
    // No row names no column: then those of the contract, without which `empty: allow` is refused.
    const Status loaded = answer.rows == 0 && contract != nullptr ? engine->AddColumns(kRows, contract->schema()) : LoadFiles(*engine, SourceOf(answer.rows_file, "jsonl", spec, contract), kRows);
    static_cast<void>(RemoveFile(answer.rows_file).ok());
    if (!loaded.ok()) {
      static_cast<void>(RemoveFile(answer.body_file).ok());
      return Error(loaded.code(), ReplaceAll(loaded.message(), answer.rows_file, "the API's rows")).WithHelp(loaded.help());
    }
    out.files["body"] = {answer.body_file, "body"};
  } else if (spec.file.empty()) {
    RETURN_IF_ERROR(LoadFromDatabase(context, spec, *engine, contract));
  } else {
    ASSIGN_OR_RETURN(rows, LoadOrKeep(context, spec, *engine, contract, path));
  }
  if (!rows) {
    Result<std::int64_t> written = engine->WriteParquet(StrCat("SELECT * FROM ", kRows), {}, path, context.run->threads);
    if (!written.ok()) return spec.file.empty() ? std::move(written).status() : Damaged(std::move(written).status(), spec.file);
    rows = *written;
  }
  out.files[""] = {path, "dataset", *rows};
  return out;
}

}  // namespace headrace
