#include "headrace/model/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace headrace {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using Doubles = std::vector<double>;
using Kind = CalibrationSpec::Kind;

Calibration Isotonic(const Doubles& scores, const Doubles& targets) {
  const Result<Calibration> fitted = Calibration::FitIsotonic(scores, targets);
  EXPECT_TRUE(fitted.ok()) << fitted.status();
  return fitted.ok() ? *fitted : Calibration();
}

TEST(CalibrationTest, NoneReturnsTheProbabilityUnchanged) {
  const Calibration none;
  EXPECT_EQ(none.Apply(0.3), 0.3);
  EXPECT_EQ(none.ToJson(), R"({"curves":[],"kind":"none"})");
}

TEST(CalibrationTest, ViolatorsArePooledAndPointsJoinedByLines) {
  const Calibration fitted = Isotonic({0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, {0, 1, 0, 0, 1, 1});
  EXPECT_EQ(
      fitted.ToJson(),
      R"({"curves":[{"x":[0.1,0.2,0.4,0.5,0.6],"y":[0.08333333333333333,0.3333333333333333,0.3333333333333333,0.9166666666666666,0.9166666666666666]}],"kind":"isotonic"})");
  EXPECT_DOUBLE_EQ(fitted.Apply(0.3), 1.0 / 3);
  EXPECT_DOUBLE_EQ(fitted.Apply(0.45), (1.0 / 3 + 11.0 / 12) / 2);
}

TEST(CalibrationTest, IsotonicStaysHalfARowAwayFrom0And1) {
  const Calibration fitted = Isotonic({0.1, 0.2, 0.8, 0.9}, {0, 0, 1, 1});
  EXPECT_EQ(fitted.Apply(-5), 1.0 / 8);
  EXPECT_EQ(fitted.Apply(0), 1.0 / 8);
  EXPECT_EQ(fitted.Apply(1), 7.0 / 8);
}

TEST(CalibrationTest, TheOrderOfRowsDoesNotMatter) {
  EXPECT_EQ(Isotonic({0.5, 0.1, 0.5, 0.9, 0.3}, {1, 0, 0, 1, 1}), Isotonic({0.9, 0.5, 0.3, 0.5, 0.1}, {1, 0, 1, 1, 0}));
}

TEST(CalibrationTest, NoSigmoidProbabilityIsExactly0Or1) {
  const Result<Calibration> fitted = Calibration::FitSigmoid(Doubles{-2, -1, 1, 2}, Doubles{0, 0, 1, 1});
  ASSERT_TRUE(fitted.ok());
  EXPECT_EQ(fitted->input(), Calibration::Input::kMargin);
  EXPECT_GT(fitted->Apply(-1e300), 0);
  EXPECT_LT(fitted->Apply(1e300), 1);
  EXPECT_NEAR(fitted->Apply(0), 0.5, 1e-12);
}

TEST(CalibrationTest, EqualMarginsGiveTheSmoothedShare) {
  const Result<Calibration> fitted = Calibration::FitSigmoid(Doubles{3, 3, 3, 3}, Doubles{0, 1, 1, 1});
  ASSERT_TRUE(fitted.ok());
  EXPECT_NEAR(fitted->Apply(3), (3 * (4.0 / 5) + 1.0 / 3) / 4, 1e-9);
}

TEST(CalibrationTest, SeveralClassesSumToOne) {
  const Doubles scores = {0.6, 0.3, 0.1, 0.2, 0.7, 0.1, 0.1, 0.2, 0.7, 0.5, 0.4, 0.1};
  for (const Kind kind : {Kind::kIsotonic, Kind::kSigmoid}) {
    const Result<Calibration> fitted = Calibration::Fit(kind, scores, Doubles{0, 1, 2, 1}, 3);
    ASSERT_TRUE(fitted.ok());
    EXPECT_EQ(fitted->num_curves(), 3u);
    Doubles row = {0.9, 0.05, 0.05};
    fitted->ApplyRow(row);
    EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 1, 1e-15);
    EXPECT_THAT(row, Each(::testing::AllOf(::testing::Gt(0), ::testing::Lt(1))));
  }
}

TEST(CalibrationTest, WhatIsReadBackIsTheSame) {
  Doubles scores, targets;
  for (int i = 0; i < 200; ++i) {
    scores.push_back(std::fmod(i * 0.6180339887498949, 1.0));
    targets.push_back(std::fmod(i * 0.7548776662466927, 1.0) < scores.back() ? 1 : 0);
  }
  for (const Kind kind : {Kind::kNone, Kind::kIsotonic, Kind::kSigmoid}) {
    const Result<Calibration> fitted = Calibration::Fit(kind, scores, targets, 2);
    ASSERT_TRUE(fitted.ok());
    const Result<Calibration> read = Calibration::FromJson(fitted->ToJson());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, *fitted);
    EXPECT_EQ(read->ToJson(), fitted->ToJson());
  }
}

TEST(CalibrationTest, AScoreOfMinusZeroSurvivesTheFile) {
  const Calibration fitted = Isotonic({-0.0, 1.0}, {0, 1});
  EXPECT_TRUE(Calibration::FromJson(fitted.ToJson()).ok());
}

TEST(CalibrationTest, OddRowsAreRefused) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Calibration::FitIsotonic({}, {}).status().code(), ErrorCode::kData);
  EXPECT_THAT(Calibration::FitSigmoid(Doubles{1, kInf}, Doubles{0, 1}).status().message(), HasSubstr("inf in row 2"));
  EXPECT_FALSE(Calibration::FitIsotonic(Doubles{1}, Doubles{1}, Doubles{0}).ok());
  EXPECT_FALSE(Calibration::FitIsotonic(Doubles{1}, Doubles{1}, Doubles{-1}).ok());
}

class HostileCalibrationTest : public ::testing::TestWithParam<const char*> {};

TEST_P(HostileCalibrationTest, IsRefused) {
  const Result<Calibration> read = Calibration::FromJson(GetParam());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.status().code(), ErrorCode::kInvalid);
  EXPECT_THAT(read.status().message(), HasSubstr("calibration: "));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, HostileCalibrationTest,
    ::testing::Values(
        "", "null", "[]", "{", "{}", R"({"curves":1,"kind":"none"})", R"({"curves":[],"kind":7})",
        R"({"curves":[],"kind":"spline"})", R"({"curves":[],"kind":"isotonic"})", R"({"curves":[1],"kind":"isotonic"})",
        R"({"curves":[{"x":[],"y":[]}],"kind":"isotonic"})", R"({"curves":[{"x":[0.1],"y":[]}],"kind":"isotonic"})",
        R"({"curves":[{"x":["0.1"],"y":[0.5]}],"kind":"isotonic"})",
        R"({"curves":[{"x":[0.2,0.1],"y":[0.4,0.5]}],"kind":"isotonic"})",  // x falls
        R"({"curves":[{"x":[0.1,0.1],"y":[0.4,0.5]}],"kind":"isotonic"})",  // x stands still
        R"({"curves":[{"x":[0.1,0.2],"y":[0.5,0.4]}],"kind":"isotonic"})",  // y falls
        R"({"curves":[{"x":[0.1],"y":[-0.1]}],"kind":"isotonic"})",
        R"({"curves":[{"x":[0.1],"y":[1.5]}],"kind":"isotonic"})",
        R"({"curves":[{"x":[1e999],"y":[0.5]}],"kind":"isotonic"})", R"({"curves":[{"a":1}],"kind":"sigmoid"})",
        R"({"curves":[{"a":null,"b":0}],"kind":"sigmoid"})",
        R"({"curves":[{"a":1,"b":2},{"a":1,"b":2}],"kind":"sigmoid"})", R"({"curves":[{"a":1,"b":2}],"kind":"none"})",
        R"({"curves":[{"a":1.0,"b":2}],"kind":"sigmoid"})",  // not canonical
        R"({"kind":"sigmoid","curves":[{"a":1,"b":2}]})", R"({"curves":[{"a":1,"b":2,"c":3}],"kind":"sigmoid"})",
        R"({"curves":[{"a":1,"a":1,"b":2}],"kind":"sigmoid"})", R"({"curves":[{"a":1,"b":2}],"kind":"sigmoid"} )"));

TEST(CalibrationTest, PointsTooCloseToDivideStillGiveAProbability) {
  const Result<Calibration> read =
      Calibration::FromJson(R"({"curves":[{"x":[-1e+308,0,5e-324,1e+308],"y":[0.1,0.2,0.8,0.9]}],"kind":"isotonic"})");
  ASSERT_TRUE(read.ok()) << read.status();
  for (const double score :
       {-1e308, -5e307, 0.0, 5e-324, 1e-323, 5e307, 1e308, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_GE(read->Apply(score), 0.1) << score;
    EXPECT_LE(read->Apply(score), 0.9) << score;
  }
}

}  // namespace
}  // namespace headrace
