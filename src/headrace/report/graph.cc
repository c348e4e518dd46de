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
/// A small picture keeps its size, up to kFits it takes the width of the window, a longer one scrolls.
constexpr double kSmall = 860, kFits = 1420;
constexpr double kSnug = 350, kNear = 500;      // of one that goes down: it fits any phone, or nearly

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

/// What stands below the name, a line each.
std::pair<std::string, std::string> FactsOf(const StepReport& step) {
  const bool ran = step.state == "succeeded" || step.state == "warned" || step.state == "failed";
  return {StrCat(step.kind, " · ", ran ? ShowSeconds(step.seconds) : step.state), step.rows_out ? ShowCount(*step.rows_out, "row", "rows") : std::string()};
}

Html Line(std::string_view css_class, double x, double y, std::string_view text, double room, double letter) {
  return El("text", {{"class", css_class}, {"x", x}, {"y", y}}, Shorten(text, static_cast<std::size_t>(room / letter)));
}

/// A nested svg clips what a wide font would push over the edge.
Html DrawNode(const GraphNode& node, std::size_t index, double x, double y, const View& view) {
  constexpr double kText = 14, kNameLetter = 7.9, kFactLetter = 6.9;
  const Html box = El("rect", {{"class", "box"}, {"x", 1}, {"y", 1}, {"width", view.width - 2}, {"height", view.height - 2}, {"rx", 7}});
  Html drawn;
  std::string_view look_class = "outside";
  if (node.step == nullptr) {
    // "warehouse.purchases" and "model propensity@champion": where it lives goes to the second line.
    const std::size_t cut = node.name.find_first_of(". ");
    const bool split = cut != std::string::npos && cut > 0 && cut + 1 < node.name.size();
    const std::string_view name = std::string_view(node.name).substr(split ? cut + 1 : 0);
    const std::string place = split ? node.name.substr(0, cut) : std::string("outside");
    drawn = HtmlOf(El("title", {}, StrCat(node.name, ": from outside this run")), box, Line("name", kText, 22, name, view.width - 20, kNameLetter),
                   Line("fact", kText, 40, place, view.width - 20, kFactLetter));
  } else {
    const StepReport& step = *node.step;
    const StateLook look = LookOf(step.state);
    const auto [first, second] = FactsOf(step);
    look_class = look.css_class;
    Html inside = El("title", {}, StrCat(step.name, ": ", step.state, "\n", first, second.empty() ? "" : " · ", second, step.message.empty() ? "" : "\n", step.message));
    inside += HtmlOf(box, El("rect", {{"class", "stripe"}, {"x", 1}, {"y", 8}, {"width", 4}, {"height", view.height - 16}}));
    inside += Line("name", kText, 22, step.name, view.width - 36, kNameLetter);
    inside += El("text", {{"class", "sign"}, {"x", view.width - 9}, {"y", 22}, {"text-anchor", "end"}}, look.sign);
    inside += HtmlOf(Line("fact", kText, 40, first, view.width - 20, kFactLetter), Line("fact", kText, 56, second, view.width - 20, kFactLetter));
    drawn = Html::LinkTo(StepAnchor(index), inside);
  }
  return El("svg", {{"class", StrCat("node ", look_class)}, {"x", x}, {"y", y}, {"width", view.width}, {"height", view.height}}, drawn);
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
  const View view{down, 150, 66};
  const LayoutSizes sizes = down ? LayoutSizes{view.height, view.width, 32, 12} : LayoutSizes{view.width, view.height, 34, 16};
  const GraphLayout layout = LayOutGraph(graph.inputs, sizes);
  Html svg;
  for (const GraphLayout::Edge& edge : layout.edges) svg += DrawEdge(edge, view);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphLayout::Node& at = layout.nodes[i];
    svg += DrawNode(graph.nodes[i], i, view.X(at.along, at.across), view.Y(at.along, at.across), view);
  }
  const double width = (down ? layout.breadth : layout.length) + 2 * kMargin;
  const double height = (down ? layout.length : layout.breadth) + 2 * kMargin;
  return El("div", {{"class", down ? (width <= kSnug ? "graph down snug" : width <= kNear ? "graph down near" : "graph down") : width <= kSmall ? "graph across snug" : width <= kFits ? "graph across fit" : "graph across"}, {"tabindex", 0}, {"role", "group"}, {"aria-label", "Step graph: each step with its state, time and rows; arrows show what it reads"}},
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
