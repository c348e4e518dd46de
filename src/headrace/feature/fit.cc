// FitTransform: plan, fit each group, keep what is useful, then apply to the training rows. The training matrix is made by the same
// kernels that will score, only cross-fitted outputs are replaced by their values for training.
#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <set>

#include "headrace/feature/blocks.h"
#include "headrace/feature/fill_matrix.h"
#include "headrace/feature/group_fit.h"
#include "headrace/feature/kernels.h"
#include "headrace/feature/plan.h"
#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using internal::GroupFit;
using internal::FitPlan;
using internal::TargetColumns;
using internal::TransformParts;

TargetColumns TargetsOf(const FitContext& context) {
  TargetColumns out;
  out.task = context.task;
  out.given = context.has_target;
  if (context.task == Task::kMulticlass) {
    for (int c = 0; c < context.classes; ++c) {
      std::vector<double>& is_class = out.columns.emplace_back(context.target.size());
      for (std::size_t i = 0; i < is_class.size(); ++i) is_class[i] = context.target[i] == c ? 1.0 : 0.0;
      out.classes.push_back(context.class_names.empty() ? StrCat(c) : context.class_names[static_cast<std::size_t>(c)]);
    }
  } else {
    out.columns.push_back(context.target);
  }
  out.together = context.together;
  return out;
}

/// Fit every planned group: many side by side, or the blocks of few.
Result<std::vector<GroupFit>> FitGroups(const FitPlan& plan, const FitContext& context) {
  const TargetColumns target = TargetsOf(context);
  const std::size_t count = plan.groups.size();
  const bool side_by_side = count >= static_cast<std::size_t>(ResolveThreads(context.threads));
  std::vector<std::optional<Result<GroupFit>>> fits(count);
  ForEach(side_by_side ? context.threads : 1, count, [&](std::size_t i) {
    fits[i] = FitGroup(plan.groups[i], plan.all, target, context.linear_learner, context.exact_percentiles.value_or(kExactPercentiles), side_by_side ? 1 : context.threads);
  });
  std::vector<GroupFit> out;
  for (std::optional<Result<GroupFit>>& fit : fits) {
    if (!fit->ok()) return fit->status();
    out.push_back(std::move(**fit));
  }
  return out;
}

/// The places of all columns that are read, inputs first, then derived ones.
std::vector<ColumnPtr> SourcesOf(const TransformParts& parts, const Table& all) {
  std::vector<ColumnPtr> sources;
  for (const Field& field : parts.inputs.fields()) sources.push_back(all.column_ptr(*all.schema().IndexOf(field.name)));
  for (const internal::DerivedColumn& one : parts.derived) sources.push_back(all.column_ptr(*all.schema().IndexOf(one.name)));
  return sources;
}

/// Whether every row has the same outputs of group `g`. Mostly the first block says no.
Result<bool> IsConstant(const TransformParts& parts, std::size_t g, std::span<const ColumnPtr> columns, std::size_t rows) {
  const std::size_t block = std::min(parts.block_rows(), rows), width = parts.groups[g].width();
  internal::BlockRunner runner(parts, block);
  double* const* out = runner.out() + parts.offsets[g];
  std::vector<std::int64_t> unseen(parts.groups[g].columns.size());
  std::vector<double> first(width);
  for (std::size_t begin = 0; begin < rows; begin += block) {
    const std::size_t some = std::min(block, rows - begin);
    RETURN_IF_ERROR(runner.RunGroup(g, columns, begin, some, out, unseen.data()));
    for (std::size_t k = 0; k < width; ++k) {
      if (begin == 0) first[k] = out[k][0];
      for (std::size_t i = 0; i < some; ++i)
        if (out[k][i] != first[k] && !(out[k][i] != out[k][i] && first[k] != first[k])) return false;
    }
  }
  return true;
}

/// Of single columns, those that are constant get a note, and stay only if an entry names them.
Status DropConstants(const FitPlan& plan, std::span<const ColumnPtr> columns, std::size_t rows, int threads, std::vector<GroupFit>& fits, TransformParts& parts,
                     std::vector<std::string>& notes) {
  std::vector<char> constant(fits.size());
  RETURN_IF_ERROR(ParallelFor(threads, fits.size(), [&](std::size_t g) -> Status {
    if (parts.groups[g].columns.size() > 1) return Ok();
    ASSIGN_OR_RETURN(const bool same, IsConstant(parts, g, columns, rows));
    constant[g] = same ? 1 : 0;
    return Ok();
  }));
  std::vector<internal::FittedGroup> kept;
  std::vector<GroupFit> kept_fits;
  for (std::size_t g = 0; g < fits.size(); ++g) {
    const bool left_out = constant[g] != 0 && plan.groups[g].by_default;
    if (constant[g] != 0) notes.push_back(StrCat("column `", plan.groups[g].columns[0], "` is constant", left_out ? " and was left out" : ""));
    if (left_out) continue;
    kept.push_back(std::move(parts.groups[g]));
    kept_fits.push_back(std::move(fits[g]));
  }
  parts.groups = std::move(kept);
  fits = std::move(kept_fits);
  return Ok();
}

/// Drop derived columns that nothing reads, and list the raw columns that something does.
void KeepWhatIsRead(const Table& data, TransformParts& parts) {
  std::set<std::string> read;
  for (const internal::FittedGroup& group : parts.groups)
    for (const internal::FittedColumn& fitted : group.columns) {
      read.insert(fitted.column);
      for (const internal::StepPtr& step : fitted.program.steps)
        if (!step->other().empty()) read.emplace(step->other());
    }
  for (std::size_t i = parts.derived.size(); i-- > 0;) {
    if (read.contains(parts.derived[i].name))
      read.insert(parts.derived[i].expression.columns().begin(), parts.derived[i].expression.columns().end());
    else
      parts.derived.erase(parts.derived.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::vector<Field> inputs;
  for (const Field& field : data.schema().fields())
    if (read.contains(field.name)) inputs.push_back(field);
  parts.inputs = Schema(std::move(inputs));
}

bool HasMissing(const Column& column) {
  if (column.null_count() > 0) return true;
  if (column.type() != Type::kDouble) return false;
  constexpr std::size_t kSome = 4096;
  for (std::span<const double> rest = column.doubles(); !rest.empty(); rest = rest.subspan(std::min(kSome, rest.size())))
    if (internal::OdditiesOf(rest.data(), std::min(kSome, rest.size())).missing) return true;
  return false;
}

/// Fitting a column has told already; what other columns are derived or filled from is looked through.
void FindNullable(const Table& data, const std::vector<GroupFit>& fits, int threads, TransformParts& parts) {
  std::map<std::string_view, bool> known;
  for (std::size_t g = 0; g < fits.size(); ++g)
    for (std::size_t c = 0; c < fits[g].nullable.size(); ++c) known[parts.groups[g].columns[c].column] = fits[g].nullable[c];
  std::vector<char> nullable(parts.inputs.size());
  ForEach(threads, nullable.size(), [&](std::size_t i) {
    const auto found = known.find(parts.inputs[i].name);
    nullable[i] = (found != known.end() ? found->second : HasMissing(*data.Find(parts.inputs[i].name))) ? 1 : 0;
  });
  parts.nullable.assign(nullable.begin(), nullable.end());
}

Status NothingLeft(const std::vector<std::string>& notes) {
  Status none = Error(ErrorCode::kData, "no usable feature is left");
  return notes.empty() ? std::move(none).WithHelp("the table needs columns besides the target, the key and ignored ones")
                       : std::move(none).WithHelp(Join(notes, "; "));
}

}  // namespace

Result<FitOutput> FitTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context) {
  const std::size_t rows = data.num_rows();
  assert(context.target.size() == rows && (context.together.empty() || context.together.size() == rows));
  if (rows == 0) return Error(ErrorCode::kData, "no rows to fit the transforms on");
  ASSIGN_OR_RETURN(FitPlan plan, internal::PlanTransform(data, specs, context));
  ASSIGN_OR_RETURN(std::vector<GroupFit> fits, FitGroups(plan, context));

  auto parts = std::make_shared<TransformParts>();
  parts->refuse_missing = context.linear_learner;
  parts->derived = std::move(plan.derived);
  for (GroupFit& fit : fits) parts->groups.push_back(std::move(fit.group));
  if (parts->groups.empty()) return NothingLeft(plan.notes);
  KeepWhatIsRead(data, *parts);
  parts->Finish();
  RETURN_IF_ERROR(DropConstants(plan, SourcesOf(*parts, plan.all), rows, context.threads, fits, *parts, plan.notes));
  if (parts->groups.empty()) return NothingLeft(plan.notes);
  KeepWhatIsRead(data, *parts);
  FindNullable(data, fits, context.threads, *parts);
  parts->Finish();

  for (const std::string& column : FittedTransform(parts).SketchedColumns())
    plan.notes.push_back(StrCat("column `", column, "`: its percentiles come from a KLL sketch, whose ranks are within ", KllSketch::kRankError * 100, " %: there are too many rows for exact ones"));
  if (parts->width() > internal::kMaxWidth)
    return Error(ErrorCode::kData, "the transforms make ", FormatCount(static_cast<std::int64_t>(parts->width())), " columns; at most ", FormatCount(internal::kMaxWidth), " are possible")
        .WithHelp("encode fewer columns by onehot or text");
  FitOutput out{FittedTransform(parts), {}, std::move(plan.notes)};
  if (!context.matrix) return out;
  std::vector<internal::GivenOutput> given;
  for (std::size_t g = 0; g < fits.size(); ++g)
    for (std::size_t k = 0; k < fits[g].cross_fitted.size(); ++k) given.push_back({parts->offsets[g] + k, fits[g].cross_fitted[k]});
  ASSIGN_OR_RETURN(out.matrix, internal::FillMatrix(*parts, SourcesOf(*parts, plan.all), rows, context.compress, context.threads, given));
  return out;
}

}  // namespace headrace
