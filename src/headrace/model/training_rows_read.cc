// From the table that came to rows in order, split, with everything that a training asks of them checked.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <unordered_set>

#include "headrace/base/text.h"
#include "headrace/model/queries.h"
#include "headrace/model/row_order.h"
#include "headrace/model/row_weights.h"
#include "headrace/model/train_internal.h"
#include "headrace/model/training_rows_internal.h"

namespace headrace::internal {
namespace {

constexpr std::uint64_t kTogetherSeed = 6;  // 0 splits, 1 folds, 2 intervals, 3 thins, 4 and 5 effects

/// Whether every row has a value of its own, as an id has.
bool LooksLikeKey(const Column& column) {
  constexpr std::size_t kFewRows = 20;  // so many differ by chance
  if (column.size() < kFewRows || column.null_count() > 0) return false;
  if (column.type() == Type::kInt) {
    std::unordered_set<std::int64_t> seen;
    return std::all_of(column.ints().begin(), column.ints().end(), [&](std::int64_t value) { return seen.insert(value).second; });
  }
  if (column.type() != Type::kText) return false;
  std::unordered_set<std::string_view> seen;
  for (std::size_t row = 0; row < column.size(); ++row)
    if (!seen.insert(column.text(row)).second) return false;
  return true;
}

/// The training rows, the test rows, then those in neither part.
std::vector<std::size_t> TrainTestRest(const DataSplit& split, std::size_t rows) {
  std::vector<std::size_t> order = split.train;
  order.insert(order.end(), split.test.begin(), split.test.end());
  std::vector<char> in_part(rows, 0);
  for (const std::size_t row : order) in_part[row] = 1;
  for (std::size_t row = 0; row < rows; ++row)
    if (in_part[row] == 0) order.push_back(row);
  return order;
}

template <typename Held>
void Permute(std::vector<Held>& of_rows, const std::vector<std::size_t>& order) {
  if (of_rows.empty()) return;
  std::vector<Held> moved;
  moved.reserve(order.size());
  for (const std::size_t row : order) moved.push_back(of_rows[row]);
  of_rows = std::move(moved);
}

}  // namespace

void TrainingRows::Reorder(const std::vector<std::size_t>& order) {
  table = std::move(table).Take(order, threads_);
  Permute(target.values, order);
  Permute(weights, order);
  Permute(groups, order);
  Permute(treatment.treated, order);
  Permute(together_, order);
  std::vector<std::size_t> now(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) now[order[i]] = i;
  for (std::size_t& row : by_key) row = now[row];
  std::iota(split.train.begin(), split.train.end(), std::size_t{0});
  std::iota(split.test.begin(), split.test.end(), split.train.size());
}

Status TrainingRows::Read(Table data, int threads, std::vector<std::string>* notes) {
  threads_ = threads;
  std::vector<std::string> order_by = spec.key;
  if (!spec.group.empty()) order_by.insert(order_by.begin(), spec.group);
  ASSIGN_OR_RETURN(const RowOrder order, OrderRows(data, order_by));
  table = order.as_given ? std::move(data) : std::move(data).Take(order.rows, threads);
  if (order.duplicate_keys > 0 && !spec.key.empty())
    notes->push_back(StrCat(FormatCount(static_cast<std::int64_t>(order.duplicate_keys)), " rows have the key of another row"));
  ASSIGN_OR_RETURN(target, ExtractTarget(table, spec));
  outcome = target.task;
  if (!spec.treatment.empty()) RETURN_IF_ERROR(ReadArms());
  RETURN_IF_ERROR(CheckForTask(spec, target.task));
  RETURN_IF_ERROR(CheckClassNames(spec, target));
  if (!spec.weight.empty()) { ASSIGN_OR_RETURN(weights, ReadWeights(table, spec.weight)); }
  ASSIGN_OR_RETURN(split, MakeSplit(table, spec.split, spec.key));
  notes->insert(notes->end(), split.notes.begin(), split.notes.end());
  if (!spec.group.empty()) {
    ASSIGN_OR_RETURN(groups, ReadQueries(table, spec.group));
    RETURN_IF_ERROR(CheckQueries(table, spec.group, groups, split, target));
  }
  if (split.train.empty()) return Error(ErrorCode::kData, "the split leaves no training rows");
  RETURN_IF_ERROR(CheckClasses(target, split.train, "training"));
  if (!split.test.empty()) RETURN_IF_ERROR(CheckClasses(target, split.test, "test"));
  if (!spec.treatment.empty()) {
    RETURN_IF_ERROR(CheckArms(target, outcome, treatment, split.train, true, "training"));
    if (!split.test.empty()) RETURN_IF_ERROR(CheckArms(target, outcome, treatment, split.test, false, "test"));
  }
  if (const std::vector<std::string> by = FoldKey(); by != spec.key) {
    ASSIGN_OR_RETURN(const KeyHasher hasher, KeyHasher::Make(table, by));
    for (std::size_t row = 0; row < table.num_rows(); ++row) together_.push_back(hasher.Hash(row, kTogetherSeed));
  }
  const std::vector<std::string> excluded = ExcludedFrom(spec.transform);
  for (std::size_t i = 0; spec.key.empty() && i < table.num_columns(); ++i) {
    const std::string& name = table.schema()[i].name;
    if (name != spec.target && !Contains(excluded, name) && LooksLikeKey(table.column(i)))
      notes->push_back(StrCat("column `", name, "` has a value of its own in every row: if it says which row it is, name it as the key, and it is no feature"));
  }
  RETURN_IF_ERROR(CheckFinite());
  by_key.resize(table.num_rows());
  std::iota(by_key.begin(), by_key.end(), std::size_t{0});
  Reorder(TrainTestRest(split, table.num_rows()));
  return Ok();
}

/// The target of two classes becomes 0 and 1: what is learnt of them is a difference of their probabilities, a number.
Status TrainingRows::ReadArms() {
  ASSIGN_OR_RETURN(treatment, ReadTreatment(table, spec));
  if (outcome == Task::kMulticlass)
    return Error(ErrorCode::kData, "target `", spec.target, "` has more than two classes, and uplift is of one of two, or of a number");
  if (outcome == Task::kBinary) outcome_class = target.classes[1];
  target.task = Task::kRegression;
  target.classes.clear();
  return Ok();
}

/// All rows at once, so that the count told is not that of one fold.
Status TrainingRows::CheckFinite() const {
  const std::vector<std::string> excluded = ExcludedFrom(spec.transform);
  for (std::size_t i = 0; i < table.schema().size(); ++i) {
    const Field& field = table.schema()[i];
    if (field.type != Type::kDouble || field.name == spec.target || Contains(excluded, field.name)) continue;
    const std::span<const double> values = table.column(i).doubles();
    const auto infinities = std::count_if(values.begin(), values.end(), [](double x) { return std::isinf(x); });
    if (infinities > 0)
      return Error(ErrorCode::kData, "column `", field.name, "` has ", Counted(infinities, "infinity", "infinities"))
          .WithHelp("make them null where the rows are read, or leave the column out");
  }
  return Ok();
}

}  // namespace headrace::internal
