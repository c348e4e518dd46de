#include "headrace/feature/plan.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "headrace/feature/levels.h"

namespace headrace::internal {
namespace {

// Defaults for columns that no entry takes; docs/transforms.md gives the reasons.
constexpr std::size_t kOneHotLevels = 50;          // text with more levels is target encoded
constexpr std::size_t kIdentifierLevels = 100;     // text with more levels, most of them of one row, is left out
constexpr std::int64_t kDefaultMinFrequency = 10;  // rarer levels join "(other)"; below 1,000 rows one in a hundred

Status Refuse(const std::string& column, std::string_view why) { return Error(ErrorCode::kInvalid, "column `", column, "`: ", why); }

std::string HowToUseMoment(const Field& field) {
  if (field.type == Type::kDuration) return StrCat("derive a number from it, for example {derive: {", field.name, "_part: \"date_part('day', ", field.name, ")\"}}");
  return StrCat("take parts of it, for example {columns: [", field.name, "], steps: [{date: [month, weekday]}]}, or derive a number from it with date_diff");
}

/// Whether `steps` make sense for each of the columns, and `group_steps` for what comes out of them.
Status CheckSteps(const Schema& schema, const GroupPlan& group) {
  bool filled = true;
  for (const std::string& name : group.columns) {
    const Field& field = schema[*schema.IndexOf(name)];
    const bool dated = !group.steps.empty() && std::holds_alternative<DateStep>(group.steps[0]);
    if (IsMoment(field.type) && !(dated && field.type != Type::kDuration))
      return Refuse(name, StrCat("is a ", TypeName(field.type), ", which is not a feature")).WithHelp(HowToUseMoment(field));
    StepTypes types{schema, name, field.type, field.type != Type::kText && !IsMoment(field.type), false, false};
    for (const TransformStep& step : group.steps) RETURN_IF_ERROR(CheckStep(step, types));
    if (!types.numbers) return Refuse(name, "is text and no step encodes it").WithHelp("add {encode: onehot}, {encode: ordinal} or {encode: target}");
    filled = filled && types.filled;
  }
  StepTypes types{schema, Join(group.columns, ", "), Type::kDouble, true, filled, true};
  for (const TransformStep& step : group.group_steps) RETURN_IF_ERROR(CheckStep(step, types));
  return Ok();
}

/// A column's name as an expression.
std::string Quoted(std::string_view name) { return StrCat("\"", ReplaceAll(name, "\"", "\"\""), "\""); }

/// Whether `name` is what `pattern` says: `*` stands for any characters.
bool Matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') return Matches(pattern.substr(1), name) || (!name.empty() && Matches(pattern, name.substr(1)));
  return !name.empty() && pattern[0] == name[0] && Matches(pattern.substr(1), name.substr(1));
}

bool AllMissing(const Column& column) {
  if (column.null_count() == column.size()) return true;
  if (column.type() != Type::kDouble) return false;
  for (std::size_t i = 0; i < column.size(); ++i)
    if (!column.IsNull(i) && column.doubles()[i] == column.doubles()[i]) return false;
  return true;
}

/// The planner's state while it walks through the specs.
class Planner {
 public:
  Planner(const Table& data, const FitContext& context) : context_(context) { plan_.all = data; }

  Status Derive(const std::string& name, const std::string& text);
  /// From here on `name` is of type `to`, in its place.
  Status Cast(const std::string& name, Type to);
  /// From here on `name` is called `to`.
  Status Rename(const std::string& name, const std::string& to);
  Status Group(const TransformSpec& spec);
  Status Drop(const TransformSpec& spec);
  void Defaults();
  FitPlan Take() { return std::move(plan_); }

 private:
  bool Excluded(const std::string& name) const {
    return name == context_.target_column || std::find(context_.exclude.begin(), context_.exclude.end(), name) != context_.exclude.end();
  }
  void Note(std::string note) { plan_.notes.push_back(std::move(note)); }
  /// kInvalid unless the table has the column, it may be a feature, and no entry took it.
  Status CheckFree(const std::string& name) const;
  /// Evaluate `text` over the table so far as the column `name`, new or in place of the old one.
  Status AddDerived(const std::string& name, const std::string& text, const std::string& context);
  /// The columns that `entry` (a name or a pattern) means, none of which an entry took before.
  Result<std::vector<std::string>> Take(const std::string& entry);
  /// All that `matches` and that nobody took.
  std::vector<std::string> TakeAll(const std::function<bool(const Field&)>& matches);
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
  return AddDerived(name, text, context);
}

Status Planner::Cast(const std::string& name, Type to) {
  RETURN_IF_ERROR(CheckFree(name));
  if (plan_.all.Find(name)->type() == to) return Ok();
  for (const DerivedColumn& one : plan_.derived)
    if (one.name == name) return Refuse(name, "is cast, and an entry before made or cast it").WithHelp("cast in the expression that makes it");
  return AddDerived(name, StrCat("cast(", Quoted(name), " as ", TypeName(to), ")"), StrCat("cast `", name, "`"));
}

Status Planner::Rename(const std::string& name, const std::string& to) {
  RETURN_IF_ERROR(CheckFree(name));
  if (plan_.all.Find(to) != nullptr) return Error(ErrorCode::kInvalid, "rename `", name, "`: the table has a column `", to, "` already");
  named_.insert(name);
  return AddDerived(to, Quoted(name), StrCat("rename `", name, "`"));
}

Status Planner::AddDerived(const std::string& name, const std::string& text, const std::string& context) {
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

std::vector<std::string> Planner::TakeAll(const std::function<bool(const Field&)>& matches) {
  std::vector<std::string> taken;
  for (const Field& field : plan_.all.schema().fields())
    if (matches(field) && !Excluded(field.name) && named_.insert(field.name).second) taken.push_back(field.name);
  return taken;
}

Result<std::vector<std::string>> Planner::Take(const std::string& entry) {
  const Schema& schema = plan_.all.schema();
  if (!schema.IndexOf(entry)) {
    if (entry.find('*') != std::string::npos) {
      std::vector<std::string> taken = TakeAll([&](const Field& field) { return Matches(entry, field.name); });
      if (taken.empty()) return Error(ErrorCode::kInvalid, "no column that is left fits the pattern `", entry, "` of a transform");
      return taken;
    }
  }
  if (named_.contains(entry)) return Refuse(entry, "is named by two transforms").WithHelp("put all steps of a column into one group");
  RETURN_IF_ERROR(CheckFree(entry));
  named_.insert(entry);
  return std::vector<std::string>{entry};
}

Status Planner::CheckFree(const std::string& name) const {
  if (plan_.all.Find(name) == nullptr) {
    const std::string near = NearestName(name, plan_.all.schema().Names());
    Status unknown = Error(ErrorCode::kInvalid, "transform names the column `", name, "`, which the table does not have");
    return near.empty() ? unknown : std::move(unknown).WithHelp(StrCat("did you mean `", near, "`?"));
  }
  if (name == context_.target_column) return Refuse(name, "is the target and cannot be a feature");
  if (Excluded(name)) return Refuse(name, "is a key or ignored, and a transform names it");
  if (named_.contains(name)) return Refuse(name, "is named by two transforms").WithHelp("put `cast` and `rename` in front of the transform that takes the column");
  return Ok();
}

Status Planner::Drop(const TransformSpec& spec) {
  for (const std::string& entry : spec.drop) RETURN_IF_ERROR(Take(entry).status());
  return Ok();
}

Status Planner::Group(const TransformSpec& spec) {
  std::vector<std::string> names;
  for (const std::string& entry : spec.tag.empty() ? spec.columns : std::vector<std::string>{}) {
    ASSIGN_OR_RETURN(const std::vector<std::string> taken, Take(entry));
    names.insert(names.end(), taken.begin(), taken.end());
  }
  if (!spec.tag.empty()) {
    names = TakeAll([&](const Field& field) { return std::find(spec.columns.begin(), spec.columns.end(), field.name) != spec.columns.end(); });
    if (names.empty())
      return Error(ErrorCode::kInvalid, "no column that is left has the tag `", spec.tag, "`").WithHelp(spec.columns.empty() ? "tags stand in the contracts of a pipeline" : StrCat("it is on ", Join(spec.columns, ", ")));
  }
  if (spec.type) names = TakeAll([&](const Field& field) { return field.type == *spec.type; });
  const auto together = std::find_if(spec.steps.begin(), spec.steps.end(), IsGroupStep);
  GroupPlan group;
  group.steps.assign(spec.steps.begin(), together);
  group.group_steps.assign(together, spec.steps.end());
  const auto add = [&](GroupPlan one) -> Status {
    RETURN_IF_ERROR(CheckSteps(plan_.all.schema(), one));
    std::erase_if(one.columns, [&](const std::string& name) {
      if (!AllMissing(*plan_.all.Find(name))) return false;
      Note(StrCat("column `", name, "` has no value in any row and was left out"));
      return true;
    });
    if (!one.columns.empty()) plan_.groups.push_back(std::move(one));
    return Ok();
  };
  if (!group.group_steps.empty()) {
    group.columns = std::move(names);
    return add(std::move(group));
  }
  for (const std::string& name : names) {
    group.columns = {name};
    RETURN_IF_ERROR(add(group));
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
  EncodeStep encode;
  if (levels <= kOneHotLevels) {
    encode.min_frequency = std::clamp<std::int64_t>(static_cast<std::int64_t>(column.size() / 100), 1, kDefaultMinFrequency);
    return std::vector<TransformStep>{encode};
  }
  encode.how = EncodeStep::How::kTarget;
  if (context_.linear_learner) return std::vector<TransformStep>{encode, ScaleStep{}};
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
  if (std::find(context_.categorical.begin(), context_.categorical.end(), field.name) != context_.categorical.end()) {
    EncodeStep encode;
    encode.how = EncodeStep::How::kOrdinal;
    return std::vector<TransformStep>{encode};
  }
  if (field.type == Type::kText) return DefaultTextSteps(field, column);
  if (!context_.linear_learner) return std::vector<TransformStep>{};
  ImputeStep impute;
  if (field.type != Type::kBool) return std::vector<TransformStep>{impute, ScaleStep{}};
  impute.with = ImputeStep::With::kMostFrequent;
  return std::vector<TransformStep>{impute};
}

void Planner::Defaults() {
  for (std::size_t i = 0; i < plan_.all.num_columns(); ++i) {
    const Field& field = plan_.all.schema()[i];
    if (Excluded(field.name) || named_.contains(field.name)) continue;
    if (std::optional<std::vector<TransformStep>> steps = DefaultSteps(field, plan_.all.column(i)))
      plan_.groups.push_back({{field.name}, std::move(*steps), {}, true});
  }
}

}  // namespace

Result<FitPlan> PlanTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context) {
  Planner planner(data, context);
  for (const TransformSpec& spec : specs) {
    for (const auto& [name, text] : spec.derive) RETURN_IF_ERROR(planner.Derive(name, text));
    for (const auto& [name, to] : spec.cast) RETURN_IF_ERROR(planner.Cast(name, to));
    for (const auto& [name, to] : spec.rename) RETURN_IF_ERROR(planner.Rename(name, to));
    RETURN_IF_ERROR(planner.Drop(spec));
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
