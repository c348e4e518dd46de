// Metrics are computed from a few summaries of the rows (tied-score groups, confusion counts, running sums), each made
// only when a metric asks for it. Ranking metrics work on groups of equal scores, so the order of tied rows never
// matters.

#include "headrace/model/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "headrace/base/math.h"
#include "headrace/model/metric_rows_internal.h"

namespace headrace {
namespace internal {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

/// -log of the probability given to what came true, which is first clipped to [eps, 1 - eps] as scikit-learn does.
double RowLogLoss(double p) { return -math::Log(std::clamp(p, kEps, 1 - kEps)); }
double Square(double v) { return v * v; }

/// Share of (positive, negative) pairs in which the positive has the higher score, ties counting half (Mann and
/// Whitney).
std::optional<double> Auc(const std::vector<ScoreGroup>& groups) {
  double positives = 0, negatives = 0, won = 0;
  for (const ScoreGroup& g : groups) {
    const double neg = g.rows - g.target_sum;
    won += neg * (positives + 0.5 * g.target_sum);
    positives += g.target_sum;
    negatives += neg;
  }
  if (positives == 0 || negatives == 0) return std::nullopt;
  return won / positives / negatives;
}

/// The largest distance of the two classes' distributions of scores (Kolmogorov and Smirnov).
std::optional<double> KolmogorovSmirnov(const std::vector<ScoreGroup>& groups) {
  double positives = 0, negatives = 0;
  for (const ScoreGroup& g : groups) {
    positives += g.target_sum;
    negatives += g.rows - g.target_sum;
  }
  if (positives == 0 || negatives == 0) return std::nullopt;
  double p = 0, n = 0, most = 0;
  for (const ScoreGroup& g : groups) {
    p += g.target_sum;
    n += g.rows - g.target_sum;
    most = std::max(most, std::fabs(p / positives - n / negatives));
  }
  return most;
}

std::optional<double> AveragePrecision(const std::vector<ScoreGroup>& groups) {
  double positives = 0, rows = 0;
  Sum sum;
  for (const ScoreGroup& g : groups) {
    positives += g.target_sum;
    rows += g.rows;
    sum.Add(g.target_sum * (positives / rows));
  }
  if (positives == 0) return std::nullopt;
  return sum.value() / positives;
}

}  // namespace

MetricRows::MetricRows(Task task, std::span<const double> target, std::span<const double> scores, std::size_t classes,
                       double threshold, std::span<const std::int64_t> groups, std::span<const std::uint8_t> treated)
    : task_(task), target_(target), scores_(scores), classes_(classes), threshold_(threshold), groups_(groups), treated_(treated) {
  SetWeights({});
}

void MetricRows::SetWeights(std::span<const double> weights) {
  weights_ = weights;
  score_groups_.clear();
  counts_.reset();
  total_ = static_cast<double>(target_.size());
  counted_ = target_.size();
  if (weights.empty()) return;
  Sum sum;
  counted_ = 0;
  for (const double w : weights) {
    sum.Add(w);
    counted_ += w > 0;
  }
  total_ = sum.value();
}

std::optional<double> MetricRows::Compute(std::string_view name) {
  const MetricForm form = FormOf(name);
  if (form.name == "ndcg" || form.name == "map") return Ranked(form.name, static_cast<std::size_t>(*form.number));
  if (NeedsTreatment(name)) return Uplift(form);
  if (task_ == Task::kRegression) return Regression(form);
  return task_ == Task::kBinary ? Binary(form) : Multiclass(name);
}

std::optional<double> MetricRows::Binary(const MetricForm& form) {
  const std::string_view name = form.name;
  if (name == "profit" || name == "profit_share") return Profit(name == "profit_share", *form.number, form.second);
  if (form.number) return Top(name, *form.number);
  if (name == "auc") return Auc(score_groups());
  if (name == "gini") {
    const std::optional<double> auc = Auc(score_groups());
    return auc ? std::optional(2 * *auc - 1) : std::nullopt;
  }
  if (name == "ks") return KolmogorovSmirnov(score_groups());
  if (name == "average_precision") return AveragePrecision(score_groups());
  if (name == "logloss")
    return Mean([&](std::size_t i) { return RowLogLoss(target_[i] != 0 ? scores_[i] : 1 - scores_[i]); });
  if (name == "brier") return Mean([&](std::size_t i) { return Square(scores_[i] - target_[i]); });
  if (name == "bias") return Mean([&](std::size_t i) { return scores_[i] - target_[i]; });
  if (name == "ece") return Ece();
  return FromCounts(name);
}

std::optional<double> MetricRows::FromCounts(std::string_view name) {
  if (!counts_) counts_ = CountsOf(1, [&](std::size_t i) { return scores_[i] >= threshold_; });
  const BinaryCounts& c = *counts_;
  const double positives = c.tp + c.fn, negatives = c.fp + c.tn;
  if (name == "accuracy") return c.accuracy();
  if (name == "precision") return c.precision();
  if (name == "recall") return c.recall();
  if (name == "f1") return c.f1();
  if (name == "selection_rate") return (c.tp + c.fp) / total_;
  if (name == "mcc") return Mcc();
  if (name == "balanced_accuracy") {
    if (positives == 0 || negatives == 0) return positives > 0 ? c.tp / positives : c.tn / negatives;
    return (c.tp / positives + c.tn / negatives) / 2;
  }
  if (negatives == 0) return std::nullopt;
  return name == "specificity" ? c.tn / negatives : c.fp / negatives;
}

/// Of the best-scored share of the rows; a group of equal scores at its end is taken in part.
std::optional<double> MetricRows::Top(std::string_view name, double share) {
  const double wanted = share * total_;
  double left = wanted, found = 0, positives = 0;
  for (const ScoreGroup& g : score_groups()) {
    const double taken = std::min(left, g.rows);
    found += g.target_sum * (taken / g.rows);
    left -= taken;
    positives += g.target_sum;
  }
  if (name == "precision") return found / wanted;
  if (positives == 0) return std::nullopt;
  return name == "gain" ? found / positives : found / wanted / (positives / total_);
}

/// Contacting the best-scored rows, up to where it pays most, whoever ties included: what it brings for each of all rows, or the
/// share of rows contacted. Nobody is contacted where nothing pays.
double MetricRows::Profit(bool share, double value, double cost) {
  double contacted = 0, found = 0, most = 0, at = 0;
  for (const ScoreGroup& g : score_groups()) {
    contacted += g.rows;
    found += g.target_sum;
    const double profit = value * found - cost * contacted;
    if (!(profit > most)) continue;
    most = profit;
    at = contacted;
  }
  return (share ? at : most) / total_;
}

double MetricRows::Ece() const {
  Sum difference[kReliabilityBins];
  for (std::size_t i = 0; i < target_.size(); ++i)
    difference[ReliabilityBinOf(scores_[i])].Add(weight(i) * (scores_[i] - target_[i]));
  Sum sum;
  for (const Sum& bin : difference) sum.Add(std::fabs(bin.value()));
  return sum.value() / total_;
}

std::optional<double> MetricRows::Multiclass(std::string_view name) {
  if (name == "logloss") return Mean([&](std::size_t i) { return RowLogLoss(row(i)[ClassOf(i)]); });
  if (name == "brier") {
    return Mean([&](std::size_t i) {
      double sum = 0;
      for (std::size_t c = 0; c < classes_; ++c) sum += Square(row(i)[c] - (c == ClassOf(i) ? 1.0 : 0.0));
      return sum;
    });
  }
  if (name == "auc") return AucOneVersusRest();
  const std::vector<std::size_t>& label = predicted();
  if (name == "accuracy" || name == "f1_micro" || name == "recall_weighted")
    return Mean([&](std::size_t i) { return label[i] == ClassOf(i) ? 1.0 : 0.0; });
  if (name == "mcc") return Mcc();
  return ClassAverage(name);
}

/// f1, precision and recall of each class against the rest, averaged over the classes that occur as truth or as
/// prediction; `_weighted` by their rows; balanced_accuracy is the recall of the classes that occur as truth.
std::optional<double> MetricRows::ClassAverage(std::string_view name) {
  const std::vector<std::size_t>& label = predicted();
  const bool weighted = name.ends_with("_weighted"), balanced = name == "balanced_accuracy";
  Sum sum;
  double classes = 0;
  for (std::size_t c = 0; c < classes_; ++c) {
    const BinaryCounts counts = CountsOf(static_cast<double>(c), [&](std::size_t i) { return label[i] == c; });
    if (balanced ? counts.tp + counts.fn == 0 : counts.tp + counts.fp + counts.fn == 0) continue;
    const double value = name.starts_with("precision") ? counts.precision()
                         : name.starts_with("f1")      ? counts.f1()
                                                       : counts.recall();
    sum.Add(weighted ? (counts.tp + counts.fn) * value : value);
    classes += weighted ? counts.tp + counts.fn : 1;
  }
  return sum.value() / classes;
}

/// The correlation of truth and label (Matthews 1975; several classes: Gorodkin 2004); 0 where either is constant.
double MetricRows::Mcc() const {
  const std::size_t width = task_ == Task::kBinary ? 2 : classes_;
  std::vector<Sum> truth(width), label(width);
  Sum correct;
  for (std::size_t i = 0; i < target_.size(); ++i) {
    const std::size_t t = ClassOf(i), p = task_ == Task::kBinary ? scores_[i] >= threshold_ : predicted_[i];
    truth[t].Add(weight(i));
    label[p].Add(weight(i));
    if (t == p) correct.Add(weight(i));
  }
  double both = 0, of_truth = 0, of_label = 0;
  for (std::size_t c = 0; c < width; ++c) {
    both += truth[c].value() * label[c].value();
    of_truth += Square(truth[c].value());
    of_label += Square(label[c].value());
  }
  const double below = (Square(total_) - of_truth) * (Square(total_) - of_label);
  return below > 0 ? (correct.value() * total_ - both) / std::sqrt(below) : 0;
}

std::optional<double> MetricRows::AucOneVersusRest() {
  if (class_rows_.empty()) {
    class_rows_.resize(classes_);
    for (std::size_t c = 0; c < classes_; ++c) {
      ClassRows& rows = class_rows_[c];
      for (std::size_t i = 0; i < target_.size(); ++i) {
        rows.is.push_back(ClassOf(i) == c ? 1 : 0);
        rows.score.push_back(row(i)[c]);
      }
      rows.ranking.emplace(rows.is, rows.score);
    }
  }
  Sum sum;
  for (const ClassRows& rows : class_rows_) {
    const std::optional<double> auc = Auc(rows.ranking->Groups(weights_));
    if (!auc) return std::nullopt;
    sum.Add(*auc);
  }
  return sum.value() / static_cast<double>(classes_);
}

std::optional<double> MetricRows::Regression(const MetricForm& form) {
  const std::string_view name = form.name;
  const auto error = [&](std::size_t i) { return target_[i] - scores_[i]; };
  if (name == "rmse") return std::sqrt(Mean([&](std::size_t i) { return Square(error(i)); }));
  if (name == "mae") return Mean([&](std::size_t i) { return std::fabs(error(i)); });
  if (name == "bias") return Mean([&](std::size_t i) { return -error(i); });
  if (name == "r2") return R2();
  if (name == "mape" || name == "mape_skipped") return Mape(name == "mape_skipped");
  if (name == "wape") {
    const double size = Mean([&](std::size_t i) { return std::fabs(target_[i]); });
    if (size == 0) return std::nullopt;
    return Mean([&](std::size_t i) { return std::fabs(error(i)); }) / size;
  }
  if (name == "pinball")
    return Mean([&](std::size_t i) { return error(i) >= 0 ? *form.number * error(i) : (*form.number - 1) * error(i); });
  if (name == "max_error") {
    double most = 0;
    for (std::size_t i = 0; i < target_.size(); ++i)
      if (weight(i) > 0) most = std::max(most, std::fabs(error(i)));
    return most;
  }
  if (name == "rmsle") {
    for (std::size_t i = 0; i < target_.size(); ++i)
      if (weight(i) > 0 && (target_[i] <= -1 || scores_[i] <= -1)) return std::nullopt;
    return std::sqrt(Mean([&](std::size_t i) { return Square(math::Log1p(target_[i]) - math::Log1p(scores_[i])); }));
  }
  return Deviance(name == "poisson_deviance" ? 1 : name == "gamma_deviance" ? 2 : *form.number);
}

std::optional<double> MetricRows::R2() const {
  if (counted_ < 2) return std::nullopt;
  const double residual = total_ * Mean([&](std::size_t i) { return Square(target_[i] - scores_[i]); });
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (std::size_t i = 0; i < target_.size(); ++i) {
    if (!(weight(i) > 0)) continue;
    least = std::min(least, target_[i]);
    most = std::max(most, target_[i]);
  }
  if (least == most) return residual == 0 ? 1.0 : 0.0;
  const double mean = Mean([&](std::size_t i) { return target_[i]; });
  return 1 - residual / (total_ * Mean([&](std::size_t i) { return Square(target_[i] - mean); }));
}

std::optional<double> MetricRows::Mape(bool skipped) const {
  double rows = 0;
  Sum sum, taken;
  for (std::size_t i = 0; i < target_.size(); ++i) {
    if (!(weight(i) > 0)) continue;
    if (target_[i] == 0) {
      rows += 1;
    } else {
      sum.Add(weight(i) * (std::fabs(target_[i] - scores_[i]) / std::fabs(target_[i])));
      taken.Add(weight(i));
    }
  }
  if (skipped) return rows;
  if (taken.value() == 0) return std::nullopt;
  return sum.value() / taken.value();
}

/// Mean deviance of the Tweedie family (Jorgensen 1987): power 1 is Poisson, 2 gamma. Not defined for predictions of 0 or
/// less, nor for targets below 0 (gamma: of 0 or less).
std::optional<double> MetricRows::Deviance(double power) const {
  for (std::size_t i = 0; i < target_.size(); ++i)
    if (weight(i) > 0 && (!(scores_[i] > 0) || target_[i] < 0 || (power == 2 && target_[i] == 0))) return std::nullopt;
  if (power == 1)
    return 2 * Mean([&](std::size_t i) {
             const double y = target_[i], p = scores_[i];
             return (y > 0 ? y * math::Log(y / p) : 0) - y + p;
           });
  if (power == 2) return 2 * Mean([&](std::size_t i) {
                           return math::Log(scores_[i] / target_[i]) + target_[i] / scores_[i] - 1;
                         });
  return 2 * Mean([&](std::size_t i) {
           const double y = target_[i], p = scores_[i];
           return math::Pow(y, 2 - power) / ((1 - power) * (2 - power)) - y * math::Pow(p, 1 - power) / (1 - power) +
                  math::Pow(p, 2 - power) / (2 - power);
         });
}

/// The mean over the groups, each with the weight of its first row. nullopt without groups, or with none that counts.
std::optional<double> MetricRows::Ranked(std::string_view name, std::size_t k) {
  if (groups_.empty()) return std::nullopt;
  if (ranked_groups_.empty()) {
    std::map<std::int64_t, std::vector<std::uint32_t>> rows_of;
    for (std::size_t i = 0; i < groups_.size(); ++i) rows_of[groups_[i]].push_back(static_cast<std::uint32_t>(i));
    for (auto& [group, rows] : rows_of) {
      std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
        return scores_[a] != scores_[b] ? scores_[a] > scores_[b] : target_[a] != target_[b] ? target_[a] < target_[b] : a < b;
      });
      ranked_groups_.push_back(std::move(rows));
    }
  }
  Sum sum, weights;
  for (const std::vector<std::uint32_t>& rows : ranked_groups_) {
    const double w = weight(rows.front());
    if (w == 0) continue;
    const std::optional<double> value = name == "ndcg" ? Ndcg(rows, k) : AveragePrecisionAt(rows, k);
    if (!value) continue;
    sum.Add(w * *value);
    weights.Add(w);
  }
  if (weights.value() == 0) return std::nullopt;
  return sum.value() / weights.value();
}

/// Discounted gain of the first k rows over that of the best order (Jarvelin and Kekalainen 2002), gains as they are, those
/// of equal scores averaged; 0 where no row is relevant, nullopt for a negative relevance.
std::optional<double> MetricRows::Ndcg(std::span<const std::uint32_t> rows, std::size_t k) const {
  const auto discount = [&](std::size_t rank) {
    return rank < k ? math::Log(2) / math::Log(static_cast<double>(rank) + 2) : 0.0;
  };
  std::vector<double> gains;
  double gained = 0;
  for (std::size_t i = 0; i < rows.size();) {
    double gain = 0, discounts = 0;
    std::size_t end = i;
    for (; end < rows.size() && scores_[rows[end]] == scores_[rows[i]]; ++end) {
      if (target_[rows[end]] < 0) return std::nullopt;
      gains.push_back(target_[rows[end]]);
      gain += gains.back();
      discounts += discount(end);
    }
    gained += gain / static_cast<double>(end - i) * discounts;
    i = end;
  }
  std::sort(gains.begin(), gains.end(), std::greater<>());
  double best = 0;
  for (std::size_t i = 0; i < gains.size(); ++i) best += gains[i] * discount(i);
  return best > 0 ? gained / best : 0;
}

/// Precision at each relevant row (target above 0) of the first k, over the relevant rows there could be; of equal scores
/// the less relevant come first. nullopt where no row is relevant.
std::optional<double> MetricRows::AveragePrecisionAt(std::span<const std::uint32_t> rows, std::size_t k) const {
  double relevant = 0, found = 0, sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!(target_[rows[i]] > 0)) continue;
    relevant += 1;
    if (i >= k) continue;
    found += 1;
    sum += found / static_cast<double>(i + 1);
  }
  if (relevant == 0) return std::nullopt;
  return sum / std::min(relevant, static_cast<double>(k));
}

const std::vector<ScoreGroup>& MetricRows::score_groups() {
  if (!ranking_) ranking_.emplace(target_, scores_);
  if (score_groups_.empty()) score_groups_ = ranking_->Groups(weights_);
  return score_groups_;
}

const std::vector<std::size_t>& MetricRows::predicted() {
  if (predicted_.empty())
    for (std::size_t i = 0; i < target_.size(); ++i) predicted_.push_back(LargestScore(row(i)));
  return predicted_;
}

}  // namespace internal

namespace {

bool AsksForProbabilities(std::string_view name) { return name == "logloss" || name == "brier" || name == "ece"; }

Status CheckWeights(std::span<const double> weights) {
  double most = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || std::isinf(weights[i]))
      return Error(ErrorCode::kData, "weight is ", weights[i], " in row ", i + 1, "; expected a finite number, 0 or above");
    most = std::max(most, weights[i]);
  }
  if (!weights.empty() && most == 0) return Error(ErrorCode::kData, "every row to evaluate has the weight 0");
  return Ok();
}

/// Everything Evaluate refuses, found before anything is computed.
Status CheckEvaluation(Task task, std::span<const double> target, std::span<const double> scores, std::size_t width,
                       std::span<const std::string> names, std::span<const double> weights) {
  bool probabilities = false;
  for (const std::string& name : names) {
    RETURN_IF_ERROR(CheckMetricName(name, task));
    probabilities = probabilities || AsksForProbabilities(name);
  }
  RETURN_IF_ERROR(internal::CheckRows(task, target, scores, width, probabilities));
  return CheckWeights(weights);
}

}  // namespace

Result<Metrics> Evaluate(Task task, std::span<const double> target, std::span<const double> scores, int classes,
                         double threshold, std::span<const std::string> names, std::span<const double> weights,
                         std::span<const std::int64_t> groups, std::span<const std::uint8_t> treated) {
  const std::size_t width = task == Task::kMulticlass ? static_cast<std::size_t>(classes) : 1;
  assert(width >= 1 && scores.size() == target.size() * width);
  assert((weights.empty() || weights.size() == target.size()) && (groups.empty() || groups.size() == target.size()) && (treated.empty() || treated.size() == target.size()));
  const std::vector<std::string> usual = DefaultMetrics(task);
  if (names.empty()) names = usual;
  RETURN_IF_ERROR(CheckEvaluation(task, target, scores, width, names, weights));

  internal::MetricRows rows(task, target, scores, width, threshold, groups, treated);
  rows.SetWeights(weights);
  Metrics metrics;
  const auto add = [&](const std::string& name) {
    const std::optional<double> value = rows.Compute(name);
    if (value && std::isfinite(*value)) metrics[name] = *value;
  };
  for (const std::string& name : names) {
    add(name);
    if (name == "mape") add("mape_skipped");
  }
  return metrics;
}

}  // namespace headrace
