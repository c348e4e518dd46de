// LightGBM's rules for one node, walked as they are written. This is what the compiled kernels (forest_plan.cc,
// forest_kernels.cc) are tested against, and what takes over where they do not reach. The order of additions a row sees
// is the file's order of trees, whichever runs.
#include "headrace/model/forest.h"

#include <algorithm>
#include <cmath>

#include "headrace/model/forest_format.h"
#include "headrace/model/forest_plan_internal.h"

namespace headrace {
namespace {

constexpr std::size_t kWalkedRows = 64;

/// `zero` is LightGBM's kZeroThreshold: its dense predictor hands on smaller values as 0, and `zero` as missing means
/// this range.
bool GoesLeft(std::uint32_t flags, double threshold, double value, double zero) {
  const std::uint32_t missing = flags & forest_format::kMissingMask;
  if (std::isnan(value)) {
    if (missing == forest_format::kMissingNaN) return (flags & forest_format::kDefaultLeft) != 0;
    value = 0;
  } else if (value >= -zero && value <= zero) {
    value = 0;
  }
  if (missing == forest_format::kMissingZero && value == 0) return (flags & forest_format::kDefaultLeft) != 0;
  return value <= threshold;
}

bool InBitset(const std::uint32_t* words, std::uint32_t count, double value) {
  if (!(value > -1.0 && value < 2147483648.0)) return false;  // NaN, negative or no int: as unseen
  const auto category = static_cast<std::uint32_t>(value);
  const std::uint32_t word = category / 32;
  return word < count && ((words[word] >> (category % 32)) & 1u) != 0;
}

}  // namespace

bool Forest::Left(const Node& node, const double* vector) const {
  const double value = vector[node.feature];
  return (node.flags & forest_format::kCategorical) != 0
             ? InBitset(words_.data() + node.first_word, node.words, value)
             : GoesLeft(node.flags, node.threshold, value, zero_);
}

std::int64_t Forest::Leaf(std::int64_t at, const double* vector) const {
  while (at >= 0) {
    const Node& node = nodes_[static_cast<std::size_t>(at)];
    at = Left(node, vector) ? node.left : node.right;
  }
  return ~at;
}

void Forest::RawScores(const double* vectors, std::size_t rows, double* out) const {
  RawScoresBy(internal::ForestPath::kBest, vectors, rows, out);
}

void Forest::RawScoresBy(internal::ForestPath path, const double* vectors, std::size_t rows, double* out) const {
  for (std::size_t r = 0; r < rows; ++r) std::copy(base_.begin(), base_.end(), out + r * num_outputs_);
  if (plan_ != nullptr && path != internal::ForestPath::kPlain)
    internal::AddMargins(*plan_, *this, vectors, rows, out, path);
  else
    AddPlain(vectors, rows, out);
  if (average_ && !roots_.empty()) {
    const auto iterations = static_cast<double>(roots_.size() / num_outputs_);
    for (std::size_t i = 0; i < rows * num_outputs_; ++i) out[i] /= iterations;
  }
}

/// Blocks of rows, tree by tree, so that a tree's nodes stay in cache while a block passes.
void Forest::AddPlain(const double* vectors, std::size_t rows, double* out) const {
  for (std::size_t begin = 0; begin < rows; begin += kWalkedRows) {
    const std::size_t end = std::min(rows, begin + kWalkedRows);
    for (std::size_t t = 0; t < roots_.size(); ++t)
      for (std::size_t r = begin; r < end; ++r)
        internal::AddTo(&out[r * num_outputs_ + t % num_outputs_], TreeValue(t, vectors + r * num_features_), float_sums_);
  }
}

}  // namespace headrace
