#include "headrace/model/forest.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/lightgbm.h"
#include "headrace/model/lightgbm_api.h"

namespace headrace {
namespace {

constexpr std::size_t kFeatures = 5;

/// Values that trees stumble over: NaN, infinities, zeros, what LightGBM rounds to zero, and ordinary numbers.
double OddValue(std::mt19937_64& random) {
  constexpr double kOdd[] = {0.0, -0.0, 1e-35, -1e-35, 9e-36, 1.1e-35, 5e-324, -5e-324, 1e300, -1e300, 1e308};
  const double inf = std::numeric_limits<double>::infinity();
  switch (random() % 12) {
    case 0:
      return std::nan("");
    case 1:
      return inf;
    case 2:
      return -inf;
    case 3:
      return kOdd[random() % std::size(kOdd)];
    case 4:
      return static_cast<double>(random() % 7);
    default:
      return std::normal_distribution<double>()(random);
  }
}

std::vector<double> OddVectors(std::mt19937_64& random, std::size_t rows) {
  std::vector<double> values(rows * kFeatures);
  for (double& v : values) v = OddValue(random);
  return values;
}

/// A model trained by LightGBM on odd values.
std::string TrainedText(unsigned seed, Task task, std::map<std::string, std::string> parameters,
                        std::size_t rows = 600) {
  std::mt19937_64 random(seed);
  const std::vector<double> x = OddVectors(random, rows);
  std::vector<double> y(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const double signal =
        (std::isfinite(x[r * kFeatures]) ? x[r * kFeatures] : 0.5) + std::normal_distribution<double>()(random);
    y[r] = task == Task::kRegression ? signal
           : task == Task::kBinary   ? signal > 0
                                     : std::clamp(std::floor(signal + 1), 0.0, 2.0);
  }
  LearnerSpec spec;
  spec.given = true;
  spec.parameters = std::move(parameters);
  const auto settings = ResolveLearner(spec, task, 3, rows);
  EXPECT_TRUE(settings.ok()) << settings.status();
  const auto learner = FitLearner(*settings, {Matrix::Dense(x, kFeatures), y}, settings->iterations, {});
  EXPECT_TRUE(learner.ok()) << learner.status();
  return (*learner)->text();
}

class LightGbmPredictor {
 public:
  explicit LightGbmPredictor(const std::string& text) : api_(*LightGbmApi::Get()) {
    int iterations = 0;
    EXPECT_EQ(api_->booster_load_model_from_string(text.c_str(), &iterations, &booster_), 0) << api_->get_last_error();
  }
  ~LightGbmPredictor() { api_->booster_free(booster_); }
  std::vector<double> Predict(const std::vector<double>& x, int type, std::size_t outputs) const {
    const std::size_t rows = x.size() / kFeatures;
    std::vector<double> out(rows * outputs);
    std::int64_t length = 0;
    EXPECT_EQ(api_->booster_predict_for_mat(booster_, x.data(), C_API_DTYPE_FLOAT64, static_cast<int>(rows), kFeatures,
                                            1, type, 0, 0, "num_threads=1", &length, out.data()),
              0);
    EXPECT_EQ(length, static_cast<std::int64_t>(out.size()));
    return out;
  }

 private:
  const LightGbmApi* api_;
  BoosterHandle booster_ = nullptr;
};

std::int64_t UlpDistance(double a, double b) {
  return std::abs(std::bit_cast<std::int64_t>(a) - std::bit_cast<std::int64_t>(b));
}

void ExpectSameAsLightGbm(const std::string& text, unsigned seed, bool averaged = false) {
  const auto forest = Forest::Parse(text, kFeatures);
  ASSERT_TRUE(forest.ok()) << forest.status();
  std::mt19937_64 random(seed + 1000);
  const std::vector<double> x = OddVectors(random, 700);
  const std::size_t outputs = forest->num_outputs();
  std::vector<double> ours(700 * outputs);
  forest->RawScores(x.data(), 700, ours.data());
  const LightGbmPredictor theirs(text);
  const std::vector<double> raw = theirs.Predict(x, C_API_PREDICT_RAW_SCORE, outputs);
  const auto iterations = static_cast<double>(forest->num_trees() / outputs);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double expected =
        averaged ? raw[i] / iterations : raw[i];  // LightGBM averages a random forest only for its link
    ASSERT_EQ(std::bit_cast<std::int64_t>(ours[i]), std::bit_cast<std::int64_t>(expected))
        << "seed " << seed << " value " << i;
  }
  ApplyLink(forest->link(), 700, outputs, ours.data());
  const std::vector<double> normal = theirs.Predict(x, C_API_PREDICT_NORMAL, outputs);
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_LE(UlpDistance(ours[i], normal[i]), 4) << "seed " << seed << " value " << i;
  std::vector<double> one(outputs);
  for (const std::size_t r : {0u, 63u, 64u, 699u}) {
    forest->RawScores(x.data() + r * kFeatures, 1, one.data());
    ApplyLink(forest->link(), 1, outputs, one.data());
    for (std::size_t k = 0; k < outputs; ++k)
      EXPECT_EQ(std::bit_cast<std::int64_t>(one[k]), std::bit_cast<std::int64_t>(ours[r * outputs + k]));
  }
}

TEST(Forest, GivesLightGbmsMarginsBitForBit) {
  const std::map<std::string, std::string> kVariants[] = {
      {{"num_iterations", "30"}, {"num_leaves", "15"}},
      {{"num_iterations", "30"}, {"num_leaves", "63"}, {"min_data_in_leaf", "1"}, {"learning_rate", "0.3"}},
      {{"num_iterations", "20"}, {"zero_as_missing", "true"}},
      {{"num_iterations", "20"}, {"use_missing", "false"}, {"max_depth", "3"}},
      {{"num_iterations", "20"},
       {"bagging_fraction", "0.5"},
       {"bagging_freq", "1"},
       {"feature_fraction", "0.6"},
       {"extra_trees", "true"}},
  };
  unsigned seed = 0;
  for (const auto& variant : kVariants)
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
      for (int i = 0; i < 3; ++i, ++seed) ExpectSameAsLightGbm(TrainedText(seed, task, variant), seed);
}

/// Contributions against LightGBM's pred_contrib, and their sum against the margin.
void ExpectLightGbmsContributions(const std::string& text, unsigned seed, bool averaged = false) {
  const auto forest = Forest::Parse(text, kFeatures);
  ASSERT_TRUE(forest.ok()) << forest.status();
  std::mt19937_64 random(seed + 2000);
  const std::vector<double> x = OddVectors(random, 150);
  const std::size_t outputs = forest->num_outputs(), width = kFeatures + 1;
  std::vector<double> ours(150 * outputs * width), margins(150 * outputs);
  const Status status = forest->Contributions(x.data(), 150, ours.data());
  ASSERT_TRUE(status.ok()) << status;
  forest->RawScores(x.data(), 150, margins.data());
  const std::vector<double> theirs = LightGbmPredictor(text).Predict(x, C_API_PREDICT_CONTRIB, outputs * width);
  const double trees = averaged ? static_cast<double>(forest->num_trees() / outputs) : 1;
  double largest = 1;  // targets that are odd values make margins of 1e36
  for (const double part : theirs) largest = std::max(largest, std::fabs(part) / trees);
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_NEAR(ours[i], theirs[i] / trees, 1e-9 * largest) << "seed " << seed << " value " << i;
  for (std::size_t i = 0; i < margins.size(); ++i)
    ASSERT_NEAR(std::accumulate(ours.begin() + static_cast<std::ptrdiff_t>(i * width),
                                ours.begin() + static_cast<std::ptrdiff_t>((i + 1) * width), 0.0),
                margins[i], 1e-9 * largest);
  std::vector<double> one(outputs * width);
  for (const std::size_t r : {0u, 64u, 149u}) {
    ASSERT_TRUE(forest->Contributions(x.data() + r * kFeatures, 1, one.data()).ok());
    for (std::size_t k = 0; k < one.size(); ++k)
      ASSERT_EQ(std::bit_cast<std::int64_t>(one[k]), std::bit_cast<std::int64_t>(ours[r * one.size() + k]));
  }
}

TEST(Forest, ContributesAsLightGbmDoes) {
  const std::map<std::string, std::string> kVariants[] = {
      {{"num_iterations", "30"}, {"num_leaves", "15"}},
      {{"num_iterations", "20"}, {"num_leaves", "120"}, {"min_data_in_leaf", "1"}},
      {{"num_iterations", "20"}, {"zero_as_missing", "true"}},
      {{"num_iterations", "20"}, {"max_depth", "1"}},
  };
  unsigned seed = 100;
  for (const auto& variant : kVariants)
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
      ++seed;
      ExpectLightGbmsContributions(TrainedText(seed, task, variant), seed);
    }
  ExpectLightGbmsContributions(
      TrainedText(7, Task::kMulticlass,
                  {{"boosting", "rf"}, {"bagging_fraction", "0.6"}, {"bagging_freq", "1"}, {"num_iterations", "20"}}),
      7, true);
  ExpectLightGbmsContributions(TrainedText(3, Task::kBinary, {{"num_iterations", "4"}}, 15), 3);
}

TEST(Forest, AveragesARandomForestAsLightGbmDoes) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    ExpectSameAsLightGbm(
        TrainedText(7, task,
                    {{"boosting", "rf"}, {"bagging_fraction", "0.6"}, {"bagging_freq", "1"}, {"num_iterations", "20"}}),
        7, true);
}

TEST(Forest, ReadsTreesWithoutSplits) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
    ExpectSameAsLightGbm(TrainedText(3, task, {{"num_iterations", "4"}}, 15), 3);
}

TEST(Forest, KeepsASigmoidThatIsNotOne) {
  ExpectSameAsLightGbm(TrainedText(5, Task::kBinary, {{"sigmoid", "0.7"}, {"num_iterations", "10"}}), 5);
}

/// Trees with a categorical split, in LightGBM's form.
std::string CategoricalText(std::size_t count = 1) {
  const std::string tree =
      "\nnum_leaves=3\nnum_cat=1\nsplit_feature=1 0\nsplit_gain=2 1\nthreshold=0 0.5\ndecision_type=1 "
      "2\nleft_child=-1 -2\n"
      "right_child=1 -3\nleaf_value=0.25 -0.5 1.5\nleaf_weight=1 1 1\nleaf_count=1 1 1\ninternal_value=0 "
      "0\ninternal_weight=0 0\n"
      "internal_count=3 2\ncat_boundaries=0 2\ncat_threshold=10 1\nis_linear=0\nshrinkage=1\n\n\n";
  std::string trees, sizes;
  for (std::size_t t = 0; t < count; ++t) {
    const std::string numbered = StrCat("Tree=", t, tree);
    trees += numbered;
    sizes += StrCat(t == 0 ? "" : " ", numbered.size());
  }
  return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=4\nobjective="
         "regression\n"
         "feature_names=a b c d e\nfeature_infos=none none none none none\ntree_sizes=" +
         sizes + "\n\n" + trees + "end of trees\n\nfeature_importances:\nb=1\n";
}

TEST(Forest, FollowsCategoricalSplits) { ExpectSameAsLightGbm(CategoricalText(), 11); }

// So many trees are read by several threads.
TEST(Forest, ReadsManyTreesAsFewAndNamesTheFirstThatIsWrong) {
  std::string text = CategoricalText(300);
  ExpectSameAsLightGbm(text, 12);
  for (const std::size_t tree : {299u, 170u, 40u}) {   // the later ones stay wrong
    const std::size_t at = text.find("is_linear=0", text.find(StrCat("Tree=", tree, "\n")));
    text[at + 10] = '1';
    const auto forest = Forest::Parse(text, kFeatures);
    ASSERT_FALSE(forest.ok());
    EXPECT_NE(forest.status().message().find(StrCat("tree ", tree, ": ")), std::string::npos) << forest.status();
  }
  for (const std::size_t cut : {text.size() / 3, text.size() - 40}) EXPECT_FALSE(Forest::Parse(CategoricalText(300).substr(0, cut), kFeatures).ok());
}

TEST(Forest, RefusesTextThatIsNotAForest) {
  const std::string good = CategoricalText();
  ASSERT_TRUE(Forest::Parse(good, kFeatures).ok());
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = ReplaceAll(good, from, to);
    EXPECT_NE(text, good) << from;
    // The announced size is put right, so that the change itself must be what is noticed.
    const std::size_t begin = text.find("Tree=0"), end = text.find("end of trees");
    const std::size_t size = text.find("tree_sizes=");
    if (begin != std::string::npos && end != std::string::npos && size != std::string::npos)
      text = text.substr(0, size + 11) + StrCat(end - begin) + text.substr(text.find('\n', size));
    return text;
  };
  const std::pair<std::string, std::string> kCases[] = {
      {with("split_feature=1 0", "split_feature=1 5"), "split_feature"},
      {with("split_feature=1 0", "split_feature=1"), "split_feature has 1 entries, expected 2"},
      {with("split_feature=1 0", "split_feature=1 0 0"), "more than 2"},
      {with("threshold=0 0.5", "threshold=0 nan"), "threshold"},
      {with("threshold=0 0.5", "threshold=1 0.5"), "category set"},
      {with("leaf_value=0.25 -0.5 1.5", "leaf_value=0.25 inf 1.5"), "leaf_value"},
      {with("left_child=-1 -2", "left_child=-1 0"), "do not form a tree"},
      {with("left_child=-1 -2", "left_child=-1 -1"), "do not form a tree"},
      {with("right_child=1 -3", "right_child=2 -3"), "right_child"},
      {with("decision_type=1 2", "decision_type=1 12"), "decision_type"},
      {with("cat_boundaries=0 2", "cat_boundaries=0 3"), "cat_threshold has 2 entries, expected 3"},
      {with("cat_boundaries=0 2", "cat_boundaries=0 99999999"), "beyond the file"},
      {with("is_linear=0", "is_linear=1"), "linear trees"},
      {with("num_leaves=3", "num_leaves=1000000000"), "num_leaves"},
      {with("version=v4", "version=v9"), "version"},
      {with("objective=regression", "objective=cross_entropy"), "cross_entropy"},
      {with("max_feature_idx=4", "max_feature_idx=3"), "vectors of 4 features"},
      {with("num_tree_per_iteration=1", "num_tree_per_iteration=2"), "num_tree_per_iteration"},
      {with("b=1\n", "b=1\nparameters:\n"), "importance"},
      {ReplaceAll(good, "leaf_weight=1 1 1", "leaf_weight=1 1 10"), "tree_sizes"},
      {good.substr(0, good.size() / 2), ""},
      {"", "expected \"tree\""},
  };
  for (const auto& [text, expected] : kCases) {
    const auto forest = Forest::Parse(text, kFeatures);
    ASSERT_FALSE(forest.ok()) << expected;
    EXPECT_EQ(forest.status().code(), ErrorCode::kInvalid);
    EXPECT_NE(forest.status().message().find(expected), std::string::npos)
        << forest.status() << " should say " << expected;
  }
}

TEST(Forest, SurvivesAnyDamageToItsText) {
  const std::string good = TrainedText(2, Task::kBinary, {{"num_iterations", "2"}, {"num_leaves", "4"}});
  std::mt19937_64 random(1);
  std::vector<double> x = OddVectors(random, 20), out(20), parts(20 * (kFeatures + 1));
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (std::uint64_t n = 1 + random() % 3; n-- > 0;) {
      const std::size_t at = random() % text.size();
      if (random() % 4 == 0)
        text.erase(at, 1 + random() % 5);
      else
        text[at] = "0123456789-. =\nene"[random() % 18];
    }
    const auto forest = Forest::Parse(text, kFeatures);
    if (!forest.ok() || forest->num_outputs() != 1) continue;
    forest->RawScores(x.data(), 20, out.data());
    const Status status = forest->Contributions(x.data(), 20, parts.data());
    EXPECT_TRUE(status.ok() || status.code() == ErrorCode::kInvalid) << status;
  }
}

}  // namespace
}  // namespace headrace
