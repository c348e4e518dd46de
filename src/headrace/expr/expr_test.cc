#include "headrace/expr/expr.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max(), kMin = std::numeric_limits<std::int64_t>::min();

ColumnPtr Make(Type type, const std::vector<Value>& values) {
  ColumnBuilder builder(type);
  for (const Value& value : values) value.is_null() ? builder.AppendNull() : builder.Append(value);
  return builder.Finish();
}

/// i: 1, 2, null, 9223372036854775807 · x: 0.5, -1.0, 4.0, NaN · s: 'a', null, 'Äb', '' · d: 2026-01-31 and on, null
/// last.
Table SmallTable() {
  return Table(
      Schema({{"i", Type::kInt}, {"x", Type::kDouble}, {"s", Type::kText}, {"d", Type::kDate}}),
      {Make(Type::kInt, {Value::Int(1), Value::Int(2), Value::Null(Type::kInt), Value::Int(kMax)}),
       Make(Type::kDouble, {Value::Double(0.5), Value::Double(-1), Value::Double(4), Value::Double(std::nan(""))}),
       Make(Type::kText, {Value::Text("a"), Value::Null(Type::kText), Value::Text("Äb"), Value::Text("")}),
       Make(Type::kDate, {Value::Date(20484), Value::Date(20485), Value::Date(20486), Value::Null(Type::kDate)})},
      4);
}

const Expression::Names kNames = {
    {"params.as_of", Value::Date(20484)}, {"item", Value::Text("shoes")}, {"lift@10%", Value::Double(2.5)}};

Result<BoundExpression> Bind(const std::string& text, const Schema& schema = SmallTable().schema()) {
  ASSIGN_OR_RETURN(const Expression expression, Expression::Parse(text));
  return expression.Bind(schema, kNames);
}

/// The value of an expression without columns, as text; "error: ..." if there is none.
std::string Scalar(const std::string& text) {
  const Result<BoundExpression> bound = Bind(text);
  if (!bound.ok()) return "error: " + bound.status().message();
  const Result<Value> value = bound->EvaluateScalar();
  return value.ok() ? value->ToString() : "error: " + value.status().message();
}

/// All rows of SmallTable, with bars between them; a row that raised is "!".
std::string Rows(const std::string& text) {
  const Result<BoundExpression> bound = Bind(text);
  if (!bound.ok()) return "error: " + bound.status().message();
  const Result<BoundExpression::Output> output = bound->Evaluate(SmallTable(), OnError::kNull);
  if (!output.ok()) return "error: " + output.status().message();
  std::vector<std::string> rows;
  std::int64_t errors = 0;
  for (std::size_t i = 0; i < output->column->size(); ++i) {
    const bool raises = !bound->Evaluate(SmallTable().Slice(i, 1), OnError::kRaise).ok();
    errors += raises ? 1 : 0;
    rows.push_back(raises ? "!" : output->column->At(i).ToString());
  }
  EXPECT_EQ(errors, output->errors) << text;
  return Join(rows, " | ");
}

TEST(ExprTest, EveryExampleOfTheDocsHasTheValueItShows) {
  std::ifstream file(std::string(HEADRACE_SOURCE_DIR) + "/docs/expressions.md");
  std::string line;
  bool inside = false;
  int examples = 0;
  while (std::getline(file, line)) {
    if (line.starts_with("```")) {
      inside = line == "```expr";
    } else if (inside) {
      const std::size_t arrow = line.find("=>");
      ASSERT_NE(arrow, std::string::npos) << line;
      EXPECT_EQ(Scalar(line.substr(0, arrow)), Trim(line.substr(arrow + 2))) << line;
      ++examples;
    }
  }
  EXPECT_GT(examples, 30);
}

struct Example {
  const char* text;
  const char* value;
};

TEST(ExprTest, OperatorsBindAsInSql) {
  const Example examples[] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"2 - 3 - 4", "-5"},
      {"2 * 3 // 4", "1"},
      {"- 2 * 3", "-6"},
      {"1 - -1", "2"},
      {"-5 % 3", "-2"},
      {"not 1 = 2", "true"},
      {"not null is null", "false"},
      {"1 = 1 is null", "false"},
      {"true or true and false", "true"},
      {"1 in (1) = true", "true"},
      {"1 between 0 and 2 and true", "true"},
      {"'a' || 'b' = 'ab'", "true"},
      {"'abc' like 'a' || '%'", "true"},
      {"-1::text", "error: `-` needs a number or a duration, got text"},
      {"not true and false", "false"},
      {"1 NOT In (2)", "true"},
  };
  for (const Example& e : examples) EXPECT_EQ(Scalar(e.text), e.value) << e.text;
}

TEST(ExprTest, NumbersFollowDuckDb) {
  const Example examples[] = {
      {"9223372036854775807 + 1", "error: the result does not fit into an int of 64 bits"},
      {"-9223372036854775808 // -1", "error: the result does not fit into an int of 64 bits"},
      {"abs(-9223372036854775808)", "error: the result does not fit into an int of 64 bits"},
      {"round(9223372036854775807, -1)", "error: the result does not fit into an int of 64 bits"},
      {"round(-9223372036854775807, -2)", "-9223372036854775800"},
      {"round(-9223372036854775808, -19)", "error: the result does not fit into an int of 64 bits"},
      {"round(4, -19)", "0"},
      {"round(4, -20)", "0"},
      {"1 % 0", "null"},
      {"1.5 % 0", "nan"},
      {"0 / 0", "nan"},
      {"-1 / 0", "-inf"},
      {"ln(0)", "error: there is no logarithm of a number that is not above zero"},
      {"sqrt(-1)", "error: there is no square root of a negative number"},
      {"sqrt(cast('nan' as double))", "nan"},
      {"exp(1000)", "inf"},
      {"power(-8, 1.0 / 3)", "nan"},
      {"round(2.345, 2)", "2.35"},
      {"round(0.49999999999999994)", "0"},
      {"9007199254740993 = 9007199254740992.0", "true"},
      {"cast('nan' as double) > 1e308", "true"},
      {"cast('nan' as double) in (cast('nan' as double))", "true"},
      {"least(1.0, cast('nan' as double))", "1"},
      {"cast(1e19 as int)", "error: this double cannot be cast to int"},
      {"try_cast(1e19 as int)", "null"},
      {"cast('-9223372036854775808' as int)", "-9223372036854775808"},
      {"try_cast('9223372036854775807.5' as int)", "null"},
      {"cast('1e400' as double)", "inf"},
      {"cast(' -1e-400 ' as double)", "-0"},
      {"nullif(1, 1.0)", "null"},
      {"1e15::text", "1000000000000000.0"},
  };
  for (const Example& e : examples) EXPECT_EQ(Scalar(e.text), e.value) << e.text;
}

TEST(ExprTest, TextIsCountedAndMatchedInCodePoints) {
  const Example examples[] = {
      {"length('äöü')", "3"},
      {"substr('äöü', 2, 1)", "ö"},
      {"substr('hello', -10, 7)", "he"},
      {"substr('hello', 3, -2)", "he"},
      {"substr('hello', 0, -2)", ""},
      {"'äbc' like '_bc'", "true"},
      {"'aXbXc' like '%X_'", "true"},
      {"'' like '%'", "true"},
      {"'a%c' like 'a\\%c'", "false"},
      {"'a' like 'a' escape null", "null"},
      {"lower('ΟΔΟΣ')", "οδοσ"},
      {"trim('xxaxx', 'x')", "a"},
      {"'abab' like '%ab%ab%ab%'", "false"},
      {"concat(null, null)", ""},
      {"'a' || null", "null"},
      {"rtrim('aä ', ' ä')", "a"},
      {"'x' like 'x$' escape '$'", "error: the pattern of `like` ends with its escape character"},
      {"substr('a', 4294967296)", "error: a position or length of substr is beyond 4,294,967,295"},
  };
  for (const Example& e : examples) EXPECT_EQ(Scalar(e.text), e.value) << e.text;
  const std::string hard = "'" + std::string(3000, 'a') + "' like '%a%a%a%a%a%a%a%a%a%b'";
  EXPECT_EQ(Scalar(hard), "false") << "backtracking must not explode";
}

TEST(ExprTest, DatesAndDurationsKeepTheirTypes) {
  const Example examples[] = {
      {"params.as_of - 7d", "2026-01-24"},
      {"params.as_of - 1", "2026-01-30"},
      {"2w + params.as_of", "2026-02-14"},
      {"params.as_of + 12h", "error: a date moves by whole days only"},
      {"params.as_of::timestamp + 12h", "2026-01-31 12:00:00"},
      {"params.as_of = '2026-01-31'", "true"},
      {"params.as_of = timestamp '2026-01-31 00:00:00'", "true"},
      {"timestamp '2026-01-02' - timestamp '2026-01-01'", "1d"},
      {"1d = 24h", "true"},
      {"- 36h", "-1d12h"},
      {"date_diff('month', date '2026-01-31', date '2026-02-01')", "1"},
      {"date_diff('week', date '2026-01-04', date '2026-01-05')", "0"},
      {"date_trunc('week', timestamp '1960-01-15 10:00:00')", "1960-01-11 00:00:00"},
      {"date_part('epoch', timestamp '1970-01-01 00:00:00.5')", "0.5"},
      {"date '2026-01-01' + 9223372036854775807", "error: the date is out of range"},
      {"cast(date '0001-01-01' - 1 as text)", "0001-12-31 (BC)"},
  };
  for (const Example& e : examples) EXPECT_EQ(Scalar(e.text), e.value) << e.text;
}

TEST(ExprTest, LogicHasThreeValues) {
  const char* names[] = {"false", "true", "null"};
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 3; ++b) {
      const std::string both = StrCat("cast(", names[a], " as bool) and cast(", names[b], " as bool)");
      const std::string either = StrCat("cast(", names[a], " as bool) or cast(", names[b], " as bool)");
      EXPECT_EQ(Scalar(both), a == 0 || b == 0 ? "false" : a == 1 && b == 1 ? "true" : "null") << both;
      EXPECT_EQ(Scalar(either), a == 1 || b == 1 ? "true" : a == 0 && b == 0 ? "false" : "null") << either;
    }
  }
  EXPECT_EQ(Rows("i > 1"), "false | true | null | true");
  EXPECT_EQ(Rows("i in (1, null)"), "true | null | null | null");
  EXPECT_EQ(Rows("x not between 0 and 1"), "false | true | true | true");
}

TEST(ExprTest, OnlyWhatARowNeedsMayRaise) {
  EXPECT_EQ(Rows("ln(x)"), "-0.6931471805599453 | ! | 1.3862943611198906 | nan");
  EXPECT_EQ(Rows("x > 0 and ln(x) > 1"), "false | false | true | true");
  EXPECT_EQ(Rows("x <= 0 or ln(x) > 1"), "false | true | true | true");
  EXPECT_EQ(Rows("case when x > 0 then ln(x) end"), "-0.6931471805599453 | null | 1.3862943611198906 | nan");
  EXPECT_EQ(Rows("coalesce(i + 1, s::int)"), "2 | 3 | ! | !");
  EXPECT_EQ(Rows("case when i = 1 then ln(0) else x end"), "! | -1 | 4 | nan")
      << "a constant that raises, where it is needed";
  EXPECT_EQ(Rows("case when false then ln(0) else x end"), "0.5 | -1 | 4 | nan");
  EXPECT_EQ(Rows("coalesce(s, 'none')"), "a | none | Äb | ");
}

TEST(ExprTest, ARowThatRaisesStopsOrIsCounted) {
  const Result<BoundExpression> bound = Bind("i * 2");
  const Result<BoundExpression::Output> raised = bound->Evaluate(SmallTable(), OnError::kRaise);
  ASSERT_FALSE(raised.ok());
  EXPECT_EQ(raised.status().code(), ErrorCode::kData);
  EXPECT_EQ(raised.status().message(), "row 4: the result does not fit into an int of 64 bits");
  EXPECT_EQ(raised.status().span(), (TextSpan{0, 5}));
  const Result<BoundExpression::Output> counted = bound->Evaluate(SmallTable(), OnError::kNull);
  EXPECT_EQ(counted->errors, 1);
  EXPECT_TRUE(counted->column->IsNull(3));
  EXPECT_EQ(counted->column->ints()[3], 0) << "a null row holds 0";
}

TEST(ExprTest, MessagesDoNotRepeatTheData) {
  const Table people(Schema({{"name", Type::kText}}), {Make(Type::kText, {Value::Text("Ada Lovelace")})}, 1);
  const Result<BoundExpression::Output> output = Bind("name::int", people.schema())->Evaluate(people, OnError::kRaise);
  EXPECT_EQ(output.status().ToString().find("Ada"), std::string::npos) << output.status();
}

struct Refused {
  const char* text;
  const char* message;
  const char* help;
  const char* at;
};

TEST(ExprTest, MistakesArePointedAtWithHelp) {
  const Refused cases[] = {
      {"", "the expression is empty", "write a value", ""},
      {"amonut > 1", "there is no column `amonut`", "known here: i, x, s, d", "amonut"},
      {"params.asof", "there is no name `params.asof`", "did you mean `params.as_of`?", "params.asof"},
      {"s = \"shoe\"", "there is no column `shoe`", "for text write 'shoe'", "\"shoe\""},
      {"foor(x)", "there is no function `foor`", "did you mean `floor`?", "foor"},
      {"log(x)", "there is no function `log`", "ln(x)", "log"},
      {"sum(x)", "there is no function `sum`", "one row", "sum"},
      {"now()", "there is no function `now`", "no clock", "now"},
      {"i = s", "cannot compare int and text", "cast(x as int)", "s"},
      {"x + s", "`+` does not take double and text", "||", "x + s"},
      {"x // 2", "`//` does not take double and int", "floor(x / y)", "x // 2"},
      {"i and true", "`and` needs a bool, got int", "x <> 0", "i"},
      {"case when true then 1 else 'a' end", "cannot choose between int and text", "cast", "'a'"},
      {"s = null", "a comparison with null is never true", "write `is null`", "s = null"},
      {"d > '2026-02-30'", "`2026-02-30` is not a date", "2026-11-22", "'2026-02-30'"},
      {"d::int", "date cannot be cast to int", "date_diff", "d::int"},
      {"round(s)", "`round` cannot be called with (text)", "round(x: int or double[, digits: int])", "round(s)"},
      {"date_trunc('fortnight', d)", "`date_trunc` knows no unit 'fortnight'", "year, quarter, month", "'fortnight'"},
      {"1 < 2 < 3", "comparisons do not chain", "between", "<"},
      {"10%", "`%` gives the remainder", "0.1", "%"},
      {"i == 1 && x > 2", "`&` means nothing", "write `and`", "&"},
      {"(1 + 2", "expected an operator or `)`, got the end", "", ""},
      {"'abc", "this text is not closed", "end it with '", "'abc"},
      {"x::integer", "there is no type `integer`", "`int`, of 64 bits", "integer"},
      {"9223372036854775808", "does not fit into an int", "9223372036854775808.0", "9223372036854775808"},
      {"7x", "`7x` is not a duration", "90d", "7x"},
      {"x as y", "an expression has no `as`", "", "as"},
      {"1 -- 2", "no comments", "- -", "--"},
  };
  for (const Refused& c : cases) {
    const Result<BoundExpression> bound = Bind(c.text);
    ASSERT_FALSE(bound.ok()) << c.text;
    const Status& status = bound.status();
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << c.text;
    EXPECT_THAT(status.message(), HasSubstr(c.message)) << c.text;
    EXPECT_THAT(status.help(), HasSubstr(c.help)) << c.text;
    ASSERT_TRUE(status.span().has_value()) << c.text;
    const std::string_view at = std::string_view(c.text).substr(
        std::min(status.span()->offset, std::string_view(c.text).size()), status.span()->length);
    EXPECT_EQ(at, c.at) << c.text;
  }
}

TEST(ExprTest, NamesAndColumnsAreReported) {
  const Result<Expression> expression =
      Expression::Parse("x > params.as_of or lift@10% >= \"net amount\" and item = 'x' and x < 1");
  EXPECT_THAT(expression->names(), ElementsAre("item", "lift@10%", "net amount", "params.as_of", "x"));
  EXPECT_THAT(Bind("s is null or i > x and item = s")->columns(), ElementsAre("s", "i", "x"));
  EXPECT_EQ(Scalar("lift@10% >= 2 and \"lift@10%\" < 3"), "true");
  EXPECT_EQ(Scalar("x"), "error: column `x` has no value here");
}

TEST(ExprTest, ANameWithoutAValueTypesLikeOneWithIt) {
  for (const char* text :
       {"p - 7d", "p + 1", "date_trunc('month', p)", "p >= '2026-01-01'", "coalesce(p, date '2026-01-01')", "p - p"}) {
    const Result<Expression> expression = Expression::Parse(text);
    const Result<BoundExpression> known = expression->Bind(Schema(), {{"p", Value::Date(20484)}});
    const Result<BoundExpression> unknown = expression->Bind(Schema(), {{"p", Value::Null(Type::kDate)}});
    ASSERT_TRUE(known.ok() && unknown.ok()) << text;
    EXPECT_EQ(known->type(), unknown->type()) << text;
  }
  const Result<Expression> text_parameter = Expression::Parse("p >= date '2026-01-01'");
  for (const Value& value : {Value::Text("2026-01-01"), Value::Null(Type::kText)})
    EXPECT_FALSE(text_parameter->Bind(Schema(), {{"p", value}}).ok()) << "only a text literal is read as a date";
}

/// Columns as in SmallTable, of `rows` random values.
Table RandomTable(std::size_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Value> i, x, s, d;
  for (std::size_t n = 0; n < rows; ++n) {
    const auto pick = [&](std::uint64_t of) { return random() % of; };
    i.push_back(pick(8) == 0 ? Value::Null(Type::kInt)
                             : Value::Int(pick(9) == 0 ? kMin : static_cast<std::int64_t>(pick(100)) - 50));
    x.push_back(pick(8) == 0 ? Value::Null(Type::kDouble)
                             : Value::Double((static_cast<double>(pick(2000)) - 500) / 16));
    s.push_back(pick(8) == 0 ? Value::Null(Type::kText)
                             : Value::Text(std::string(pick(4), 'a') + (pick(2) == 0 ? "Ä" : "7")));
    d.push_back(pick(8) == 0 ? Value::Null(Type::kDate) : Value::Date(static_cast<std::int64_t>(pick(40000))));
  }
  return Table(SmallTable().schema(),
               {Make(Type::kInt, i), Make(Type::kDouble, x), Make(Type::kText, s), Make(Type::kDate, d)}, rows);
}

const char* const kMixed[] = {
    "i * 9 + length(s)",
    "-i",
    "ln(x) / sqrt(x)",
    "case when x > 3 then ln(x) when i > 0 then x else power(x, 2) end",
    "coalesce(try_cast(s as int), s::int, i)",
    "upper(s) || lower(s)",
    "concat(s, i, x)",
    "date_trunc('month', d) < d + i",
    "i in (1, 2, cast(x as int)) or s like '%a%' and d is not null",
    "greatest(x, i, 1.5)",
    "nullif(i % 3, 0)",
    "s",
    "substr(s, i)",
};

TEST(ExprTest, ABlockEqualsItsRowsOneByOne) {
  const Table table = RandomTable(5000, 1);
  for (const char* text : kMixed) {
    const Result<BoundExpression> bound = Bind(text);
    ASSERT_TRUE(bound.ok()) << text << ": " << bound.status();
    const Result<BoundExpression::Output> block = bound->Evaluate(table, OnError::kNull);
    ASSERT_EQ(block->column->size(), 5000U);
    EXPECT_EQ(block->column->type(), bound->type());
    std::int64_t errors = 0;
    for (std::size_t i = 0; i < 5000; ++i) {
      const Result<BoundExpression::Output> row = bound->Evaluate(table.Slice(i, 1), OnError::kNull);
      errors += row->errors;
      ASSERT_EQ(row->column->At(0).ToString(), block->column->At(i).ToString()) << text << " at row " << i;
    }
    EXPECT_EQ(errors, block->errors) << text;
    EXPECT_EQ(bound->Evaluate(table.Slice(0, 0), OnError::kRaise)->column->size(), 0U);
  }
}

TEST(ExprTest, ManyThreadsMayEvaluateAtOnce) {
  const Table table = RandomTable(3000, 2);
  const Result<BoundExpression> bound = Bind("case when s like 'a%' then ln(abs(x) + 1) else i / 3 end");
  const ColumnPtr alone = bound->Evaluate(table, OnError::kNull)->column;
  std::vector<ColumnPtr> results(4);
  std::vector<std::thread> threads;
  for (ColumnPtr& result : results)
    threads.emplace_back([&] { result = bound->Evaluate(table, OnError::kNull)->column; });
  for (std::thread& thread : threads) thread.join();
  for (const ColumnPtr& result : results)
    for (std::size_t i = 0; i < 3000; ++i) ASSERT_EQ(result->At(i).ToString(), alone->At(i).ToString());
}

TEST(ExprTest, AConstantIsWhatTheSameColumnWouldBe) {
  const Expression::Names values = {
      {"i", Value::Int(-7)}, {"x", Value::Double(0.3)}, {"s", Value::Text("aÄ")}, {"d", Value::Date(20000)}};
  const Table table(SmallTable().schema(),
                    {Make(Type::kInt, {values.at("i")}), Make(Type::kDouble, {values.at("x")}),
                     Make(Type::kText, {values.at("s")}), Make(Type::kDate, {values.at("d")})},
                    1);
  for (const char* text : kMixed) {
    const Result<Expression> expression = Expression::Parse(text);
    const Result<BoundExpression> folded = expression->Bind(Schema(), values);
    ASSERT_TRUE(folded.ok()) << folded.status();
    EXPECT_TRUE(folded->columns().empty());
    const Result<BoundExpression::Output> column =
        expression->Bind(table.schema(), {})->Evaluate(table, OnError::kRaise);
    const Result<Value> value = folded->EvaluateScalar();
    ASSERT_EQ(value.ok(), column.ok()) << text;
    if (value.ok()) { EXPECT_EQ(*value, column->column->At(0)) << text; }
  }
}

TEST(ExprTest, TheDataMustHaveTheColumnsBound) {
  const Result<BoundExpression> bound = Bind("x + i");
  const std::vector<std::string> only_x = {"x"};
  const Result<BoundExpression::Output> missing = bound->Evaluate(*SmallTable().Select(only_x), OnError::kNull);
  EXPECT_EQ(missing.status().message(), "the data have no column `i`");
  const Table other = SmallTable().WithColumn("i", Make(Type::kText, std::vector<Value>(4, Value::Text("1"))));
  EXPECT_EQ(bound->Evaluate(other, OnError::kNull).status().message(), "column `i` is text, expected int");
}

std::string Repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

TEST(ExprTest, DeepAndLongExpressionsAreRefusedNotCrashed) {
  EXPECT_EQ(Scalar(Repeat("(", 150) + "1" + Repeat(")", 150)), "1");
  const std::string too_deep = "error: the expression is more than 200 levels deep";
  EXPECT_EQ(Scalar(Repeat("(", 30000)), too_deep);
  EXPECT_EQ(Scalar(Repeat("not ", 10000) + "true"), too_deep);
  EXPECT_EQ(Scalar(Repeat("- ", 10000) + "1"), too_deep);
  EXPECT_EQ(Scalar("1" + Repeat(" + 1", 10000)), too_deep);
  EXPECT_EQ(Scalar("1" + Repeat("::int", 5000)), too_deep);
  EXPECT_EQ(Scalar(Repeat("case when ", 5000)), too_deep);
  EXPECT_EQ(Scalar(Repeat("abs(", 5000)), too_deep);
  EXPECT_EQ(Scalar("true" + Repeat(" and true", 5000)), "true") << "a chain is one level";
  EXPECT_EQ(Scalar("1 in (2" + Repeat(", 2", 20000) + ")"), "false");
  EXPECT_THAT(Scalar(Repeat(" ", 70000) + "1"), HasSubstr("at most 65536 are allowed"));
}

TEST(ExprTest, NoTextCrashesTheParser) {
  const std::string seeds[] = {"case when i > 1 then 'a' || s else upper(s) end",
                               "x between -1e3 and 2.5 or d - 7d >= '2026-01-01'",
                               "try_cast(s as int) in (1, null, i // 2) and not s like 'a$%' escape '$'",
                               "date_diff('day', d, params.as_of) % 7"};
  std::mt19937_64 random(3);
  for (int n = 0; n < 20000; ++n) {
    std::string text = seeds[random() % 4];
    for (std::uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0:
          text.insert(at, 1, static_cast<char>(random()));
          break;
        case 1:
          text.erase(at, random() % 6);
          break;
        default:
          text.insert(at, seeds[random() % 4].substr(random() % 30, random() % 8));
          break;
      }
    }
    const Result<BoundExpression> bound = Bind(text);
    if (bound.ok())
      (void)bound->Evaluate(SmallTable(), OnError::kNull);
    else
      EXPECT_TRUE(bound.status().span().has_value()) << text << ": " << bound.status();
  }
}

}  // namespace
}  // namespace headrace
