#include "headrace/feature/plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "headrace/feature/levels.h"

namespace headrace::internal {
namespace {

using Kind = TransformStep::Kind;

// Defaults for columns that no group names; docs/transforms.md gives the reasons.
constexpr std::size_t kOneHotLevels = 50;          // text with more levels is target encoded
constexpr std::size_t kIdentifierLevels = 100;     // text with more levels, most of them of one row, is left out
constexpr std::int64_t kDefaultMinFrequency = 10;  // rarer levels join "(other)"; below 1,000 rows one in a hundred

bool IsMoment(Type type) { return type == Type::kDate || type == Type::kTimestamp || type == Type::kDuration; }

Status Refuse(const std::string& column, std::string_view why) { return Error(ErrorCode::kInvalid, "column `", column, "`: ", why); }

std::string HowToUseMoment(const Field& field) {
  const std::string call = field.type == Type::kDuration ? StrCat("date_part('day', ", field.name, ")") : StrCat("date_part('month', ", field.name, ")");
  return StrCat("derive a number from it, for example {derive: {", field.name, "_part: \"", call, "\"}}",
                field.type == Type::kDuration ? "" : ", or a distance in days with date_diff");
}

Status CheckImpute(const Field& field, const TransformStep& step, bool encoded, bool filled) {
  if (step.impute == TransformStep::Impute::kMissing) {
    if (encoded || filled) return Refuse(field.name, "impute: missing must come before the encoding and any other impute");
    return Ok();
  }
  const bool text = field.type == Type::kText && !encoded;
  if (step.impute == TransformStep::Impute::kConstant) {
    if (text) return Ok();
    const Result<double> constant = NumberConstant(step.constant, encoded ? Type::kDouble : field.type);
    return constant.ok() ? Ok() : Refuse(field.name, constant.status().message());
  }
  if (text && step.impute != TransformStep::Impute::kMostFrequent)
    return Refuse(field.name, "is text, which has no mean or median").WithHelp("say {impute: most_frequent} or {impute: missing}");
  return Ok();
}

Status CheckClip(const Field& field, const TransformStep& step) {
  if (!step.lower && !step.upper) return Refuse(field.name, "clip needs a lower or an upper bound");
  for (const std::optional<double>& bound : {step.lower, step.upper}) {
    if (!bound) continue;
    if (!std::isfinite(*bound)) return Refuse(field.name, "clip bounds must be finite");
    if (step.percentiles && (*bound < 0 || *bound > 100)) return Refuse(field.name, "clip percentiles must be between 0% and 100%");
  }
  if (step.lower && step.upper && *step.lower > *step.upper)
    return Refuse(field.name, StrCat("clip's lower bound ", *step.lower, " is above its upper bound ", *step.upper));
  return Ok();
}

Status CheckEncode(const Field& field, const TransformStep& step, bool encoded) {
  if (encoded) return Refuse(field.name, "is encoded twice");
  if (step.encode != TransformStep::Encode::kOneHot && step.min_frequency > 0)
    return Refuse(field.name, "min_frequency belongs to {encode: onehot}");
  if (step.encode == TransformStep::Encode::kTarget && step.folds < 2)
    return Refuse(field.name, StrCat("target encoding needs at least 2 folds, not ", step.folds));
  return Ok();
}

/// Whether `steps` make sense for the column's type.
Status CheckSteps(const Field& field, const std::vector<TransformStep>& steps) {
  if (IsMoment(field.type)) return Refuse(field.name, StrCat("is a ", TypeName(field.type), ", which is not a feature")).WithHelp(HowToUseMoment(field));
  bool encoded = false, filled = false;
  for (const TransformStep& step : steps) {
    const bool text = field.type == Type::kText && !encoded;
    if (text && step.kind != Kind::kImpute && step.kind != Kind::kEncode)
      return Refuse(field.name, "is text; clip, scale and log1p need numbers").WithHelp("put {encode: onehot} in front");
    switch (step.kind) {
      case Kind::kImpute:
        RETURN_IF_ERROR(CheckImpute(field, step, encoded, filled));
        filled |= step.impute != TransformStep::Impute::kMissing || text;
        break;
      case Kind::kClip: RETURN_IF_ERROR(CheckClip(field, step)); break;
      case Kind::kEncode:
        RETURN_IF_ERROR(CheckEncode(field, step, encoded));
        encoded = true;
        break;
      case Kind::kScale:
      case Kind::kLog1p: break;
    }
  }
  if (field.type == Type::kText && !encoded)
    return Refuse(field.name, "is text and no step encodes it").WithHelp("add {encode: onehot}, {encode: ordinal} or {encode: target}");
  return Ok();
}

bool AllMissing(const Column& column) {
  if (column.null_count() == column.size()) return true;
  if (column.type() != Type::kDouble) return false;
  for (std::size_t i = 0; i < column.size(); ++i)
    if (!column.IsNull(i) && column.doubles()[i] == column.doubles()[i]) return false;
  return true;
}

TransformStep Imputed(TransformStep::Impute impute) {
  TransformStep step;
  step.kind = Kind::kImpute;
  step.impute = impute;
  return step;
}

TransformStep Scaled() {
  TransformStep step;
  step.kind = Kind::kScale;
  return step;
}

/// The planner's state while it walks through the specs.
class Planner {
 public:
  Planner(const Table& data, const FitContext& context) : context_(context) { plan_.all = data; }

  Status Derive(const std::string& name, const std::string& text);
  Status Group(const TransformSpec& spec);
  void Defaults();
  FitPlan Take() { return std::move(plan_); }

 private:
  bool Excluded(const std::string& name) const {
    return name == context_.target_column || std::find(context_.exclude.begin(), context_.exclude.end(), name) != context_.exclude.end();
  }
  void Note(std::string note) { plan_.notes.push_back(std::move(note)); }
  /// Steps for a column that no group names; nullopt leaves it out (with a note).
  std::optional<std::vector<TransformStep>> DefaultSteps(const Field& field, const Column& column);
  std::optional<std::vector<TransformStep>> DefaultTextSteps(const Field& field, const Column& column);

  const FitContext& context_;
  FitPlan plan_;
  std::set<std::string> named_, read_by_derive_;
};

Status Planner::Derive(const std::string& name, const std::string& text) {
  const std::string context = StrCat("derive `", name, "`");
  if (name.empty()) return Error(ErrorCode::kInvalid, "a derived column needs a name");
  if (plan_.all.Find(name) != nullptr) return Error(ErrorCode::kInvalid, context, ": the table has a column of that name already");
  Result<Expression> parsed = Expression::Parse(text);
  if (!parsed.ok()) return std::move(parsed).status().WithContext(context);
  Result<BoundExpression> bound = parsed->Bind(plan_.all.schema(), {});
  if (!bound.ok()) return std::move(bound).status().WithContext(context);
  for (const std::string& column : bound->columns()) {
    if (column == context_.target_column) return Error(ErrorCode::kInvalid, context, " reads the target `", column, "`");
    read_by_derive_.insert(column);
  }
  Result<BoundExpression::Output> output = EvaluateDerived(*bound, plan_.all);
  if (!output.ok()) return std::move(output).status().WithContext(context);
  if (output->errors > 0) Note(StrCat(context, ": ", FormatCount(output->errors), " rows could not be computed and are null"));
  plan_.all = plan_.all.WithColumn(name, output->column);
  plan_.derived.push_back({name, text, std::move(bound).value()});
  return Ok();
}

Status Planner::Group(const TransformSpec& spec) {
  for (const std::string& name : spec.columns) {
    const std::optional<std::size_t> at = plan_.all.schema().IndexOf(name);
    if (!at) {
      const std::string near = NearestName(name, plan_.all.schema().Names());
      Status unknown = Error(ErrorCode::kInvalid, "transform names the column `", name, "`, which the table does not have");
      return near.empty() ? unknown : std::move(unknown).WithHelp(StrCat("did you mean `", near, "`?"));
    }
    if (name == context_.target_column) return Refuse(name, "is the target and cannot be a feature");
    if (Excluded(name)) return Refuse(name, "is a key or ignored, and a transform names it");
    if (!named_.insert(name).second) return Refuse(name, "is named by two transforms").WithHelp("put all steps of a column into one group");
    const Field& field = plan_.all.schema()[*at];
    RETURN_IF_ERROR(CheckSteps(field, spec.steps));
    if (AllMissing(plan_.all.column(*at)))
      Note(StrCat("column `", name, "` has no value in any row and was left out"));
    else
      plan_.columns.push_back({name, spec.steps, false});
  }
  return Ok();
}

std::optional<std::vector<TransformStep>> Planner::DefaultTextSteps(const Field& field, const Column& column) {
  const std::size_t levels = CountLevels(column, context_.threads).size();
  const std::size_t present = column.size() - column.null_count();
  if (levels > kIdentifierLevels && levels * 2 > present) {
    Note(StrCat("column `", field.name, "` looks like an identifier (", FormatCount(static_cast<std::int64_t>(levels)), " different texts in ",
                FormatCount(static_cast<std::int64_t>(present)), " rows) and was left out; name it in `transform` to use it"));
    return std::nullopt;
  }
  TransformStep encode;
  encode.kind = Kind::kEncode;
  if (levels <= kOneHotLevels) {
    encode.encode = TransformStep::Encode::kOneHot;
    encode.min_frequency = std::clamp<std::int64_t>(static_cast<std::int64_t>(column.size() / 100), 1, kDefaultMinFrequency);
    return std::vector<TransformStep>{encode};
  }
  encode.encode = TransformStep::Encode::kTarget;
  if (context_.linear_learner) return std::vector<TransformStep>{encode, Scaled()};
  return std::vector<TransformStep>{encode};
}

std::optional<std::vector<TransformStep>> Planner::DefaultSteps(const Field& field, const Column& column) {
  if (IsMoment(field.type)) {
    if (!read_by_derive_.contains(field.name))
      Note(StrCat("column `", field.name, "` is a ", TypeName(field.type), " and was left out; ", HowToUseMoment(field)));
    return std::nullopt;
  }
  if (AllMissing(column)) {
    Note(StrCat("column `", field.name, "` has no value in any row and was left out"));
    return std::nullopt;
  }
  if (field.type == Type::kText) return DefaultTextSteps(field, column);
  if (!context_.linear_learner) return std::vector<TransformStep>{};
  if (field.type == Type::kBool) return std::vector<TransformStep>{Imputed(TransformStep::Impute::kMostFrequent)};
  return std::vector<TransformStep>{Imputed(TransformStep::Impute::kMedian), Scaled()};
}

void Planner::Defaults() {
  for (std::size_t i = 0; i < plan_.all.num_columns(); ++i) {
    const Field& field = plan_.all.schema()[i];
    if (Excluded(field.name) || named_.contains(field.name)) continue;
    if (std::optional<std::vector<TransformStep>> steps = DefaultSteps(field, plan_.all.column(i)))
      plan_.columns.push_back({field.name, std::move(*steps), true});
  }
}

}  // namespace

Result<double> NumberConstant(const std::string& text, Type type) {
  double number = 0;
  if (ParseDouble(text, &number) && std::isfinite(number)) {
    if (type == Type::kDouble || (type == Type::kInt && number == std::trunc(number)) || (type == Type::kBool && (number == 0 || number == 1)))
      return number;
  } else if (type == Type::kBool && (text == "true" || text == "false")) {
    return text == "true" ? 1.0 : 0.0;
  }
  return Error(ErrorCode::kInvalid, "the constant `", text, "` is not a ", TypeName(type));
}

Result<FitPlan> PlanTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context) {
  Planner planner(data, context);
  for (const TransformSpec& spec : specs) {
    for (const auto& [name, text] : spec.derive) RETURN_IF_ERROR(planner.Derive(name, text));
    RETURN_IF_ERROR(planner.Group(spec));
  }
  planner.Defaults();
  return planner.Take();
}

}  // namespace headrace::internal

namespace headrace {

Status CheckTransform(const Schema& schema, const std::vector<TransformSpec>& specs, const FitContext& context) {
  std::vector<ColumnPtr> columns;
  for (const Field& field : schema.fields()) columns.push_back(ColumnBuilder(field.type).Finish());
  return internal::PlanTransform(Table(schema, std::move(columns), 0), specs, context).status();
}

}  // namespace headrace
