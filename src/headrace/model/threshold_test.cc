#include "headrace/model/threshold.h"

#include <gtest/gtest.h>

#include <vector>

namespace headrace {
namespace {

using Doubles = std::vector<double>;

double Choose(const std::string& maximize, const Doubles& target, const Doubles& scores) {
  const Result<double> threshold = ChooseThreshold({0.5, maximize}, target, scores);
  EXPECT_TRUE(threshold.ok()) << threshold.status();
  return threshold.ok() ? *threshold : -1;
}

TEST(ThresholdTest, AFixedOneIsTakenAsItIs) { EXPECT_EQ(Choose("", {}, {}), 0.5); }

TEST(ThresholdTest, TheBestScoreThatOccurredIsChosen) {
  EXPECT_EQ(Choose("f1", {0, 0, 1, 1}, {0.1, 0.4, 0.35, 0.8}), 0.35);
  EXPECT_EQ(Choose("accuracy", {0, 0, 0, 1}, {0.1, 0.4, 0.5, 0.8}), 0.8);
}

TEST(ThresholdTest, AmongEqualsTheLowestIsChosen) {
  EXPECT_EQ(Choose("accuracy", {0, 1, 0, 1}, {0.2, 0.4, 0.6, 0.8}), 0.4);
  EXPECT_EQ(Choose("precision", {0, 1, 1, 1}, {0.2, 0.4, 0.6, 0.8}), 0.4);
  EXPECT_EQ(Choose("recall", {0, 1, 1, 1}, {0.2, 0.4, 0.6, 0.8}), 0.2);
}

TEST(ThresholdTest, RowsWithoutAPositiveAreRefused) {
  EXPECT_EQ(ChooseThreshold({0.5, "f1"}, Doubles{0}, Doubles{0.3}).status().code(), ErrorCode::kData);
}

TEST(ThresholdTest, AnUnknownMetricSuggestsTheNearest) {
  const Status status = CheckThreshold({0.5, "acuracy"}, Task::kBinary);
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_EQ(status.ToString(), "a threshold cannot maximize \"acuracy\"\nhelp: did you mean \"accuracy\"?");
  EXPECT_FALSE(CheckThreshold({0.5, "auc"}, Task::kBinary).ok());
  EXPECT_FALSE(CheckThreshold({0.5, "f1"}, Task::kRegression).ok());
  EXPECT_FALSE(CheckThreshold({1.5, ""}, Task::kBinary).ok());
}

}  // namespace
}  // namespace headrace
