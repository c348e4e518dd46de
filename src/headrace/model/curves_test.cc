#include "headrace/model/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "headrace/model/metrics.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Doubles = std::vector<double>;

class CurvesTest : public ::testing::Test {
 protected:
  /// Rows whose scores rise with `i` and whose targets are sometimes otherwise.
  void Rows(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      scores_.push_back(static_cast<double>(i) / static_cast<double>(n));
      target_.push_back((i * 7919) % n < i ? 1 : 0);
    }
  }
  Curves Make(Task task = Task::kBinary, int classes = 2) {
    const Result<Curves> curves = MakeCurves(task, target_, scores_, classes, 0.5);
    EXPECT_TRUE(curves.ok()) << curves.status();
    return curves.ok() ? *curves : Curves();
  }
  double Metric(const std::string& name) {
    return Evaluate(Task::kBinary, target_, scores_, 2, 0.5, std::vector<std::string>{name})->at(name);
  }
  Doubles target_, scores_;
};

TEST_F(CurvesTest, TheReliabilityBinsGiveTheEce) {
  Rows(1000);
  double ece = 0;
  for (const Curves::ReliabilityBin& bin : Make().reliability)
    ece += static_cast<double>(bin.rows) / 1000 * std::abs(bin.mean_score - bin.mean_target);
  EXPECT_NEAR(ece, Metric("ece"), 1e-12);
}

TEST_F(CurvesTest, TheRocRunsFromCornerToCornerAndEnclosesTheAuc) {
  Rows(150);
  const Curves curves = Make();
  double area = 0;
  for (std::size_t i = 1; i < curves.roc.size(); ++i)
    area += (curves.roc[i].false_positive_rate - curves.roc[i - 1].false_positive_rate) *
            (curves.roc[i].true_positive_rate + curves.roc[i - 1].true_positive_rate) / 2;
  EXPECT_NEAR(area, Metric("auc"), 1e-12);
  EXPECT_EQ(curves.roc.front().true_positive_rate, 0);
  EXPECT_EQ(curves.roc.back().false_positive_rate, 1);
}

TEST_F(CurvesTest, LongCurvesAreThinnedWithTheirEndsKept) {
  Rows(5000);
  const Curves curves = Make();
  EXPECT_THAT(curves.roc, SizeIs(200));
  EXPECT_THAT(curves.precision_recall, SizeIs(200));
  EXPECT_EQ(curves.roc.back().true_positive_rate, 1);
  EXPECT_EQ(curves.precision_recall.back().recall, 1);
}

TEST_F(CurvesTest, TheFirstDecilesLiftIsTheMetricAndAllTogetherGainEverything) {
  Rows(995);
  const Curves curves = Make();
  ASSERT_THAT(curves.deciles, SizeIs(10));
  EXPECT_NEAR(curves.deciles[0].lift, Metric("lift@10%"), 1e-12);
  EXPECT_NEAR(curves.deciles[2].cumulative_lift, Metric("lift@30%"), 1e-12);
  EXPECT_NEAR(curves.deciles[9].gain, 1, 1e-12);
  EXPECT_NEAR(curves.deciles[4].rows, 99.5, 1e-12);
}

TEST_F(CurvesTest, EqualScoresShareTheDeciles) {
  scores_.assign(20, 0.5);
  target_.assign(20, 0);
  target_[0] = 1;
  for (const Curves::Decile& decile : Make().deciles) EXPECT_DOUBLE_EQ(decile.lift, 1) << decile.decile;
}

TEST_F(CurvesTest, TheConfusionCountsTrueThenPredicted) {
  target_ = {0, 0, 1, 1, 1};
  scores_ = {0.1, 0.5, 0.5, 0.9, 0.2};
  EXPECT_THAT(Make().confusion.counts, ElementsAre(ElementsAre(1, 1), ElementsAre(1, 2)));
  target_ = {0, 2};
  scores_ = {0.4, 0.4, 0.2, 0.1, 0.2, 0.7};
  EXPECT_THAT(Make(Task::kMulticlass, 3).confusion.counts,
              ElementsAre(ElementsAre(1, 0, 0), ElementsAre(0, 0, 0), ElementsAre(0, 0, 1)));
}

TEST_F(CurvesTest, TheHistogramHoldsEveryRow) {
  target_ = {0, 1, 1, 0};
  scores_ = {0, 1, 0.05, 0.049};
  const Curves curves = Make();
  ASSERT_THAT(curves.histogram, SizeIs(20));
  EXPECT_EQ(curves.histogram[0].negatives, 2);
  EXPECT_EQ(curves.histogram[1].positives, 1);
  EXPECT_EQ(curves.histogram[19].positives, 1);
}

TEST_F(CurvesTest, RegressionHasDecilesAndAHistogramOfItsPredictions) {
  for (int i = 0; i < 100; ++i) {
    target_.push_back(i);
    scores_.push_back(i - 50);
  }
  const Curves curves = Make(Task::kRegression, 1);
  EXPECT_THAT(curves.roc, IsEmpty());
  EXPECT_EQ(curves.deciles[0].mean_target, 94.5);
  EXPECT_EQ(curves.deciles[0].mean_score, 44.5);
  EXPECT_EQ(curves.histogram.front().from, -50);
  EXPECT_EQ(curves.histogram.back().to, 49);
}

TEST_F(CurvesTest, ExtremePredictionsFallIntoABin) {
  target_ = {0, 0};
  scores_ = {-1.7e308, 1.7e308};
  EXPECT_EQ(Make(Task::kRegression, 1).histogram.back().negatives, 1);
  scores_ = {3, 3};
  EXPECT_EQ(Make(Task::kRegression, 1).histogram.front().negatives, 2);
}

TEST_F(CurvesTest, OneClassHasNoRoc) {
  target_ = {0, 0};
  scores_ = {0.3, 0.4};
  const Curves curves = Make();
  EXPECT_THAT(curves.roc, IsEmpty());
  EXPECT_THAT(curves.precision_recall, IsEmpty());
}

TEST_F(CurvesTest, TheJsonIsReadableAndHasNoInfinity) {
  Rows(50);
  const nlohmann::json json = nlohmann::json::parse(Make().ToJson());
  EXPECT_TRUE(json["roc"][0]["threshold"].is_null());
  EXPECT_EQ(json["deciles"][0]["decile"], 1);
  EXPECT_EQ(json["confusion"]["threshold"], 0.5);
}

}  // namespace
}  // namespace headrace
