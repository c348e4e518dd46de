#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace headrace {

/// Sizes in pixels. "Along" is the way data flows, "across" the other way.
struct LayoutSizes {
  double node_along = 176, node_across = 54;
  double gap_along = 56, gap_across = 18;
};

/// Where nodes and edges of a layered graph lie, in (along, across) coordinates from 0.
struct GraphLayout {
  struct Node { std::size_t layer = 0; double along = 0, across = 0; };   ///< the corner nearest to the origin
  /// From the source's far side to the target's near side; between them one pair of points for each layer it crosses.
  struct Edge { std::size_t from = 0, to = 0; std::vector<std::pair<double, double>> points; };
  std::vector<Node> nodes;
  std::vector<Edge> edges;
  double length = 0, breadth = 0;
};

/// Lay a step graph out in layers (Sugiyama, Tagawa and Toda 1981): a node's layer is the longest path to it, edges over several
/// layers get a place in each, order within layers by barycentres, and places by least squares to the neighbours
/// under the spacing (isotonic regression, exact). `inputs[i]` are the nodes that node i reads; indices out of range and
/// edges that would close a cycle are left out. Deterministic.
GraphLayout LayOutGraph(const std::vector<std::vector<std::size_t>>& inputs, const LayoutSizes& sizes);

}  // namespace headrace
