#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/baseline.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr double kWidth = 360, kHeight = 200, kLeft = 56, kRight = 14, kTop = 14, kBottom = 34;

/// Places of the points; the axis begins at 0, so that a change looks as large as it is.
struct Frame {
  double low = 0, high = 1;
  std::size_t count = 0;
  double x(std::size_t i) const { return count < 2 ? (kLeft + kWidth - kRight) / 2 : kLeft + 8 + (kWidth - kRight - kLeft - 16) * static_cast<double>(i) / static_cast<double>(count - 1); }
  double y(double value) const { return kHeight - kBottom - (std::clamp(value, low, high) - low) / (high - low) * (kHeight - kBottom - kTop); }
};

Frame FrameOf(const std::vector<CheckHistory::Point>& points) {
  Frame frame;
  frame.count = points.size();
  double low = 0, high = 0;
  for (const CheckHistory::Point& point : points) {
    low = std::min(low, point.value);
    high = std::max(high, point.value);
  }
  for (const CheckHistory::Point& point : points)      // a wide band must not flatten the points
    if (point.upper) high = std::max(high, std::min(*point.upper, 2 * std::max(high, -low)));
  if (low < 0) low = -RoundUp(-low);
  frame.low = low;
  frame.high = high > 0 ? RoundUp(high) : low < 0 ? 0 : 1;
  return frame;
}

/// One area for each stretch of points with a band: along the upper ends, back along the lower ones.
Html Bands(const std::vector<CheckHistory::Point>& points, const Frame& frame) {
  Html bands;
  for (std::size_t begin = 0; begin < points.size(); ++begin) {
    if (!points[begin].lower) continue;
    std::size_t end = begin;
    while (end < points.size() && points[end].lower) ++end;
    const double half = points.size() < 2 ? 20 : (frame.x(1) - frame.x(0)) / 2;
    std::string upper, lower;
    for (std::size_t i = begin; i < end; ++i) {
      const double from = i == begin ? std::max(kLeft, frame.x(i) - half) : frame.x(i), to = i + 1 == end ? std::min(kWidth - kRight, frame.x(i) + half) : frame.x(i);
      const std::string top = Coordinate(frame.y(points[i].upper.value_or(frame.high))), bottom = Coordinate(frame.y(*points[i].lower));
      upper += StrCat(upper.empty() ? "M" : "L", Coordinate(from), " ", top, from < to ? StrCat("L", Coordinate(to), " ", top) : std::string());
      lower = StrCat(from < to ? StrCat("L", Coordinate(to), " ", bottom) : std::string(), "L", Coordinate(from), " ", bottom, lower);
    }
    bands += El("path", {{"class", "band"}, {"d", StrCat(upper, lower, "Z")}});
    begin = end;
  }
  return bands;
}

std::string Told(const CheckHistory::Point& point) {
  const std::string expected = point.lower && point.upper ? StrCat(", expected ", ShowMeasured(*point.lower), " to ", ShowMeasured(*point.upper)) : std::string();
  return StrCat(point.when, ": ", ShowMeasured(point.value), expected, ", ", point.verdict);
}

Html Dots(const std::vector<CheckHistory::Point>& points, const Frame& frame) {
  Html dots;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string& verdict = points[i].verdict;
    const std::string_view look = verdict == "failed" ? "dot bad" : verdict == "warned" ? "dot warn" : verdict == "learning" ? "dot second" : "dot";
    dots += El("circle", {{"class", look}, {"cx", frame.x(i)}, {"cy", frame.y(points[i].value)}, {"r", i + 1 == points.size() ? 5.0 : points.size() > 60 ? 2.0 : 3.2}}, El("title", {}, Told(points[i])));
  }
  return dots;
}

}  // namespace

Html DrawHistory(Page& page, const CheckHistory& history) {
  if (history.points.empty()) return {};
  const std::vector<CheckHistory::Point>& points = history.points;
  const Frame frame = FrameOf(points);
  const std::size_t number = ++page.charts;
  const Anchor title("chart-title", number), description("chart-text", number);
  const auto outside = std::count_if(points.begin(), points.end(), [](const CheckHistory::Point& p) { return p.verdict == "failed" || p.verdict == "warned"; });
  Html svg = El("title", {{"id", title}}, StrCat(history.measure, " over ", ShowCount(static_cast<std::int64_t>(points.size()), "interval", "intervals")));
  svg += El("desc", {{"id", description}}, StrCat("Newest ", Told(points.back()), "; ", outside, " of ", points.size(), " did not pass."));
  for (const double tick : RoundTicks(frame.low, frame.high)) {
    svg += El("line", {{"class", "gridline"}, {"x1", kLeft}, {"x2", kWidth - kRight}, {"y1", frame.y(tick)}, {"y2", frame.y(tick)}});
    svg += El("text", {{"x", kLeft - 6}, {"y", frame.y(tick) + 4}, {"text-anchor", "end"}}, ShowMeasured(tick));
  }
  svg += Bands(points, frame);
  std::string path;
  for (std::size_t i = 0; i < points.size(); ++i) path += StrCat(i == 0 ? "M" : "L", Coordinate(frame.x(i)), " ", Coordinate(frame.y(points[i].value)));
  svg += El("path", {{"class", "line one"}, {"d", path}});
  svg += Dots(points, frame);
  svg += El("text", {{"x", kLeft}, {"y", kHeight - 10}}, points.front().when);
  if (points.size() > 1) svg += El("text", {{"x", kWidth - kRight}, {"y", kHeight - 10}, {"text-anchor", "end"}}, points.back().when);
  return El("svg", {{"class", "chart"}, {"viewBox", StrCat("0 0 ", Coordinate(kWidth), " ", Coordinate(kHeight))}, {"role", "img"}, {"aria-labelledby", StrCat(title.id(), " ", description.id())}}, svg);
}

}  // namespace headrace
