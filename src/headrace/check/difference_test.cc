#include "headrace/check/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Columns `id` (int) and `x` (double).
using Rows = std::vector<std::pair<std::int64_t, std::optional<double>>>;

Value X(const std::optional<double>& x) { return x ? Value::Double(*x) : Value::Null(Type::kDouble); }

ExpectedRows Expected(const Rows& rows) {
  ExpectedRows out{{"id", "x"}, {}};
  for (const auto& [id, x] : rows) out.rows.push_back({Value::Int(id), X(x)});
  return out;
}

Table Found(const Rows& rows) {
  ColumnBuilder ids(Type::kInt), xs(Type::kDouble);
  for (const auto& [id, x] : rows) {
    ids.AppendInt(id);
    xs.Append(X(x));
  }
  return Table(Schema({{"id", Type::kInt}, {"x", Type::kDouble}}), {ids.Finish(), xs.Finish()}, rows.size());
}

std::vector<std::string> Told(const Difference& difference) {
  std::vector<std::string> out;
  for (const Difference::Row& row : difference.rows) {
    std::string text = StrCat(row.kind == Difference::Row::Kind::kChanged ? "~ " : row.kind == Difference::Row::Kind::kMissing ? "- " : "+ ", row.label);
    for (const auto& cell : row.cells) text += StrCat(" ", cell.column, ":", cell.expected, "->", cell.found);
    out.push_back(text);
  }
  return out;
}

std::vector<std::string> Compare(const Rows& expected, const Rows& found, DifferenceOptions options = {}) {
  return Told(CompareRows(Expected(expected), Found(found), options));
}

TEST(DifferenceTest, EqualRowsInAnyOrderDoNotDiffer) {
  EXPECT_THAT(Compare({{1, 0.5}, {2, {}}, {1, 0.5}}, {{1, 0.5}, {1, 0.5}, {2, {}}}), IsEmpty());
  EXPECT_THAT(Compare({}, {}), IsEmpty());
}

TEST(DifferenceTest, RowsAreCountedNotOnlyLookedUp) {
  EXPECT_THAT(Compare({{1, 0.5}, {1, 0.5}}, {{1, 0.5}}), ElementsAre("- id=1, x=0.5"));
  EXPECT_THAT(Compare({{1, 0.5}}, {{1, 0.5}, {1, 0.5}}), ElementsAre("+ id=1, x=0.5"));
}

TEST(DifferenceTest, WithAKeyCellsAreTold) {
  EXPECT_THAT(Compare({{1, 0.5}, {2, 1.0}, {3, {}}}, {{4, 9.0}, {3, 0.0}, {1, 0.75}}, {.key = {"id"}}),
              ElementsAre("~ id=1 x:0.5->0.75", "- id=2, x=1", "~ id=3 x:null->0", "+ id=4, x=9"));
}

TEST(DifferenceTest, RowsOfEqualKeyArePairedInTheirOrder) {
  EXPECT_THAT(Compare({{1, 1.0}, {1, 2.0}, {1, 3.0}}, {{1, 1.0}, {1, 5.0}}, {.key = {"id"}}), ElementsAre("~ id=1 x:2->5", "- id=1, x=3"));
}

TEST(DifferenceTest, OrderCountsWhenItIsAskedFor) {
  EXPECT_THAT(Compare({{1, 1.0}, {2, 2.0}}, {{2, 2.0}, {1, 1.0}, {3, {}}}, {.key = {"id"}, .ordered = true}),
              ElementsAre("~ row 1: id=1 id:1->2 x:1->2", "~ row 2: id=2 id:2->1 x:2->1", "+ id=3, x=null"));
}

TEST(DifferenceTest, NumbersAreEqualWithinTheToleranceAndNotBeyond) {
  EXPECT_THAT(Compare({{1, 1000.0}}, {{1, 1000.9}}, {.tolerance = 0.001}), IsEmpty());
  EXPECT_THAT(Compare({{1, 1000.0}}, {{1, 1001.2}}, {.tolerance = 0.001}), ElementsAre("- id=1, x=1000", "+ id=1, x=1001.2"));
  EXPECT_THAT(Compare({{1, 0.0}}, {{1, 0.0009}}, {.tolerance = 0.001}), IsEmpty());
  EXPECT_THAT(Compare({{1, 0.1 + 0.2}}, {{1, 0.3}}), IsEmpty());
  EXPECT_THAT(Compare({{1, 0.1 + 0.2}}, {{1, 0.3}}, {.tolerance = 0}), ElementsAre("- id=1, x=0.30000000000000004", "+ id=1, x=0.3"));
}

TEST(DifferenceTest, WholeNumbersBeyondDoublesAreStillToldApart) {
  const std::int64_t big = (std::int64_t{1} << 62) + 1;
  EXPECT_THAT(Compare({{big, 0.0}}, {{big - 1, 0.0}}), ElementsAre("- id=4611686018427387905, x=0", "+ id=4611686018427387904, x=0"));
}

TEST(DifferenceTest, NanAndInfinityEqualThemselvesAlone) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Compare({{1, nan}, {2, inf}}, {{1, nan}, {2, inf}}), IsEmpty());
  EXPECT_EQ(Compare({{1, nan}}, {{1, 0.0}}).size(), 2u);
  EXPECT_EQ(Compare({{1, inf}}, {{1, 1e300}}).size(), 2u);
  EXPECT_EQ(Compare({{1, inf}}, {{1, -inf}}).size(), 2u);
}

TEST(DifferenceTest, TenRowsAreShownAndAllAreCounted) {
  Rows many;
  for (std::int64_t i = 0; i < 25; ++i) many.push_back({i, 0.0});
  const Difference difference = CompareRows(Expected(many), Found({}), {});
  EXPECT_EQ(difference.missing, 25u);
  EXPECT_EQ(difference.rows.size(), 10u);
}

}  // namespace
}  // namespace headrace
