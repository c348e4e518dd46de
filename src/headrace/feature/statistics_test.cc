#include "headrace/feature/statistics.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/feature/blocks.h"
#include "headrace/feature/levels.h"
#include "headrace/feature/target_encoding.h"

namespace headrace {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(StatisticsTest, SumsKeepWhatCancels) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.insert(values.end(), {1e15, 0.125, -1e15});
  EXPECT_EQ(RangeOf(values, 1).sum.value(), 125.0);
}

TEST(StatisticsTest, TheVarianceSurvivesALargeOffset) {
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(1e9 + (i % 2 == 0 ? 1.0 : -1.0));
  const RangeState range = RangeOf(values, 2);
  EXPECT_EQ(range.Mean(), 1e9);
  EXPECT_DOUBLE_EQ(VarianceOf(values, range.Mean(), 2), 1.0);
}

TEST(StatisticsTest, MissingValuesAreLeftOut) {
  const RangeState range = RangeOf(std::vector<double>{kNaN, 3, kNaN, -5}, 1);
  EXPECT_EQ(range.count, 2);
  EXPECT_EQ(range.min, -5);
  EXPECT_EQ(range.max, 3);
  EXPECT_EQ(RangeOf(std::vector<double>{kNaN}, 1).count, 0);
}

TEST(StatisticsTest, MergedStatesEqualOneState) {
  std::vector<double> values;
  for (std::size_t i = 0; i < 3 * kFitBlockRows + 17; ++i) values.push_back(std::sqrt(static_cast<double>(i)) * (i % 3 == 0 ? -1 : 1));
  const RangeState one = RangeOf(values, 1), three = RangeOf(values, 3);
  EXPECT_EQ(one.sum.value(), three.sum.value());
  EXPECT_EQ(VarianceOf(values, one.Mean(), 1), VarianceOf(values, one.Mean(), 3));
}

TEST(StatisticsTest, PercentilesInterpolateAsNumpyDoes) {
  std::vector<double> values{4, 1, 3, 2};
  EXPECT_EQ(Percentile(values, 0), 1);
  EXPECT_EQ(Percentile(values, 100), 4);
  EXPECT_EQ(Percentile(values, 50), 2.5);
  EXPECT_DOUBLE_EQ(Percentile(values, 10), 1.3);
  std::vector<double> huge{-1.7e308, 1.7e308};
  EXPECT_EQ(Percentile(huge, 50), 0);
}

TEST(StatisticsTest, TheMedianOfAnEvenCountIsTheMeanOfTheMiddleTwo) {
  std::vector<double> even{9, 1, 4, 2}, odd{9, 1, 4};
  EXPECT_EQ(Median(even), 3);
  EXPECT_EQ(Median(odd), 4);
}

TEST(StatisticsTest, OfTheMostFrequentValuesTheSmallestIsTaken) {
  std::vector<double> values{5, 2, 2, 5, 7};
  EXPECT_EQ(MostFrequent(values), 2);
}

TEST(LevelsTest, AHundredThousandLevelsAreAllFoundAgain) {
  std::vector<std::string> texts;
  for (int i = 0; i < 100'000; ++i) texts.push_back(StrCat("level number ", 1'000'000 + i));
  const Levels levels = Levels::OfText(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(levels.Find(texts[i]), static_cast<std::int32_t>(i));
  EXPECT_EQ(levels.Find("level number 5"), -1);
  EXPECT_EQ(levels.Find(""), -1);
  EXPECT_EQ(Levels().Find("x"), -1);
}

TEST(LevelsTest, MinusZeroIsZero) {
  EXPECT_EQ(Levels::OfNumbers({0, 1}).Find(-0.0), 0);
  EXPECT_EQ(CountLevels(std::vector<double>{0, -0.0, kNaN}, 1).counts(), std::vector<std::int64_t>{2});
}

TEST(TargetEncodingTest, GroupsMergeToWhatOneGroupWouldBe) {
  TargetGroup all, left, right;
  for (int i = 0; i < 100; ++i) {
    const double y = i * 0.37;
    all.Add(y);
    (i < 30 ? left : right).Add(y);
  }
  left.Merge(right);
  EXPECT_EQ(left.count, 100);
  EXPECT_NEAR(left.mean, all.mean, 1e-12);
  EXPECT_NEAR(left.squares, all.squares, 1e-9);
}

}  // namespace
}  // namespace headrace
