// The step graph as SVG. It is drawn twice, across and down, and the style sheet shows the one that fits the window.

#include <algorithm>
#include <map>

#include "headrace/base/text.h"
#include "headrace/report/format.h"
#include "headrace/report/layout.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::size_t kMaxNodes = 200;
constexpr double kMargin = 4;

/// A step, or data from outside that a step names.
struct GraphNode {
  const StepReport* step = nullptr;
  std::string name;
};

struct StepGraph {
  std::vector<GraphNode> nodes;      ///< steps first, in the order of the run
  std::vector<std::vector<std::size_t>> inputs;
};

StepGraph GraphOf(const RunReport& run) {
  StepGraph graph;
  std::map<std::string, std::size_t, std::less<>> index;
  for (const StepReport& step : run.steps) {
    index.emplace(step.name, graph.nodes.size());
    graph.nodes.push_back({&step, step.name});
  }
  graph.inputs.resize(graph.nodes.size());
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    for (const std::string& input : run.steps[i].inputs) {
      auto found = index.find(input);
      if (found == index.end()) {
        if (const std::size_t dot = input.rfind('.'); dot != std::string::npos) found = index.find(std::string_view(input).substr(0, dot));
      }
      if (found == index.end()) {
        found = index.emplace(input, graph.nodes.size()).first;
        graph.nodes.push_back({nullptr, input});
        graph.inputs.emplace_back();
      }
      graph.inputs[i].push_back(found->second);
    }
  }
  return graph;
}

/// The picture in one of two directions: turns (along, across) into (x, y).
struct View {
  bool down;
  double width, height;              ///< of a node
  double X(double along, double across) const { return kMargin + (down ? across : along); }
  double Y(double along, double across) const { return kMargin + (down ? along : across); }
  std::string Point(double along, double across) const {
    return StrCat(Coordinate(X(along, across)), " ", Coordinate(Y(along, across)));
  }
};

std::string FactsOf(const StepReport& step) {
  std::vector<std::string> facts{step.kind};
  if (step.state == "succeeded" || step.state == "warned" || step.state == "failed") facts.push_back(ShowSeconds(step.seconds));
  else facts.push_back(step.state);
  if (step.rows_out) facts.push_back(ShowCount(*step.rows_out, "row", "rows"));
  return Join(facts, " · ");
}

Html DrawNode(const GraphNode& node, std::size_t index, double x, double y, const View& view) {
  const std::size_t name_width = static_cast<std::size_t>((view.width - 40) / 7.4);
  const std::size_t fact_width = static_cast<std::size_t>((view.width - 22) / 5.7);
  Html box = El("rect", {{"class", "box"}, {"x", x}, {"y", y}, {"width", view.width}, {"height", view.height}, {"rx", 7}});
  if (node.step == nullptr) {
    return El("g", {{"class", "node outside"}}, El("title", {}, StrCat(node.name, ": from outside this run")), box,
              El("text", {{"class", "name"}, {"x", x + 14}, {"y", y + 22}}, Shorten(node.name, name_width + 2)),
              El("text", {{"class", "fact"}, {"x", x + 14}, {"y", y + 40}}, "from outside"));
  }
  const StepReport& step = *node.step;
  const StateLook look = LookOf(step.state);
  std::string tip = StrCat(step.name, ": ", step.state, ", ", FactsOf(step));
  if (!step.message.empty()) tip += StrCat("\n", step.message);
  Html drawn = El("title", {}, tip);
  drawn += box;
  drawn += El("rect", {{"class", "stripe"}, {"x", x}, {"y", y + 7}, {"width", 4}, {"height", view.height - 14}});
  drawn += El("text", {{"class", "name"}, {"x", x + 14}, {"y", y + 22}}, Shorten(step.name, name_width));
  drawn += El("text", {{"class", "sign"}, {"x", x + view.width - 11}, {"y", y + 22}, {"text-anchor", "end"}}, look.sign);
  drawn += El("text", {{"class", "fact"}, {"x", x + 14}, {"y", y + 40}}, Shorten(FactsOf(step), fact_width));
  return El("g", {{"class", StrCat("node ", look.css_class)}}, Html::LinkTo(StepAnchor(index), drawn));
}

Html DrawEdge(const GraphLayout::Edge& edge, const View& view) {
  constexpr double kHead = 6;
  std::string path = StrCat("M", view.Point(edge.points[0].first, edge.points[0].second));
  for (std::size_t i = 1; i < edge.points.size(); ++i) {
    const auto [along0, across0] = edge.points[i - 1];
    auto [along, across] = edge.points[i];
    if (i % 2 == 0) {
      path += StrCat("L", view.Point(along, across));
      continue;
    }
    if (i + 1 == edge.points.size()) along -= kHead;
    const double middle = (along0 + along) / 2;
    path += StrCat("C", view.Point(middle, across0), " ", view.Point(middle, across), " ", view.Point(along, across));
  }
  const auto [end, at] = edge.points.back();
  return HtmlOf(El("path", {{"class", "edge"}, {"d", path}}),
                El("path", {{"class", "arrow"}, {"d", StrCat("M", view.Point(end - 1, at), "L", view.Point(end - 1 - kHead, at - 3.5), "L",
                                                               view.Point(end - 1 - kHead, at + 3.5), "Z")}}));
}

Html DrawView(const StepGraph& graph, bool down) {
  const View view{down, down ? 152.0 : 178.0, 54};
  const LayoutSizes sizes = down ? LayoutSizes{view.height, view.width, 34, 14} : LayoutSizes{view.width, view.height, 48, 18};
  const GraphLayout layout = LayOutGraph(graph.inputs, sizes);
  Html svg;
  for (const GraphLayout::Edge& edge : layout.edges) svg += DrawEdge(edge, view);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphLayout::Node& at = layout.nodes[i];
    svg += DrawNode(graph.nodes[i], i, view.X(at.along, at.across), view.Y(at.along, at.across), view);
  }
  const double width = (down ? layout.breadth : layout.length) + 2 * kMargin;
  const double height = (down ? layout.length : layout.breadth) + 2 * kMargin;
  return El("div", {{"class", down ? "graph down" : "graph across"}, {"tabindex", 0}, {"role", "group"}, {"aria-label", "Step graph: each step with its state, time and rows; arrows show what it reads"}},
            El("svg", {{"width", width}, {"height", height}, {"viewBox", StrCat("0 0 ", Coordinate(width), " ", Coordinate(height))}}, svg));
}

}  // namespace

Html DrawStepGraph(const RunReport& run) {
  const StepGraph graph = GraphOf(run);
  if (graph.nodes.empty()) return {};
  if (graph.nodes.size() > kMaxNodes)
    return El("p", {{"class", "soft"}}, StrCat("The graph of ", FormatCount(static_cast<std::int64_t>(graph.nodes.size())), " nodes is not drawn; the list has every step and what it reads."));
  return HtmlOf(DrawView(graph, false), DrawView(graph, true));
}

}  // namespace headrace
