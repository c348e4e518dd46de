#include "headrace/check/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "headrace/check/test_world.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(NotNullTest, CountsRowsWithANull) {
  const CheckVerdict one = Judge(Spec(Kind::kNotNull, {"a"}), Column1("a", Type::kInt, {"1", "null", "3", "null"}));
  EXPECT_FALSE(one.passed);
  EXPECT_EQ(one.failed_rows, 2);
  EXPECT_EQ(one.message, "column `a`: 2 of 4 rows are null");
  EXPECT_EQ(one.help, "begin with row 2");
  EXPECT_THAT(one.sample_columns, ElementsAre("row", "a"));
  EXPECT_THAT(one.sample_rows, ElementsAre(ElementsAre("2", "null"), ElementsAre("4", "null")));
}

TEST(NotNullTest, NamesOnlyTheColumnsThatHaveNulls) {
  const Table table = Rows({{"a", Type::kInt}, {"b", Type::kText}, {"c", Type::kDouble}},
                           {{Value::Int(1), Value::Null(Type::kText), Value::Double(1)}, {Value::Null(Type::kInt), Value::Null(Type::kText), Value::Double(2)}});
  const CheckVerdict verdict = Judge(Spec(Kind::kNotNull, {"a", "b", "c"}), table);
  EXPECT_EQ(verdict.message, "2 of 2 rows have a null in `a` (1), `b` (2)");
  EXPECT_EQ(verdict.failed_rows, 2);
  EXPECT_THAT(verdict.sample_columns, ElementsAre("row", "a", "b"));
}

TEST(RowsTest, BoundsAreInclusiveAndSaidWithSeparators) {
  const Table table = Column1("a", Type::kInt, std::vector<std::string>(12, "1"));
  EXPECT_TRUE(Judge(RowCount(12, 12), table).passed);
  EXPECT_EQ(Judge(RowCount(1000, {}), table).message, "expected at least 1,000 rows, got 12");
  EXPECT_EQ(Judge(RowCount({}, 11), table).message, "expected at most 11 rows, got 12");
  EXPECT_EQ(Judge(RowCount(1, {}), Column1("a", Type::kInt, {})).message, "expected at least 1 row, got 0");
}

TEST(UniqueTest, CountsAllRowsOfAKeyButTheFirst) {
  const Table table = Rows({{"id", Type::kInt}, {"day", Type::kDate}},
                           {{Value::Int(1), Value::Date(1)}, {Value::Int(1), Value::Date(2)}, {Value::Int(1), Value::Date(1)}, {Value::Int(1), Value::Date(1)}});
  const CheckVerdict verdict = Judge(Spec(Kind::kUnique, {"id", "day"}), table);
  EXPECT_EQ(verdict.failed_rows, 2);
  EXPECT_EQ(verdict.message, "2 rows repeat a key of (id, day)");
  EXPECT_THAT(RowNumbers(verdict), ElementsAre("3", "4"));
}

TEST(UniqueTest, NullsAreEqualAndSoAreZerosAndNans) {
  EXPECT_EQ(Judge(Spec(Kind::kUnique, {"a"}), Column1("a", Type::kInt, {"null", "0", "null"})).failed_rows, 1);
  EXPECT_EQ(Judge(Spec(Kind::kUnique, {"a"}), Column1("a", Type::kDouble, {"0", "-0", "nan", "nan", "1"})).failed_rows, 2);
  EXPECT_EQ(Judge(Spec(Kind::kUnique, {"a"}), Column1("a", Type::kText, {"null", "", "a"})).failed_rows, 0);
}

TEST(UniqueTest, TextsOfOneKeyDoNotRunTogether) {
  const Table table = Rows({{"a", Type::kText}, {"b", Type::kText}}, {{Value::Text("ab"), Value::Text("c")}, {Value::Text("a"), Value::Text("bc")},
                                                                     {Value::Text(""), Value::Text("abc")}, {Value::Null(Type::kText), Value::Text("abc")}});
  EXPECT_TRUE(Judge(Spec(Kind::kUnique, {"a", "b"}), table).passed);
}

TEST(UniqueTest, AMillionRowsAreCountedExactly) {
  ColumnBuilder ids(Type::kInt);
  for (std::int64_t i = 0; i < 1'000'000; ++i) ids.AppendInt(i % 100'000 == 99'999 ? 0 : i * 7919);
  const CheckVerdict verdict = Judge(Spec(Kind::kUnique, {"id"}), Table(Schema({{"id", Type::kInt}}), {ids.Finish()}, 1'000'000));
  EXPECT_EQ(verdict.failed_rows, 10);
  EXPECT_EQ(verdict.sample_rows.size(), 10u);
}

TEST(RangeTest, BoundsAreInclusiveNullsPassNanFails) {
  const Table table = Column1("x", Type::kDouble, {"0", "120", "null", "-1", "121", "nan", "inf", "-inf"});
  const CheckVerdict both = Judge(Range("x", Value::Int(0), Value::Int(120)), table);
  EXPECT_EQ(both.message, "column `x`: 5 of 8 rows are outside 0 to 120 (2 below, 2 above, 1 nan)");
  EXPECT_THAT(RowNumbers(both), ElementsAre("4", "5", "6", "7", "8"));
  EXPECT_EQ(Judge(Range("x", Value::Int(0), {}), table).message, "column `x`: 3 of 8 rows are not at least 0 (2 below, 1 nan)");
  EXPECT_EQ(Judge(Range("x", Value::Double(-1), {}), Column1("x", Type::kDouble, {"-1", "-1.5"})).message, "column `x`: 1 of 2 rows is below -1");
  EXPECT_EQ(Judge(Range("x", {}, Value::Int(3)), Column1("x", Type::kInt, {"3", "4", "5"})).message, "column `x`: 2 of 3 rows are above 3");
  EXPECT_EQ(Judge(Range("x", {}, Value::Int(3)), Column1("x", Type::kDouble, {"nan"})).message, "column `x`: 1 of 1 row is nan");
}

TEST(RangeTest, NoComparisonRounds) {
  const Table ints = Column1("x", Type::kInt, {"9007199254740993", "9007199254740992", "-9223372036854775808", "9223372036854775807"});
  EXPECT_EQ(Judge(Range("x", Value::Int(9007199254740993), {}), ints).failed_rows, 2);
  EXPECT_EQ(Judge(Range("x", Value::Double(0.5), {}), Column1("x", Type::kInt, {"0", "1"})).failed_rows, 1);
  EXPECT_EQ(Judge(Range("x", {}, Value::Double(-0.5)), Column1("x", Type::kInt, {"0", "-1"})).failed_rows, 1);
  EXPECT_EQ(Judge(Range("x", Value::Double(-1e300), Value::Double(1e300)), ints).failed_rows, 0);
  EXPECT_EQ(Judge(Range("x", Value::Double(1e300), {}), ints).failed_rows, 4);
  EXPECT_EQ(Judge(Range("x", {}, Value::Double(-1e300)), ints).message, "column `x`: 4 of 4 rows are above -1e+300");
  const Table doubles = Column1("x", Type::kDouble, {"9007199254740992", "9007199254740994"});
  EXPECT_EQ(Judge(Range("x", Value::Int(9007199254740993), {}), doubles).failed_rows, 1);
  EXPECT_EQ(Judge(Range("x", {}, Value::Int(9007199254740993)), doubles).failed_rows, 1);
}

TEST(RangeTest, DatesAndTimestampsCompareWithEachOther) {
  const Table dates = Column1("d", Type::kDate, {"2026-11-21", "2026-11-22", "2026-11-23"});
  EXPECT_EQ(Judge(Range("d", Value::Date(*ParseDate("2026-11-22")), {}), dates).message, "column `d`: 1 of 3 rows is below 2026-11-22");
  EXPECT_EQ(Judge(Range("d", Value::Timestamp(*ParseTimestamp("2026-11-22 06:00:00")), {}), dates).failed_rows, 2);
  EXPECT_EQ(Judge(Range("d", {}, Value::Timestamp(*ParseTimestamp("2026-11-22 06:00:00"))), dates).failed_rows, 1);
  EXPECT_EQ(Judge(Range("d", Value::Text("2026-11-22"), {}), dates).failed_rows, 1);
  const Table times = Column1("t", Type::kTimestamp, {"2026-11-22 00:00:00", "2026-11-22 00:00:01"});
  EXPECT_EQ(Judge(Range("t", {}, Value::Date(*ParseDate("2026-11-22"))), times).failed_rows, 1);
}

TEST(RangeTest, WhatCannotBeComparedIsRefused) {
  EXPECT_EQ(Refusal(Range("x", Value::Date(1), {}), Column1("x", Type::kInt, {})).message(), "check `range(x)`: `min` should be int like column `x`, got date `1970-01-02`");
  EXPECT_THAT(Refusal(Range("x", Value::Text("b"), {}), Column1("x", Type::kText, {})).message(), HasSubstr("`range` needs a column of int, double, date or timestamp"));
  EXPECT_EQ(Refusal(Range("x", Value::Double(NAN), {}), Column1("x", Type::kInt, {})).code(), ErrorCode::kInvalid);
}

TEST(OneOfTest, ValuesAreReadAsTheColumnsType) {
  const CheckVerdict text = Judge(OneOf("c", {"AT", "CH", "DE"}), Column1("c", Type::kText, {"AT", "LI", "null", "de"}));
  EXPECT_EQ(text.message, "column `c`: 2 of 4 rows are none of AT, CH, DE");
  EXPECT_THAT(RowNumbers(text), ElementsAre("2", "4"));
  EXPECT_EQ(Judge(OneOf("c", {"1.0", "0", "nan"}), Column1("c", Type::kDouble, {"1", "-0", "nan", "2"})).failed_rows, 1);
  EXPECT_EQ(Judge(OneOf("c", {"2026-11-22"}), Column1("c", Type::kDate, {"2026-11-22", "2026-11-23"})).failed_rows, 1);
  EXPECT_EQ(Judge(OneOf("c", {"true"}), Column1("c", Type::kBool, {"true", "false"})).failed_rows, 1);
  EXPECT_EQ(Refusal(OneOf("c", {"1", "x"}), Column1("c", Type::kInt, {})).message(), "check `one_of(c)`: values of column `c`: `x` is not an int of 64 bits");
}

TEST(MatchesTest, ThePatternHoldsForTheWholeText) {
  const CheckVerdict verdict = Judge(Matches("id", "[A-Z]{2}[0-9]+|x"), Column1("id", Type::kText, {"AB1", "x", "xAB1", "AB1x", "null", "", "AB1\n"}));
  EXPECT_EQ(verdict.message, "column `id`: 4 of 7 rows do not match `[A-Z]{2}[0-9]+|x`");
  EXPECT_THAT(RowNumbers(verdict), ElementsAre("3", "4", "6", "7"));
}

TEST(MatchesTest, CharactersAreThoseOfUtf8WhateverTheLocale) {
  EXPECT_EQ(Judge(Matches("id", "..."), Column1("id", Type::kText, {"äöü", "abc", "ab", "日本語"})).failed_rows, 1);
  EXPECT_EQ(Judge(Matches("id", "[[:alpha:]ß]+"), Column1("id", Type::kText, {"Straße", "a b"})).failed_rows, 1);
}

TEST(MatchesTest, LongTextsDoNotOverflowTheStack) {
  const Table table = Column1("id", Type::kText, {std::string(300'000, 'a'), std::string(300'000, 'a') + "!"});
  EXPECT_EQ(Judge(Matches("id", "(a|b)*"), table).failed_rows, 1);
}

TEST(MatchesTest, ManyDistinctTextsOutgrowTheCacheUnharmed) {
  ColumnBuilder texts(Type::kText);
  for (int i = 0; i < 20'000; ++i) texts.AppendText(StrCat(i % 10'000));
  EXPECT_EQ(Judge(Matches("n", "[0-9]{1,3}"), Table(Schema({{"n", Type::kText}}), {texts.Finish()}, 20'000)).failed_rows, 18'000);
}

TEST(MatchesTest, BadPatternsAreRefusedWithTheirPlace) {
  const Table table = Column1("id", Type::kText, {});
  for (const std::string pattern : {"a)(b", "[a", "(", "a{2"}) {
    const Status status = Refusal(Matches("id", pattern), table);
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << pattern;
    EXPECT_TRUE(status.span().has_value()) << pattern;
  }
  EXPECT_EQ(Refusal(Matches("id", "(a)x\\1"), table).span(), (TextSpan{4, 2}));
  EXPECT_TRUE(Refusal(Matches("id", "[\\1]+"), table).ok());
  EXPECT_THAT(Refusal(Matches("id", "a"), Column1("id", Type::kInt, {})).message(), HasSubstr("needs a column of text"));
}

TEST(ExpectTest, TrueAndNullPass) {
  const CheckVerdict verdict = Judge(Expect("amount >= 0"), Column1("amount", Type::kDouble, {"1", "null", "-1", "0"}));
  EXPECT_EQ(verdict.name, "amount >= 0");
  EXPECT_EQ(verdict.message, "1 of 4 rows fails `amount >= 0`");
  EXPECT_THAT(verdict.sample_rows, ElementsAre(ElementsAre("3", "-1")));
  EXPECT_EQ(Judge(Expect("1 > 2"), Column1("a", Type::kInt, {"1", "2"})).failed_rows, 2);
}

TEST(ExpectTest, WhatRaisesNamesTheRowOfTheDataset) {
  const Table table = Column1("a", Type::kInt, {"1", "2", "3", "0", "5"});
  for (const std::size_t block : {1u, 2u, 100u}) {
    const auto verdicts = JudgeAll({Expect("ln(a) < 10")}, table, block);
    ASSERT_FALSE(verdicts.ok());
    EXPECT_EQ(verdicts.status().code(), ErrorCode::kData);
    EXPECT_THAT(verdicts.status().message(), HasSubstr("check `ln(a) < 10`: row 4: "));
  }
}

TEST(ExpectTest, WhatDoesNotBindOrIsNotABoolIsRefused) {
  const Table table = Column1("amount", Type::kDouble, {});
  EXPECT_EQ(Refusal(Expect("amnt > 0"), table).code(), ErrorCode::kInvalid);
  EXPECT_TRUE(Refusal(Expect("amnt > 0"), table).span().has_value());
  EXPECT_THAT(Refusal(Expect("amount + 1"), table).message(), HasSubstr("an expectation is true or false"));
  EXPECT_EQ(Refusal(Expect("amount >"), table).code(), ErrorCode::kInvalid);
}

/// `good` rows of 1, then `bad` rows of -1.
Table GoodAndBad(int good, int bad) {
  std::vector<std::string> cells(static_cast<std::size_t>(good), "1");
  cells.insert(cells.end(), static_cast<std::size_t>(bad), "-1");
  return Column1("x", Type::kInt, cells);
}

TEST(ToleranceTest, ExactlyAtTheShareIsEnoughAndOneRowBelowIsNot) {
  EXPECT_TRUE(Judge(Expect("x > 0", 99.9 / 100), GoodAndBad(999, 1)).passed);
  EXPECT_FALSE(Judge(Expect("x > 0", 99.9 / 100), GoodAndBad(998, 2)).passed);
  EXPECT_TRUE(Judge(Expect("x > 0", 0.7), GoodAndBad(7, 3)).passed);
  EXPECT_FALSE(Judge(Expect("x > 0", 0.7), GoodAndBad(69, 31)).passed);
  EXPECT_TRUE(Judge(Expect("x > 0", 0), GoodAndBad(0, 3)).passed);
  EXPECT_FALSE(Judge(Expect("x > 0"), GoodAndBad(9999, 1)).passed);
  EXPECT_TRUE(Judge(Expect("x > 0", 0.5), GoodAndBad(0, 0)).passed);
}

TEST(ToleranceTest, APassedCheckStillCountsItsFailedRows) {
  const CheckVerdict verdict = Judge(Expect("x > 0", 0.5), GoodAndBad(9, 1));
  EXPECT_TRUE(verdict.passed);
  EXPECT_EQ(verdict.failed_rows, 1);
  EXPECT_EQ(verdict.message, "");
}

TEST(ToleranceTest, TheMessageSaysBothSharesWithDigitsThatDiffer) {
  CheckSpec range = Range("x", Value::Int(0), {});
  range.at_least = 0.999;
  EXPECT_EQ(Judge(range, GoodAndBad(4700, 12)).message, "column `x`: 12 of 4,712 rows are below 0 (at least 99.9% must pass, 99.7% do)");
  EXPECT_EQ(Judge(range, GoodAndBad(9989, 11)).message, "column `x`: 11 of 10,000 rows are below 0 (at least 99.9% must pass, 99.8% do)");
  range.at_least = 0.7;
  EXPECT_THAT(Judge(range, GoodAndBad(69999, 30001)).message, HasSubstr("(at least 70% must pass, 69.9% do)"));
}

TEST(ToleranceTest, AShareBeyondAllOrNothingIsRefused) {
  EXPECT_EQ(Refusal(Expect("x > 0", 1.5), GoodAndBad(1, 0)).code(), ErrorCode::kInvalid);
  EXPECT_EQ(Refusal(Expect("x > 0", NAN), GoodAndBad(1, 0)).code(), ErrorCode::kInvalid);
}

TEST(CheckScanTest, NoRowsPassAllChecksOfRows) {
  const Table empty = Rows({{"x", Type::kInt}, {"t", Type::kText}}, {});
  const auto verdicts = JudgeAll({Spec(Kind::kNotNull, {"x"}), Spec(Kind::kUnique, {"x"}), Range("x", Value::Int(1), {}), OneOf("t", {"a"}), Matches("t", "a"),
                             Expect("x > 0", 0.9), RowCount({}, 5), ContractOf({{"x", Type::kInt, false}, {"t"}})}, empty);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  for (const CheckVerdict& verdict : *verdicts) EXPECT_TRUE(verdict.passed) << verdict.message;
}

TEST(CheckScanTest, BlocksOfAnySizeGiveEqualVerdicts) {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 200; ++i)
    rows.push_back({i % 9 == 0 ? Value::Null(Type::kInt) : Value::Int(i % 50), i % 7 == 0 ? Value::Double(NAN) : Value::Double(static_cast<double>(i) / 3),
                    Value::Text(StrCat("t", i % 5))});
  const Table table = Rows({{"id", Type::kInt}, {"x", Type::kDouble}, {"t", Type::kText}}, rows);
  const std::vector<CheckSpec> checks{Spec(Kind::kNotNull, {"id", "t"}), Spec(Kind::kUnique, {"id", "t"}), Range("x", Value::Int(3), Value::Int(60)), OneOf("t", {"t1", "t2"}),
                                      Matches("t", "t[0-2]"), Expect("id < 40 or x > 20", 0.99), RowCount(1000, {}), ContractOf({{"id", Type::kInt, false}, {"x", Type::kDouble}, {"t"}})};
  const auto whole = JudgeAll(checks, table, 1000);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const std::size_t block : {1u, 7u, 64u}) {
    const auto parts = JudgeAll(checks, table, block);
    ASSERT_TRUE(parts.ok());
    for (std::size_t k = 0; k < checks.size(); ++k) {
      EXPECT_FALSE(whole->at(k).passed);
      EXPECT_EQ(Everything(parts->at(k)), Everything(whole->at(k)));
    }
  }
}

TEST(CheckScanTest, ABlockOfAnySizeIsTakenInParts) {
  ColumnBuilder ids(Type::kInt);
  for (std::int64_t i = 0; i < 200'000; ++i) ids.AppendInt(i);
  auto scan = CheckScan::Make(std::vector{Range("id", {}, Value::Int(199'997))}, Schema({{"id", Type::kInt}}));
  ASSERT_TRUE(scan.ok());
  ASSERT_TRUE(scan->Add(Table(Schema({{"id", Type::kInt}}), {ids.Finish()}, 200'000)).ok());
  EXPECT_THAT(scan->Finish()->at(0).sample_rows, ElementsAre(ElementsAre("199999", "199998"), ElementsAre("200000", "199999")));
}

TEST(CheckScanTest, ChecksHaveNames) {
  const Table table = Rows({{"a", Type::kInt}, {"t", Type::kText}}, {});
  CheckSpec named = Expect("a > 0");
  named.name = "positive";
  const auto verdicts = JudgeAll({Spec(Kind::kUnique, {"a", "t"}), Range("a", Value::Int(0), {}), OneOf("t", {"x"}), Matches("t", "x"), RowCount(0, {}),
                             ContractOf({{"a", Type::kInt}, {"t"}}), named}, table);
  std::vector<std::string> names, kinds;
  for (const CheckVerdict& verdict : *verdicts) names.push_back(verdict.name), kinds.push_back(verdict.kind);
  EXPECT_THAT(names, ElementsAre("unique(a, t)", "range(a)", "one_of(t)", "matches(t)", "rows", "contract contracts/c.yaml", "positive"));
  EXPECT_THAT(kinds, ElementsAre("unique", "range", "one_of", "matches", "rows", "contract", "expect"));
}

TEST(CheckScanTest, AColumnThatNobodyKnowsIsInvalid) {
  const Table table = Column1("amount", Type::kInt, {});
  const Status status = Refusal(Spec(Kind::kNotNull, {"amuont"}), table);
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_EQ(status.message(), "check `not_null(amuont)`: there is no column `amuont`");
  EXPECT_EQ(status.help(), "did you mean `amount`?");
}

TEST(CheckScanTest, AThousandColumnsWithFiveChecksEach) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  std::vector<CheckSpec> checks;
  for (int k = 0; k < 1000; ++k) {
    const std::string name = StrCat("c", k);
    ColumnBuilder builder(Type::kInt);
    for (std::int64_t i = 0; i < 200; ++i) builder.AppendInt(i);
    fields.push_back({name, Type::kInt});
    columns.push_back(builder.Finish());
    checks.insert(checks.end(), {Spec(Kind::kNotNull, {name}), Spec(Kind::kUnique, {name}), Range(name, Value::Int(0), Value::Int(199)), OneOf(name, {"1", "2"}),
                                 Expect(StrCat(name, " >= 0"))});
  }
  const auto verdicts = JudgeAll(checks, Table(Schema(fields), columns, 200));
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  ASSERT_EQ(verdicts->size(), 5000u);
  for (std::size_t k = 0; k < 5000; ++k) EXPECT_EQ(verdicts->at(k).passed, k % 5 != 3);
}

TEST(SampleTest, ShowsTenRowsWithColumnsByWhichToKnowThem) {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 20; ++i) rows.push_back({Value::Int(i), Value::Text(std::string(500, 'x')), Value::Int(1), Value::Int(2), Value::Int(-1)});
  const CheckVerdict verdict = Judge(Expect("e > 0"), Rows({{"a", Type::kInt}, {"b", Type::kText}, {"c", Type::kInt}, {"d", Type::kInt}, {"e", Type::kInt}}, rows));
  EXPECT_THAT(verdict.sample_columns, ElementsAre("row", "e", "a", "b", "c"));
  ASSERT_EQ(verdict.sample_rows.size(), 10u);
  EXPECT_THAT(verdict.sample_rows[3], ElementsAre("4", "-1", "3", std::string(200, 'x') + "…", "1"));
}

TEST(SampleTest, PersonalColumnsAndKeysAppearNowhere) {
  std::vector<Row> rows;
  for (int i = 0; i < 4; ++i) rows.push_back({Value::Text("secret@example.org"), Value::Int(987654321), Value::Int(-5), i == 0 ? Value::Null(Type::kText) : Value::Text("secret street")});
  const Table table = Rows({{"email", Type::kText}, {"customer_id", Type::kInt}, {"amount", Type::kInt}, {"street", Type::kText}}, rows);
  CheckSpec contract = ContractOf({{"email", Type::kText, true, true}, {"customer_id", Type::kInt}, {"amount", Type::kInt}, {"street", Type::kText, false, true}});
  const auto verdicts = JudgeAll({Matches("email", "[0-9]+"), OneOf("email", {"a"}), Expect("length(email) + customer_id < amount"), Spec(Kind::kUnique, {"email"}),
                             Spec(Kind::kUnique, {"customer_id"}), Range("customer_id", {}, Value::Int(3)), Range("amount", Value::Int(0), {}), contract}, table);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  for (const CheckVerdict& verdict : *verdicts) {
    EXPECT_FALSE(verdict.passed);
    EXPECT_FALSE(verdict.sample_rows.empty());
    EXPECT_THAT(Everything(verdict), Not(HasSubstr("secret")));
    EXPECT_THAT(Everything(verdict), Not(HasSubstr("987654321")));
  }
  EXPECT_THAT(verdicts->at(0).sample_columns, ElementsAre("row", "email", "amount"));
  EXPECT_THAT(verdicts->at(0).sample_rows.at(0), ElementsAre("1", "***", "-5"));
  EXPECT_THAT(verdicts->at(7).sample_rows, ElementsAre(ElementsAre("1", "***", "-5")));
}

TEST(ToStatusTest, TheFirstErrorSpeaksAndTheOthersAreCounted) {
  const Table table = Column1("x", Type::kInt, {"-1", "null"});
  CheckSpec warning = Spec(Kind::kUnique, {"x"});
  warning.severity = Severity::kWarn;
  CheckSpec rows_warning = RowCount(5, {});
  rows_warning.severity = Severity::kWarn;
  auto verdicts = JudgeAll({rows_warning, warning, RowCount(2, 2)}, table);
  EXPECT_TRUE(ToStatus("base.purchases", *verdicts).ok());
  verdicts = JudgeAll({rows_warning, Spec(Kind::kNotNull, {"x"}), Range("x", Value::Int(0), {}), RowCount(3, {})}, table);
  const Status status = ToStatus("base.purchases", *verdicts);
  EXPECT_EQ(status.code(), ErrorCode::kData);
  EXPECT_EQ(status.message(), "`base.purchases`: column `x`: 1 of 2 rows is null, and 2 more checks failed");
  EXPECT_EQ(status.help(), "begin with row 2");
}

}  // namespace
}  // namespace headrace
