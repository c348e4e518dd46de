// The kinds that came after the first eight: what each measures or refuses, and that no cut into blocks changes a verdict.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "headrace/check/test_world.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

CheckSpec Number(Kind kind, const std::string& column, std::optional<double> min, std::optional<double> max) {
  CheckSpec spec = Spec(kind, {column});
  if (min) spec.min = Value::Double(*min);
  if (max) spec.max = Value::Double(*max);
  return spec;
}

CheckSpec Metric(std::string of, std::optional<double> min, std::optional<double> max = {}) {
  CheckSpec spec = Number(Kind::kMetric, "", min, max);
  spec.columns.clear();
  spec.expression = std::move(of);
  return spec;
}

CheckSpec Quantile(const std::string& column, double q, std::optional<double> min, std::optional<double> max) {
  CheckSpec spec = Number(Kind::kQuantile, column, min, max);
  spec.quantile = q;
  return spec;
}

CheckSpec Ordered(Kind kind, std::vector<std::string> columns, std::vector<std::string> key = {}) {
  CheckSpec spec = Spec(kind, std::move(columns));
  spec.key = std::move(key);
  return spec;
}

CheckSpec Form(const std::string& column, std::string form) {
  CheckSpec spec = Spec(Kind::kTypeOfText, {column});
  spec.form = std::move(form);
  return spec;
}

CheckSpec Sequence(const std::string& column, std::string every = "day") {
  CheckSpec spec = Spec(Kind::kSequence, {column});
  spec.every = std::move(every);
  return spec;
}

Table Sales() {
  return Rows({{"country", Type::kText}, {"amount", Type::kDouble}, {"n", Type::kInt}, {"refunded", Type::kBool}},
              {{Value::Text("de"), Value::Double(10), Value::Int(1), Value::Bool(false)},
               {Value::Text("at"), Value::Double(20), Value::Int(2), Value::Bool(true)},
               {Value::Text("de"), Value::Null(Type::kDouble), Value::Int(3), Value::Bool(false)},
               {Value::Text("de"), Value::Double(60), Value::Int(4), Value::Bool(false)}});
}

CheckVerdict JudgeWith(const CheckSpec& check, const Table& table, const CheckContext& context) {
  const auto verdicts = RunChecks(std::vector{check}, *StreamOf(table), context);
  EXPECT_TRUE(verdicts.ok()) << verdicts.status();
  return verdicts.ok() ? verdicts->at(0) : CheckVerdict{};
}

CheckContext With(std::string name, Table other) {
  CheckContext context;
  context.open = [name, other](const std::string& dataset) -> Result<std::unique_ptr<TableStream>> {
    if (dataset != name) return Error(ErrorCode::kInvalid, "unknown");
    return StreamOf(other, 3);
  };
  return context;
}

TEST(SumTest, BoundsHoldTheSumAndTheMeanOfWhatIsNotNull) {
  EXPECT_TRUE(Judge(Number(Kind::kSum, "amount", 90, 90), Sales()).passed);
  EXPECT_EQ(Judge(Number(Kind::kSum, "amount", 90, 90), Sales()).value, 90);
  EXPECT_EQ(Judge(Number(Kind::kSum, "amount", 100, {}), Sales()).message, "expected the sum of `amount` to be at least 100, got 90");
  EXPECT_EQ(Judge(Number(Kind::kMean, "amount", {}, 29.5), Sales()).message, "expected the mean of `amount` to be at most 29.5, got 30");
  EXPECT_EQ(Judge(Number(Kind::kMean, "refunded", {}, 0.5), Sales()).value, 0.25);
  EXPECT_EQ(Judge(Number(Kind::kSum, "x", 0, 0), Column1("x", Type::kDouble, {})).value, 0);
  EXPECT_EQ(Judge(Number(Kind::kMean, "x", 0, {}), Column1("x", Type::kDouble, {"null"})).message, "expected the mean of `x` to be at least 0, but no row has a value");
  EXPECT_THAT(Refusal(Number(Kind::kSum, "country", 0, {}), Sales()).message(), HasSubstr("needs a column of int, double or bool"));
}

TEST(SumTest, NothingIsLostInALongSumAndNanKeepsToNoBound) {
  std::vector<std::string> cells{"1e16"};
  for (int i = 0; i < 1000; ++i) cells.push_back("1");
  cells.push_back("-1e16");
  EXPECT_EQ(Judge(Number(Kind::kSum, "x", 1000, 1000), Column1("x", Type::kDouble, cells)).message, "");
  EXPECT_FALSE(Judge(Number(Kind::kSum, "x", -1e300, 1e300), Column1("x", Type::kDouble, {"nan", "1"})).passed);
  EXPECT_EQ(Judge(Number(Kind::kSum, "x", {}, 1e300), Column1("x", Type::kDouble, {"inf", "1"})).message, "expected the sum of `x` to be at most 1e+300, got inf");
}

TEST(QuantileTest, IsTheSmallestValueWithEnoughBelow) {
  std::vector<std::string> cells;
  for (int i = 100; i >= 1; --i) cells.push_back(StrCat(i));
  const Table table = Column1("x", Type::kInt, cells);
  for (const auto& [q, value] : {std::pair(0.0, 1.0), {0.01, 1.0}, {0.011, 2.0}, {0.5, 50.0}, {0.95, 95.0}, {1.0, 100.0}}) EXPECT_EQ(Judge(Quantile("x", q, 0, {}), table).value, value) << q;
  EXPECT_EQ(Judge(Quantile("x", 0.95, {}, 90), table).message, "expected the 0.95 quantile of `x` to be at most 90, got 95");
  EXPECT_THAT(Judge(Quantile("x", 0.5, 0, {}), Column1("x", Type::kDouble, {"nan"})).message, HasSubstr("1 row is nan"));
}

TEST(QuantileTest, BeyondAMillionRowsASketchKeepsItsStatedError) {
  constexpr std::int64_t kRows = 3'000'000;
  ColumnBuilder builder(Type::kInt);
  builder.Reserve(kRows);
  for (std::int64_t i = 0; i < kRows; ++i) builder.AppendInt(i * 1'000'003 % kRows);   // every number once, mixed
  const Table table(Schema({{"x", Type::kInt}}), {builder.Finish()}, kRows);
  for (const double q : {0.001, 0.25, 0.5, 0.99}) {
    const CheckVerdict verdict = Judge(Quantile("x", q, {}, -1), table);
    EXPECT_THAT(verdict.message, HasSubstr("by a sketch, its rank within 0.0"));
    EXPECT_NEAR(*verdict.value, q * static_cast<double>(kRows), 0.001 * static_cast<double>(kRows)) << q;
  }
}

TEST(DistinctTest, CountsExactlyThenByHyperLogLogAndSaysSo) {
  EXPECT_EQ(Judge(Number(Kind::kDistinct, "country", 3, {}), Sales()).message, "column `country`: expected at least 3 different values, got 2");
  EXPECT_EQ(Judge(Number(Kind::kDistinct, "x", {}, 9), Column1("x", Type::kText, {"a", "null", "a", "b"})).value, 2);
  constexpr std::int64_t kRows = 2'500'000;
  ColumnBuilder builder(Type::kInt);
  for (std::int64_t i = 0; i < kRows; ++i) builder.AppendInt(i);
  const CheckVerdict verdict = Judge(Number(Kind::kDistinct, "x", {}, 5), Table(Schema({{"x", Type::kInt}}), {builder.Finish()}, kRows));
  EXPECT_NEAR(*verdict.value, static_cast<double>(kRows), 0.03 * static_cast<double>(kRows));
  EXPECT_THAT(verdict.message, HasSubstr("HyperLogLog, standard error 0.8%"));
}

TEST(MetricTest, IsArithmeticOverAggregates) {
  const auto value = [](std::string of) { return Judge(Metric(std::move(of), -1e9), Sales()).value; };
  EXPECT_EQ(value("count(*)"), 4);
  EXPECT_EQ(value("count(amount)"), 3);
  EXPECT_EQ(value("COUNT( DISTINCT country )"), 2);
  EXPECT_EQ(value("sum((amount + 1) * 2) / count(*)"), 186.0 / 4);
  EXPECT_EQ(value("mean(amount) - avg(amount)"), 0);
  EXPECT_EQ(value("max(amount) - min(n)"), 59);
  EXPECT_EQ(value("null_share(amount) * 100"), 25);
  EXPECT_EQ(value("avg(country = 'de')"), 0.75);
  EXPECT_EQ(value("sum(case when refunded then amount else 0 end) / sum(amount)"), 20.0 / 90);
  EXPECT_EQ(Judge(Metric("sum(amount) / count(*)", 30), Sales()).message, "expected `sum(amount) / count(*)` to be at least 30, got 22.5");
  EXPECT_THAT(Judge(Metric("max(amount)", 0), Column1("amount", Type::kDouble, {})).message, HasSubstr("there is nothing to compute it from"));
  EXPECT_FALSE(Judge(Metric("sum(n - n) / sum(n - n)", -1e300, 1e300), Sales()).passed);
}

TEST(MetricTest, WhatIsNoMetricIsRefusedWithItsPlace) {
  for (const auto& [of, why] : {std::pair<std::string, std::string>("amount + 1", "`amount` stands outside an aggregate"), {"1 + 1", "the expression has no aggregate"}, {"sum(max(amount))", "inside another"},
                                {"sum(amnt)", "amnt"}, {"sum(country)", "should be a number"}, {"count(*", "expected"}, {"sum(amount, n)", "takes one argument, got 2"}, {"sum(n) > 3", "a metric is a number"},
                                {"sum(*)", "counts rows"}}) {
    const Status status = Refusal(Metric(of, 0), Sales());
    EXPECT_THAT(status.message(), HasSubstr(why)) << of;
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << of;
    EXPECT_TRUE(status.span().has_value()) << of;
  }
}

TEST(FreshTest, TheNewestValueIsHeldAgainstTheTimeGiven) {
  CheckSpec fresh = Spec(Kind::kFresh, {"t"});
  fresh.within_us = 2 * kMicrosPerDay;
  CheckContext context;
  context.until_us = *ParseTimestamp("2026-11-22 06:00:00");
  const Table times = Column1("t", Type::kTimestamp, {"2026-11-20 05:59:59", "2026-11-01 00:00:00", "null"});
  EXPECT_EQ(JudgeWith(fresh, times, context).message, "expected the newest `t` within 2d of 2026-11-22 06:00:00, got 2026-11-20 05:59:59, 2d1s before it");
  EXPECT_EQ(JudgeWith(fresh, times, context).value, 172801);
  EXPECT_TRUE(JudgeWith(fresh, Column1("t", Type::kTimestamp, {"2026-11-20 06:00:00"}), context).passed);
  EXPECT_TRUE(JudgeWith(fresh, Column1("t", Type::kTimestamp, {"2027-11-20 06:00:00"}), context).passed);
  EXPECT_EQ(JudgeWith(fresh, Column1("t", Type::kDate, {"2026-11-19"}), context).message, "expected the newest `t` within 2d of 2026-11-22 06:00:00, got 2026-11-19, 3d6h before it");
  EXPECT_THAT(JudgeWith(fresh, Column1("t", Type::kDate, {}), context).message, HasSubstr("but no row has a value"));
}

TEST(OrderedTest, ARowBeforeTheLastOneFailsAndEqualOnesOnlyWhenStrict) {
  const Table table = Column1("t", Type::kInt, {"1", "2", "2", "null", "1", "3"});
  const CheckVerdict ordered = Judge(Ordered(Kind::kOrdered, {"t"}), table);
  EXPECT_THAT(RowNumbers(ordered), ElementsAre("5"));
  EXPECT_EQ(ordered.message, "1 of 6 rows does not come after the one before by (t)");
  EXPECT_THAT(RowNumbers(Judge(Ordered(Kind::kMonotone, {"t"}), table)), ElementsAre("3", "5"));
  EXPECT_TRUE(Judge(Ordered(Kind::kMonotone, {"t"}), Column1("t", Type::kDouble, {"-inf", "-0.5", "0", "inf", "nan"})).passed);
  EXPECT_FALSE(Judge(Ordered(Kind::kMonotone, {"t"}), Column1("t", Type::kDouble, {"nan", "1"})).passed);
}

TEST(OrderedTest, WithAKeyOnlyRowsOfOneKeyAreCompared) {
  const Table table = Rows({{"id", Type::kText}, {"a", Type::kInt}, {"b", Type::kText}},
                           {{Value::Text("x"), Value::Int(5), Value::Text("a")}, {Value::Text("y"), Value::Int(1), Value::Text("b")}, {Value::Text("x"), Value::Int(5), Value::Text("b")},
                            {Value::Text("y"), Value::Int(1), Value::Text("a")}, {Value::Text("x"), Value::Int(4), Value::Text("z")}});
  const CheckVerdict verdict = Judge(Ordered(Kind::kMonotone, {"a", "b"}, {"id"}), table);
  EXPECT_THAT(RowNumbers(verdict), ElementsAre("4", "5"));
  EXPECT_EQ(verdict.message, "2 of 5 rows do not come strictly after the one before by (a, b) within each (id)");
}

TEST(SequenceTest, GapsAreCountedAndTheFirstIsNamed) {
  EXPECT_TRUE(Judge(Sequence("d"), Column1("d", Type::kDate, {"2026-02-28", "2026-03-01", "2026-02-28", "null"})).passed);
  const CheckVerdict days = Judge(Sequence("d"), Column1("d", Type::kDate, {"2024-03-03", "2024-02-28", "2024-03-01"}));
  EXPECT_EQ(days.message, "column `d`: 2 days are missing between 2024-02-28 and 2024-03-03, first 2024-02-29");
  EXPECT_EQ(days.value, 2);
  EXPECT_EQ(Judge(Sequence("d", "month"), Column1("d", Type::kDate, {"2025-11-30", "2026-01-01"})).message, "column `d`: 1 month is missing between 2025-11 and 2026-01, first 2025-12");
  EXPECT_TRUE(Judge(Sequence("d", "week"), Column1("d", Type::kDate, {"2026-01-04", "2026-01-05", "2026-01-18"})).passed);   // Sunday, Monday, Sunday after
  EXPECT_EQ(Judge(Sequence("d", "week"), Column1("d", Type::kDate, {"2026-01-04", "2026-01-12"})).message, "column `d`: 1 week is missing between the week of 2025-12-29 and the week of 2026-01-12, first the week of 2026-01-05");
  EXPECT_EQ(Judge(Sequence("t", "hour"), Column1("t", Type::kTimestamp, {"1969-12-31 23:30:00", "1970-01-01 01:00:00"})).message, "column `t`: 1 hour is missing between 1969-12-31 23:00 and 1970-01-01 01:00, first 1970-01-01 00:00");
  EXPECT_EQ(Judge(Sequence("n"), Column1("n", Type::kInt, {"7", "3", "9", "4", "8"})).message, "column `n`: 2 numbers are missing between 3 and 9, first 5");
  EXPECT_FALSE(Judge(Sequence("n"), Column1("n", Type::kInt, {"-9223372036854775808", "9223372036854775807"})).passed);
}

TEST(TypeOfTextTest, FormsAreThoseOfTheirStandards) {
  const auto bad = [](const std::string& form, const std::vector<std::string>& texts) { return RowNumbers(Judge(Form("x", form), Column1("x", Type::kText, texts))); };
  EXPECT_THAT(bad("email", {"a@b.de", "a.b+c@mail.example.org", "jürgen@exämple.de", "null"}), ElementsAre());
  EXPECT_THAT(bad("email", {"a@b", "@b.de", "a@", "a b@c.de", "a@@b.de", ".a@b.de", "a..b@c.de", "a@-b.de", ""}), ElementsAre("1", "2", "3", "4", "5", "6", "7", "8", "9"));
  EXPECT_THAT(bad("url", {"https://a.de", "HTTP://localhost:8080/x?y=1#z", "http://[::1]:80/", "https://u:p@h.org/a,b"}), ElementsAre());
  EXPECT_THAT(bad("url", {"a.de", "ftp://a.de", "https://", "https://a b.de", "http://a.de:99999", "http://a..de", "javascript:x", "http://[::1"}), ElementsAre("1", "2", "3", "4", "5", "6", "7", "8"));
  EXPECT_THAT(bad("iso_date", {"2026-11-22", "2024-02-29", "2026-02-29", "22.11.2026", "2026-1-2", "2026-11-22 00:00:00"}), ElementsAre("3", "4", "5", "6"));
  EXPECT_THAT(bad("currency", {"EUR", "USD", "XCG", "eur", "EURO", "XYZ", "EU", "UR "}), ElementsAre("4", "5", "6", "7", "8"));
  EXPECT_THAT(bad("country", {"DE", "AT", "UK", "de", "DEU", "", "E "}), ElementsAre("3", "4", "5", "6", "7"));
  EXPECT_EQ(Judge(Form("x", "currency"), Column1("x", Type::kText, {"EUR", "cent"})).message, "column `x`: 1 of 2 rows is not a currency code of ISO 4217");
}

TEST(ForeignKeyTest, ValuesThatTheOtherDatasetLacksFail) {
  CheckSpec spec = Spec(Kind::kForeignKey, {"customer_id"});
  spec.dataset = "customers";
  spec.other_column = "id";
  const CheckContext context = With("customers", Column1("id", Type::kInt, {"1", "2", "3", "5", "8"}));
  const CheckVerdict verdict = JudgeWith(spec, Column1("customer_id", Type::kInt, {"1", "4", "null", "8", "9"}), context);
  EXPECT_EQ(verdict.message, "column `customer_id`: 2 of 5 rows are not in `customers.id`");
  EXPECT_THAT(RowNumbers(verdict), ElementsAre("2", "5"));
  EXPECT_TRUE(JudgeWith(spec, Column1("customer_id", Type::kDouble, {"1", "5"}), context).passed);
  const auto text = RunChecks(std::vector{spec}, *StreamOf(Column1("customer_id", Type::kText, {"1"})), context);
  EXPECT_THAT(text.status().message(), HasSubstr("is text, but `customers.id` is int"));
  spec.other_column = "ids";
  EXPECT_EQ(CheckScan::Make(std::vector{spec}, Schema({{"customer_id", Type::kInt}}), context).status().help(), "did you mean `id`?");
}

TEST(SameAsTest, RowsInAnotherOrderAreTheSameAndTheColumnThatDiffersIsNamed) {
  const auto table = [](const std::vector<std::pair<std::int64_t, std::string>>& rows) {
    std::vector<Row> out;
    for (const auto& [id, name] : rows) out.push_back({Value::Int(id), Value::Text(name)});
    return Rows({{"id", Type::kInt}, {"name", Type::kText}}, out);
  };
  CheckSpec spec = Spec(Kind::kSameAs);
  spec.dataset = "copy";
  const Table here = table({{1, "a"}, {2, "b"}, {2, "b"}});
  EXPECT_TRUE(JudgeWith(spec, here, With("copy", table({{2, "b"}, {1, "a"}, {2, "b"}}))).passed);
  EXPECT_EQ(JudgeWith(spec, here, With("copy", table({{2, "b"}, {1, "a"}}))).message, "not the same as `copy`: 3 rows here, 2 there");
  EXPECT_EQ(JudgeWith(spec, here, With("copy", table({{2, "b"}, {1, "a"}}))).value, 1);
  EXPECT_EQ(JudgeWith(spec, here, With("copy", table({{2, "b"}, {1, "A"}, {2, "b"}}))).message, "not the same as `copy`: 3 rows on both sides, but other values in `name`");
  EXPECT_THAT(JudgeWith(spec, here, With("copy", table({{2, "a"}, {1, "b"}, {2, "b"}}))).message, HasSubstr("the same values in each column, but other rows of them"));
  EXPECT_THAT(JudgeWith(spec, here, With("copy", Column1("id", Type::kInt, {"1"}))).message, HasSubstr("it has no column `name`"));
}

TEST(SqlTest, RowsOfTheQueryFailAndOnlyKnownColumnsAreShown) {
  CheckSpec spec = Spec(Kind::kSql);
  spec.query = "select 1";
  CheckContext context;
  Table answer = Rows({{"n", Type::kInt}, {"who", Type::kText}}, {{Value::Int(4), Value::Text("secret")}});
  context.query = [&answer](const CheckSpec&) -> Result<std::unique_ptr<TableStream>> { return StreamOf(answer); };
  const CheckVerdict verdict = JudgeWith(spec, Sales(), context);
  EXPECT_EQ(verdict.message, "the query should give no row, but gives 1");
  EXPECT_EQ(verdict.value, 1);
  EXPECT_THAT(verdict.sample_rows, ElementsAre(ElementsAre("1", "4", "***")));
  answer = Rows({{"n", Type::kInt}}, {});
  EXPECT_TRUE(JudgeWith(spec, Sales(), context).passed);
}

TEST(LevelTest, ABoundOfItsOwnWarnsBeforeTheError) {
  CheckSpec rows = RowCount(2, {});
  rows.warn = WarnBounds{.at_least = {}, .min = Value::Int(5), .max = {}, .within_us = {}};
  const CheckVerdict warned = Judge(rows, Sales());
  EXPECT_FALSE(warned.passed);
  EXPECT_EQ(warned.severity, Severity::kWarn);
  EXPECT_EQ(warned.message, "expected at least 5 rows, got 4");
  EXPECT_EQ(Judge(rows, Column1("x", Type::kInt, {"1"})).severity, Severity::kError);
  EXPECT_TRUE(Judge(rows, Column1("x", Type::kInt, {"1", "2", "3", "4", "5"})).passed);

  CheckSpec not_null = Spec(Kind::kNotNull, {"amount"});
  not_null.at_least = 0.5;
  not_null.warn = WarnBounds{.at_least = 0.9, .min = {}, .max = {}, .within_us = {}};
  EXPECT_EQ(Judge(not_null, Sales()).severity, Severity::kWarn);
  EXPECT_EQ(Judge(not_null, Sales()).message, "column `amount`: 1 of 4 rows is null (at least 90% must pass, 75% do)");
}

TEST(LevelTest, ARangeThatWarnsShowsItsOwnRows) {
  CheckSpec range = Range("n", Value::Int(0), Value::Int(10));
  range.warn = WarnBounds{.at_least = {}, .min = {}, .max = Value::Int(3), .within_us = {}};
  const CheckVerdict verdict = Judge(range, Sales());
  EXPECT_EQ(verdict.severity, Severity::kWarn);
  EXPECT_EQ(verdict.message, "column `n`: 1 of 4 rows is above 3");
  EXPECT_THAT(RowNumbers(verdict), ElementsAre("4"));
  range.max = Value::Int(1);
  EXPECT_EQ(Judge(range, Sales()).severity, Severity::kError);
}

TEST(WhereTest, OnlyRowsForWhichTheConditionIsTrueAreLookedAt) {
  CheckSpec spec = Spec(Kind::kNotNull, {"amount"});
  spec.where = "country = 'de'";
  const CheckVerdict verdict = Judge(spec, Sales());
  EXPECT_EQ(verdict.message, "column `amount`: 1 of 3 rows is null");
  EXPECT_THAT(RowNumbers(verdict), ElementsAre("3"));
  EXPECT_EQ(verdict.sample_columns, (std::vector<std::string>{"row", "amount", "country", "n", "refunded"}));
  spec.where = "country = 'at'";
  EXPECT_TRUE(Judge(spec, Sales()).passed);
  CheckSpec unique = Spec(Kind::kUnique, {"country"});
  unique.where = "n > 3 or n = 2";
  EXPECT_TRUE(Judge(unique, Sales()).passed);
  CheckSpec raises = Expect("ln(n - 3) < 10");
  raises.where = "n > 3";
  EXPECT_TRUE(Judge(raises, Sales()).passed);
  raises.where = "n > 2";
  EXPECT_THAT(JudgeAll({raises}, Sales(), 2).status().message(), HasSubstr("row 3:"));
  CheckSpec wrong = RowCount(1, {});
  wrong.where = "amount + 1";
  EXPECT_THAT(Refusal(wrong, Sales()).message(), HasSubstr("`where` takes a condition"));
  CheckSpec missing = Spec(Kind::kNotNull, {"ammount"});
  missing.where = "n > 1";
  EXPECT_EQ(Refusal(missing, Sales()).help(), "did you mean `amount`?");
}

TEST(ByTest, EverySegmentHasItsVerdict) {
  CheckSpec mean = Number(Kind::kMean, "amount", 30, {});
  mean.by = {"country"};
  mean.tags = {"finance"};
  const auto verdicts = JudgeAll({mean}, Sales(), 1);
  ASSERT_TRUE(verdicts.ok());
  ASSERT_EQ(verdicts->size(), 2u);
  EXPECT_EQ(verdicts->at(0).segment, "country=at");
  EXPECT_EQ(verdicts->at(0).value, 20);
  EXPECT_EQ(verdicts->at(0).message, "[country=at] expected the mean of `amount` to be at least 30, got 20");
  EXPECT_EQ(verdicts->at(1).segment, "country=de");
  EXPECT_EQ(verdicts->at(1).rows, 3);
  EXPECT_TRUE(verdicts->at(1).passed);
  EXPECT_THAT(verdicts->at(1).tags, ElementsAre("finance"));
  CheckSpec rows = RowCount(1, {});
  rows.by = {"country", "refunded"};
  EXPECT_FALSE(Judge(rows, Rows({{"country", Type::kText}, {"refunded", Type::kBool}}, {})).passed);
}

TEST(ByTest, TooManySegmentsAndPersonalOnesAreRefused) {
  std::vector<std::string> cells;
  for (int i = 0; i < 1001; ++i) cells.push_back(StrCat(i));
  CheckSpec rows = RowCount(1, {});
  rows.by = {"id"};
  const auto many = JudgeAll({rows}, Column1("id", Type::kInt, cells));
  EXPECT_EQ(many.status().code(), ErrorCode::kData);
  EXPECT_THAT(many.status().message(), HasSubstr("more than 1,000 segments"));
  const std::vector<CheckSpec> checks{ContractOf({{"id", Type::kInt, true, true}}), rows};
  EXPECT_THAT(CheckScan::Make(checks, Schema({{"id", Type::kInt}})).status().message(), HasSubstr("which the contract calls personal"));
}

TEST(PersonalTest, WhatIsMeasuredOfAPersonalColumnIsNotSaid) {
  const CheckSpec contract = ContractOf({{"salary", Type::kDouble, true, true}});
  const Table table = Column1("salary", Type::kDouble, {"987654321"});
  const auto verdicts = JudgeAll({contract, Number(Kind::kSum, "salary", {}, 5), Quantile("salary", 0.5, {}, 5), Metric("max(salary) + 1", {}, 5), Number(Kind::kDistinct, "salary", 2, {}), Metric("count(salary)", 2)}, table);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  for (std::size_t k = 1; k < verdicts->size(); ++k) {
    EXPECT_FALSE(verdicts->at(k).passed);
    EXPECT_THAT(Everything(verdicts->at(k)), Not(HasSubstr("98765432")));
    EXPECT_EQ(verdicts->at(k).value.has_value(), k >= 4) << k;
  }
}

TEST(BadRowsTest, RowsThatErrorsRefuseAreNamedWithTheirChecks) {
  CheckSpec warning = Range("n", {}, Value::Int(0));
  warning.severity = Severity::kWarn;
  const std::vector<CheckSpec> checks{Spec(Kind::kNotNull, {"amount"}), warning, Expect("n < 3"), RowCount(1, {})};
  for (const std::size_t block : {1u, 3u, 100u}) {
    BadRows bad;
    bad.limit = 2;
    CheckContext context;
    context.bad_rows = &bad;
    const auto verdicts = RunChecks(checks, *StreamOf(Sales(), block), context);
    ASSERT_TRUE(verdicts.ok());
    EXPECT_EQ(bad.count, 2);
    ASSERT_EQ(bad.rows.size(), 2u);
    EXPECT_EQ(bad.rows[0].row, 2);
    EXPECT_THAT(bad.rows[0].checks, ElementsAre(0u, 2u));
    EXPECT_THAT(bad.rows[1].checks, ElementsAre(2u));
    EXPECT_EQ(verdicts->at(0).severity, Severity::kWarn);
    EXPECT_EQ(verdicts->at(0).message, "column `amount`: 1 of 4 rows is null; put aside");
    EXPECT_TRUE(ToStatus("sales", *verdicts).ok());
  }
  BadRows bad;
  bad.limit = 1;
  CheckContext context;
  context.bad_rows = &bad;
  const auto verdicts = RunChecks(checks, *StreamOf(Sales(), 1), context);
  EXPECT_EQ(bad.count, 2);
  EXPECT_TRUE(bad.rows.empty());
  EXPECT_FALSE(ToStatus("sales", *verdicts).ok());
}

/// Texts of every size up to 40, each with another letter at each place, and once with none.
std::vector<std::string> TextsOfAllSizes() {
  std::vector<std::string> texts;
  for (std::size_t size = 0; size <= 40; ++size) {
    texts.push_back(std::string(size, 'a'));
    for (std::size_t at = 0; at < size; ++at) {
      texts.push_back(std::string(size, 'a'));
      texts.back()[at] = 'b';
    }
  }
  return texts;
}

TEST(TextsTest, TextsAreToldApartWhateverTheirSize) {
  const std::vector<std::string> texts = TextsOfAllSizes();
  const Table table = Column1("t", Type::kText, texts);
  const CheckSpec plain = Matches("t", "a*");
  EXPECT_EQ(Judge(plain, table).failed_rows, 820);
  EXPECT_EQ(Judge(OneOf("t", {"aaaaaaaaaaaa", "aaaaaaabaaaa"}), table).failed_rows, static_cast<std::int64_t>(texts.size()) - 2);
  // Another check of the column numbers its texts, and the key is made of the numbered ones: the same hashes, or the second half would not be known again.
  std::vector<std::string> twice = texts;
  for (int k = 0; k < 5000; ++k) twice.push_back(StrCat("so many that numbering gives up ", k));
  twice.insert(twice.end(), texts.begin(), texts.end());
  const Table all = Column1("t", Type::kText, twice);
  for (const std::size_t block : {64u, 1000u, 100'000u})
    for (const auto& checks : {std::vector{Spec(Kind::kUnique, {"t"})}, std::vector{Spec(Kind::kUnique, {"t"}), plain}}) {
      const auto verdicts = JudgeAll(checks, all, block);
      ASSERT_TRUE(verdicts.ok()) << verdicts.status();
      EXPECT_EQ((*verdicts)[0].failed_rows, static_cast<std::int64_t>(texts.size()));
    }
}

TEST(KindsTest, AnyNumberOfThreadsGivesEqualVerdicts) {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 200'000; ++i)
    rows.push_back({Value::Int((i * 7919) % 150'000), i % 11 == 0 ? Value::Null(Type::kDouble) : Value::Double(static_cast<double>(i * i % 97) / 7), Value::Text(StrCat("t", i % 50))});
  const Table table = Rows({{"id", Type::kInt}, {"x", Type::kDouble}, {"t", Type::kText}}, rows);
  const std::vector<CheckSpec> checks{Spec(Kind::kUnique, {"id", "t"}), Number(Kind::kSum, "x", 1e9, {}), Quantile("x", 0.7, 1e9, {}), Matches("t", "t[0-4]"), Range("x", Value::Int(1), Value::Int(9)), Range("id", Value::Int(10), std::nullopt), Spec(Kind::kNotNull, {"x"})};
  const auto all = [&](int threads) {
    CheckContext context;
    context.threads = threads;
    const auto verdicts = RunChecks(checks, *StreamOf(table), context);
    EXPECT_TRUE(verdicts.ok()) << verdicts.status();
    std::string out;
    for (const CheckVerdict& verdict : *verdicts) out += StrCat(verdict.value.value_or(-1), "|", Everything(verdict), "\n");
    return out;
  };
  const std::string one = all(1);
  EXPECT_THAT(one, HasSubstr("50,000 rows repeat a key"));
  for (const int threads : {2, 3, 8}) EXPECT_EQ(all(threads), one);
}

TEST(KindsTest, BlocksOfAnySizeGiveEqualVerdicts) {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 300; ++i)
    rows.push_back({Value::Int((i * 7919) % 211), i % 11 == 0 ? Value::Null(Type::kDouble) : Value::Double(static_cast<double>(i * i % 97) / 7), Value::Text(StrCat("t", i % 5)), Value::Date(20000 + i / 3 * 2)});
  const Table table = Rows({{"id", Type::kInt}, {"x", Type::kDouble}, {"t", Type::kText}, {"d", Type::kDate}}, rows);
  std::vector<CheckSpec> checks{Number(Kind::kSum, "x", 1e9, {}), Number(Kind::kMean, "x", 1e9, {}), Quantile("x", 0.7, 1e9, {}), Number(Kind::kDistinct, "id", 1e9, {}), Metric("sum(x) / count(distinct t)", 1e9),
                                Ordered(Kind::kOrdered, {"id"}), Ordered(Kind::kMonotone, {"x", "id"}, {"t"}), Sequence("d"), Form("t", "country"), OneOf("t", {"t1"}), Expect("length(t) > 2")};
  for (std::size_t k = checks.size(); k-- > 0;) {
    CheckSpec some = checks[k], each = checks[k];
    some.where = "id > 20";
    each.by = {"t"};
    checks.push_back(some);
    checks.push_back(each);
  }
  const auto all = [&](std::size_t block) {
    const auto verdicts = JudgeAll(checks, table, block);
    EXPECT_TRUE(verdicts.ok()) << verdicts.status();
    std::vector<std::string> out;
    for (const CheckVerdict& verdict : *verdicts) out.push_back(StrCat(verdict.segment, "|", verdict.value.value_or(-1), "|", Everything(verdict)));
    return out;
  };
  const auto whole = all(1000);
  EXPECT_EQ(whole.size(), 11u + 11u + 11u * 5);
  for (const std::size_t block : {1u, 7u, 64u}) EXPECT_EQ(all(block), whole);
}

}  // namespace
}  // namespace headrace
