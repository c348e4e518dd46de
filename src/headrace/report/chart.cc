#include "headrace/report/chart.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/report/format.h"

namespace headrace {
namespace {

constexpr double kWidth = 360, kHeight = 256, kLeft = 50, kRight = 24, kTop = 28, kBottom = 46;

struct Scale {
  double low, high, from, to;
  double operator()(double value) const { return high == low ? from : from + (value - low) / (high - low) * (to - from); }
};

std::string TickText(const ChartAxis& axis, double value) {
  if (!axis.percent) return ShowPlain(value);
  return StrCat(ShowPlain(value * 100), " %");
}

std::string PathOf(const std::vector<std::pair<double, double>>& points, const Scale& x, const Scale& y) {
  std::string path;
  for (const auto& [px, py] : points)
    if (std::isfinite(px) && std::isfinite(py)) path += StrCat(path.empty() ? "M" : "L", Coordinate(x(px)), " ", Coordinate(y(py)));
  return path;
}

std::string SteppedPath(const std::vector<ChartColumn>& columns, const Scale& x, const Scale& y) {
  if (columns.empty()) return "";
  std::string path = StrCat("M", Coordinate(x(columns.front().from)), " ", Coordinate(y(0)));
  for (const ChartColumn& c : columns) path += StrCat("V", Coordinate(y(c.height)), "H", Coordinate(x(c.to)));
  return StrCat(path, "V", Coordinate(y(0)));
}

Html DrawAxes(const ChartSpec& spec, const Scale& x, const Scale& y) {
  Html svg;
  for (double tick : RoundTicks(spec.y.low, spec.y.high)) {
    svg += El("line", {{"class", "gridline"}, {"x1", kLeft}, {"x2", kWidth - kRight}, {"y1", y(tick)}, {"y2", y(tick)}});
    svg += El("text", {{"x", kLeft - 6}, {"y", y(tick) + 4}, {"text-anchor", "end"}}, TickText(spec.y, tick));
  }
  for (double tick : RoundTicks(spec.x.low, spec.x.high)) {
    svg += El("line", {{"class", "axis"}, {"x1", x(tick)}, {"x2", x(tick)}, {"y1", y(spec.y.low)}, {"y2", y(spec.y.low) + 4}});
    svg += El("text", {{"x", x(tick)}, {"y", y(spec.y.low) + 19}, {"text-anchor", "middle"}}, TickText(spec.x, tick));
  }
  svg += El("line", {{"class", "axis"}, {"x1", kLeft}, {"x2", kWidth - kRight}, {"y1", y(spec.y.low)}, {"y2", y(spec.y.low)}});
  svg += El("text", {{"class", "label"}, {"x", 4}, {"y", 13}}, spec.y.label);
  svg += El("text", {{"class", "label"}, {"x", kWidth - kRight}, {"y", kHeight - 6}, {"text-anchor", "end"}}, spec.x.label);
  return svg;
}

}  // namespace

double RoundUp(double value) {
  if (!(value > 0) || !std::isfinite(value)) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (double step : {1.0, 2.0, 2.5, 5.0, 10.0})
    if (step * power >= value * (1 - 1e-12)) return step * power;
  return 10 * power;
}

std::vector<double> RoundTicks(double low, double high) {
  if (!(high > low) || !std::isfinite(high - low)) return {low};
  const double step = RoundUp((high - low) / 5);
  std::vector<double> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && ticks.size() < 12; i += 1) ticks.push_back(i * step);
  return ticks;
}

Html DrawChart(const ChartSpec& spec, std::size_t number) {
  const Scale x{spec.x.low, spec.x.high, kLeft, kWidth - kRight};
  const Scale y{spec.y.low, spec.y.high, kHeight - kBottom, kTop};
  const Anchor title("chart-title", number), description("chart-text", number);
  Html svg = El("title", {{"id", title}}, spec.title);
  svg += El("desc", {{"id", description}}, spec.description);
  svg += DrawAxes(spec, x, y);
  for (const ChartColumn& c : spec.columns) {
    if (!std::isfinite(c.height) || !std::isfinite(c.from) || !std::isfinite(c.to)) continue;
    const double left = x(c.from), right = x(c.to), gap = right - left > 4 ? 1 : 0;
    svg += El("rect", {{"class", "column"}, {"x", left + gap / 2}, {"y", y(c.height)}, {"width", std::max(0.5, right - left - gap)},
                       {"height", std::max(0.0, y(spec.y.low) - y(c.height))}}, El("title", {}, c.tip));
  }
  if (!spec.outline.empty()) svg += El("path", {{"class", "outline"}, {"d", SteppedPath(spec.outline, x, y)}});
  if (!spec.reference.empty()) svg += El("path", {{"class", "line two"}, {"d", PathOf(spec.reference, x, y)}});
  if (!spec.line.empty()) svg += El("path", {{"class", "line one"}, {"d", PathOf(spec.line, x, y)}});
  for (const ChartDot& dot : spec.dots)
    if (std::isfinite(dot.x) && std::isfinite(dot.y))
      svg += El("circle", {{"class", "dot"}, {"cx", x(dot.x)}, {"cy", y(dot.y)}, {"r", dot.radius}}, El("title", {}, dot.tip));
  return El("svg", {{"class", "chart"}, {"viewBox", StrCat("0 0 ", Coordinate(kWidth), " ", Coordinate(kHeight))}, {"role", "img"},
                    {"aria-labelledby", StrCat(title.id(), " ", description.id())}}, svg);
}

Html DrawBar(double begin, double share, std::string_view css_class) {
  const double from = std::isfinite(begin) ? std::clamp(begin, 0.0, 1.0) : 0;
  const double length = std::isfinite(share) ? std::clamp(share, 0.0, 1.0 - from) : 0;
  // A sliver stays visible, also at the right end.
  const double shown = std::max(length, 0.004), start = std::min(from, 1.0 - shown);
  Html bar;
  if (!css_class.empty())
    bar = El("rect", {{"class", StrCat("bar ", css_class)}, {"x", StrCat(Coordinate(start * 100), "%")},
                        {"width", StrCat(Coordinate(shown * 100), "%")}, {"height", 12}, {"rx", 2}});
  return El("svg", {{"aria-hidden", "true"}, {"height", 12}, {"width", "100%"}},
            El("rect", {{"class", "rail"}, {"width", "100%"}, {"height", 12}, {"rx", 2}}), bar);
}

}  // namespace headrace
