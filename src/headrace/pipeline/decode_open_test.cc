// Lists and ranges in the place of a transform's numbers, as `tune` gets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "headrace/pipeline/train_words.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrainSpec Read(std::string_view transform) {
  const Result<TrainSpec> spec = ParseTrainWords(StrCat("{target: y, learner: lightgbm, tune: {trials: 5}, transform: [", transform, "]}"));
  EXPECT_TRUE(spec.ok()) << spec.status();
  return spec.ok() ? *spec : TrainSpec();
}

std::string Names(const TrainSpec& spec) {
  std::vector<std::string> names;
  for (const TuneSpec::Dimension& number : spec.tune.numbers) names.push_back(number.name);
  return Join(names, " ");
}

TEST(OpenNumbers, ARangeIsReadAsThoseOfParametersAre) {
  const TrainSpec spec = Read("{columns: [city], steps: [{encode: target, smooth: {low: 1, high: 100, scale: log}}]}, {columns: [a], steps: [{encode: target, smooth: {low: 0.5, high: 2}}]}");
  ASSERT_EQ(Names(spec), "city.encode.smooth a.encode.smooth");
  const TuneSpec::Dimension &log = spec.tune.numbers[0], &plain = spec.tune.numbers[1];
  EXPECT_TRUE(log.low == 1 && log.high == 100 && log.log && log.whole && log.values.empty() && !log.percent);
  EXPECT_TRUE(plain.low == 0.5 && plain.high == 2 && !plain.log && !plain.whole);
  ASSERT_EQ(spec.transform[0].open.size(), 1u);
  EXPECT_EQ(spec.transform[0].open[0].key, "smooth");
  EXPECT_EQ(std::get<EncodeStep>(spec.transform[0].steps[0]).smooth, 1) << "the first until one is chosen";
}

TEST(OpenNumbers, AListIsReadWithTheBoundsOfClipAndPercentiles) {
  const TrainSpec spec = Read("{columns: [a], steps: [{impute: median}, {clip: [[0%, 1%], {low: 95%, high: 99.5%}]}, {bins: quantile, count: [4, 8]}]}, {columns: [b], steps: [{clip: {upper: [5, 9]}}]}");
  ASSERT_EQ(Names(spec), "a.clip.lower a.clip.upper a.bins.count b.clip.upper");
  EXPECT_THAT(spec.tune.numbers[0].values, ElementsAre("0%", "1%"));
  EXPECT_TRUE(spec.tune.numbers[1].percent && spec.tune.numbers[1].low == 95 && spec.tune.numbers[1].high == 99.5);
  EXPECT_THAT(spec.tune.numbers[2].values, ElementsAre("4", "8"));
  ASSERT_EQ(spec.transform[0].open.size(), 3u);
  EXPECT_EQ(spec.transform[0].open[0].step, 1u);
  EXPECT_EQ(spec.transform[0].open[2].step, 2u);
  const auto& clip = std::get<ClipStep>(spec.transform[0].steps[1]);
  EXPECT_TRUE(clip.percentiles && clip.lower == 0 && clip.upper == 95);
  EXPECT_FALSE(std::get<ClipStep>(spec.transform[1].steps[0]).percentiles);
  const TrainSpec half = Read("{columns: [a], steps: [{clip: [null, [5, 9]]}]}, {columns: [b], steps: [{clip: [0, null]}]}");
  EXPECT_EQ(Names(half), "a.clip.upper");
  EXPECT_FALSE(std::get<ClipStep>(half.transform[0].steps[0]).lower || std::get<ClipStep>(half.transform[1].steps[0]).upper);
}

TEST(OpenNumbers, AreNamedAfterColumnStepAndKeyAndEachOnce) {
  EXPECT_EQ(Names(Read("{columns: [\"f_*\", g], steps: [{reduce: pca, components: [2, 3]}]}, {columns: {type: double}, steps: [{select: f, k: [2, 3]}]}")), "f_*.reduce.components double.select.k");
  EXPECT_EQ(Names(Read("{columns: [a, b], steps: [{polynomial: [2, 3]}]}")), "a.polynomial");
  const TrainSpec twice = Read("{choose: {city: {mild: {columns: city, steps: [{encode: target, smooth: [1, 2]}]}, strong: {columns: city, steps: [{encode: target, smooth: [100, 200]}]}}}}");
  ASSERT_EQ(Names(twice), "city.encode.smooth city.encode.smooth.2");
  EXPECT_EQ(twice.tune.numbers[1].choice, "city");
  EXPECT_EQ(twice.tune.numbers[1].alternative, "strong");
  EXPECT_EQ(twice.transform[1].open[0].name, "city.encode.smooth.2");
}

TEST(OpenNumbers, ListsThatMeanSomethingElseStayWhatTheyAre) {
  const TrainSpec spec = Read("{columns: [a], steps: [{bins: [1, 2, 3]}]}, {columns: [b], steps: [{text: tfidf, ngrams: [1, 2]}]}, {columns: [c], steps: [{date: [year, month]}]}");
  EXPECT_EQ(Names(spec), "");
  EXPECT_THAT(std::get<BinsStep>(spec.transform[0].steps[0]).edges, ElementsAre(1, 2, 3));
}

TEST(OpenNumbers, NothingDecidesThemWhereOnlyTransformsAreFitted) {
  const Status status = ParseTransformWords("{transform: [{columns: [a], steps: [{bins: quantile, count: [4, 8]}]}]}").status();
  EXPECT_THAT(status.ToString(), HasSubstr("`transform` leaves a number open, `a.bins.count`, and nothing decides it"));
}

}  // namespace
}  // namespace headrace
