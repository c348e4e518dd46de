#include "headrace/model/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "headrace/table/table.h"

namespace headrace {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using Doubles = std::vector<double>;
using Names = std::vector<std::string>;

Metrics Binary(const Doubles& target, const Doubles& scores, const Names& names, double threshold = 0.5) {
  const Result<Metrics> metrics = Evaluate(Task::kBinary, target, scores, 2, threshold, names);
  EXPECT_TRUE(metrics.ok()) << metrics.status();
  return metrics.ok() ? *metrics : Metrics();
}

TEST(MetricsTest, TiedScoresCountHalfInAuc) {
  EXPECT_THAT(Binary({0, 1, 0, 1}, {0.1, 0.9, 0.5, 0.5}, {"auc"}), ElementsAre(Pair("auc", 0.875)));
  EXPECT_THAT(Binary({0, 1, 0, 1}, {0.3, 0.3, 0.3, 0.3}, {"auc"}), ElementsAre(Pair("auc", 0.5)));
}

TEST(MetricsTest, TiedRowsShareTheWeightAtTheEdgeOfLift) {
  // The best 40 % are two rows of five: the 0.9, and one of the three at 0.5, of which one in three is positive.
  EXPECT_THAT(Binary({1, 1, 0, 0, 0}, {0.9, 0.5, 0.5, 0.5, 0.1}, {"lift@40%"}),
              ElementsAre(Pair("lift@40%", DoubleNear((1 + 1.0 / 3) / 2 / 0.4, 1e-15))));
  EXPECT_EQ(Binary({1, 1, 0, 0, 0}, {0.9, 0.5, 0.5, 0.5, 0.1}, {"lift@40%"}),
            Binary({1, 0, 0, 1, 0}, {0.9, 0.5, 0.5, 0.5, 0.1}, {"lift@40%"}));
}

TEST(MetricsTest, ARowIsLabelledPositiveAtTheThreshold) {
  EXPECT_THAT(Binary({1, 0}, {0.5, 0.4}, {"accuracy"}, 0.5), ElementsAre(Pair("accuracy", 1)));
}

TEST(MetricsTest, ExtremeScoresKeepLoglossFinite) {
  EXPECT_THAT(Binary({0, 1}, {1, 0}, {"logloss"}), ElementsAre(Pair("logloss", DoubleNear(36.04365338911715, 1e-9))));
}

TEST(MetricsTest, WhatRowsDoNotDefineIsLeftOut) {
  EXPECT_THAT(Binary({0, 0}, {0.2, 0.4}, {"auc", "average_precision", "lift@10%", "brier"}),
              UnorderedElementsAre(Key("brier")));
  const Result<Metrics> zero = Evaluate(Task::kRegression, Doubles{0}, Doubles{1}, 1, 0.5, {});
  ASSERT_TRUE(zero.ok());
  EXPECT_THAT(*zero, UnorderedElementsAre(Pair("rmse", 1), Pair("mae", 1), Pair("mape_skipped", 1)));
}

TEST(MetricsTest, AnOverflowIsLeftOutRatherThanInfinite) {
  const Result<Metrics> metrics =
      Evaluate(Task::kRegression, Doubles{1e300, 0}, Doubles{-1e300, 1}, 1, 0.5, Names{"rmse", "mae"});
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT(*metrics, ElementsAre(Pair("mae", 1e300)));
}

TEST(MetricsTest, MapeSkipsZeroTargetsAndCountsThem) {
  const Result<Metrics> metrics =
      Evaluate(Task::kRegression, Doubles{0, 2, -4}, Doubles{7, 1, -4}, 1, 0.5, Names{"mape"});
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT(*metrics, ElementsAre(Pair("mape", 0.25), Pair("mape_skipped", 1)));
}

TEST(MetricsTest, WithoutNamesTheTasksUsualOnesAreComputed) {
  const Result<Metrics> metrics =
      Evaluate(Task::kMulticlass, Doubles{0, 1, 2}, Doubles{.8, .1, .1, .1, .8, .1, .1, .1, .8}, 3, 0.5, {});
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT(*metrics, ElementsAre(Key("accuracy"), Key("auc"), Key("brier"), Key("f1"), Key("logloss"),
                                    Key("precision"), Key("recall")));
  EXPECT_EQ(metrics->at("auc"), 1);
}

TEST(MetricsTest, OddRowsAreRefusedWithTheirNumber) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [](Doubles target, Doubles scores, Names names) {
    const Status status = Evaluate(Task::kBinary, target, scores, 2, 0.5, names).status();
    EXPECT_EQ(status.code(), ErrorCode::kData);
    return status.message();
  };
  EXPECT_EQ(refused({}, {}, {"auc"}), "no rows to evaluate");
  EXPECT_EQ(refused({0, 1}, {0.5, kNan}, {"auc"}), "score is nan in row 2; expected a finite number");
  EXPECT_EQ(refused({0, 2}, {0.5, 0.5}, {"auc"}), "target is 2 in row 2; expected 0 or 1");
  EXPECT_EQ(refused({0, 1}, {0.5, 1.5}, {"brier"}), "score is 1.5 in row 2; expected a probability from 0 to 1");
}

TEST(MetricNameTest, AnUnknownNameSuggestsTheNearest) {
  const Status status = CheckMetricName("logless", Task::kBinary);
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_EQ(status.message(), "unknown metric \"logless\" for a binary model");
  EXPECT_EQ(status.help(), "did you mean \"logloss\"?");
}

TEST(MetricNameTest, AMetricOfAnotherTaskSaysSo) {
  const Status status = CheckMetricName("rmse", Task::kBinary);
  EXPECT_EQ(status.message(), "metric \"rmse\" does not apply to binary models");
  EXPECT_THAT(status.help(), HasSubstr("auc, gini, ks, average_precision"));
  EXPECT_FALSE(CheckMetricName("lift@10%", Task::kMulticlass).ok());
}

TEST(MetricNameTest, LiftTakesAnyShareAbove0UpTo100) {
  for (const char* name : {"lift@10%", "lift@2.5%", "lift@100%", "lift@0.1%"})
    EXPECT_TRUE(CheckMetricName(name, Task::kBinary).ok()) << name;
  for (const char* name : {"lift", "lift@", "lift@%", "lift@10", "lift@0%", "lift@101%", "lift@-5%", "lift@nan%",
                           "lift@1e1%", "lift@ 10%"})
    EXPECT_FALSE(CheckMetricName(name, Task::kBinary).ok()) << name;
}

TEST(MetricNameTest, EveryDefaultMetricIsKnownAndHasADirection) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    for (const std::string& name : DefaultMetrics(task)) {
      EXPECT_TRUE(CheckMetricName(name, task).ok()) << name;
      HigherIsBetter(name);
    }
  EXPECT_TRUE(HigherIsBetter("lift@10%"));
  EXPECT_TRUE(HigherIsBetter("r2"));
  EXPECT_FALSE(HigherIsBetter("ece"));
  EXPECT_FALSE(HigherIsBetter("rmse"));
}

/// A table of `rows` rows whose text column "country" is what `country` says.
template <typename Country>
Table Countries(std::size_t rows, Country country) {
  ColumnBuilder builder(Type::kText);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::string_view value = country(i);
    if (value.empty())
      builder.AppendNull();
    else
      builder.AppendText(value);
  }
  return Table(Schema({{"country", Type::kText}}), {builder.Finish()}, rows);
}

TEST(SegmentsTest, ValuesComeInOrderThenNullsThenTheSmallOnesPooled) {
  const Table table = Countries(100, [](std::size_t i) {
    return i < 30 ? "fr" : i < 60 ? "de" : i < 80 ? "" : i < 90 ? "at" : "zz";
  });
  Doubles target(100), scores(100);
  for (std::size_t i = 0; i < 100; ++i) {
    target[i] = i % 3 == 0 ? 1 : 0;
    scores[i] = static_cast<double>(i % 7) / 7;
  }
  const auto segments =
      EvaluateSegments(table, Names{"country"}, Task::kBinary, target, scores, 2, 0.5, Names{"brier"});
  ASSERT_TRUE(segments.ok()) << segments.status();
  std::string seen;
  std::int64_t positives = 0;
  for (const SegmentMetrics& segment : *segments) {
    seen += segment.column + "=" + segment.value + ":" + std::to_string(segment.rows) + " ";
    positives += segment.positives;
    EXPECT_THAT(segment.metrics, ElementsAre(Key("brier")));
  }
  EXPECT_EQ(seen, "country=de:30 country=fr:30 country=(null):20 country=(small):20 ");
  EXPECT_EQ(positives, 34);
}

TEST(SegmentsTest, ASegmentsMetricsAreThoseOfItsRowsAlone) {
  const Table table = Countries(60, [](std::size_t i) { return i % 2 == 0 ? "a" : "b"; });
  Doubles target, scores, own_target, own_scores;
  for (std::size_t i = 0; i < 60; ++i) {
    for (const double c : {0.2, 0.3, 0.5}) scores.push_back(i % 3 == 0 ? c : 1.0 / 3);
    target.push_back(static_cast<double>(i % 3));
    if (i % 2 == 0) continue;
    own_target.push_back(target.back());
    own_scores.insert(own_scores.end(), scores.end() - 3, scores.end());
  }
  const auto segments = EvaluateSegments(table, Names{"country"}, Task::kMulticlass, target, scores, 3, 0.5, {});
  ASSERT_TRUE(segments.ok());
  ASSERT_EQ(segments->size(), 2u);
  EXPECT_EQ(segments->at(1).metrics, *Evaluate(Task::kMulticlass, own_target, own_scores, 3, 0.5, {}));
}

TEST(SegmentsTest, AOneClassSegmentHasNoAuc) {
  const Table table = Countries(40, [](std::size_t i) { return i < 20 ? "a" : "b"; });
  Doubles target(40), scores(40, 0.5);
  target[3] = 1;
  const auto segments = EvaluateSegments(table, Names{"country"}, Task::kBinary, target, scores, 2, 0.5, Names{"auc"});
  ASSERT_TRUE(segments.ok());
  EXPECT_THAT(segments->at(0).metrics, ElementsAre(Key("auc")));
  EXPECT_THAT(segments->at(1).metrics, IsEmpty());
}

TEST(SegmentsTest, AMissingColumnIsNamedWithTheNearest) {
  const Table table = Countries(1, [](std::size_t) { return "a"; });
  const Status status =
      EvaluateSegments(table, Names{"contry"}, Task::kBinary, Doubles{1}, Doubles{1}, 2, 0.5, {}).status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_EQ(status.ToString(), "segment column \"contry\" is not in the data\nhelp: did you mean \"country\"?");
}

TEST(MetricsTest, ProfitIsOfTheBestPlaceToStop) {
  const std::vector<double> target{1, 1, 0, 0, 1, 0, 0, 0, 0, 0}, scores{0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0};
  const std::vector<std::string> names{"profit@10/4", "profit_share@10/4", "profit@1/4", "profit_share@1/4", "profit@10/4.5"};
  const auto metrics = Evaluate(Task::kBinary, target, scores, 2, 0.5, names);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_DOUBLE_EQ(metrics->at("profit@10/4"), 1.2);  // two found of two contacted
  EXPECT_DOUBLE_EQ(metrics->at("profit_share@10/4"), 0.2);
  EXPECT_EQ(metrics->at("profit@1/4"), 0);  // nobody
  EXPECT_EQ(metrics->at("profit_share@1/4"), 0);
  EXPECT_DOUBLE_EQ(metrics->at("profit@10/4.5"), 1.1);
  const std::vector<double> tied(10, 0.5);
  EXPECT_EQ(Evaluate(Task::kBinary, target, tied, 2, 0.5, names)->at("profit@10/4"), 0);  // all or none
  for (const char* wrong : {"profit@10", "profit@", "profit@10/", "profit@/4", "profit@0/4", "profit@10/0", "profit@-1/4", "profit@10/4/2", "profit@1e3/4", "profit_share@10"})
    EXPECT_FALSE(CheckMetricName(wrong, Task::kBinary).ok()) << wrong;
  EXPECT_FALSE(CheckMetricName("profit@10/4", Task::kRegression).ok());
}

}  // namespace
}  // namespace headrace
