#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/check/check.h"

// Small tables and checks, in one line each.

namespace headrace {

using Kind = CheckSpec::Kind;
using Row = std::vector<Value>;

inline Table Rows(std::vector<Field> fields, const std::vector<Row>& rows) {
  std::vector<ColumnPtr> columns;
  for (std::size_t k = 0; k < fields.size(); ++k) {
    ColumnBuilder builder(fields[k].type);
    for (const Row& row : rows) {
      if (row[k].is_null()) builder.AppendNull();
      else builder.Append(row[k]);
    }
    columns.push_back(builder.Finish());
  }
  return Table(Schema(std::move(fields)), std::move(columns), rows.size());
}

/// One column of ints, doubles or texts; "null" and a number read as such.
inline Table Column1(const std::string& name, Type type, const std::vector<std::string>& cells) {
  std::vector<Row> rows;
  for (const std::string& cell : cells) rows.push_back({cell == "null" ? Value::Null(type) : *Value::Parse(cell, type)});
  return Rows({{name, type}}, rows);
}

inline CheckSpec Spec(Kind kind, std::vector<std::string> columns = {}) {
  CheckSpec spec;
  spec.kind = kind;
  spec.columns = std::move(columns);
  return spec;
}

inline CheckSpec Range(const std::string& column, std::optional<Value> min, std::optional<Value> max) {
  CheckSpec spec = Spec(Kind::kRange, {column});
  spec.min = std::move(min);
  spec.max = std::move(max);
  return spec;
}

inline CheckSpec OneOf(const std::string& column, std::vector<std::string> values) {
  CheckSpec spec = Spec(Kind::kOneOf, {column});
  spec.values = std::move(values);
  return spec;
}

inline CheckSpec Matches(const std::string& column, std::string pattern) {
  CheckSpec spec = Spec(Kind::kMatches, {column});
  spec.pattern = std::move(pattern);
  return spec;
}

inline CheckSpec Expect(std::string expression, double at_least = 1) {
  CheckSpec spec = Spec(Kind::kExpect);
  spec.expression = std::move(expression);
  spec.at_least = at_least;
  return spec;
}

inline CheckSpec RowCount(std::optional<std::int64_t> min, std::optional<std::int64_t> max) {
  CheckSpec spec = Spec(Kind::kRows);
  spec.min_rows = min;
  spec.max_rows = max;
  return spec;
}

struct Promised {
  std::string name;
  Type type = Type::kText;
  bool nullable = true, personal = false;
};

inline CheckSpec ContractOf(const std::vector<Promised>& columns, ExtraColumns extra = ExtraColumns::kRefuse) {
  CheckSpec spec = Spec(Kind::kContract);
  spec.contract.path = "contracts/c.yaml";
  spec.contract.extra = extra;
  for (const Promised& column : columns) spec.contract.columns.push_back({column.name, column.type, column.nullable, column.personal, ""});
  return spec;
}

inline Result<std::vector<CheckVerdict>> JudgeAll(const std::vector<CheckSpec>& checks, const Table& table, std::size_t block_rows = 65536) {
  return RunChecks(checks, *StreamOf(table, block_rows));
}

inline CheckVerdict Judge(const CheckSpec& check, const Table& table) {
  Result<std::vector<CheckVerdict>> verdicts = JudgeAll({check}, table);
  EXPECT_TRUE(verdicts.ok()) << verdicts.status();
  return verdicts.ok() ? verdicts->at(0) : CheckVerdict{};
}

inline Status Refusal(const CheckSpec& check, const Table& table) {
  return CheckScan::Make(std::span(&check, 1), table.schema()).status();
}

inline std::vector<std::string> RowNumbers(const CheckVerdict& verdict) {
  std::vector<std::string> numbers;
  for (const auto& row : verdict.sample_rows) numbers.push_back(row.at(0));
  return numbers;
}

/// All that a verdict says, as one text.
inline std::string Everything(const CheckVerdict& v) {
  std::string all = StrCat(v.name, "|", v.kind, "|", v.passed, "|", v.rows, "|", v.failed_rows, "|", v.message, "|", v.help, "|", Join(v.sample_columns, ","));
  for (const auto& row : v.sample_rows) all += StrCat("|", Join(row, ","));
  return all;
}

}  // namespace headrace
