// A resample is a count for each row, and a count is a weight: the metric of drawn rows is the weighted metric of the rows
// themselves, so they are sorted once for all resamples. Each resample draws from a stream of its own, told by the seed and
// its number, so the work can be spread over threads without moving a bit.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/metric_rows_internal.h"
#include "headrace/model/metrics.h"
#include "headrace/model/random_internal.h"

namespace headrace {
namespace {

constexpr double kLevel = 0.95;
constexpr double kLeastDefined = 0.9;

/// What is drawn: rows, or groups of rows.
struct Units {
  std::vector<std::vector<std::uint32_t>> rows;  ///< of each unit; empty when a unit is a row
  std::size_t count = 0;
};

Units UnitsOf(std::size_t rows, std::span<const std::int64_t> groups) {
  Units units;
  units.count = rows;
  if (groups.empty()) return units;
  std::map<std::int64_t, std::vector<std::uint32_t>> rows_of;
  for (std::size_t i = 0; i < rows; ++i) rows_of[groups[i]].push_back(static_cast<std::uint32_t>(i));
  for (auto& [group, members] : rows_of) units.rows.push_back(std::move(members));
  units.count = units.rows.size();
  return units;
}

void Draw(const Units& units, std::span<const double> weights, internal::Random random, std::vector<double>* out) {
  std::fill(out->begin(), out->end(), 0.0);
  for (std::size_t i = 0; i < units.count; ++i) {
    const std::size_t unit = random.Below(units.count);
    if (units.rows.empty()) {
      (*out)[unit] += 1;
    } else {
      for (const std::uint32_t row : units.rows[unit]) (*out)[row] += 1;
    }
  }
  if (!weights.empty())
    for (std::size_t i = 0; i < out->size(); ++i) (*out)[i] *= weights[i];
}

/// numpy.percentile(values, 100 * share), "linear". REQUIRES: sorted, not empty.
double Percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - static_cast<double>(below));
}

}  // namespace

Result<Intervals> BootstrapIntervals(Task task, std::span<const double> target, std::span<const double> scores,
                                     int classes, double threshold, std::span<const std::string> names,
                                     std::span<const double> weights, std::span<const std::int64_t> groups,
                                     std::int64_t resamples, std::uint64_t seed, int threads, std::span<const std::uint8_t> treated) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  // The point itself says what is wrong with the rows, if anything.
  ASSIGN_OR_RETURN(const Metrics point, Evaluate(task, target, scores, classes, threshold, names, weights, groups, treated));
  const std::size_t width = task == Task::kMulticlass ? static_cast<std::size_t>(classes) : 1;
  const auto count = static_cast<std::size_t>(resamples);
  const std::vector<std::string> usual = DefaultMetrics(task);
  if (names.empty()) names = usual;
  const Units units = UnitsOf(target.size(), groups);
  std::vector<std::vector<double>> values(names.size(), std::vector<double>(count, kNone));
  const std::size_t parts = std::min<std::size_t>(count, 16);
  RETURN_IF_ERROR(ParallelFor(threads, parts, [&](std::size_t part) {
    internal::MetricRows rows(task, target, scores, width, threshold, groups, treated);
    std::vector<double> drawn(target.size());
    for (std::size_t r = part; r < count; r += parts) {
      Draw(units, weights, internal::Random(seed, r), &drawn);
      if (std::all_of(drawn.begin(), drawn.end(), [](double w) { return w == 0; })) continue;
      rows.SetWeights(drawn);
      for (std::size_t m = 0; m < names.size(); ++m) values[m][r] = rows.Compute(names[m]).value_or(kNone);
    }
    return Ok();
  }));
  Intervals intervals;
  for (std::size_t m = 0; m < names.size(); ++m) {
    std::erase_if(values[m], [](double v) { return !std::isfinite(v); });
    if (static_cast<double>(values[m].size()) < kLeastDefined * static_cast<double>(count) || !point.contains(names[m]))
      continue;
    std::sort(values[m].begin(), values[m].end());
    intervals[names[m]] = {Percentile(values[m], (1 - kLevel) / 2), Percentile(values[m], (1 + kLevel) / 2)};
  }
  return intervals;
}

}  // namespace headrace
