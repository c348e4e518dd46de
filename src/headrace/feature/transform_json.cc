// The transform as JSON. nlohmann keeps object keys sorted and prints doubles in a form that reads back to the same bits, so equal transforms
// give equal bytes. Reading checks what the kernels rely on (sizes, order of levels, finite numbers); everything else that is odd
// (unknown or double keys, blanks, other spellings of numbers) is caught by writing again what was read and comparing bytes.
#include <algorithm>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "headrace/feature/fitted_column.h"
#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using internal::Encoder;
using internal::FittedColumn;
using internal::NumberStep;
using internal::TransformParts;
using nlohmann::json;
using Encode = TransformStep::Encode;
using Unknown = TransformStep::Unknown;

constexpr int kFormat = 1;
constexpr std::string_view kEncodeNames[] = {"onehot", "ordinal", "target"};       // in the order of the enum
constexpr std::string_view kUnknownNames[] = {"other", "ignore", "error"};
constexpr std::string_view kStepNames[] = {"fill", "clip", "scale", "minmax", "log1p"};
/// Names of the parameters a and b of each step.
constexpr std::string_view kParameterNames[][2] = {{"value", ""}, {"lower", "upper"}, {"center", "scale"}, {"scale", "shift"}, {"", ""}};

// Writing.

json NumbersToJson(const std::vector<double>& numbers) {
  json out = json::array();
  for (const double x : numbers) out.push_back(std::isfinite(x) ? json(x) : json());   // an infinity: no bound
  return out;
}

json StepsToJson(const std::vector<NumberStep>& steps) {
  json out = json::array();
  for (const NumberStep& step : steps) {
    const auto kind = static_cast<std::size_t>(step.kind);
    json one = {{"step", kStepNames[kind]}};
    if (!kParameterNames[kind][0].empty()) one[std::string(kParameterNames[kind][0])] = NumbersToJson(step.a);
    if (!kParameterNames[kind][1].empty()) one[std::string(kParameterNames[kind][1])] = NumbersToJson(step.b);
    out.push_back(std::move(one));
  }
  return out;
}

json EncoderToJson(const Encoder& encoder) {
  json out = {{"handle_unknown", kUnknownNames[static_cast<std::size_t>(encoder.unknown)]},
              {"kind", kEncodeNames[static_cast<std::size_t>(encoder.kind)]},
              {"missing", encoder.missing_seen}};
  out["levels"] = encoder.levels.is_text() ? json(encoder.levels.texts()) : NumbersToJson(encoder.levels.numbers());
  if (encoder.kind == Encode::kOneHot) {
    json rare = json::array();
    for (std::size_t code = 0; code < encoder.slots.size(); ++code)
      if (encoder.slots[code] == encoder.rare_slot) rare.push_back(code);
    out["rare"] = std::move(rare);
  }
  if (encoder.kind == Encode::kTarget) {
    out["classes"] = encoder.classes;
    out["prior"] = NumbersToJson(encoder.prior);
    out["values"] = NumbersToJson(encoder.values);
  }
  return out;
}

json ColumnToJson(const FittedColumn& fitted) {
  return {{"column", fitted.column},
          {"type", TypeName(fitted.type)},
          {"before", StepsToJson(fitted.before)},
          {"indicator", fitted.indicator},
          {"fill", fitted.text_fill ? json(*fitted.text_fill) : json()},
          {"encode", fitted.encoder ? EncoderToJson(*fitted.encoder) : json()},
          {"after", StepsToJson(fitted.after)}};
}

// Reading. Every function trusts nothing about `from`.

Status Damaged(const std::string& what) { return Error(ErrorCode::kInvalid, "not a transform that this version wrote: ", what); }

const json& Member(const json& from, const char* key) {
  static const json kNone;
  if (!from.is_object()) return kNone;
  const auto at = from.find(key);
  return at == from.end() ? kNone : *at;
}

Result<std::string> ReadText(const json& from, const char* key) {
  const json& member = Member(from, key);
  if (!member.is_string()) return Damaged(StrCat("`", key, "` must be text"));
  return member.get<std::string>();
}

Result<bool> ReadBool(const json& from, const char* key) {
  const json& member = Member(from, key);
  if (!member.is_boolean()) return Damaged(StrCat("`", key, "` must be true or false"));
  return member.get<bool>();
}

Result<std::vector<std::string>> ReadTexts(const json& from, const char* key) {
  const json& member = Member(from, key);
  std::vector<std::string> out;
  if (!member.is_array()) return Damaged(StrCat("`", key, "` must be a list"));
  for (const json& one : member) {
    if (!one.is_string()) return Damaged(StrCat("`", key, "` must be a list of texts"));
    out.push_back(one.get<std::string>());
  }
  return out;
}

/// `count` finite numbers (any number of them if count is 0); where `open`, null reads as that.
Result<std::vector<double>> ReadNumbers(const json& from, const char* key, std::size_t count, double open = 0) {
  const json& member = Member(from, key);
  std::vector<double> out;
  if (!member.is_array() || (count > 0 && member.size() != count)) return Damaged(StrCat("`", key, "` must be a list of ", count, " numbers"));
  for (const json& one : member) {
    if (!one.is_number() && !(open != 0 && one.is_null())) return Damaged(StrCat("`", key, "` must be a list of numbers"));
    out.push_back(one.is_null() ? open : one.get<double>());
    if (one.is_number() && !std::isfinite(out.back())) return Damaged(StrCat("`", key, "` has a number out of range"));
  }
  return out;
}

template <std::size_t N>
Result<std::size_t> ReadName(const json& from, const char* key, const std::string_view (&names)[N]) {
  ASSIGN_OR_RETURN(const std::string name, ReadText(from, key));
  const auto at = std::find(std::begin(names), std::end(names), name);
  if (at == std::end(names)) return Damaged(StrCat("`", key, "` is `", name, "`"));
  return static_cast<std::size_t>(at - std::begin(names));
}

Result<std::vector<NumberStep>> ReadSteps(const json& from, const char* key, std::size_t width) {
  const json& member = Member(from, key);
  if (!member.is_array()) return Damaged(StrCat("`", key, "` must be a list of steps"));
  std::vector<NumberStep> steps;
  for (const json& one : member) {
    NumberStep& step = steps.emplace_back();
    ASSIGN_OR_RETURN(const std::size_t kind, ReadName(one, "step", kStepNames));
    step.kind = static_cast<NumberStep::Kind>(kind);
    const bool clip = step.kind == NumberStep::Kind::kClip;
    const std::string a(kParameterNames[kind][0]), b(kParameterNames[kind][1]);
    if (!a.empty()) {
      ASSIGN_OR_RETURN(step.a, ReadNumbers(one, a.c_str(), width, clip ? -HUGE_VAL : 0));
    }
    if (!b.empty()) {
      ASSIGN_OR_RETURN(step.b, ReadNumbers(one, b.c_str(), width, clip ? HUGE_VAL : 0));
    }
    for (std::size_t k = 0; k < step.b.size(); ++k) {
      if (clip && step.a[k] > step.b[k]) return Damaged("clip bounds in the wrong order");
      if (step.kind == NumberStep::Kind::kScale && step.b[k] <= 0) return Damaged("a scale that is not positive");
    }
  }
  return steps;
}

Result<Levels> ReadLevels(const json& from, Type type) {
  if (type == Type::kText) {
    ASSIGN_OR_RETURN(std::vector<std::string> texts, ReadTexts(from, "levels"));
    if (std::adjacent_find(texts.begin(), texts.end(), std::greater_equal<>()) != texts.end()) return Damaged("levels out of order");
    return Levels::OfText(std::move(texts));
  }
  ASSIGN_OR_RETURN(std::vector<double> numbers, ReadNumbers(from, "levels", 0));
  if (std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) != numbers.end()) return Damaged("levels out of order");
  for (const double x : numbers)
    if (x == 0 && std::signbit(x)) return Damaged("a level of -0");
  return Levels::OfNumbers(std::move(numbers));
}

Status ReadSlots(const json& from, Encoder& encoder) {
  const json& rare = Member(from, "rare");
  if (!rare.is_array()) return Damaged("`rare` must be a list");
  std::vector<bool> is_rare(encoder.code_count());
  for (const json& one : rare) {
    if (!one.is_number_unsigned() || one.get<std::uint64_t>() >= is_rare.size()) return Damaged("`rare` names no level");
    is_rare[one.get<std::size_t>()] = true;
  }
  std::int32_t next = 0;
  for (const bool r : is_rare) encoder.slots.push_back(r ? -1 : next++);
  if (!rare.empty()) encoder.rare_slot = next++;
  for (std::int32_t& slot : encoder.slots)
    if (slot < 0) slot = encoder.rare_slot;
  encoder.slot_count = static_cast<std::size_t>(next);
  return Ok();
}

Result<Encoder> ReadEncoder(const json& from, Type type) {
  Encoder encoder;
  ASSIGN_OR_RETURN(const std::size_t kind, ReadName(from, "kind", kEncodeNames));
  ASSIGN_OR_RETURN(const std::size_t unknown, ReadName(from, "handle_unknown", kUnknownNames));
  encoder.kind = static_cast<Encode>(kind);
  encoder.unknown = static_cast<Unknown>(unknown);
  ASSIGN_OR_RETURN(encoder.missing_seen, ReadBool(from, "missing"));
  ASSIGN_OR_RETURN(encoder.levels, ReadLevels(from, type));
  if (encoder.code_count() == 0) return Damaged("an encoding without levels");
  if (encoder.kind == Encode::kOneHot) RETURN_IF_ERROR(ReadSlots(from, encoder));
  if (encoder.kind == Encode::kTarget) {
    ASSIGN_OR_RETURN(encoder.classes, ReadTexts(from, "classes"));
    const std::size_t width = std::max<std::size_t>(1, encoder.classes.size());
    ASSIGN_OR_RETURN(encoder.prior, ReadNumbers(from, "prior", width));
    ASSIGN_OR_RETURN(encoder.values, ReadNumbers(from, "values", encoder.code_count() * width));
  }
  return encoder;
}

Result<FittedColumn> ReadColumn(const json& from) {
  FittedColumn fitted;
  ASSIGN_OR_RETURN(fitted.column, ReadText(from, "column"));
  ASSIGN_OR_RETURN(const std::string type, ReadText(from, "type"));
  ASSIGN_OR_RETURN(fitted.type, TypeFromName(type));
  const bool text = fitted.type == Type::kText;
  if (!text && !IsNumeric(fitted.type) && fitted.type != Type::kBool) return Damaged(StrCat("a column of type ", type));
  ASSIGN_OR_RETURN(fitted.before, ReadSteps(from, "before", 1));
  ASSIGN_OR_RETURN(fitted.indicator, ReadBool(from, "indicator"));
  if (!Member(from, "fill").is_null()) {
    ASSIGN_OR_RETURN(fitted.text_fill, ReadText(from, "fill"));
  }
  if (!Member(from, "encode").is_null()) {
    ASSIGN_OR_RETURN(fitted.encoder, ReadEncoder(Member(from, "encode"), fitted.type));
  }
  ASSIGN_OR_RETURN(fitted.after, ReadSteps(from, "after", fitted.encoder ? fitted.encoder->width() : 1));
  if (text ? !fitted.encoder || !fitted.before.empty() || fitted.indicator : fitted.text_fill.has_value())
    return Damaged(StrCat("steps of column `", fitted.column, "` that do not fit its type"));
  if (!fitted.encoder && !fitted.after.empty()) return Damaged("steps after an encoding that is not there");
  return fitted;
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
  for (const json& one : derived) {
    internal::DerivedColumn column;
    ASSIGN_OR_RETURN(column.name, ReadText(one, "name"));
    ASSIGN_OR_RETURN(column.text, ReadText(one, "expression"));
    const Schema so_far(fields);
    if (so_far.IndexOf(column.name)) return Damaged(StrCat("two columns called `", column.name, "`"));
    ASSIGN_OR_RETURN(const Expression parsed, Expression::Parse(column.text));
    ASSIGN_OR_RETURN(column.expression, parsed.Bind(so_far, {}));
    fields.push_back({column.name, column.expression.type()});
    parts.derived.push_back(std::move(column));
  }
  return Schema(std::move(fields));
}

Status ReadParts(const json& from, TransformParts& parts) {
  const json& format = Member(from, "format");
  if (!format.is_number_integer()) return Damaged("no format number");
  if (format.get<std::int64_t>() > kFormat)
    return Error(ErrorCode::kInvalid, "the transform has format ", format.get<std::int64_t>(), ", this version reads up to ", kFormat)
        .WithHelp("use a newer headrace");
  ASSIGN_OR_RETURN(parts.refuse_missing, ReadBool(from, "refuse_missing"));
  RETURN_IF_ERROR(ReadInputs(from, parts));
  ASSIGN_OR_RETURN(const Schema all, ReadDerived(from, parts));
  const json& columns = Member(from, "columns");
  if (!columns.is_array() || columns.empty()) return Damaged("`columns` must be a list of columns");
  std::set<std::string> names;
  for (const json& one : columns) {
    ASSIGN_OR_RETURN(FittedColumn fitted, ReadColumn(one));
    const std::optional<std::size_t> at = all.IndexOf(fitted.column);
    if (!at || all[*at].type != fitted.type) return Damaged(StrCat("column `", fitted.column, "` is not among the inputs with this type"));
    if (!names.insert(fitted.column).second) return Damaged(StrCat("column `", fitted.column, "` comes twice"));
    parts.columns.push_back(std::move(fitted));
  }
  return Ok();
}

}  // namespace

std::string FittedTransform::ToJson() const {
  json inputs = json::array(), derived = json::array(), columns = json::array();
  for (std::size_t i = 0; i < parts_->inputs.size(); ++i)
    inputs.push_back({{"name", parts_->inputs[i].name}, {"nullable", bool(parts_->nullable[i])}, {"type", TypeName(parts_->inputs[i].type)}});
  for (const internal::DerivedColumn& one : parts_->derived) derived.push_back({{"expression", one.text}, {"name", one.name}});
  for (const FittedColumn& one : parts_->columns) columns.push_back(ColumnToJson(one));
  const json all = {{"columns", columns}, {"derived", derived}, {"format", kFormat}, {"inputs", inputs}, {"refuse_missing", parts_->refuse_missing}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<FittedTransform> FittedTransform::FromJson(std::string_view text) {
  const json from = json::parse(text, nullptr, false);
  if (from.is_discarded()) return Damaged("it is not JSON");
  auto parts = std::make_shared<TransformParts>();
  RETURN_IF_ERROR(ReadParts(from, *parts));
  parts->Finish();
  FittedTransform transform(std::move(parts));
  if (transform.ToJson() != text) return Damaged("its bytes are not those it would be written with");
  return transform;
}

}  // namespace headrace
