// What columns do to a model: how much worse it gets without one, and how its score moves with one. All curves of a model have one scale, so that a flat one looks flat.

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/model/metrics.h"
#include "headrace/report/card.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::size_t kColumnsShown = 20, kCurvesShown = 6;

Html PermutationFigure(const ModelReport& model) {
  const PermutationImportance& permutation = model.permutation;
  if (permutation.columns.empty()) return {};
  const double most = permutation.columns.front().mean;
  Html items;
  std::vector<std::vector<Html>> rows;
  for (const ColumnImportance& c : permutation.columns) {
    rows.push_back({c.column, ShowDifference(c.mean), ShowNumber(c.deviation)});
    if (rows.size() <= kColumnsShown)
      items += HtmlOf(El("dt", {}, c.column), El("dd", {{"class", "track"}}, DrawBar(0, c.mean > 0 ? c.mean / most : 0, c.mean > 0 ? "main" : "")), El("dd", {{"class", "n"}}, ShowDifference(c.mean)));
  }
  const std::string caption = StrCat("By how much `", permutation.metric, HigherIsBetter(permutation.metric) ? "` falls" : "` grows", " when one column is shuffled among ", FormatCount(permutation.rows), " ", permutation.of,
                                     ", so that its values say nothing of their rows any more (mean of ", permutation.repeats,
                                     " shuffles). Near 0: the model does without it. Columns that say the same stand in for each other, and then none of them looks important.",
                                     rows.size() > kColumnsShown ? StrCat(" The first ", kColumnsShown, " of ", rows.size(), " are drawn.") : std::string());
  return El("figure", {{"class", "wide"}}, El("h4", {}, "What the model relies on"), El("dl", {{"class", "ranks"}}, items), El("figcaption", {}, Prose(caption)),
            Fold("Numbers", DataTable(StrCat("Change of ", permutation.metric, " by shuffled column"), {{"Column", false}, {"Mean", true}, {"Deviation", true}}, rows)));
}

struct Range {
  double low = 0, high = 1;
};

/// Of several classes the one whose mean score the column moves most; else the only one.
std::size_t MovedMost(const ColumnDependence& column) {
  std::size_t moved = 0;
  double most = -1;
  for (std::size_t k = 0; k < column.means.front().size(); ++k) {
    const auto less = [k](const auto& a, const auto& b) { return a[k] < b[k]; };
    const auto [low, high] = std::minmax_element(column.means.begin(), column.means.end(), less);
    if ((*high)[k] - (*low)[k] > most) {
      most = (*high)[k] - (*low)[k];
      moved = k;
    }
  }
  return moved;
}

bool Drawable(const ColumnDependence& column) {
  return column.grid.size() > 1 && column.means.size() == column.grid.size() && !column.means.front().empty();
}

std::string ShowMean(const ModelReport& model, double mean) { return model.task == Task::kRegression ? ShowNumber(mean) : ShowPercent(mean); }

bool IsTime(Type type) { return type == Type::kDate || type == Type::kTimestamp; }

/// Where a grid's value lies on an axis: dates and timestamps in years, so that ticks can be read.
double Position(const Value& value) {
  constexpr double kDaysAYear = 365.2425;
  if (value.type() == Type::kDouble) return value.as_double();
  const auto whole = static_cast<double>(value.as_int());
  if (value.type() == Type::kDate) return 1970 + whole / kDaysAYear;
  return value.type() == Type::kTimestamp ? 1970 + whole / (static_cast<double>(kMicrosPerDay) * kDaysAYear) : whole;
}

Range RangeOf(const ModelReport& model, const std::vector<const ColumnDependence*>& columns) {
  Range range{INFINITY, -INFINITY};
  for (const ColumnDependence* column : columns)
    for (const auto& means : column->means) {
      const double mean = means[MovedMost(*column)];
      range = {std::min(range.low, mean), std::max(range.high, mean)};
    }
  const double margin = range.high > range.low ? (range.high - range.low) * 0.08 : std::max(std::abs(range.high) * 0.1, 0.01);
  range = {range.low - margin, range.high + margin};
  return model.task == Task::kRegression ? range : Range{std::max(range.low, 0.0), std::min(range.high, 1.0)};
}

Html DependenceTable(const ModelReport& model, const ColumnDependence& column, std::size_t k) {
  std::vector<std::vector<Html>> rows;
  for (std::size_t i = 0; i < column.grid.size(); ++i) rows.push_back({column.grid[i].ToString(), ShowMean(model, column.means[i][k])});
  return DataTable(StrCat("Mean score for each value of ", column.column), {{column.column, false}, {"Mean score", true}}, rows);
}

Html Levels(const ModelReport& model, const ColumnDependence& column, std::size_t k, const Range& range) {
  Html items;
  for (std::size_t i = 0; i < column.grid.size(); ++i) {
    const double mean = column.means[i][k], low = model.task == Task::kRegression ? range.low : 0;
    items += HtmlOf(El("dt", {}, column.grid[i].ToString()), El("dd", {{"class", "track"}}, DrawBar(0, (mean - low) / (range.high - low), "main")), El("dd", {{"class", "n"}}, ShowMean(model, mean)));
  }
  return El("dl", {{"class", "ranks"}}, items);
}

Html Curve(Page& page, const ModelReport& model, const ColumnDependence& column, std::size_t k, const Range& range, const std::string& what) {
  ChartSpec chart{StrCat("Mean score by ", column.column), StrCat("The ", what, " when ", column.column, " has the same value in all rows"),
                  {IsTime(column.type) ? StrCat(column.column, " (year)") : column.column, Position(column.grid.front()), Position(column.grid.back()), false},
                  {what, range.low, range.high, model.task != Task::kRegression}, {}, {}, {}, {}, {}};
  for (std::size_t i = 0; i < column.grid.size(); ++i) {
    chart.line.emplace_back(Position(column.grid[i]), column.means[i][k]);
    chart.dots.push_back({Position(column.grid[i]), column.means[i][k], 3, StrCat(column.column, " ", column.grid[i].ToString(), ": ", ShowMean(model, column.means[i][k]))});
  }
  return DrawChart(chart, ++page.charts);
}

Html DependenceFigure(Page& page, const ModelReport& model, const ColumnDependence& column, const Range& range) {
  const std::size_t k = MovedMost(column);
  const std::string class_name = k < model.classes.size() ? model.classes[k] : StrCat("class ", k);
  const std::string what = model.task == Task::kRegression ? "mean prediction" : model.task == Task::kBinary ? "mean score" : StrCat("mean score of ", class_name);
  const bool levels = column.type == Type::kText || column.type == Type::kBool;
  return El("figure", {}, El("h4", {}, "Score by ", column.column), levels ? Levels(model, column, k, range) : Curve(page, model, column, k, range, what),
            El("figcaption", {}, StrCat("The ", what, " of ", FormatCount(model.dependence.rows), " ", model.dependence.of, levels ? " if all were of this level." : " if all had this value; dots at quantiles from 5 % to 95 %.")),
            Fold("Numbers", DependenceTable(model, column, k)));
}

}  // namespace

Html EffectCharts(Page& page, const ModelReport& model) {
  Html charts = PermutationFigure(model);
  std::vector<const ColumnDependence*> shown;
  for (const ColumnDependence& column : model.dependence.columns)
    if (Drawable(column) && shown.size() < kCurvesShown) shown.push_back(&column);
  if (shown.empty()) return charts;
  const Range range = RangeOf(model, shown);
  for (const ColumnDependence* column : shown) charts += DependenceFigure(page, model, *column, range);
  return charts;
}

}  // namespace headrace
