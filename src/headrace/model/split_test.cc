#include "headrace/model/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;

Table OfInts(const std::string& name, Type type, const Ints& values, std::vector<std::uint8_t> valid = {}) {
  return Table(Schema({{name, type}}), {std::make_shared<Column>(type, values, std::move(valid))}, values.size());
}
Ints Sequence(std::int64_t n) {
  Ints values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(i);
  return values;
}
SplitSpec Spec(SplitSpec::Kind kind, Names columns, double test = 0.2) {
  SplitSpec spec;
  spec.kind = kind;
  spec.columns = std::move(columns);
  spec.test = test;
  return spec;
}
DataSplit Make(const Table& table, const SplitSpec& spec, const Names& key = {}) {
  const Result<DataSplit> split = MakeSplit(table, spec, key);
  EXPECT_TRUE(split.ok()) << split.status();
  return split.ok() ? *split : DataSplit();
}
Status Refused(const Table& table, const SplitSpec& spec, ErrorCode code) {
  const Status status = MakeSplit(table, spec, {}).status();
  EXPECT_EQ(status.code(), code) << status;
  return status;
}

TEST(KeyHasherTest, HashesAreThoseOfXxhash) {
  // xxhash.xxh64_intdigest(b"i" + struct.pack("<q", 1)), and of b"s" + struct.pack("<Q", 1) + b"a"
  const Table ints = OfInts("k", Type::kInt, {1});
  EXPECT_EQ(KeyHasher::Make(ints, Names{"k"})->Hash(0, 0), 14264264436651825723u);
  ColumnBuilder text(Type::kText);
  text.AppendText("a");
  const Table texts(Schema({{"k", Type::kText}}), {text.Finish()}, 1);
  EXPECT_EQ(KeyHasher::Make(texts, Names{"k"})->Hash(0, 0), 5981331223171458059u);
}

TEST(HashSplitTest, WithoutAKeyTheRowNumberIsHashed) {
  const Table table = OfInts("k", Type::kInt, Sequence(500));
  EXPECT_EQ(Make(table, Spec(SplitSpec::Kind::kHash, {})).test, Make(table, Spec(SplitSpec::Kind::kHash, {"k"})).test);
}

TEST(HashSplitTest, TheTrainKeyIsHashedWhenTheSplitNamesNone) {
  Ints falling = Sequence(500);
  std::reverse(falling.begin(), falling.end());
  const Table table = OfInts("k", Type::kInt, falling);
  EXPECT_EQ(Make(table, Spec(SplitSpec::Kind::kHash, {}), {"k"}).test,
            Make(table, Spec(SplitSpec::Kind::kHash, {"k"})).test);
  EXPECT_NE(Make(table, Spec(SplitSpec::Kind::kHash, {}), {"k"}).test,
            Make(table, Spec(SplitSpec::Kind::kHash, {})).test);
}

TEST(HashSplitTest, ARowKeepsItsPartInAnotherTable) {
  const DataSplit whole = Make(OfInts("k", Type::kInt, Sequence(1000)), Spec(SplitSpec::Kind::kHash, {"k"}));
  const DataSplit part = Make(OfInts("k", Type::kInt, Sequence(400)), Spec(SplitSpec::Kind::kHash, {"k"}));
  EXPECT_TRUE(std::equal(part.test.begin(), part.test.end(), whole.test.begin()));
  EXPECT_NEAR(static_cast<double>(whole.test.size()), 200, 40);
}

TEST(HashSplitTest, AnEmptyPartIsRefused) {
  const Status status =
      Refused(OfInts("k", Type::kInt, {1}), Spec(SplitSpec::Kind::kHash, {"k"}, 1e-6), ErrorCode::kData);
  EXPECT_EQ(status.message(), "the split puts none of the 1 rows into the test part");
}

TEST(TimeSplitTest, TheNewestRowsAreTestAndNoInstantStraddles) {
  // Four rows a day for five days; a share of 30 % is six rows, so one day (4) and two days (8) are equally near: the
  // later cut.
  Ints days;
  for (std::int64_t i = 0; i < 20; ++i) days.push_back(i / 4);
  const DataSplit split = Make(OfInts("day", Type::kDate, days), Spec(SplitSpec::Kind::kTime, {"day"}, 0.3));
  EXPECT_THAT(split.test, ElementsAre(16, 17, 18, 19));
  EXPECT_EQ(split.train.size(), 16u);
  EXPECT_THAT(split.notes, ElementsAre("split by day: test rows from 1970-01-05 on, 4 of 20 (20%)"));
}

TEST(TimeSplitTest, TheOrderOfRowsDoesNotMatter) {
  const DataSplit split = Make(OfInts("day", Type::kDate, {9, 1, 5, 2, 3}), Spec(SplitSpec::Kind::kTime, {"day"}, 0.4));
  EXPECT_THAT(split.test, ElementsAre(0, 2));
  EXPECT_THAT(split.train, ElementsAre(1, 3, 4));
}

TEST(TimeSplitTest, RowsInsideTheGapAreDroppedAndCounted) {
  SplitSpec spec = Spec(SplitSpec::Kind::kTime, {"day"}, 0.2);
  spec.gap_us = 3 * kMicrosPerDay;
  const DataSplit split = Make(OfInts("day", Type::kDate, Sequence(10)), spec);
  EXPECT_THAT(split.test, ElementsAre(8, 9));
  EXPECT_THAT(split.train, ElementsAre(0, 1, 2, 3, 4, 5));  // day 5 lies three whole days before day 8
  EXPECT_EQ(split.dropped, 2);
  EXPECT_EQ(split.notes.back(), "gap of 3d: 2 rows before the first test row are left out");
  spec.gap_us = 2 * kMicrosPerDay + 1;
  EXPECT_EQ(Make(OfInts("day", Type::kDate, Sequence(10)), spec).dropped, 2);
}

TEST(TimeSplitTest, ExtremeTimesDoNotOverflow) {
  SplitSpec spec = Spec(SplitSpec::Kind::kTime, {"t"}, 0.5);
  spec.gap_us = 1;
  const DataSplit split = Make(OfInts("t", Type::kTimestamp, {INT64_MIN, INT64_MAX}), spec);
  EXPECT_THAT(split.train, ElementsAre(0));
  EXPECT_THAT(split.test, ElementsAre(1));
}

TEST(TimeSplitTest, WhatCannotBeCutIsRefused) {
  SplitSpec spec = Spec(SplitSpec::Kind::kTime, {"t"});
  EXPECT_THAT(Refused(OfInts("t", Type::kDate, {3, 3, 3}), spec, ErrorCode::kData).message(),
              HasSubstr("one value only: 1970-01-04"));
  EXPECT_THAT(Refused(OfInts("t", Type::kDate, {3, 0, 4}, {1, 0, 1}), spec, ErrorCode::kData).message(),
              HasSubstr("null in 1 of 3 rows (row 2"));
  EXPECT_THAT(Refused(OfInts("t", Type::kBool, {0, 1}), spec, ErrorCode::kInvalid).message(),
              HasSubstr("is bool; expected date, timestamp"));
  EXPECT_EQ(Refused(OfInts("time", Type::kDate, {3}), spec, ErrorCode::kInvalid).message(),
            "split column \"t\" is not in the data");
  spec.gap_us = kMicrosPerDay;
  EXPECT_THAT(Refused(OfInts("t", Type::kInt, {0, 1}), spec, ErrorCode::kInvalid).message(),
              HasSubstr("a gap needs a date or timestamp"));
  spec.gap_us = 99 * kMicrosPerDay;
  EXPECT_THAT(Refused(OfInts("t", Type::kDate, {0, 1}), spec, ErrorCode::kData).message(),
              HasSubstr("training part (1 lie in the gap)"));
}

TEST(ColumnSplitTest, TrueOneAndTestAreTest) {
  EXPECT_THAT(Make(OfInts("is_test", Type::kBool, {0, 1, 0}), Spec(SplitSpec::Kind::kColumn, {"is_test"})).test,
              ElementsAre(1));
  EXPECT_THAT(Make(OfInts("is_test", Type::kInt, {1, 0, 1}), Spec(SplitSpec::Kind::kColumn, {"is_test"})).test,
              ElementsAre(0, 2));
  ColumnBuilder builder(Type::kText);
  for (const char* part : {"train", "test", "train"}) builder.AppendText(part);
  const Table table(Schema({{"part", Type::kText}}), {builder.Finish()}, 3);
  EXPECT_THAT(Make(table, Spec(SplitSpec::Kind::kColumn, {"part"})).test, ElementsAre(1));
}

TEST(ColumnSplitTest, OtherValuesAreRefusedWithTheirRow) {
  const Status status =
      Refused(OfInts("is_test", Type::kInt, {0, 1, 2}), Spec(SplitSpec::Kind::kColumn, {"is_test"}), ErrorCode::kData);
  EXPECT_EQ(status.message(), "split column `is_test` is 2 in row 3; expected 0 (training) or 1 (test)");
  EXPECT_THAT(
      Refused(OfInts("is_test", Type::kBool, {1, 1}), Spec(SplitSpec::Kind::kColumn, {"is_test"}), ErrorCode::kData)
          .message(),
      HasSubstr("none of the 2 rows into the training part"));
}

TEST(SplitTest, NoneTrainsOnAllRows) {
  const DataSplit split = Make(OfInts("k", Type::kInt, {5, 6}), SplitSpec());
  EXPECT_THAT(split.train, ElementsAre(0, 1));
  EXPECT_THAT(split.test, IsEmpty());
}

TEST(SplitTest, AShareOutside0To1IsRefused) {
  for (const double share : {0.0, 1.0, -0.1, 20.0})
    EXPECT_FALSE(CheckSplit(Spec(SplitSpec::Kind::kHash, {}, share)).ok()) << share;
  EXPECT_FALSE(CheckSplit(Spec(SplitSpec::Kind::kTime, {})).ok());
}

}  // namespace
}  // namespace headrace
