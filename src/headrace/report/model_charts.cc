// A model's charts. Each says below itself how to read it, and has its numbers as a table in a fold.

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/report/card.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::size_t kFeaturesShown = 20;

enum class KeyLook { kLine, kDashed, kColumn, kOutline };

Html KeyItem(KeyLook look, std::string_view text) {
  Html mark;
  switch (look) {
    case KeyLook::kLine: mark = El("path", {{"class", "line one"}, {"d", "M0 5H18"}}); break;
    case KeyLook::kDashed: mark = El("path", {{"class", "line two"}, {"d", "M0 5H18"}}); break;
    case KeyLook::kColumn: mark = El("rect", {{"class", "column"}, {"x", 3}, {"width", 12}, {"height", 10}}); break;
    case KeyLook::kOutline: mark = El("path", {{"class", "outline"}, {"d", "M1 9V4H9V1H17V9"}}); break;
  }
  return El("li", {}, El("svg", {{"viewBox", "0 0 18 10"}, {"aria-hidden", "true"}}, mark), text);
}

Html Figure(std::string_view title, const Html& legend, const Html& drawing, std::string_view how_to_read, const Html& table) {
  return El("figure", {}, El("h4", {}, title), legend.empty() ? Html() : El("ul", {{"class", "legend"}}, legend), drawing,
            El("figcaption", {}, Prose(how_to_read)), Fold("Numbers", table));
}

Html ReliabilityChart(Page& page, const ModelReport& model) {
  std::int64_t most = 0;
  double high = 0;
  for (const auto& bin : model.curves.reliability) {
    most = std::max(most, bin.rows);
    if (bin.rows > 0) high = std::max({high, bin.mean_score, bin.mean_target});
  }
  if (most == 0) return {};
  const double end = std::min(1.0, RoundUp(high * 1.02));
  ChartSpec chart{"Reliability curve", "Observed share of the positive class against the mean score, one dot for each score bin; the dashed diagonal is perfect calibration",
                  {"mean score of the bin", 0, end, true}, {"observed share of positives", 0, end, true}, {}, {}, {{0, 0}, {end, end}}, {}, {}};
  std::vector<std::vector<Html>> rows;
  for (const auto& bin : model.curves.reliability) {
    if (bin.rows == 0) continue;
    const std::string range = StrCat(ShowPercent(bin.from), " to ", ShowPercent(bin.to));
    chart.line.emplace_back(bin.mean_score, bin.mean_target);
    chart.dots.push_back({bin.mean_score, bin.mean_target, std::max(2.5, 8 * std::sqrt(static_cast<double>(bin.rows) / static_cast<double>(most))),
                          StrCat(FormatCount(bin.rows), " rows: mean score ", ShowPercent(bin.mean_score), ", observed ", ShowPercent(bin.mean_target))});
    rows.push_back({range, FormatCount(bin.rows), ShowPercent(bin.mean_score), ShowPercent(bin.mean_target)});
  }
  return Figure("Reliability: does 30 % mean 30 %?", HtmlOf(KeyItem(KeyLook::kLine, "this model"), KeyItem(KeyLook::kDashed, "perfectly calibrated")),
                DrawChart(chart, ++page.charts),
                "Dots on the dashed line: what was predicted is what happened. Below it the scores promise too much, above it too little. A larger dot stands for more rows.",
                DataTable("Test rows by score", {{"Score", false}, {"Rows", true}, {"Mean score", true}, {"Observed", true}}, rows));
}

bool HasDeciles(const Curves& curves) {
  return std::any_of(curves.deciles.begin(), curves.deciles.end(), [](const Curves::Decile& d) { return d.positives > 0; });
}

Html DecileTable(const Curves& curves) {
  std::vector<std::vector<Html>> rows;
  for (const Curves::Decile& d : curves.deciles)
    rows.push_back({StrCat(d.decile), ShowNumber(d.rows), ShowNumber(d.positives), ShowPercent(d.mean_score), ShowPercent(d.mean_target), ShowNumber(d.lift), ShowNumber(d.cumulative_lift), ShowPercent(d.gain)});
  return DataTable("Tenths of the test rows, best scores first", {{"Tenth", true}, {"Rows", true}, {"Positives", true}, {"Mean score", true}, {"Observed", true}, {"Lift", true}, {"Lift so far", true}, {"Gain so far", true}}, rows);
}

Html GainChart(Page& page, const ModelReport& model) {
  if (!HasDeciles(model.curves)) return {};
  double all = 0, so_far = 0;
  for (const auto& d : model.curves.deciles) all += d.rows;
  ChartSpec chart{"Gain curve", "Share of all positives found against the share of rows contacted, best scores first; the dashed diagonal is random order",
                  {"share of rows, best scores first", 0, 1, true}, {"share of all positives found", 0, 1, true}, {}, {}, {{0, 0}, {1, 1}}, {{0, 0}}, {}};
  for (const auto& d : model.curves.deciles) {
    so_far += d.rows;
    chart.line.emplace_back(so_far / all, d.gain);
    chart.dots.push_back({so_far / all, d.gain, 3, StrCat("the best ", ShowPercent(so_far / all), " of rows hold ", ShowPercent(d.gain), " of all positives")});
  }
  const auto& first = model.curves.deciles.front();
  return Figure("Gain: positives reached by contacts", HtmlOf(KeyItem(KeyLook::kLine, "this model"), KeyItem(KeyLook::kDashed, "random order")),
                DrawChart(chart, ++page.charts),
                StrCat("Contact the best-scored tenth and you reach ", ShowPercent(first.gain), " of all positives. The further above the dashed line, the more the order of scores is worth."),
                DecileTable(model.curves));
}

Html LiftChart(Page& page, const ModelReport& model) {
  if (!HasDeciles(model.curves)) return {};
  double high = 1;
  for (const auto& d : model.curves.deciles) high = std::max(high, d.lift);
  ChartSpec chart{"Lift by tenth", "Rate of positives in each tenth of the rows relative to the rate of all rows, best scores first",
                  {"tenth of the rows, best scores first", 0.5, 10.5, false}, {"times the average rate", 0, RoundUp(high), false}, {}, {}, {{0.5, 1}, {10.5, 1}}, {}, {}};
  for (const auto& d : model.curves.deciles)
    chart.columns.push_back({d.decile - 0.42, d.decile + 0.42, d.lift, StrCat("tenth ", d.decile, ": ", ShowNumber(d.lift), " times the average rate (", ShowPercent(d.mean_target), ")")});
  const auto& first = model.curves.deciles.front();
  return Figure("Lift: how much better than average", HtmlOf(KeyItem(KeyLook::kColumn, "this model"), KeyItem(KeyLook::kDashed, "average of all rows")),
                DrawChart(chart, ++page.charts),
                StrCat("In the best-scored tenth positives are ", ShowNumber(first.lift), " times as frequent as among all rows. Columns should fall from left to right; those below the dashed line are worse than average."),
                DecileTable(model.curves));
}

/// One for each value and cost that the training asked about.
Html ProfitCharts(Page& page, const ModelReport& model) {
  Html charts;
  for (const Curves::Profit& curve : model.curves.profit) {
    double low = 0, high = 0, best = 0;
    for (const auto& p : curve.points) {
      low = std::min(low, p.profit);
      if (p.profit > high) best = p.share;
      high = std::max(high, p.profit);
    }
    const std::string terms = curve.metric.substr(curve.metric.find('@') + 1);
    // The curve is drawn at some of its points; metrics that were asked for know the very best one.
    const auto most = model.metrics.find(StrCat("profit@", terms)), at = model.metrics.find(StrCat("profit_share@", terms));
    if (most != model.metrics.end() && at != model.metrics.end()) { high = std::max(high, most->second); best = at->second; }
    if (low < 0) low = -RoundUp(-low);
    const double top = high > 0 ? RoundUp(high) : low < 0 ? 0 : 1;
    const std::string what = StrCat("Profit: ", terms);
    ChartSpec chart{"Profit curve", "Profit for each of all rows against the share of rows contacted, best scores first; the dashed line is contacting nobody",
                    {"share of rows contacted, best scores first", 0, 1, true}, {"profit for each of all rows", low, top, false}, {}, {}, {{0, 0}, {1, 0}}, {}, {}};
    std::vector<std::vector<Html>> rows;
    const std::size_t stride = std::max<std::size_t>(1, curve.points.size() / 20);
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
      chart.line.emplace_back(curve.points[i].share, curve.points[i].profit);
      if (i % stride == 0 || i + 1 == curve.points.size()) rows.push_back({ShowPercent(curve.points[i].share), ShowNumber(curve.points[i].profit)});
    }
    charts += Figure(StrCat(what, " (value of a positive, cost of a contact)"), HtmlOf(KeyItem(KeyLook::kLine, "this model"), KeyItem(KeyLook::kDashed, "contacting nobody")), DrawChart(chart, ++page.charts),
                     high > 0 ? StrCat("Contacting the best-scored ", ShowPercent(best), " brings most: ", ShowNumber(high), " for each of all rows, contacted or not.") : "No share of the rows brings more than its contacts cost.",
                     DataTable(stride > 1 ? "About twenty of the curve's points" : "The curve's points", {{"Contacted", true}, {"Profit", true}}, rows));
  }
  return charts;
}

Html UpliftChart(Page& page, const ModelReport& model) {
  const std::vector<Curves::UpliftPoint>& points = model.curves.uplift;
  if (points.size() < 2) return {};
  double low = 0, high = 0;
  for (const auto& p : points) {
    low = std::min(low, p.gain);
    high = std::max(high, p.gain);
  }
  if (low < 0) low = -RoundUp(-low);
  high = high > 0 ? RoundUp(high) : low < 0 ? 0 : 1;
  ChartSpec chart{"Qini curve", "Target gained by treatment against the share of rows, best scores first; the dashed line is random order",
                  {"share of rows, best scores first", 0, 1, true}, {"target gained by treatment", low, high, false}, {}, {}, {{0, 0}, {1, points.back().gain}}, {}, {}};
  std::vector<std::vector<Html>> rows;
  const std::size_t stride = std::max<std::size_t>(1, points.size() / 20);
  for (std::size_t i = 0; i < points.size(); ++i) {
    chart.line.emplace_back(points[i].share, points[i].gain);
    if (i % stride == 0 || i + 1 == points.size()) rows.push_back({ShowPercent(points[i].share), ShowNumber(points[i].gain)});
  }
  const auto qini = model.metrics.find("qini");
  return Figure("Qini: what treating the best rows first gains", HtmlOf(KeyItem(KeyLook::kLine, "this model"), KeyItem(KeyLook::kDashed, "random order")), DrawChart(chart, ++page.charts),
                StrCat("How much more target the treated rows among the best-scored ones have than as many rows that were not treated. The further above the dashed line, the more the order of scores is worth",
                       qini == model.metrics.end() ? "" : StrCat("; qini is the area between them over that of a model that knows every outcome, ", ShowNumber(qini->second)), "."),
                DataTable(stride > 1 ? "About twenty of the curve's points" : "The curve's points", {{"Share of rows", true}, {"Gained", true}}, rows));
}

Html RocChart(Page& page, const ModelReport& model) {
  if (model.curves.roc.size() < 2) return {};
  ChartSpec chart{"ROC curve", "True positive rate against false positive rate over all thresholds; the dashed diagonal is guessing",
                  {"false positive rate", 0, 1, true}, {"true positive rate (recall)", 0, 1, true}, {}, {}, {{0, 0}, {1, 1}}, {}, {}};
  std::vector<std::vector<Html>> rows;
  const std::size_t stride = std::max<std::size_t>(1, model.curves.roc.size() / 20);
  for (std::size_t i = 0; i < model.curves.roc.size(); ++i) {
    const auto& point = model.curves.roc[i];
    chart.line.emplace_back(point.false_positive_rate, point.true_positive_rate);
    if (i % stride == 0 || i + 1 == model.curves.roc.size()) rows.push_back({std::isfinite(point.threshold) ? ShowNumber(point.threshold) : std::string("none labelled"), ShowPercent(point.false_positive_rate), ShowPercent(point.true_positive_rate)});
  }
  const auto auc = model.metrics.find("auc");
  return Figure("ROC curve", HtmlOf(KeyItem(KeyLook::kLine, "this model"), KeyItem(KeyLook::kDashed, "guessing")), DrawChart(chart, ++page.charts),
                StrCat("Each point is one threshold. The closer to the upper left corner, the better positives and negatives are told apart", auc == model.metrics.end() ? "" : StrCat("; the area below is the AUC, ", ShowNumber(auc->second)), "."),
                DataTable(stride > 1 ? "About twenty of the curve's points" : "The curve's points", {{"Threshold", true}, {"False positive rate", true}, {"True positive rate", true}}, rows));
}

Html PrecisionRecallChart(Page& page, const ModelReport& model) {
  const auto& points = model.curves.precision_recall;
  if (points.size() < 2) return {};
  const double base = points.back().precision;
  ChartSpec chart{"Precision-recall curve", "Precision against recall over all thresholds; the dashed line is the share of positives among all rows",
                  {"recall: share of positives labelled so", 0, 1, true}, {"precision: share of those labelled that are", 0, 1, true}, {}, {}, {{0, base}, {1, base}}, {}, {}};
  std::vector<std::vector<Html>> rows;
  const std::size_t stride = std::max<std::size_t>(1, points.size() / 20);
  for (std::size_t i = 0; i < points.size(); ++i) {
    chart.line.emplace_back(points[i].recall, points[i].precision);
    if (i % stride == 0 || i + 1 == points.size()) rows.push_back({ShowNumber(points[i].threshold), ShowPercent(points[i].recall), ShowPercent(points[i].precision)});
  }
  return Figure("Precision and recall", HtmlOf(KeyItem(KeyLook::kLine, "this model"), KeyItem(KeyLook::kDashed, "label every row")), DrawChart(chart, ++page.charts),
                "Each point is one threshold: to the right more positives are found, and usually more of those labelled are wrong.",
                DataTable(stride > 1 ? "About twenty of the curve's points" : "The curve's points", {{"Threshold", true}, {"Recall", true}, {"Precision", true}}, rows));
}

/// Bins as shares of the rows, one column each; `width` is the bin width that shares are stated for.
std::vector<ChartColumn> Shares(const HistogramReport& histogram, double width) {
  std::vector<ChartColumn> columns;
  const double total = static_cast<double>(histogram.total());
  for (std::size_t i = 0; i < histogram.counts.size() && i + 1 < histogram.edges.size(); ++i) {
    const double from = histogram.edges[i], to = histogram.edges[i + 1];
    const double share = total > 0 ? static_cast<double>(histogram.counts[i]) / total : 0;
    columns.push_back({from, to, to > from ? share * width / (to - from) : 0,
                       StrCat(ShowPlain(from), " to ", ShowPlain(to), ": ", ShowCount(histogram.counts[i], "row", "rows"), ", ", ShowPercent(share))});
  }
  return columns;
}

Html HistogramTable(const HistogramReport& histogram, std::string_view caption) {
  std::vector<std::vector<Html>> rows;
  const double total = static_cast<double>(std::max<std::int64_t>(1, histogram.total()));
  for (std::size_t i = 0; i < histogram.counts.size() && i + 1 < histogram.edges.size(); ++i)
    rows.push_back({StrCat(ShowPlain(histogram.edges[i]), " to ", ShowPlain(histogram.edges[i + 1])), FormatCount(histogram.counts[i]), ShowPercent(static_cast<double>(histogram.counts[i]) / total)});
  return DataTable(caption, {{"Score", false}, {"Rows", true}, {"Share", true}}, rows);
}

Html HistogramFigure(Page& page, std::string_view title, const HistogramReport& main, const HistogramReport& other, std::string_view how_to_read) {
  if (main.total() == 0 || main.edges.size() < 2) return {};
  const double width = main.edges[1] - main.edges[0];
  ChartSpec chart{std::string(title), "Share of rows per bin of the score", {"score", main.edges.front(), main.edges.back(), false}, {"share of rows", 0, 1, true}, Shares(main, width), {}, {}, {}, {}};
  if (other.total() > 0) chart.outline = Shares(other, width);
  // The axis ends where the last rows are.
  double last = main.edges.front(), top = 0;
  for (const auto* columns : {&chart.columns, &chart.outline}) {
    for (const ChartColumn& column : *columns) {
      top = std::max(top, column.height);
      if (column.height > 0) last = std::max(last, column.to);
    }
  }
  if (last > chart.x.low) chart.x.high = last;
  for (auto* columns : {&chart.columns, &chart.outline})
    std::erase_if(*columns, [&](const ChartColumn& c) { return c.to > chart.x.high * (1 + 1e-9) || c.from < chart.x.low; });
  chart.y = {StrCat("share of rows per ", ShowPlain(width), " of score"), 0, RoundUp(top), true};
  Html legend = KeyItem(KeyLook::kColumn, other.total() > 0 ? "this run" : "test rows");
  if (other.total() > 0) legend += KeyItem(KeyLook::kOutline, "test rows at training");
  Html tables = HistogramTable(main, other.total() > 0 ? "Scores of this run" : "Scores of the test rows");
  if (other.total() > 0) tables += HistogramTable(other, "Scores of the test rows at training");
  return Figure(title, legend, DrawChart(chart, ++page.charts), how_to_read, tables);
}

Html ImportanceFigure(const ModelReport& model) {
  std::vector<std::pair<std::string, double>> ranked = model.importance;
  const auto rank = [](const std::pair<std::string, double>& f) { return std::pair(std::isnan(f.second) ? 1.0 : -std::abs(f.second), f.first); };
  std::sort(ranked.begin(), ranked.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (ranked.empty()) return {};
  const double most = std::abs(ranked.front().second);
  Html items;
  std::vector<std::vector<Html>> rows;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    const auto& [feature, share] = ranked[i];
    rows.push_back({StrCat(i + 1), feature, ShowPercent(share)});
    if (i < kFeaturesShown)
      items += HtmlOf(El("dt", {}, feature), El("dd", {{"class", "track"}}, DrawBar(0, most > 0 ? std::abs(share) / most : 0, "main")), El("dd", {{"class", "n"}}, ShowPercent(share)));
  }
  const std::string caption = StrCat("Share of the whole importance that each feature has for the learner: the gain of its splits in trees, the size of its effect in a linear model. It says what the model uses, not what causes the outcome.",
                                     ranked.size() > kFeaturesShown ? StrCat(" The first ", kFeaturesShown, " of ", ranked.size(), " are drawn.") : std::string());
  return El("figure", {{"class", "wide"}}, El("h4", {}, "Feature importance"), El("dl", {{"class", "ranks"}}, items), El("figcaption", {}, caption),
            Fold("Numbers", DataTable("Features by share of gain", {{"Rank", true}, {"Feature", false}, {"Share", true}}, rows)));
}

Html ConfusionFigure(const ModelReport& model) {
  const auto& counts = model.curves.confusion.counts;
  if (counts.empty()) return {};
  const auto class_name = [&](std::size_t i) { return i < model.classes.size() ? model.classes[i] : StrCat("class ", i); };
  Html top = El("td", {}), body;
  for (std::size_t i = 0; i < counts.size(); ++i) top += El("th", {{"scope", "col"}, {"class", "n"}}, "labelled ", class_name(i));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::int64_t row_total = 0;
    for (std::int64_t count : counts[i]) row_total += count;
    Html cells = El("th", {{"scope", "row"}}, "is ", class_name(i));
    for (std::size_t k = 0; k < counts[i].size(); ++k) {
      const double share = row_total > 0 ? static_cast<double>(counts[i][k]) / static_cast<double>(row_total) : 0;
      cells += El("td", {{"class", StrCat("heat", static_cast<int>(std::ceil(share * 5)))}}, FormatCount(counts[i][k]), El("small", {}, row_total > 0 ? ShowPercent(share) : std::string()));
    }
    body += El("tr", {}, cells);
  }
  const bool binary = counts.size() == 2;
  return El("figure", {}, El("h4", {}, "Right and wrong labels"),
            El("div", {{"class", "scroll"}, {"tabindex", 0}, {"role", "region"}, {"aria-label", "Confusion matrix"}},
               El("table", {{"class", "confusion"}}, El("caption", {}, binary ? StrCat("Test rows at threshold ", ShowPlain(model.curves.confusion.threshold)) : std::string("Test rows")),
                  El("thead", {}, El("tr", {}, top)), El("tbody", {}, body))),
            El("figcaption", {}, "Each row is what was true, each column what the model said; percentages are of the row. The diagonal is right."));
}

}  // namespace

Html ModelCharts(Page& page, const ModelReport& model) {
  Html charts = ReliabilityChart(page, model);
  charts += GainChart(page, model);
  charts += LiftChart(page, model);
  charts += ProfitCharts(page, model);
  charts += UpliftChart(page, model);
  charts += RocChart(page, model);
  charts += PrecisionRecallChart(page, model);
  if (model.task != Task::kClustering)
    charts += HistogramFigure(page, model.task == Task::kRegression ? "Predictions of the test rows" : "Scores of the test rows", TestHistogram(model.curves), {},
                              "How many rows got which score. A model that tells rows apart spreads its scores.");
  charts += ConfusionFigure(model);
  charts += EffectCharts(page, model);
  charts += ImportanceFigure(model);
  return charts.empty() ? charts : El("div", {{"class", "charts"}}, charts);
}

Html ScoreChart(Page& page, const ScoreReport& score) {
  if (score.clusters > 0) return ClusterShares(score);
  return HistogramFigure(page, "Score distribution", score.histogram, score.training_histogram,
                         score.training_histogram.empty() ? "How many rows got which score." : "Columns far from the outline mean that the rows scored now differ from those the model was tested on.");
}

}  // namespace headrace
