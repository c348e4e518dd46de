// Reads XGBoost's JSON. Every member must be there once and none that is not known: what is not understood is refused,
// because a tree read wrongly scores wrongly without a sign. XGBoost's rule for a split, `(float)x < condition`, becomes
// `x <= threshold` on doubles, so that one evaluator serves both libraries.
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "headrace/model/forest_format.h"
#include "headrace/model/forest_plan_internal.h"
#include "headrace/model/forest_shap_internal.h"
#include "headrace/model/json_cursor_internal.h"

namespace headrace {
namespace {

using internal::JsonCursor;

constexpr std::size_t kMaxText = std::size_t{1} << 30;
constexpr std::int64_t kMaxTrees = 1'000'000, kMaxOutputs = 100'000, kMaxNodes = 1 << 24;

/// The largest double that is below `condition` once it is narrowed to a float. Below -infinity, where a split parts the
/// missing values from all others, there is none; a vector does not hold -infinity. REQUIRES: not NaN.
double LargestBelow(float condition) {
  if (std::isinf(condition) && condition < 0) return -std::numeric_limits<double>::infinity();
  constexpr double kBeyond = 0x1p128;  // what a float would be after the largest
  const float before = std::nextafter(condition, -std::numeric_limits<float>::infinity());
  const double low = std::isinf(before) ? -kBeyond : static_cast<double>(before);
  const double high = std::isinf(condition) ? kBeyond : static_cast<double>(condition);
  const double middle = (low + high) / 2;  // exact; it goes to the one of the two whose last bit is 0
  const bool middle_is_below = (std::bit_cast<std::uint32_t>(before) & 1u) == 0;
  return middle_is_below ? middle : std::nextafter(middle, -std::numeric_limits<double>::infinity());
}

/// One tree as it is in the file.
struct RawTree {
  std::int64_t id = 0, nodes = 0, deleted = 0, features = 0;
  std::vector<std::int64_t> left, right, feature, default_left, split_type;
  std::vector<float> condition, cover, unused;
  std::size_t base_weights = 0, loss_changes = 0, parents = 0;  ///< lengths: scoring does not need them
};

}  // namespace

class XgboostParser {
 public:
  XgboostParser(std::string_view text, std::size_t num_features) : json_(text), size_(text.size()) {
    forest_.num_features_ = num_features;
  }

  Result<Forest> Run() {
    if (size_ > kMaxText) return Error(ErrorCode::kInvalid, "a forest of ", size_, " bytes is larger than 1 GiB");
    RETURN_IF_ERROR(json_.Object({{"learner", [&] { return Learner(); }}, {"version", [&] { return Version(); }}}));
    RETURN_IF_ERROR(json_.End());
    RETURN_IF_ERROR(Outputs());
    RETURN_IF_ERROR(Grow());
    forest_.zero_ = 0;
    forest_.float_sums_ = true;
    forest_.plan_ = internal::MakeForestPlan(forest_);
    forest_.shap_ = internal::MakeShapTables();
    return std::move(forest_);
  }

 private:
  Status Learner() {
    return json_.Object({{"attributes", [&] { return Attributes(); }},
                         {"feature_names", [&] { return json_.Empty(); }},
                         {"feature_types", [&] { return json_.Empty(); }},
                         {"gradient_booster", [&] { return Booster(); }},
                         {"learner_model_param", [&] { return ModelParameters(); }},
                         {"objective", [&] { return Objective(); }}});
  }

  Status Version() {
    std::vector<std::int64_t> version;
    RETURN_IF_ERROR(json_.Ints(0, 1'000'000, &version));
    if (version.size() != 3 || version[0] != 3)
      return Error(ErrorCode::kInvalid, "is not of XGBoost's version 3");
    return Ok();
  }

  Status Attributes() {
    return json_.Object({{"base_margin", [&]() -> Status {
      ASSIGN_OR_RETURN(const std::string_view text, json_.Text());
      for (const std::string& word : Split(text, ',')) {
        double margin = 0;
        if (!ParseDouble(word, &margin) || !std::isfinite(margin) ||
            static_cast<double>(static_cast<float>(margin)) != margin)
          return Error(ErrorCode::kInvalid, "base_margin: \"", word.substr(0, 40), "\" is not a finite float");
        forest_.base_.push_back(margin);
      }
      return Ok();
    }}});
  }

  Status Booster() {
    return json_.Object({{"model", [&] { return Model(); }}, {"name", [&] { return Word("gbtree"); }}});
  }

  Status Model() {
    const auto empty = [&] { return json_.Empty(); };
    return json_.Object(
        {{"cats", [&] { return json_.Object({{"enc", empty}, {"feature_segments", empty}, {"sorted_idx", empty}}); }},
         {"gbtree_model_param",
          [&] {
            return json_.Object({{"num_parallel_tree", [&] { return Number(1, kMaxTrees, &parallel_); }},
                                 {"num_trees", [&] { return Number(0, kMaxTrees, &num_trees_); }}});
          }},
         {"iteration_indptr", [&] { return json_.Ints(0, kMaxTrees, &iterations_); }},
         {"tree_info", [&] { return json_.Ints(0, kMaxOutputs - 1, &tree_output_); }},
         {"trees", [&] { return json_.Array([&] { return Tree(); }); }}});
  }

  Status ModelParameters() {
    std::int64_t boost_from_average = 0;
    return json_.Object({{"base_score", [&] { return json_.Text().status(); }},  // base_margin says what it comes to
                         {"boost_from_average", [&] { return Number(0, 1, &boost_from_average); }},
                         {"num_class", [&] { return Number(0, kMaxOutputs, &num_class_); }},
                         {"num_feature",
                          [&]() -> Status {
                            std::int64_t features = 0;
                            RETURN_IF_ERROR(Number(1, std::int64_t{1} << 31, &features));
                            return CheckFeatures(features);
                          }},
                         {"num_target", [&] { return Word("1"); }}});
  }

  Status CheckFeatures(std::int64_t features) const {
    if (static_cast<std::size_t>(features) == forest_.num_features_) return Ok();
    return Error(ErrorCode::kInvalid, "the forest reads vectors of ", features, " features, the transforms make ",
                 forest_.num_features_);
  }

  /// Its parameters, texts all, matter while trees grow.
  Status Objective() {
    return json_.Object([&](std::string_view key) -> Status {
      if (key != "name")
        return json_.Object([&](std::string_view) { return json_.Text().status(); });
      ASSIGN_OR_RETURN(objective_, json_.Text());
      return Ok();
    });
  }

  Status Outputs() {
    const bool classes = objective_ == "multi:softprob";
    if (classes)
      forest_.link_ = {Link::Kind::kSoftmax, 1};
    else if (objective_ == "binary:logistic")
      forest_.link_ = {Link::Kind::kSigmoid, 1};
    else if (objective_ == "reg:squarederror" || objective_ == "reg:absoluteerror" || objective_ == "reg:quantileerror" || objective_ == "rank:ndcg")
      forest_.link_ = {Link::Kind::kIdentity, 1};
    else if (objective_ == "count:poisson" || objective_ == "reg:gamma" || objective_ == "reg:tweedie")
      forest_.link_ = {Link::Kind::kExp, 1};
    else
      return Error(ErrorCode::kInvalid, "objective \"", objective_.substr(0, 60),
                   "\" is not one of binary:logistic, multi:softprob, reg:squarederror, reg:absoluteerror, "
                   "reg:quantileerror, count:poisson, reg:gamma, reg:tweedie, rank:ndcg");
    if (classes != (num_class_ > 1))
      return Error(ErrorCode::kInvalid, "objective ", objective_, " with num_class ", num_class_);
    forest_.num_outputs_ = classes ? static_cast<std::size_t>(num_class_) : 1;
    if (forest_.base_.size() != forest_.num_outputs_)
      return Error(ErrorCode::kInvalid, "base_margin has ", forest_.base_.size(), " entries, expected ",
                   forest_.num_outputs_);
    return Ok();
  }

  Status Tree() {
    if (trees_.size() >= static_cast<std::size_t>(kMaxTrees))
      return Error(ErrorCode::kInvalid, "a forest of more than ", kMaxTrees, " trees");
    RawTree tree;
    const auto empty = [&] { return json_.Empty(); };
    const auto ints = [&](std::int64_t low, std::int64_t high, std::vector<std::int64_t>* out) {
      return [this, low, high, out] { return json_.Ints(low, high, out); };
    };
    const auto length = [&](std::size_t* out) {
      return [this, &tree, out]() -> Status {
        RETURN_IF_ERROR(json_.Floats(&tree.unused));
        *out = tree.unused.size();
        return Ok();
      };
    };
    const auto number = [&](std::int64_t high, std::int64_t* out) {
      return [this, high, out] { return Number(0, high, out); };
    };
    Status status = json_.Object(
        {{"base_weights", length(&tree.base_weights)},
         {"categories", empty},
         {"categories_nodes", empty},
         {"categories_segments", empty},
         {"categories_sizes", empty},
         {"default_left", ints(0, 1, &tree.default_left)},
         {"id", [&] { return json_.Int(0, kMaxTrees, &tree.id); }},
         {"left_children", ints(-1, kMaxNodes, &tree.left)},
         {"loss_changes", length(&tree.loss_changes)},
         {"parents", length(&tree.parents)},
         {"right_children", ints(-1, kMaxNodes, &tree.right)},
         {"split_conditions", [&] { return json_.Floats(&tree.condition); }},
         {"split_indices", ints(0, 0xFFFFFFFF, &tree.feature)},  // of a node cut off: anything
         {"split_type", ints(0, 0, &tree.split_type)},
         {"sum_hessian", [&] { return json_.Floats(&tree.cover); }},
         {"tree_param",
          [&] {
            return json_.Object({{"num_deleted", number(kMaxNodes, &tree.deleted)},
                                 {"num_feature", number(std::int64_t{1} << 31, &tree.features)},
                                 {"num_nodes", number(kMaxNodes, &tree.nodes)},
                                 {"size_leaf_vector", [&] { return Word("1"); }}});
          }}});
    if (status.ok()) status = CheckLengths(tree);
    if (!status.ok()) return std::move(status).WithContext(StrCat("tree ", trees_.size()));
    tree.unused.clear();
    trees_.push_back(std::move(tree));
    return Ok();
  }

  Status CheckLengths(const RawTree& tree) const {
    RETURN_IF_ERROR(CheckFeatures(tree.features));
    if (tree.nodes < 1) return Error(ErrorCode::kInvalid, "has no nodes");
    const std::pair<const char*, std::size_t> lengths[] = {
        {"base_weights", tree.base_weights},   {"default_left", tree.default_left.size()},
        {"left_children", tree.left.size()},   {"loss_changes", tree.loss_changes},
        {"parents", tree.parents},             {"right_children", tree.right.size()},
        {"split_conditions", tree.condition.size()}, {"split_indices", tree.feature.size()},
        {"split_type", tree.split_type.size()}, {"sum_hessian", tree.cover.size()}};
    for (const auto& [name, length] : lengths)
      if (length != static_cast<std::size_t>(tree.nodes))
        return Error(ErrorCode::kInvalid, name, " has ", length, " entries, expected ", tree.nodes);
    return Ok();
  }

  /// Each output's trees in the file's order, one of each output after the other.
  Status Grow() {
    const std::size_t count = trees_.size(), outputs = forest_.num_outputs_;
    if (count != static_cast<std::size_t>(num_trees_) || tree_output_.size() != count)
      return Error(ErrorCode::kInvalid, "num_trees is ", num_trees_, ", tree_info has ", tree_output_.size(),
                   " entries, and there are ", count, " trees");
    for (std::size_t i = 0; i + 1 < iterations_.size(); ++i)
      if (iterations_[i + 1] < iterations_[i]) return Error(ErrorCode::kInvalid, "iteration_indptr does not rise");
    if (iterations_.empty() || iterations_.front() != 0 || iterations_.back() != num_trees_)
      return Error(ErrorCode::kInvalid, "iteration_indptr does not go from 0 to ", num_trees_);
    std::vector<std::vector<std::size_t>> of_output(outputs);
    for (std::size_t t = 0; t < count; ++t) {
      if (static_cast<std::size_t>(tree_output_[t]) >= outputs)
        return Error(ErrorCode::kInvalid, "tree_info: tree ", t, " is of output ", tree_output_[t], " of ", outputs);
      of_output[static_cast<std::size_t>(tree_output_[t])].push_back(t);
    }
    for (const std::vector<std::size_t>& trees : of_output)
      if (trees.size() != count / outputs)
        return Error(ErrorCode::kInvalid, count, " trees do not divide evenly among ", outputs, " outputs");
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t t = of_output[i % outputs][i / outputs];
      Status added = Add(trees_[t]);
      if (!added.ok()) return std::move(added).WithContext(StrCat("tree ", t));
      trees_[t] = RawTree();
    }
    return Ok();
  }

  /// From the root down, a parent before its children; nodes that pruning cut off are never reached.
  Status Add(const RawTree& tree) {
    const std::size_t first = forest_.nodes_.size();
    struct Visit {
      std::size_t raw, parent;
      bool left;
    };
    std::vector<Visit> waiting{{0, 0, false}};
    std::vector<std::uint8_t> seen(static_cast<std::size_t>(tree.nodes), 0);
    std::int64_t reached = 0;
    while (!waiting.empty()) {
      const Visit visit = waiting.back();
      waiting.pop_back();
      const std::size_t i = visit.raw;
      if (i >= seen.size() || seen[i]++ != 0)
        return Error(ErrorCode::kInvalid, "the children of its nodes do not form a tree");
      ++reached;
      const bool leaf = tree.left[i] < 0;
      const std::int64_t link = leaf ? ~static_cast<std::int64_t>(forest_.leaves_.size())
                                     : static_cast<std::int64_t>(forest_.nodes_.size());
      if (i == 0)
        forest_.roots_.push_back(link);
      else
        (visit.left ? forest_.nodes_[visit.parent].left : forest_.nodes_[visit.parent].right) = link;
      if (leaf) {
        if (tree.right[i] >= 0) return Error(ErrorCode::kInvalid, "node ", i, " has one child");
        if (!std::isfinite(tree.condition[i])) return Error(ErrorCode::kInvalid, "leaf ", i, " is not finite");
        forest_.leaves_.push_back(static_cast<double>(tree.condition[i]));
        forest_.leaf_counts_.push_back(static_cast<double>(tree.cover[i]));
        continue;
      }
      if (tree.right[i] < 0) return Error(ErrorCode::kInvalid, "node ", i, " has one child");
      if (std::isnan(tree.condition[i]))
        return Error(ErrorCode::kInvalid, "node ", i, " has no condition");
      if (static_cast<std::size_t>(tree.feature[i]) >= forest_.num_features_)
        return Error(ErrorCode::kInvalid, "node ", i, " splits on feature ", tree.feature[i], " of ",
                     forest_.num_features_);
      Forest::Node node;
      node.threshold = LargestBelow(tree.condition[i]);
      node.feature = static_cast<std::uint32_t>(tree.feature[i]);
      node.flags = forest_format::kMissingNaN | (tree.default_left[i] != 0 ? forest_format::kDefaultLeft : 0u);
      const std::size_t here = forest_.nodes_.size();
      forest_.nodes_.push_back(node);
      waiting.push_back({static_cast<std::size_t>(tree.right[i]), here, false});
      waiting.push_back({static_cast<std::size_t>(tree.left[i]), here, true});
    }
    if (reached + tree.deleted != tree.nodes)
      return Error(ErrorCode::kInvalid, "of ", tree.nodes, " nodes ", reached, " are reached and ", tree.deleted,
                   " deleted");
    Count(first);
    return Ok();
  }

  /// A node's cover is that of its leaves: XGBoost rounds each to a float, so that its own would not add up.
  void Count(std::size_t first) {
    forest_.node_counts_.resize(forest_.nodes_.size());
    const auto cover = [&](std::int64_t child) {
      return child < 0 ? forest_.leaf_counts_[static_cast<std::size_t>(~child)]
                       : forest_.node_counts_[static_cast<std::size_t>(child)];
    };
    for (std::size_t i = forest_.nodes_.size(); i-- > first;)
      forest_.node_counts_[i] = cover(forest_.nodes_[i].left) + cover(forest_.nodes_[i].right);
  }

  /// "12": XGBoost writes its parameters as texts.
  Status Number(std::int64_t low, std::int64_t high, std::int64_t* out) {
    ASSIGN_OR_RETURN(const std::string_view text, json_.Text());
    if (!ParseInt(text, out) || *out < low || *out > high)
      return Error(ErrorCode::kInvalid, "\"", text.substr(0, 40), "\" is not a number from ", low, " to ", high);
    return Ok();
  }
  Status Word(std::string_view expected) {
    ASSIGN_OR_RETURN(const std::string_view text, json_.Text());
    if (text == expected) return Ok();
    return Error(ErrorCode::kInvalid, "is \"", text.substr(0, 40), "\", expected \"", expected, "\"");
  }

  JsonCursor json_;
  std::size_t size_;
  std::string_view objective_;
  std::int64_t num_class_ = 0, num_trees_ = 0, parallel_ = 1;
  std::vector<std::int64_t> iterations_, tree_output_;
  std::vector<RawTree> trees_;
  Forest forest_;
};

Result<Forest> Forest::ParseXgboost(std::string_view text, std::size_t num_features) {
  Result<Forest> forest = XgboostParser(text, num_features).Run();
  if (forest.ok()) return forest;
  return std::move(forest).status().WithContext("XGBoost's JSON");
}

}  // namespace headrace
