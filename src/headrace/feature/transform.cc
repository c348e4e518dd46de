#include "headrace/feature/transform.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "headrace/feature/fill_matrix.h"
#include "headrace/feature/parts.h"

namespace headrace {

std::string_view TaskName(Task task) {
  switch (task) {
    case Task::kBinary: return "binary";
    case Task::kMulticlass: return "multiclass";
    case Task::kRegression: return "regression";
    case Task::kClustering: return "clustering";
  }
  return "";
}

namespace internal {
namespace {

constexpr std::int64_t kExactInts = std::int64_t{1} << 53;   // whole numbers up to here are doubles

Status OtherType(const Field& trained, const Column& found) {
  return Error(ErrorCode::kData, "column `", trained.name, "` is ", TypeName(found.type()), ", but was ", TypeName(trained.type),
               " at training");
}

/// `column` as the type of training, where every value converts exactly.
Result<ColumnPtr> AsType(const Field& trained, const ColumnPtr& column) {
  const std::size_t rows = column->size();
  if (column->type() == trained.type) return column;
  if (column->null_count() == rows) {
    ColumnBuilder nulls(trained.type);
    for (std::size_t i = 0; i < rows; ++i) nulls.AppendNull();
    return nulls.Finish();
  }
  std::vector<std::uint8_t> valid(column->valid().begin(), column->valid().end());
  if (trained.type == Type::kDouble && column->type() == Type::kInt) {
    std::vector<double> doubles(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const std::int64_t v = column->ints()[i];
      if (v > kExactInts || v < -kExactInts) return OtherType(trained, *column);
      doubles[i] = static_cast<double>(v);
    }
    return std::make_shared<const Column>(std::move(doubles), std::move(valid));
  }
  if (trained.type == Type::kInt && column->type() == Type::kDouble) {
    std::vector<std::int64_t> ints(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const double x = column->doubles()[i];
      if (x != x) {
        valid.resize(rows, 1);
        valid[i] = 0;
      } else if (std::fabs(x) > static_cast<double>(kExactInts) || x != std::trunc(x)) {
        return OtherType(trained, *column);
      } else {
        ints[i] = static_cast<std::int64_t>(x);
      }
    }
    return std::make_shared<const Column>(Type::kInt, std::move(ints), std::move(valid));
  }
  return OtherType(trained, *column);
}

}  // namespace

Result<BoundExpression::Output> EvaluateDerived(const BoundExpression& expression, const Table& table) {
  ASSIGN_OR_RETURN(BoundExpression::Output output, expression.Evaluate(table, OnError::kNull));
  if (expression.type() != Type::kDouble) return output;
  const std::span<const double> values = output.column->doubles();
  const auto infinities = std::count_if(values.begin(), values.end(), [](double x) { return std::isinf(x); });
  if (infinities == 0) return output;
  std::vector<std::uint8_t> valid(values.size());
  std::vector<double> finite(values.begin(), values.end());
  for (std::size_t i = 0; i < valid.size(); ++i) {
    valid[i] = !output.column->IsNull(i) && !std::isinf(finite[i]) ? 1 : 0;
    if (valid[i] == 0) finite[i] = 0;
  }
  return BoundExpression::Output{std::make_shared<const Column>(std::move(finite), std::move(valid)), output.errors + infinities};
}

}  // namespace internal

namespace {

using internal::TransformParts;

/// The input columns of `rows` with the types of training, in the order of parts.inputs.
Result<std::vector<ColumnPtr>> AdaptInputs(const TransformParts& parts, const Table& rows) {
  const std::vector<Field>& found = rows.schema().fields();
  std::vector<ColumnPtr> inputs;
  inputs.reserve(parts.inputs.size() + parts.derived.size());
  std::size_t next = 0;   // most tables have the order of training: look there first
  for (const Field& field : parts.inputs.fields()) {
    const std::optional<std::size_t> at = next < found.size() && found[next].name == field.name ? next : rows.schema().IndexOf(field.name);
    if (!at) {
      const std::string near = NearestName(field.name, rows.schema().Names());
      Status missing = Error(ErrorCode::kData, "column `", field.name, "` (", TypeName(field.type), ") is missing");
      return near.empty() ? missing : std::move(missing).WithHelp(StrCat("did `", near, "` use to be called `", field.name, "`?"));
    }
    ASSIGN_OR_RETURN(ColumnPtr column, internal::AsType(field, rows.column_ptr(*at)));
    inputs.push_back(std::move(column));
    next = *at + 1;
  }
  return inputs;
}

/// Add the derived columns to the inputs.
Status AddDerived(const TransformParts& parts, std::vector<ColumnPtr>& columns, std::size_t rows, ApplyCounts* counts) {
  if (parts.derived.empty()) return Ok();
  Table all(parts.inputs, columns, rows);
  for (const internal::DerivedColumn& derived : parts.derived) {
    ASSIGN_OR_RETURN(BoundExpression::Output output, internal::EvaluateDerived(derived.expression, all));
    if (counts != nullptr && output.errors > 0) counts->derive_errors[derived.name] += output.errors;
    columns.push_back(output.column);
    all = all.WithColumn(derived.name, std::move(output.column));
  }
  return Ok();
}

}  // namespace

const Schema& FittedTransform::input_schema() const { return parts_->inputs; }
const std::vector<bool>& FittedTransform::input_nullable() const { return parts_->nullable; }
const std::vector<std::string>& FittedTransform::output_names() const { return parts_->names; }
const std::vector<std::string>& FittedTransform::output_columns() const { return parts_->name_columns; }

std::vector<std::string> FittedTransform::LevelsOf(std::string_view column) const {
  for (const internal::FittedGroup& group : parts_->groups)
    for (const internal::FittedColumn& fitted : group.columns)
      for (const internal::StepPtr& step : fitted.program.steps)
        if (fitted.column == column)
          if (std::vector<std::string> names = step->LevelNames(); !names.empty()) return names;
  return {};
}

std::vector<std::string> FittedTransform::SketchedColumns() const {
  std::vector<std::string> out;
  for (const internal::FittedGroup& group : parts_->groups) {
    for (const internal::FittedColumn& fitted : group.columns)
      if (fitted.sketched) out.push_back(fitted.column);
    if (group.sketched) out.push_back(group.Label());
  }
  return out;
}

Status FittedTransform::Apply(const Table& rows, std::span<double> out, ApplyCounts* counts, int threads, Layout layout) const {
  assert(out.size() == rows.num_rows() * parts_->width());
  ASSIGN_OR_RETURN(std::vector<ColumnPtr> columns, AdaptInputs(*parts_, rows));
  RETURN_IF_ERROR(AddDerived(*parts_, columns, rows.num_rows(), counts));
  return internal::ApplyTo(*parts_, columns, rows.num_rows(), out.data(), layout, threads, counts);
}

Result<Matrix> FittedTransform::MakeMatrix(const Table& rows, bool compress, int threads) const {
  ASSIGN_OR_RETURN(std::vector<ColumnPtr> columns, AdaptInputs(*parts_, rows));
  RETURN_IF_ERROR(AddDerived(*parts_, columns, rows.num_rows(), nullptr));
  return internal::FillMatrix(*parts_, columns, rows.num_rows(), compress, threads);
}

}  // namespace headrace
