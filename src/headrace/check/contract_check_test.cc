#include "headrace/check/contract_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/check/test_world.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<Promised> kPurchases{
    {"customer_id", Type::kInt, false, true}, {"purchased_on", Type::kDate, false}, {"cds", Type::kInt, false}, {"dollars", Type::kDouble, false}};

Table Purchases(std::vector<Field> fields) { return Rows(std::move(fields), {}); }

TEST(ContractTest, ColumnOrderDoesNotMatter) {
  const Table table = Purchases({{"dollars", Type::kDouble}, {"cds", Type::kInt}, {"purchased_on", Type::kDate}, {"customer_id", Type::kInt}});
  EXPECT_TRUE(Judge(ContractOf(kPurchases), table).passed);
}

TEST(ContractTest, ARenamedColumnIsNamedWithItsLikelyNewName) {
  const Table table = Purchases({{"customer_id", Type::kInt}, {"purchase_date", Type::kDate}, {"cds", Type::kInt}, {"dollars", Type::kDouble}});
  CheckSpec contract = ContractOf(kPurchases, ExtraColumns::kIgnore);
  contract.contract.path = "contracts/purchases.yaml";
  const auto verdicts = JudgeAll({contract, Spec(Kind::kNotNull, {"purchased_on"}), Expect("purchased_on > date '1990-01-01' and cds > 0"), RowCount(0, {})}, table);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  EXPECT_EQ(verdicts->at(0).message, "contract contracts/purchases.yaml: table has no column `purchased_on`; likely now `purchase_date`");
  EXPECT_EQ(verdicts->at(0).help, "name `purchase_date` back to `purchased_on`, or change the contract and what reads `purchased_on`");
  EXPECT_EQ(verdicts->at(1).message, "check `not_null(purchased_on)`: table has no column `purchased_on`; likely now `purchase_date`");
  EXPECT_FALSE(verdicts->at(2).passed);
  EXPECT_TRUE(verdicts->at(3).passed);
  EXPECT_EQ(ToStatus("base.purchases", *verdicts).message(),
            "`base.purchases`: contract contracts/purchases.yaml: table has no column `purchased_on`; likely now `purchase_date`, and 2 more checks failed");
}

TEST(ContractTest, EveryBreachOfTheSchemaIsListed) {
  const Table table = Purchases({{"customer_id", Type::kText}, {"cds", Type::kInt}, {"dollars", Type::kDouble}, {"note", Type::kText}});
  const CheckVerdict verdict = Judge(ContractOf(kPurchases), table);
  EXPECT_EQ(verdict.message, "contract contracts/c.yaml: column `customer_id` should be int, but is text; and 2 more breaches");
  EXPECT_THAT(verdict.help, HasSubstr("; all breaches: (1) column `customer_id` should be int, but is text, (2) table has no column `purchased_on`, "
                                      "(3) table has a column `note` (text) that the contract does not know"));
}

TEST(ContractTest, ExtraColumnsAreRefusedOrIgnored) {
  const Table table = Purchases({{"a", Type::kInt}, {"b", Type::kText}});
  EXPECT_EQ(Judge(ContractOf({{"a", Type::kInt}}), table).message, "contract contracts/c.yaml: table has a column `b` (text) that the contract does not know");
  EXPECT_TRUE(Judge(ContractOf({{"a", Type::kInt}}, ExtraColumns::kIgnore), table).passed);
}

TEST(ContractTest, IntPassesForDoubleAndDateForTimestampAndNothingElse) {
  for (const Type declared : {Type::kBool, Type::kInt, Type::kDouble, Type::kText, Type::kDate, Type::kTimestamp})
    for (const Type found : {Type::kBool, Type::kInt, Type::kDouble, Type::kText, Type::kDate, Type::kTimestamp}) {
      const bool fine = declared == found || (declared == Type::kDouble && found == Type::kInt) || (declared == Type::kTimestamp && found == Type::kDate);
      EXPECT_EQ(Judge(ContractOf({{"a", declared}}), Purchases({{"a", found}})).passed, fine) << TypeName(declared) << " " << TypeName(found);
    }
}

TEST(ContractTest, NullsWhereNoneMayBeAreCountedAndShown) {
  const Table table = Rows({{"a", Type::kInt}, {"b", Type::kInt}}, {{Value::Int(1), Value::Null(Type::kInt)}, {Value::Null(Type::kInt), Value::Int(2)}});
  const CheckVerdict verdict = Judge(ContractOf({{"a", Type::kInt, false}, {"b", Type::kInt}}), table);
  EXPECT_EQ(verdict.message, "contract contracts/c.yaml: column `a`: 1 of 2 rows is null");
  EXPECT_EQ(verdict.failed_rows, 1);
  EXPECT_THAT(verdict.help, HasSubstr("begin with row 2"));
  EXPECT_THAT(verdict.sample_columns, ElementsAre("row", "a", "b"));
  EXPECT_THAT(verdict.sample_rows, ElementsAre(ElementsAre("2", "null", "2")));
}

TEST(ContractTest, NullsAreCountedAlsoBesideABrokenSchema) {
  const Table table = Rows({{"a", Type::kInt}}, {{Value::Null(Type::kInt)}});
  const CheckVerdict verdict = Judge(ContractOf({{"a", Type::kInt, false}, {"b", Type::kInt}}), table);
  EXPECT_EQ(verdict.message, "contract contracts/c.yaml: table has no column `b`; and 1 more breach");
  EXPECT_THAT(verdict.help, HasSubstr("(2) column `a`: 1 of 1 row is null"));
}

TEST(ContractTest, ACheckThatTheWrongTypeBreaksFailsWithTheContract) {
  const Table table = Purchases({{"x", Type::kText}});
  const auto verdicts = JudgeAll({ContractOf({{"x", Type::kInt}}), Range("x", Value::Int(0), {}), Expect("x + 1 > 0")}, table);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  EXPECT_EQ(verdicts->at(1).message, "check `range(x)`: column `x` should be int, but is text");
  EXPECT_FALSE(verdicts->at(2).passed);
  EXPECT_EQ(JudgeAll({ContractOf({{"x", Type::kText}}), Range("x", Value::Int(0), {})}, table).status().code(), ErrorCode::kInvalid);
}

TEST(ContractTest, TheSchemaOfAContractHasItsColumns) {
  const Schema schema = ContractOf(kPurchases).contract.schema();
  EXPECT_THAT(schema.Names(), ElementsAre("customer_id", "purchased_on", "cds", "dollars"));
  EXPECT_EQ(schema[1].type, Type::kDate);
}

TEST(ContractTest, AnotherTableOfAThousandColumnsIsRefusedInReasonableTime) {
  std::vector<Promised> promised;
  std::vector<Field> found;
  std::vector<CheckSpec> checks(1);
  for (int k = 0; k < 1000; ++k) {
    promised.push_back({StrCat("promised_", k), Type::kInt});
    found.push_back({StrCat("other_", k), Type::kInt});
    checks.push_back(Expect(StrCat(promised.back().name, " > 0")));
  }
  checks[0] = ContractOf(promised);
  const auto verdicts = JudgeAll(checks, Purchases(found));
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  EXPECT_EQ(verdicts->at(0).message, "contract contracts/c.yaml: table has no column `promised_0`; and 1,999 more breaches");
  EXPECT_EQ(ToStatus("d", *verdicts).message(), StrCat("`d`: ", verdicts->at(0).message, ", and 1,000 more checks failed"));
}

/// Fields as "name type, ...".
std::vector<Field> Fields(const std::string& text) {
  std::vector<Field> fields;
  for (const std::string& part : Split(text, ',')) {
    const std::vector<std::string> words = Split(Trim(part), ' ');
    if (words.size() == 2) fields.push_back({words[0], *TypeFromName(words[1])});
  }
  return fields;
}

struct Renaming { const char *what, *wanted, *expected, *found, *now; };

TEST(LikelyNewNameTest, SpeaksOnlyWhenSomethingSpeaksForAName) {
  const Renaming cases[] = {
      {"a typing error", "amount double", "amount double", "amuont double", "amuont"},
      {"a near name of another type", "amount double", "amount double", "amounts text", "amounts"},
      {"another spelling", "customer_id int", "customer_id int", "CustomerID int, custome_ids int", "CustomerID"},
      {"words that begin alike", "purchased_on date", "id int, purchased_on date", "id int, purchase_date date, born date", "purchase_date"},
      {"the only new column of the type", "purchased_on date", "id int, purchased_on date", "id int, day date, note text", "day"},
      {"an int for a double", "spend double", "spend double", "paid int, note text", "paid"},
      {"two new columns of the type", "purchased_on date", "id int, purchased_on date", "id int, day date, born date", ""},
      {"two missing, one new", "purchased_on date", "born date, purchased_on date", "day date", ""},
      {"a known column is no new name", "purchased_on date", "purchased_on date, purchased_off date", "purchased_off date", ""},
      {"nothing of the type", "purchased_on date", "purchased_on date", "day text", ""},
      {"two near names", "abc int", "abc int", "abd int, abe int", ""},
      {"an empty table", "purchased_on date", "purchased_on date", "", ""},
  };
  for (const Renaming& c : cases)
    EXPECT_EQ(LikelyNewName(Fields(c.wanted).at(0), Schema(Fields(c.expected)), Schema(Fields(c.found))), c.now) << c.what;
}

TEST(ContractTest, BoundsOfColumnsAreChecksOfTheirOwn) {
  Contract contract;
  contract.path = "contracts/c.yaml";
  ContractColumn id, age, code, plain;
  id.name = "id", id.type = Type::kInt, id.unique = true;
  age.name = "age", age.type = Type::kInt, age.min = Value::Int(0), age.max = Value::Int(120);
  code.name = "code", code.one_of = {"AB", "C"}, code.matches = "[A-Z]+";
  plain.name = "plain";
  contract.columns = {id, age, code, plain};
  const std::vector<CheckSpec> rules = RulesOf(contract, Severity::kWarn);
  std::vector<std::string> names;
  for (const CheckSpec& rule : rules) names.push_back(rule.name);
  EXPECT_EQ(names, (std::vector<std::string>{"contract contracts/c.yaml: unique of id", "contract contracts/c.yaml: range of age", "contract contracts/c.yaml: one_of of code", "contract contracts/c.yaml: matches of code"}));
  const Table table = Rows({{"id", Type::kInt}, {"age", Type::kInt}, {"code", Type::kText}},
                           {{Value::Int(1), Value::Int(5), Value::Text("AB")}, {Value::Int(1), Value::Int(121), Value::Text("x")}, {Value::Int(2), Value::Null(Type::kInt), Value::Null(Type::kText)}});
  const auto verdicts = JudgeAll(rules, table);
  ASSERT_TRUE(verdicts.ok()) << verdicts.status();
  for (const CheckVerdict& verdict : *verdicts) {
    EXPECT_EQ(verdict.failed_rows, 1) << verdict.name;
    EXPECT_EQ(verdict.severity, Severity::kWarn);
  }
}

}  // namespace
}  // namespace headrace
