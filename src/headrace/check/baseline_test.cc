#include "headrace/check/baseline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "headrace/check/test_world.h"
#include "headrace/table/value.h"

namespace headrace {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;
std::int64_t Day(std::string_view text) { return *ParseDate(text) * kDay; }

/// One point a day, the last the day before 2026-11-16, a Monday.
constexpr std::string_view kNow = "2026-11-16";
std::vector<HistoryPoint> Daily(const std::vector<double>& values) {
  std::vector<HistoryPoint> history;
  for (std::size_t i = 0; i < values.size(); ++i) history.push_back({Day(kNow) - static_cast<std::int64_t>(values.size() - i) * kDay, values[i], true});
  return history;
}

CheckVerdict Measured(double value) {
  CheckVerdict verdict;
  verdict.name = verdict.kind = verdict.measure = "rows";
  verdict.value = value;
  return verdict;
}

CheckVerdict Judge(const BaselineSpec& spec, const std::vector<HistoryPoint>& history, double value) {
  CheckVerdict verdict = Measured(value);
  JudgeByBaseline(spec, history, Day(kNow), nullptr, verdict);
  return verdict;
}

TEST(Baseline, NumbersAreThoseOfTheWorkedExampleInTheDocs) {
  const ExpectedBand band = ExpectFrom({}, Daily({400, 440, 380, 410, 395, 1200, 420, 405}), Day(kNow), nullptr);
  EXPECT_EQ(band.points, 8);
  EXPECT_NEAR(band.center, 407.4923, 1e-4);     // the root of 405 x 410
  EXPECT_EQ(band.lower, 254);                   // three spreads, which of so few points are wider than a third
  EXPECT_EQ(band.upper, 601);
  EXPECT_EQ(band.basis, "8 points 2026-11-08 to 2026-11-15");
}

TEST(Baseline, WideHistoryWidensTheBandByShares) {
  BaselineSpec spec;
  spec.min_change = 0;
  const ExpectedBand band = ExpectFrom(spec, Daily({100.5, 200.5, 400.5, 100.5, 200.5, 400.5, 100.5, 200.5}), Day(kNow), nullptr);
  const double spread = 2.2219 * 0.669 * std::log(200.5 / 100.5) * std::sqrt(1 + std::numbers::pi / 16);   // the tenth of 28 distances
  EXPECT_NEAR(band.center, 200.5, 1e-9);
  EXPECT_NEAR(band.upper / 200.5, 1 + 3 * spread, 1e-9);
  EXPECT_NEAR(std::log(200.5 / band.lower), 3 * spread, 1e-9);
  EXPECT_GT(band.lower, 0) << "so nothing at all is always outside";
}

TEST(Baseline, HalfOfThePointsMayBeAnything) {
  const std::vector<double> ones(9, 1.0);
  const std::vector<double> steady = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_NEAR(SpreadOf(steady, ones), 2.2219 * 0.872 * 2, 1e-12);       // the tenth of 36 distances
  EXPECT_NEAR(SpreadOf(std::vector<double>{1, 2, 3, 4, 5, 1e6, 1e7, 1e8, 1e9}, ones), 2.2219 * 0.872 * 4, 1e-12);
  EXPECT_EQ(SpreadOf(std::vector<double>{7}, std::vector<double>{1}), 0);
  EXPECT_NEAR(SpreadOf(std::vector<double>{1, 4, 100}, std::vector<double>{1, 1, 1e-9}), 2.2219 * 0.994 * 3, 1e-12) << "what weighs nothing";
}

TEST(Baseline, ASeriesNobodyKnowsYetIsThoughtToVary) {
  const ExpectedBand few = ExpectFrom({}, Daily({400, 400, 400, 400}), Day(kNow), nullptr);
  const double spread = std::log(2.0) / 3 * std::sqrt(0.5) * std::sqrt(1 + std::numbers::pi / 8);
  EXPECT_EQ(few.lower, std::ceil(400 * std::exp(-3 * spread)));
  EXPECT_EQ(few.upper, std::floor(400 * (1 + 3 * spread)));
  EXPECT_LE(few.lower, 225);
  EXPECT_GT(few.lower, 200) << "half is outside from the first judged point on";
  BaselineSpec steady;
  steady.min_change = 0.05;                                   // who says so knows it to be steadier
  EXPECT_GT(ExpectFrom(steady, Daily({400, 400, 400, 400}), Day(kNow), nullptr).lower, 350);
}

TEST(Baseline, TheTestedPointAndAnEarlierAttemptOfItTrainNothing) {
  std::vector<HistoryPoint> history = Daily({400, 410, 405, 395});
  const ExpectedBand alone = ExpectFrom({}, history, Day(kNow), nullptr);
  history.push_back({Day(kNow), 4000, true});                 // an earlier attempt of the same interval
  history.push_back({Day(kNow) + kDay, 4000, true});          // a later interval, when an old one is run again
  const ExpectedBand with = ExpectFrom({}, history, Day(kNow), nullptr);
  EXPECT_EQ(with.points, 4);
  EXPECT_EQ(with.upper, alone.upper);
}

TEST(Baseline, FailedPointsTrainNothing) {
  std::vector<HistoryPoint> history = Daily({400, 410, 405, 395, 0, 0, 0});
  for (std::size_t i = 4; i < 7; ++i) history[i].good = false;
  EXPECT_FALSE(Judge({}, history, 0).passed);
  for (HistoryPoint& point : history) point.good = true;
  EXPECT_TRUE(ExpectFrom({}, history, Day(kNow), nullptr).points == 7);
}

TEST(Baseline, AWindowOfTimeHoldsThePointsThatBeganWithinIt) {
  std::vector<HistoryPoint> history = Daily({9000, 400, 410, 405, 395, 390, 410, 400});
  BaselineSpec spec;
  spec.window_us = 7 * kDay;
  const ExpectedBand band = ExpectFrom(spec, history, Day(kNow), nullptr);
  EXPECT_EQ(band.basis, "7 points 2026-11-09 to 2026-11-15");
  spec.window = 2;                                            // a number of points beside it says nothing
  EXPECT_EQ(ExpectFrom(spec, history, Day(kNow), nullptr).points, 7);
  spec.window_us = 3 * kDay;
  EXPECT_EQ(ExpectFrom(spec, history, Day(kNow), nullptr).basis, "learning, 3 of 4");
}

TEST(Baseline, LearnsBeforeItJudges) {
  const CheckVerdict verdict = Judge({}, Daily({400, 410}), 3);
  EXPECT_TRUE(verdict.passed);
  ASSERT_TRUE(verdict.band && verdict.band->learning);
  EXPECT_EQ(verdict.band->basis, "learning, 2 of 4");
}

TEST(Baseline, MessageSaysValueBandAndWhichPoints) {
  BaselineSpec spec;
  spec.same = {BaselineSpec::Season::kWeekday};
  std::vector<HistoryPoint> history;
  for (int week = 8; week >= 1; --week) {
    history.push_back({Day(kNow) - week * 7 * kDay, 1200.0 + week, true});
    history.push_back({Day(kNow) - week * 7 * kDay + kDay, 10, true});      // Tuesdays do not count
  }
  const CheckVerdict verdict = Judge(spec, history, 412);
  EXPECT_FALSE(verdict.passed);
  EXPECT_EQ(verdict.message, "rows 412: expected 778 to 1,731, from 8 Mondays 2026-09-21 to 2026-11-09");
  EXPECT_EQ(verdict.help, "look at what the source answered; if the new level is right and stays, say `since:` under `baseline`, and the history begins there");
}

TEST(Baseline, ThreeInARowAskForTheNewLevel) {
  std::vector<HistoryPoint> history = Daily({400, 410, 405, 395, 90, 95});
  history[4].good = history[5].good = false;
  EXPECT_EQ(Judge({}, history, 93).help, "3 intervals in a row were outside; if this is the new level, say `since: 2026-11-14` under `baseline`, and the history begins there");
  BaselineSpec since;
  since.since_us = Day("2026-11-14");
  EXPECT_TRUE(Judge(since, history, 93).passed) << "it learns anew";
}

TEST(Baseline, DirectionAndFloors) {
  BaselineSpec spec;
  spec.direction = BaselineSpec::Direction::kDown;
  EXPECT_TRUE(Judge(spec, Daily({400, 410, 405, 395}), 4000).passed);
  EXPECT_EQ(Judge(spec, Daily({400, 410, 405, 395}), 12).message.substr(0, 31), "rows 12: expected at least 226,");
  spec.direction = BaselineSpec::Direction::kUp;
  EXPECT_TRUE(Judge(spec, Daily({400, 410, 405, 395}), 0).passed);
  spec = {};
  spec.min_change = 0;
  EXPECT_TRUE(Judge(spec, Daily({400, 400, 400, 400}), 361).passed) << "a count varies by its square root";
  EXPECT_FALSE(Judge(spec, Daily({400, 400, 400, 400}), 359).passed);
  spec.min_difference = 100;
  EXPECT_TRUE(Judge(spec, Daily({400, 400, 400, 400}), 301).passed);
}

TEST(Baseline, ZeroesAndNegativeNumbersAreComparedAsTheyAre) {
  EXPECT_TRUE(Judge({}, Daily({0, 0, 0, 0}), 0).passed);
  EXPECT_FALSE(Judge({}, Daily({0, 0, 0, 0}), 1).passed);
  BaselineSpec spec;
  const ExpectedBand band = ExpectFrom(spec, Daily({-2.5, -1.5, -3.5, -2.5, -2.5}), Day(kNow), nullptr);
  EXPECT_LT(band.lower, -3.3);
  EXPECT_GT(band.upper, -1.7);
  EXPECT_FALSE(Judge({}, Daily({1, 2, 1, 2}), std::numeric_limits<double>::quiet_NaN()).passed);
}

TEST(Baseline, HalfLifeFollowsTheNewestPoints) {
  const std::vector<HistoryPoint> history = Daily({100, 100, 100, 100, 100, 100, 200, 200, 200});
  BaselineSpec spec;
  EXPECT_NEAR(ExpectFrom(spec, history, Day(kNow), nullptr).center, 100, 1e-9);
  spec.half_life = 2;
  EXPECT_NEAR(ExpectFrom(spec, history, Day(kNow), nullptr).center, 200, 1e-9);
}

TEST(Baseline, TrendGoesOnWhereTheLevelStops) {
  std::vector<double> growing;
  for (int i = 0; i < 20; ++i) growing.push_back(1000 * std::pow(1.05, i));
  const double next = 1000 * std::pow(1.05, 20);
  BaselineSpec spec;
  spec.trend = true;
  EXPECT_NEAR(ExpectFrom(spec, Daily(growing), Day(kNow), nullptr).center, next, 1e-6 * next);
  EXPECT_LT(ExpectFrom({}, Daily(growing), Day(kNow), nullptr).center, next / 1.6);
}

TEST(Baseline, SeasonsAreThoseOfTheZone) {
  const TimeZone vienna = *TimeZone::Find("Europe/Vienna");
  BaselineSpec spec;
  spec.same = {BaselineSpec::Season::kHour};
  std::vector<HistoryPoint> history;            // 08:00 in Vienna is 06:00 UTC in summer and 07:00 in winter
  for (int day = 20; day <= 24; ++day) history.push_back({Day("2026-10-01") + (day - 1) * kDay + 6 * kDay / 24, 800, true});
  const std::int64_t winter = Day("2026-10-27") + 7 * kDay / 24;
  EXPECT_EQ(ExpectFrom(spec, history, winter, &vienna).points, 5);
  EXPECT_EQ(ExpectFrom(spec, history, winter, &vienna).basis, "5 points of 08:00 2026-10-20 08:00 to 2026-10-24 08:00");
  EXPECT_EQ(ExpectFrom(spec, history, winter, nullptr).points, 0);
}

TEST(Baseline, MonthsCompareWithTheSameMonth) {
  BaselineSpec spec;
  spec.same = {BaselineSpec::Season::kMonth};
  spec.learn = 2;
  const std::vector<HistoryPoint> history = {{Day("2024-12-05"), 900, true}, {Day("2025-12-05"), 1000, true}, {Day("2026-11-05"), 100, true}};
  const ExpectedBand band = ExpectFrom(spec, history, Day("2026-12-05"), nullptr);
  EXPECT_EQ(band.points, 2);
  EXPECT_EQ(band.basis, "2 points of December 2024-12-05 to 2025-12-05");
}

TEST(Baseline, AFailedBoundKeepsItsMessage) {
  CheckVerdict verdict = Measured(3);
  verdict.passed = false;
  verdict.message = "expected at least 10 rows, got 3";
  JudgeByBaseline({}, Daily({400, 410, 405, 395}), Day(kNow), nullptr, verdict);
  EXPECT_EQ(verdict.message, "expected at least 10 rows, got 3");
  EXPECT_TRUE(verdict.band.has_value());
}

TEST(Baseline, ReplayTellsWhatAChangedRuleWouldHaveSaid) {
  std::vector<HistoryPoint> history = Daily({400, 410, 405, 395, 300, 390, 0, 402});
  history[6].good = true;
  const std::vector<ReplayedPoint> loose = Replay({}, history, nullptr);
  EXPECT_TRUE(loose[3].band.learning && loose[4].fits);
  EXPECT_FALSE(loose[6].fits);
  EXPECT_EQ(loose[7].band.points, 6) << "the empty day trains nothing";
  BaselineSpec strict;
  strict.min_change = 0.1;
  EXPECT_FALSE(Replay(strict, history, nullptr)[4].fits);
}

TEST(Baseline, WeightedMedianSplitsTheWeight) {
  const std::vector<double> values = {3, 1, 2}, even = {1, 1, 1}, heavy = {1, 5, 1};
  EXPECT_EQ(WeightedMedian(values, even), 2);
  EXPECT_EQ(WeightedMedian(values, heavy), 1);
  const std::vector<double> four = {4, 1, 3, 2}, ones = {1, 1, 1, 1};
  EXPECT_EQ(WeightedMedian(four, ones), 2.5);
}

TEST(Baseline, RowsCarryTheirMeasureWhateverTheirBounds) {
  CheckSpec rows;
  rows.kind = CheckSpec::Kind::kRows;
  rows.name = "rows: {min: 1}";
  rows.min_rows = 1;
  EXPECT_EQ(MeasureOf(rows), "rows");
  const std::unique_ptr<TableStream> stream = StreamOf(Column1("a", Type::kInt, {"1", "2"}));
  const std::vector<CheckVerdict> verdicts = *RunChecks(std::vector<CheckSpec>{rows}, *stream);
  EXPECT_EQ(verdicts[0].measure, "rows");
  EXPECT_EQ(verdicts[0].value, 2.0);
}

}  // namespace
}  // namespace headrace
