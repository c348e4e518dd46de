// A model learnt from compressed rows is, byte for byte, the one learnt from row-major ones: every learner, and everything that takes rows of the vectors (folds, stopping
// points, calibration, tuning on fewer rows, both sides of uplift).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "headrace/model/model.h"
#include "headrace/model/train.h"

namespace headrace {
namespace {

using Kind = LearnerSpec::Kind;
using Parameters = std::map<std::string, std::string>;

/// Texts of words that lean this way or that, a column of many levels, numbers that are mostly 0, numbers that are 0 now and then, numbers with nulls far from 0.
Table Reviews(std::size_t n) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  ColumnBuilder id(Type::kInt), text(Type::kText), shop(Type::kText), returns(Type::kDouble), visits(Type::kInt), price(Type::kDouble), weight(Type::kDouble), mailed(Type::kBool), good(Type::kBool),
      stars(Type::kText), spent(Type::kDouble);
  for (std::size_t i = 0; i < n; ++i) {
    std::string words;
    double lean = 0;
    for (int w = 0; w < 5; ++w) {
      const auto word = random() % 400;
      words += "w" + std::to_string(word) + " ";
      lean += word % 5 == 0 ? 0.9 : word % 7 == 0 ? -0.9 : 0;
    }
    const auto place = random() % 80;
    const double back = random() % 10 == 0 ? normal(random) : 0, cost = 1000 + 3 * normal(random);
    const bool treated = random() % 2 == 0;
    const auto seen = static_cast<std::int64_t>(random() % 10) % 4;
    lean += (place % 9 == 0 ? 1.0 : 0) - back + (cost - 1000) / 6 + (treated ? 0.5 : 0) + 0.3 * static_cast<double>(seen) + normal(random);
    id.AppendInt(static_cast<std::int64_t>(i));
    text.AppendText(words);
    shop.AppendText("s" + std::to_string(place));
    returns.AppendDouble(back);
    visits.AppendInt(seen);
    if (i % 13 == 0) price.AppendNull();
    else price.AppendDouble(cost);
    weight.AppendDouble(1 + static_cast<double>(random() % 4) / 3);
    mailed.AppendInt(treated);
    good.AppendInt(lean > 0);
    stars.AppendText(lean < -0.8 ? "one" : lean < 0.8 ? "three" : "five");
    spent.AppendDouble(20 + 5 * lean);
  }
  return Table(Schema({{"id", Type::kInt}, {"text", Type::kText}, {"shop", Type::kText}, {"returns", Type::kDouble}, {"visits", Type::kInt}, {"price", Type::kDouble}, {"weight", Type::kDouble},
                       {"mailed", Type::kBool}, {"good", Type::kBool}, {"stars", Type::kText}, {"spent", Type::kDouble}}),
               {id.Finish(), text.Finish(), shop.Finish(), returns.Finish(), visits.Finish(), price.Finish(), weight.Finish(), mailed.Finish(), good.Finish(), stars.Finish(), spent.Finish()}, n);
}

/// `terms` is how many columns the texts become.
TrainSpec SpecOf(Kind kind, const std::string& target, std::int64_t terms = 300) {
  TrainSpec spec;
  spec.target = target;
  spec.key = {"id"};
  for (const char* name : {"weight", "mailed", "good", "stars", "spent"})
    if (name != target) spec.ignore.emplace_back(name);
  spec.split = {SplitSpec::Kind::kHash, {}, 0.25, 0};
  TextStep text;
  text.max_features = terms;
  if (terms > 400) text.how = TextStep::How::kHash;
  TransformSpec words, shops, returns;
  words.columns = {"text"};
  words.steps = {text};
  shops.columns = {"shop"};
  shops.steps = {EncodeStep{}};
  returns.columns = {"returns", "visits"};
  returns.steps = {ScaleStep{ScaleStep::How::kMaxAbs}};
  spec.transform = {words, shops, returns};
  spec.learner.given = true;
  spec.learner.kind = kind;
  return spec;
}

void ExpectTheSameModel(const Table& rows, const TrainSpec& spec) {
  std::string first;
  for (const bool compress : {false, true})
    for (const int threads : {1, 2}) {
      TrainContext context;
      context.compress = compress;
      context.threads = threads;
      const Result<TrainOutput> trained = Train(rows, spec, context);
      ASSERT_TRUE(trained.ok()) << trained.status();
      if (first.empty()) first = trained->model->bytes();
      EXPECT_TRUE(trained->model->bytes() == first) << (compress ? "compressed" : "row-major") << ", " << threads << " threads";
    }
}

TEST(CompressedTraining, LightGbmLearnsTheSame) {
  const Table rows = Reviews(1500);
  for (const std::string target : {"good", "stars", "spent"}) {
    TrainSpec spec = SpecOf(Kind::kLightGbm, target);
    spec.learner.parameters = {{"num_iterations", "60"}, {"learning_rate", "0.2"}, {"early_stopping_round", "5"}, {"min_data_in_leaf", "5"}, {"feature_fraction", "0.5"}};
    if (target == "good") {
      spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
      spec.threshold.maximize = "f1";
      spec.ignore.erase(std::find(spec.ignore.begin(), spec.ignore.end(), "weight"));
      spec.weight = "weight";
      spec.learner.monotone = {{"price", 1}};
    }
    ExpectTheSameModel(rows, spec);
  }
}

TEST(CompressedTraining, XgboostLearnsTheSame) {
  const Table rows = Reviews(1200);
  for (const std::string target : {"good", "stars", "spent"}) {
    TrainSpec spec = SpecOf(Kind::kXgboost, target);
    spec.learner.parameters = {{"num_boost_round", "40"}, {"eta", "0.3"}, {"max_depth", "4"}, {"early_stopping_rounds", "4"}};
    if (target == "good") {
      spec.calibrate.kind = CalibrationSpec::Kind::kSigmoid;
      spec.ignore.erase(std::find(spec.ignore.begin(), spec.ignore.end(), "weight"));
      spec.weight = "weight";
      spec.learner.parameters["max_bin"] = "31";   // of 900 prices
    }
    if (target == "spent") spec.learner.parameters["num_parallel_tree"] = "2";
    ExpectTheSameModel(rows, spec);
  }
  TrainSpec wide = SpecOf(Kind::kXgboost, "good", 10'000);   // several blocks of rows
  wide.learner.parameters = {{"num_boost_round", "15"}, {"eta", "0.5"}, {"max_depth", "2"}, {"early_stopping_rounds", "2"}};
  ExpectTheSameModel(rows.Slice(0, 1000), wide);
  TrainSpec exact = SpecOf(Kind::kXgboost, "good");
  exact.learner.parameters = {{"num_boost_round", "5"}, {"tree_method", "exact"}};
  ExpectTheSameModel(rows, exact);
}

TEST(CompressedTraining, RegressionsLearnTheSame) {
  const Table rows = Reviews(900);
  for (const std::int64_t terms : {60, 700}) {   // Newton's method; L-BFGS
    ExpectTheSameModel(rows, SpecOf(Kind::kLogistic, "good", terms));
    ExpectTheSameModel(rows, SpecOf(Kind::kLogistic, "stars", terms));
    ExpectTheSameModel(rows, SpecOf(Kind::kLinear, "spent", terms));
  }
  TrainSpec weighted = SpecOf(Kind::kLogistic, "good", 60);
  weighted.learner.l1 = 0.5;
  weighted.ignore.erase(std::find(weighted.ignore.begin(), weighted.ignore.end(), "weight"));
  weighted.weight = "weight";
  ExpectTheSameModel(rows, weighted);
  ExpectTheSameModel(rows, SpecOf(Kind::kLinear, "spent", 2500));   // conjugate gradients
}

TEST(CompressedTraining, NaiveBayesAndTheConstantLearnTheSame) {
  const Table rows = Reviews(900);
  for (const Kind kind : {Kind::kNaiveBayes, Kind::kConstant})
    for (const std::string target : {"good", "stars"}) ExpectTheSameModel(rows, SpecOf(kind, target));
}

TEST(CompressedTraining, UpliftLearnsTheSame) {
  const Table rows = Reviews(1000);
  for (const Kind uplift : {Kind::kTwoModel, Kind::kXLearner})
    for (const Kind base : {Kind::kLightGbm, Kind::kXgboost, Kind::kLogistic}) {
      TrainSpec spec = SpecOf(base, "good", 150);
      spec.ignore.erase(std::find(spec.ignore.begin(), spec.ignore.end(), "mailed"));
      spec.treatment = "mailed";
      spec.learner.uplift = uplift;
      if (base == Kind::kLightGbm) spec.learner.parameters = {{"num_iterations", "15"}};
      if (base == Kind::kXgboost) spec.learner.parameters = {{"num_boost_round", "10"}};
      ExpectTheSameModel(rows, spec);
    }
}

TEST(CompressedTraining, TuningChoosesTheSame) {
  TrainSpec spec = SpecOf(Kind::kLightGbm, "good", 150);
  spec.learner.parameters = {{"num_iterations", "20"}};
  spec.tune.trials = 6;
  spec.tune.search = TuneSpec::Search::kHalving;
  spec.tune.space = {{"num_leaves", {"3", "7", "15"}}, {"learning_rate", {}, 0.05, 0.3, true, false}};
  ExpectTheSameModel(Reviews(900), spec);
}

}  // namespace
}  // namespace headrace
