#include "headrace/check/summaries.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace headrace {
namespace {

std::vector<double> Numbers(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> out(n);
  for (double& x : out) x = std::exp(static_cast<double>(random() % 1'000'000) / 100'000);
  return out;
}

TEST(MomentsTest, MergedPartsAreTheWhole) {
  const auto numbers = Numbers(10'000, 1);
  Moments whole, left, right;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    whole.Add(numbers[i] + 1e9);
    (i < 1234 ? left : right).Add(numbers[i] + 1e9);
  }
  left.Merge(right);
  EXPECT_EQ(left.count, whole.count);
  EXPECT_NEAR(left.mean, whole.mean, 1e-5);
  EXPECT_NEAR(left.StandardDeviation(), whole.StandardDeviation(), whole.StandardDeviation() * 1e-9);
  Moments none;
  none.Merge(whole);
  EXPECT_EQ(none.mean, whole.mean);
}

TEST(DistinctSketchTest, StaysWithinFourStandardErrors) {
  for (const std::int64_t n : {100, 20'000, 1'000'000}) {
    DistinctSketch sketch;
    for (std::int64_t i = 0; i < n; ++i) {
      sketch.Add(XXH3_64bits(&i, sizeof i));
      if (i % 3 == 0) sketch.Add(XXH3_64bits(&i, sizeof i));
    }
    EXPECT_NEAR(static_cast<double>(sketch.Estimate()), static_cast<double>(n), static_cast<double>(n) * 4 * 0.0082) << n;
  }
  EXPECT_EQ(DistinctSketch().Estimate(), 0);
}

TEST(FrequentValuesTest, IsExactUpToItsLimitAndSaysWhenNot) {
  FrequentValues values;
  for (std::size_t i = 0; i < FrequentValues::kExactDistinct; ++i) values.Add(std::to_string(i));
  values.Add("7");
  EXPECT_TRUE(values.exact());
  EXPECT_EQ(values.Distinct(), static_cast<std::int64_t>(FrequentValues::kExactDistinct));
  EXPECT_EQ(values.Top(1), (std::vector<std::pair<std::string, std::int64_t>>{{"7", 2}}));
  values.Add("one more");
  EXPECT_FALSE(values.exact());
}

TEST(FrequentValuesTest, KeepsHeavyValuesAmongVeryMany) {
  FrequentValues values;
  constexpr std::int64_t kRows = 300'000;
  for (std::int64_t i = 0; i < kRows; ++i) values.Add(i % 10 == 0 ? "heavy" : std::to_string(i));
  ASSERT_TRUE(values.counted());
  const auto top = values.Top(3);
  ASSERT_FALSE(top.empty());
  EXPECT_EQ(top[0].first, "heavy");
  EXPECT_LE(top[0].second, kRows / 10);
  EXPECT_GE(top[0].second + values.slack(), kRows / 10);
  EXPECT_NEAR(static_cast<double>(values.Distinct()), 0.9 * kRows, 0.9 * kRows * 0.033);
}

TEST(FrequentValuesTest, GivesUpWhereAllDiffer) {
  FrequentValues values;
  for (int i = 0; i < 20'000; ++i) values.Add(std::to_string(i));
  EXPECT_FALSE(values.counted());
  EXPECT_TRUE(values.Top(3).empty());
  EXPECT_NEAR(static_cast<double>(values.Distinct()), 20'000, 660);
}

TEST(QuantileSketchTest, RanksStayWithinTheStatedError) {
  for (const std::size_t n : {16'384u, 16'385u, 100'000u, 1'000'000u}) {
    auto numbers = Numbers(n, n);
    QuantileSketch sketch, left, right;
    for (std::size_t i = 0; i < n; ++i) {
      sketch.Add(numbers[i]);
      (i % 3 == 0 ? left : right).Add(numbers[i]);
    }
    left.Merge(right);
    EXPECT_EQ(sketch.exact(), n <= QuantileSketch::kExactValues);
    std::sort(numbers.begin(), numbers.end());
    for (const QuantileSketch* one : {&sketch, &left}) {
      EXPECT_EQ(one->count(), static_cast<std::int64_t>(n));
      const auto points = one->Points();
      std::int64_t weight = 0;
      for (const auto& point : points) weight += point.weight;
      EXPECT_EQ(weight, static_cast<std::int64_t>(n));
      for (int k = 0; k <= 100; ++k) {
        const double q = QuantileOf(points, k / 100.0);
        const auto low = static_cast<double>(std::lower_bound(numbers.begin(), numbers.end(), q) - numbers.begin());
        const auto high = static_cast<double>(std::upper_bound(numbers.begin(), numbers.end(), q) - numbers.begin());
        const double place = k / 100.0 * static_cast<double>(n - 1), error = QuantileSketch::kRankError * static_cast<double>(n) + 1;
        EXPECT_TRUE(place >= low - error && place <= high + error) << n << " at " << k << ": " << place << " not in " << low << ", " << high;
      }
    }
  }
}

}  // namespace
}  // namespace headrace
