#include "headrace/model/column_effects.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "headrace/model/test_world.h"

namespace headrace {
namespace {

using testing_world::Customers;
using testing_world::SpecFor;

TrainOutput Trained(const TrainSpec& spec, int threads = 0, std::size_t rows = 800) {
  TrainContext context;
  context.threads = threads;
  std::mt19937_64 random(5);
  ColumnBuilder noise(Type::kDouble);
  for (std::size_t i = 0; i < rows; ++i) noise.AppendDouble(static_cast<double>(random() % 1000));
  Result<TrainOutput> trained = Train(Customers(rows).WithColumn("noise", noise.Finish()), spec, context);
  EXPECT_TRUE(trained.ok()) << trained.status();
  return *std::move(trained);
}

TrainSpec Churn() {
  TrainSpec spec = SpecFor("churned");
  spec.ignore = {"plan", "visits", "is_test"};
  return spec;
}

const ColumnImportance* Find(const PermutationImportance& importance, const std::string& column) {
  const auto found = std::find_if(importance.columns.begin(), importance.columns.end(), [&](const ColumnImportance& c) { return c.column == column; });
  return found == importance.columns.end() ? nullptr : &*found;
}

const ColumnDependence* Find(const PartialDependence& dependence, const std::string& column) {
  const auto found = std::find_if(dependence.columns.begin(), dependence.columns.end(), [&](const ColumnDependence& c) { return c.column == column; });
  return found == dependence.columns.end() ? nullptr : &*found;
}

TEST(ColumnEffects, RankWhatDecidesAboveWhatDoesNot) {
  const Evaluation evaluation = Trained(Churn()).evaluation;
  const PermutationImportance& importance = evaluation.permutation;
  EXPECT_EQ(importance.metric, "logloss");
  EXPECT_EQ(importance.of, "test rows");
  EXPECT_EQ(importance.rows, evaluation.test_rows);
  ASSERT_FALSE(importance.columns.empty());
  EXPECT_EQ(importance.columns[0].column, "spend");
  EXPECT_GT(importance.columns[0].mean, 0.05);
  ASSERT_NE(Find(importance, "noise"), nullptr);
  EXPECT_LT(Find(importance, "noise")->mean, importance.columns[0].mean / 5);
  EXPECT_EQ(Find(importance, "customer_id"), nullptr);
  // Who spends much stays: the score of churning falls with the spend.
  const ColumnDependence* spend = Find(evaluation.dependence, "spend");
  ASSERT_NE(spend, nullptr);
  EXPECT_GT(spend->means.front()[0], spend->means.back()[0] + 0.2);
  const ColumnDependence* country = Find(evaluation.dependence, "country");
  ASSERT_NE(country, nullptr);
  EXPECT_EQ(country->type, Type::kText);
  EXPECT_GE(country->grid.size(), 3u);
}

TEST(ColumnEffects, AreTheSameForAnyNumberOfThreadsAndReadBack) {
  const Evaluation one = Trained(Churn(), 1).evaluation, many = Trained(Churn(), 4).evaluation;
  EXPECT_EQ(one.ToJson(), many.ToJson());
  const auto again = Evaluation::FromJson(one.ToJson());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ToJson(), one.ToJson());
}

TEST(ColumnEffects, OfAPersonalColumnTellNoValue) {
  TrainSpec spec = Churn();
  spec.personal = {"spend"};
  const Evaluation evaluation = Trained(spec).evaluation;
  EXPECT_NE(Find(evaluation.permutation, "spend"), nullptr);
  EXPECT_EQ(Find(evaluation.dependence, "spend"), nullptr);
  EXPECT_NE(Find(evaluation.dependence, "country"), nullptr);
}

TEST(ColumnEffects, WithoutTestRowsAreOfTheTrainingRows) {
  TrainSpec spec = Churn();
  spec.split = {};
  EXPECT_EQ(Trained(spec, 0, 200).evaluation.permutation.of, "training rows");
}

TEST(ColumnEffects, OfSeveralClassesHaveAMeanForEach) {
  TrainSpec spec = SpecFor("plan");
  spec.ignore = {"churned", "visits", "is_test"};
  const Evaluation evaluation = Trained(spec).evaluation;
  const ColumnDependence* spend = Find(evaluation.dependence, "spend");
  ASSERT_NE(spend, nullptr);
  for (const auto& means : spend->means) {
    ASSERT_EQ(means.size(), 3u);
    EXPECT_NEAR(std::accumulate(means.begin(), means.end(), 0.0), 1, 1e-9);
  }
}

TEST(ColumnEffects, AskNoMoreRowsThanTheirBounds) {
  std::vector<std::size_t> rows(20'000);
  std::iota(rows.begin(), rows.end(), std::size_t{7});
  const std::vector<std::size_t> drawn = DrawEffectRows(rows, 10);
  EXPECT_EQ(drawn.size(), kImportanceRows);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  EXPECT_EQ(std::adjacent_find(drawn.begin(), drawn.end()), drawn.end());
  EXPECT_GE(drawn.front(), 7u);
  EXPECT_EQ(DrawEffectRows(rows, 1000).size(), 1000u);
  EXPECT_EQ(DrawEffectRows(rows, 1'000'000).size(), kEffectLeastRows);
  EXPECT_EQ(DrawEffectRows(std::span(rows).first(50), 10).size(), 50u);
}

TEST(ColumnEffects, ThatDoNotFitTogetherAreNotRead) {
  const std::string good = Trained(Churn()).evaluation.ToJson();
  EXPECT_TRUE(Evaluation::FromJson(good).ok());
  const std::size_t at = good.find("\"mean\": [");
  ASSERT_NE(at, std::string::npos);
  const std::size_t end = good.find(']', at);
  EXPECT_FALSE(Evaluation::FromJson(good.substr(0, at) + "\"mean\": [0.1, 0.2" + good.substr(end)).ok());
  EXPECT_FALSE(Evaluation::FromJson(good.substr(0, at) + "\"mean\": [" + good.substr(end)).ok());
}

}  // namespace
}  // namespace headrace
