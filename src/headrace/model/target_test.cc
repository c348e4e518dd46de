#include "headrace/model/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Table OfInts(Type type, const std::vector<std::int64_t>& values) {
  return Table(Schema({{"y", type}}), {std::make_shared<Column>(type, values, std::vector<std::uint8_t>())},
               values.size());
}
Table OfDoubles(const std::vector<double>& values) {
  return Table(Schema({{"y", Type::kDouble}}), {std::make_shared<Column>(values, std::vector<std::uint8_t>())},
               values.size());
}
Table OfTexts(const std::vector<std::string>& values) {
  ColumnBuilder builder(Type::kText);
  for (const std::string& value : values) {
    if (value == "-")
      builder.AppendNull();
    else
      builder.AppendText(value);
  }
  return Table(Schema({{"y", Type::kText}}), {builder.Finish()}, values.size());
}
TrainSpec Spec(std::string positive = "") {
  TrainSpec spec;
  spec.target = "y";
  spec.positive = std::move(positive);
  return spec;
}
Target Extract(const Table& table, const TrainSpec& spec = Spec()) {
  const Result<Target> target = ExtractTarget(table, spec);
  EXPECT_TRUE(target.ok()) << target.status();
  return target.ok() ? *target : Target();
}
Status Refused(const Table& table, ErrorCode code, const TrainSpec& spec = Spec()) {
  const Status status = ExtractTarget(table, spec).status();
  EXPECT_EQ(status.code(), code) << status;
  return status;
}
std::vector<std::int64_t> Cycle(std::int64_t distinct, std::size_t rows) {
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < rows; ++i) values.push_back(static_cast<std::int64_t>(i) % distinct);
  return values;
}

TEST(TargetTest, TrueIsThePositiveClass) {
  const Target target = Extract(OfInts(Type::kBool, {1, 0, 1}));
  EXPECT_EQ(target.task, Task::kBinary);
  EXPECT_THAT(target.classes, ElementsAre("false", "true"));
  EXPECT_THAT(target.values, ElementsAre(1, 0, 1));
}

TEST(TargetTest, OneIsThePositiveClassEvenBesideTwo) {
  EXPECT_THAT(Extract(OfInts(Type::kInt, {2, 1, 2})).classes, ElementsAre("2", "1"));
  EXPECT_THAT(Extract(OfInts(Type::kInt, {0, 1})).classes, ElementsAre("0", "1"));
  EXPECT_THAT(Extract(OfDoubles({0, 1, -0.0})).classes, ElementsAre("0", "1"));
}

TEST(TargetTest, OtherwiseTheLastInByteOrderIsPositive) {
  EXPECT_THAT(Extract(OfTexts({"no", "yes", "no"})).classes, ElementsAre("no", "yes"));
  EXPECT_THAT(Extract(OfTexts({"b", "B"})).classes, ElementsAre("B", "b"));
}

TEST(TargetTest, ThePositiveClassCanBeChosen) {
  const Target target = Extract(OfTexts({"stay", "left"}), Spec("left"));
  EXPECT_THAT(target.classes, ElementsAre("stay", "left"));
  EXPECT_THAT(target.values, ElementsAre(0, 1));
}

TEST(TargetTest, AnUnknownPositiveClassListsTheValues) {
  const Status status = Refused(OfTexts({"no", "yes"}), ErrorCode::kInvalid, Spec("Yes"));
  EXPECT_EQ(status.ToString(), "positive class \"Yes\" is not a value of target `y`\nhelp: choose from: no, yes");
}

TEST(TargetTest, SeveralTextsAreClassesInByteOrder) {
  const Target target = Extract(OfTexts({"c", "a", "b", "a"}));
  EXPECT_EQ(target.task, Task::kMulticlass);
  EXPECT_THAT(target.classes, ElementsAre("a", "b", "c"));
  EXPECT_THAT(target.values, ElementsAre(2, 0, 1, 0));
}

TEST(TargetTest, FewIntsWithManyRowsAreClassesAndOtherNumbersAreNot) {
  EXPECT_EQ(Extract(OfInts(Type::kInt, Cycle(3, 30))).task, Task::kMulticlass);
  EXPECT_EQ(Extract(OfInts(Type::kInt, Cycle(3, 29))).task, Task::kRegression);
  EXPECT_EQ(Extract(OfInts(Type::kInt, Cycle(21, 1000))).task, Task::kRegression);
  EXPECT_EQ(Extract(OfDoubles({1, 2, 3})).task, Task::kRegression);
}

TEST(TargetTest, TheObjectiveDecidesFirst) {
  TrainSpec spec = Spec();
  spec.learner.task = Task::kRegression;
  const Target target = Extract(OfInts(Type::kInt, {0, 1, 0}), spec);
  EXPECT_EQ(target.task, Task::kRegression);
  EXPECT_THAT(target.values, ElementsAre(0, 1, 0));
  spec.learner.task = Task::kBinary;
  EXPECT_THAT(Refused(OfInts(Type::kInt, {0, 1, 2}), ErrorCode::kData, spec).message(),
              HasSubstr("3 distinct values; a binary model needs two"));
  spec.learner.task = Task::kRegression;
  EXPECT_THAT(Refused(OfTexts({"a", "b"}), ErrorCode::kData, spec).message(),
              HasSubstr("is text; regression needs a number"));
}

TEST(TargetTest, TheKindOfLearnerDecidesNext) {
  TrainSpec spec = Spec();
  spec.learner.given = true;
  spec.learner.kind = LearnerSpec::Kind::kLinear;
  EXPECT_EQ(Extract(OfInts(Type::kInt, {0, 1}), spec).task, Task::kRegression);
  spec.learner.kind = LearnerSpec::Kind::kLogistic;
  EXPECT_EQ(Extract(OfInts(Type::kInt, {0, 1, 2}), spec).task, Task::kMulticlass);
}

TEST(TargetTest, NullsAreCountedAndTheFirstRowsNamed) {
  const Status status = Refused(OfTexts({"-", "a", "-", "b", "-", "-", "-", "-"}), ErrorCode::kData);
  EXPECT_EQ(status.message(), "target `y` is null in 6 of 8 rows (row 1, 3, 5, 6, 7, ...)");
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Refused(OfDoubles({1, 2, kNan}), ErrorCode::kData).message(),
            "target `y` is NaN or infinite in 1 of 3 rows (row 3)");
}

TEST(TargetTest, OneValueOnlyIsRefused) {
  EXPECT_THAT(Refused(OfInts(Type::kBool, {0, 0, 0}), ErrorCode::kData).message(),
              HasSubstr("one value only: false in all 3 rows"));
  EXPECT_THAT(Refused(OfDoubles({2.5, 2.5}), ErrorCode::kData).message(), HasSubstr("one value only: 2.5"));
}

TEST(TargetTest, AnIdentifierIsNoClass) {
  std::vector<std::string> ids;
  for (int i = 0; i < 101; ++i) ids.push_back("id" + std::to_string(i));
  EXPECT_THAT(Refused(OfTexts(ids), ErrorCode::kData).message(), HasSubstr("more than 100 distinct text values"));
}

TEST(TargetTest, AMissingTargetSuggestsTheNearestColumn) {
  TrainSpec spec = Spec();
  spec.target = "Y";
  EXPECT_EQ(Refused(OfDoubles({1, 2}), ErrorCode::kInvalid, spec).ToString(),
            "target \"Y\" is not a column of the data\nhelp: did you mean \"y\"?");
}

TEST(TargetTest, ADateIsNoTarget) {
  EXPECT_THAT(Refused(OfInts(Type::kDate, {1, 2}), ErrorCode::kData).message(),
              HasSubstr("is date; expected bool, int, double or text"));
}

TEST(CheckClassesTest, APartWithOneClassIsRefused) {
  const Target target = Extract(OfTexts({"no", "yes", "no", "no"}));
  const std::vector<std::size_t> both = {0, 1}, one = {0, 2, 3};
  EXPECT_TRUE(CheckClasses(target, both, "test").ok());
  const Status status = CheckClasses(target, one, "test");
  EXPECT_EQ(status.code(), ErrorCode::kData);
  EXPECT_EQ(status.message(), "the test part has one class only: no in all 3 rows");
}

}  // namespace
}  // namespace headrace
