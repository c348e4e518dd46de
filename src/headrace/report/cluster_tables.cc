// What a model of clusters found, in the user's columns, and where the rows of a run went.

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::size_t kClustersShown = 12;

Html ShowValue(const ClusterValue& value) {
  if (value.mean) return ShowNumber(*value.mean);
  return value.share > 0 ? HtmlOf(value.level, " ", El("small", {}, ShowPercent(value.share))) : Html("–");
}

/// The table of some of the clusters.
Html TableOf(const Clusters& clusters, std::size_t first, std::size_t end) {
  std::vector<TableHead> head{{"", false}, {"All", true}};
  for (std::size_t c = first; c < end; ++c) head.push_back({StrCat("Cluster ", c), true});
  std::vector<std::vector<Html>> rows;
  const auto add = [&](Html name, auto show) {
    std::vector<Html> row{std::move(name), show(clusters.all)};
    for (std::size_t c = first; c < end; ++c) row.push_back(show(clusters.clusters[c]));
    rows.push_back(std::move(row));
  };
  add("Rows", [](const Cluster& one) { return Html(FormatCount(one.rows)); });
  add("Share", [](const Cluster& one) { return Html(ShowPercent(one.share)); });
  add("Mean distance to the centre", [](const Cluster& one) { return Html(ShowNumber(one.distance)); });
  for (std::size_t i = 0; i < clusters.columns.size(); ++i) add(El("code", {}, clusters.columns[i]), [i](const Cluster& one) { return ShowValue(one.values[i]); });
  return DataTable(StrCat("Of the ", clusters.of, ": means, of yes-or-no columns the share of yes, of text the level that most rows have and its share; – where fewer than 20 rows would be told of"),
                   head, rows);
}

std::int64_t CountOf(const HistogramReport& histogram, std::size_t cluster) { return cluster < histogram.counts.size() ? histogram.counts[cluster] : 0; }
double ShareOf(const HistogramReport& histogram, std::size_t cluster) {
  return histogram.total() > 0 ? static_cast<double>(CountOf(histogram, cluster)) / static_cast<double>(histogram.total()) : 0;
}

}  // namespace

Html ClusterTable(const Clusters& clusters) {
  if (clusters.clusters.empty()) return {};
  const std::size_t all = clusters.clusters.size();
  Html out = HtmlOf(El("h4", {}, "Clusters"), TableOf(clusters, 0, std::min(all, kClustersShown)));
  for (std::size_t first = kClustersShown; first < all; first += kClustersShown)
    out += Fold(StrCat("Clusters from ", first), TableOf(clusters, first, std::min(all, first + kClustersShown)));
  return out;
}

Html ClusterShares(const ScoreReport& score) {
  const bool compares = score.training_histogram.total() > 0;
  Html items;
  std::vector<std::vector<Html>> rows;
  for (std::size_t c = 0; c < static_cast<std::size_t>(score.clusters); ++c) {
    const double now = ShareOf(score.histogram, c);
    rows.push_back({StrCat(c), FormatCount(CountOf(score.histogram, c)), ShowPercent(now), compares ? Html(ShowPercent(ShareOf(score.training_histogram, c))) : Html("–")});
    items += HtmlOf(El("dt", {}, StrCat("cluster ", c)), El("dd", {{"class", "track"}}, DrawBar(0, now, "main")), El("dd", {{"class", "n"}}, ShowPercent(now)));
  }
  return El("figure", {}, El("h4", {}, "Rows of each cluster"), El("dl", {{"class", "ranks"}}, items),
            El("figcaption", {}, "Which share of the rows lies nearest to which centre. Shares far from those at training mean that the rows are others than those the clusters were made of."),
            Fold("Numbers", DataTable("Rows of each cluster, and its share of the rows that the model was judged on", {{"Cluster", true}, {"Rows", true}, {"Share", true}, {"At training", true}}, rows)));
}

}  // namespace headrace
