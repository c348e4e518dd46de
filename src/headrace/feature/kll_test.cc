// The sketch against numpy's rule on the sorted values, and what a model says that used one.
#include "headrace/feature/kll.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "headrace/feature/statistics.h"
#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kMany = 1'000'000;

struct Case { std::string name; std::vector<double> values; };

std::vector<Case> Distributions() {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const auto make = [&](std::string name, const std::function<double(std::size_t)>& of) {
    Case one{std::move(name), std::vector<double>(kMany)};
    for (std::size_t i = 0; i < kMany; ++i) one.values[i] = of(i);
    return one;
  };
  return {make("sorted", [](std::size_t i) { return static_cast<double>(i); }),
          make("reversed", [](std::size_t i) { return -static_cast<double>(i); }),
          make("zigzag", [](std::size_t i) { return i % 2 == 0 ? static_cast<double>(i) : -static_cast<double>(i); }),
          make("few ties", [&](std::size_t) { return static_cast<double>(random() % 7); }),
          make("mostly zero", [&](std::size_t) { return random() % 10 == 0 ? normal(random) : 0.0; }),
          make("one value", [](std::size_t) { return 4.25; }),
          make("normal", [&](std::size_t) { return normal(random); }),
          make("heavy tail", [&](std::size_t) { return std::tan(3.14159 * (static_cast<double>(random() >> 11) / 9007199254740992.0 - 0.5)); }),
          make("missing", [&](std::size_t i) { return i % 3 == 0 ? std::numeric_limits<double>::quiet_NaN() : std::exp(normal(random)); }),
          make("waves", [](std::size_t i) { return std::sin(static_cast<double>(i) / 5000); })};
}

/// By how much of all values the rank of what the sketch gives is off, at the worst of a thousand ranks. A value with ties has many ranks, of which the nearest counts.
double WorstError(const KllSketch& sketch, std::vector<double> values) {
  std::erase_if(values, [](double x) { return x != x; });
  std::sort(values.begin(), values.end());
  EXPECT_EQ(sketch.count(), values.size());
  std::vector<std::size_t> ranks;
  for (std::size_t i = 0; i <= 1000; ++i) ranks.push_back((values.size() - 1) * i / 1000);
  const std::vector<double> found = sketch.At(ranks);
  EXPECT_EQ(found.front(), values.front());
  EXPECT_EQ(found.back(), values.back());
  double worst = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const auto [first, last] = std::equal_range(values.begin(), values.end(), found[i]);
    const auto low = static_cast<double>(first - values.begin()), high = static_cast<double>(last - values.begin()), rank = static_cast<double>(ranks[i]);
    worst = std::max(worst, rank < low ? low - rank : rank > high ? rank - high : 0);
  }
  return worst / static_cast<double>(values.size());
}

TEST(KllTest, RanksAreWithinTheStatedErrorInBoundedMemory) {
  for (const Case& one : Distributions()) {
    KllSketch whole(1), merged(1);
    whole.Add(one.values);
    constexpr std::size_t kBlock = 65'536;
    for (std::size_t begin = 0; begin < one.values.size(); begin += kBlock) {
      KllSketch part(begin / kBlock + 2);
      part.Add(std::span(one.values).subspan(begin, std::min(kBlock, one.values.size() - begin)));
      merged.Merge(part);
      EXPECT_LT(merged.held(), 4 * KllSketch::kWidth);
    }
    EXPECT_LT(whole.held(), 4 * KllSketch::kWidth);
    EXPECT_LT(WorstError(whole, one.values), KllSketch::kRankError) << one.name;
    EXPECT_LT(WorstError(merged, one.values), KllSketch::kRankError) << one.name << ", merged";
  }
}

TEST(KllTest, TheSameOrderGivesTheSameBitsHoweverValuesAreHandedOver) {
  const Case one = Distributions()[6];
  std::vector<std::size_t> ranks;
  for (std::size_t i = 0; i <= 1000; ++i) ranks.push_back((kMany - 1) * i / 1000);
  KllSketch whole(9), pieces(9), other(10);
  whole.Add(one.values);
  other.Add(one.values);
  for (std::size_t begin = 0, size = 1; begin < kMany; begin += size, size = size * 3 % 40'009 + 1) pieces.Add(std::span(one.values).subspan(begin, std::min(size, kMany - begin)));
  EXPECT_EQ(whole.At(ranks), pieces.At(ranks));
  EXPECT_NE(whole.At(ranks), other.At(ranks)) << "another seed, other coins";
}

TEST(KllTest, FewValuesAreAllHeld) {
  KllSketch sketch(1);
  sketch.Add(std::vector<double>{3, std::nan(""), -0.0, 7, 5});
  EXPECT_EQ(sketch.count(), 4u);
  const std::vector<std::size_t> ranks{0, 1, 2, 3};
  EXPECT_THAT(sketch.At(ranks), testing::ElementsAre(0, 3, 5, 7));
}

TEST(KllTest, RankingsOfManyValuesAreTheSameForAnyNumberOfThreads) {
  const Case one = Distributions()[8];
  const std::vector<double> wanted{0, 1, 25, 50, 99.9, 100};
  const Ranking exact(one.values, 2), sketched(one.values, 1, kMany - 1);
  EXPECT_FALSE(exact.sketched());
  EXPECT_TRUE(sketched.sketched());
  EXPECT_EQ(sketched.count(), exact.count());
  const std::vector<double> found = sketched.Percentiles(wanted), truth = exact.Percentiles(wanted);
  EXPECT_EQ(found.front(), truth.front());
  EXPECT_EQ(found.back(), truth.back());
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], truth[i], 0.01 * truth[i] + 1e-12);
  for (const int threads : {2, 3}) {
    const Ranking again(one.values, threads, kMany - 1);
    EXPECT_EQ(again.Percentiles(wanted), found);
    EXPECT_EQ(again.Median(), sketched.Median());
    EXPECT_EQ(again.AveragedPercentiles(wanted), sketched.AveragedPercentiles(wanted));
  }
}

/// 2^24 different numbers, out of order; the one more is the largest.
TEST(KllTest, RankingsBeginToSketchBeyondTheStatedRows) {
  std::vector<double> values(kExactPercentiles);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i * 10'368'889 % values.size());
  const std::vector<double> wanted{0, 1, 50, 99, 100};
  const Ranking exact(values, 2);
  EXPECT_FALSE(exact.sketched());
  const auto last = static_cast<double>(values.size() - 1);
  EXPECT_THAT(exact.Percentiles(wanted), testing::ElementsAre(0, last * 0.01, last * 0.5, last * 0.99, last));
  values.push_back(last + 1);
  const Ranking sketched(values, 2);
  EXPECT_TRUE(sketched.sketched());
  const std::vector<double> found = sketched.Percentiles(wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], (last + 1) * wanted[i] / 100, KllSketch::kRankError * last);
  EXPECT_EQ(found.back(), last + 1);
}

/// Every step that asks for percentiles.
TEST(KllTest, ATransformSaysWhichColumnsPercentilesAreSketched) {
  constexpr std::size_t kRows = 200'000;
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal;
  std::vector<std::string> names{"clip", "robust", "median", "quantile", "bins", "spline", "by", "mean"};
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (const std::string& name : names) {
    ColumnBuilder column(Type::kDouble);
    for (std::size_t i = 0; i < kRows; ++i) {
      if (i % 50 == 7) column.AppendNull();
      else column.AppendDouble(normal(random));
    }
    fields.push_back({name, Type::kDouble});
    columns.push_back(column.Finish());
  }
  ColumnBuilder level(Type::kText);
  for (std::size_t i = 0; i < kRows; ++i) level.AppendText(i % 2 == 0 ? "even" : "odd");
  fields.push_back({"level", Type::kText});
  columns.push_back(level.Finish());
  const Table rows(Schema(std::move(fields)), std::move(columns), kRows);
  SplineStep spline;
  spline.quantile = true;
  std::vector<TransformSpec> specs;
  for (const auto& [name, step] : std::vector<std::pair<std::string, TransformStep>>{{"clip", ClipStep{1, 99, true}}, {"robust", ScaleStep{ScaleStep::How::kRobust}}, {"median", ImputeStep{}},
                                                                                    {"quantile", QuantileStep{}}, {"bins", BinsStep{}}, {"spline", spline},
                                                                                    {"by", ImputeStep{.by = "level"}}, {"mean", ImputeStep{ImputeStep::With::kMean}}})
    specs.push_back({{name}, {step}, {}});
  FitContext context;
  for (std::size_t i = 0; i < kRows; ++i) context.target.push_back(static_cast<double>(i % 2));
  context.matrix = false;
  context.exact_percentiles = kRows / 4;
  std::string first;
  for (const int threads : {1, 2, 3}) {
    context.threads = threads;
    const Result<FitOutput> fitted = FitTransform(rows, specs, context);
    ASSERT_TRUE(fitted.ok()) << fitted.status();
    const std::string json = fitted->transform.ToJson();
    if (first.empty()) first = json;
    EXPECT_TRUE(json == first) << threads;
    for (const std::string& name : names) {
      const auto note = HasSubstr("column `" + name + "`: its percentiles come from a KLL sketch, whose ranks are within 0.1 %");
      if (name == "mean") EXPECT_THAT(fitted->notes, Not(Contains(note)));
      else EXPECT_THAT(fitted->notes, Contains(note));
    }
    const Result<FittedTransform> read = FittedTransform::FromJson(json);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(read->ToJson() == json);
  }
  std::size_t told = 0;
  for (std::size_t at = first.find("\"percentiles\":{\"rank_error\":0.001,\"sketch\":\"kll\"}"); at != std::string::npos; at = first.find("\"percentiles\"", at + 1)) ++told;
  EXPECT_EQ(told, names.size() - 1);
  context.exact_percentiles = kRows;
  const Result<FitOutput> exact = FitTransform(rows, specs, context);
  ASSERT_TRUE(exact.ok());
  EXPECT_EQ(exact->transform.ToJson().find("percentiles"), std::string::npos);
  EXPECT_FALSE(FittedTransform::FromJson(std::string(first).replace(first.find("0.001,\"sketch"), 5, "0.002")).ok());
}

}  // namespace
}  // namespace headrace
