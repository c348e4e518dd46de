#include "headrace/check/row_check.h"

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/expr/expr.h"

namespace headrace::internal {
namespace {

class NotNull : public RowCheck {
 public:
  NotNull(std::vector<std::string> names, std::vector<std::size_t> at)
      : RowCheck(std::move(names)), at_(std::move(at)), nulls_(at_.size()) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<NotNull>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    for (std::size_t k = 0; k < at_.size(); ++k) {
      const Column& column = block.column(at_[k]);
      if (column.null_count() == 0) continue;
      nulls_[k] += static_cast<std::int64_t>(column.null_count());
      const auto valid = column.valid();
      for (std::size_t i = 0; i < failed.size(); ++i) failed[i] = static_cast<std::uint8_t>(failed[i] | (valid[i] == 0 ? 1 : 0));
    }
    return Ok();
  }

  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    const std::vector<std::string> guilty = GuiltyColumns();
    if (guilty.size() == 1) return StrCat("column `", guilty[0], "`: ", RowsThat(failed, rows, "is", "are"), " null");
    std::string where;
    for (std::size_t k = 0; k < at_.size(); ++k)
      if (nulls_[k] > 0) where += StrCat(where.empty() ? "`" : ", `", columns()[k], "` (", FormatCount(nulls_[k]), ")");
    return StrCat(RowsThat(failed, rows, "has", "have"), " a null in ", where);
  }

  std::vector<std::string> GuiltyColumns() const override {
    std::vector<std::string> guilty;
    for (std::size_t k = 0; k < at_.size(); ++k)
      if (nulls_[k] > 0) guilty.push_back(columns()[k]);
    return guilty;
  }

 private:
  std::vector<std::size_t> at_;
  std::vector<std::int64_t> nulls_;
};

class Expect : public RowCheck {
 public:
  Expect(std::string text, BoundExpression expression)
      : RowCheck(expression.columns()), text_(std::move(text)), expression_(std::move(expression)) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<Expect>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    ASSIGN_OR_RETURN(const BoundExpression::Output output, expression_.Evaluate(block, OnError::kRaise));
    const auto passes = output.column->ints();
    for (std::size_t i = 0; i < failed.size(); ++i) failed[i] = passes[i] == 0 && !output.column->IsNull(i) ? 1 : 0;
    return Ok();
  }

  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    return StrCat(RowsThat(failed, rows, "fails", "fail"), " `", text_, "`");
  }
  bool by_value() const override { return true; }

 private:
  std::string text_;
  BoundExpression expression_;
};

}  // namespace

RowCheck::RowCheck(std::vector<std::string> columns) {
  for (std::string& name : columns)
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) columns_.push_back(std::move(name));
}

Result<std::size_t> ColumnAt(const Schema& schema, const std::string& name) {
  if (const auto at = schema.IndexOf(name)) return *at;
  const std::string near = NearestName(name, schema.Names());
  Status status = Error(ErrorCode::kInvalid, "there is no column `", name, "`");
  if (!near.empty()) return std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
  return status;
}

Result<std::size_t> OnlyColumn(const CheckSpec& spec, const Schema& schema) {
  if (spec.columns.size() != 1) return Error(ErrorCode::kInvalid, "`", CheckKindName(spec.kind), "` looks at one column, got ", spec.columns.size());
  return ColumnAt(schema, spec.columns[0]);
}

std::string RowsThat(std::int64_t failed, std::int64_t rows, std::string_view singular, std::string_view plural) {
  return StrCat(FormatCount(failed), " of ", Counted(rows, "row"), " ", failed == 1 ? singular : plural);
}

Result<std::unique_ptr<RowCheck>> MakeNotNull(const std::vector<std::string>& columns, const Schema& schema) {
  std::vector<std::string> names;
  std::vector<std::size_t> at;
  for (const std::string& name : columns) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    ASSIGN_OR_RETURN(const std::size_t index, ColumnAt(schema, name));
    names.push_back(name);
    at.push_back(index);
  }
  if (at.empty()) return Error(ErrorCode::kInvalid, "`not_null` names no column");
  return std::unique_ptr<RowCheck>(std::make_unique<NotNull>(std::move(names), std::move(at)));
}

Result<std::unique_ptr<RowCheck>> MakeExpect(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const Expression parsed, Expression::Parse(spec.expression));
  ASSIGN_OR_RETURN(BoundExpression bound, parsed.Bind(schema, {}));
  if (bound.type() != Type::kBool)
    return Error(ErrorCode::kInvalid, "an expectation is true or false, but `", spec.expression, "` is ", TypeName(bound.type()))
        .WithSpan({0, spec.expression.size()}).WithHelp("compare it with something, for example `> 0`");
  return std::unique_ptr<RowCheck>(std::make_unique<Expect>(spec.expression, std::move(bound)));
}

Result<std::unique_ptr<RowCheck>> MakeRowCheck(const CheckSpec& spec, const Schema& schema, const CheckContext& context) {
  using Kind = CheckSpec::Kind;
  switch (spec.kind) {
    case Kind::kNotNull: return MakeNotNull(spec.columns, schema);
    case Kind::kUnique: return MakeUnique(spec, schema);
    case Kind::kRange: return MakeRange(spec, schema);
    case Kind::kOneOf: return MakeOneOf(spec, schema);
    case Kind::kMatches: return MakeMatches(spec, schema);
    case Kind::kExpect: return MakeExpect(spec, schema);
    case Kind::kTypeOfText: return MakeTypeOfText(spec, schema);
    case Kind::kOrdered:
    case Kind::kMonotone: return MakeOrdered(spec, schema);
    case Kind::kForeignKey: return MakeForeignKey(spec, schema, context);
    case Kind::kDrift: return Error(ErrorCode::kInvalid, "`drift` is judged on the steps of a run, not here");
    default: return Error(ErrorCode::kInternal, "`", CheckKindName(spec.kind), "` is not a check of single rows");
  }
}

}  // namespace headrace::internal
