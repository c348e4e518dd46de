#include "headrace/model/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

GateSpec Condition(const std::string& expression) { return {expression, expression, "", 0}; }
GateSpec NotWorse(const std::string& metric, double by) { return {"not_worse_than: champion", "", metric, by}; }

/// "passed: MESSAGE" or "failed: MESSAGE"
std::string Judge(const GateSpec& gate, const Metrics& metrics, const Metrics* champion = nullptr,
                  Task task = Task::kBinary) {
  const auto verdicts = JudgeGates(std::vector<GateSpec>{gate}, task, metrics, champion);
  if (!verdicts.ok()) return "refused: " + verdicts.status().ToString();
  EXPECT_EQ(verdicts->at(0).text, gate.text);
  return (verdicts->at(0).passed ? "passed: " : "failed: ") + verdicts->at(0).message;
}

TEST(GateTest, AMetricIsComparedWithItsLimit) {
  EXPECT_EQ(Judge(Condition("auc >= 0.72"), {{"auc", 0.7112}}), "failed: auc 0.7112 is below 0.72");
  EXPECT_EQ(Judge(Condition("auc >= 0.72"), {{"auc", 0.75}}), "passed: auc 0.75 is at least 0.72");
  EXPECT_EQ(Judge(Condition("ece <= 0.02"), {{"ece", 0.031}}), "failed: ece 0.031 is above 0.02");
  EXPECT_EQ(Judge(Condition("ece < 0.02"), {{"ece", 0.02}}), "failed: ece 0.02 is not below 0.02");
  EXPECT_EQ(Judge(Condition("auc > 0.5"), {{"auc", 0.6}}), "passed: auc 0.6 is above 0.5");
}

TEST(GateTest, AMessageShowsEnoughDigitsToBeTrue) {
  EXPECT_EQ(Judge(Condition("auc >= 0.72"), {{"auc", 0.7199999}}), "failed: auc 0.7199999 is below 0.72");
  EXPECT_EQ(Judge(Condition("auc >= 0.72"), {{"auc", 0.71996123}}), "failed: auc 0.71996 is below 0.72");
}

TEST(GateTest, AnyConditionOverMetricsCanBeAGate) {
  EXPECT_EQ(Judge(Condition("auc >= 0.7 and ece <= 0.02"), {{"auc", 0.71}, {"ece", 0.03}}),
            "failed: is false: auc 0.71, ece 0.03");
  EXPECT_EQ(Judge(Condition("auc >= 0.7 and ece <= 0.02"), {{"auc", 0.71}, {"ece", 0.01}}),
            "passed: is true: auc 0.71, ece 0.01");
  EXPECT_EQ(Judge(Condition("mae / nullif(rmse, 0) > 0.5"), {{"mae", 1}, {"rmse", 0}}, nullptr, Task::kRegression),
            "failed: is null: mae 1, rmse 0");
}

TEST(GateTest, LiftIsNamedInQuotes) {
  EXPECT_EQ(Judge(Condition("\"lift@10%\" >= 2"), {{"lift@10%", 1.5}}), "failed: lift@10% 1.5 is below 2");
}

TEST(GateTest, AMetricThatCouldNotBeComputedFailsItsGate) {
  EXPECT_EQ(Judge(Condition("auc >= 0.7"), {}), "failed: auc could not be computed on the test rows");
  EXPECT_EQ(Judge(Condition("auc >= 0.7 or true"), {}), "failed: auc could not be computed on the test rows");
  EXPECT_EQ(Judge(NotWorse("auc", 0), {}), "failed: auc could not be computed on the test rows");
}

TEST(GateTest, WorseThanTheChampionByMoreThanAllowedFails) {
  const Metrics champion = {{"auc", 0.73}, {"logloss", 0.3}};
  EXPECT_EQ(Judge(NotWorse("auc", 0.005), {{"auc", 0.7112}}, &champion),
            "failed: auc 0.7112 is worse than the champion's 0.73 by more than 0.005");
  EXPECT_EQ(Judge(NotWorse("auc", 0.005), {{"auc", 0.727}}, &champion),
            "passed: auc 0.727 is worse than the champion's 0.73 by no more than 0.005");
  EXPECT_EQ(Judge(NotWorse("auc", 0), {{"auc", 0.72}}, &champion),
            "failed: auc 0.72 is worse than the champion's 0.73");
  EXPECT_EQ(Judge(NotWorse("auc", 0), {{"auc", 0.73}}, &champion),
            "passed: auc 0.73 is not worse than the champion's 0.73");
}

TEST(GateTest, ADifferenceOfExactlyWhatIsAllowedPasses) {
  const Metrics champion = {{"auc", 0.73}};
  EXPECT_EQ(Judge(NotWorse("auc", 0.005), {{"auc", 0.725}}, &champion),
            "passed: auc 0.725 is worse than the champion's 0.73 by no more than 0.005");
}

TEST(GateTest, ForALossWorseMeansHigher) {
  const Metrics champion = {{"logloss", 0.3}};
  EXPECT_EQ(Judge(NotWorse("logloss", 0.01), {{"logloss", 0.32}}, &champion),
            "failed: logloss 0.32 is worse than the champion's 0.3 by more than 0.01");
  EXPECT_EQ(Judge(NotWorse("logloss", 0.01), {{"logloss", 0.2}}, &champion),
            "passed: logloss 0.2 is not worse than the champion's 0.3");
}

TEST(GateTest, WithoutAChampionAComparisonPasses) {
  EXPECT_EQ(Judge(NotWorse("auc", 0), {{"auc", 0.6}}), "passed: auc 0.6; there is no champion to compare with");
}

TEST(GateTest, AnUnknownMetricIsRefusedWithTheNearest) {
  EXPECT_EQ(Judge(Condition("auk >= 0.7"), {}),
            "refused: gate `auk >= 0.7`: unknown metric \"auk\" for a binary model\nhelp: did you mean \"auc\"?");
  EXPECT_THAT(Judge(NotWorse("acuracy", 0), {}), HasSubstr("did you mean \"accuracy\"?"));
  EXPECT_THAT(Judge(Condition("rmse < 3"), {}), HasSubstr("metric \"rmse\" does not apply to binary models"));
}

TEST(GateTest, AnEndOfAnIntervalOrAGapIsNamedAfterItsMetric) {
  const SegmentGap gap{"country", "recall", "fr", "de", 0.5, 0.8};
  const Metrics figures = GateFigures({{"auc", 0.75}}, {{"auc", {0.68, 0.79}}}, std::vector{gap});
  EXPECT_EQ(Judge(Condition("auc.low >= 0.7"), figures), "failed: auc.low 0.68 is below 0.7");
  EXPECT_EQ(Judge(Condition("auc.high >= 0.7"), figures), "passed: auc.high 0.79 is at least 0.7");
  EXPECT_EQ(Judge(Condition("recall.gap <= 0.2"), figures), "failed: recall.gap 0.3 is above 0.2");
  EXPECT_EQ(Judge(Condition("recall.ratio >= 0.6"), figures), "passed: recall.ratio 0.625 is at least 0.6");
  EXPECT_EQ(Judge(Condition("auc.lo >= 0.7"), figures),
            "refused: gate `auc.lo >= 0.7`: `auc.lo` is neither a metric nor one end of an interval\nhelp: did you mean `auc.low`?");
  EXPECT_THAT(Judge(Condition("auk.low >= 0.7"), figures), HasSubstr("did you mean \"auc\"?"));
}

TEST(GateTest, WhatGatesNeedIsFoundInTheirNames) {
  const std::vector<GateSpec> gates = {Condition("auc.low >= 0.7 and recall.gap < 0.1"), NotWorse("logloss", 0)};
  const GateNeeds needs = NeedsOf(gates);
  EXPECT_TRUE(needs.intervals);
  EXPECT_THAT(needs.gaps, ElementsAre("recall"));
  EXPECT_THAT(*MetricsToCompute(std::vector<std::string>{"f1"}, gates, Task::kBinary), ElementsAre("f1", "auc", "logloss"));
  EXPECT_FALSE(NeedsOf(std::vector<GateSpec>{Condition("auc > 0.5")}).intervals);
}

TEST(GateTest, WhatIsNoConditionIsRefused) {
  EXPECT_THAT(Judge(Condition("auc + 1"), {{"auc", 1}}), HasSubstr("a gate must be true or false; this is double"));
  EXPECT_THAT(Judge(Condition("auc >="), {{"auc", 1}}), HasSubstr("refused: gate `auc >=`"));
  EXPECT_EQ(ValidateGates(std::vector<GateSpec>{Condition("auc >=")}, Task::kBinary).code(), ErrorCode::kInvalid);
  EXPECT_FALSE(ValidateGates(std::vector<GateSpec>{NotWorse("auc", -1)}, Task::kBinary).ok());
}

TEST(GateTest, WhatGatesNameIsComputedToo) {
  const std::vector<GateSpec> gates = {Condition("auc >= 0.7 and ece <= 0.02"), NotWorse("logloss", 0),
                                       Condition("\"lift@5%\" > 1")};
  const auto names = MetricsToCompute(std::vector<std::string>{"auc", "f1"}, gates, Task::kBinary);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre("auc", "f1", "ece", "logloss", "lift@5%"));
  EXPECT_EQ(*MetricsToCompute({}, {}, Task::kRegression), DefaultMetrics(Task::kRegression));
  EXPECT_FALSE(MetricsToCompute(std::vector<std::string>{"aucc"}, {}, Task::kBinary).ok());
}

}  // namespace
}  // namespace headrace
