#include "headrace/model/clusters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "headrace/base/text.h"
#include "headrace/model/gate.h"
#include "headrace/model/profile.h"

namespace headrace {
namespace {

Status NotForClusters(std::string_view key, std::string_view why) {
  return Error(ErrorCode::kInvalid, "`", key, "` has no meaning for kmeans: ", why).WithHelp(StrCat("leave `", key, "` out"));
}

bool CanTell(Type type) { return type == Type::kText || type == Type::kBool || type == Type::kInt || type == Type::kDouble; }

/// Of a column's value in some rows: the mean, or the most frequent level.
class ValueOf {
 public:
  void Add(const Column& column, std::size_t row) {
    if (column.IsNull(row)) return;
    if (column.type() == Type::kText) {
      ++levels_[column.text(row)];
    } else {
      const double value = column.type() == Type::kDouble ? column.doubles()[row] : static_cast<double>(column.ints()[row]);
      if (std::isnan(value)) return;
      sum_ += value;
    }
    ++rows_;
  }
  /// Nothing of fewer than kProfileRows rows, so that no single customer can be read from it.
  ClusterValue Finish(std::int64_t of_rows) const {
    ClusterValue out;
    if (rows_ < kProfileRows) return out;
    if (levels_.empty()) out.mean = sum_ / static_cast<double>(rows_);
    const auto most = std::max_element(levels_.begin(), levels_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == levels_.end() || most->second < kProfileRows) return out;
    out.level = most->first;
    out.share = static_cast<double>(most->second) / static_cast<double>(of_rows);
    return out;
  }

 private:
  std::int64_t rows_ = 0;
  double sum_ = 0;
  std::map<std::string_view, std::int64_t> levels_;
};

}  // namespace

Clusters DescribeClusters(const Table& rows, const Schema& inputs, const std::set<std::string>& hidden, std::span<const double> predictions, std::size_t clusters,
                          std::string of) {
  Clusters out;
  out.of = std::move(of);
  out.clusters.resize(clusters);
  const std::size_t n = rows.num_rows();
  const auto cluster_of = [&](std::size_t r) { return static_cast<std::size_t>(predictions[2 * r]); };
  for (std::size_t r = 0; r < n; ++r)
    for (Cluster* one : {&out.all, &out.clusters[cluster_of(r)]}) {
      ++one->rows;
      one->distance += predictions[2 * r + 1];
    }
  for (const Field& field : inputs.fields()) {
    if (hidden.contains(field.name) || !CanTell(field.type)) continue;
    out.columns.push_back(field.name);
    const Column& column = *rows.Find(field.name);
    ValueOf all;
    std::vector<ValueOf> values(clusters);
    for (std::size_t r = 0; r < n; ++r) {
      all.Add(column, r);
      values[cluster_of(r)].Add(column, r);
    }
    out.all.values.push_back(all.Finish(out.all.rows));
    for (std::size_t c = 0; c < clusters; ++c) out.clusters[c].values.push_back(values[c].Finish(out.clusters[c].rows));
  }
  const auto finish = [&](Cluster& one) {
    one.share = n == 0 ? 0 : static_cast<double>(one.rows) / static_cast<double>(n);
    one.distance = one.rows == 0 ? 0 : one.distance / static_cast<double>(one.rows);
  };
  finish(out.all);
  for (Cluster& one : out.clusters) finish(one);
  return out;
}

Status CheckClustering(const TrainSpec& spec) {
  if (spec.learner.kind != LearnerSpec::Kind::kKMeans) return Ok();
  if (spec.learner.uplift) return Ok();   // told by its own check
  if (!spec.target.empty())
    return Error(ErrorCode::kInvalid, "`target` has no meaning for kmeans: it puts rows together that are alike").WithHelp("leave `target` out; `ignore: [COLUMN]` keeps a column out of the clusters");
  if (!spec.positive.empty()) return NotForClusters("positive", "there are no classes to predict");
  if (spec.calibrate.kind != CalibrationSpec::Kind::kNone) return NotForClusters("calibrate", "a cluster is no probability");
  if (spec.threshold.chosen() || spec.threshold.fixed != ThresholdSpec().fixed) return NotForClusters("threshold", "a cluster is no score");
  if (spec.class_weight_balanced || !spec.class_weight.empty()) return NotForClusters("class_weight", "there are no classes; weigh rows with `weight: COLUMN`");
  if (!spec.segments.empty()) return NotForClusters("segments", "there is no target whose prediction could be better in one of them");
  const GateNeeds needs = NeedsOf(spec.gate);
  if (spec.intervals > 0 || needs.intervals) return NotForClusters(spec.intervals > 0 ? "intervals" : "gate: .low or .high", "metrics of clusters have no bootstrap intervals here");
  if (!needs.gaps.empty()) return NotForClusters("gate: .gap or .ratio", "metrics of clusters are not measured by segment");
  if (spec.refit_all_rows) return NotForClusters("refit", "clusters of other rows are other clusters, and those that were judged are kept");
  if (spec.tune.trials == 0 && (!spec.folds.columns.empty() || spec.folds.count > 0)) return NotForClusters("folds", "they serve nothing without `tune`");
  return Ok();
}

}  // namespace headrace
