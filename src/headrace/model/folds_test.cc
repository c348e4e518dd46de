#include "headrace/model/folds.h"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Names = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;

Table OfInts(const std::string& name, Type type, const Ints& values) {
  return Table(Schema({{name, type}}), {std::make_shared<Column>(type, values, std::vector<std::uint8_t>{})}, values.size());
}
Ints Sequence(std::int64_t n) {
  Ints values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 0);
  return values;
}
std::vector<std::size_t> AllOf(const Table& table) {
  std::vector<std::size_t> rows(table.num_rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}
FoldSpec Hashed(std::int64_t count, Names columns = {}) { return {FoldSpec::Kind::kHash, std::move(columns), count, 0}; }
FoldSpec ByTime(std::int64_t count, std::int64_t gap_us = 0) { return {FoldSpec::Kind::kTime, {"t"}, count, gap_us}; }
Folds Make(const Table& table, const FoldSpec& spec, const Names& key = {}) {
  const Result<Folds> folds = MakeFolds(table, spec, key, AllOf(table));
  EXPECT_TRUE(folds.ok()) << folds.status();
  return folds.ok() ? *folds : Folds();
}
Status Refused(const Table& table, const FoldSpec& spec, ErrorCode code) {
  const Status status = MakeFolds(table, spec, Names{}, AllOf(table)).status();
  EXPECT_EQ(status.code(), code) << status;
  return status;
}
/// "0-3|4 5" for each fold: the rows it learns from and those it holds out.
std::string Told(const Folds& folds) {
  std::string out;
  for (int fold = 0; fold < folds.count; ++fold) {
    std::string learnt, held;
    for (std::size_t i = 0; i < folds.held.size(); ++i) {
      if (folds.Learns(i, fold)) learnt += StrCat(i, " ");
      if (folds.held[i] == fold) held += StrCat(i, " ");
    }
    out += StrCat(learnt, "| ", held, "\n");
  }
  return out;
}

TEST(FoldsTest, AutoIsFiveFoldsBelow100000RowsAndATenthAsideFromThere) {
  const Table small = OfInts("t", Type::kInt, Sequence(99'999)), large = OfInts("t", Type::kInt, Sequence(100'000));
  EXPECT_EQ(Make(small, Hashed(0)).described, "out-of-fold 5");
  EXPECT_EQ(Make(large, Hashed(0)).described, "held aside 10%");
  EXPECT_EQ(Make(large, Hashed(0)).count, 1);
  EXPECT_EQ(Make(large, Hashed(3)).described, "out-of-fold 3");
  EXPECT_EQ(Make(small, ByTime(0)).described, "forward in time by t, 5 blocks");
  const Folds aside = Make(large, ByTime(0));
  EXPECT_EQ(aside.described, "newest 10% held aside by t");
  EXPECT_EQ(std::count(aside.held.begin(), aside.held.end(), 0), 10'000);
  EXPECT_EQ(aside.held[90'000], 0);
  EXPECT_TRUE(aside.Learns(89'999, 0));
  EXPECT_FALSE(CheckFolds(Hashed(1)).ok());
  EXPECT_FALSE(CheckFolds(Hashed(-1)).ok());
  EXPECT_FALSE(CheckFolds({FoldSpec::Kind::kTime, {}, 3, 0}).ok());
  EXPECT_FALSE(CheckFolds({FoldSpec::Kind::kHash, {"a"}, 3, 5}).ok());
}

TEST(FoldsTest, RowsWithEqualKeyShareAFold) {
  Ints customers;
  for (std::int64_t i = 0; i < 400; ++i) customers.push_back(i % 100);
  const Table table = OfInts("customer", Type::kInt, customers);
  const Folds by_key = Make(table, Hashed(5), {"customer"}), by_column = Make(table, Hashed(5, {"customer"}));
  for (std::size_t i = 100; i < 400; ++i) EXPECT_EQ(by_key.held[i], by_key.held[i % 100]);
  EXPECT_EQ(by_column.held, by_key.held);
  EXPECT_EQ(by_column.described, "out-of-fold 5 by customer");
}

TEST(FoldsTest, ARowsFoldDoesNotDependOnTheOtherRows) {
  const Table table = OfInts("k", Type::kInt, Sequence(100));
  std::vector<std::size_t> odd;
  for (std::size_t i = 1; i < 100; i += 2) odd.push_back(i);
  const Folds of_all = Make(table, Hashed(5));
  const Result<Folds> of_odd = MakeFolds(table, Hashed(5), Names{}, odd);
  ASSERT_TRUE(of_odd.ok());
  for (std::size_t i = 0; i < odd.size(); ++i) EXPECT_EQ(of_odd->held[i], of_all.held[odd[i]]);
}

TEST(FoldsTest, TooFewRowsOrKeysAreRefused) {
  EXPECT_EQ(Refused(OfInts("k", Type::kInt, Sequence(3)), Hashed(5), ErrorCode::kData).message(), "3 training rows are fewer than 5 folds");
  const Table table = OfInts("k", Type::kInt, {7, 7, 7, 7, 7, 7});
  EXPECT_THAT(MakeFolds(table, Hashed(5), Names{"k"}, AllOf(table)).status().ToString(), HasSubstr("has none of the 6 training rows\nhelp: rows with equal key share a fold"));
  EXPECT_THAT(Refused(table, Hashed(5, {"k"}), ErrorCode::kData).help(), HasSubstr("rows with equal k share a fold"));
  EXPECT_THAT(Refused(table, Hashed(5, {"kk"}), ErrorCode::kInvalid).message(), HasSubstr("\"kk\" is not in the data"));
}

TEST(FoldsTest, AFoldThatHoldsAWholeClassIsRefused) {
  Target target;
  target.classes = {"no", "yes"};
  target.values = {0, 0, 1, 1};
  const std::vector<std::size_t> rows = {0, 1, 2, 3};
  EXPECT_TRUE(CheckFoldClasses(target, rows, {2, {0, 1, 0, 1}, {}, "", {}}).ok());
  EXPECT_THAT(CheckFoldClasses(target, rows, {2, {0, 1, 1, 1}, {}, "", {}}).message(), HasSubstr("the fold 2's training part has one class only: no"));
}

TEST(TimeFoldsTest, EachFoldLearnsFromThePastAndIsJudgedOnTheNextBlock) {
  // TimeSeriesSplit(3) of ten rows: tests of 2, the first learns from 4.
  const Folds folds = Make(OfInts("t", Type::kDate, Sequence(10)), ByTime(3));
  EXPECT_EQ(Told(folds), "0 1 2 3 | 4 5 \n0 1 2 3 4 5 | 6 7 \n0 1 2 3 4 5 6 7 | 8 9 \n");
  EXPECT_THAT(folds.notes, ElementsAre("folds by t: rows are held out from 1970-01-05, 1970-01-07, 1970-01-09 on"));
}

TEST(TimeFoldsTest, TheOrderOfRowsDoesNotMatter) {
  EXPECT_EQ(Told(Make(OfInts("t", Type::kInt, {9, 1, 5, 2, 3, 7}), ByTime(2))), "1 3 | 2 4 \n1 2 3 4 | 0 5 \n");
}

TEST(TimeFoldsTest, OneInstantIsNeverOnBothSides) {
  // Twelve rows, three a day: the cuts at 4 and 8 are moved to 3 and 9.
  Ints days;
  for (std::int64_t i = 0; i < 12; ++i) days.push_back(i / 3);
  EXPECT_EQ(Told(Make(OfInts("t", Type::kDate, days), ByTime(2))), "0 1 2 | 3 4 5 6 7 8 \n0 1 2 3 4 5 6 7 8 | 9 10 11 \n");
  EXPECT_THAT(Refused(OfInts("t", Type::kDate, days), ByTime(4), ErrorCode::kData).message(), HasSubstr("has too few different values: 4 folds"));
  EXPECT_THAT(Refused(OfInts("t", Type::kDate, {5, 5, 5, 5}), ByTime(2), ErrorCode::kData).message(), HasSubstr("too few different values"));
}

TEST(TimeFoldsTest, AGapKeepsTheRowsBeforeABlockOutOfItsTraining) {
  const Table days = OfInts("t", Type::kDate, Sequence(10));
  EXPECT_EQ(Told(Make(days, ByTime(3, 3 * kMicrosPerDay))), "0 1 | 4 5 \n0 1 2 3 | 6 7 \n0 1 2 3 4 5 | 8 9 \n");
  EXPECT_EQ(Told(Make(days, ByTime(3, 2 * kMicrosPerDay + 1))), Told(Make(days, ByTime(3, 3 * kMicrosPerDay))));
  EXPECT_THAT(Refused(days, ByTime(3, 5 * kMicrosPerDay), ErrorCode::kData).message(), HasSubstr("the gap of 5d leaves fold 1 no row to learn from"));
  EXPECT_THAT(Refused(OfInts("t", Type::kInt, Sequence(10)), ByTime(3, 1), ErrorCode::kInvalid).message(), HasSubstr("a gap needs a date or timestamp"));
}

TEST(TimeFoldsTest, WhatIsNoTimeIsRefused) {
  EXPECT_THAT(Refused(OfInts("t", Type::kBool, {0, 1, 0, 1}), ByTime(2), ErrorCode::kInvalid).message(), "fold column `t` is bool; expected date, timestamp, int or double");
  EXPECT_THAT(Refused(OfInts("tt", Type::kInt, {0, 1, 0, 1}), ByTime(2), ErrorCode::kInvalid).ToString(), HasSubstr("did you mean \"tt\"?"));
  EXPECT_THAT(Refused(OfInts("t", Type::kInt, {0, 1}), ByTime(2), ErrorCode::kData).message(), HasSubstr("2 training rows are too few for 2 folds by `t`, which need 3"));
}

}  // namespace
}  // namespace headrace
