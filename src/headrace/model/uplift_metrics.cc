// qini and auuc as scikit-uplift's qini_auc_score and uplift_auc_score have them: the area between a model's curve and the
// straight line of random targeting, over that between the perfect model's curve and the line; uplift@K% as its uplift_at_k.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "headrace/model/metric_rows_internal.h"
#include "headrace/model/uplift_curve_internal.h"

namespace headrace::internal {
namespace {

/// Between the curve, from nothing on, and the line to its end.
template <typename Height>
double AreaAboveLine(const std::vector<UpliftSums>& sums, Height height) {
  Sum area;
  double rows = 0, at = 0;
  for (const UpliftSums& s : sums) {
    area.Add((s.rows() - rows) * (at + height(s)) / 2);
    rows = s.rows();
    at = height(s);
  }
  return area.value() - rows * at / 2;
}

/// The perfect model's order for the difference of means, of a target of 0 and 1: first who is treated and has the target,
/// then who has neither, then whichever of the other two are fewer (scikit-uplift's perfect_uplift_curve).
std::vector<UpliftSums> PerfectOfMeans(const UpliftSums& all) {
  const double treated_without = all.treated - all.treated_target, control_without = all.control - all.control_target;
  std::vector<UpliftSums> sums;
  UpliftSums now;
  const auto add = [&](bool treated, bool target, double weight) {
    if (!(weight > 0)) return;
    (treated ? now.treated : now.control) += weight;
    if (target) (treated ? now.treated_target : now.control_target) += weight;
    sums.push_back(now);
  };
  add(true, true, all.treated_target);
  add(false, false, control_without);
  const bool control_first = all.control_target > treated_without;
  if (control_first) add(false, true, all.control_target);
  add(true, false, treated_without);
  if (!control_first) add(false, true, all.control_target);
  return sums;
}

}  // namespace

std::vector<std::uint32_t> OrderByLargest(std::span<const double> keys) {
  std::vector<std::uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return keys[a] != keys[b] ? keys[a] > keys[b] : a < b; });
  return order;
}

std::vector<UpliftSums> SumsByKey(std::span<const std::uint32_t> order, std::span<const double> keys, std::span<const double> target,
                                  std::span<const std::uint8_t> treated, std::span<const double> weights) {
  std::vector<UpliftSums> sums;
  Sum rows[2], targets[2];
  double last = 0;
  for (const std::uint32_t i : order) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    if (weight == 0) continue;
    rows[treated[i]].Add(weight);
    targets[treated[i]].Add(weight * target[i]);
    if (sums.empty() || keys[i] != last) sums.emplace_back();
    last = keys[i];
    sums.back() = {rows[1].value(), rows[0].value(), targets[1].value(), targets[0].value()};
  }
  return sums;
}

std::vector<double> PerfectUplift(std::span<const double> target, std::span<const std::uint8_t> treated) {
  std::vector<double> perfect(target.size());
  for (std::size_t i = 0; i < target.size(); ++i) perfect[i] = treated[i] != 0 ? target[i] : -target[i];
  return perfect;
}

/// The mean target of the treated less that of the others, of the best-scored share of the rows; a group of equal scores at its end is
/// taken in part. nullopt unless both are among them.
std::optional<double> MetricRows::UpliftOfTop(const std::vector<UpliftSums>& sums, double share) const {
  const double wanted = share * total_;
  UpliftSums top;
  for (const UpliftSums& s : sums) {
    const double part = s.rows() > wanted ? (wanted - top.rows()) / (s.rows() - top.rows()) : 1;
    const auto upto = [part](double from, double to) { return part < 1 ? from + part * (to - from) : to; };
    top = {upto(top.treated, s.treated), upto(top.control, s.control), upto(top.treated_target, s.treated_target), upto(top.control_target, s.control_target)};
    if (s.rows() >= wanted) break;
  }
  if (!(top.treated > 0) || !(top.control > 0)) return std::nullopt;
  return top.treated_target / top.treated - top.control_target / top.control;
}

/// nullopt unless there are treated rows and others, and a perfect model that beats the line; auuc asks for targets of 0 and 1.
std::optional<double> MetricRows::Uplift(const MetricForm& form) {
  if (treated_.empty()) return std::nullopt;
  if (by_uplift_.empty()) by_uplift_ = OrderByLargest(scores_);
  const std::vector<UpliftSums> sums = SumsByKey(by_uplift_, scores_, target_, treated_, weights_);
  if (sums.empty() || !(sums.back().treated > 0) || !(sums.back().control > 0)) return std::nullopt;
  if (form.number) return UpliftOfTop(sums, *form.number);
  double ours = 0, best = 0;
  if (form.name == "qini") {
    const std::vector<double> perfect = PerfectUplift(target_, treated_);
    if (by_perfect_uplift_.empty()) by_perfect_uplift_ = OrderByLargest(perfect);
    const auto height = [](const UpliftSums& s) { return s.qini(); };
    ours = AreaAboveLine(sums, height);
    best = AreaAboveLine(SumsByKey(by_perfect_uplift_, perfect, target_, treated_, weights_), height);
  } else {
    if (std::any_of(target_.begin(), target_.end(), [](double y) { return y != 0 && y != 1; })) return std::nullopt;
    const auto height = [](const UpliftSums& s) { return s.uplift(); };
    ours = AreaAboveLine(sums, height);
    best = AreaAboveLine(PerfectOfMeans(sums.back()), height);
  }
  if (!(best > 0)) return std::nullopt;
  return ours / best;
}

}  // namespace headrace::internal
