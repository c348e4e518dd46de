#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr double kChartWidth = 360, kNames = 150, kValues = 58, kRow = 26, kBar = 9;
constexpr std::size_t kLongestName = 19;

std::string Short(const std::string& name) {
  if (name.size() <= kLongestName) return name;
  std::size_t end = kLongestName - 1;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return StrCat(name.substr(0, end), "…");
}

}  // namespace

/// Bars lie, so that names of bins can be read; all columns have one scale of their own, from nothing to the largest share.
Html DrawDrift(Page& page, const DriftBins& column) {
  if (column.bins.empty()) return {};
  double most = 0;
  const DriftBins::Bin* moved = &column.bins[0];
  for (const DriftBins::Bin& bin : column.bins) {
    most = std::max({most, bin.before, bin.now});
    if (std::abs(bin.now - bin.before) > std::abs(moved->now - moved->before)) moved = &bin;
  }
  const std::size_t number = ++page.charts;
  const Anchor title("chart-title", number), description("chart-text", number);
  const double height = kRow * static_cast<double>(column.bins.size()) + 4, scale = most > 0 ? (kChartWidth - kNames - kValues) / most : 0;
  Html svg = El("title", {{"id", title}}, StrCat(column.column, ": shares before and now"));
  svg += El("desc", {{"id", description}}, StrCat("Moved most: ", moved->name, ", from ", ShowPercent(moved->before), " to ", ShowPercent(moved->now), "."));
  for (std::size_t b = 0; b < column.bins.size(); ++b) {
    const DriftBins::Bin& bin = column.bins[b];
    const double top = 4 + kRow * static_cast<double>(b);
    const std::string told = StrCat(bin.name, ": ", ShowPercent(bin.before), " before, ", ShowPercent(bin.now), " now");
    svg += El("g", {}, El("title", {}, told), El("text", {{"x", kNames - 6}, {"y", top + 13}, {"text-anchor", "end"}}, Short(bin.name)),
              El("rect", {{"class", "bar"}, {"x", kNames}, {"y", top}, {"width", bin.before * scale}, {"height", kBar}}),
              El("rect", {{"class", "bar main"}, {"x", kNames}, {"y", top + kBar + 1}, {"width", bin.now * scale}, {"height", kBar}}),
              El("text", {{"x", kNames + std::max(bin.before, bin.now) * scale + 5}, {"y", top + 13}}, ShowPercent(bin.now)));
  }
  return El("svg", {{"class", "chart"}, {"viewBox", StrCat("0 0 ", Coordinate(kChartWidth), " ", Coordinate(height))}, {"role", "img"}, {"aria-labelledby", StrCat(title.id(), " ", description.id())}}, svg);
}

}  // namespace headrace
