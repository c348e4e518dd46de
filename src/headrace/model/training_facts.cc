#include <algorithm>
#include <optional>
#include <span>

#include "headrace/model/train_internal.h"

namespace headrace::internal {
namespace {

/// The column that says when a row is of; "" when none does, or several might.
std::string TimeColumn(const TrainSpec& spec, const Schema& schema) {
  const bool split = spec.split.kind == SplitSpec::Kind::kTime;
  std::vector<std::string> candidates = split ? spec.split.columns : spec.key;
  std::erase_if(candidates, [&](const std::string& name) {
    const auto at = schema.IndexOf(name);
    return !at || Contains(spec.personal, name) || !(schema[*at].type == Type::kDate || (split && schema[*at].type == Type::kTimestamp));
  });
  return candidates.size() == 1 ? candidates.front() : "";
}

/// The first and the last value among the rows, as text.
void FindRange(const Column& column, std::span<const std::size_t> rows, std::string* from, std::string* to) {
  std::optional<std::int64_t> first, last;
  for (const std::size_t row : rows) {
    if (column.IsNull(row)) continue;
    const std::int64_t value = column.ints()[row];
    first = std::min(first.value_or(value), value);
    last = std::max(last.value_or(value), value);
  }
  if (!first) return;
  *from = Value::Int64(column.type(), *first).ToString();
  *to = Value::Int64(column.type(), *last).ToString();
}

}  // namespace

TrainingFacts FactsOf(const TrainSpec& spec, const std::string& pipeline, const Table& rows, const DataSplit& split) {
  TrainingFacts facts{spec.purpose, spec.limits, pipeline, TimeColumn(spec, rows.schema()), "", "", "", ""};
  if (facts.time_column.empty()) return facts;
  const Column& column = *rows.Find(facts.time_column);
  FindRange(column, split.train, &facts.trained_from, &facts.trained_to);
  FindRange(column, split.test, &facts.tested_from, &facts.tested_to);
  return facts;
}

}  // namespace headrace::internal
