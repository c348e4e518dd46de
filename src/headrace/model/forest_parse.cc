// Reads LightGBM's text line by line in the one order LightGBM writes it. Nothing is skipped but the importances at the
// end; what is not understood is refused, because a tree read wrongly scores wrongly without a sign.
#include <algorithm>
#include <cmath>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "headrace/model/forest_format.h"
#include "headrace/model/forest_plan_internal.h"
#include "headrace/model/forest_shap_internal.h"

namespace headrace {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 30;
constexpr std::int64_t kMaxLeaves = 131072;  // LightGBM's own limit
constexpr std::int64_t kMaxTrees = 1'000'000;
constexpr std::int64_t kMaxOutputs = 100'000;

/// ParseInt for what these files are full of, a few digits.
bool ShortInt(std::string_view word, std::int64_t* out) {
  const bool negative = word.starts_with('-');
  const std::string_view digits = word.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 18) return ParseInt(word, out);
  std::int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  *out = negative ? -value : value;
  return true;
}

/// -12.5e-07, inf, nan: what ParseDouble takes, without its value.
bool LooksLikeANumber(std::string_view word) {
  std::size_t at = word.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < word.size() && word[at] >= '0' && word[at] <= '9') ++at;
    return at > from;
  };
  if (word.substr(at) == "inf" || word.substr(at) == "nan") return true;
  if (!digits()) return false;
  if (at < word.size() && word[at] == '.' && (++at, !digits())) return false;
  if (at < word.size() && word[at] == 'e') {
    ++at;
    if (at < word.size() && (word[at] == '-' || word[at] == '+')) ++at;
    if (!digits()) return false;
  }
  return at == word.size();
}

}  // namespace

class ForestParser {
 public:
  ForestParser(std::string_view text, std::size_t num_features) : text_(text) { forest_.num_features_ = num_features; }

  Result<Forest> Run() {
    if (text_.size() > kMaxText)
      return Error(ErrorCode::kInvalid, "a forest of ", text_.size(), " bytes is larger than 1 GiB");
    RETURN_IF_ERROR(Header());
    RETURN_IF_ERROR(AllTrees());
    RETURN_IF_ERROR(Expect("end of trees"));
    RETURN_IF_ERROR(Importances());
    forest_.plan_ = internal::MakeForestPlan(forest_);
    forest_.shap_ = internal::MakeShapTables();
    return std::move(forest_);
  }

 private:
  bool AtEnd() const { return at_ >= text_.size(); }
  std::string_view Peek() const {
    const std::size_t end = text_.find('\n', at_);
    return text_.substr(at_, end == std::string_view::npos ? std::string_view::npos : end - at_);
  }
  std::string_view Line() {
    const std::string_view line = Peek();
    at_ = std::min(text_.size(), at_ + line.size() + 1);
    return line;
  }
  Status Expect(std::string_view line) {
    const std::string_view found = AtEnd() ? std::string_view("the end") : Line();
    if (found != line)
      return Error(ErrorCode::kInvalid, "expected \"", line, "\", found \"", found.substr(0, 40), "\"");
    return Ok();
  }
  Result<std::string_view> Value(std::string_view key) {
    const std::string_view line = AtEnd() ? std::string_view() : Line();
    if (line.size() <= key.size() || line.substr(0, key.size()) != key || line[key.size()] != '=')
      return Error(ErrorCode::kInvalid, "expected \"", key, "=\", found \"", line.substr(0, 40), "\"");
    return line.substr(key.size() + 1);
  }
  Result<std::int64_t> Int(std::string_view key, std::int64_t low, std::int64_t high) {
    ASSIGN_OR_RETURN(const std::string_view text, Value(key));
    std::int64_t value = 0;
    if (!ParseInt(text, &value) || value < low || value > high)
      return Error(ErrorCode::kInvalid, key, " is \"", text.substr(0, 40), "\", expected a number from ", low, " to ",
                   high);
    return value;
  }
  /// The blank-separated words of a line: exactly `count`, each handed to `take`, which says whether it fits.
  template <typename Take>
  Status Words(std::string_view key, std::size_t count, Take take) {
    ASSIGN_OR_RETURN(std::string_view rest, Value(key));
    std::size_t n = 0;
    while (!rest.empty()) {
      std::size_t blank = 0;  // words are short: a loop finds their end sooner than a search would begin
      while (blank < rest.size() && rest[blank] != ' ') ++blank;
      const std::string_view word = rest.substr(0, blank);
      if (n == count) return Error(ErrorCode::kInvalid, key, " has more than ", count, " entries");
      if (!take(n, word)) return Error(ErrorCode::kInvalid, key, ": entry ", n, " is \"", word.substr(0, 40), "\"");
      ++n;
      rest = blank == rest.size() ? std::string_view() : rest.substr(blank + 1);
    }
    if (n != count) return Error(ErrorCode::kInvalid, key, " has ", n, " entries, expected ", count);
    return Ok();
  }
  /// Numbers that scoring does not use: each must look like one, none is computed.
  Status Unused(std::string_view key, std::size_t count) {
    return Words(key, count, [](std::size_t, std::string_view word) { return LooksLikeANumber(word); });
  }
  Status Ints(std::string_view key, std::size_t count, std::int64_t low, std::int64_t high,
              std::vector<std::int64_t>* out) {
    out->assign(count, 0);
    return Words(key, count, [&](std::size_t i, std::string_view word) {
      return ShortInt(word, &(*out)[i]) && (*out)[i] >= low && (*out)[i] <= high;
    });
  }
  enum class Numbers { kAny, kNotNaN, kFinite };
  Status Doubles(std::string_view key, std::size_t count, Numbers allowed, std::vector<double>* out) {
    out->assign(count, 0);
    return Words(key, count, [&](std::size_t i, std::string_view word) {
      double& value = (*out)[i];
      return ParseDouble(word, &value) &&
             (allowed == Numbers::kAny || (allowed == Numbers::kFinite ? std::isfinite(value) : !std::isnan(value)));
    });
  }

  /// Numbers of rows: whole ones as a rule, which read faster.
  Status Counts(std::string_view key, std::size_t count, std::vector<double>* out) {
    out->assign(count, 0);
    return Words(key, count, [&](std::size_t i, std::string_view word) {
      std::int64_t whole = 0;
      if (!ShortInt(word, &whole)) return ParseDouble(word, &(*out)[i]);
      (*out)[i] = static_cast<double>(whole);
      return true;
    });
  }

  Status Header() {
    RETURN_IF_ERROR(Expect("tree"));
    RETURN_IF_ERROR(Expect("version=v4"));
    ASSIGN_OR_RETURN(const std::int64_t classes, Int("num_class", 1, kMaxOutputs));
    ASSIGN_OR_RETURN(const std::int64_t outputs, Int("num_tree_per_iteration", 1, kMaxOutputs));
    RETURN_IF_ERROR(Int("label_index", 0, 0).status());
    ASSIGN_OR_RETURN(const std::int64_t max_feature, Int("max_feature_idx", 0, std::int64_t{1} << 31));
    if (static_cast<std::size_t>(max_feature) + 1 != forest_.num_features_)
      return Error(ErrorCode::kInvalid, "the forest reads vectors of ", max_feature + 1,
                   " features, the transforms make ", forest_.num_features_);
    ASSIGN_OR_RETURN(const std::string_view objective, Value("objective"));
    RETURN_IF_ERROR(Objective(objective, classes));
    if (outputs != classes)
      return Error(ErrorCode::kInvalid, "num_tree_per_iteration is ", outputs, ", expected ", classes);
    forest_.num_outputs_ = static_cast<std::size_t>(outputs);
    forest_.base_.assign(forest_.num_outputs_, 0.0);
    if (Peek() == "average_output") {
      Line();
      forest_.average_ = true;
    }
    const auto any = [](std::size_t, std::string_view) { return true; };
    RETURN_IF_ERROR(Words("feature_names", forest_.num_features_, any));
    RETURN_IF_ERROR(Words("feature_infos", forest_.num_features_, any));
    const std::string_view sizes = Peek();
    const auto count = sizes == "tree_sizes=" ? 0 : 1 + std::count(sizes.begin(), sizes.end(), ' ');
    if (count > kMaxTrees) return Error(ErrorCode::kInvalid, "a forest of ", count, " trees, at most ", kMaxTrees);
    RETURN_IF_ERROR(
        Ints("tree_sizes", static_cast<std::size_t>(count), 1, static_cast<std::int64_t>(kMaxText), &sizes_));
    if (sizes_.size() % forest_.num_outputs_ != 0)
      return Error(ErrorCode::kInvalid, sizes_.size(), " trees do not divide into iterations of ", outputs);
    return Expect("");
  }

  Status Objective(std::string_view text, std::int64_t classes) {
    if (text == "regression") {
      forest_.link_ = {Link::Kind::kIdentity, 1};
      if (classes == 1) return Ok();
    } else if (text == "regression_l1" || text == "huber" || text == "quantile" || text == "lambdarank" || text == "rank_xendcg") {
      forest_.link_ = {Link::Kind::kIdentity, 1};
      if (classes == 1) return Ok();
    } else if (text == "poisson" || text == "gamma" || text == "tweedie") {
      forest_.link_ = {Link::Kind::kExp, 1};
      if (classes == 1) return Ok();
    } else if (text == "custom") {  // LightGBM's word for leaves that need no link: a converted forest of probabilities
      forest_.link_ = {Link::Kind::kIdentity, 1};
      return Ok();
    } else if (text.starts_with("binary sigmoid:")) {
      double scale = 0;
      if (ParseDouble(text.substr(15), &scale) && std::isfinite(scale) && scale > 0 && classes == 1) {
        forest_.link_ = {Link::Kind::kSigmoid, scale};
        return Ok();
      }
    } else if (text == StrCat("multiclass num_class:", classes) && classes > 1) {
      forest_.link_ = {Link::Kind::kSoftmax, 1};
      return Ok();
    }
    return Error(ErrorCode::kInvalid, "objective \"", text.substr(0, 60), "\" with num_class ", classes,
                 " is not one of binary, multiclass, regression, regression_l1, huber, quantile, poisson, gamma, tweedie, lambdarank, rank_xendcg, custom");
  }

  /// The header says how long each tree's text is, so that several threads can read some each.
  Status AllTrees() {
    constexpr std::size_t kFewest = 32, kMostParts = 8;
    const std::size_t count = sizes_.size(), parts = std::clamp<std::size_t>(count / kFewest, 1, kMostParts);
    std::vector<ForestParser> parsers(parts, ForestParser(text_, forest_.num_features_));
    std::size_t at = at_;
    for (std::size_t p = 0, t = 0; p < parts; ++p) {
      parsers[p].at_ = std::min(at, text_.size());
      for (; t < count * (p + 1) / parts; ++t) at += static_cast<std::size_t>(sizes_[t]);
    }
    RETURN_IF_ERROR(ParallelFor(0, parts, [&](std::size_t p) -> Status {
      for (std::size_t t = count * p / parts; t < count * (p + 1) / parts; ++t) {
        Status status = parsers[p].Tree(t, static_cast<std::size_t>(sizes_[t]));
        if (!status.ok()) return std::move(status).WithContext(StrCat("tree ", t));
      }
      return Ok();
    }));
    std::size_t nodes = 0, leaves = 0;
    for (const ForestParser& parser : parsers) {
      nodes += parser.forest_.nodes_.size();
      leaves += parser.forest_.leaves_.size();
    }
    forest_.nodes_.reserve(nodes);
    forest_.node_counts_.reserve(nodes);
    forest_.leaves_.reserve(leaves);
    forest_.leaf_counts_.reserve(leaves);
    for (ForestParser& parser : parsers) RETURN_IF_ERROR(Append(parser.forest_));
    at_ = parsers.back().at_;
    return Ok();
  }

  /// Trees that were numbered from 0 on come after those that are there.
  Status Append(Forest& part) {
    const auto nodes = static_cast<std::int64_t>(forest_.nodes_.size()), leaves = static_cast<std::int64_t>(forest_.leaves_.size());
    if (forest_.words_.size() + part.words_.size() > 0xFFFFFFFFu) return Error(ErrorCode::kInvalid, "too many categories");
    const auto moved = [&](std::int64_t to) { return to < 0 ? ~(~to + leaves) : to + nodes; };
    for (const std::int64_t root : part.roots_) forest_.roots_.push_back(moved(root));
    for (Forest::Node& node : part.nodes_) {
      node.left = moved(node.left);
      node.right = moved(node.right);
      if (node.words > 0) node.first_word += static_cast<std::uint32_t>(forest_.words_.size());
    }
    const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    append(forest_.nodes_, part.nodes_);
    append(forest_.leaves_, part.leaves_);
    append(forest_.words_, part.words_);
    append(forest_.leaf_counts_, part.leaf_counts_);
    append(forest_.node_counts_, part.node_counts_);
    return Ok();
  }

  Status Tree(std::size_t number, std::size_t size) {
    const std::size_t start = at_;
    RETURN_IF_ERROR(Expect(StrCat("Tree=", number)));
    ASSIGN_OR_RETURN(const std::int64_t leaves, Int("num_leaves", 1, kMaxLeaves));
    ASSIGN_OR_RETURN(const std::int64_t categorical, Int("num_cat", 0, leaves - 1));
    const auto n = static_cast<std::size_t>(leaves), splits = n - 1;
    auto& [feature, decision, left, right, cat_boundaries, cat_words, ignored, threshold, leaf, leaf_count, node_count] = tree_;
    cat_boundaries.clear();
    cat_words.clear();
    RETURN_IF_ERROR(Ints("split_feature", splits, 0, static_cast<std::int64_t>(forest_.num_features_) - 1, &feature));
    RETURN_IF_ERROR(Unused("split_gain", splits));
    // An infinite threshold parts the missing values from all others.
    RETURN_IF_ERROR(Doubles("threshold", splits, Numbers::kNotNaN, &threshold));
    RETURN_IF_ERROR(Ints("decision_type", splits, 0, 11, &decision));
    RETURN_IF_ERROR(Ints("left_child", splits, -leaves, leaves - 2, &left));
    RETURN_IF_ERROR(Ints("right_child", splits, -leaves, leaves - 2, &right));
    RETURN_IF_ERROR(Doubles("leaf_value", n, Numbers::kFinite, &leaf));
    RETURN_IF_ERROR(Unused("leaf_weight", splits == 0 ? CountWords() : n));
    RETURN_IF_ERROR(Counts("leaf_count", splits == 0 ? CountWords() : n, &leaf_count));
    leaf_count.resize(n);
    RETURN_IF_ERROR(Unused("internal_value", splits));
    RETURN_IF_ERROR(Unused("internal_weight", splits));
    RETURN_IF_ERROR(Counts("internal_count", splits, &node_count));
    if (categorical > 0) {
      const auto sets = static_cast<std::size_t>(categorical);
      RETURN_IF_ERROR(Ints("cat_boundaries", sets + 1, 0, static_cast<std::int64_t>(kMaxText), &cat_boundaries));
      if (cat_boundaries.front() != 0) return Error(ErrorCode::kInvalid, "cat_boundaries does not begin with 0");
      for (std::size_t i = 0; i < sets; ++i)
        if (cat_boundaries[i + 1] < cat_boundaries[i])
          return Error(ErrorCode::kInvalid, "cat_boundaries does not rise");
      if (static_cast<std::size_t>(cat_boundaries.back()) > text_.size())
        return Error(ErrorCode::kInvalid, "cat_boundaries ends at ", cat_boundaries.back(), ", beyond the file");
      RETURN_IF_ERROR(
          Ints("cat_threshold", static_cast<std::size_t>(cat_boundaries.back()), 0, 0xFFFFFFFF, &cat_words));
    }
    if (Peek() != "is_linear=0")
      return Error(ErrorCode::kInvalid, "expected \"is_linear=0\", found \"", Peek().substr(0, 40),
                   "\"; linear trees are not supported");
    Line();
    RETURN_IF_ERROR(Doubles("shrinkage", 1, Numbers::kFinite, &ignored));
    RETURN_IF_ERROR(Expect(""));
    RETURN_IF_ERROR(Expect(""));
    if (at_ - start != size) return Error(ErrorCode::kInvalid, "is ", at_ - start, " bytes long, tree_sizes says ", size);
    return Add(splits);
  }

  /// A tree of one leaf carries these counts or leaves them empty, depending on how it came to be.
  std::size_t CountWords() const { return Peek().ends_with("=") ? 0 : 1; }

  Status Add(std::size_t splits) {
    const auto& [feature, decision, left, right, cat_boundaries, cat_words, ignored, threshold, leaf, leaf_count, node_count] = tree_;
    const auto first_node = static_cast<std::int64_t>(forest_.nodes_.size());
    const auto first_leaf = static_cast<std::int64_t>(forest_.leaves_.size());
    const std::size_t first_word = forest_.words_.size();
    if (first_word + cat_words.size() > 0xFFFFFFFFu) return Error(ErrorCode::kInvalid, "too many categories");
    std::vector<std::uint8_t> node_seen(splits, 0), leaf_seen(splits + 1, 0);
    const auto child = [&](std::size_t parent, std::int64_t to, std::int64_t* out) {
      const bool is_leaf = to < 0;
      const auto index = static_cast<std::size_t>(is_leaf ? ~to : to);
      // LightGBM numbers a child after its parent; with every node reached once this makes a tree, without loops.
      if (!is_leaf && index <= parent) return false;
      std::uint8_t& seen = is_leaf ? leaf_seen[index] : node_seen[index];
      if (seen++ != 0) return false;
      *out = is_leaf ? ~(first_leaf + ~to) : first_node + to;
      return true;
    };
    for (std::size_t i = 0; i < splits; ++i) {
      Forest::Node node;
      node.threshold = threshold[i];
      node.feature = static_cast<std::uint32_t>(feature[i]);
      node.flags = static_cast<std::uint32_t>(decision[i]);
      if ((node.flags & forest_format::kCategorical) != 0) {
        if (threshold[i] < 0 || threshold[i] != std::floor(threshold[i]) ||
            threshold[i] + 1 >= static_cast<double>(cat_boundaries.size()))
          return Error(ErrorCode::kInvalid, "node ", i, " splits on category set ", threshold[i],
                       ", which is not there");
        const auto set = static_cast<std::size_t>(threshold[i]);
        node.first_word = static_cast<std::uint32_t>(first_word + static_cast<std::size_t>(cat_boundaries[set]));
        node.words = static_cast<std::uint32_t>(cat_boundaries[set + 1] - cat_boundaries[set]);
      }
      if (!child(i, left[i], &node.left) || !child(i, right[i], &node.right))
        return Error(ErrorCode::kInvalid, "the children of node ", i, " do not form a tree");
      forest_.nodes_.push_back(node);
    }
    forest_.roots_.push_back(splits == 0 ? ~first_leaf : first_node);
    forest_.leaves_.insert(forest_.leaves_.end(), leaf.begin(), leaf.end());
    forest_.leaf_counts_.insert(forest_.leaf_counts_.end(), leaf_count.begin(), leaf_count.end());
    forest_.node_counts_.insert(forest_.node_counts_.end(), node_count.begin(), node_count.end());
    for (const std::int64_t word : cat_words) forest_.words_.push_back(static_cast<std::uint32_t>(word));
    return Ok();
  }

  /// "feature_importances:" and its name=count lines, which scoring does not need, and nothing after them.
  Status Importances() {
    RETURN_IF_ERROR(Expect(""));
    RETURN_IF_ERROR(Expect("feature_importances:"));
    while (!AtEnd()) {
      const std::string_view line = Line();
      const std::size_t equals = line.rfind('=');
      std::int64_t count = 0;
      if (equals == 0 || equals == std::string_view::npos || !ParseInt(line.substr(equals + 1), &count))
        return Error(ErrorCode::kInvalid, "expected an importance, found \"", line.substr(0, 40), "\"");
    }
    return Ok();
  }

  /// The lists of one tree's text; kept from tree to tree for their room.
  struct TreeLists {
    std::vector<std::int64_t> feature, decision, left, right, cat_boundaries, cat_words;
    std::vector<double> ignored, threshold, leaf, leaf_count, node_count;
  };

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::int64_t> sizes_;
  TreeLists tree_;
  Forest forest_;
};

Result<Forest> Forest::Parse(std::string_view text, std::size_t num_features) {
  Result<Forest> forest = ForestParser(text, num_features).Run();
  if (forest.ok()) return forest;
  return std::move(forest).status().WithContext("LightGBM text");
}

}  // namespace headrace
