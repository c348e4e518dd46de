#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "headrace/model/ranking_internal.h"
#include "headrace/model/spec.h"
#include "headrace/model/uplift_curve_internal.h"

/// Private to this room: the rows that metrics are computed of.
namespace headrace::internal {

/// `lift@10%` is {"lift", 0.1}, `auc` {"auc", nullopt}, `profit@30/2` {"profit", 30, 2}.
struct MetricForm {
  std::string_view name;
  std::optional<double> number;
  double second = 0;
};
MetricForm FormOf(std::string_view name);

/// The rows, and the summaries made of them so far under the weights they have now. Sorting is done once for all weights.
///
/// Threads: none; each thread has its own. The spans must outlive it. REQUIRES: what CheckRows accepts.
class MetricRows {
 public:
  MetricRows(Task task, std::span<const double> target, std::span<const double> scores, std::size_t classes,
             double threshold, std::span<const std::int64_t> groups, std::span<const std::uint8_t> treated);

  /// Empty: every row counts 1. Forgets the summaries.
  void SetWeights(std::span<const double> weights);
  /// nullopt when these rows do not define the metric. REQUIRES: a name that the task has.
  std::optional<double> Compute(std::string_view name);

 private:
  std::optional<double> Binary(const MetricForm& form);
  std::optional<double> Multiclass(std::string_view name);
  std::optional<double> Regression(const MetricForm& form);
  std::optional<double> FromCounts(std::string_view name);
  std::optional<double> Top(std::string_view name, double share);
  double Profit(bool share, double value, double cost);
  double Ece() const;
  std::optional<double> AucOneVersusRest();
  std::optional<double> ClassAverage(std::string_view name);
  double Mcc() const;
  std::optional<double> R2() const;
  std::optional<double> Mape(bool skipped) const;
  std::optional<double> Deviance(double power) const;
  std::optional<double> Uplift(const MetricForm& form);
  std::optional<double> UpliftOfTop(const std::vector<UpliftSums>& sums, double share) const;
  std::optional<double> Ranked(std::string_view name, std::size_t k);
  std::optional<double> Ndcg(std::span<const std::uint32_t> rows, std::size_t k) const;
  std::optional<double> AveragePrecisionAt(std::span<const std::uint32_t> rows, std::size_t k) const;

  double weight(std::size_t i) const { return weights_.empty() ? 1.0 : weights_[i]; }
  template <typename F>
  double Mean(F value) const {
    Sum sum;
    for (std::size_t i = 0; i < target_.size(); ++i)
      if (weight(i) > 0) sum.Add(weight(i) * value(i));
    return sum.value() / total_;
  }
  template <typename Predicted>
  BinaryCounts CountsOf(double positive, Predicted predicted) const {
    BinaryCounts counts;
    for (std::size_t i = 0; i < target_.size(); ++i) {
      const bool labelled = predicted(i);
      if (target_[i] == positive)
        (labelled ? counts.tp : counts.fn) += weight(i);
      else
        (labelled ? counts.fp : counts.tn) += weight(i);
    }
    return counts;
  }
  const std::vector<ScoreGroup>& score_groups();
  const std::vector<std::size_t>& predicted();
  std::span<const double> row(std::size_t i) const { return scores_.subspan(i * classes_, classes_); }
  std::size_t ClassOf(std::size_t i) const { return static_cast<std::size_t>(target_[i]); }

  const Task task_;
  const std::span<const double> target_, scores_;
  const std::size_t classes_;
  const double threshold_;
  const std::span<const std::int64_t> groups_;
  const std::span<const std::uint8_t> treated_;
  std::span<const double> weights_;
  double total_ = 0;         ///< weight of all rows
  std::size_t counted_ = 0;  ///< rows with a weight above 0

  // Made once, whatever the weights.
  std::optional<Ranking> ranking_;
  struct ClassRows {
    std::vector<double> is, score;
    std::optional<Ranking> ranking;
  };
  std::vector<ClassRows> class_rows_;
  std::vector<std::size_t> predicted_;
  std::vector<std::uint32_t> by_uplift_, by_perfect_uplift_;  ///< rows by score, and by what the perfect model would say
  std::vector<std::vector<std::uint32_t>> ranked_groups_;  ///< each group's rows, best scores first

  // Of these weights.
  std::vector<ScoreGroup> score_groups_;
  std::optional<BinaryCounts> counts_;
};

}  // namespace headrace::internal
