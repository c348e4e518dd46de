#pragma once

// Private to the forest: what TreeSHAP needs of each tree.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {
class Forest;
}

namespace headrace::internal {

/// Points and weights of a Gauss-Legendre quadrature on [0, 1], padded with points of weight 0 to a multiple of 4.
struct Quadrature {
  std::vector<double> points, weights;
  std::vector<double> outside;  ///< -weight / (1 - point): what an edge that the row does not take is worth
};
/// REQUIRES: 1 <= points <= 128.
Quadrature MakeQuadrature(std::size_t points);

/// The way from a node to its left or right child. Edge 2i and 2i + 1 are those of node i of the tree.
struct ShapEdge {
  std::uint32_t feature = 0;
  std::int32_t before = -1;  ///< the edge above of the same feature, -1 = none
  std::int32_t below = -1;   ///< the node it leads to, -1 = a leaf
  double leaf = 1;           ///< the value of that leaf; 1 for a node
  double share = 1;          ///< of the parent's training rows
};

struct ShapTree {
  std::size_t first_node = 0, splits = 0;
  std::size_t quadrature = 0;  ///< which
  std::size_t first_edge = 0, first_factor = 0;
};

/// For every edge, four rows of as many numbers as its tree's quadrature has points:
///   both   factor of the path when the row takes this edge and the one before
///   last   factor when it took the one before, and not this
///   none   factor when it took neither
///   worth  what a unit of the path's product is worth to the feature when the row takes the edge
class ShapTables {
 public:
  std::once_flag once;
  Status status;
  std::vector<Quadrature> quadratures;
  std::vector<ShapTree> trees;
  std::vector<ShapEdge> edges;
  std::vector<double> factors;
  std::vector<double> base;  ///< of each output
  std::size_t most_edges = 0, most_points = 0;
};

std::shared_ptr<ShapTables> MakeShapTables();

}  // namespace headrace::internal
