// Our evaluator against XGBoost's own predictor, on what XGBoost trained and on what it never would have written.
#include "headrace/model/xgboost.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "headrace/model/forest_plan_internal.h"
#include "headrace/model/learner.h"
#include "headrace/model/xgboost_api.h"

namespace headrace {
namespace {

using internal::ForestPath;
using Parameters = std::map<std::string, std::string>;
using Random = std::mt19937_64;

constexpr std::size_t kFeatures = 5;

/// Values that floats stumble over, none of which is beyond their range: XGBoost refuses those.
double OddValue(Random& random) {
  constexpr double kOdd[] = {0.0,   -0.0,   1e-35,  -1e-35, 9e-36, 1e-40, -1e-44, 5e-324, -1e-46,
                             3.4e38, -3.4e38, 0.1, 0.25, 0.250000001, 0.2500000149};
  switch (random() % 10) {
    case 0:
      return std::nan("");
    case 1:
      return kOdd[random() % std::size(kOdd)];
    case 2:
      return static_cast<double>(random() % 7);
    default:
      return std::normal_distribution<double>()(random);
  }
}

std::vector<double> OddVectors(Random& random, std::size_t rows) {
  std::vector<double> values(rows * kFeatures);
  for (double& v : values) v = OddValue(random);
  return values;
}

struct World {
  std::vector<double> x, y;
  mutable Matrix matrix = {};
  Vectors vectors() const { return {matrix = Matrix::Dense(x, kFeatures), y}; }
};

World MakeWorld(unsigned seed, Task task, std::size_t rows = 600) {
  Random random(seed);
  World w{OddVectors(random, rows), std::vector<double>(rows)};
  for (std::size_t r = 0; r < rows; ++r) {
    const double first = w.x[r * kFeatures];
    const double signal = (std::fabs(first) < 100 ? first : 0.5) + std::normal_distribution<double>()(random);
    w.y[r] = task == Task::kRegression ? std::fabs(signal) + 0.1
             : task == Task::kBinary   ? signal > 0
                                       : std::clamp(std::floor(signal + 1), 0.0, 2.0);
  }
  return w;
}

LearnerSettings Settings(Task task, Parameters parameters) {
  LearnerSpec spec;
  spec.given = true;
  spec.kind = LearnerSpec::Kind::kXgboost;
  spec.parameters = std::move(parameters);
  const auto settings = ResolveLearner(spec, task, 3, 600);
  EXPECT_TRUE(settings.ok()) << settings.status();
  return settings.ok() ? *settings : LearnerSettings();
}

std::string TrainedText(unsigned seed, Task task, Parameters parameters, std::size_t rows = 600) {
  const LearnerSettings settings = Settings(task, std::move(parameters));
  const auto learner = FitLearner(settings, MakeWorld(seed, task, rows).vectors(), settings.iterations, {});
  EXPECT_TRUE(learner.ok()) << learner.status();
  return learner.ok() ? (*learner)->text() : "";
}

/// XGBoost itself, over a model's text. `type` 1: margins, 2: contributions.
std::vector<float> Predict(const std::string& text, const std::vector<double>& x, int type) {
  const XgboostApi& api = **XgboostApi::Get();
  void *booster = nullptr, *matrix = nullptr;
  EXPECT_EQ(api.booster_create(nullptr, 0, &booster), 0);
  EXPECT_EQ(api.booster_load_model_from_buffer(booster, text.data(), text.size()), 0) << api.LastError();
  const std::string array = StrCat(R"({"data": [)", reinterpret_cast<std::uintptr_t>(x.data()), R"(, true], "shape": [)",
                                   x.size() / kFeatures, ", ", kFeatures, R"(], "typestr": "<f8", "version": 3})");
  if (api.matrix_create_from_dense(array.c_str(), R"({"missing": NaN, "nthread": 1})", &matrix) != 0) {
    ADD_FAILURE() << api.LastError();
    return {};
  }
  const std::string config = StrCat(R"({"type": )", type,
                                    R"(, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": true})");
  const XgboostApi::Size* shape = nullptr;
  XgboostApi::Size dimensions = 0, count = 1;
  const float* values = nullptr;
  EXPECT_EQ(api.booster_predict_from_matrix(booster, matrix, config.c_str(), &shape, &dimensions, &values), 0)
      << api.LastError();
  for (XgboostApi::Size d = 0; d < dimensions; ++d) count *= shape[d];
  std::vector<float> out(values, values + count);
  api.booster_free(booster);
  api.matrix_free(matrix);
  return out;
}

/// Odd values, and those around the conditions of the model's splits, where narrowing to a float decides.
std::vector<double> VectorsAround(const std::string& text, unsigned seed) {
  Random random(seed);
  std::vector<double> x = OddVectors(random, 700);
  constexpr std::string_view kKey = "\"split_conditions\":[";
  std::size_t next = 0;
  for (std::size_t at = text.find(kKey); at != std::string::npos && next + 6 < x.size(); at = text.find(kKey, at + 1)) {
    const std::size_t from = at + kKey.size();
    for (const std::string& word : Split(text.substr(from, text.find(']', from) - from), ',')) {
      double condition = 0;
      if (!ParseDouble(word, &condition) || next + 6 >= x.size()) continue;
      const auto narrow = static_cast<float>(condition);
      const double exact = static_cast<double>(narrow), low = -std::numeric_limits<double>::infinity();
      const double before = static_cast<double>(std::nextafter(narrow, std::numeric_limits<float>::lowest()));
      const double middle = (exact + before) / 2;
      for (const double value : {exact, before, middle, std::nextafter(middle, low), -std::nextafter(-middle, low)})
        if (std::isfinite(static_cast<float>(value))) x[next++] = value;
      ++next;  // so that all features get them
    }
  }
  return x;
}

void ExpectXgboostsMargins(const std::string& text, unsigned seed) {
  const auto forest = Forest::ParseXgboost(text, kFeatures);
  ASSERT_TRUE(forest.ok()) << forest.status();
  const std::vector<double> x = VectorsAround(text, seed);
  const std::vector<float> theirs = Predict(text, x, 1);
  const std::size_t rows = x.size() / kFeatures;
  ASSERT_EQ(theirs.size(), rows * forest->num_outputs());
  std::vector<double> ours(theirs.size());
  for (const ForestPath path : {ForestPath::kPlain, ForestPath::kBest, ForestPath::kPortable, ForestPath::kRows}) {
    forest->RawScoresBy(path, x.data(), rows, ours.data());
    for (std::size_t i = 0; i < ours.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::int64_t>(ours[i]), std::bit_cast<std::int64_t>(static_cast<double>(theirs[i])))
          << "seed " << seed << " path " << static_cast<int>(path) << " value " << i;
  }
  for (const std::size_t count : {1u, 5u, 40u}) {
    std::vector<double> few(count * forest->num_outputs());
    forest->RawScores(x.data(), count, few.data());
    for (std::size_t i = 0; i < few.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::int64_t>(few[i]), std::bit_cast<std::int64_t>(ours[i]));
  }
}

const Parameters kVariants[] = {
    {{"num_boost_round", "30"}},
    {{"num_boost_round", "30"}, {"max_depth", "9"}, {"min_child_weight", "0.1"}, {"eta", "0.8"}},
    {{"num_boost_round", "20"}, {"subsample", "0.6"}, {"colsample_bynode", "0.5"}, {"num_parallel_tree", "3"}},
    {{"num_boost_round", "20"}, {"tree_method", "exact"}, {"gamma", "2"}},
    {{"num_boost_round", "20"}, {"tree_method", "approx"}, {"alpha", "0.5"}, {"lambda", "5"}},
    {{"num_boost_round", "10"}, {"grow_policy", "lossguide"}, {"max_depth", "0"}, {"max_leaves", "300"}, {"min_child_weight", "0"}},
};

TEST(Xgboost, GivesItsMarginsBitForBit) {
  unsigned seed = 0;
  for (const Parameters& variant : kVariants)
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
      ++seed;
      ExpectXgboostsMargins(TrainedText(seed, task, variant), seed);
    }
  for (const char* objective : {"reg:absoluteerror", "count:poisson", "reg:gamma", "reg:tweedie"})
    ExpectXgboostsMargins(TrainedText(30, Task::kRegression, {{"num_boost_round", "20"}, {"objective", objective}}), 30);
  ExpectXgboostsMargins(TrainedText(31, Task::kRegression,
                                    {{"num_boost_round", "20"}, {"objective", "reg:quantileerror"}, {"quantile_alpha", "0.8"}}),
                        31);
  ExpectXgboostsMargins(TrainedText(32, Task::kBinary, {{"num_boost_round", "5"}, {"base_score", "0.2"}}), 32);
  ExpectXgboostsMargins(TrainedText(33, Task::kMulticlass, {{"num_boost_round", "5"}, {"gamma", "1e30"}}), 33);  // no splits
}

TEST(Xgboost, ContributesAsItDoes) {
  unsigned seed = 100;
  for (const Parameters& variant : kVariants) {
    if (variant.contains("grow_policy")) continue;  // leaves of no weight, which no share can be made of
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
      const std::string text = TrainedText(++seed, task, variant);
      const auto forest = Forest::ParseXgboost(text, kFeatures);
      ASSERT_TRUE(forest.ok()) << forest.status();
      Random random(seed);
      const std::vector<double> x = OddVectors(random, 100);
      const std::vector<float> theirs = Predict(text, x, 2);
      std::vector<double> ours(theirs.size());
      ASSERT_EQ(theirs.size(), 100 * forest->num_outputs() * (kFeatures + 1));
      const Status status = forest->Contributions(x.data(), 100, ours.data());
      ASSERT_TRUE(status.ok()) << status;
      double largest = 1;
      for (const float part : theirs) largest = std::max(largest, static_cast<double>(std::fabs(part)));
      for (std::size_t i = 0; i < ours.size(); ++i)
        ASSERT_NEAR(ours[i], static_cast<double>(theirs[i]), 1e-5 * largest) << "seed " << seed << " value " << i;
    }
  }
}

/// `count` folds of every count-th row.
FoldSource Folds(const World& w, std::size_t count) {
  FoldSource source;
  source.folds = count;
  source.rows = w.y.size();
  source.make = [&w, count](std::size_t fold, int) -> Result<FoldVectors> {
    FoldVectors v;
    std::vector<double> train, held;
    for (std::size_t r = 0; r < w.y.size(); ++r) {
      auto& x = r % count == fold ? held : train;
      x.insert(x.end(), w.x.begin() + static_cast<std::ptrdiff_t>(r * kFeatures),
               w.x.begin() + static_cast<std::ptrdiff_t>((r + 1) * kFeatures));
      (r % count == fold ? v.held_target : v.train_target).push_back(w.y[r]);
    }
    v.train = Matrix::Dense(std::move(train), kFeatures);
    v.held = Matrix::Dense(std::move(held), kFeatures);
    return v;
  };
  return source;
}

TEST(Xgboost, StopsWhereAllFoldsTogetherAreBestForAnyNumberOfThreads) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    const World w = MakeWorld(3, task, 900);
    const LearnerSettings settings =
        Settings(task, {{"num_boost_round", "200"}, {"eta", "0.2"}, {"max_depth", "3"}, {"early_stopping_rounds", "10"}});
    std::optional<FoldFit> first;
    for (const int threads : {1, 4}) {
      LearnerControl control;
      control.threads = threads;
      const auto fit = FitFolds(settings, Folds(w, 4), control);
      ASSERT_TRUE(fit.ok()) << fit.status();
      EXPECT_GT(fit->iterations, 1);
      EXPECT_LT(fit->iterations, 150);
      if (!first) first = *fit;
      EXPECT_EQ(fit->iterations, first->iterations);
      EXPECT_EQ(fit->held_margins, first->held_margins);
    }
  }
}

TEST(Xgboost, CanBeInterruptedAndSaysWhatItRefuses) {
  const World w = MakeWorld(4, Task::kRegression);
  LearnerControl control;
  control.cancelled = [] { return true; };
  const LearnerSettings settings = Settings(Task::kRegression, {});
  EXPECT_EQ(FitLearner(settings, w.vectors(), 10, control).status().code(), ErrorCode::kInterrupted);
  World negative = w;
  negative.y[0] = -3;
  const auto refused = FitLearner(Settings(Task::kRegression, {{"objective", "count:poisson"}}), negative.vectors(), 10, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), ErrorCode::kFailed);
  EXPECT_TRUE(refused.status().message().starts_with("XGBoost could not grow a tree: ")) << refused.status();
  EXPECT_EQ(refused.status().message().find("Stack trace"), std::string::npos);
  EXPECT_EQ(refused.status().message().find(".cc:"), std::string::npos) << refused.status();
}

TEST(Xgboost, KeepsMonotoneConstraintsAndWeights) {
  const World w = MakeWorld(5, Task::kRegression);
  std::vector<int> monotone(kFeatures, 0);
  monotone[0] = -1;
  Vectors vectors = w.vectors();
  vectors.monotone = monotone;
  const LearnerSettings settings = Settings(Task::kRegression, {{"num_boost_round", "30"}});
  const auto falling = FitLearner(settings, vectors, 30, {});
  ASSERT_TRUE(falling.ok()) << falling.status();
  double before = std::numeric_limits<double>::infinity();
  for (int i = -30; i <= 30; ++i) {
    const double row[kFeatures] = {i / 10.0, 0.3, 0.1, 0, 2};
    double margin = 0;
    (*falling)->RawScores(row, 1, &margin);
    EXPECT_LE(margin, before);
    before = margin;
  }
  std::vector<double> weights(w.y.size(), 1.0);
  vectors.weights = weights;
  const auto equal = FitLearner(settings, vectors, 30, {});
  ASSERT_TRUE(equal.ok());
  EXPECT_EQ((*equal)->text(), (*falling)->text());
  for (std::size_t r = 0; r < weights.size(); r += 2) weights[r] = 5;
  EXPECT_NE((*FitLearner(settings, vectors, 30, {}))->text(), (*falling)->text());
}

TEST(Xgboost, RefusesParametersByNameTypeAndRange) {
  struct Case {
    Parameters parameters;
    std::string says, help;
  };
  const Case cases[] = {
      {{{"max_dept", "3"}}, "`max_dept` is not one of XGBoost's", "max_depth"},
      {{{"num_iterations", "3"}}, "`num_iterations` is not one of XGBoost's", ""},
      {{{"nthread", "3"}}, "XGBoost's parameter `nthread` cannot be set", ""},
      {{{"device", "cuda"}}, "`device` cannot be set", ""},
      {{{"monotone_constraints", "(1)"}}, "`monotone_constraints` cannot be set", ""},
      {{{"eta", "fast"}}, "XGBoost's `eta` is \"fast\", expected a number above 0 and at most 1", ""},
      {{{"subsample", "0"}}, "expected a number above 0", ""},
      {{{"max_depth", "2.5"}}, "expected a whole number from 0", ""},
      {{{"booster", "dart"}}, "expected gbtree", ""},
      {{{"objective", "survival:cox"}}, "expected binary:logistic", ""},
      {{{"eta", "0.1"}, {"learning_rate", "0.1"}}, "set twice", ""},
  };
  for (const Case& c : cases) {
    LearnerSpec spec;
    spec.given = true;
    spec.kind = LearnerSpec::Kind::kXgboost;
    spec.parameters = c.parameters;
    const Status status = CheckLearnerParameters(spec);
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << c.says;
    EXPECT_NE(status.message().find(c.says), std::string::npos) << status;
    EXPECT_NE(status.help().find(c.help), std::string::npos) << status;
  }
  LearnerSpec spec;
  spec.given = true;
  spec.kind = LearnerSpec::Kind::kXgboost;
  const std::pair<Parameters, const char*> unfit[] = {
      {{{"objective", "binary:logistic"}}, "the target is for regression"},
      {{{"objective", "reg:quantileerror"}}, "needs `quantile_alpha`"},
      {{{"quantile_alpha", "0.5"}}, "no meaning for the objective reg:squarederror"},
      {{{"scale_pos_weight", "2"}}, "no meaning"},
      {{{"objective", "count:poisson"}, {"base_score", "0"}}, "expected a number above 0"},
  };
  for (const auto& [parameters, says] : unfit) {
    spec.parameters = parameters;
    const auto settings = ResolveLearner(spec, Task::kRegression, 0, 100);
    ASSERT_FALSE(settings.ok()) << says;
    EXPECT_NE(settings.status().message().find(says), std::string::npos) << settings.status();
  }
  spec.parameters = {{"objective", "multi:softmax"}, {"n_estimators", "7"}};
  const auto settings = ResolveLearner(spec, Task::kMulticlass, 4, 100);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->parameters.at("objective"), "multi:softprob");
  EXPECT_EQ(settings->parameters.at("num_class"), "4");
  EXPECT_EQ(settings->iterations, 7);
  EXPECT_EQ(settings->objective(), "multiclass");
}

TEST(Xgboost, RefusesJsonThatIsNotAForest) {
  const std::string good = TrainedText(2, Task::kBinary, {{"num_boost_round", "2"}, {"max_depth", "2"}});
  ASSERT_TRUE(Forest::ParseXgboost(good, kFeatures).ok()) << Forest::ParseXgboost(good, kFeatures).status();
  const auto with = [&](std::string_view from, std::string_view to) {
    const std::size_t at = good.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? good : good.substr(0, at) + std::string(to) + good.substr(at + from.size());
  };
  const std::pair<std::string, std::string> kCases[] = {
      {with("\"left_children\":[1", "\"left_children\":[0"), "do not form a tree"},
      {with("\"left_children\":[1", "\"left_children\":[2"), "do not form a tree"},
      {with("\"left_children\":[1", "\"left_children\":[70000"), "do not form a tree"},
      {with("\"left_children\":[1", "\"left_children\":[-1"), "one child"},
      {with("\"left_children\":[1,", "\"left_children\":["), "left_children has"},
      {with("\"right_children\":[", "\"right_children\":[7,"), "right_children has"},
      {with("\"split_indices\":[", "\"split_indices\":[1"), "splits on feature"},
      {with("\"split_type\":[0", "\"split_type\":[1"), "split_type"},
      {with("\"default_left\":[", "\"default_left\":[2"), "default_left"},
      {with("\"split_conditions\":[", "\"split_conditions\":[NaN,"), "split_conditions has"},
      {with("\"categories\":[]", "\"categories\":[1]"), "categories"},
      {with("\"num_class\":\"0\"", "\"num_class\":\"3\""), "num_class 3"},
      {with("\"num_feature\":\"5\"", "\"num_feature\":\"6\""), "features"},
      {with("\"num_trees\":\"2\"", "\"num_trees\":\"3\""), "num_trees is 3"},
      {with("\"tree_info\":[0,0]", "\"tree_info\":[0,1]"), "output 1 of 1"},
      {with("\"iteration_indptr\":[0,1,2]", "\"iteration_indptr\":[0,2,1]"), "iteration_indptr"},
      {with("\"name\":\"gbtree\"", "\"name\":\"dart\""), "dart"},
      {with("binary:logistic", "binary:hinge"), "binary:hinge"},
      {with("\"base_margin\":\"", "\"base_margin\":\"0.1,"), "base_margin"},
      {with("\"base_margin\":\"", "\"base_margin\":\"x"), "base_margin"},
      {with("\"attributes\":{", "\"attributes\":{\"more\":\"1\","), "more: is not expected here"},
      {with("\"version\":[3", "\"version\":[9"), "version"},
      {with("\"id\":0,", ""), "id is missing"},
      {with("\"id\":0,", "\"id\":0,\"id\":0,"), "there twice"},
      {good + "}", "expected the end"},
      {good.substr(0, good.size() / 2), ""},
      {"", "expected an object"},
  };
  for (const auto& [text, expected] : kCases) {
    const auto forest = Forest::ParseXgboost(text, kFeatures);
    ASSERT_FALSE(forest.ok()) << expected;
    EXPECT_EQ(forest.status().code(), ErrorCode::kInvalid);
    EXPECT_NE(forest.status().message().find(expected), std::string::npos)
        << forest.status() << " should say " << expected;
  }
}

TEST(Xgboost, SurvivesAnyDamageToItsText) {
  const std::string good = TrainedText(2, Task::kBinary, {{"num_boost_round", "2"}, {"max_depth", "3"}});
  Random random(1);
  std::vector<double> x = OddVectors(random, 20), out(20), parts(20 * (kFeatures + 1));
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (std::uint64_t n = 1 + random() % 3; n-- > 0;) {
      const std::size_t at = random() % text.size();
      if (random() % 4 == 0)
        text.erase(at, 1 + random() % 5);
      else
        text[at] = "0123456789-.,[]{}\":E"[random() % 20];
    }
    const auto forest = Forest::ParseXgboost(text, kFeatures);
    if (!forest.ok()) continue;
    forest->RawScores(x.data(), 20, out.data());
    const Status status = forest->Contributions(x.data(), 20, parts.data());
    EXPECT_TRUE(status.ok() || status.code() == ErrorCode::kInvalid) << status;
  }
}

}  // namespace
}  // namespace headrace
