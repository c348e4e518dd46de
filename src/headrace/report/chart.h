#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/report/html.h"

namespace headrace {

/// One axis: its words with their unit, and its ends. Ticks stand at round numbers, shown plain or as percent.
struct ChartAxis {
  std::string label;
  double low = 0, high = 1;
  bool percent = false;
};

/// A column over [from, to) of the x axis; `tip` is shown when pointed at.
struct ChartColumn { double from = 0, to = 0, height = 0; std::string tip; };
/// A dot; `radius` in pixels.
struct ChartDot { double x = 0, y = 0, radius = 3.5; std::string tip; };

/// What is drawn, from back to front. Empty parts draw nothing; values that are not finite are left out.
struct ChartSpec {
  std::string title, description;                     ///< for those who do not see it: what it is, and what it shows
  ChartAxis x, y;
  std::vector<ChartColumn> columns;
  std::vector<ChartColumn> outline;                   ///< drawn as one stepped line
  std::vector<std::pair<double, double>> reference;   ///< dashed
  std::vector<std::pair<double, double>> line;
  std::vector<ChartDot> dots;
};

/// An inline `<svg>` of the chart. `number` is unique in the page.
Html DrawChart(const ChartSpec& spec, std::size_t number);

/// The smallest round number (1, 2, 2.5, 5 times a power of ten) not below `value`; 1 when value is not above 0.
double RoundUp(double value);
/// About five round numbers in [low, high].
std::vector<double> RoundTicks(double low, double high);

/// A horizontal bar on a rail: from `begin`, `share` long, both as parts of the container's width. `css_class` colours it;
/// without one there is only the rail.
Html DrawBar(double begin, double share, std::string_view css_class);

}  // namespace headrace
