#include "headrace/check/contract_diff.h"

#include <gtest/gtest.h>

#include "headrace/check/test_world.h"

namespace headrace {
namespace {

Contract Promise(std::vector<ContractColumn> columns, ExtraColumns extra = ExtraColumns::kRefuse) {
  Contract contract;
  contract.columns = std::move(columns);
  contract.extra = extra;
  return contract;
}

ContractColumn Column(const std::string& name, Type type, bool nullable = true) {
  ContractColumn column;
  column.name = name;
  column.type = type;
  column.nullable = nullable;
  return column;
}

/// "+x what" for compatible changes, "!x what" for breaking ones.
std::vector<std::string> Diff(const Contract& before, const Contract& after, const DataProfile* a = nullptr, const DataProfile* b = nullptr) {
  std::vector<std::string> out;
  for (const ContractChange& change : DiffContracts(before, after, a, b)) out.push_back(StrCat(change.breaking ? "!" : "+", change.column, " ", change.what));
  return out;
}
using Changes = std::vector<std::string>;

TEST(ContractDiffTest, NothingChanged) { EXPECT_EQ(Diff(Promise({Column("a", Type::kInt)}), Promise({Column("a", Type::kInt)})), Changes{}); }

TEST(ContractDiffTest, TypesAndNulls) {
  EXPECT_EQ(Diff(Promise({Column("a", Type::kInt)}), Promise({Column("a", Type::kText)})), Changes{"!a type int -> text"});
  EXPECT_EQ(Diff(Promise({Column("a", Type::kDouble)}), Promise({Column("a", Type::kInt)})), Changes{"+a type double -> int"});
  EXPECT_EQ(Diff(Promise({Column("a", Type::kInt, false)}), Promise({Column("a", Type::kInt)})), Changes{"!a may be null now"});
  EXPECT_EQ(Diff(Promise({Column("a", Type::kInt)}), Promise({Column("a", Type::kInt, false)})), Changes{"+a never null now"});
}

TEST(ContractDiffTest, ColumnsThatComeAndGo) {
  EXPECT_EQ(Diff(Promise({Column("purchased_on", Type::kDate)}), Promise({Column("purchase_date", Type::kDate), Column("x", Type::kInt)}, ExtraColumns::kRefuse)),
            (Changes{"!purchased_on gone; likely now `purchase_date` (by its name and type)", "!purchase_date new (date); columns that are not listed were refused", "!x new (int); columns that are not listed were refused"}));
  EXPECT_EQ(Diff(Promise({}, ExtraColumns::kIgnore), Promise({Column("x", Type::kInt)}, ExtraColumns::kIgnore)), Changes{"+x new (int)"});
  EXPECT_EQ(Diff(Promise({}), Promise({}, ExtraColumns::kIgnore)).size(), 1u);
}

TEST(ContractDiffTest, WiderBoundsBreakAndNarrowerOnesDoNot) {
  ContractColumn narrow = Column("a", Type::kInt), wide = narrow;
  narrow.min = Value::Int(0), narrow.max = Value::Int(10), narrow.unique = true;
  wide.min = Value::Int(-1), wide.max = Value::Int(10);
  EXPECT_EQ(Diff(Promise({narrow}), Promise({wide})), (Changes{"!a min 0 -> -1", "!a not unique any more"}));
  EXPECT_EQ(Diff(Promise({wide}), Promise({narrow})), (Changes{"+a min -1 -> 0", "+a unique now"}));
  ContractColumn few = Column("c", Type::kText), many = few;
  few.one_of = {"de", "fr"}, many.one_of = {"at", "de", "fr"};
  EXPECT_EQ(Diff(Promise({few}), Promise({many})), Changes{"!c may also be at"});
  EXPECT_EQ(Diff(Promise({many}), Promise({few})), Changes{"+c is never at any more"});
  EXPECT_EQ(Diff(Promise({few}), Promise({Column("c", Type::kText)})), Changes{"!c any value may come now"});
}

Table Orders(const std::string& amount, const std::string& other, double scale, int shift) {
  ColumnBuilder amounts(Type::kDouble), others(Type::kDouble), countries(Type::kText);
  for (int i = 0; i < 2000; ++i) {
    amounts.AppendDouble(scale * ((i + shift) * 37 % 500) / 10);
    others.AppendDouble(((i + shift) * 11 % 90) / 100.0);
    countries.AppendText((i + shift) % 3 == 0 ? "de" : "fr");
  }
  return Table(Schema({{amount, Type::kDouble}, {other, Type::kDouble}, {StrCat(amount, "_in"), Type::kText}}), {amounts.Finish(), others.Finish(), countries.Finish()}, 2000);
}

DataProfile Measured(const Table& table) { return *ProfileRows(*StreamOf(table), {}); }

Contract PromiseOf(const Table& table) {
  Contract contract;
  for (const Field& field : table.schema().fields()) contract.columns.push_back(Column(field.name, field.type));
  return contract;
}

TEST(ContractDiffTest, ARenamedColumnIsKnownByItsContents) {
  const Table before = Orders("price", "rebate", 1, 0), after = Orders("betrag", "nachlass", 1, 13);
  const DataProfile a = Measured(before), b = Measured(after);
  const Changes changes = Diff(PromiseOf(before), PromiseOf(after), &a, &b);
  ASSERT_GE(changes.size(), 3u);
  EXPECT_TRUE(changes[0].starts_with("!price gone; likely now `betrag` (contents alike")) << changes[0];
  EXPECT_TRUE(changes[1].starts_with("!rebate gone; likely now `nachlass` (contents alike")) << changes[1];
  EXPECT_TRUE(changes[2].starts_with("!price_in gone; likely now `betrag_in` (contents alike")) << changes[2];
}

TEST(ContractDiffTest, OtherContentsAreNotARename) {
  const Table before = Orders("price", "rebate", 1, 0), after = Orders("cents", "points", 100, 0);
  EXPECT_LT(Likeness(Measured(before).columns[0], Measured(after).columns[0]), 0.5);
  EXPECT_GT(Likeness(Measured(before).columns[0], Measured(before).columns[0]), 0.999);
  EXPECT_EQ(Likeness(Measured(before).columns[0], Measured(before).columns[2]), 0);
}

}  // namespace
}  // namespace headrace
