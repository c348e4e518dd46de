#include "headrace/report/layout.h"

#include <cmath>

#include <gtest/gtest.h>

namespace headrace {
namespace {

using Inputs = std::vector<std::vector<std::size_t>>;

void ExpectTidy(const GraphLayout& layout, const LayoutSizes& sizes) {
  for (std::size_t a = 0; a < layout.nodes.size(); ++a) {
    EXPECT_GE(layout.nodes[a].across, -1e-6);
    EXPECT_LE(layout.nodes[a].across + sizes.node_across, layout.breadth + 1e-6);
    EXPECT_LE(layout.nodes[a].along + sizes.node_along, layout.length + 1e-6);
    for (std::size_t b = a + 1; b < layout.nodes.size(); ++b) {
      if (layout.nodes[a].layer != layout.nodes[b].layer) continue;
      EXPECT_GE(std::abs(layout.nodes[a].across - layout.nodes[b].across), sizes.node_across + sizes.gap_across - 1e-6) << a << " and " << b;
    }
  }
  for (const auto& edge : layout.edges) {
    EXPECT_LT(layout.nodes[edge.from].layer, layout.nodes[edge.to].layer);
    EXPECT_EQ(edge.points.size() % 2, 0u);
  }
}

TEST(LayoutTest, StepsStandRightOfWhatTheyReadAndNeverOverlap) {
  const LayoutSizes sizes;
  const Inputs diamond{{}, {0}, {0}, {1, 2}, {0, 3}};
  const GraphLayout layout = LayOutGraph(diamond, sizes);
  ExpectTidy(layout, sizes);
  EXPECT_EQ(layout.edges.size(), 6u);
  EXPECT_EQ(layout.nodes[4].layer, 3u);
}

TEST(LayoutTest, AChainIsAStraightLine) {
  const GraphLayout layout = LayOutGraph({{}, {0}, {1}, {2}}, {});
  for (const auto& node : layout.nodes) EXPECT_NEAR(node.across, 0, 1e-9);
}

TEST(LayoutTest, ASourceStandsRightBeforeItsReader) {
  const GraphLayout layout = LayOutGraph({{}, {0}, {1}, {}, {2, 3}}, {});
  EXPECT_EQ(layout.nodes[3].layer, 2u);
}

TEST(LayoutTest, CyclesAndNonsenseEndInALayoutToo) {
  const LayoutSizes sizes;
  ExpectTidy(LayOutGraph({{1}, {0}, {2}, {7, 99}}, sizes), sizes);
  ExpectTidy(LayOutGraph({}, sizes), sizes);
}

TEST(LayoutTest, AWideGraphIsLaidOutWithoutOverlap) {
  const LayoutSizes sizes;
  Inputs inputs(120);
  for (std::size_t i = 8; i < inputs.size(); ++i) inputs[i] = {(i * 7) % i, (i * 13 + 5) % i, i - 8};
  ExpectTidy(LayOutGraph(inputs, sizes), sizes);
}

}  // namespace
}  // namespace headrace
