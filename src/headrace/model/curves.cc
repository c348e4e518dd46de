#include "headrace/model/curves.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/model/metric_rows_internal.h"
#include "headrace/model/ranking_internal.h"
#include "headrace/model/uplift_curve_internal.h"

namespace headrace {
namespace {

using internal::ScoreGroup;
using internal::Sum;

constexpr std::size_t kMaxPoints = 200;
constexpr int kHistogramBins = 20;
constexpr int kDeciles = 10;

/// At most kMaxPoints of `points`, evenly by position, the first and the last among them.
template <typename Point>
std::vector<Point> Thin(std::vector<Point> points) {
  if (points.size() <= kMaxPoints) return points;
  std::vector<Point> kept;
  for (std::size_t i = 0; i < kMaxPoints; ++i) kept.push_back(points[i * (points.size() - 1) / (kMaxPoints - 1)]);
  return kept;
}

std::vector<Curves::ReliabilityBin> Reliability(std::span<const double> target, std::span<const double> scores) {
  std::vector<Curves::ReliabilityBin> bins(internal::kReliabilityBins);
  std::array<Sum, internal::kReliabilityBins> score, truth;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto bin = static_cast<std::size_t>(internal::ReliabilityBinOf(scores[i]));
    bins[bin].rows += 1;
    score[bin].Add(scores[i]);
    truth[bin].Add(target[i]);
  }
  for (std::size_t i = 0; i < bins.size(); ++i) {
    bins[i].from = internal::ReliabilityEdge(static_cast<int>(i));
    bins[i].to = internal::ReliabilityEdge(static_cast<int>(i) + 1);
    if (bins[i].rows == 0) continue;
    bins[i].mean_score = score[i].value() / static_cast<double>(bins[i].rows);
    bins[i].mean_target = truth[i].value() / static_cast<double>(bins[i].rows);
  }
  return bins;
}

void AddRanking(const std::vector<ScoreGroup>& groups, Curves& curves) {
  double rows = 0, positives = 0;
  for (const ScoreGroup& g : groups) {
    rows += static_cast<double>(g.rows);
    positives += g.target_sum;
  }
  const double negatives = rows - positives;
  std::vector<Curves::RocPoint> roc = {{std::numeric_limits<double>::infinity(), 0, 0}};
  std::vector<Curves::PrPoint> precision_recall;
  double seen = 0, found = 0;
  for (const ScoreGroup& g : groups) {
    seen += static_cast<double>(g.rows);
    found += g.target_sum;
    if (positives > 0 && negatives > 0) roc.push_back({g.score, (seen - found) / negatives, found / positives});
    if (positives > 0) precision_recall.push_back({g.score, found / positives, found / seen});
  }
  if (roc.size() > 1) curves.roc = Thin(std::move(roc));
  curves.precision_recall = Thin(std::move(precision_recall));
}

/// Fill tenths of the rows from the highest score down; a group that spans tenths gives each its part.
std::vector<Curves::Decile> Deciles(Task task, const std::vector<ScoreGroup>& groups) {
  double rows = 0, target = 0;
  for (const ScoreGroup& g : groups) {
    rows += static_cast<double>(g.rows);
    target += g.target_sum;
  }
  if (rows < kDeciles) return {};
  std::vector<Curves::Decile> deciles(kDeciles);
  std::array<double, kDeciles> score{}, truth{};
  double above = 0;  // rows in the groups so far
  for (const ScoreGroup& g : groups) {
    const double from = above, to = above + static_cast<double>(g.rows);
    for (std::size_t d = 0; d < kDeciles; ++d) {
      const double part = std::min(to, rows * static_cast<double>(d + 1) / kDeciles) -
                          std::max(from, rows * static_cast<double>(d) / kDeciles);
      if (part <= 0) continue;
      deciles[d].rows += part;
      score[d] += part * g.score;
      truth[d] += part * (g.target_sum / static_cast<double>(g.rows));
    }
    above = to;
  }
  double cumulative_rows = 0, cumulative = 0;
  for (std::size_t d = 0; d < kDeciles; ++d) {
    Curves::Decile& decile = deciles[d];
    decile.decile = static_cast<int>(d) + 1;
    decile.mean_score = score[d] / decile.rows;
    decile.mean_target = truth[d] / decile.rows;
    if (task != Task::kBinary) continue;
    decile.positives = truth[d];
    cumulative_rows += decile.rows;
    cumulative += truth[d];
    if (target == 0) continue;
    decile.lift = decile.mean_target / (target / rows);
    decile.cumulative_lift = cumulative / cumulative_rows / (target / rows);
    decile.gain = cumulative / target;
  }
  return deciles;
}

std::vector<Curves::HistogramBin> Histogram(Task task, std::span<const double> target, std::span<const double> scores) {
  double low = 0, high = 1;
  if (task == Task::kRegression) {
    const auto [least, most] = std::minmax_element(scores.begin(), scores.end());
    low = *least;
    high = *most;
    if (!(low < high)) high = low + std::max(1.0, std::fabs(low));
  }
  // Halves, so that the width of the widest range is still finite.
  const double width = high / 2 - low / 2;
  std::vector<Curves::HistogramBin> bins(kHistogramBins);
  for (int i = 0; i < kHistogramBins; ++i) {
    Curves::HistogramBin& bin = bins[static_cast<std::size_t>(i)];
    bin.from = i == 0 ? low : low + width * (static_cast<double>(i) / kHistogramBins) * 2;
    bin.to = i + 1 == kHistogramBins ? high : low + width * (static_cast<double>(i + 1) / kHistogramBins) * 2;
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto bin = static_cast<std::size_t>(
        std::clamp((scores[i] / 2 - low / 2) / width * kHistogramBins, 0.0, kHistogramBins - 1.0));
    (task == Task::kBinary && target[i] == 1 ? bins[bin].positives : bins[bin].negatives) += 1;
  }
  return bins;
}

Curves::Confusion ConfusionOf(Task task, std::span<const double> target, std::span<const double> scores,
                              std::size_t classes, double threshold) {
  const std::size_t width = task == Task::kBinary ? 2 : classes;
  Curves::Confusion confusion;
  confusion.threshold = threshold;
  confusion.counts.assign(width, std::vector<std::int64_t>(width));
  for (std::size_t i = 0; i < target.size(); ++i) {
    const std::size_t predicted = task == Task::kBinary ? (scores[i] >= threshold ? 1 : 0)
                                                        : internal::LargestScore(scores.subspan(i * classes, classes));
    confusion.counts[static_cast<std::size_t>(target[i])][predicted] += 1;
  }
  return confusion;
}

}  // namespace

Result<Curves> MakeCurves(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                          double threshold) {
  const std::size_t width = task == Task::kMulticlass ? static_cast<std::size_t>(classes) : 1;
  assert(width >= 1 && scores.size() == target.size() * width);
  RETURN_IF_ERROR(internal::CheckRows(task, target, scores, width, task == Task::kBinary));
  Curves curves;
  if (task != Task::kRegression) curves.confusion = ConfusionOf(task, target, scores, width, threshold);
  if (task == Task::kMulticlass) return curves;
  const std::vector<ScoreGroup> groups = internal::RankScores(target, scores);
  curves.deciles = Deciles(task, groups);
  curves.histogram = Histogram(task, target, scores);
  if (task == Task::kRegression) return curves;
  curves.reliability = Reliability(target, scores);
  AddRanking(groups, curves);
  return curves;
}

Curves::Profit MakeProfitCurve(const std::string& metric, std::span<const double> target, std::span<const double> scores) {
  const internal::MetricForm form = internal::FormOf(metric);
  const double rows = static_cast<double>(target.size());
  Curves::Profit curve{metric, {{0, 0}}};
  double contacted = 0, found = 0;
  for (const ScoreGroup& g : internal::RankScores(target, scores)) {
    contacted += g.rows;
    found += g.target_sum;
    curve.points.push_back({contacted / rows, (form.number.value_or(0) * found - form.second * contacted) / rows});
  }
  curve.points = Thin(std::move(curve.points));
  return curve;
}

Result<Curves> MakeUpliftCurves(std::span<const double> target, std::span<const double> scores, std::span<const std::uint8_t> treated) {
  assert(scores.size() == target.size() && treated.size() == target.size());
  RETURN_IF_ERROR(internal::CheckRows(Task::kRegression, target, scores, 1, false));
  Curves curves;
  curves.uplift.push_back({0, 0});
  for (const internal::UpliftSums& sums : internal::SumsByKey(internal::OrderByLargest(scores), scores, target, treated, {}))
    curves.uplift.push_back({sums.rows() / static_cast<double>(target.size()), sums.qini()});
  curves.uplift = Thin(std::move(curves.uplift));
  curves.histogram = Histogram(Task::kRegression, target, scores);
  return curves;
}

std::string Curves::ToJson() const {
  using Json = nlohmann::ordered_json;
  Json json = {{"reliability", Json::array()},
               {"roc", Json::array()},
               {"precision_recall", Json::array()},
               {"deciles", Json::array()},
               {"histogram", Json::array()}};
  for (const ReliabilityBin& b : reliability)
    json["reliability"].push_back({{"from", b.from},
                                   {"to", b.to},
                                   {"rows", b.rows},
                                   {"mean_score", b.mean_score},
                                   {"mean_target", b.mean_target}});
  for (const RocPoint& p : roc)
    json["roc"].push_back({{"threshold", p.threshold},
                           {"false_positive_rate", p.false_positive_rate},
                           {"true_positive_rate", p.true_positive_rate}});
  for (const PrPoint& p : precision_recall)
    json["precision_recall"].push_back({{"threshold", p.threshold}, {"recall", p.recall}, {"precision", p.precision}});
  for (const Decile& d : deciles)
    json["deciles"].push_back({{"decile", d.decile},
                               {"rows", d.rows},
                               {"positives", d.positives},
                               {"mean_score", d.mean_score},
                               {"mean_target", d.mean_target},
                               {"lift", d.lift},
                               {"cumulative_lift", d.cumulative_lift},
                               {"gain", d.gain}});
  for (const HistogramBin& b : histogram)
    json["histogram"].push_back(
        {{"from", b.from}, {"to", b.to}, {"negatives", b.negatives}, {"positives", b.positives}});
  for (const UpliftPoint& p : uplift) json["uplift"].push_back({{"share", p.share}, {"gain", p.gain}});   // other models have none
  for (const Profit& curve : profit) {
    Json points = Json::array();
    for (const ProfitPoint& p : curve.points) points.push_back({{"share", p.share}, {"profit", p.profit}});
    json["profit"].push_back({{"metric", curve.metric}, {"points", points}});
  }
  json["confusion"] = {{"threshold", confusion.threshold}, {"counts", confusion.counts}};
  return DumpJson(json);
}

}  // namespace headrace
