#include "headrace/model/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "headrace/base/text.h"
#include "headrace/model/describe.h"
#include "headrace/model/model_file.h"
#include "headrace/model/test_world.h"

namespace headrace {
namespace {

using testing_world::Customers;
using testing_world::SpecFor;

TEST(Train, FindsTheSignalAndSaysHowWell) {
  const auto trained = Train(Customers(3000), SpecFor("churned"), {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  const ModelInfo& info = trained->model->info();
  EXPECT_EQ(info.learner, "lightgbm");
  EXPECT_EQ(info.classes, (std::vector<std::string>{"false", "true"}));
  EXPECT_EQ(info.folds, "out-of-fold 5");
  EXPECT_EQ(info.evaluated_on, "test rows");
  EXPECT_GT(info.metrics.at("auc"), 0.8);
  EXPECT_LT(info.metrics.at("auc"), 0.99);
  EXPECT_EQ(info.train_rows + info.test_rows, 3000);
  EXPECT_EQ(trained->test_predictions.num_rows(), static_cast<std::size_t>(info.test_rows));
  EXPECT_EQ(trained->test_predictions.schema().Names(),
            (std::vector<std::string>{"customer_id", "churned", "score", "label"}));
  EXPECT_EQ(trained->evaluation.importance.front().first, "visits");
}

TEST(Train, WritesTheSameBytesAgainAndWithAnyNumberOfThreads) {
  for (const std::string target : {"churned", "visits", "plan"}) {
    TrainSpec spec = SpecFor(target);
    if (target == "churned") spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
    std::string first;
    for (const int threads : {1, 2, 3, 1}) {
      TrainContext context;
      context.threads = threads;
      const auto trained = Train(Customers(1500), spec, context);
      ASSERT_TRUE(trained.ok()) << trained.status();
      if (first.empty()) first = trained->model->bytes();
      EXPECT_TRUE(trained->model->bytes() == first) << target << " with " << threads << " threads";
    }
  }
}

TEST(Train, WritesTheSameBytesWithThreadsInsideLightGbm) {
  TrainSpec spec = SpecFor("churned");
  spec.learner.given = true;
  spec.learner.parameters = {{"num_iterations", "5"}};
  std::string first;
  for (const int threads : {1, 2, 3}) {
    TrainContext context;
    context.threads = threads;
    const auto trained = Train(Customers(30000), spec, context);  // above the rows from which LightGBM gets threads
    ASSERT_TRUE(trained.ok()) << trained.status();
    if (first.empty()) first = trained->model->bytes();
    EXPECT_TRUE(trained->model->bytes() == first) << threads << " threads";
  }
}

TEST(Train, TheOrderOfRowsDoesNotMatterWithAKey) {
  const Table rows = Customers(800);
  std::vector<std::size_t> shuffled(800);
  for (std::size_t i = 0; i < 800; ++i) shuffled[i] = (i * 37) % 800;
  const auto a = Train(rows, SpecFor("churned"), {});
  const auto b = Train(rows.Take(shuffled), SpecFor("churned"), {});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(a->model->bytes() == b->model->bytes());
}

TEST(Train, PicksALinearLearnerForFewRows) {
  const auto binary = Train(Customers(300), SpecFor("churned"), {});
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(binary->model->info().learner, "logistic");
  EXPECT_GT(binary->model->info().metrics.at("auc"), 0.7);
  EXPECT_EQ(binary->model->info().folds, "none needed");
  const auto regression = Train(Customers(300), SpecFor("visits"), {});
  ASSERT_TRUE(regression.ok()) << regression.status();
  EXPECT_EQ(regression->model->info().learner, "linear");
}

TEST(Train, CalibratesOnScoresTheLearnerHasNotSeen) {
  for (const auto kind : {CalibrationSpec::Kind::kIsotonic, CalibrationSpec::Kind::kSigmoid}) {
    TrainSpec spec = SpecFor("churned");
    spec.calibrate.kind = kind;
    spec.threshold.maximize = "f1";
    spec.evaluate = {"auc", "ece", "f1"};
    const auto trained = Train(Customers(4000), spec, {});
    ASSERT_TRUE(trained.ok()) << trained.status();
    EXPECT_LT(trained->model->info().metrics.at("ece"), 0.06);
    EXPECT_GT(trained->model->info().metrics.at("auc"), 0.8);
    EXPECT_NE(trained->model->info().threshold, 0.5);
    EXPECT_EQ(trained->model->info().calibration, kind == CalibrationSpec::Kind::kIsotonic ? "isotonic" : "sigmoid");
  }
}

TEST(Train, DoesNotLookAtTestRows) {
  // Ruin the test rows' features and targets: what was learnt must not move.
  TrainSpec spec = SpecFor("churned");
  spec.calibrate.kind = CalibrationSpec::Kind::kSigmoid;
  spec.threshold.maximize = "f1";
  spec.split = {SplitSpec::Kind::kColumn, {"is_test"}, 0.2, 0};
  const Table rows = Customers(1200);
  const Table ruined = testing_world::RuinTestRows(rows);
  const auto a = Train(rows, spec, {});
  const auto b = Train(ruined, spec, {});
  ASSERT_TRUE(a.ok()) << a.status();
  ASSERT_TRUE(b.ok()) << b.status();
  for (const char* member : {"transform.json", "model.txt", "calibration.json", "proof.arrow"})
    EXPECT_EQ(*a->model->Member(member), *b->model->Member(member)) << member;
  EXPECT_EQ(a->model->info().threshold, b->model->info().threshold);
  EXPECT_NE(a->model->info().metrics, b->model->info().metrics);
}

TEST(Train, WithoutTestRowsEvaluatesOutOfFold) {
  TrainSpec spec = SpecFor("churned");
  spec.split = {};
  const auto trained = Train(Customers(1000), spec, {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->model->info().evaluated_on, "out-of-fold rows");
  EXPECT_EQ(trained->model->info().test_rows, 1000);
  EXPECT_LT(trained->model->info().metrics.at("auc"), 0.99);  // seen rows would score near 1
}

TEST(Train, RefitsOnAllRowsWhenAsked) {
  TrainSpec spec = SpecFor("churned");
  const auto split = Train(Customers(1000), spec, {});
  spec.refit_all_rows = true;
  const auto all = Train(Customers(1000), spec, {});
  ASSERT_TRUE(split.ok() && all.ok());
  EXPECT_EQ(all->model->info().fitted_rows, 1000);
  EXPECT_EQ(all->model->info().train_rows, split->model->info().fitted_rows);
  EXPECT_EQ(split->model->info().metrics, all->model->info().metrics);
  EXPECT_NE(*split->model->Member("model.txt"), *all->model->Member("model.txt"));
}

TEST(Train, LearnsSeveralClasses) {
  TrainSpec spec = SpecFor("plan");
  spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
  const auto trained = Train(Customers(2000), spec, {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->model->info().classes, (std::vector<std::string>{"basic", "plus", "pro"}));
  EXPECT_GT(trained->model->info().metrics.at("accuracy"), 0.6);
  EXPECT_EQ(
      trained->test_predictions.schema().Names(),
      (std::vector<std::string>{"customer_id", "plan", "score", "score_basic", "score_plus", "score_pro", "label"}));
}

TEST(Train, ComparesWithTheChampionOnTheSameRows) {
  TrainSpec spec = SpecFor("churned");
  spec.gate = {{"auc >= 0.6", "auc >= 0.6", "", 0}, {"not_worse_than champion", "", "auc", 0.0}};
  const auto champion = Train(Customers(2000), spec, {});
  ASSERT_TRUE(champion.ok()) << champion.status();
  EXPECT_TRUE(champion->gates_passed());
  TrainContext context;
  context.champion = champion->model;
  const auto same = Train(Customers(2000), spec, context);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_TRUE(same->gates_passed());
  EXPECT_EQ(same->champion_metrics.at("auc"), same->evaluation.metrics.at("auc"));
  spec.ignore = {"spend"};
  const auto worse = Train(Customers(2000), spec, context);
  ASSERT_TRUE(worse.ok()) << worse.status();
  EXPECT_FALSE(worse->gates_passed());
  EXPECT_FALSE(worse->gates[1].passed);
}

TEST(Train, AChampionThatCannotScoreTheRowsFailsTheComparison) {
  TrainSpec spec = SpecFor("churned");
  const auto champion = Train(Customers(1000), spec, {});
  ASSERT_TRUE(champion.ok());
  TrainContext context;
  context.champion = champion->model;
  spec.gate = {{"not_worse_than champion", "", "auc", 0.0}};
  const std::vector<std::string> kept{"customer_id", "visits", "country", "churned"};
  const auto trained = Train(*Customers(1000).Select(kept), spec, context);
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_FALSE(trained->gates_passed());
  EXPECT_NE(trained->gates[0].message.find("spend"), std::string::npos) << trained->gates[0].message;
}

TEST(Train, RefusesWhatCannotBeLearnt) {
  struct Case {
    Table rows;
    TrainSpec spec;
    ErrorCode code;
    std::string says;
  };
  TrainSpec typo = SpecFor("churnd"), key = SpecFor("churned"), segment = SpecFor("churned"),
            metric = SpecFor("churned"), calibrated = SpecFor("visits");
  key.key = {"customer"};
  segment.personal = {"country"};
  segment.segments = {"country"};
  metric.evaluate = {"acc"};
  calibrated.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
  TrainSpec folds = SpecFor("churned");
  folds.split = {};
  const Table rows = Customers(400);
  const Case cases[] = {
      {rows, typo, ErrorCode::kInvalid, "target column `churnd`"},
      {rows, key, ErrorCode::kInvalid, "key column `customer`"},
      {rows, segment, ErrorCode::kInvalid, "personal"},
      {rows, metric, ErrorCode::kInvalid, "acc"},
      {rows, calibrated, ErrorCode::kInvalid, "regression"},
      {rows.Slice(0, 0), SpecFor("churned"), ErrorCode::kData, "no rows"},
      {rows.Slice(0, 3), folds, ErrorCode::kData, ""},
      {rows.WithColumn("churned", testing_world::Constant(400, true)), SpecFor("churned"), ErrorCode::kData, "one"},
      {rows.WithColumn("churned", testing_world::NullsAt(400, 7)), SpecFor("churned"), ErrorCode::kData, "null"},
  };
  for (const Case& c : cases) {
    const auto trained = Train(c.rows, c.spec, {});
    ASSERT_FALSE(trained.ok()) << c.says;
    EXPECT_EQ(trained.status().code(), c.code) << trained.status();
    EXPECT_NE(trained.status().message().find(c.says), std::string::npos)
        << trained.status() << " should say " << c.says;
  }
}

TEST(Train, StopsWhenCancelled) {
  TrainContext context;
  context.cancelled = [] { return true; };
  const auto trained = Train(Customers(1000), SpecFor("churned"), context);
  ASSERT_FALSE(trained.ok());
  EXPECT_EQ(trained.status().code(), ErrorCode::kInterrupted);
}

TEST(Train, KeepsNothingOfPersonalAndKeyColumnsInTheProfile) {
  TrainSpec spec = SpecFor("churned");
  spec.personal = {"country", "spend"};
  const auto trained = Train(Customers(1000), spec, {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  const std::string profile = *trained->model->Member("profile.json");
  EXPECT_EQ(profile.find("country"), std::string::npos);
  EXPECT_EQ(profile.find("spend"), std::string::npos);
  EXPECT_EQ(profile.find("customer_id"), std::string::npos);
  EXPECT_NE(profile.find("visits"), std::string::npos);
}

TEST(Train, TheFileDoesNotTellThreadsOrPlaces) {
  TrainContext context;
  context.threads = 3;
  const auto trained = Train(Customers(1000), SpecFor("churned"), context);
  ASSERT_TRUE(trained.ok());
  for (const char* word : {"num_threads", "parameters:", "/work", "/home", "/tmp"})
    EXPECT_EQ(trained->model->bytes().find(word), std::string::npos) << word;
}

TEST(Train, SaysWhichPercentilesComeFromASketch) {
  TrainSpec spec = SpecFor("churned");
  spec.transform = {{{"spend"}, {ImputeStep{}, ClipStep{1, 99, true}}, {}}};
  TrainContext context;
  context.exact_percentiles = 100;
  const auto sketched = Train(Customers(600), spec, context);
  ASSERT_TRUE(sketched.ok()) << sketched.status();
  const Model& model = *sketched->model;
  EXPECT_THAT(*model.Member("card.md"), ::testing::HasSubstr("column `spend`: its percentiles come from a KLL sketch, whose ranks are within 0.1 %"));
  EXPECT_THAT(*model.Member("transform.json"), ::testing::HasSubstr("\"sketch\""));
  EXPECT_THAT(DescribeAsJson(model), ::testing::HasSubstr("\"sketched_percentiles\""));
  EXPECT_EQ(DescribeSketches(model), "spend, visits: from a KLL sketch, ranks within 0.1 %") << "visits is filled with its median by default";
  const auto exact = Train(Customers(600), spec, {});
  ASSERT_TRUE(exact.ok()) << exact.status();
  EXPECT_EQ(DescribeSketches(*exact->model), "");
  EXPECT_THAT(DescribeAsJson(*exact->model), ::testing::Not(::testing::HasSubstr("sketch")));
}

}  // namespace
}  // namespace headrace
