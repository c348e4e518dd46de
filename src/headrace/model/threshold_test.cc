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

TEST(ThresholdTest, APrecisionThatNothingReachesIsAnErrorWithTheBest) {
  ThresholdSpec spec;
  spec.precision = 0.9;
  const auto none = ChooseThreshold(spec, Doubles{0, 1, 0, 1}, Doubles{0.9, 0.8, 0.7, 0.6});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().message(),
            "no threshold reaches a precision of 0.9 on rows that the learner had not seen; the best is 0.5");
}

TEST(ThresholdTest, OneWayAtATimeAndNumbersInTheirRanges) {
  ThresholdSpec two;
  two.top = 0.1;
  two.maximize = "f1";
  EXPECT_FALSE(CheckThreshold(two, Task::kBinary).ok());
  ThresholdSpec negative;
  negative.false_positive = -1;
  EXPECT_FALSE(CheckThreshold(negative, Task::kBinary).ok());
  ThresholdSpec top;
  top.top = 0.1;
  EXPECT_FALSE(CheckThreshold(top, Task::kRegression).ok());
}

TEST(ThresholdTest, TheTopShareTakesAtLeastOneGroup) {
  ThresholdSpec spec;
  spec.top = 0.01;
  EXPECT_EQ(*ChooseThreshold(spec, Doubles{1, 0, 0}, Doubles{0.9, 0.9, 0.1}), 0.9);
}

}  // namespace
}  // namespace headrace
