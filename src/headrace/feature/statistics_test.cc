#include "headrace/feature/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/feature/blocks.h"
#include "headrace/feature/kernels.h"
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

std::vector<double> Percentiles(const std::vector<double>& values, const std::vector<double>& q) { return Ranking(values, 2).Percentiles(q); }

TEST(StatisticsTest, PercentilesInterpolateAsNumpyDoes) {
  EXPECT_THAT(Percentiles({4, 1, 3, 2, kNaN}, {0, 10, 50, 100}), testing::ElementsAre(1, testing::DoubleEq(1.3), 2.5, 4));
  EXPECT_THAT(Percentiles({-1.7e308, 1.7e308}, {50}), testing::ElementsAre(0));
}

TEST(StatisticsTest, RanksOfManyValuesAreThoseOfSortedOnes) {
  std::mt19937_64 random(3);
  const double odd[] = {HUGE_VAL, -HUGE_VAL, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308, 1, std::nextafter(1, 2), kNaN};
  for (const int kind : {0, 1, 2, 3, 4, 5}) {
    std::vector<double> values;
    for (int i = 0; i < 100'000; ++i) {
      const double u = static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
      // Evenly, of any bits, of few values, of one, of odd ones, in a narrow range.
      values.push_back(kind == 0 ? u : kind == 1 ? std::bit_cast<double>(random()) : kind == 2 ? std::round(u * 4) : kind == 3 ? 7 : kind == 4 ? odd[random() % std::size(odd)] : 1e6 + u * 1e-3);
      if (i % 17 == 0) values.back() = kNaN;
    }
    std::vector<double> sorted;
    for (const double x : values)
      if (x == x) sorted.push_back(x + 0.0);
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::size_t> many = {0, 1, sorted.size() / 2, sorted.size() - 1}, spread;
    for (std::size_t r = 2; r < 5000; ++r) many.push_back(r);
    std::sort(many.begin(), many.end());
    many.erase(std::unique(many.begin(), many.end()), many.end());
    for (std::size_t r = 0; r < sorted.size(); r += 93) spread.push_back(r);
    for (const int threads : {1, 2, 5}) {
      const Ranking ranking(values, threads);
      ASSERT_EQ(ranking.count(), sorted.size());
      for (const std::vector<std::size_t>& ranks : {many, spread, std::vector<std::size_t>{sorted.size() / 3}}) {
        const std::vector<double> found = ranking.At(ranks);
        ASSERT_EQ(found.size(), ranks.size());
        for (std::size_t i = 0; i < ranks.size(); ++i) ASSERT_EQ(std::bit_cast<std::uint64_t>(found[i]), std::bit_cast<std::uint64_t>(sorted[ranks[i]])) << kind << " at " << ranks[i] << ", " << threads << " threads";
      }
    }
  }
}

TEST(StatisticsTest, TheMedianOfAnEvenCountIsTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(Ranking(std::vector<double>{9, 1, 4, 2}, 1).Median(), 3);
  EXPECT_EQ(Ranking(std::vector<double>{9, kNaN, 1, 4}, 1).Median(), 4);
}

TEST(StatisticsTest, OfTheMostFrequentValuesTheSmallestIsTaken) { EXPECT_EQ(MostFrequent(std::vector<double>{5, 2, 2, 5, 7, kNaN}, 1), 2); }

TEST(StatisticsTest, TheBitsAreThoseOfAProcessorWithoutAvx2) {
  std::vector<double> values;
  for (int i = 0; i < 1003; ++i) values.push_back(i % 7 == 0 ? kNaN : std::sqrt(i) * 1e3);
  const RangeState with = RangeOf(values, 1);
  const double variance = VarianceOf(values, with.Mean(), 1);
  ForgetAvx2(true);
  EXPECT_EQ(RangeOf(values, 1).sum.value(), with.sum.value());
  EXPECT_EQ(VarianceOf(values, with.Mean(), 1), variance);
  ForgetAvx2(false);
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
