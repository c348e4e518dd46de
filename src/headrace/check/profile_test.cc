#include "headrace/check/profile.h"

#include <gtest/gtest.h>

#include <cmath>

#include "headrace/check/test_world.h"

namespace headrace {
namespace {

DataProfile ProfileOf(const Table& table, std::size_t block_rows = 65536, const std::set<std::string>& personal = {}) {
  Result<DataProfile> profile = ProfileRows(*StreamOf(table, block_rows), personal);
  EXPECT_TRUE(profile.ok()) << profile.status();
  return *std::move(profile);
}

Table Mixed(std::size_t rows) {
  ColumnBuilder ints(Type::kInt), doubles(Type::kDouble), texts(Type::kText), dates(Type::kDate), bools(Type::kBool);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto k = static_cast<std::int64_t>(i);
    if (i % 10 == 3) ints.AppendNull();
    else ints.AppendInt(k * 7919 % 1000);
    doubles.AppendDouble(i % 50 == 0 ? std::nan("") : static_cast<double>(k % 997) / 3);
    texts.AppendText(i % 4 == 0 ? "" : i % 4 == 1 ? "zürich" : StrCat("place ", i % 31));
    dates.AppendInt(20000 + k % 300);
    bools.AppendInt(k % 3 == 0 ? 1 : 0);
  }
  return Table(Schema({{"n", Type::kInt}, {"x", Type::kDouble}, {"t", Type::kText}, {"d", Type::kDate}, {"b", Type::kBool}}),
               {ints.Finish(), doubles.Finish(), texts.Finish(), dates.Finish(), bools.Finish()}, rows);
}

TEST(ProfileTest, BlocksOfAnySizeGiveTheSameBits) {
  const Table table = Mixed(40'000);
  const std::string whole = ProfileOf(table).ToJson();
  for (const std::size_t block : {1'000u, 777u, 39'999u}) EXPECT_EQ(ProfileOf(table, block).ToJson(), whole) << block;
}

TEST(ProfileTest, MergedPartsCountLikeTheWhole) {
  const Table table = Mixed(12'000);
  ProfileScan left(table.schema(), {}), right(table.schema(), {});
  left.Add(table.Slice(0, 5'000));
  right.Add(table.Slice(5'000, 7'000));
  left.Merge(right);
  const DataProfile merged = left.Finish(), whole = ProfileOf(table);
  EXPECT_EQ(merged.rows, whole.rows);
  for (std::size_t c = 0; c < whole.columns.size(); ++c) {
    const ColumnMeasures &a = merged.columns[c], &b = whole.columns[c];
    EXPECT_EQ(a.nulls, b.nulls);
    EXPECT_EQ(a.nans, b.nans);
    EXPECT_EQ(a.distinct, b.distinct);
    EXPECT_EQ(a.min, b.min);
    EXPECT_EQ(a.top, b.top);
    EXPECT_EQ(a.quantiles, b.quantiles);
    EXPECT_EQ(a.histogram.counts, b.histogram.counts);
    if (b.sd) { EXPECT_NEAR(*a.sd, *b.sd, *b.sd * 1e-12); }
  }
}

TEST(ProfileTest, MeasuresSmallColumnsExactly) {
  const DataProfile profile = ProfileOf(Column1("x", Type::kDouble, {"1", "2", "null", "nan", "4", "inf", "-0", "0"}));
  const ColumnMeasures& c = profile.columns.at(0);
  EXPECT_EQ(std::tuple(c.rows, c.nulls, c.nans, c.infinities, c.distinct), std::tuple(8, 1, 1, 1, 5));
  EXPECT_EQ(c.min, Value::Double(0));
  EXPECT_EQ(c.max, Value::Double(4));
  EXPECT_DOUBLE_EQ(*c.mean, 1.4);
  EXPECT_EQ(c.quantiles.at(4), (std::pair<double, double>{0.5, 1.0}));
  EXPECT_EQ(c.top.at(0), (std::pair<std::string, std::int64_t>{"0", 2}));
}

TEST(ProfileTest, TextIsMeasuredInCharacters) {
  const DataProfile profile = ProfileOf(Column1("t", Type::kText, {"zürich", "", "ab", "ab", "null"}));
  const ColumnMeasures& c = profile.columns.at(0);
  ASSERT_TRUE(c.lengths);
  EXPECT_EQ(std::tuple(c.lengths->min, c.lengths->max, c.lengths->empty), std::tuple(0, 6, 1));
  EXPECT_DOUBLE_EQ(c.lengths->mean, 2.5);
  EXPECT_TRUE(c.min.is_null());
}

TEST(ProfileTest, NothingOfAPersonalColumnIsTold) {
  const std::string json = ProfileOf(Column1("mail", Type::kText, {"canary@example.com", "canary@example.com", "other@example.com"}), 65536, {"mail"}).ToJson();
  EXPECT_EQ(json.find("example.com"), std::string::npos);
  EXPECT_EQ(json.find("lengths"), std::string::npos);
  EXPECT_NE(json.find("\"count\": 2"), std::string::npos);
}

TEST(ProfileTest, AnEmptyTableAndAColumnOfNullsHaveNoSpread) {
  for (const DataProfile& profile : {ProfileOf(Column1("x", Type::kInt, {})), ProfileOf(Column1("x", Type::kInt, {"null", "null"}))}) {
    EXPECT_TRUE(profile.columns[0].min.is_null());
    EXPECT_TRUE(profile.columns[0].histogram.counts.empty());
    EXPECT_EQ(profile.columns[0].distinct, 0);
  }
}

TEST(ProfileTest, AFewFarValuesDoNotHideTheHistogram) {
  std::vector<std::string> cells(1000, "1");
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = StrCat(i % 50);
  cells[0] = "1000000";
  const ColumnMeasures c = ProfileOf(Column1("x", Type::kInt, cells)).columns.at(0);
  EXPECT_EQ(c.histogram.above, 1);
  EXPECT_GT(c.histogram.counts.size(), 10u);
  std::int64_t sum = c.histogram.below + c.histogram.above;
  for (const std::int64_t count : c.histogram.counts) sum += count;
  EXPECT_EQ(sum, 1000);
}

}  // namespace
}  // namespace headrace
