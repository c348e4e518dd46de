// All ways of running a forest against the plain walk, on forests drawn at random: LightGBM itself would never grow
// most of them, but a file may hold them.
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "headrace/model/forest_plan_internal.h"

namespace headrace {
namespace {

using internal::ForestPath;
using Random = std::mt19937_64;

struct Shape {
  std::size_t features = 6, trees = 9, classes = 1;
  std::size_t most_leaves = 40;
  bool chain = false;  ///< one long path instead of a bushy tree
  bool average = false;
  unsigned categorical = 0;     ///< percent of the splits
  std::size_t thresholds = 50;  ///< different ones a feature
};

double Odd(Random& random) {
  constexpr double kOdd[] = {0.0, -0.0, 1e-35, -1e-35, 9e-36, 1.1e-35, 5e-324, -5e-324, 1e308, -1e308};
  const double inf = std::numeric_limits<double>::infinity();
  switch (random() % 10) {
    case 0:
      return std::numeric_limits<double>::quiet_NaN();
    case 1:
      return kOdd[random() % std::size(kOdd)];
    case 2:
      return random() % 2 == 0 ? inf : -inf;
    case 3:
      return static_cast<double>(random() % 200) - 3;
    default:
      return std::normal_distribution<double>()(random);
  }
}

/// LightGBM's text of forests of a shape.
class Grower {
 public:
  Grower(unsigned seed, const Shape& shape) : random_(seed), shape_(shape), thresholds_(shape.features) {
    for (auto& of_feature : thresholds_)
      for (std::size_t i = 0; i < shape.thresholds; ++i) {
        double threshold = Odd(random_);
        of_feature.push_back(threshold == threshold ? threshold : 0.25);
      }
  }

  std::string Text() {
    std::string trees, sizes, names, infos;
    for (std::size_t t = 0; t < shape_.trees * shape_.classes; ++t) {
      const std::string tree = Tree(t);
      sizes += StrCat(t == 0 ? "" : " ", tree.size());
      trees += tree;
    }
    for (std::size_t f = 0; f < shape_.features; ++f) {
      names += StrCat(f == 0 ? "" : " ", "f", f);
      infos += f == 0 ? "none" : " none";
    }
    const std::string objective =
        shape_.classes > 1 ? StrCat("multiclass num_class:", shape_.classes) : std::string("binary sigmoid:1");
    return StrCat("tree\nversion=v4\nnum_class=", shape_.classes, "\nnum_tree_per_iteration=", shape_.classes,
                  "\nlabel_index=0\nmax_feature_idx=", shape_.features - 1, "\nobjective=", objective, "\n",
                  shape_.average ? "average_output\n" : "", "feature_names=", names, "\nfeature_infos=", infos,
                  "\ntree_sizes=", sizes, "\n\n", trees, "end of trees\n\nfeature_importances:\n");
  }

 private:
  std::string Tree(std::size_t number) {
    const std::size_t leaves = 1 + random_() % shape_.most_leaves, splits = leaves - 1;
    std::vector<std::int64_t> left(splits), right(splits);
    // Grow as LightGBM does: the next split takes the place of a leaf, whose number its left side keeps.
    std::vector<std::int64_t*> place{nullptr};
    for (std::size_t i = 0; i < splits; ++i) {
      const std::size_t leaf = shape_.chain ? place.size() - 1 : random_() % place.size();
      if (place[leaf] != nullptr) *place[leaf] = static_cast<std::int64_t>(i);
      left[i] = ~static_cast<std::int64_t>(leaf);
      right[i] = ~static_cast<std::int64_t>(place.size());
      place[leaf] = &left[i];
      place.push_back(&right[i]);
    }
    std::string lines[9];
    const char* names[] = {"split_feature", "split_gain",     "threshold",       "decision_type", "left_child",
                           "right_child",   "internal_value", "internal_weight", "internal_count"};
    std::size_t sets = 0;
    std::string boundaries = "0", words;
    std::size_t word_count = 0;
    for (std::size_t i = 0; i < splits; ++i) {
      const std::size_t feature = random_() % shape_.features;
      std::string threshold = FormatDouble(thresholds_[feature][random_() % shape_.thresholds]);
      std::size_t decision = random_() % 6 * 2;
      if (random_() % 100 < shape_.categorical) {
        threshold = StrCat(sets++);
        decision = 1;
        for (std::size_t n = 1 + random_() % 7; n-- > 0; ++word_count)
          words += StrCat(word_count == 0 ? "" : " ", random_() & 0xFFFFFFFFu);
        boundaries += StrCat(" ", word_count);
      }
      const std::string values[] = {StrCat(feature),  "1", threshold, StrCat(decision), StrCat(left[i]),
                                    StrCat(right[i]), "0", "1",       StrCat(leaves)};
      for (std::size_t k = 0; k < 9; ++k) lines[k] += (i == 0 ? "" : " ") + values[k];
    }
    std::string leaf_values, ones;
    for (std::size_t i = 0; i < leaves; ++i) {
      leaf_values += (i == 0 ? "" : " ") + FormatDouble(std::normal_distribution<double>()(random_));
      ones += i == 0 ? "1" : " 1";
    }
    std::string text = StrCat("Tree=", number, "\nnum_leaves=", leaves, "\nnum_cat=", sets, "\n");
    const auto line = [&](std::string_view name, std::string_view value) { text += StrCat(name, "=", value, "\n"); };
    for (std::size_t k = 0; k < 6; ++k) line(names[k], lines[k]);
    line("leaf_value", leaf_values);
    line("leaf_weight", ones);
    line("leaf_count", ones);
    for (std::size_t k = 6; k < 9; ++k) line(names[k], lines[k]);
    if (sets > 0) {
      line("cat_boundaries", boundaries);
      line("cat_threshold", words);
    }
    return text + "is_linear=0\nshrinkage=1\n\n\n";
  }

  Random random_;
  Shape shape_;
  std::vector<std::vector<double>> thresholds_;
};

void ExpectAllPathsAgree(const Shape& shape, unsigned seed, std::size_t most_rows = 700) {
  const std::string text = Grower(seed, shape).Text();
  const auto forest = Forest::Parse(text, shape.features);
  ASSERT_TRUE(forest.ok()) << forest.status();
  Random random(seed + 1);
  std::vector<double> x(most_rows * shape.features);
  for (double& value : x) value = Odd(random);
  std::vector<double> plain(most_rows * shape.classes), other(plain.size());
  forest->RawScoresBy(ForestPath::kPlain, x.data(), most_rows, plain.data());
  for (const std::size_t rows : {1u, 2u, 7u, 13u, 32u, 33u, 255u, 256u, 257u, 700u}) {
    if (rows > most_rows) break;
    for (const ForestPath path : {ForestPath::kBest, ForestPath::kPortable, ForestPath::kAvx2, ForestPath::kRows}) {
      std::fill(other.begin(), other.end(), 99.0);
      forest->RawScoresBy(path, x.data(), rows, other.data());
      for (std::size_t i = 0; i < rows * shape.classes; ++i)
        ASSERT_EQ(std::bit_cast<std::int64_t>(plain[i]), std::bit_cast<std::int64_t>(other[i]))
            << "seed " << seed << " path " << static_cast<int>(path) << " rows " << rows << " value " << i;
    }
  }
}

TEST(ForestKernels, AgreeOnAnyForest) {
  const Shape kShapes[] = {
      {},
      {.trees = 20, .most_leaves = 256, .thresholds = 300},     // more cuts than a byte ranks
      {.features = 2, .most_leaves = 250, .thresholds = 2000},  // several planes a feature
      {.trees = 30, .most_leaves = 3},                          // single leaves and stumps
      {.trees = 5, .classes = 4},
      {.trees = 7, .average = true},
      {.trees = 4, .classes = 3, .average = true},
      {.most_leaves = 200, .chain = true},
      {.trees = 12, .most_leaves = 64, .categorical = 30},
      {.trees = 5, .classes = 2, .categorical = 100},
      {.trees = 12, .most_leaves = 700},                    // some blend, some walk
      {.trees = 12, .most_leaves = 700, .categorical = 5},  // some blend, some are walked by the rules
      {.trees = 3, .most_leaves = 700, .chain = true},
      {.features = 400, .trees = 10},
  };
  unsigned seed = 0;
  for (const Shape& shape : kShapes)
    for (int i = 0; i < 6; ++i) ExpectAllPathsAgree(shape, ++seed);
}

TEST(ForestKernels, ContributionsSumToTheMarginOfAnyForest) {
  const Shape kShapes[] = {{},
                           {.features = 40, .trees = 4, .most_leaves = 250},
                           {.features = 100, .trees = 3, .most_leaves = 200, .chain = true},
                           {.trees = 5, .classes = 3, .average = true},
                           {.trees = 5, .categorical = 40}};
  unsigned seed = 50;
  for (const Shape& shape : kShapes) {
    const auto forest = Forest::Parse(Grower(++seed, shape).Text(), shape.features);
    ASSERT_TRUE(forest.ok()) << forest.status();
    Random random(seed);
    std::vector<double> x(20 * shape.features);
    for (double& value : x) value = Odd(random);
    std::vector<double> margins(20 * shape.classes), parts(margins.size() * (shape.features + 1));
    forest->RawScores(x.data(), 20, margins.data());
    const Status status = forest->Contributions(x.data(), 20, parts.data());
    ASSERT_TRUE(status.ok()) << status;
    std::vector<double> portable(parts.size());
    ASSERT_TRUE(forest->ContributionsBy(ForestPath::kPortable, x.data(), 20, portable.data()).ok());
    for (std::size_t i = 0; i < parts.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::int64_t>(parts[i]), std::bit_cast<std::int64_t>(portable[i])) << "seed " << seed;
    for (std::size_t i = 0; i < margins.size(); ++i) {
      double sum = 0;
      for (std::size_t f = 0; f <= shape.features; ++f) sum += parts[i * (shape.features + 1) + f];
      ASSERT_NEAR(sum, margins[i], 1e-9) << "seed " << seed;
    }
  }
  const Shape endless{.features = 4000, .trees = 1, .most_leaves = 390, .chain = true};
  for (unsigned s = 0; s < 50; ++s) {
    const auto forest = Forest::Parse(Grower(s, endless).Text(), endless.features);
    std::vector<double> x(endless.features), parts(endless.features + 1);
    const Status status = forest->Contributions(x.data(), 1, parts.data());
    if (status.ok()) continue;
    EXPECT_NE(status.message().find("different features"), std::string::npos) << status;
    return;
  }
  FAIL() << "no path was too long";
}

TEST(ForestKernels, WalkAForestTooWideToRank) {
  ExpectAllPathsAgree({.features = 60'000, .trees = 200, .most_leaves = 600, .thresholds = 2}, 1, 33);
}

TEST(ForestKernels, KeepOneForestsScratchApartFromAnothers) {
  const Shape wide{.features = 50, .categorical = 10}, narrow{.features = 2};
  for (unsigned seed = 0; seed < 4; ++seed) { ExpectAllPathsAgree(seed % 2 == 0 ? wide : narrow, seed); }
}

}  // namespace
}  // namespace headrace
