#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/distinct_count.h"
#include "headrace/check/measure.h"
#include "headrace/expr/aggregate.h"

namespace headrace::internal {
namespace {

using Function = AggregateExpression::Function;

/// One aggregate call over the rows given to it.
class Aggregate {
 public:
  static Result<Aggregate> Make(const AggregateExpression::Call& call, const Schema& schema) {
    Aggregate out;
    out.function_ = call.function;
    if (call.argument.empty()) return out;
    ASSIGN_OR_RETURN(const Expression parsed, Expression::Parse(call.argument));
    ASSIGN_OR_RETURN(out.argument_, parsed.Bind(schema, {}));
    const Type type = out.argument_->type();
    const bool counts = call.function == Function::kCount || call.function == Function::kCountDistinct || call.function == Function::kNullShare;
    if (!counts && !IsNumeric(type) && type != Type::kBool)
      return Error(ErrorCode::kInvalid, "`", call.argument, "` should be a number to be summed or compared, but is ", TypeName(type)).WithHelp("count(x), count(distinct x) and null_share(x) take any type");
    out.hasher_.emplace(std::vector<std::size_t>{0}, std::vector<Type>{type});
    return out;
  }

  std::vector<std::string> columns() const { return argument_ ? argument_->columns() : std::vector<std::string>(); }
  bool only_counts() const { return function_ == Function::kCountRows || function_ == Function::kCount || function_ == Function::kCountDistinct || function_ == Function::kNullShare; }
  bool exact() const { return distinct_.exact(); }

  Status Add(const Table& block) {
    rows_ += static_cast<std::int64_t>(block.num_rows());
    if (!argument_) return Ok();
    ASSIGN_OR_RETURN(const BoundExpression::Output output, argument_->Evaluate(block, OnError::kRaise));
    const Column& column = *output.column;
    count_ += static_cast<std::int64_t>(column.size() - column.null_count());
    if (function_ == Function::kCountDistinct) AddDistinct(output.column);
    else if (!only_counts()) ForEachNumber(column, [this](double x) {
      sum_.Add(x);
      min_ = std::isnan(x) || x < min_ ? x : min_;
      max_ = std::isnan(x) || x > max_ ? x : max_;
    });
    return Ok();
  }

  /// nullopt: no row has a value.
  std::optional<double> Value() const {
    const auto number = [](std::int64_t n) { return static_cast<double>(n); };
    switch (function_) {
      case Function::kCountRows: return number(rows_);
      case Function::kCount: return number(count_);
      case Function::kCountDistinct: return number(distinct_.Count());
      case Function::kNullShare: return rows_ == 0 ? std::nullopt : std::optional(number(rows_ - count_) / number(rows_));
      case Function::kSum: return sum_.value();
      case Function::kMean: return count_ == 0 ? std::nullopt : std::optional(sum_.value() / number(count_));
      case Function::kMin: return count_ == 0 ? std::nullopt : std::optional(min_);
      case Function::kMax: return count_ == 0 ? std::nullopt : std::optional(max_);
    }
    return std::nullopt;
  }

 private:
  void AddDistinct(const ColumnPtr& column) {
    hasher_->Run(Table(Schema({{"x", column->type()}}), {column}, column->size()), hashes_);
    for (std::size_t i = 0; i < hashes_.size(); ++i)
      if (!column->IsNull(i)) distinct_.Add(hashes_[i]);
  }

  Function function_ = Function::kCountRows;
  std::optional<BoundExpression> argument_;
  std::int64_t rows_ = 0, count_ = 0;
  Sum sum_;
  double min_ = HUGE_VAL, max_ = -HUGE_VAL;
  std::optional<RowHasher> hasher_;
  DistinctCount distinct_;
  std::vector<Hash> hashes_;
};

class Metric : public Measure {
 public:
  Metric(std::string text, std::vector<std::string> columns, std::vector<Aggregate> aggregates, BoundExpression outer)
      : Measure(std::move(columns)), text_(std::move(text)), aggregates_(std::move(aggregates)), outer_(std::move(outer)) {}

  std::unique_ptr<Measure> Clone() const override { return std::make_unique<Metric>(*this); }
  Status Add(const Table& block) override {
    for (Aggregate& aggregate : aggregates_) RETURN_IF_ERROR(aggregate.Add(block));
    return Ok();
  }

  std::optional<double> Finish() override {
    std::vector<Field> fields;
    std::vector<ColumnPtr> columns;
    for (std::size_t k = 0; k < aggregates_.size(); ++k) {
      ColumnBuilder builder(Type::kDouble);
      if (const auto value = aggregates_[k].Value()) builder.AppendDouble(*value);
      else builder.AppendNull();
      fields.push_back({AggregateExpression::ResultName(k), Type::kDouble});
      columns.push_back(builder.Finish());
    }
    const auto output = outer_.Evaluate(Table(Schema(std::move(fields)), std::move(columns), 1), OnError::kNull);
    if (!output.ok() || output->column->IsNull(0)) return std::nullopt;
    return outer_.type() == Type::kDouble ? output->column->doubles()[0] : static_cast<double>(output->column->ints()[0]);
  }

  std::string Complaint(std::optional<double> value, const Bounds& bounds, bool hide) const override {
    const bool exact = std::all_of(aggregates_.begin(), aggregates_.end(), [](const Aggregate& a) { return a.exact(); });
    return Expected(StrCat("`", text_, "`", exact ? "" : " (different values by HyperLogLog, standard error 0.8%)"), value, bounds, hide, "there is nothing to compute it from");
  }
  bool only_counts() const override { return std::all_of(aggregates_.begin(), aggregates_.end(), [](const Aggregate& a) { return a.only_counts(); }); }

 private:
  std::string text_;
  std::vector<Aggregate> aggregates_;
  BoundExpression outer_;
};

}  // namespace

Result<std::unique_ptr<Measure>> MakeMetric(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const AggregateExpression parsed, AggregateExpression::Parse(spec.expression));
  std::vector<Aggregate> aggregates;
  std::vector<std::string> columns;
  std::vector<Field> results;
  for (const AggregateExpression::Call& call : parsed.calls()) {
    Result<Aggregate> aggregate = Aggregate::Make(call, schema);
    if (!aggregate.ok()) return std::move(aggregate).status().WithSpan(call.span);
    for (std::string& column : aggregate->columns()) columns.push_back(std::move(column));
    results.push_back({AggregateExpression::ResultName(aggregates.size()), Type::kDouble});
    aggregates.push_back(std::move(*aggregate));
  }
  ASSIGN_OR_RETURN(BoundExpression outer, parsed.outer().Bind(Schema(std::move(results)), {}));
  if (!IsNumeric(outer.type())) return Error(ErrorCode::kInvalid, "a metric is a number, but `", spec.expression, "` is ", TypeName(outer.type())).WithSpan({0, spec.expression.size()}).WithHelp("give the bounds by `min` and `max`");
  return std::unique_ptr<Measure>(std::make_unique<Metric>(spec.expression, std::move(columns), std::move(aggregates), std::move(outer)));
}

}  // namespace headrace::internal
