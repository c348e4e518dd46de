#include <set>
#include <utility>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/sql/parameters_internal.h"

namespace headrace {
namespace {

Value DurationAsText(const Value& value) {
  if (value.type() != Type::kDuration) return value;
  return value.is_null() ? Value::Null(Type::kText) : Value::Text(StrCat(value.as_int(), " microseconds"));
}

Value ForSqlite(const Value& value) {
  switch (value.type()) {
    case Type::kBool:
      return value.is_null() ? Value::Null(Type::kInt) : Value::Int(value.as_int());
    case Type::kDate:
    case Type::kTimestamp:
    case Type::kDuration:
      return value.is_null() ? Value::Null(Type::kText) : Value::Text(value.ToString());
    default:
      return value;
  }
}

}  // namespace

Table ParameterRow(const BoundSql& bound, const SqlParameters& parameters, SqlDialect dialect) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (const std::string& name : bound.names()) {
    const Value& given = parameters.at(name);
    const Value value = dialect == SqlDialect::kSqlite ? ForSqlite(given) : DurationAsText(given);
    ColumnBuilder builder(value.type());
    if (value.is_null())
      builder.AppendNull();
    else
      builder.Append(value);
    fields.push_back({name, value.type()});
    columns.push_back(builder.Finish());
  }
  const std::size_t rows = columns.empty() ? 0 : 1;
  return Table(Schema(std::move(fields)), std::move(columns), rows);
}

Status CheckUniqueNames(const Schema& schema) {
  std::set<std::string> seen;
  for (const Field& field : schema.fields())
    if (!seen.insert(ToLower(field.name)).second)
      return Error(ErrorCode::kInvalid, "the query has two columns called `", field.name, "`")
          .WithHelp("give one of them another name with AS");
  return Ok();
}

std::string_view DuckDbTypeName(Type type) {
  switch (type) {
    case Type::kBool:
      return "BOOLEAN";
    case Type::kInt:
      return "BIGINT";
    case Type::kDouble:
      return "DOUBLE";
    case Type::kText:
      return "VARCHAR";
    case Type::kDate:
      return "DATE";
    case Type::kTimestamp:
      return "TIMESTAMP";
    case Type::kDuration:
      return "INTERVAL";
  }
  return "VARCHAR";
}

std::string CastList(const Schema& schema) {
  std::string list;
  for (const Field& field : schema.fields()) {
    const std::string name = QuoteIdentifier(field.name);
    list += StrCat(list.empty() ? "" : ", ", "CAST(", name, " AS ", DuckDbTypeName(field.type), ") AS ", name);
  }
  return list;
}

std::string ReadParquetSql(const std::string& path, bool folders_are_columns) {
  return StrCat("read_parquet(", QuoteString(path), ", hive_partitioning = ", folders_are_columns ? "true" : "false", ")");
}

}  // namespace headrace
