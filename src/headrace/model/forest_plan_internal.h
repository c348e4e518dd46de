#pragma once

// Private to the forest: what its trees are compiled into, and the kernels that run it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace headrace {
class Forest;
}

namespace headrace::internal {

/// Rows of one block of the kernels, and of one vector of bytes. A tree with more leaves than a byte can number walks.
inline constexpr std::size_t kPlanRows = 256, kVectorRows = 32;
inline constexpr std::size_t kMaxBlendLeaves = 256;
/// A feature's cuts that one byte can rank; more take further planes.
inline constexpr std::size_t kPlaneCuts = 255;
/// Trees whose leaf indices are kept before they are added up.
inline constexpr std::size_t kTreeGroup = 8;

/// What a missing value does at the nodes that share a plane: nothing (NaN counts as 0), or it goes one way.
enum class MissingRule : std::uint8_t { kNone, kNaNLeft, kNaNRight, kZeroLeft, kZeroRight };

/// One byte a row that stands for a feature's value at some of its nodes: the rank of the value among the cuts
/// [255 * chunk, 255 * chunk + 255) of the feature, less 128. A missing value that goes left ranks below all of them,
/// one that goes right above. So every node asks the same question: is the byte greater than mine?
struct KeyPlane {
  std::uint32_t chunk = 0;
  MissingRule missing = MissingRule::kNone;
};

/// A feature that nodes compare with thresholds: its cuts, sorted, as integers of the same order, padded to a power of
/// two less one, and its planes.
struct RankedFeature {
  std::uint32_t feature = 0;
  std::uint32_t first_cut = 0, levels = 0;  ///< 2^levels - 1 entries of `cuts`
  std::uint32_t first_plane = 0, planes = 0;
  bool needs_missing = false;
};

/// One node for a block: destination = plane > cut ? right : left. Sources and destinations are places of 32 bytes in
/// the scratch: the first 256 hold the numbers of leaves (and do not move with the rows), the others are slots.
struct BlendOp {
  std::uint32_t plane = 0;  ///< byte offset of the plane
  std::uint16_t left = 0, right = 0, out = 0;
  std::int8_t cut = 0;
  std::uint8_t left_step = 0, right_step = 0;  ///< bytes from one vector of rows to the next: 0 for a leaf
};

/// A categorical node: fills a plane of its own with 0 (in the set, left) or 1 before its tree is blended.
struct SetFill {
  std::uint32_t codes = 0;  ///< which of the coded features
  std::uint32_t first_word = 0, words = 0;
  std::uint32_t plane = 0;  ///< byte offset
};

/// A node for one row. Children lie side by side: the right one at child + 1. A leaf is its own left child and has a
/// cut that nothing exceeds, so that trees of different depth can be walked in step.
struct WalkNode {
  std::uint32_t child = 0;
  std::uint32_t plane_and_cut = 0;  ///< plane << 8 | cut
};

struct TreePlan {
  enum class Kind : std::uint8_t { kBlend, kWalk, kPlain };
  Kind kind = Kind::kBlend;  ///< how a block is done
  bool walks = true;         ///< whether walk nodes were made (no categorical split)
  std::uint32_t first_op = 0, ops = 0, first_fill = 0, fills = 0;
  std::uint32_t walk_root = 0, depth = 0;
  std::uint32_t first_leaf = 0;
  std::uint16_t result = 0;  ///< the place where the leaf's number ends up
};

/// A compiled forest. Immutable.
struct ForestPlan {
  std::size_t num_features = 0, num_outputs = 1;
  double zero = 0;          ///< numbers up to this count as 0
  bool float_sums = false;  ///< margins are floats after each addition
  std::vector<RankedFeature> features;
  std::vector<std::int64_t> cuts;
  std::vector<KeyPlane> planes;
  std::vector<std::uint32_t> coded;  ///< features that categorical nodes look up
  std::size_t fill_planes = 0;       ///< most categorical nodes in one tree
  std::vector<TreePlan> trees;
  std::vector<BlendOp> ops;
  std::vector<SetFill> fills;
  std::vector<WalkNode> nodes;
  std::vector<double> node_values;  ///< of walk nodes: a leaf's value
  std::size_t slots = 0;
  bool row_walk = true;  ///< every tree can be walked by keys
};

/// Which of the kernels runs. All give the same bits.
enum class ForestPath { kBest, kPortable, kAvx2, kRows, kPlain };

/// The sum of two floats, computed as doubles and rounded once more, is the float that XGBoost gets.
inline void AddTo(double* margin, double value, bool as_float) {
  *margin += value;
  if (as_float) *margin = static_cast<double>(static_cast<float>(*margin));
}

/// Null for a forest so wide that its planes would not fit a cache: it is walked node by node.
std::shared_ptr<const ForestPlan> MakeForestPlan(const Forest& forest);

/// Margins of rows, added to `out` tree by tree (row-major, plan.num_outputs a row). Allocates once a thread.
void AddMargins(const ForestPlan& plan, const Forest& forest, const double* vectors, std::size_t rows, double* out,
                ForestPath path);

/// Run `count` nodes over the first `vectors` x 32 rows.
void BlendPortable(const BlendOp* ops, std::size_t count, const std::int8_t* planes, std::int8_t* places,
                   std::size_t vectors);
void BlendAvx2(const BlendOp* ops, std::size_t count, const std::int8_t* planes, std::int8_t* places,
               std::size_t vectors);

}  // namespace headrace::internal
