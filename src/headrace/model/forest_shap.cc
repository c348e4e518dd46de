// TreeSHAP. A leaf on whose path d different features lie pays out its value v by the game
//   f(S) = v * prod over j in S of o_j * prod over j not in S of z_j,
// where o_j is 1 when the row agrees with all of the path's splits on j and z_j the share of training rows that do.
// With |S|! (d-1-|S|)! / d! = integral of t^|S| (1-t)^(d-1-|S|) over [0, 1], feature i's Shapley value is
//   v (o_i - z_i) * integral of prod over j != i of (t o_j + (1-t) z_j) dt.
// The integrand is a polynomial of degree d-1, so a Gauss-Legendre quadrature of ceil(d/2) points is exact, and its
// terms are all positive, so nothing cancels. Products down the tree are shared by all leaves below; sums of leaves go
// up again; each edge takes its part. That is a few operations an edge and point, where Lundberg's Algorithm 2 (the
// same numbers) takes the square of the depth a leaf.
#include "headrace/base/processor.h"
#include "headrace/model/forest_shap_internal.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "headrace/model/forest.h"
#include "headrace/model/forest_plan_internal.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kLanes = 4, kMostPoints = 128;
constexpr std::size_t kRows = 4;  ///< of factors an edge
constexpr std::size_t kBlockRows = 64;
constexpr std::size_t kMostFactors = std::size_t{1} << 27;  ///< 1 GiB

/// cos(x) for 0 <= x <= pi, with the same bits everywhere: a first guess, which Newton's method puts right.
double Cosine(double x) {
  double term = 1, sum = 1;
  for (int k = 1; k < 20; ++k) {
    term *= -x * x / static_cast<double>((2 * k - 1) * (2 * k));
    sum += term;
  }
  return sum;
}

/// One row's way through one tree: what is read, then what is worked in.
struct ShapPass {
  const ShapEdge* edges;
  const double* factors;
  const double* outside;
  const std::uint8_t* left;  ///< of each node: whether the row goes left
  const double* ones;
  std::size_t splits, points;
  double* sums;         ///< of each edge: the product of its path, then the sum of the leaves below
  std::uint8_t* taken;  ///< of each edge: whether the row takes it and all above it of the same feature
  std::int32_t* into;   ///< of each node: the edge that leads to it
  double* out;
};

[[gnu::always_inline]] inline double Dot(const double* a, const double* b, std::size_t count) {
  double sum[kLanes] = {};
  for (std::size_t q = 0; q < count; q += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] += a[q + lane] * b[q + lane];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// `kPoints` is pass.points where it is known when compiling, or 0.
template <std::size_t kPoints>
[[gnu::always_inline]] inline void RunTree(const ShapPass& pass) {
  const std::size_t points = kPoints != 0 ? kPoints : pass.points;
  const auto factors = [&](std::size_t edge, std::size_t row) { return pass.factors + (kRows * edge + row) * points; };
  pass.into[0] = -1;
  for (std::size_t e = 0; e < 2 * pass.splits; ++e) {  // down: products
    const ShapEdge& edge = pass.edges[e];
    const std::int32_t into = pass.into[e / 2];
    const double* __restrict above = into >= 0 ? pass.sums + static_cast<std::size_t>(into) * points : pass.ones;
    const bool taken_before = edge.before < 0 || pass.taken[static_cast<std::size_t>(edge.before)] != 0;
    const bool taken = taken_before & ((pass.left[e / 2] != 0) == (e % 2 == 0));
    pass.taken[e] = taken ? 1 : 0;
    double* __restrict product = pass.sums + e * points;
    const double* __restrict factor = factors(e, std::size_t{2} - (taken_before ? 1 : 0) - (taken ? 1 : 0));
    for (std::size_t q = 0; q < points; ++q) product[q] = above[q] * factor[q] * edge.leaf;
    if (edge.below >= 0) pass.into[edge.below] = static_cast<std::int32_t>(e);
  }
  // What leaves are worth to the feature of an edge, were it the last of its feature. Where the row does not take it,
  // the product holds its (1 - t) z, of which the feature gets -z.
  const auto worth = [&](std::size_t e, const double* sums) {
    return Dot(pass.taken[e] != 0 ? factors(e, 3) : pass.outside, sums, points);
  };
  for (std::size_t e = 2 * pass.splits; e-- > 0;) {  // up: sums
    const ShapEdge& edge = pass.edges[e];
    double* __restrict sums = pass.sums + e * points;
    if (edge.below >= 0) {
      const double* __restrict below = pass.sums + 2 * static_cast<std::size_t>(edge.below) * points;
      for (std::size_t q = 0; q < points; ++q) sums[q] = below[q] + below[points + q];
    }
    double value = worth(e, sums);
    if (edge.before >= 0) value -= worth(static_cast<std::size_t>(edge.before), sums);
    pass.out[edge.feature] += value;
  }
}

[[gnu::always_inline]] inline void RunAny(const ShapPass& pass) {
  switch (pass.points) {
    case 4:
      return RunTree<4>(pass);
    case 8:
      return RunTree<8>(pass);
    case 12:
      return RunTree<12>(pass);
    default:
      return RunTree<0>(pass);
  }
}

// The same source for both, without a fused multiply-add and with four sums in either, so that the bits are the same.
void Run(const ShapPass& pass) { RunAny(pass); }
#if defined(__x86_64__)
[[gnu::target("avx2")]] void RunAvx2(const ShapPass& pass) { RunAny(pass); }
#else
void RunAvx2(const ShapPass& pass) { RunAny(pass); }
#endif

}  // namespace

Quadrature MakeQuadrature(std::size_t points) {
  Quadrature out;
  const auto n = static_cast<double>(points);
  for (std::size_t i = 0; i < points; ++i) {
    double x = Cosine(3.14159265358979323846 * (static_cast<double>(i) + 0.75) / (n + 0.5)), slope = 1;
    for (int round = 0; round < 8; ++round) {
      double before = 1, here = x;
      for (std::size_t k = 2; k <= points; ++k) {
        const auto d = static_cast<double>(k);
        const double next = ((2 * d - 1) * x * here - (d - 1) * before) / d;
        before = here;
        here = next;
      }
      slope = n * (x * here - before) / (x * x - 1);
      x -= here / slope;
    }
    out.points.push_back((1 + x) / 2);
    out.weights.push_back(1 / ((1 - x * x) * slope * slope));
  }
  while (out.points.size() % kLanes != 0) {
    out.points.push_back(0);
    out.weights.push_back(0);
  }
  for (std::size_t q = 0; q < out.points.size(); ++q) out.outside.push_back(-out.weights[q] / (1 - out.points[q]));
  return out;
}

std::shared_ptr<ShapTables> MakeShapTables() { return std::make_shared<ShapTables>(); }

/// Makes the tables, and runs rows through them.
class ShapMaker {
 public:
  ShapMaker(const Forest& forest, ShapTables& tables, bool avx2) : forest_(forest), tables_(tables), avx2_(avx2) {}

  Status Make() {
    tables_.base = forest_.base_;
    std::size_t node = 0, leaf = 0;
    for (std::size_t t = 0; t < forest_.roots_.size(); ++t) {
      ShapTree tree;
      tree.first_node = node;
      tree.splits = SplitsOf(t, node);
      Status made = Tree(t, tree, leaf);
      if (!made.ok()) return std::move(made).WithContext(StrCat("tree ", t));
      node += tree.splits;
      leaf += tree.splits + 1;
    }
    return Ok();
  }

  /// One tree's part of the contributions of one row, added to out[feature].
  void Add(const ShapTree& tree, const double* vector, double* out) {
    const Quadrature& quadrature = tables_.quadratures[tree.quadrature];
    for (std::size_t i = 0; i < tree.splits; ++i)
      left_[i] = forest_.Left(forest_.nodes_[tree.first_node + i], vector) ? 1 : 0;
    const ShapPass pass{tables_.edges.data() + tree.first_edge,
                        tables_.factors.data() + tree.first_factor,
                        quadrature.outside.data(),
                        left_.data(),
                        ones_.data(),
                        tree.splits,
                        quadrature.points.size(),
                        sums_.data(),
                        taken_.data(),
                        into_.data(),
                        out};
    avx2_ ? RunAvx2(pass) : Run(pass);
  }

  void Reserve() {
    sums_.resize(tables_.most_edges * tables_.most_points);
    taken_.resize(tables_.most_edges);
    left_.resize(tables_.most_edges / 2);
    into_.resize(tables_.most_edges / 2);
    ones_.assign(tables_.most_points, 1.0);
  }

 private:
  std::size_t SplitsOf(std::size_t tree, std::size_t first) const {
    if (forest_.roots_[tree] < 0) return 0;
    for (std::size_t next = tree + 1; next < forest_.roots_.size(); ++next)
      if (forest_.roots_[next] >= 0) return static_cast<std::size_t>(forest_.roots_[next]) - first;
    return forest_.nodes_.size() - first;
  }

  Status Tree(std::size_t number, ShapTree tree, std::size_t first_leaf) {
    double& base = tables_.base[number % forest_.num_outputs_];
    tree.first_edge = tables_.edges.size();
    if (tree.splits == 0) {
      base += forest_.leaves_[first_leaf];
      tables_.trees.push_back(tree);
      return Ok();
    }
    // Of each edge: the edge above its node, its feature's share along the path, and how many features the path has.
    std::vector<std::int32_t> above(2 * tree.splits, -1), into(tree.splits, -1);
    std::vector<double> share(2 * tree.splits), path(2 * tree.splits);
    std::vector<std::size_t> different(2 * tree.splits);
    std::size_t most = 1;
    for (std::size_t i = 0; i < tree.splits; ++i) {
      const Forest::Node& node = forest_.nodes_[tree.first_node + i];
      for (const std::int64_t child : {node.left, node.right}) {
        const std::size_t e = tables_.edges.size() - tree.first_edge;
        above[e] = into[i];
        ShapEdge edge;
        edge.feature = node.feature;
        for (edge.before = into[i]; edge.before >= 0; edge.before = above[static_cast<std::size_t>(edge.before)])
          if (EdgeOf(tree, edge.before).feature == node.feature) break;
        const double rows = child < 0 ? forest_.leaf_counts_[static_cast<std::size_t>(~child)]
                                      : forest_.node_counts_[static_cast<std::size_t>(child)];
        edge.share = rows / forest_.node_counts_[tree.first_node + i];
        if (!(edge.share > 0 && edge.share <= 1))
          return Error(ErrorCode::kInvalid, "has no counts of training rows at node ", i, ", which contributions need");
        if (child < 0) {
          edge.leaf = forest_.leaves_[static_cast<std::size_t>(~child)];
        } else {
          edge.below = static_cast<std::int32_t>(static_cast<std::size_t>(child) - tree.first_node);
          into[static_cast<std::size_t>(edge.below)] = static_cast<std::int32_t>(e);
        }
        const auto at = [](std::int32_t index) { return static_cast<std::size_t>(index); };
        share[e] = edge.share * (edge.before >= 0 ? share[at(edge.before)] : 1);
        path[e] = edge.share * (into[i] >= 0 ? path[at(into[i])] : 1);
        different[e] = (into[i] >= 0 ? different[at(into[i])] : 0) + (edge.before >= 0 ? 0 : 1);
        most = std::max(most, different[e]);
        if (child < 0) base += edge.leaf * path[e];
        tables_.edges.push_back(edge);
      }
    }
    if (most > 2 * kMostPoints)
      return Error(ErrorCode::kInvalid, "has a path of ", most, " different features; contributions take up to ",
                   2 * kMostPoints);
    if (tables_.factors.size() + 2 * tree.splits * kRows * ((most + 1) / 2 + kLanes) > kMostFactors)
      return Error(ErrorCode::kInvalid, "is one too many: contributions of this forest would take more than 1 GiB");
    Factors(&tree, (most + 1) / 2, share);
    tables_.trees.push_back(tree);
    return Ok();
  }

  const ShapEdge& EdgeOf(const ShapTree& tree, std::int32_t edge) const {
    return tables_.edges[tree.first_edge + static_cast<std::size_t>(edge)];
  }

  void Factors(ShapTree* tree, std::size_t points, const std::vector<double>& share) {
    const auto [known, is_new] = quadrature_of_.try_emplace(points, tables_.quadratures.size());
    if (is_new) tables_.quadratures.push_back(MakeQuadrature(points));
    tree->quadrature = known->second;
    tree->first_factor = tables_.factors.size();
    const Quadrature& quadrature = tables_.quadratures[tree->quadrature];
    tables_.most_edges = std::max(tables_.most_edges, 2 * tree->splits);
    tables_.most_points = std::max(tables_.most_points, quadrature.points.size());
    for (std::size_t e = 0; e < 2 * tree->splits; ++e) {
      const ShapEdge& edge = EdgeOf(*tree, static_cast<std::int32_t>(e));
      const std::int32_t before = edge.before;
      const double z = share[e], z_before = before >= 0 ? share[static_cast<std::size_t>(before)] : 1;
      std::vector<double> both, last, none(quadrature.points.size(), edge.share), worth;
      for (std::size_t q = 0; q < quadrature.points.size(); ++q) {
        const double t = quadrature.points[q], taken_before = t + (1 - t) * z_before, taken = t + (1 - t) * z;
        both.push_back(taken / taken_before);
        last.push_back((1 - t) * z / taken_before);
        worth.push_back((1 - z) * quadrature.weights[q] / taken);
      }
      for (const auto* row : {&both, &last, &none, &worth})
        tables_.factors.insert(tables_.factors.end(), row->begin(), row->end());
    }
  }

  const Forest& forest_;
  ShapTables& tables_;
  const bool avx2_;
  std::map<std::size_t, std::size_t> quadrature_of_;
  std::vector<double> sums_, ones_;
  std::vector<std::uint8_t> taken_, left_;
  std::vector<std::int32_t> into_;
};

}  // namespace headrace::internal

namespace headrace {

Status Forest::Contributions(const double* vectors, std::size_t rows, double* out) const {
  return ContributionsBy(internal::ForestPath::kBest, vectors, rows, out);
}

Status Forest::ContributionsBy(internal::ForestPath path, const double* vectors, std::size_t rows, double* out) const {
  const bool avx2 = path != internal::ForestPath::kPortable && HasAvx2();
  internal::ShapTables& tables = *shap_;
  std::call_once(tables.once, [&] { tables.status = internal::ShapMaker(*this, tables, avx2).Make(); });
  RETURN_IF_ERROR(tables.status);
  internal::ShapMaker maker(*this, tables, avx2);
  maker.Reserve();
  const std::size_t width = num_features_ + 1;
  std::fill(out, out + rows * num_outputs_ * width, 0.0);
  for (std::size_t begin = 0; begin < rows; begin += internal::kBlockRows) {
    const std::size_t end = std::min(rows, begin + internal::kBlockRows);
    for (std::size_t t = 0; t < tables.trees.size(); ++t)
      if (tables.trees[t].splits > 0)
        for (std::size_t r = begin; r < end; ++r)
          maker.Add(tables.trees[t], vectors + r * num_features_, out + (r * num_outputs_ + t % num_outputs_) * width);
  }
  const double iterations = average_ && !roots_.empty() ? static_cast<double>(roots_.size() / num_outputs_) : 1.0;
  for (std::size_t i = 0; i < rows * num_outputs_; ++i) {
    out[i * width + num_features_] = tables.base[i % num_outputs_];
    for (std::size_t f = 0; f < width; ++f) out[i * width + f] /= iterations;
  }
  return Ok();
}

}  // namespace headrace
