// How good clusters are, from the vectors of rows and the clusters that they are in. Centres are those of these rows, not the model's: so scikit-learn measures.

#include <algorithm>
#include <cmath>
#include <limits>

#include "headrace/base/parallel.h"
#include "headrace/model/clusters.h"
#include "headrace/model/random_internal.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {
namespace {

constexpr std::uint64_t kSilhouetteSeed = 7;  // 0 splits, 1 folds, 2 intervals, 3 thins, 4 and 5 effects, 6 together

double Squared(const double* a, const double* b, std::size_t features) {
  double sum = 0;
  for (std::size_t j = 0; j < features; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

/// The rows that count, with the middle of each cluster and of all.
class Measured {
 public:
  explicit Measured(const ClusteredRows& rows) : rows_(rows), features_(rows.features) {
    std::vector<std::size_t> number;   // of the clusters that have rows, in their order
    for (std::size_t r = 0; r < rows.predictions.size() / 2; ++r) {
      if (weight(r) == 0) continue;
      const auto cluster = static_cast<std::size_t>(rows.predictions[2 * r]);
      if (cluster >= number.size()) number.resize(cluster + 1, 0);
      number[cluster] = 1;
      places_.push_back(r);
    }
    for (std::size_t c = 0, next = 0; c < number.size(); ++c) next += number[c], number[c] = next;
    clusters_ = number.empty() ? 0 : number.back();
    for (const std::size_t r : places_) cluster_.push_back(number[static_cast<std::size_t>(rows.predictions[2 * r])] - 1);
    middle_ = MiddlesOf(1, [](std::size_t) { return std::size_t{0}; }, nullptr);
    middles_ = MiddlesOf(clusters_, [this](std::size_t i) { return cluster_[i]; }, &weights_);
  }

  std::size_t rows() const { return places_.size(); }
  bool separable() const { return clusters_ >= 2 && clusters_ < places_.size(); }

  /// Of all rows about their own mean.
  double InertiaOfOne() const {
    internal::Sum sum, weights;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      sum.Add(weight(places_[i]) * Squared(row(i), middle_.data(), features_));
      weights.Add(weight(places_[i]));
    }
    return sum.value() / weights.value();
  }

  double CalinskiHarabasz() const {
    internal::Sum between, within;
    for (std::size_t c = 0; c < clusters_; ++c) between.Add(weights_[c] * Squared(middle(c), middle_.data(), features_));
    for (std::size_t i = 0; i < places_.size(); ++i) within.Add(weight(places_[i]) * Squared(row(i), middle(cluster_[i]), features_));
    if (within.value() == 0) return 1;   // as scikit-learn
    return between.value() * static_cast<double>(places_.size() - clusters_) / (within.value() * static_cast<double>(clusters_ - 1));
  }

  double DaviesBouldin() const {
    std::vector<internal::Sum> sums(clusters_);
    for (std::size_t i = 0; i < places_.size(); ++i) sums[cluster_[i]].Add(weight(places_[i]) * std::sqrt(Squared(row(i), middle(cluster_[i]), features_)));
    std::vector<double> width;
    for (std::size_t c = 0; c < clusters_; ++c) width.push_back(sums[c].value() / weights_[c]);
    internal::Sum all;
    for (std::size_t a = 0; a < clusters_; ++a) {
      double worst = 0;
      for (std::size_t b = 0; b < clusters_; ++b) {
        const double apart = std::sqrt(Squared(middle(a), middle(b), features_));
        if (apart > 0) worst = std::max(worst, (width[a] + width[b]) / apart);
      }
      all.Add(worst);
    }
    return all.value() / static_cast<double>(clusters_);
  }

  double Silhouette(int threads) const {
    const std::vector<std::size_t> drawn = internal::DrawPlaces(places_.size(), kSilhouetteRows, kSilhouetteSeed);
    std::vector<double> of_rows(drawn.size());
    constexpr std::size_t kBlock = 64;
    ForEach(threads, (drawn.size() + kBlock - 1) / kBlock, [&](std::size_t b) {
      for (std::size_t i = b * kBlock; i < std::min(drawn.size(), (b + 1) * kBlock); ++i) of_rows[i] = SilhouetteOf(drawn, drawn[i]);
    });
    internal::Sum sum, weights;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      sum.Add(weight(places_[drawn[i]]) * of_rows[i]);
      weights.Add(weight(places_[drawn[i]]));
    }
    return sum.value() / weights.value();
  }

 private:
  double weight(std::size_t r) const { return rows_.weights.empty() ? 1.0 : rows_.weights[r]; }
  const double* row(std::size_t i) const { return rows_.vectors.data() + places_[i] * features_; }
  const double* middle(std::size_t c) const { return middles_.data() + c * features_; }

  template <typename GroupOf>
  std::vector<double> MiddlesOf(std::size_t groups, GroupOf group_of, std::vector<double>* weights) const {
    std::vector<internal::Sum> sums(groups * features_), whole(groups);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const std::size_t group = group_of(i);
      whole[group].Add(weight(places_[i]));
      for (std::size_t j = 0; j < features_; ++j) sums[group * features_ + j].Add(weight(places_[i]) * row(i)[j]);
    }
    std::vector<double> middles;
    for (std::size_t i = 0; i < sums.size(); ++i) middles.push_back(sums[i].value() / whole[i / features_].value());
    for (std::size_t g = 0; weights != nullptr && g < groups; ++g) weights->push_back(whole[g].value());
    return middles;
  }

  /// (b - a) / max(a, b): a is the mean distance to the other rows of its cluster, b that to the rows of the nearest other cluster. 0 for a row that is alone.
  double SilhouetteOf(const std::vector<std::size_t>& drawn, std::size_t of) const {
    std::vector<double> sums(clusters_), weights(clusters_);
    for (const std::size_t other : drawn) {
      if (other == of) continue;
      const double w = weight(places_[other]);
      sums[cluster_[other]] += w * std::sqrt(Squared(row(of), row(other), features_));
      weights[cluster_[other]] += w;
    }
    const std::size_t own = cluster_[of];
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < clusters_; ++c)
      if (c != own && weights[c] > 0) nearest = std::min(nearest, sums[c] / weights[c]);
    if (weights[own] == 0 || !std::isfinite(nearest)) return 0;
    const double inside = sums[own] / weights[own], larger = std::max(inside, nearest);
    return larger > 0 ? (nearest - inside) / larger : 0;
  }

  const ClusteredRows& rows_;
  const std::size_t features_;
  std::vector<std::size_t> places_, cluster_;   // of the rows that count
  std::size_t clusters_ = 0;                    // that have such rows
  std::vector<double> middle_, middles_, weights_;
};

Result<Metrics> Compute(const Measured& measured, const ClusteredRows& rows, std::span<const std::string> names, int threads) {
  Metrics metrics;
  for (const std::string& name : names) {
    RETURN_IF_ERROR(CheckMetricName(name, Task::kClustering));
    double value = std::numeric_limits<double>::quiet_NaN();
    if (name == "inertia") value = InertiaOf(rows.predictions, rows.weights);
    else if (!measured.separable()) continue;
    else if (name == "silhouette") value = measured.Silhouette(threads);
    else if (name == "davies_bouldin") value = measured.DaviesBouldin();
    else if (name == "calinski_harabasz") value = measured.CalinskiHarabasz();
    if (std::isfinite(value)) metrics[name] = value;
  }
  return metrics;
}

Status NoRows(std::string_view what) { return Error(ErrorCode::kData, "there are no rows to evaluate ", what); }

}  // namespace

double InertiaOf(std::span<const double> predictions, std::span<const double> weights) {
  internal::Sum sum, all;
  for (std::size_t r = 0; r < predictions.size() / 2; ++r) {
    const double w = weights.empty() ? 1 : weights[r], distance = predictions[2 * r + 1];
    sum.Add(w * (distance * distance));
    all.Add(w);
  }
  return sum.value() / all.value();
}

Result<Metrics> EvaluateClusters(const ClusteredRows& rows, std::span<const std::string> names, int threads) {
  const Measured measured(rows);
  if (measured.rows() == 0) return NoRows("that count");
  return Compute(measured, rows, names, threads);
}

Status JudgeClusters(const ClusteredRows& rows, std::span<const std::string> names, std::size_t clusters, int threads, Evaluation* out) {
  const Measured measured(rows);
  if (measured.rows() == 0) return NoRows("that count");
  ASSIGN_OR_RETURN(out->metrics, Compute(measured, rows, names, threads));
  const double one = measured.InertiaOfOne(), own = InertiaOf(rows.predictions, rows.weights);
  if (out->metrics.contains("inertia")) out->baseline["inertia"] = one;
  out->curves.histogram.clear();
  for (std::size_t c = 0; c < clusters; ++c) out->curves.histogram.push_back({static_cast<double>(c), static_cast<double>(c + 1), 0, 0});
  for (std::size_t r = 0; r < rows.predictions.size() / 2; ++r) ++out->curves.histogram[static_cast<std::size_t>(rows.predictions[2 * r])].negatives;
  if (own > one * (1 + 1e-9))
    out->notes.push_back("WORSE THAN ONE CLUSTER: these rows lie farther from their centres than from their own mean; such a model should not be used as it is");
  return Ok();
}

}  // namespace headrace
