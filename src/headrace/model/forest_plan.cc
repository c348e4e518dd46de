// Compiles a forest. A comparison of doubles becomes one of bytes: a value's rank among the thresholds its feature
// meets anywhere in the forest decides every one of those nodes, and rarely are there more than 255. What LightGBM says
// of NaN and zero is settled while ranking, once a row and feature, and not at each node.
//
// A tree is then a list of "take the left or the right number of a leaf", children before parents, for many rows at
// once: every node is computed, none is jumped to, so that nothing is mispredicted and a vector of bytes does 32 rows.
// Slots for what waits are handed out so that the deeper child comes first: nine are enough for 256 leaves.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>

#include "headrace/model/forest.h"
#include "headrace/model/forest_format.h"
#include "headrace/model/forest_plan_internal.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kRules = 5;
constexpr std::size_t kMaxPlanes = 32768;  // 8 MiB a thread; a forest that needs more is walked node by node
constexpr std::uint32_t kNoPlane = 0xFFFFFFFFu;

/// An integer with the order of doubles; REQUIRES: not NaN.
std::int64_t OrderedBits(double value) {
  if (value == 0) return 0;
  const auto bits = std::bit_cast<std::int64_t>(value);
  return bits ^ ((bits >> 63) & std::numeric_limits<std::int64_t>::max());
}

MissingRule RuleOf(std::uint32_t flags) {
  const bool left = (flags & forest_format::kDefaultLeft) != 0;
  switch (flags & forest_format::kMissingMask) {
    case forest_format::kMissingNaN:
      return left ? MissingRule::kNaNLeft : MissingRule::kNaNRight;
    case forest_format::kMissingZero:
      return left ? MissingRule::kZeroLeft : MissingRule::kZeroRight;
    default:
      return MissingRule::kNone;
  }
}

}  // namespace

class PlanMaker {
 public:
  explicit PlanMaker(const Forest& forest) : forest_(forest) {}

  std::shared_ptr<const ForestPlan> Make() {
    plan_->num_features = forest_.num_features_;
    plan_->num_outputs = forest_.num_outputs_;
    plan_->zero = forest_.zero_;
    plan_->float_sums = forest_.float_sums_;
    if (!Rank()) return nullptr;
    plan_->trees.reserve(forest_.roots_.size());
    plan_->ops.reserve(forest_.nodes_.size());
    plan_->nodes.reserve(forest_.nodes_.size() + forest_.leaves_.size());
    plan_->node_values.reserve(forest_.nodes_.size() + forest_.leaves_.size());
    std::size_t node = 0, leaf = 0;
    for (std::size_t t = 0; t < forest_.roots_.size(); ++t) {
      const std::size_t splits = SplitsOf(t, node);
      if (!Tree(node, splits, leaf)) return nullptr;
      node += splits;
      leaf += splits + 1;
    }
    if (plan_->planes.size() + plan_->fill_planes > kMaxPlanes) return nullptr;
    for (SetFill& fill : plan_->fills)
      fill.plane = static_cast<std::uint32_t>((plan_->planes.size() + fill.plane) * kPlanRows);
    for (BlendOp& op : plan_->ops) op.plane = PlaceOfPlane(op.plane);
    return plan_;
  }

 private:
  using Node = Forest::Node;
  static constexpr std::uint32_t kFillBit = 0x80000000u;  ///< while compiling: the n-th plane that a SetFill fills

  static bool Categorical(const Node& node) { return (node.flags & forest_format::kCategorical) != 0; }
  std::uint32_t PlaceOfPlane(std::uint32_t plane) const {
    const std::size_t index =
        (plane & kFillBit) != 0 ? plan_->planes.size() + (plane & ~kFillBit) : static_cast<std::size_t>(plane);
    return static_cast<std::uint32_t>(index * kPlanRows);
  }
  std::size_t SplitsOf(std::size_t tree, std::size_t first) const {
    if (forest_.roots_[tree] < 0) return 0;
    for (std::size_t next = tree + 1; next < forest_.roots_.size(); ++next)
      if (forest_.roots_[next] >= 0) return static_cast<std::size_t>(forest_.roots_[next]) - first;
    return forest_.nodes_.size() - first;
  }

  /// Cuts and planes of all features; plane_, cut_ and rank_ of every node.
  bool Rank() {
    const std::vector<Node>& nodes = forest_.nodes_;
    plane_.resize(nodes.size());
    cut_.resize(nodes.size());
    rank_.resize(nodes.size());
    std::vector<std::uint32_t> order(nodes.size()), begin(forest_.num_features_ + 1);
    for (const Node& node : nodes) ++begin[node.feature + 1];
    for (std::size_t f = 0; f < forest_.num_features_; ++f) begin[f + 1] += begin[f];
    std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
    for (std::size_t i = 0; i < nodes.size(); ++i) order[next[nodes[i].feature]++] = static_cast<std::uint32_t>(i);
    for (std::size_t f = 0; f < forest_.num_features_; ++f) {
      RankFeature(static_cast<std::uint32_t>(f), std::span(order).subspan(begin[f], begin[f + 1] - begin[f]));
      if (plan_->planes.size() > kMaxPlanes || plan_->coded.size() > kMaxPlanes) return false;
    }
    return true;
  }

  void RankFeature(std::uint32_t feature, std::span<const std::uint32_t> of_feature) {
    struct Cut { std::int64_t key; std::uint32_t node; };
    std::vector<Cut> in_order;
    bool coded = false;
    for (const std::uint32_t node : of_feature) {
      if (Categorical(forest_.nodes_[node])) {
        plane_[node] = static_cast<std::uint32_t>(plan_->coded.size());
        coded = true;
      } else {
        in_order.push_back({OrderedBits(forest_.nodes_[node].threshold), node});
      }
    }
    if (coded) plan_->coded.push_back(feature);
    if (in_order.empty()) return;
    std::sort(in_order.begin(), in_order.end(), [](const Cut& a, const Cut& b) { return a.key < b.key; });
    std::vector<std::int64_t> cuts;
    for (const Cut& cut : in_order) {
      if (cuts.empty() || cuts.back() != cut.key) cuts.push_back(cut.key);
      rank_[cut.node] = static_cast<std::uint32_t>(cuts.size() - 1);
    }

    RankedFeature ranked;
    ranked.feature = feature;
    ranked.first_cut = static_cast<std::uint32_t>(plan_->cuts.size());
    ranked.first_plane = static_cast<std::uint32_t>(plan_->planes.size());
    std::vector<std::uint32_t> plane_of((cuts.size() / kPlaneCuts + 1) * kRules, kNoPlane);  // [chunk][rule]
    for (const std::uint32_t node : of_feature) {
      if (Categorical(forest_.nodes_[node])) continue;
      const std::size_t rank = rank_[node], chunk = rank / kPlaneCuts;
      const MissingRule rule = RuleOf(forest_.nodes_[node].flags);
      std::uint32_t& plane = plane_of[chunk * kRules + static_cast<std::size_t>(rule)];
      if (plane == kNoPlane) {
        plane = static_cast<std::uint32_t>(plan_->planes.size());
        plan_->planes.push_back({static_cast<std::uint32_t>(chunk), rule});
        ranked.needs_missing = ranked.needs_missing || rule != MissingRule::kNone;
      }
      plane_[node] = plane;
      cut_[node] = static_cast<std::int8_t>(static_cast<int>(rank % kPlaneCuts) - 128);
    }
    ranked.planes = static_cast<std::uint32_t>(plan_->planes.size()) - ranked.first_plane;
    ranked.levels = static_cast<std::uint32_t>(std::bit_width(cuts.size()));
    cuts.resize((std::size_t{1} << ranked.levels) - 1, std::numeric_limits<std::int64_t>::max());
    plan_->cuts.insert(plan_->cuts.end(), cuts.begin(), cuts.end());
    plan_->features.push_back(ranked);
  }

  bool Tree(std::size_t first, std::size_t splits, std::size_t first_leaf) {
    TreePlan tree;
    tree.first_leaf = static_cast<std::uint32_t>(first_leaf);
    tree.first_op = static_cast<std::uint32_t>(plan_->ops.size());
    tree.first_fill = static_cast<std::uint32_t>(plan_->fills.size());
    for (std::size_t i = first; i < first + splits; ++i) tree.walks = tree.walks && !Categorical(forest_.nodes_[i]);
    plan_->row_walk = plan_->row_walk && tree.walks;
    if (splits + 1 <= kMaxBlendLeaves) {
      if (splits > 0) Blend(first, splits, &tree);
    } else {
      tree.kind = tree.walks ? TreePlan::Kind::kWalk : TreePlan::Kind::kPlain;
    }
    if (tree.walks && !Walk(first, splits, first_leaf, &tree)) return false;
    tree.ops = static_cast<std::uint32_t>(plan_->ops.size()) - tree.first_op;
    tree.fills = static_cast<std::uint32_t>(plan_->fills.size()) - tree.first_fill;
    plan_->fill_planes = std::max<std::size_t>(plan_->fill_planes, tree.fills);
    plan_->trees.push_back(tree);
    return true;
  }

  void Blend(std::size_t first, std::size_t splits, TreePlan* tree) {
    waiting_.assign(splits, 0);
    const auto depth = [&](std::int64_t child) {
      return child < 0 ? 0 : waiting_[static_cast<std::size_t>(child) - first];
    };
    for (std::size_t i = splits; i-- > 0;) {  // a child's number is above its parent's
      const Node& node = forest_.nodes_[first + i];
      const int left = depth(node.left), right = depth(node.right);
      waiting_[i] = left == right ? left + 1 : std::max(left, right);
    }
    free_.clear();
    used_ = 0;
    tree->result = Emit(first, first, *tree);
    plan_->slots = std::max(plan_->slots, used_);
  }

  bool IsSlot(std::uint16_t place) const { return place >= kMaxBlendLeaves; }

  std::uint16_t Emit(std::size_t at, std::size_t first, const TreePlan& tree) {
    const Node& node = forest_.nodes_[at];
    const auto need = [&](std::int64_t child) {
      return child < 0 ? 0 : waiting_[static_cast<std::size_t>(child) - first];
    };
    const auto place = [&](std::int64_t child) {
      return child < 0 ? static_cast<std::uint16_t>(static_cast<std::size_t>(~child) - tree.first_leaf)
                       : Emit(static_cast<std::size_t>(child), first, tree);
    };
    BlendOp op;
    if (need(node.left) >= need(node.right)) {
      op.left = place(node.left);
      op.right = place(node.right);
    } else {
      op.right = place(node.right);
      op.left = place(node.left);
    }
    for (const std::uint16_t source : {op.left, op.right})
      if (IsSlot(source)) free_.push_back(source);
    if (free_.empty())
      free_.push_back(static_cast<std::uint16_t>(kMaxBlendLeaves + used_++ * (kPlanRows / kVectorRows)));
    op.out = free_.back();
    free_.pop_back();
    op.left_step = IsSlot(op.left) ? kVectorRows : 0;
    op.right_step = IsSlot(op.right) ? kVectorRows : 0;
    if (Categorical(node)) {
      const auto fill = static_cast<std::uint32_t>(plan_->fills.size()) - tree.first_fill;
      plan_->fills.push_back({plane_[at], node.first_word, node.words, fill});
      op.plane = kFillBit | fill;
    } else {
      op.plane = plane_[at];
      op.cut = cut_[at];
    }
    plan_->ops.push_back(op);
    return op.out;
  }

  /// Level by level, so that the nodes that every row passes share few cache lines.
  bool Walk(std::size_t first, std::size_t splits, std::size_t first_leaf, TreePlan* tree) {
    std::vector<WalkNode>& nodes = plan_->nodes;
    if (nodes.size() + 2 * splits + 1 > 0x7FFFFFFFu) return false;
    tree->walk_root = static_cast<std::uint32_t>(nodes.size());
    std::vector<std::int64_t> level{splits > 0 ? static_cast<std::int64_t>(first)
                                               : ~static_cast<std::int64_t>(first_leaf)},
        below;
    nodes.emplace_back();
    plan_->node_values.push_back(0);
    for (std::size_t at = nodes.size() - 1; !level.empty(); level.swap(below), below.clear()) {
      bool splits_here = false;
      for (const std::int64_t source : level) {
        WalkNode& node = nodes[at];
        if (source < 0) {
          node = {static_cast<std::uint32_t>(at), 127};
          plan_->node_values[at++] = forest_.leaves_[static_cast<std::size_t>(~source)];
          continue;
        }
        const auto index = static_cast<std::size_t>(source);
        node.plane_and_cut = plane_[index] << 8 | static_cast<std::uint8_t>(cut_[index]);
        node.child = static_cast<std::uint32_t>(nodes.size());
        splits_here = true;
        ++at;
        below.push_back(forest_.nodes_[index].left);
        below.push_back(forest_.nodes_[index].right);
        nodes.resize(nodes.size() + 2);
        plan_->node_values.resize(nodes.size());
      }
      tree->depth += splits_here ? 1 : 0;
    }
    return true;
  }

  const Forest& forest_;
  std::shared_ptr<ForestPlan> plan_ = std::make_shared<ForestPlan>();
  std::vector<std::uint32_t> plane_;  ///< of each node: its plane, or the place of its coded feature
  std::vector<std::int8_t> cut_;
  std::vector<std::uint32_t> rank_;   ///< of each node's threshold among those of its feature
  std::vector<int> waiting_;
  std::vector<std::uint16_t> free_;
  std::size_t used_ = 0;
};

std::shared_ptr<const ForestPlan> MakeForestPlan(const Forest& forest) { return PlanMaker(forest).Make(); }

}  // namespace headrace::internal
