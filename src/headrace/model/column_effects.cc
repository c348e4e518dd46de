#include "headrace/model/column_effects.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "headrace/base/parallel.h"
#include "headrace/model/clusters.h"
#include "headrace/model/profile.h"
#include "headrace/model/random_internal.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {
namespace {

using internal::DrawPlaces;
using internal::Random;

constexpr std::uint64_t kShuffleSeed = 4, kSampleSeed = 5;   // 0 splits, 1 folds, 2 intervals, 3 thins

std::vector<std::size_t> Shuffled(std::size_t rows, std::uint64_t stream) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(kShuffleSeed, stream);
  for (std::size_t i = rows; i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

std::vector<double> Pick(std::span<const double> values, std::span<const std::size_t> rows) {
  std::vector<double> out;
  if (values.empty()) return out;
  for (const std::size_t row : rows) out.push_back(values[row]);
  return out;
}

/// Places among the model's inputs: all, or those whose own features have the most importance for the learner.
std::vector<std::size_t> ColumnsToAsk(const Scorer::Parts& parts) {
  const Schema& inputs = parts.transform.input_schema();
  std::vector<std::size_t> places(inputs.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  if (places.size() <= kImportanceColumns) return places;
  std::vector<double> weight(inputs.size());
  const std::span<const double> importance = parts.learner->importance();
  for (std::size_t i = 0; i < importance.size(); ++i)
    if (const auto place = inputs.IndexOf(parts.transform.output_columns()[i])) weight[*place] += importance[i];
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  places.resize(kImportanceColumns);
  std::sort(places.begin(), places.end());
  return places;
}

/// The metric of the rows with the columns of `table`; nothing where there is none.
std::optional<double> Measure(const EffectRows& rows, const Table& table, const std::string& metric) {
  const Scorer::Parts& parts = rows.scorer.parts();
  const Result<std::vector<double>> predictions = rows.scorer.Predict(table);
  if (!predictions.ok()) return std::nullopt;
  if (parts.task == Task::kClustering) return InertiaOf(*predictions, rows.weights);
  const std::vector<std::string> names{metric};
  const Result<Metrics> metrics = Evaluate(parts.task, rows.target, *predictions, static_cast<int>(parts.classes.size()), parts.threshold, names, rows.weights, {}, rows.treated);
  if (!metrics.ok() || !metrics->contains(metric) || !std::isfinite(metrics->at(metric))) return std::nullopt;
  return metrics->at(metric);
}

Status CheckCancelled(const std::function<bool()>& cancelled) {
  return cancelled && cancelled() ? Error(ErrorCode::kInterrupted, "training was interrupted") : Ok();
}

/// Mean and deviation of the values; nothing when one is missing.
std::optional<ColumnImportance> Summarise(const std::string& column, double whole, std::span<const std::optional<double>> shuffled, bool falls) {
  ColumnImportance out{column, 0, 0};
  const auto worse = [&](double value) { return falls ? whole - value : value - whole; };
  for (const auto& value : shuffled) {
    if (!value) return std::nullopt;
    out.mean += worse(*value);
  }
  const auto n = static_cast<double>(shuffled.size());
  out.mean /= n;
  for (const auto& value : shuffled) out.deviation += (worse(*value) - out.mean) * (worse(*value) - out.mean);
  out.deviation = std::sqrt(out.deviation / n);
  return out;
}

ColumnPtr Repeat(const Value& value, std::size_t rows) {
  ColumnBuilder column(value.type());
  column.Reserve(rows);
  for (std::size_t i = 0; i < rows; ++i) column.Append(value);
  return column.Finish();
}

/// The grid's values; empty where a profile tells too little.
std::vector<Value> GridOf(const ColumnProfile& profile) {
  std::vector<Value> grid;
  for (const auto& [probability, value] : profile.quantiles) {
    if (probability < 0.05 || probability > 0.95 || std::abs(value) > 1e18) continue;
    const Value point = profile.type == Type::kDouble ? Value::Double(value) : Value::Int64(profile.type, static_cast<std::int64_t>(value));
    if (grid.empty() || !(grid.back() == point)) grid.push_back(point);
  }
  auto levels = profile.levels;
  std::stable_sort(levels.begin(), levels.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [level, rows] : levels) {
    const Result<Value> value = Value::Parse(level, profile.type);
    if (value.ok() && grid.size() < kDependenceLevels) grid.push_back(*value);
  }
  return grid.size() > 1 ? grid : std::vector<Value>();
}

/// The weighted mean of each prediction; nothing where no row has a weight.
std::vector<double> MeanPredictions(const std::vector<double>& predictions, std::size_t outputs, std::span<const double> weights) {
  std::vector<double> means(outputs);
  double whole = 0;
  for (std::size_t row = 0; row * outputs < predictions.size(); ++row) {
    const double weight = weights.empty() ? 1 : weights[row];
    whole += weight;
    for (std::size_t k = 0; k < outputs; ++k) means[k] += weight * predictions[row * outputs + k];
  }
  if (!(whole > 0)) return {};
  for (double& mean : means) mean /= whole;
  return means;
}

}  // namespace

std::vector<std::size_t> DrawEffectRows(std::span<const std::size_t> rows, std::size_t inputs) {
  const std::size_t most = std::clamp(kEffectValues / std::max<std::size_t>(1, inputs), kEffectLeastRows, kImportanceRows);
  std::vector<std::size_t> drawn = DrawPlaces(rows.size(), most, kSampleSeed);
  for (std::size_t& place : drawn) place = rows[place];
  return drawn;
}

Result<PermutationImportance> MeasureImportance(const EffectRows& rows, const std::string& metric, int threads, const std::function<bool()>& cancelled) {
  const Scorer::Parts& parts = rows.scorer.parts();
  PermutationImportance out{metric, rows.of, static_cast<std::int64_t>(rows.rows.num_rows()), kImportanceRepeats, {}};
  if (NeedsQueries(metric)) return out;   // of whole queries, and these are single rows
  const std::optional<double> whole = Measure(rows, rows.rows, metric);
  if (!whole) return out;
  const std::vector<std::size_t> places = ColumnsToAsk(parts);
  constexpr auto kRepeats = static_cast<std::size_t>(kImportanceRepeats);
  std::vector<std::optional<double>> shuffled(places.size() * kRepeats);
  const auto ask = [&](std::size_t task) -> Status {
    RETURN_IF_ERROR(CheckCancelled(cancelled));
    const std::size_t place = places[task / kRepeats];
    const std::vector<std::string> name{parts.transform.input_schema()[place].name};
    ASSIGN_OR_RETURN(const Table column, rows.rows.Select(name));
    const Table moved = column.Take(Shuffled(rows.rows.num_rows(), place * kRepeats + task % kRepeats));
    shuffled[task] = Measure(rows, rows.rows.WithColumn(name[0], moved.column_ptr(0)), metric);
    return Ok();
  };
  RETURN_IF_ERROR(ParallelFor(threads, shuffled.size(), ask));
  for (std::size_t i = 0; i < places.size(); ++i)
    if (auto column = Summarise(parts.transform.input_schema()[places[i]].name, *whole, std::span(shuffled).subspan(i * kRepeats, kRepeats), HigherIsBetter(metric)))
      out.columns.push_back(*std::move(column));
  std::stable_sort(out.columns.begin(), out.columns.end(), [](const auto& a, const auto& b) { return a.mean > b.mean; });
  return out;
}

Result<PartialDependence> MeasureDependence(const EffectRows& rows, const PermutationImportance& importance, const std::set<std::string>& hidden, int threads,
                                            const std::function<bool()>& cancelled) {
  const Scorer::Parts& parts = rows.scorer.parts();
  const std::vector<std::size_t> drawn = DrawPlaces(rows.rows.num_rows(), kDependenceRows, kSampleSeed);
  const Table sample = rows.rows.Take(drawn);
  const std::vector<double> weights = Pick(rows.weights, drawn);
  PartialDependence out{rows.of, static_cast<std::int64_t>(sample.num_rows()), {}};
  struct Point {
    std::size_t column;
    Value value;
  };
  std::vector<Point> points;
  for (const ColumnImportance& candidate : importance.columns) {
    if (out.columns.size() == kDependenceColumns) break;
    if (hidden.contains(candidate.column)) continue;
    const ColumnProfile profile = ProfileColumn(candidate.column, *sample.Find(candidate.column));
    const std::vector<Value> grid = GridOf(profile);
    if (grid.empty()) continue;
    for (const Value& value : grid) points.push_back({out.columns.size(), value});
    out.columns.push_back({candidate.column, profile.type, grid, {}});
  }
  std::vector<std::vector<double>> means(points.size());
  const auto ask = [&](std::size_t task) -> Status {
    RETURN_IF_ERROR(CheckCancelled(cancelled));
    const Table table = sample.WithColumn(out.columns[points[task].column].column, Repeat(points[task].value, sample.num_rows()));
    const Result<std::vector<double>> predictions = rows.scorer.Predict(table);
    if (predictions.ok()) means[task] = MeanPredictions(*predictions, parts.num_outputs(), weights);
    return Ok();
  };
  RETURN_IF_ERROR(ParallelFor(threads, points.size(), ask));
  for (std::size_t i = 0; i < points.size(); ++i) out.columns[points[i].column].means.push_back(std::move(means[i]));
  std::erase_if(out.columns, [](const ColumnDependence& column) { return std::any_of(column.means.begin(), column.means.end(), [](const auto& mean) { return mean.empty(); }); });
  return out;
}

}  // namespace headrace
