#include "headrace/run/estimate.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(EstimateTest, TheMedianIsNotMovedByOneOddRun) {
  EXPECT_EQ(UsualSeconds({}), std::nullopt);
  EXPECT_EQ(UsualSeconds({4}), 4);
  EXPECT_EQ(UsualSeconds({4, 900, 5}), 5);
  EXPECT_EQ(UsualSeconds({4, 900, 5, 6}), 5.5);
}

TEST(EstimateTest, AStepHasWhatItUsuallyTakesLessWhatItTook) {
  EXPECT_EQ(RestOfStep({"a", {}, false, 0, 10}), 10);
  EXPECT_EQ(RestOfStep({"a", {}, false, 4, 10}), 6);
  EXPECT_EQ(RestOfStep({"a", {}, false, 12, 10}), std::nullopt) << "longer than usual: nobody knows";
  EXPECT_EQ(RestOfStep({"a", {}, false, 12, std::nullopt}), std::nullopt);
  EXPECT_EQ(RestOfStep({"a", {}, true, 12, 10}), 0);
}

TEST(EstimateTest, TheRunHasItsLongestRemainingPath) {
  // rows -> features -> model -> scores, and rows -> copy, which is longer than any one of them but not than all.
  std::vector<StepOutlook> steps = {{"rows", {}, false, 2, 10}, {"features", {"rows"}, false, 0, 5}, {"model", {"features"}, false, 0, 20}, {"copy", {"rows"}, false, 0, 24},
                                    {"scores", {"model", "features"}, false, 0, 3}};
  RestOfRun rest = EstimateRest(steps);
  EXPECT_EQ(rest.seconds, 8 + 5 + 20 + 3);
  EXPECT_FALSE(rest.at_least);
  steps[0].ended = steps[1].ended = true;
  steps[2].elapsed = 19;
  EXPECT_EQ(EstimateRest(steps).seconds, 24) << "now the copy is what takes longest";
  for (StepOutlook& step : steps) step.ended = true;
  EXPECT_EQ(EstimateRest(steps).seconds, 0);
}

TEST(EstimateTest, AStepThatNeverRanOrIsOverdueMakesItALowerBound) {
  std::vector<StepOutlook> steps = {{"rows", {}, false, 0, 10}, {"model", {"rows"}, false, 0, std::nullopt}};
  EXPECT_EQ(EstimateRest(steps).seconds, 10);
  EXPECT_TRUE(EstimateRest(steps).at_least);
  steps[1].usual = 5;
  EXPECT_FALSE(EstimateRest(steps).at_least);
  steps[0].elapsed = 11;
  EXPECT_EQ(EstimateRest(steps).seconds, 5);
  EXPECT_TRUE(EstimateRest(steps).at_least);
}

}  // namespace
}  // namespace headrace
