#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/link.h"

namespace headrace {

namespace internal {
struct ForestPlan;
class PlanMaker;
class ShapTables;
class ShapMaker;
enum class ForestPath;
}  // namespace internal

/// A forest in LightGBM's text format (version v4) or XGBoost's JSON (version 3), read strictly and evaluated by us:
/// scoring needs neither library.
///
/// Parse and ParseXgboost are the gates for text from strangers. It accepts what LightGBM writes for binary, multiclass and regression
/// models without linear trees, and refuses everything else by name: every array has exactly the length its tree
/// announces, leaf values are finite and thresholds not NaN, features exist, children form one tree (each node and leaf
/// is reached once), and the announced byte size of every tree is its real size.
///
/// Threads: immutable after Parse; any number may evaluate at once.
class Forest {
 public:
  /// `num_features` is the width of the vectors it will see; the text must say the same. kInvalid with the tree and
  /// field at fault.
  static Result<Forest> Parse(std::string_view text, std::size_t num_features);
  /// The same for XGBoost's JSON of binary, multiclass and regression models of trees on numbers, with the attribute
  /// `base_margin` (xgboost.h).
  static Result<Forest> ParseXgboost(std::string_view text, std::size_t num_features);

  std::size_t num_features() const { return num_features_; }
  std::size_t num_trees() const { return roots_.size(); }
  /// Margins a row: 1, or the number of classes.
  std::size_t num_outputs() const { return num_outputs_; }
  const Link& link() const { return link_; }

  /// Raw margins of `rows` vectors (row-major, `num_features` each) into `out` (row-major, num_outputs each): bit for
  /// bit LightGBM's predict(raw_score=true). Trees are added in file order; NaN, zero (|x| <= 1e-35f) and missing-value
  /// rules are LightGBM's (include/LightGBM/tree.h). A random forest's margins are averaged, as LightGBM averages them
  /// before its own link. An XGBoost forest gives predict(output_margin=True): values narrowed to floats, below a
  /// threshold to the left, sums of floats. Which kernel runs (forest_plan_internal.h) depends on the rows and the processor, the bits do
  /// not. Allocates nothing a row: buffers are made once a thread.
  void RawScores(const double* vectors, std::size_t rows, double* out) const;

  /// TreeSHAP, path-dependent (Lundberg and others 2020): what each feature adds to each margin, into `out` (row-major
  /// rows x num_outputs x (num_features + 1)); the last is the forest's mean over its training rows. Equal to LightGBM's
  /// pred_contrib up to rounding (a random forest's are averaged, as its margins are). kInvalid when the text has no
  /// counts of rows, a path of more than 256 different features, or tables of more than 1 GiB to make, which the first
  /// call does.
  Status Contributions(const double* vectors, std::size_t rows, double* out) const;

  /// Internal: the same by one kernel, and one tree's value by the plain rules.
  void RawScoresBy(internal::ForestPath path, const double* vectors, std::size_t rows, double* out) const;
  Status ContributionsBy(internal::ForestPath path, const double* vectors, std::size_t rows, double* out) const;
  double TreeValue(std::size_t tree, const double* vector) const {
    return leaves_[static_cast<std::size_t>(Leaf(roots_[tree], vector))];
  }
  const std::vector<double>& leaf_values() const { return leaves_; }
  const std::vector<std::uint32_t>& set_words() const { return words_; }

 private:
  friend class ForestParser;
  friend class XgboostParser;
  friend class internal::PlanMaker;
  friend class internal::ShapMaker;
  /// A split, or for a tree without splits nothing at all. A child >= 0 is a node of `nodes_`, a negative one the leaf
  /// ~child.
  struct Node {
    double threshold = 0;
    std::uint32_t feature = 0;
    std::uint32_t flags = 0;
    std::int64_t left = 0, right = 0;
    std::uint32_t first_word = 0, words = 0;  ///< categorical: its bitset in `words_`
  };
  bool Left(const Node& node, const double* vector) const;
  std::int64_t Leaf(std::int64_t root, const double* vector) const;
  void AddPlain(const double* vectors, std::size_t rows, double* out) const;

  std::size_t num_features_ = 0, num_outputs_ = 1;
  Link link_;
  bool average_ = false;
  double zero_ = static_cast<double>(1e-35f);  ///< numbers up to this count as 0; XGBoost's: 0
  bool float_sums_ = false;                    ///< margins are floats after each addition, as XGBoost's are
  std::vector<double> base_;                   ///< margins before the first tree, one an output
  std::vector<std::int64_t> roots_;
  std::vector<Node> nodes_;
  std::vector<double> leaves_;
  std::vector<std::uint32_t> words_;
  std::vector<double> node_counts_, leaf_counts_;  ///< training rows; a tree of one leaf has 0
  std::shared_ptr<const internal::ForestPlan> plan_;
  std::shared_ptr<internal::ShapTables> shap_;  ///< made by the first Contributions
};

}  // namespace headrace
