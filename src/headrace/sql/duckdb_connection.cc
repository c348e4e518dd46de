#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/sql/connection_internal.h"
#include "headrace/sql/duckdb_error_internal.h"
#include "headrace/sql/parameters_internal.h"

namespace headrace {
namespace {

std::optional<Type> TypeOfDeclared(const std::string& declared) {
  const std::string name = declared.substr(0, declared.find('('));
  for (const std::string_view integer : {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
                                         "UINTEGER", "UBIGINT", "UHUGEINT"})
    if (declared == integer) return Type::kInt;
  if (declared.ends_with("]") || declared.starts_with("STRUCT") || declared.starts_with("MAP") ||
      declared.starts_with("UNION"))
    return std::nullopt;
  if (name == "DECIMAL") return declared.ends_with(",0)") ? Type::kInt : Type::kDouble;
  if (name == "FLOAT" || name == "DOUBLE") return Type::kDouble;
  if (name == "BOOLEAN") return Type::kBool;
  if (name == "VARCHAR" || name == "UUID" || name == "ENUM" || name == "JSON") return Type::kText;
  if (name == "DATE") return Type::kDate;
  if (name.starts_with("TIMESTAMP")) return Type::kTimestamp;
  return std::nullopt;
}

class DuckDbConnection : public DriverConnection {
 public:
  DuckDbConnection(std::string name, std::shared_ptr<adbc::Session> session, std::shared_ptr<void> keep)
      : DriverConnection(std::move(name), SqlDialect::kDuckDb, nullptr), keep_(std::move(keep)) {
    session_ = std::move(session);
  }
  ~DuckDbConnection() override {
    if (in_transaction_) Rollback().ok();  // NOLINT: closing the session ends the transaction in any case
    session_.reset();                      // before the database that `keep_` holds
  }

  Result<std::unique_ptr<TableStream>> Query(const std::string& sql, const SqlParameters& parameters) override {
    ASSIGN_OR_RETURN(BoundSql bound, BoundSql::Make(sql, SqlDialect::kDuckDb, parameters));
    const Table row = ParameterRow(bound, parameters, SqlDialect::kDuckDb);
    constexpr std::string_view kBefore = "SELECT * FROM (\n";  // so that nothing but a SELECT is legal
    const std::string full = StrCat(kBefore, bound.text(), "\n)");
    const auto shared = std::make_shared<const BoundSql>(std::move(bound));
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows,
                     adbc::Session::Query(session_, full, row, TranslateFor(sql, shared, kBefore.size(), full)));
    RETURN_IF_ERROR(CheckUniqueNames(rows->schema()));
    return Keep(std::move(rows));
  }

  Result<std::unique_ptr<TableStream>> ReadTable(const QualifiedName& table) override {
    ASSIGN_OR_RETURN(const std::optional<TableInfo> info, Describe(table));
    if (!info) return NoTable(table);
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows,
                     adbc::Session::Query(session_, StrCat("SELECT * FROM ", table.Quoted())));
    return Keep(std::move(rows));
  }

  Result<std::int64_t> Append(const QualifiedName& table, std::unique_ptr<TableStream> rows) override {
    RETURN_IF_ERROR(CheckColumns(table, rows->schema()));
    return session_->Ingest(table.name, table.schema, ADBC_INGEST_OPTION_MODE_APPEND, std::move(rows));
  }

  Result<std::int64_t> Stage(const std::string& name, std::unique_ptr<TableStream> rows) override {
    std::string create = dialect_.CreateTable({"", name}, rows->schema(), {});
    create.replace(0, 12, "CREATE TEMPORARY TABLE");
    RETURN_IF_ERROR(session_->Execute(create).status());
    return session_->Ingest(name, "", ADBC_INGEST_OPTION_MODE_APPEND, std::move(rows), true);
  }

  Result<std::optional<TableInfo>> Describe(const QualifiedName& table) override {
    const std::string where =
        StrCat(" WHERE (database_name = current_database() OR database_name = 'temp') AND lower(schema_name) = lower(",
               table.schema.empty() ? "current_schema()" : QuoteString(table.schema),
               ") AND lower(table_name) = lower(", QuoteString(table.name), ")");
    ASSIGN_OR_RETURN(const Table columns,
                     Rows(StrCat("SELECT column_name, data_type, is_nullable FROM duckdb_columns()", where,
                                 " ORDER BY column_index")));
    if (columns.num_rows() == 0) return std::optional<TableInfo>();
    TableInfo info;
    for (std::size_t r = 0; r < columns.num_rows(); ++r) {
      const std::string declared(columns.column(1).text(r));
      info.columns.push_back({std::string(columns.column(0).text(r)), declared, TypeOfDeclared(declared),
                              columns.column(2).ints()[r] != 0});
    }
    ASSIGN_OR_RETURN(
        const Table keys,
        Rows(StrCat("SELECT array_to_string(constraint_column_names, chr(31)) FROM duckdb_constraints()", where,
                    " AND constraint_type IN ('PRIMARY KEY', 'UNIQUE') ORDER BY constraint_type, constraint_index")));
    for (std::size_t r = 0; r < keys.num_rows(); ++r) info.unique_keys.push_back(Split(keys.column(0).text(r), '\x1f'));
    ASSIGN_OR_RETURN(const Table indexes, Rows(StrCat("SELECT expressions FROM duckdb_indexes()", where,
                                                      " AND is_unique ORDER BY index_name")));
    for (std::size_t r = 0; r < indexes.num_rows(); ++r)
      if (auto key = IndexColumns(indexes.column(0).text(r), info); !key.empty())
        info.unique_keys.push_back(std::move(key));
    return std::optional<TableInfo>(std::move(info));
  }

  Result<std::vector<QualifiedName>> ListTables() override {
    ASSIGN_OR_RETURN(const Table table, Rows("SELECT CASE WHEN schema_name = current_schema() THEN '' ELSE schema_name "
                                             "END AS s, n FROM (SELECT database_name, schema_name, "
                                             "table_name AS n FROM duckdb_tables() UNION ALL SELECT database_name, "
                                             "schema_name, view_name FROM duckdb_views() WHERE NOT internal) "
                                             "WHERE database_name = current_database() ORDER BY s, n"));
    std::vector<QualifiedName> names;
    for (std::size_t r = 0; r < table.num_rows(); ++r)
      names.push_back({std::string(table.column(0).text(r)), std::string(table.column(1).text(r))});
    return names;
  }

 protected:
  adbc::Translate TranslateFor(const std::string&, std::shared_ptr<const BoundSql> bound, std::size_t prefix,
                               std::string full) override {
    std::vector<std::string> names;
    if (const Result<std::vector<QualifiedName>> tables = ListTables(); tables.ok())
      for (const QualifiedName& table : *tables) names.push_back(table.ToString());
    return [bound = std::move(bound), prefix, full = std::move(full), names = std::move(names)](
               const adbc::DriverError& error) { return DuckDbError(error.message, {full, prefix, bound.get(), names}); };
  }
  const char* begin_statement() const override { return "BEGIN TRANSACTION"; }

 private:
  // "[id, \"my day\"]": the names, or none when the index is on an expression.
  static std::vector<std::string> IndexColumns(std::string_view text, const TableInfo& info) {
    if (text.size() < 2) return {};
    std::vector<std::string> names;
    for (const std::string& part : Split(text.substr(1, text.size() - 2), ',')) {
      std::string name(Trim(part));
      if (name.size() >= 2 && (name.front() == '"' || name.front() == '\''))
        name = ReplaceAll(name.substr(1, name.size() - 2), "\"\"", "\"");
      if (name.size() >= 2 && name.front() == '"') name = ReplaceAll(name.substr(1, name.size() - 2), "\"\"", "\"");
      if (info.Find(name) == nullptr) return {};
      names.push_back(std::move(name));
    }
    return names;
  }

  // A stream keeps the database open, also when it outlives the connection.
  std::unique_ptr<TableStream> Keep(std::unique_ptr<TableStream> rows) {
    class Kept : public TableStream {
     public:
      Kept(std::unique_ptr<TableStream> inner, std::shared_ptr<void> keep)
          : keep_(std::move(keep)), rows_(std::move(inner)) {}
      const Schema& schema() const override { return rows_->schema(); }
      Result<std::optional<Table>> Next() override { return rows_->Next(); }

     private:
      std::shared_ptr<void> keep_;  // destroyed last
      std::unique_ptr<TableStream> rows_;
    };
    return std::make_unique<Kept>(std::move(rows), keep_);
  }

  std::shared_ptr<void> keep_;
};

}  // namespace

std::unique_ptr<Connection> MakeDuckDbConnection(std::string name, std::shared_ptr<adbc::Session> session,
                                                 std::shared_ptr<void> keep) {
  return std::make_unique<DuckDbConnection>(std::move(name), std::move(session), std::move(keep));
}

}  // namespace headrace
