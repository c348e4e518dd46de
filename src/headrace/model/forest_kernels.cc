// Runs a ForestPlan. A block of rows is ranked feature by feature into planes of bytes, then each tree is blended and
// its leaves are added. Few rows are ranked the same way and walked, eight trees in step, because one walk waits for
// memory and eight do not. Every way adds the trees of a row in the order of the file, so all give the same bits.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "headrace/base/processor.h"
#include "headrace/model/forest.h"
#include "headrace/model/forest_plan_internal.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kSlots = 16, kPlaces = kMaxBlendLeaves + kSlots * (kPlanRows / kVectorRows);
/// Below this many rows a walk is faster than a block.
constexpr std::size_t kFewRows = 12;
constexpr std::size_t kSteps = 8;  ///< walks in step

/// What one thread works in. Grows to the widest forest it met.
struct Scratch {
  std::vector<std::int8_t> planes;
  std::vector<std::uint32_t> codes;
  alignas(64) std::int8_t places[kPlaces * kVectorRows];
  alignas(64) std::int8_t leaves[kTreeGroup][kPlanRows];
  std::int64_t keys[kPlanRows];
  std::uint32_t ranks[kPlanRows];
  std::uint8_t is_nan[kPlanRows], is_zero[kPlanRows];

  Scratch() {
    std::memset(places, 0, sizeof places);
    for (std::size_t leaf = 0; leaf < kMaxBlendLeaves; ++leaf)
      std::memset(places + leaf * kVectorRows, static_cast<int>(leaf), kVectorRows);
  }
  void Fit(const ForestPlan& plan) {
    const std::size_t bytes = std::max<std::size_t>(1, plan.planes.size() + plan.fill_planes) * kPlanRows;
    if (planes.size() < bytes) planes.resize(bytes);
    if (codes.size() < plan.coded.size() * kPlanRows) codes.resize(plan.coded.size() * kPlanRows);
  }
};

Scratch& ThreadScratch() {
  static thread_local Scratch scratch;
  return scratch;
}

/// Ranks of keys[0, rows) among 2^levels - 1 sorted cuts: how many are smaller. Eight searches side by side.
void Search(const std::int64_t* cuts, std::uint32_t levels, const std::int64_t* keys, std::size_t rows,
            std::uint32_t* ranks) {
  std::size_t r = 0;
  for (; r + kSteps <= rows; r += kSteps) {
    std::uint64_t at[kSteps] = {};
    for (std::uint64_t step = (std::uint64_t{1} << levels) >> 1; step > 0; step >>= 1)
      for (std::size_t i = 0; i < kSteps; ++i) at[i] += cuts[at[i] + step - 1] < keys[r + i] ? step : 0;
    for (std::size_t i = 0; i < kSteps; ++i) ranks[r + i] = static_cast<std::uint32_t>(at[i]);
  }
  for (; r < rows; ++r) {
    std::uint64_t at = 0;
    for (std::uint64_t step = (std::uint64_t{1} << levels) >> 1; step > 0; step >>= 1)
      at += cuts[at + step - 1] < keys[r] ? step : 0;
    ranks[r] = static_cast<std::uint32_t>(at);
  }
}

/// All planes of one feature. `stride` is the distance of values in `values`.
void RankFeature(const ForestPlan& plan, const RankedFeature& feature, const double* values, std::size_t stride,
                 std::size_t rows, Scratch& scratch) {
  constexpr std::int64_t kMagnitude = std::numeric_limits<std::int64_t>::max();
  for (std::size_t r = 0; r < rows; ++r) {
    const double value = values[r * stride];
    const bool zero = !(std::fabs(value) > plan.zero);  // and NaN, which counts as 0 where no rule says otherwise
    const auto bits = std::bit_cast<std::int64_t>(value);
    scratch.keys[r] = zero ? 0 : bits ^ ((bits >> 63) & kMagnitude);
  }
  if (feature.needs_missing) {
    for (std::size_t r = 0; r < rows; ++r) {
      const double value = values[r * stride];
      scratch.is_nan[r] = value != value ? 1 : 0;
      scratch.is_zero[r] = !(std::fabs(value) > plan.zero) ? 1 : 0;
    }
  }
  Search(plan.cuts.data() + feature.first_cut, feature.levels, scratch.keys, rows, scratch.ranks);
  for (std::uint32_t p = 0; p < feature.planes; ++p) {
    const KeyPlane& plane = plan.planes[feature.first_plane + p];
    std::int8_t* out = scratch.planes.data() + (feature.first_plane + p) * kPlanRows;
    const auto below = static_cast<std::int64_t>(plane.chunk * kPlaneCuts);
    for (std::size_t r = 0; r < rows; ++r)
      out[r] = static_cast<std::int8_t>(std::clamp<std::int64_t>(scratch.ranks[r] - below, 0, kPlaneCuts) - 128);
    if (plane.missing == MissingRule::kNone) continue;
    const bool left = plane.missing == MissingRule::kNaNLeft || plane.missing == MissingRule::kZeroLeft;
    const bool nan = plane.missing == MissingRule::kNaNLeft || plane.missing == MissingRule::kNaNRight;
    const std::uint8_t* missing = nan ? scratch.is_nan : scratch.is_zero;
    const auto side = static_cast<std::int8_t>(left ? -128 : 127);
    for (std::size_t r = 0; r < rows; ++r) out[r] = missing[r] != 0 ? side : out[r];
  }
}

constexpr std::uint32_t kNoCode = 0xFFFFFFFFu;

void Rank(const ForestPlan& plan, const double* vectors, std::size_t rows, Scratch& scratch) {
  for (const RankedFeature& feature : plan.features)
    RankFeature(plan, feature, vectors + feature.feature, plan.num_features, rows, scratch);
  for (std::size_t c = 0; c < plan.coded.size(); ++c) {
    std::uint32_t* codes = scratch.codes.data() + c * kPlanRows;
    for (std::size_t r = 0; r < rows; ++r) {
      const double value = vectors[r * plan.num_features + plan.coded[c]];
      codes[r] = value > -1.0 && value < 2147483648.0 ? static_cast<std::uint32_t>(value) : kNoCode;
    }
  }
}

/// 0 where the row's category is in the set, else 1.
void Fill(const SetFill& fill, const std::uint32_t* words, std::size_t rows, Scratch& scratch) {
  const std::uint32_t* codes = scratch.codes.data() + fill.codes * kPlanRows;
  std::int8_t* out = scratch.planes.data() + fill.plane;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint32_t word = codes[r] / 32;
    const bool in =
        codes[r] != kNoCode && word < fill.words && ((words[fill.first_word + word] >> (codes[r] % 32)) & 1u) != 0;
    out[r] = in ? 0 : 1;
  }
}

/// Eight walks in step: from at[i], with the keys that lie at key(i), those of one plane kPlanRows apart.
template <typename Keys>
[[gnu::always_inline]] inline void WalkEight(const WalkNode* nodes, std::uint32_t depth, Keys key,
                                             std::uint32_t at[kSteps]) {
  const auto step = [&] {
    std::uint32_t moved = 0;
    for (std::size_t i = 0; i < kSteps; ++i) {
      const WalkNode node = nodes[at[i]];
      const std::int8_t value = key(i)[std::size_t{node.plane_and_cut >> 8} * kPlanRows];
      const std::uint32_t to = node.child + (value > static_cast<std::int8_t>(node.plane_and_cut & 0xFF) ? 1 : 0);
      moved |= to ^ at[i];
      at[i] = to;
    }
    return moved;
  };
  for (; depth >= 3; depth -= 3) {  // most rows reach their leaves long before the deepest path ends
    step();
    step();
    if (step() == 0) return;
  }
  for (; depth > 0; --depth) step();
}

/// One tree, eight rows at a time.
void WalkTree(const ForestPlan& plan, const TreePlan& tree, std::size_t rows, double* out, const Scratch& scratch) {
  const std::int8_t* key[kSteps];
  std::uint32_t at[kSteps];
  for (std::size_t r = 0; r < rows; r += kSteps) {
    for (std::size_t i = 0; i < kSteps; ++i) {
      key[i] = scratch.planes.data() + std::min(r + i, rows - 1);
      at[i] = tree.walk_root;
    }
    WalkEight(plan.nodes.data(), tree.depth, [&](std::size_t i) { return key[i]; }, at);
    for (std::size_t i = 0; i < std::min(kSteps, rows - r); ++i)
      AddTo(&out[(r + i) * plan.num_outputs], plan.node_values[at[i]], plan.float_sums);
  }
}

/// One row of a block that is ranked, eight trees at a time.
void WalkRow(const ForestPlan& plan, std::size_t row, double* out, const Scratch& scratch) {
  const std::int8_t* key = scratch.planes.data() + row;
  std::uint32_t at[kSteps];
  const std::size_t trees = plan.trees.size();
  std::size_t output = 0;
  for (std::size_t t = 0; t < trees; t += kSteps) {
    std::uint32_t depth = 0;
    const std::size_t count = std::min(kSteps, trees - t);
    for (std::size_t i = 0; i < kSteps; ++i) {
      const TreePlan& tree = plan.trees[t + std::min(i, count - 1)];
      at[i] = tree.walk_root;
      depth = std::max(depth, tree.depth);
    }
    WalkEight(plan.nodes.data(), depth, [key](std::size_t) { return key; }, at);
    for (std::size_t i = 0; i < count; ++i) {
      AddTo(&out[output], plan.node_values[at[i]], plan.float_sums);
      if (++output == plan.num_outputs) output = 0;
    }
  }
}

/// Add the leaves of `count` trees in turn.
template <bool kFloatSums>
void AddLeaves(const double* const* values, const std::int8_t (*leaves)[kPlanRows], std::size_t count, std::size_t rows,
               double* out, std::size_t stride) {
  const auto value = [&](std::size_t t, std::size_t r) { return values[t][static_cast<std::uint8_t>(leaves[t][r])]; };
  if (count == kTreeGroup && stride == 1) {
    for (std::size_t r = 0; r < rows; ++r) {
      double sum = out[r];
      for (std::size_t t = 0; t < kTreeGroup; ++t) AddTo(&sum, value(t, r), kFloatSums);
      out[r] = sum;
    }
    return;
  }
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t r = 0; r < rows; ++r) AddTo(&out[r * stride], value(t, r), kFloatSums);
}

void AddBlock(const ForestPlan& plan, const Forest& forest, const double* vectors, std::size_t rows, double* out,
              bool avx2, Scratch& scratch) {
  Rank(plan, vectors, rows, scratch);
  const std::size_t groups = (rows + kVectorRows - 1) / kVectorRows, outputs = plan.num_outputs;
  const double* values[kTreeGroup];
  std::size_t waiting = 0;
  const auto flush = [&](std::size_t output) {
    (plan.float_sums ? AddLeaves<true> : AddLeaves<false>)(values, scratch.leaves, waiting, rows, out + output, outputs);
    waiting = 0;
  };
  for (std::size_t t = 0; t < plan.trees.size(); ++t) {
    const TreePlan& tree = plan.trees[t];
    const std::size_t output = t % outputs;
    if (tree.kind != TreePlan::Kind::kBlend) {
      flush(output);  // with several outputs nothing waits
      if (tree.kind == TreePlan::Kind::kWalk)
        WalkTree(plan, tree, rows, out + output, scratch);
      else
        for (std::size_t r = 0; r < rows; ++r)
          AddTo(&out[r * outputs + output], forest.TreeValue(t, vectors + r * plan.num_features), plan.float_sums);
      continue;
    }
    for (std::uint32_t f = 0; f < tree.fills; ++f)
      Fill(plan.fills[tree.first_fill + f], forest.set_words().data(), rows, scratch);
    (avx2 ? BlendAvx2 : BlendPortable)(plan.ops.data() + tree.first_op, tree.ops, scratch.planes.data(), scratch.places,
                                       groups);
    if (tree.ops == 0)
      std::memset(scratch.leaves[waiting], 0, kPlanRows);
    else
      std::memcpy(scratch.leaves[waiting], scratch.places + tree.result * kVectorRows, kPlanRows);
    values[waiting++] = forest.leaf_values().data() + tree.first_leaf;
    if (outputs > 1 || waiting == kTreeGroup) flush(output);
  }
  flush(0);
}

using Bytes = std::int8_t __attribute__((vector_size(16)));

}  // namespace

void BlendPortable(const BlendOp* ops, std::size_t count, const std::int8_t* planes, std::int8_t* places,
                   std::size_t vectors) {
  for (const BlendOp* op = ops; op != ops + count; ++op) {
    const std::int8_t* plane = planes + op->plane;
    const std::int8_t* left = places + op->left * kVectorRows;
    const std::int8_t* right = places + op->right * kVectorRows;
    std::int8_t* out = places + op->out * kVectorRows;
    const std::size_t left_step = op->left_step, right_step = op->right_step;
    const std::int8_t cut = op->cut;
    const Bytes cuts = cut - Bytes{};
    for (std::size_t v = 0; v < vectors; ++v)
      for (std::size_t half = 0; half < kVectorRows; half += sizeof(Bytes)) {
        Bytes x, l, r;
        std::memcpy(&x, plane + v * kVectorRows + half, sizeof x);
        std::memcpy(&l, left + v * left_step + half, sizeof l);
        std::memcpy(&r, right + v * right_step + half, sizeof r);
        const Bytes chosen = x > cuts ? r : l;
        std::memcpy(out + v * kVectorRows + half, &chosen, sizeof chosen);
      }
  }
}

void AddMargins(const ForestPlan& plan, const Forest& forest, const double* vectors, std::size_t rows, double* out,
                ForestPath path) {
  Scratch& scratch = ThreadScratch();
  scratch.Fit(plan);
  const bool avx2 = path != ForestPath::kPortable && HasAvx2();
  for (std::size_t begin = 0; begin < rows; begin += kPlanRows) {
    const std::size_t count = std::min(kPlanRows, rows - begin);
    const double* at = vectors + begin * plan.num_features;
    double* to = out + begin * plan.num_outputs;
    if (plan.row_walk && (path == ForestPath::kRows || (path == ForestPath::kBest && count <= kFewRows))) {
      Rank(plan, at, count, scratch);
      for (std::size_t r = 0; r < count; ++r) WalkRow(plan, r, to + r * plan.num_outputs, scratch);
    } else {
      AddBlock(plan, forest, at, count, to, avx2, scratch);
    }
  }
}

}  // namespace headrace::internal
