// Rows from outside become one Parquet file, typed as the contract declares where there is one. The contract itself is judged afterwards
// with the other checks; here it only decides how text is read, and that a column the source does not have is a matter of
// data (exit code 3), not of a wrong query.

#include "headrace/base/files.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/files.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
constexpr std::string_view kRows = "rows";

/// Whether a value of `from` may be read as the declared `to`: text as anything, and what loses nothing.
bool MayCast(Type from, Type to) {
  if (from == to) return false;
  return from == Type::kText || (from == Type::kInt && to == Type::kDouble) || (from == Type::kDate && to == Type::kTimestamp);
}

std::string_view EngineType(Type type) {
  switch (type) {
    case Type::kBool: return "BOOLEAN";
    case Type::kInt: return "BIGINT";
    case Type::kDouble: return "DOUBLE";
    case Type::kText: return "VARCHAR";
    case Type::kDate: return "DATE";
    case Type::kTimestamp: return "TIMESTAMP";
    case Type::kDuration: break;
  }
  return "BIGINT";
}

struct Cast { std::string column, as; Type type; };

/// The first cell that does not read as declared, as an error.
Status CheckCasts(Engine& engine, const std::vector<Cast>& casts) {
  for (const Cast& cast : casts) {
    const std::string quoted = QuoteIdentifier(cast.column);
    const std::string bad = StrCat(quoted, " IS NOT NULL AND try_cast(", quoted, " AS ", EngineType(cast.type), ") IS NULL");
    ASSIGN_OR_RETURN(const auto stream, engine.Query(StrCat("SELECT count(*) AS n, min(CAST(", quoted, " AS VARCHAR)) AS example FROM ", kRows, " WHERE ", bad)));
    ASSIGN_OR_RETURN(const Table counts, ReadAll(*stream));
    const std::int64_t n = counts.Find("n")->ints()[0];
    if (n > 0)
      return Error(ErrorCode::kData, "column `", cast.column, "` should be ", TypeName(cast.type), ", but ", FormatCount(n),
                   n == 1 ? " value does" : " values do", " not read as one, for example `", counts.Find("example")->text(0), "`")
          .WithHelp("mend the source, or declare the column as text in the contract and cast it in a sql step");
  }
  return Ok();
}

/// `rows` of the engine as a Parquet file with the types the contract declares.
Result<StepFiles> Write(const StepContext& context, Engine& engine, const Schema& schema, const Contract* contract) {
  std::vector<Cast> casts;
  std::string columns;
  for (const Field& field : schema.fields()) {
    std::string expression = QuoteIdentifier(field.name);
    if (contract != nullptr)
      for (const ContractColumn& declared : contract->columns)
        if (declared.name == field.name && MayCast(field.type, declared.type)) {
          casts.push_back({field.name, std::string(TypeName(declared.type)), declared.type});
          expression = StrCat("CAST(", expression, " AS ", EngineType(declared.type), ") AS ", QuoteIdentifier(field.name));
        }
    columns += StrCat(columns.empty() ? "" : ", ", expression);
  }
  RETURN_IF_ERROR(CheckCasts(engine, casts));
  StepFiles out;
  const std::string path = context.store().ScratchPath(".parquet");
  ASSIGN_OR_RETURN(const std::int64_t rows, engine.WriteParquet(StrCat("SELECT ", columns, " FROM ", kRows), {}, path));
  out.files[""] = {path, "dataset", rows};
  if (rows == 0) out.details.notes.push_back("the source gave no row at all");
  return out;
}

Result<StepFiles> FromFiles(const StepContext& context, const ExtractSpec& spec, Engine& engine, const Contract* contract) {
  FileSource source;
  source.pattern = JoinPath(context.pipeline().root, spec.file);
  source.format = spec.format;
  source.delimiter = spec.delimiter;
  if (contract != nullptr) {
    source.declared = contract->schema();
    source.refuse_extra = contract->extra == ExtraColumns::kRefuse;
    if (!contract->null_values.empty()) source.null_values = contract->null_values;
  }
  if (!spec.null_values.empty()) source.null_values = spec.null_values;
  RETURN_IF_ERROR(LoadFiles(engine, source, kRows));
  ASSIGN_OR_RETURN(const Schema schema, engine.Describe(StrCat("SELECT * FROM ", kRows)));
  return Write(context, engine, schema, contract);
}

/// A column the database does not have is the data's fault when a contract promises it.
Status MissingColumn(Status status, const Contract* contract) {
  const bool about_column = status.message().find("olumn") != std::string::npos;
  if (contract != nullptr && status.code() == ErrorCode::kInvalid && about_column) return std::move(status).WithCode(ErrorCode::kData);
  return status;
}

Result<StepFiles> FromDatabase(const StepContext& context, const ExtractSpec& spec, Engine& engine, const Contract* contract) {
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
  const Schema schema = rows->schema();
  RETURN_IF_ERROR(engine.AddTable(kRows, std::move(rows)));
  return Write(context, engine, schema, contract);
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
  return spec.file.empty() ? FromDatabase(context, spec, *engine, contract) : FromFiles(context, spec, *engine, contract);
}

}  // namespace headrace
