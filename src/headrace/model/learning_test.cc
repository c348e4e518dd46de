// Whole trainings with weights, the newer learners, thresholds, intervals and tuning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "headrace/model/model_file.h"
#include "headrace/model/learner.h"
#include "headrace/model/row_weights.h"
#include "headrace/model/test_world.h"

namespace headrace {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_world::Customers;
using testing_world::SpecFor;

TrainOutput Trained(const Table& rows, const TrainSpec& spec, const TrainContext& context = {}) {
  Result<TrainOutput> trained = Train(rows, spec, context);
  EXPECT_TRUE(trained.ok()) << trained.status();
  return trained.ok() ? *std::move(trained) : TrainOutput();
}

TrainSpec With(LearnerSpec::Kind kind, const std::string& target = "churned") {
  TrainSpec spec = SpecFor(target);
  spec.learner.given = true;
  spec.learner.kind = kind;
  if (kind == LearnerSpec::Kind::kLightGbm) spec.learner.parameters = {{"num_iterations", "20"}};
  return spec;
}

TEST(Learning, EveryModelIsComparedWithTheConstantAnswer) {
  const TrainOutput good = Trained(Customers(1500), SpecFor("churned"));
  EXPECT_EQ(good.evaluation.baseline.at("auc"), 0.5);
  EXPECT_LT(good.evaluation.metrics.at("logloss"), good.evaluation.baseline.at("logloss"));
  EXPECT_THAT(good.notes, Not(Contains(HasSubstr("WORSE THAN THE CONSTANT"))));

  // Four hundred boosted trees on noise.
  TrainSpec spec = With(LearnerSpec::Kind::kLightGbm);
  spec.learner.parameters = {{"num_iterations", "400"}, {"min_data_in_leaf", "1"}};
  spec.ignore = {"spend", "active", "visits", "plan", "country"};
  ColumnBuilder noise(Type::kDouble);
  for (int i = 0; i < 600; ++i) noise.AppendDouble(i * 7919 % 601);
  const TrainOutput bad = Trained(Customers(600).WithColumn("noise", noise.Finish()), spec);
  EXPECT_THAT(bad.notes, Contains(HasSubstr("WORSE THAN THE CONSTANT: logloss")));
}

TEST(Learning, TheConstantIsNoWorseThanItself) {
  for (const std::string target : {"churned", "visits", "plan"}) {
    const TrainOutput trained = Trained(Customers(600), With(LearnerSpec::Kind::kConstant, target));
    EXPECT_THAT(trained.notes, Not(Contains(HasSubstr("WORSE")))) << target;
    EXPECT_EQ(trained.model->info().learner, "constant");
  }
}

TEST(Learning, EveryLearnersFileReadsBackAndIsTheSameForAnyNumberOfThreads) {
  for (const auto kind : {LearnerSpec::Kind::kNaiveBayes, LearnerSpec::Kind::kConstant, LearnerSpec::Kind::kLogistic, LearnerSpec::Kind::kXgboost}) {
    for (const std::string target : {"churned", "plan"}) {
      TrainSpec spec = With(kind, target);
      spec.calibrate.kind = CalibrationSpec::Kind::kBeta;
      if (kind == LearnerSpec::Kind::kLogistic) spec.learner.l1 = 2;
      if (kind == LearnerSpec::Kind::kXgboost) spec.learner.parameters = {{"num_boost_round", "60"}, {"early_stopping_rounds", "5"}, {"max_depth", "3"}};
      std::string first;
      for (const int threads : {1, 3}) {
        TrainContext context;
        context.threads = threads;
        const TrainOutput trained = Trained(Customers(700), spec, context);
        ASSERT_NE(trained.model, nullptr);
        if (first.empty()) first = trained.model->bytes();
        EXPECT_TRUE(trained.model->bytes() == first);
      }
    }
  }
}

TEST(Learning, WeightsOfZeroAreRowsThatAreNotThere) {
  const Table rows = Customers(1200);
  ColumnBuilder weight(Type::kInt);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < 1200; ++i) {
    weight.AppendInt(i % 3 == 0 ? 0 : 1);
    if (i % 3 != 0) kept.push_back(i);
  }
  const Table weighted = rows.WithColumn("weight", weight.Finish());
  TrainSpec spec = With(LearnerSpec::Kind::kLogistic);
  spec.learner.l2 = 0;  // so that the scales, which are fitted on all rows, do not matter
  spec.ignore = {"spend", "country", "since", "active", "constant", "plan", "is_test"};
  const TrainOutput few = Trained(rows.Take(kept), spec);
  spec.weight = "weight";
  const TrainOutput all = Trained(weighted, spec);
  for (const auto& [name, value] : few.evaluation.metrics) EXPECT_NEAR(all.evaluation.metrics.at(name), value, 1e-7) << name;
}

TEST(Learning, ClassWeightsMoveTheScoresAndTheWeightColumnIsNoFeature) {
  const Table rows = Customers(1500);
  TrainSpec spec = With(LearnerSpec::Kind::kLogistic);
  const double plain = Trained(rows, spec).test_predictions.Find("score")->doubles()[0];
  spec.class_weight = {{"true", 10}};
  EXPECT_GT(Trained(rows, spec).test_predictions.Find("score")->doubles()[0], plain);
  spec.class_weight = {{"tru", 10}};
  const auto refused = Train(rows, spec, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().help(), "did you mean \"true\"?");
  spec.class_weight.clear();
  ColumnBuilder importance(Type::kDouble);
  for (std::size_t i = 0; i < 1500; ++i) importance.AppendDouble(1 + static_cast<double>(i % 3));
  spec.weight = "importance";
  const TrainOutput weighted = Trained(rows.WithColumn("importance", importance.Finish()), spec);
  for (const InputColumn& input : weighted.model->info().inputs) EXPECT_NE(input.name, "importance");
  spec.weight = "visits";  // some are below 0
  EXPECT_THAT(Train(rows, spec, {}).status().message(), HasSubstr("that is no weight"));
}

TEST(LearnerWeights, BalancedIsScikitLearns) {
  TrainSpec spec;
  spec.class_weight_balanced = true;
  const Target target{Task::kBinary, {"no", "yes"}, {0, 0, 0, 1}};
  const std::vector<std::size_t> rows{0, 1, 2, 3};
  EXPECT_EQ(LearnerWeights(spec, target, {}, rows), (std::vector<double>{2.0 / 3, 2.0 / 3, 2.0 / 3, 2}));
}

TEST(Learning, RegressionObjectivesPredictOnTheScaleOfTheTarget) {
  for (const char* objective : {"poisson", "gamma", "tweedie", "regression_l1", "quantile", "huber"}) {
    TrainSpec spec = With(LearnerSpec::Kind::kLightGbm, "visits");
    spec.learner.parameters = {{"num_iterations", "60"}, {"objective", objective}};
    const Table rows = Customers(1500);
    ColumnBuilder positive(Type::kDouble);
    for (const double v : rows.Find("visits")->doubles()) positive.AppendDouble(v < 0.5 ? 0.5 : v);
    const TrainOutput trained = Trained(rows.WithColumn("visits", positive.Finish()), spec);
    ASSERT_NE(trained.model, nullptr) << objective;
    EXPECT_LT(trained.evaluation.metrics.at("mae"), 3) << objective;
    EXPECT_THAT(trained.notes, Not(Contains(HasSubstr("WORSE")))) << objective;
  }
}

TEST(Learning, CategoriesAreSplitBySetsOfThem) {
  // Forty levels in no order that numbers or shares would tell.
  const std::size_t n = 3000;
  ColumnBuilder id(Type::kInt), city(Type::kText), zip(Type::kInt), bought(Type::kBool);
  std::uint64_t random = 7;
  for (std::size_t i = 0; i < n; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t level = (random >> 33) % 40, noise = (random >> 20) % 10;
    id.AppendInt(static_cast<std::int64_t>(i));
    if (i % 50 == 0)
      city.AppendNull();
    else
      city.AppendText(StrCat("city", level * 17 % 40));
    zip.AppendInt(static_cast<std::int64_t>(90'000'000 + level));
    bought.AppendInt((level * 7 % 5 < 2) == (noise > 0));
  }
  const Table rows(Schema({{"id", Type::kInt}, {"city", Type::kText}, {"zip", Type::kInt}, {"bought", Type::kBool}}),
                   {id.Finish(), city.Finish(), zip.Finish(), bought.Finish()}, n);
  TrainSpec spec = SpecFor("bought");
  spec.key = {"id"};
  spec.learner.given = true;
  spec.learner.parameters = {{"num_iterations", "30"}, {"num_leaves", "4"}, {"early_stopping_round", "5"}, {"min_data_per_group", "20"}, {"cat_smooth", "1"}};
  spec.learner.categorical = {"city", "zip"};
  const TrainOutput trained = Trained(rows, spec);
  ASSERT_NE(trained.model, nullptr);
  EXPECT_GT(trained.evaluation.metrics.at("auc"), 0.85);
  EXPECT_EQ(trained.model->info().features, (std::vector<std::string>{"city", "zip"}));
  TrainContext three;
  three.threads = 3;
  EXPECT_TRUE(Trained(rows, spec, three).model->bytes() == trained.model->bytes());

  const auto says = [&](TrainSpec wrong) { return Train(rows, wrong, {}).status().ToString(); };
  TrainSpec wrong = spec;
  wrong.learner.categorical = {"citi"};
  EXPECT_THAT(says(wrong), HasSubstr("did you mean `city`?"));
  wrong = spec;
  wrong.learner.monotone = {{"zip", 1}};
  EXPECT_THAT(says(wrong), HasSubstr("both monotone and categorical"));
  wrong = spec;
  wrong.transform = {{{"zip"}, {ScaleStep{}}, {}}};
  EXPECT_THAT(says(wrong), HasSubstr("expected whole numbers from 0"));
  wrong = spec;
  EncodeStep onehot;
  wrong.transform = {{{"city"}, {onehot}, {}}};
  EXPECT_THAT(says(wrong), HasSubstr("several features"));
  wrong = spec;
  wrong.learner.kind = LearnerSpec::Kind::kLogistic;
  wrong.learner.parameters.clear();
  EXPECT_THAT(says(wrong), HasSubstr("`categorical` is for lightgbm"));
}

TEST(Learning, MonotoneNamesFeaturesWithTheNearest) {
  TrainSpec spec = With(LearnerSpec::Kind::kLightGbm);
  spec.learner.monotone = {{"spent", -1}};
  const auto refused = Train(Customers(600), spec, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().help(), "did you mean `spend`?");
  spec.learner.monotone = {{"spend", -1}};
  EXPECT_NE(Trained(Customers(600), spec).model, nullptr);
}

TEST(Learning, AGateMayAskForAnIntervalAndForSegments) {
  TrainSpec spec = With(LearnerSpec::Kind::kLogistic);
  spec.segments = {"country"};
  for (const char* gate : {"auc.low >= 0.6", "auc.low >= 0.95", "recall.gap <= 0.9", "selection_rate.ratio >= 0.99"})
    spec.gate.push_back({gate, gate, "", 0});
  const TrainOutput trained = Trained(Customers(2000), spec);
  ASSERT_EQ(trained.gates.size(), 4u);
  EXPECT_TRUE(trained.gates[0].passed) << trained.gates[0].message;
  EXPECT_FALSE(trained.gates[1].passed);
  EXPECT_THAT(trained.gates[1].message, HasSubstr("auc.low"));
  EXPECT_TRUE(trained.gates[2].passed) << trained.gates[2].message;
  EXPECT_FALSE(trained.gates[3].passed) << trained.gates[3].message;
  EXPECT_EQ(trained.evaluation.resamples, kUsualResamples);
  const MetricInterval auc = trained.evaluation.intervals.at("auc");
  EXPECT_LT(auc.low, trained.evaluation.metrics.at("auc"));
  const auto read = Evaluation::FromJson(trained.evaluation.ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), trained.evaluation.ToJson());
  spec.segments.clear();
  EXPECT_EQ(Train(Customers(300), spec, {}).status().help(), "add segments: [COLUMN]");
}

TEST(Learning, TheThresholdFollowsCostsPrecisionAndShare) {
  const Table rows = Customers(2000);
  TrainSpec spec = With(LearnerSpec::Kind::kLogistic);
  spec.threshold.false_positive = 1;
  spec.threshold.false_negative = 20;
  const double careful = Trained(rows, spec).model->info().threshold;
  spec.threshold.false_negative = 0.05;
  const double sparing = Trained(rows, spec).model->info().threshold;
  EXPECT_LT(careful, 0.2);
  EXPECT_GT(sparing, 0.6);
  spec.threshold = {};
  spec.threshold.top = 0.1;
  spec.evaluate = {"selection_rate"};
  EXPECT_NEAR(Trained(rows, spec).evaluation.metrics.at("selection_rate"), 0.1, 0.05);
  spec.threshold.precision = 0.5;
  EXPECT_THAT(Train(rows, spec, {}).status().message(), HasSubstr("in one way"));
}

TEST(Learning, TuningFindsSettingsTellsThemAndGivesTheSameFileAgain) {
  TrainSpec spec = With(LearnerSpec::Kind::kLightGbm);
  spec.learner.parameters = {{"num_iterations", "30"}};
  spec.tune.trials = 4;
  spec.tune.space = {{"num_leaves", {"2", "31"}, 0, 0, false, false}, {"learning_rate", {}, 0.01, 0.3, true, false}};
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kHalving}) {
    spec.tune.search = search;
    std::string first;
    for (const int threads : {1, 3}) {
      TrainContext context;
      context.threads = threads;
      const TrainOutput trained = Trained(Customers(900), spec, context);
      ASSERT_NE(trained.model, nullptr);
      EXPECT_EQ(trained.evaluation.trials.size(), 4u);
      EXPECT_THAT(trained.notes, Contains(HasSubstr("tuning: of 4 settings")));
      if (first.empty()) first = trained.model->bytes();
      EXPECT_TRUE(trained.model->bytes() == first) << threads;
    }
  }
}

TEST(Learning, AutoSaysWhatItTriedAndWhy) {
  for (const std::string target : {"churned", "visits", "plan"}) {
    TrainSpec spec = SpecFor(target);
    spec.learner.given = true;
    spec.learner.automatic = true;
    const TrainOutput trained = Trained(Customers(900), spec);
    ASSERT_NE(trained.model, nullptr) << target;
    EXPECT_NE(trained.model->info().learner, "constant");
    EXPECT_THAT(trained.notes, Contains(HasSubstr("learner auto: of ")));
    EXPECT_GE(trained.evaluation.trials.size(), 4u);
  }
}

TEST(Learning, TextFromStrangersIsRefused) {
  const std::vector<double> x{1, 2, 3, 4, 2, 1, 0, 5}, y{0, 1, 0, 1};
  for (const auto kind : {LearnerSpec::Kind::kNaiveBayes, LearnerSpec::Kind::kConstant}) {
    LearnerSettings settings;
    settings.kind = kind;
    const auto learner = FitLearner(settings, {Matrix::Dense(x, 2), y}, 1, {});
    ASSERT_TRUE(learner.ok()) << learner.status();
    const std::string text = (*learner)->text();
    ASSERT_TRUE(ReadLearner(kind, Task::kBinary, text, 2, 1).ok());
    for (const std::string& bad : {text + " ", text.substr(1), std::string("{}"), ReplaceAll(text, "[", "[1e999,"), ReplaceAll(text, "]", ",null]"),
                                   ReplaceAll(text, "\"variance\":[", "\"variance\":[-"), ReplaceAll(text, "\"margins\":[", "\"margins\":[0.5,"), std::string("{\"classes\":[{}],\"margins\":[]}\n")})
      if (bad != text) { EXPECT_FALSE(ReadLearner(kind, Task::kBinary, bad, 2, 1).ok()) << bad; }
    EXPECT_FALSE(ReadLearner(kind, Task::kMulticlass, text, 2, 3).ok());
    if (kind == LearnerSpec::Kind::kNaiveBayes) { EXPECT_FALSE(ReadLearner(kind, Task::kBinary, text, 3, 1).ok()); }
  }
}

TEST(Evaluation, OfAnEarlierVersionIsRead) {
  Evaluation evaluation;
  evaluation.evaluated_on = "test rows";
  std::string text = evaluation.ToJson();
  for (const char* line : {" \"intervals\": {},\n", " \"resamples\": 0,\n", " \"baseline\": {},\n", " \"gaps\": [],\n"}) {
    ASSERT_NE(text.find(line), std::string::npos) << line << text;
    text = ReplaceAll(text, line, "");
  }
  EXPECT_TRUE(Evaluation::FromJson(ReplaceAll(text, ",\n \"trials\": []", "")).ok());
}

}  // namespace
}  // namespace headrace
