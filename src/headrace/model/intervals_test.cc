#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "headrace/model/metrics.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using Doubles = std::vector<double>;
using Names = std::vector<std::string>;

struct World {
  Doubles target, scores;
};

World MakeWorld(std::size_t rows) {
  World w;
  for (std::size_t i = 0; i < rows; ++i) {
    w.target.push_back(i * 7 % 5 < 2 ? 1 : 0);
    w.scores.push_back(std::fmod(static_cast<double>(i) * 0.37 + 0.2 * w.target.back(), 1));
  }
  return w;
}

Intervals Draw(const World& w, const Names& names, int threads = 1, std::uint64_t seed = 2,
               const std::vector<std::int64_t>& groups = {}) {
  const auto intervals =
      BootstrapIntervals(Task::kBinary, w.target, w.scores, 2, 0.5, names, {}, groups, 200, seed, threads);
  EXPECT_TRUE(intervals.ok()) << intervals.status();
  return intervals.ok() ? *intervals : Intervals();
}

TEST(BootstrapIntervals, HoldThePointAndTheSameBitsForAnyNumberOfThreads) {
  const World w = MakeWorld(300);
  const Names names{"auc", "f1", "logloss"};
  const Intervals first = Draw(w, names);
  const Metrics point = *Evaluate(Task::kBinary, w.target, w.scores, 2, 0.5, names);
  for (const std::string& name : names) {
    EXPECT_LT(first.at(name).low, point.at(name)) << name;
    EXPECT_GT(first.at(name).high, point.at(name)) << name;
  }
  for (const int threads : {2, 3, 7}) {
    const Intervals again = Draw(w, names, threads);
    for (const std::string& name : names) {
      EXPECT_EQ(again.at(name).low, first.at(name).low);
      EXPECT_EQ(again.at(name).high, first.at(name).high);
    }
  }
  EXPECT_NE(Draw(w, names, 1, 9).at("auc").low, first.at("auc").low);
}

TEST(BootstrapIntervals, AreNarrowerWithMoreRows) {
  const auto width = [](std::size_t rows) {
    const MetricInterval i = Draw(MakeWorld(rows), {"auc"}).at("auc");
    return i.high - i.low;
  };
  EXPECT_GT(width(100), 2 * width(1600));
}

TEST(BootstrapIntervals, LeaveOutWhatTooFewResamplesDefine) {
  // One positive of ten: about a third of the resamples have none, and so no auc.
  World w{{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.05}};
  EXPECT_THAT(Draw(w, {"auc", "brier"}), ElementsAre(Key("brier")));
}

TEST(BootstrapIntervals, DrawWholeGroups) {
  // Two groups, one all right and one all wrong: accuracy of drawn groups is 0, 1/2 or 1.
  const World w{{1, 0, 1, 0}, {0.9, 0.1, 0.1, 0.9}};
  const MetricInterval whole = Draw(w, {"accuracy"}, 1, 2, {1, 1, 2, 2}).at("accuracy");
  EXPECT_EQ(whole.low, 0);
  EXPECT_EQ(whole.high, 1);
}

TEST(Weights, OfARowThatIsNotThereChangeNothing) {
  const World w = MakeWorld(50);
  World more = w;
  more.target.push_back(1);
  more.scores.push_back(0.01);
  Doubles weights(50, 1.0);
  weights.push_back(0);
  EXPECT_EQ(*Evaluate(Task::kBinary, more.target, more.scores, 2, 0.5, {}, weights),
            *Evaluate(Task::kBinary, w.target, w.scores, 2, 0.5, {}));
}

TEST(Weights, ThatAreNoneAreRefused) {
  for (const Doubles& weights : {Doubles{0, 0}, Doubles{1, -1}, Doubles{1, std::nan("")}, Doubles{1, INFINITY}})
    EXPECT_EQ(Evaluate(Task::kBinary, Doubles{0, 1}, Doubles{0.1, 0.9}, 2, 0.5, {}, weights).status().code(),
              ErrorCode::kData);
}

SegmentMetrics Segment(const std::string& column, const std::string& value, Metrics metrics) {
  return {column, value, 100, 10, std::move(metrics)};
}

TEST(Gaps, AreBetweenTheSmallestAndTheLargestSegment) {
  const std::vector<SegmentMetrics> segments = {
      Segment("country", "de", {{"recall", 0.8}, {"bias", -0.1}}), Segment("country", "fr", {{"recall", 0.5}}),
      Segment("country", "it", {{"recall", 0.6}}), Segment("country", "(small)", {{"recall", 0.0}}),
      Segment("device", "app", {{"recall", 0.7}})};
  const std::vector<SegmentGap> gaps = GapsOf(segments);
  ASSERT_EQ(gaps.size(), 1u);  // bias has one value, device one segment
  EXPECT_EQ(gaps[0].lowest, "fr");
  EXPECT_EQ(gaps[0].highest, "de");
  EXPECT_DOUBLE_EQ(gaps[0].difference(), 0.3);
  EXPECT_DOUBLE_EQ(gaps[0].ratio(), 0.625);
}

TEST(Gaps, OfOneSegmentAreNone) { EXPECT_THAT(GapsOf(std::vector{Segment("a", "b", {{"recall", 1}})}), IsEmpty()); }

TEST(MetricNames, WithANumberAreTakenAndRefused) {
  for (const char* good : {"lift@2.5%", "gain@10%", "precision@1%", "ndcg@10", "ks", "gini"})
    EXPECT_TRUE(CheckMetricName(good, Task::kBinary).ok()) << good;
  for (const char* good : {"pinball@0.9", "tweedie_deviance@1.5", "map@3"})
    EXPECT_TRUE(CheckMetricName(good, Task::kRegression).ok()) << good;
  EXPECT_EQ(CheckMetricName("pinball@90", Task::kRegression).help(), "write it as pinball@0.9");
  for (const char* bad : {"lift@0%", "gain@10", "ndcg@0", "ndcg@1.5", "pinball@0.9"})
    EXPECT_FALSE(CheckMetricName(bad, Task::kBinary).ok()) << bad;
}

}  // namespace
}  // namespace headrace
