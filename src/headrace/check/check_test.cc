#include "headrace/check/check.h"

#include <gtest/gtest.h>
#include <gmock/gmock.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = CheckSpec::Kind;
using Row = std::vector<Value>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Table Rows(std::vector<Field> fields, const std::vector<Row>& rows) {
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
Table Column1(const std::string& name, Type type, const std::vector<std::string>& cells) {
  std::vector<Row> rows;
  for (const std::string& cell : cells) rows.push_back({cell == "null" ? Value::Null(type) : *Value::Parse(cell, type)});
  return Rows({{name, type}}, rows);
}

CheckSpec Spec(Kind kind, std::vector<std::string> columns = {}) {
  CheckSpec spec;
  spec.kind = kind;
  spec.columns = std::move(columns);
  return spec;
}

CheckSpec Range(const std::string& column, std::optional<Value> min, std::optional<Value> max) {
  CheckSpec spec = Spec(Kind::kRange, {column});
  spec.min = std::move(min);
  spec.max = std::move(max);
  return spec;
}

CheckSpec OneOf(const std::string& column, std::vector<std::string> values) {
  CheckSpec spec = Spec(Kind::kOneOf, {column});
  spec.values = std::move(values);
  return spec;
}

CheckSpec Matches(const std::string& column, std::string pattern) {
  CheckSpec spec = Spec(Kind::kMatches, {column});
  spec.pattern = std::move(pattern);
  return spec;
}

CheckSpec Expect(std::string expression, double at_least = 1) {
  CheckSpec spec = Spec(Kind::kExpect);
  spec.expression = std::move(expression);
  spec.at_least = at_least;
  return spec;
}

CheckSpec RowCount(std::optional<std::int64_t> min, std::optional<std::int64_t> max) {
  CheckSpec spec = Spec(Kind::kRows);
  spec.min_rows = min;
  spec.max_rows = max;
  return spec;
}

CheckSpec ContractOf(std::vector<ContractColumn> columns, ExtraColumns extra = ExtraColumns::kRefuse) {
  CheckSpec spec = Spec(Kind::kContract);
  spec.contract = {"contracts/c.yaml", std::move(columns), extra, {}};
  return spec;
}

Result<std::vector<CheckVerdict>> Run(const std::vector<CheckSpec>& checks, const Table& table, std::size_t block_rows = 65536) {
  return RunChecks(checks, *StreamOf(table, block_rows));
}

CheckVerdict Judge(const CheckSpec& check, const Table& table) {
  Result<std::vector<CheckVerdict>> verdicts = Run({check}, table);
  EXPECT_TRUE(verdicts.ok()) << verdicts.status();
  return verdicts.ok() ? verdicts->at(0) : CheckVerdict{};
}

Status Refusal(const CheckSpec& check, const Table& table) {
  return CheckScan::Make(std::span(&check, 1), table.schema()).status();
}

std::vector<std::string> RowNumbers(const CheckVerdict& verdict) {
  std::vector<std::string> numbers;
  for (const auto& row : verdict.sample_rows) numbers.push_back(row.at(0));
  return numbers;
}

/// All that a verdict says, as one text.
std::string Everything(const CheckVerdict& v) {
  std::string all = StrCat(v.name, "|", v.kind, "|", v.passed, "|", v.rows, "|", v.failed_rows, "|", v.message, "|", v.help, "|", Join(v.sample_columns, ","));
  for (const auto& row : v.sample_rows) all += StrCat("|", Join(row, ","));
  return all;
}

TEST(NotNullTest, CountsRowsWithANull) {
  const CheckVerdict one = Judge(Spec(Kind::kNotNull, {"a"}), Column1("a", Type::kInt, {"1", "null", "3", "null"}));
  EXPECT_FALSE(one.passed);
  EXPECT_EQ(one.failed_rows, 2);
  EXPECT_EQ(one.message, "column `a`: 2 of 4 rows are null");
  EXPECT_EQ(one.help, "the first is row 1, counted from 0");
  EXPECT_THAT(one.sample_columns, ElementsAre("row", "a"));
  EXPECT_THAT(one.sample_rows, ElementsAre(ElementsAre("1", "null"), ElementsAre("3", "null")));
  EXPECT_EQ(one.name, "not_null(a)");
}

TEST(NotNullTest, NamesOnlyTheColumnsThatHaveNulls) {
  const Table table = Rows({{"a", Type::kInt}, {"b", Type::kText}, {"c", Type::kDouble}},
                           {{Value::Int(1), Value::Null(Type::kText), Value::Double(1)}, {Value::Null(Type::kInt), Value::Null(Type::kText), Value::Double(2)}});
  const CheckVerdict verdict = Judge(Spec(Kind::kNotNull, {"a", "b", "c"}), table);
  EXPECT_EQ(verdict.message, "2 of 2 rows have a null in `a` (1), `b` (2)");
  EXPECT_EQ(verdict.failed_rows, 2);
  EXPECT_THAT(verdict.sample_columns, ElementsAre("row", "a", "b"));
}

}  // namespace
}  // namespace headrace
