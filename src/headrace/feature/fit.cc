// FitTransform: plan, fit each column, keep what is useful, then apply to the training rows. The training matrix is made by the same
// kernels that will score, only target-encoded outputs are replaced by their cross-fitted values.
#include <algorithm>
#include <cassert>
#include <optional>
#include <set>

#include "headrace/feature/blocks.h"
#include "headrace/feature/column_fit.h"
#include "headrace/feature/plan.h"
#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using internal::ColumnFit;
using internal::FitPlan;
using internal::TargetColumns;
using internal::TransformParts;

TargetColumns TargetsOf(const FitContext& context) {
  TargetColumns out;
  if (context.task == Task::kMulticlass) {
    for (int c = 0; c < context.classes; ++c) {
      std::vector<double>& is_class = out.columns.emplace_back(context.target.size());
      for (std::size_t i = 0; i < is_class.size(); ++i) is_class[i] = context.target[i] == c ? 1.0 : 0.0;
      out.classes.push_back(context.class_names.empty() ? StrCat(c) : context.class_names[static_cast<std::size_t>(c)]);
    }
  } else {
    out.columns.push_back(context.target);
  }
  const std::set<int> numbers(context.folds.begin(), context.folds.end());
  const std::vector<int> sorted(numbers.begin(), numbers.end());
  for (const int fold : context.folds) out.folds.push_back(static_cast<int>(std::lower_bound(sorted.begin(), sorted.end(), fold) - sorted.begin()));
  out.fold_count = static_cast<int>(sorted.size());
  return out;
}

/// Fit every planned column: many columns side by side, or the blocks of few.
Result<std::vector<ColumnFit>> FitColumns(const FitPlan& plan, const FitContext& context) {
  const TargetColumns target = TargetsOf(context);
  const std::size_t count = plan.columns.size();
  const bool side_by_side = count >= static_cast<std::size_t>(ResolveThreads(context.threads));
  std::vector<std::optional<Result<ColumnFit>>> fits(count);
  ForEachBlock(side_by_side ? context.threads : 1, count, [&](std::size_t i) {
    fits[i] = FitColumn(plan.columns[i], *plan.all.Find(plan.columns[i].column), target, context.linear_learner, side_by_side ? 1 : context.threads);
  });
  std::vector<ColumnFit> out;
  for (std::optional<Result<ColumnFit>>& fit : fits) {
    if (!fit->ok()) return fit->status();
    out.push_back(std::move(**fit));
  }
  return out;
}

/// Drop derived columns that nothing reads, and list the raw columns that something does.
void KeepWhatIsRead(const Table& data, TransformParts& parts) {
  std::set<std::string> read;
  for (const internal::FittedColumn& fitted : parts.columns) read.insert(fitted.column);
  for (std::size_t i = parts.derived.size(); i-- > 0;) {
    if (read.contains(parts.derived[i].name))
      read.insert(parts.derived[i].expression.columns().begin(), parts.derived[i].expression.columns().end());
    else
      parts.derived.erase(parts.derived.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::vector<Field> inputs;
  for (std::size_t i = 0; i < data.num_columns(); ++i) {
    if (!read.contains(data.schema()[i].name)) continue;
    inputs.push_back(data.schema()[i]);
    const Column& column = data.column(i);
    bool nullable = column.null_count() > 0;
    if (column.type() == Type::kDouble)
      nullable |= std::any_of(column.doubles().begin(), column.doubles().end(), [](double x) { return x != x; });
    parts.nullable.push_back(nullable);
  }
  parts.inputs = Schema(std::move(inputs));
}

Status NothingLeft(const std::vector<std::string>& notes) {
  Status none = Error(ErrorCode::kData, "no usable feature is left");
  return notes.empty() ? std::move(none).WithHelp("the table needs columns besides the target, the key and ignored ones")
                       : std::move(none).WithHelp(Join(notes, "; "));
}

}  // namespace

Result<FitOutput> FitTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context) {
  const std::size_t rows = data.num_rows();
  assert(context.target.size() == rows && (context.folds.empty() || context.folds.size() == rows));
  if (rows == 0) return Error(ErrorCode::kData, "no rows to fit the transforms on");
  ASSIGN_OR_RETURN(FitPlan plan, internal::PlanTransform(data, specs, context));
  ASSIGN_OR_RETURN(std::vector<ColumnFit> fits, FitColumns(plan, context));

  auto parts = std::make_shared<TransformParts>();
  parts->refuse_missing = context.linear_learner;
  parts->derived = std::move(plan.derived);
  std::vector<std::vector<std::vector<double>>> cross_fitted;
  for (std::size_t i = 0; i < fits.size(); ++i) {
    const bool left_out = fits[i].constant && plan.columns[i].by_default;
    if (fits[i].constant) plan.notes.push_back(StrCat("column `", plan.columns[i].column, "` is constant", left_out ? " and was left out" : ""));
    if (left_out) continue;
    parts->columns.push_back(std::move(fits[i].fitted));
    cross_fitted.push_back(std::move(fits[i].cross_fitted));
  }
  if (parts->columns.empty()) return NothingLeft(plan.notes);
  KeepWhatIsRead(data, *parts);
  parts->Finish();

  std::vector<ColumnPtr> sources;
  for (const Field& field : parts->inputs.fields()) sources.push_back(plan.all.column_ptr(*plan.all.schema().IndexOf(field.name)));
  for (const internal::DerivedColumn& one : parts->derived) sources.push_back(plan.all.column_ptr(*plan.all.schema().IndexOf(one.name)));
  const std::size_t width = parts->width();
  std::vector<double> matrix(rows * width);
  const Status applied = ParallelFor(context.threads, FitBlocks(rows), [&](std::size_t b) -> Status {
    const std::size_t begin = b * kFitBlockRows, end = std::min(rows, begin + kFitBlockRows);
    RETURN_IF_ERROR(internal::ApplyTo(*parts, sources, begin, end, matrix.data() + begin * width, nullptr));
    for (std::size_t c = 0; c < cross_fitted.size(); ++c)
      for (std::size_t k = 0; k < cross_fitted[c].size(); ++k)
        for (std::size_t i = begin; i < end; ++i) matrix[i * width + parts->offsets[c] + k] = cross_fitted[c][k][i];
    return Ok();
  });
  RETURN_IF_ERROR(applied);
  return FitOutput{FittedTransform(std::move(parts)), std::move(matrix), std::move(plan.notes)};
}

}  // namespace headrace
