#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <variant>

#include "headrace/base/text.h"
#include "headrace/model/metrics.h"
#include "headrace/table/table.h"

namespace headrace {
namespace {

/// One value of a segment column, in the order segments are listed: numbers by size, text by bytes, null after all. A
/// NaN is its own text, since it has no place among the numbers.
using SegmentKey = std::variant<std::int64_t, double, std::string, std::monostate>;

SegmentKey KeyOf(const Column& column, std::size_t row) {
  if (column.IsNull(row)) return std::monostate();
  if (column.type() == Type::kText) return std::string(column.text(row));
  if (column.type() != Type::kDouble) return column.ints()[row];
  const double v = column.doubles()[row];
  if (std::isnan(v)) return std::string("nan");
  return v == 0 ? 0.0 : v;
}

}  // namespace

Result<std::vector<SegmentMetrics>> EvaluateSegments(const Table& table, std::span<const std::string> columns,
                                                     Task task, std::span<const double> target,
                                                     std::span<const double> scores, int classes, double threshold,
                                                     std::span<const std::string> names,
                                                     std::span<const double> weights,
                                                     std::span<const std::int64_t> groups,
                                                     std::span<const std::uint8_t> treated) {
  assert(table.num_rows() == target.size());
  const std::size_t width = task == Task::kMulticlass ? static_cast<std::size_t>(classes) : 1;
  std::vector<SegmentMetrics> segments;

  const auto evaluate = [&](const std::string& column, std::string value,
                            const std::vector<std::size_t>& rows) -> Status {
    SegmentMetrics segment{column, std::move(value), static_cast<std::int64_t>(rows.size()), 0, {}};
    std::vector<double> t, s, w;
    std::vector<std::int64_t> g;
    std::vector<std::uint8_t> who;
    t.reserve(rows.size());
    s.reserve(rows.size() * width);
    for (const std::size_t row : rows) {
      t.push_back(target[row]);
      if (!weights.empty()) w.push_back(weights[row]);
      if (!groups.empty()) g.push_back(groups[row]);
      if (!treated.empty()) who.push_back(treated[row]);
      for (std::size_t c = 0; c < width; ++c) s.push_back(scores[row * width + c]);
      if (task == Task::kBinary && target[row] == 1) ++segment.positives;
    }
    // Rows of no weight say nothing about the segment.
    if (w.empty() || std::any_of(w.begin(), w.end(), [](double v) { return v > 0; })) {
      ASSIGN_OR_RETURN(segment.metrics, Evaluate(task, t, s, classes, threshold, names, w, g, who));
    }
    segments.push_back(std::move(segment));
    return Ok();
  };

  for (const std::string& name : columns) {
    const Column* column = table.Find(name);
    if (column == nullptr) {
      const std::string near = NearestName(name, table.schema().Names());
      return Error(ErrorCode::kInvalid, "segment column \"", name, "\" is not in the data")
          .WithHelp(near.empty() ? StrCat("columns: ", Join(table.schema().Names(), ", "))
                                 : StrCat("did you mean \"", near, "\"?"));
    }
    std::map<SegmentKey, std::vector<std::size_t>> rows_of;
    for (std::size_t row = 0; row < table.num_rows(); ++row) rows_of[KeyOf(*column, row)].push_back(row);
    std::vector<std::size_t> small;
    for (const auto& [key, rows] : rows_of) {
      if (static_cast<std::int64_t>(rows.size()) < kSmallSegmentRows) {
        small.insert(small.end(), rows.begin(), rows.end());
        continue;
      }
      const bool null = std::holds_alternative<std::monostate>(key);
      RETURN_IF_ERROR(evaluate(name, null ? "(null)" : column->At(rows.front()).ToString(), rows));
    }
    std::sort(small.begin(), small.end());
    if (!small.empty()) RETURN_IF_ERROR(evaluate(name, "(small)", small));
  }
  return segments;
}

std::vector<SegmentGap> GapsOf(std::span<const SegmentMetrics> segments) {
  std::vector<SegmentGap> gaps;
  std::vector<std::string> columns;
  for (const SegmentMetrics& segment : segments)
    if (std::find(columns.begin(), columns.end(), segment.column) == columns.end()) columns.push_back(segment.column);
  for (const std::string& column : columns) {
    std::map<std::string, std::pair<SegmentGap, int>> of;
    for (const SegmentMetrics& segment : segments) {
      if (segment.column != column || segment.value == "(small)") continue;
      for (const auto& [metric, value] : segment.metrics) {
        auto& [gap, values] = of.try_emplace(metric, SegmentGap{column, metric, "", "", value, value}, 0).first->second;
        if (values == 0 || value < gap.low) {
          gap.low = value;
          gap.lowest = segment.value;
        }
        if (values++ == 0 || value > gap.high) {
          gap.high = value;
          gap.highest = segment.value;
        }
      }
    }
    for (auto& [metric, found] : of)
      if (found.second > 1) gaps.push_back(std::move(found.first));
  }
  return gaps;
}

}  // namespace headrace
