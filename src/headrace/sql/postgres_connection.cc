#include <algorithm>
#include <map>

#include "headrace/base/text.h"
#include "headrace/sql/connection_internal.h"
#include "headrace/sql/parameters_internal.h"
#include "headrace/sql/postgres_internal.h"

// A query goes to the server twice: described, for its columns' types, then run with a cast around each column whose type
// the driver would give in a form of its own (numeric as text, uuid as bytes). Values are bound by position. Every table
// name of ours is quoted, so names are exact: "Scores" is not scores.

namespace headrace {
namespace {

/// How a type of PostgreSQL is read.
struct Reading {
  Type type;
  std::string_view cast = {};  ///< in the SELECT list; "" where the driver's own form is ours
};

std::optional<Reading> ReadingOf(const std::string& type, std::int64_t typmod) {
  static const std::map<std::string, Reading> kReadings = {
      {"bool", {Type::kBool}},        {"int2", {Type::kInt}},            {"int4", {Type::kInt}},
      {"int8", {Type::kInt}},         {"oid", {Type::kInt, "bigint"}},   {"float4", {Type::kDouble}},
      {"float8", {Type::kDouble}},    {"text", {Type::kText}},           {"varchar", {Type::kText}},
      {"name", {Type::kText}},        {"bpchar", {Type::kText, "text"}}, {"citext", {Type::kText, "text"}},
      {"uuid", {Type::kText, "text"}}, {"json", {Type::kText, "text"}},  {"jsonb", {Type::kText, "text"}},
      {"date", {Type::kDate}},        {"timestamp", {Type::kTimestamp}}, {"timestamptz", {Type::kTimestamp}}};
  if (type == "numeric") {  // the scale stands in the low bits behind a header of four, signed
    const std::int64_t scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
    if (typmod >= 4 && scale <= 0) return Reading{Type::kInt, "bigint"};
    return Reading{Type::kDouble, "double precision"};
  }
  const auto found = kReadings.find(type);
  return found == kReadings.end() ? std::nullopt : std::optional<Reading>(found->second);
}

/// Rows without the infinite dates and times that PostgreSQL knows and we do not. The driver adds the epochs' difference
/// to the largest and smallest number, so either infinity arrives as a value before the first day that PostgreSQL has.
class FiniteRows : public TableStream {
 public:
  explicit FiniteRows(std::unique_ptr<TableStream> rows) : rows_(std::move(rows)) {}
  const Schema& schema() const override { return rows_->schema(); }
  Result<std::optional<Table>> Next() override {
    Result<std::optional<Table>> block = rows_->Next();
    if (!block.ok() || !*block) return block;
    for (std::size_t c = 0; c < (*block)->num_columns(); ++c) {
      const Column& column = (*block)->column(c);
      if (column.type() != Type::kDate && column.type() != Type::kTimestamp) continue;
      const std::int64_t first = column.type() == Type::kDate ? -3'000'000 : -3'000'000 * 86'400'000'000;
      for (std::size_t r = 0; r < column.size(); ++r)
        if (column.ints()[r] < first && !column.IsNull(r))
          return Error(ErrorCode::kData, "column `", schema()[c].name, "` holds an infinite ", TypeName(column.type()),
                       ", which has no counterpart here")
              .WithHelp("make it null in the query: nullif(column, 'infinity')");
    }
    return block;
  }

 private:
  std::unique_ptr<TableStream> rows_;
};

class PostgresConnection : public DriverConnection {
 public:
  PostgresConnection(std::string name, std::shared_ptr<adbc::Session> session)
      : DriverConnection(std::move(name), SqlDialect::kPostgres, std::move(session)) {}

  Result<std::unique_ptr<TableStream>> Query(const std::string& sql, const SqlParameters& parameters) override {
    ASSIGN_OR_RETURN(BoundSql bound, BoundSql::Make(sql, SqlDialect::kPostgres, parameters));
    const Table row = ParameterRow(bound, parameters, SqlDialect::kPostgres);
    const std::string text = bound.text();
    constexpr std::string_view kBefore = "SELECT * FROM (\n";  // so that nothing but a SELECT is legal
    const std::string full = StrCat(kBefore, text, "\n) AS q");
    const auto shared = std::make_shared<const BoundSql>(std::move(bound));
    std::string missing;  // the table that a failed description names
    const PostgresContext context{full, kBefore.size(), shared};
    Result<std::vector<adbc::DriverColumn>> columns =
        session_->Describe(full, row, [&](const adbc::DriverError& error) {
          if (error.sqlstate == "42P01") missing = error.message;
          return PostgresError(error, context);
        });
    if (!columns.ok()) return missing.empty() ? std::move(columns).status() : WithNearTable(std::move(columns).status(), missing);
    ASSIGN_OR_RETURN(const std::string list, SelectList(*columns));
    std::string names;
    for (std::size_t i = 0; i < columns->size(); ++i) names += StrCat(i > 0 ? ", " : "", "c", i);
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows,
                     adbc::Session::Query(session_, StrCat("SELECT ", list, " FROM (\n", text, "\n) AS q(", names, ")"), row));
    return std::unique_ptr<TableStream>(std::make_unique<FiniteRows>(std::move(rows)));
  }

  Result<std::unique_ptr<TableStream>> ReadTable(const QualifiedName& table) override {
    ASSIGN_OR_RETURN(const std::optional<TableInfo> info, Describe(table));
    if (!info) return NoTable(table);
    return Query(StrCat("SELECT * FROM ", table.Quoted()), {});
  }

  Status Commit() override {
    // COMMIT of a transaction in which a statement failed rolls back and reports success; this one then fails.
    RETURN_IF_ERROR(session_->Execute("SELECT 1").status());
    return DriverConnection::Commit();
  }

  Status LockForDelivery(const QualifiedName& table) override {
    return Execute("SELECT pg_advisory_xact_lock(hashtextextended('headrace ' || coalesce(nullif($schema, ''), current_schema()) || "
                   "'.' || $name, 0))",
                   {{"schema", Value::Text(table.schema)}, {"name", Value::Text(table.name)}})
        .status();
  }

  Result<std::int64_t> Append(const QualifiedName& table, std::unique_ptr<TableStream> rows) override {
    const Schema schema = rows->schema();
    RETURN_IF_ERROR(CheckColumns(table, schema));
    ASSIGN_OR_RETURN(const std::int64_t count, Stage("headrace_append", std::move(rows)));
    const std::string source = dialect_.Temporary("headrace_append");
    RETURN_IF_ERROR(session_->Execute(dialect_.Merge(table, schema.Names(), {}, source)).status());
    RETURN_IF_ERROR(session_->Execute(StrCat("DROP TABLE ", source)).status());
    return count;
  }

  Result<std::int64_t> Stage(const std::string& name, std::unique_ptr<TableStream> rows) override {
    std::string create = dialect_.CreateTable({"", name}, rows->schema(), {});
    create.replace(0, 12, "CREATE TEMPORARY TABLE");
    RETURN_IF_ERROR(session_->Execute(create).status());
    return session_->Ingest(name, "", ADBC_INGEST_OPTION_MODE_APPEND, std::move(rows), true);
  }

  Result<std::optional<TableInfo>> Describe(const QualifiedName& table) override {
    const std::string oid = StrCat("to_regclass(", QuoteString(table.Quoted()), ")");
    // A domain is described by the type below it; an INSERT checks the domain itself.
    ASSIGN_OR_RETURN(
        const Table columns,
        Rows(StrCat("SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS declared, b.typname::text AS base, "
                    "(CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END)::bigint AS typmod, "
                    "NOT a.attnotnull AND NOT t.typnotnull OR a.atthasdef OR a.attidentity <> '' AS nullable, b.typtype = 'e' AS is_enum, "
                    "format_type(b.oid, NULL) AS base_name "
                    "FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid "
                    "JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END "
                    "WHERE a.attrelid = ", oid, " AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped "
                    "ORDER BY a.attnum")));
    if (columns.num_rows() == 0) return std::optional<TableInfo>();
    TableInfo info;
    for (std::size_t r = 0; r < columns.num_rows(); ++r) {
      const std::string base(columns.column(2).text(r)), base_name(columns.column(6).text(r));
      const bool is_enum = columns.column(5).ints()[r] != 0;
      const std::optional<Reading> reading =
          is_enum ? Reading{Type::kText} : ReadingOf(base, columns.column(3).ints()[r]);
      const bool cast = is_enum || base == "uuid" || base == "json" || base == "jsonb";
      info.columns.push_back({std::string(columns.column(0).text(r)), std::string(columns.column(1).text(r)),
                              reading ? std::optional<Type>(reading->type) : std::nullopt, columns.column(4).ints()[r] != 0,
                              cast ? base_name : std::string()});
    }
    ASSIGN_OR_RETURN(
        const Table keys,
        Rows(StrCat("SELECT i.indexrelid::bigint AS index, a.attname::text AS name FROM pg_index i "
                    "JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) ON k.place <= i.indnkeyatts "
                    "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
                    "WHERE i.indrelid = ", oid, " AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL "
                    "AND i.indexprs IS NULL ORDER BY i.indisprimary DESC, i.indexrelid, k.place")));
    for (std::size_t r = 0; r < keys.num_rows(); ++r) {
      if (r == 0 || keys.column(0).ints()[r] != keys.column(0).ints()[r - 1]) info.unique_keys.emplace_back();
      info.unique_keys.back().emplace_back(keys.column(1).text(r));
    }
    return std::optional<TableInfo>(std::move(info));
  }

  Result<std::vector<QualifiedName>> ListTables() override {
    ASSIGN_OR_RETURN(const Table table,
                     Rows("SELECT CASE WHEN n.nspname = current_schema() THEN '' ELSE n.nspname::text END AS s, r.relname::text AS t "
                          "FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f') "
                          "AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY s, t"));
    std::vector<QualifiedName> names;
    for (std::size_t r = 0; r < table.num_rows(); ++r)
      names.push_back({std::string(table.column(0).text(r)), std::string(table.column(1).text(r))});
    return names;
  }

 protected:
  adbc::Translate TranslateFor(const std::string&, std::shared_ptr<const BoundSql> bound, std::size_t prefix,
                               std::string full) override {
    return [context = PostgresContext{std::move(full), prefix, std::move(bound)}](const adbc::DriverError& error) {
      return PostgresError(error, context);
    };
  }
  // The level at which each statement sees what was committed before it: what was waited for must be seen.
  const char* begin_statement() const override { return "BEGIN ISOLATION LEVEL READ COMMITTED"; }

 private:
  static Result<std::string> SelectList(const std::vector<adbc::DriverColumn>& columns) {
    std::string list;
    std::vector<Field> fields;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto text = [&](const char* key) {
        const auto found = columns[i].metadata.find(key);
        return found == columns[i].metadata.end() ? std::string() : found->second;
      };
      const std::string type = text("POSTGRESQL:type");
      std::int64_t typmod = -1;
      ParseInt(text("POSTGRESQL:typmod"), &typmod);
      std::optional<Reading> reading = ReadingOf(type, typmod);
      if (!reading && columns[i].arrow_format == "u") reading = Reading{Type::kText};  // an enum
      if (!reading)
        return Error(ErrorCode::kData, "column `", columns[i].name, "` is of the type ", type, ", which has no counterpart here")
            .WithHelp("leave it out of the query, or turn it into text: CAST(column AS text)");
      const std::string cell = StrCat("c", i);
      list += StrCat(i > 0 ? ", " : "", reading->cast.empty() ? cell : StrCat("CAST(", cell, " AS ", reading->cast, ")"), " AS ",
                     QuoteIdentifier(columns[i].name));
      fields.push_back({columns[i].name, reading->type});
    }
    RETURN_IF_ERROR(CheckUniqueNames(Schema(std::move(fields))));
    return list;
  }

  // `relation "custmers" does not exist`, with the table that was likely meant.
  Status WithNearTable(Status status, const std::string& message) {
    const std::size_t start = message.find('"'), end = message.find('"', start + 1);
    if (end == std::string::npos || in_transaction_) return status;  // a failed transaction answers nothing more
    const std::string name = message.substr(start + 1, end - start - 1);
    const std::optional<TextSpan> span = status.span();
    Status better = Error(ErrorCode::kInvalid, "the query reads the table `", name, "`, which does not exist here");
    if (span) better = std::move(better).WithSpan(*span);
    const Result<std::vector<QualifiedName>> tables = ListTables();
    if (!tables.ok()) return better;
    std::vector<std::string> names;
    for (const QualifiedName& table : *tables) names.push_back(table.ToString());
    const std::string nearest = NearestName(name, names);
    return nearest.empty() ? better : std::move(better).WithHelp(StrCat("did you mean `", nearest, "`?"));
  }
};

}  // namespace

Result<std::shared_ptr<adbc::Session>> OpenPostgres(const ConnectionSpec& spec) {
  const adbc::Translate translate = [](const adbc::DriverError& error) {
    const bool opening = error.message.find("Failed to connect") != std::string::npos;
    return opening ? PostgresOpenError(error) : PostgresError(error);
  };
  ASSIGN_OR_RETURN(std::shared_ptr<adbc::Database> database,
                   adbc::Database::Open("libadbc_driver_postgresql.so", "AdbcDriverPostgresqlInit",
                                        {{"uri", WithConnectTimeout(spec.uri)}}, translate));
  ASSIGN_OR_RETURN(std::shared_ptr<adbc::Session> session, adbc::Session::Open(std::move(database), translate));
  RETURN_IF_ERROR(session
                      ->Execute(StrCat("SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false), "
                                       "set_config('standard_conforming_strings', 'on', false), set_config('client_min_messages', 'error', false), "
                                       "set_config('default_transaction_read_only', '", spec.writable ? "off" : "on", "', false), "
                                       "set_config('application_name', 'headrace', false), "
                                       "set_config('lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN '30s' "
                                       "ELSE current_setting('lock_timeout') END, false)"))
                      .status());
  return session;
}

std::unique_ptr<Connection> MakePostgresConnection(std::string name, std::shared_ptr<adbc::Session> session) {
  return std::make_unique<PostgresConnection>(std::move(name), std::move(session));
}

}  // namespace headrace
