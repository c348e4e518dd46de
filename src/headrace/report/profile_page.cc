#include "headrace/report/profile_page.h"

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::size_t kNameWidth = 48, kValueWidth = 40;

std::string Show(Type type, double value) { return IsNumeric(type) ? ShowNumber(value) : ShowMeasure(type, value); }

std::string Show(const Value& value) {
  if (value.is_null()) return "";
  if (value.type() == Type::kDouble) return ShowNumber(value.as_double());
  return value.type() == Type::kInt ? FormatCount(value.as_int()) : value.ToString();
}

std::string Distinct(const ColumnMeasures& c) { return StrCat(c.distinct_exact ? "" : "about ", FormatCount(c.distinct)); }

std::string Share(std::int64_t part, std::int64_t whole) { return whole == 0 ? std::string("0 %") : ShowPercent(static_cast<double>(part) / static_cast<double>(whole)); }

Html Overview(const DataProfile& profile) {
  const std::vector<TableHead> head = {{"Column"}, {"Type"}, {"Missing", true}, {"Distinct", true}, {"Smallest", true}, {"Median", true}, {"Largest", true}};
  std::vector<std::vector<Html>> rows;
  for (std::size_t i = 0; i < profile.columns.size(); ++i) {
    const ColumnMeasures& c = profile.columns[i];
    const auto median = std::find_if(c.quantiles.begin(), c.quantiles.end(), [](const auto& q) { return q.first == 0.5; });
    rows.push_back({Html::LinkTo(Anchor("column", i + 1), Shorten(c.field.name, kNameWidth)), TypeName(c.field.type), Share(c.nulls + c.nans, c.rows), Distinct(c), Show(c.min),
                    median == c.quantiles.end() ? std::string() : Show(c.field.type, median->second), Show(c.max)});
  }
  return El("div", {{"class", "panel"}}, DataTable("Every column; a name leads to its details", head, rows));
}

/// Dates and moments have no axis of round numbers: their bins are listed instead. Of a single value there is nothing to draw.
Html Histogram(const std::string& name, Type type, const BinnedRows& bins, std::size_t number) {
  if (bins.counts.size() < 2 || !IsNumeric(type)) return {};
  ChartSpec chart;
  std::int64_t most = 0;
  for (std::size_t i = 0; i < bins.counts.size(); ++i) {
    most = std::max(most, bins.counts[i]);
    chart.columns.push_back({bins.edges[i], bins.edges[i + 1], static_cast<double>(bins.counts[i]),
                             StrCat(ShowPlain(bins.edges[i]), " to ", ShowPlain(bins.edges[i + 1]), ": ", ShowCount(bins.counts[i], "row", "rows"))});
  }
  chart.title = StrCat("Histogram of ", name);
  chart.description = StrCat(bins.counts.size(), " bins from ", ShowPlain(bins.edges.front()), " to ", ShowPlain(bins.edges.back()), "; the fullest holds ", ShowCount(most, "row", "rows"));
  chart.x = {"", bins.edges.front(), bins.edges.back(), false};
  chart.y = {"rows", 0, RoundUp(static_cast<double>(most)), false};
  Html caption;
  if (bins.below + bins.above > 0) caption = El("figcaption", {}, StrCat("Not drawn: ", ShowCount(bins.below, "row", "rows"), " below and ", FormatCount(bins.above), " above."));
  return El("figure", {}, El("h4", {}, StrCat("Histogram of ", Shorten(name, kNameWidth))), DrawChart(chart, number), caption);
}

/// Bins as bars, for dates, moments and values.
Html Bars(std::string_view title, const std::vector<std::pair<std::string, std::int64_t>>& bars, std::int64_t rows, const std::string& caption) {
  if (bars.empty()) return {};
  std::int64_t most = 1;
  for (const auto& [text, count] : bars) most = std::max(most, count);
  Html list;
  for (const auto& [text, count] : bars) {
    list += El("dt", {}, text.empty() ? Html(El("span", {{"class", "soft"}}, "(empty text)")) : Html(Shorten(text, kValueWidth)));
    list += El("dd", {{"class", "track"}}, DrawBar(0, static_cast<double>(count) / static_cast<double>(most), "main"));
    list += El("dd", {{"class", "n"}}, StrCat(FormatCount(count), " · ", Share(count, rows)));
  }
  return El("figure", {}, El("h4", {}, title), El("dl", {{"class", "ranks"}}, list), caption.empty() ? Html() : El("figcaption", {}, caption));
}

Html TopValues(const ColumnMeasures& c) {
  if (c.top.empty() || c.distinct == c.rows - c.nulls - c.nans) return {};
  std::string caption;
  const auto others = c.distinct - static_cast<std::int64_t>(c.top.size());
  if (others > 0) caption = StrCat("And ", c.distinct_exact ? "" : "about ", ShowCount(others, "other value", "other values"), ".");
  if (c.top_slack > 0) caption += StrCat(" Counts may be too small by up to ", FormatCount(c.top_slack), ".");
  return Bars("Most frequent values", c.top, c.rows, caption);
}

Html TimeBars(const ColumnMeasures& c) {
  if (IsNumeric(c.field.type)) return {};
  std::vector<std::pair<std::string, std::int64_t>> bars;
  for (std::size_t i = 0; i < c.histogram.counts.size(); ++i)
    bars.emplace_back(StrCat(ShowMeasure(c.field.type, c.histogram.edges[i]).substr(0, 16), c.field.type == Type::kDate && c.histogram.edges[i + 1] - c.histogram.edges[i] <= 1 ? "" : " on"), c.histogram.counts[i]);
  return Bars("When", bars, c.rows, c.histogram.below + c.histogram.above == 0 ? "" : StrCat("Not drawn: ", ShowCount(c.histogram.below, "row", "rows"), " before and ", FormatCount(c.histogram.above), " after."));
}

Html Quantiles(const ColumnMeasures& c) {
  std::vector<TableHead> head;
  std::vector<Html> row;
  if (c.quantiles.empty()) return {};
  for (const auto& [p, value] : c.quantiles) {
    head.push_back({StrCat(ShowPlain(p * 100), " %"), true});
    row.push_back(Show(c.field.type, value));
  }
  return DataTable(c.quantiles_exact ? "Quantiles: so many percent of the values are at most" : "Quantiles: so many percent of the values are at most (ranks right to 0.2 % of the rows)", head, {row});
}

Html FactsOf(const ColumnMeasures& c) {
  const auto number = [](const std::optional<double>& value) { return value ? Html(ShowNumber(*value)) : Html(); };
  const std::string missing = StrCat(FormatCount(c.nulls), " (", Share(c.nulls, c.rows), ")");
  const std::string distinct = StrCat(Distinct(c), c.distinct_exact ? "" : " (HyperLogLog, standard error 0.8 %)");
  Html lengths;
  if (c.lengths) lengths = StrCat(FormatCount(c.lengths->min), " to ", FormatCount(c.lengths->max), " characters, ", ShowNumber(c.lengths->mean), " on average", c.lengths->empty > 0 ? StrCat("; ", FormatCount(c.lengths->empty), " empty") : "");
  return Facts({{"Missing", missing}, {"Distinct", distinct}, {"NaN", c.nans > 0 ? Html(FormatCount(c.nans)) : Html()}, {"Infinite", c.infinities > 0 ? Html(FormatCount(c.infinities)) : Html()},
                {"Smallest", Show(c.min)}, {"Largest", Show(c.max)}, {"Mean", number(c.mean)}, {"Standard deviation", number(c.sd)}, {"Length", lengths},
                {"Values", c.personal ? Html("personal: not shown") : c.top_known ? Html() : Html("as good as all different: not counted one by one")}});
}

Html Panel(const ColumnMeasures& c, std::size_t number) {
  Html charts = Histogram(c.field.name, c.field.type, c.histogram, number * 2);
  charts += TimeBars(c);
  charts += TopValues(c);
  if (c.lengths) charts += Histogram(StrCat("length of ", c.field.name), Type::kInt, c.lengths->histogram, number * 2 + 1);
  const Html heading = El("h3", {}, Shorten(c.field.name, kNameWidth), " ", El("span", {{"class", "soft small"}}, TypeName(c.field.type)));
  return El("div", {{"class", "panel"}, {"id", Anchor("column", number)}}, heading, FactsOf(c), Quantiles(c), charts.empty() ? Html() : El("div", {{"class", "charts"}}, charts));
}

std::string Sentence(const DataProfile& profile, std::string_view dataset) {
  std::int64_t empty = 0, constant = 0;
  for (const ColumnMeasures& c : profile.columns) {
    if (profile.rows > 0 && c.nulls == c.rows) ++empty;
    else if (c.distinct == 1 && c.rows > 1) ++constant;
  }
  return StrCat(ShowCount(profile.rows, "row", "rows"), " of ", dataset, ".", empty > 0 ? StrCat(" ", ShowCount(empty, "column is", "columns are"), " empty.") : "",
                constant > 0 ? StrCat(" ", ShowCount(constant, "column has", "columns have"), " only one value.") : "");
}

}  // namespace

std::string RenderHtml(const DataProfile& profile, std::string_view dataset, std::string_view headrace_version) {
  std::int64_t cells = 0, missing = 0;
  Html panels;
  for (std::size_t i = 0; i < profile.columns.size(); ++i) {
    cells += profile.columns[i].rows;
    missing += profile.columns[i].nulls;
    panels += Panel(profile.columns[i], i + 1);
  }
  PageContents contents;
  Html sections = Section(contents, "overview", 0, "Columns", Overview(profile));
  sections += Section(contents, "details", 0, "One by one", panels);
  const Html tiles = El("dl", {{"class", "tiles"}}, Tile("rows", FormatCount(profile.rows)), Tile("columns", FormatCount(static_cast<std::int64_t>(profile.columns.size()))), Tile("missing cells", Share(missing, cells)));
  const Html header = El("header", {}, El("div", {{"class", "verdict neutral"}}, El("span", {{"class", "chip"}}, "Profile"), El("h1", {}, Sentence(profile, dataset))), tiles, ContentsList(contents));
  const Html footer = El("footer", {}, StrCat("Written by Headrace ", headrace_version, ". What each figure means: docs/profile.md. This page needs no network and runs no script."));
  return Document(StrCat("Profile of ", dataset), HtmlOf(header, El("main", {}, sections), footer));
}

}  // namespace headrace
