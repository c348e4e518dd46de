// The transform as JSON. nlohmann keeps object keys sorted and prints doubles in a form that reads back to the same bits, so equal transforms
// give equal bytes. Reading checks what the kernels rely on (sizes, order of levels, finite numbers); everything else that is odd
// (unknown or double keys, blanks, other spellings of numbers) is caught by writing again what was read and comparing bytes.
#include <algorithm>
#include <set>

#include "headrace/base/json.h"
#include "headrace/feature/parts.h"
#include "headrace/feature/read_json.h"
#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using internal::Damaged;
using internal::FittedColumn;
using internal::FittedGroup;
using internal::json;
using internal::Member;
using internal::Program;
using internal::ReadBool;
using internal::ReadContext;
using internal::ReadText;
using internal::StepPtr;
using internal::TransformParts;

constexpr int kFormat = 2;   // 1: before every kind of step wrote itself

json StepsToJson(const Program& program) {
  json out = json::array();
  for (const StepPtr& step : program.steps) out.push_back(step->ToJson());
  return out;
}

/// Said only where percentiles are not exact.
json Sketch() { return {{"sketch", "kll"}, {"rank_error", KllSketch::kRankError}}; }

json GroupToJson(const FittedGroup& group) {
  json columns = json::array();
  for (const FittedColumn& fitted : group.columns) {
    columns.push_back({{"column", fitted.column}, {"type", TypeName(fitted.type)}, {"indicator", fitted.indicator}, {"fill", fitted.fill ? json(*fitted.fill) : json()}, {"steps", StepsToJson(fitted.program)}});
    if (fitted.sketched) columns.back()["percentiles"] = Sketch();
  }
  json out = {{"columns", std::move(columns)}, {"steps", StepsToJson(group.program)}};
  if (group.sketched) out["percentiles"] = Sketch();
  return out;
}

// Reading. Every function trusts nothing about `from`.

Status ReadSteps(const json& from, ReadContext context, Program& program) {
  const json& steps = Member(from, "steps");
  if (!steps.is_array()) return Damaged("`steps` must be a list");
  const std::size_t inputs = context.inputs;
  for (const json& one : steps) {
    ASSIGN_OR_RETURN(StepPtr step, internal::ReadStep(one, context));
    context.inputs = step->Width(context.inputs);
    if (context.inputs == 0 || context.inputs > internal::kMaxOutputs) return Damaged("a step with no outputs, or far too many");
    program.steps.push_back(std::move(step));
  }
  program.Finish(inputs);
  return Ok();
}

Result<FittedColumn> ReadColumn(const json& from) {
  FittedColumn fitted;
  ASSIGN_OR_RETURN(fitted.column, ReadText(from, "column"));
  ASSIGN_OR_RETURN(const std::string type, ReadText(from, "type"));
  ASSIGN_OR_RETURN(fitted.type, TypeFromName(type));
  if (fitted.type == Type::kDuration) return Damaged("a column of type duration");
  ASSIGN_OR_RETURN(fitted.indicator, ReadBool(from, "indicator"));
  fitted.sketched = from.contains("percentiles");
  if (!Member(from, "fill").is_null()) {
    ASSIGN_OR_RETURN(fitted.fill, ReadText(from, "fill"));
  }
  RETURN_IF_ERROR(ReadSteps(from, {fitted.type, fitted.is_number() ? std::size_t{1} : 0, false}, fitted.program));
  if (fitted.program.width() == 0 || (fitted.indicator && !fitted.is_number()) || (fitted.fill && fitted.type != Type::kText))
    return Damaged(StrCat("steps of column `", fitted.column, "` that do not fit its type"));
  return fitted;
}

Result<FittedGroup> ReadGroup(const json& from) {
  FittedGroup group;
  group.sketched = from.is_object() && from.contains("percentiles");
  const json& columns = Member(from, "columns");
  if (!columns.is_array() || columns.empty()) return Damaged("`columns` must be a list of columns");
  std::size_t inputs = 0;
  for (const json& one : columns) {
    ASSIGN_OR_RETURN(FittedColumn fitted, ReadColumn(one));
    inputs += fitted.width();
    if (inputs > internal::kMaxWidth) return Damaged("far too many outputs");
    group.columns.push_back(std::move(fitted));
  }
  RETURN_IF_ERROR(ReadSteps(from, {Type::kDouble, inputs, true}, group.program));
  if (group.program.steps.empty() && columns.size() > 1) return Damaged("a group without steps");
  return group;
}

Status ReadInputs(const json& from, TransformParts& parts) {
  const json& inputs = Member(from, "inputs");
  if (!inputs.is_array()) return Damaged("`inputs` must be a list");
  std::vector<Field> fields;
  std::set<std::string> names;
  for (const json& one : inputs) {
    Field field;
    ASSIGN_OR_RETURN(field.name, ReadText(one, "name"));
    ASSIGN_OR_RETURN(const std::string type, ReadText(one, "type"));
    ASSIGN_OR_RETURN(field.type, TypeFromName(type));
    ASSIGN_OR_RETURN(const bool nullable, ReadBool(one, "nullable"));
    if (!names.insert(field.name).second) return Damaged(StrCat("two inputs called `", field.name, "`"));
    fields.push_back(std::move(field));
    parts.nullable.push_back(nullable);
  }
  parts.inputs = Schema(std::move(fields));
  return Ok();
}

/// Read `derived`, bind each over the inputs and those before it, and give back the schema of them all.
Result<Schema> ReadDerived(const json& from, TransformParts& parts) {
  const json& derived = Member(from, "derived");
  if (!derived.is_array()) return Damaged("`derived` must be a list");
  std::vector<Field> fields = parts.inputs.fields();
  std::set<std::string> cast;
  for (const json& one : derived) {
    internal::DerivedColumn column;
    ASSIGN_OR_RETURN(column.name, ReadText(one, "name"));
    ASSIGN_OR_RETURN(column.text, ReadText(one, "expression"));
    const Schema so_far(fields);
    ASSIGN_OR_RETURN(const Expression parsed, Expression::Parse(column.text));
    ASSIGN_OR_RETURN(column.expression, parsed.Bind(so_far, {}));
    if (const auto at = so_far.IndexOf(column.name)) {
      // A cast stands in the place of the input that it reads.
      const bool casts = *at < parts.inputs.size() && fields[*at].type != column.expression.type() && column.expression.columns() == std::vector<std::string>{column.name};
      if (!casts || !cast.insert(column.name).second) return Damaged(StrCat("two columns called `", column.name, "`"));
      fields[*at].type = column.expression.type();
    } else {
      fields.push_back({column.name, column.expression.type()});
    }
    parts.derived.push_back(std::move(column));
  }
  return Schema(std::move(fields));
}

/// Every column that is read is there, with its type, and makes outputs once.
Status CheckColumns(const TransformParts& parts, const Schema& all) {
  std::set<std::string> names;
  for (const FittedGroup& group : parts.groups)
    for (const FittedColumn& fitted : group.columns) {
      const std::optional<std::size_t> at = all.IndexOf(fitted.column);
      if (!at || all[*at].type != fitted.type) return Damaged(StrCat("column `", fitted.column, "` is not among the inputs with this type"));
      if (!names.insert(fitted.column).second) return Damaged(StrCat("column `", fitted.column, "` comes twice"));
      for (const StepPtr& step : fitted.program.steps) {
        if (step->other().empty()) continue;
        const std::optional<std::size_t> other = all.IndexOf(step->other());
        if (!other || !step->Accepts(all[*other].type)) return Damaged(StrCat("column `", step->other(), "` is not among the inputs with the type that a step reads"));
      }
    }
  return Ok();
}

Status ReadParts(const json& from, TransformParts& parts) {
  const json& format = Member(from, "format");
  if (!format.is_number_integer()) return Damaged("no format number");
  if (format.get<std::int64_t>() > kFormat)
    return Error(ErrorCode::kInvalid, "the transform has format ", format.get<std::int64_t>(), ", this version reads ", kFormat).WithHelp("use a newer headrace");
  if (format.get<std::int64_t>() < kFormat)
    return Error(ErrorCode::kInvalid, "the transform has format ", format.get<std::int64_t>(), ", this version reads ", kFormat).WithHelp("train the model again");
  ASSIGN_OR_RETURN(parts.refuse_missing, ReadBool(from, "refuse_missing"));
  RETURN_IF_ERROR(ReadInputs(from, parts));
  ASSIGN_OR_RETURN(const Schema all, ReadDerived(from, parts));
  const json& groups = Member(from, "groups");
  if (!groups.is_array() || groups.empty()) return Damaged("`groups` must be a list of groups");
  std::size_t width = 0;
  for (const json& one : groups) {
    ASSIGN_OR_RETURN(FittedGroup group, ReadGroup(one));
    width += group.width();
    if (width > internal::kMaxWidth) return Damaged("far too many outputs");
    parts.groups.push_back(std::move(group));
  }
  return CheckColumns(parts, all);
}

}  // namespace

std::string FittedTransform::ToJson() const {
  json inputs = json::array(), derived = json::array(), groups = json::array();
  for (std::size_t i = 0; i < parts_->inputs.size(); ++i)
    inputs.push_back({{"name", parts_->inputs[i].name}, {"nullable", bool(parts_->nullable[i])}, {"type", TypeName(parts_->inputs[i].type)}});
  for (const internal::DerivedColumn& one : parts_->derived) derived.push_back({{"expression", one.text}, {"name", one.name}});
  for (const FittedGroup& one : parts_->groups) groups.push_back(GroupToJson(one));
  const json all = {{"derived", derived}, {"format", kFormat}, {"groups", groups}, {"inputs", inputs}, {"refuse_missing", parts_->refuse_missing}};
  return DumpJson(all);
}

Result<FittedTransform> FittedTransform::FromJson(std::string_view text) {
  const json from = ParseJson(text);
  if (from.is_discarded()) return Damaged("it is not JSON");
  auto parts = std::make_shared<TransformParts>();
  RETURN_IF_ERROR(ReadParts(from, *parts));
  parts->Finish();
  FittedTransform transform(std::move(parts));
  if (transform.ToJson() != text) return Damaged("its bytes are not those it would be written with");
  return transform;
}

}  // namespace headrace
