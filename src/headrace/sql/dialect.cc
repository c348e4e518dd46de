#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/sql/connection.h"
#include "headrace/sql/parameters_internal.h"

namespace headrace {
namespace {

std::string QuotedNames(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += StrCat(out.empty() ? "" : ", ", QuoteIdentifier(name));
  return out;
}

}  // namespace

const TableInfo::Column* TableInfo::Find(std::string_view name) const {
  for (const Column& column : columns)
    if (ToLower(column.name) == ToLower(name)) return &column;
  return nullptr;
}

bool TableInfo::HasUniqueKey(const std::vector<std::string>& names) const {
  const auto sorted = [](const std::vector<std::string>& list) {
    std::vector<std::string> out;
    for (const std::string& name : list) out.push_back(ToLower(name));
    std::ranges::sort(out);
    return out;
  };
  const std::vector<std::string> wanted = sorted(names);
  return std::ranges::any_of(unique_keys, [&](const auto& key) { return sorted(key) == wanted; });
}

std::string Dialect::Temporary(std::string_view name) const {
  return StrCat(kind_ == SqlDialect::kPostgres ? "pg_temp." : "", Quote(name));
}

std::string_view Dialect::TypeName(Type type) const {
  if (kind_ == SqlDialect::kPostgres) {
    if (type == Type::kDouble) return "DOUBLE PRECISION";
    if (type == Type::kTimestamp) return "TIMESTAMP WITH TIME ZONE";  // ours are UTC, and this says so to every reader
    if (type == Type::kText) return "TEXT";
  }
  if (kind_ != SqlDialect::kSqlite) return DuckDbTypeName(type);
  switch (type) {  // names whose affinity keeps values as they are: dates and timestamps are ISO text
    case Type::kBool:
      return "BOOLEAN";
    case Type::kInt:
      return "INTEGER";
    case Type::kDouble:
      return "REAL";
    case Type::kDate:
      return "DATE";
    case Type::kTimestamp:
      return "TIMESTAMP";
    default:
      return "TEXT";
  }
}

std::string Dialect::CreateTable(const QualifiedName& table, const Schema& schema,
                                 const std::vector<std::string>& key) const {
  std::string sql = StrCat("CREATE TABLE ", table.Quoted(), " (");
  for (std::size_t i = 0; i < schema.size(); ++i) {
    const bool in_key = std::ranges::find(key, schema[i].name) != key.end();
    sql += StrCat(i > 0 ? ", " : "", Quote(schema[i].name), " ", TypeName(schema[i].type), in_key ? " NOT NULL" : "");
  }
  if (!key.empty()) sql += StrCat(", PRIMARY KEY (", QuotedNames(key), ")");
  return sql + ")";
}

std::string Dialect::CreateUniqueIndex(const QualifiedName& table, const std::vector<std::string>& key) const {
  const std::string name = Quote(StrCat(table.name, "_", Join(key, "_"), "_key"));
  // SQLite takes the schema in front of the index, the others in front of the table.
  if (kind_ == SqlDialect::kSqlite)
    return StrCat("CREATE UNIQUE INDEX ", table.schema.empty() ? "" : Quote(table.schema) + ".", name, " ON ",
                  Quote(table.name), " (", QuotedNames(key), ")");
  return StrCat("CREATE UNIQUE INDEX ", name, " ON ", table.Quoted(), " (", QuotedNames(key), ")");
}

std::string Dialect::Merge(const QualifiedName& table, const std::vector<std::string>& columns,
                           const std::vector<std::string>& key, std::string_view source) const {
  const std::string names = QuotedNames(columns);
  std::string sql = StrCat("INSERT INTO ", table.Quoted(), " (", names, ") SELECT ", names, " FROM ", source);
  if (key.empty()) return sql;
  sql += StrCat(" WHERE true ON CONFLICT (", QuotedNames(key), ") DO ");  // WHERE: SQLite would read ON as a join's
  std::string update;
  for (const std::string& column : columns) {
    if (std::ranges::find(key, column) != key.end()) continue;
    update += StrCat(update.empty() ? "UPDATE SET " : ", ", Quote(column), " = excluded.", Quote(column));
  }
  return sql + (update.empty() ? "NOTHING" : update);
}

}  // namespace headrace
