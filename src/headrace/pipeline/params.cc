#include "headrace/pipeline/params.h"

#include <algorithm>
#include <array>
#include <utility>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using Kind = ParamDecl::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 13> kKinds = {{
    {"text", Kind::kText}, {"string", Kind::kText}, {"int", Kind::kInt}, {"double", Kind::kDouble},
    {"bool", Kind::kBool}, {"date", Kind::kDate}, {"timestamp", Kind::kTimestamp}, {"duration", Kind::kDuration},
    {"columns", Kind::kColumns}, {"enum", Kind::kEnum}, {"secret", Kind::kSecret}, {"dataset", Kind::kDataset},
    {"date or dataset", Kind::kDateOrDataset},
}};

/// `value` as the declared type: int to double, date to timestamp, a timestamp at midnight to a date.
Result<Value> Convert(const ParamDecl& decl, const Value& value) {
  const Type wanted = *ValueTypeOf(decl.kind);
  const Type came = value.type();
  if (came == wanted) return value;
  if (value.is_null()) return Value::Null(wanted);
  if (came == Type::kInt && wanted == Type::kDouble) return Value::Double(static_cast<double>(value.as_int()));
  if (came == Type::kDate && wanted == Type::kTimestamp) return Value::Timestamp(value.as_int() * kMicrosPerDay);
  if (came == Type::kTimestamp && wanted == Type::kDate) {
    if (value.as_int() % kMicrosPerDay == 0) return Value::Date(value.as_int() / kMicrosPerDay);
    return Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is a date, but ", value.ToString(), " is not at midnight")
        .WithHelp("cut the time off with `date_trunc('day', ...)`");
  }
  return Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is of type ", decl.type_text, ", got the ", TypeName(came), " ", value.ToString());
}

bool Converts(Type came, Type wanted) {
  return came == wanted || (came == Type::kInt && wanted == Type::kDouble) ||
         (came == Type::kDate && wanted == Type::kTimestamp) || (came == Type::kTimestamp && wanted == Type::kDate);
}

std::string_view Example(Kind kind) {
  switch (kind) {
    case Kind::kInt: return "write a whole number, as 30";
    case Kind::kDouble: return "write a number, as 0.5";
    case Kind::kBool: return "write true or false";
    case Kind::kDate: return "write a date, as 2026-01-31";
    case Kind::kTimestamp: return "write a time, as 2026-01-31 12:00:00";
    case Kind::kDuration: return "write a duration, as 30d or 12h";
    case Kind::kDataset: return "write the name of a step";
    case Kind::kDateOrDataset: return "write a date, as 2026-01-31, or the name of a step";
    default: return "";
  }
}

Status NotOfType(const ParamDecl& decl, std::string_view text) {
  return Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is of type ", decl.type_text, ", got `", text, "`").WithHelp(std::string(Example(decl.kind)));
}

Result<Value> ParseAs(const ParamDecl& decl, const std::string& text) {
  if (decl.kind == Kind::kEnum) {
    if (std::find(decl.values.begin(), decl.values.end(), text) != decl.values.end()) return Value::Text(text);
    const std::string near = NearestName(text, decl.values);
    return Error(ErrorCode::kInvalid, "parameter `", decl.name, "` takes one of ", Join(decl.values, ", "), ", got `", text, "`")
        .WithHelp(near.empty() ? "" : StrCat("did you mean `", near, "`?"));
  }
  if (decl.kind == Kind::kText) return Value::Text(text);
  Result<Value> value = Value::Parse(text, *ValueTypeOf(decl.kind));
  if (!value.ok() || value->is_null()) return NotOfType(decl, text);
  return value;
}

std::optional<ParamDecl> ParseParam(const Node::Entry& entry, Diagnostics& diagnostics) {
  ParamDecl decl;
  decl.name = entry.key;
  decl.place = entry.key_place;
  const Node& node = entry.value;
  decl.type_text = node.Find("type")->text;
  for (const auto& [name, kind] : kKinds)
    if (name == decl.type_text) decl.kind = kind;
  if (const Node* values = node.Find("values"))
    for (const Node& value : values->items) decl.values.push_back(value.text);
  if ((decl.kind == Kind::kEnum) != !decl.values.empty()) {
    diagnostics.AddError(DiagnosticCode::kConflict, entry.key_place, decl.kind == Kind::kEnum ? StrCat("parameter `", decl.name, "` of type enum needs `values`") : StrCat("parameter `", decl.name, "` has `values` but is not of type enum"))
        .Help(decl.kind == Kind::kEnum ? "add `values: [a, b]`" : "write `type: enum`");
    return std::nullopt;
  }
  if (const Node* value = node.Find("default")) decl.default_value = *value;
  if (const Node* required = node.Find("required")) decl.required = required->text == "true";
  return decl;
}

/// Accepts any scalar without evaluating it: declarations are read before values exist.
class Later : public Substituter {
 public:
  bool Substitute(Node& node, ScalarType, Diagnostics& diagnostics) const override {
    const bool fine = node.place.source != nullptr;
    if (!fine) diagnostics.AddError(DiagnosticCode::kSubstitution, node.place, "`${...}` cannot stand here");
    return fine;
  }
};

}  // namespace

std::optional<Type> ValueTypeOf(Kind kind) {
  switch (kind) {
    case Kind::kText: case Kind::kEnum: return Type::kText;
    case Kind::kInt: return Type::kInt;
    case Kind::kDouble: return Type::kDouble;
    case Kind::kBool: return Type::kBool;
    case Kind::kDate: case Kind::kDateOrDataset: return Type::kDate;
    case Kind::kTimestamp: return Type::kTimestamp;
    case Kind::kDuration: return Type::kDuration;
    case Kind::kColumns: case Kind::kSecret: case Kind::kDataset: return std::nullopt;
  }
  return std::nullopt;
}

std::vector<ParamDecl> ParseParams(const Node* params, Diagnostics& diagnostics) {
  std::vector<ParamDecl> decls;
  if (params == nullptr || params->is_null()) return decls;
  static const Shape shape = Named("name: parameter", Anything());
  Node copy = *params;
  CheckShape(copy, shape, "`params`", nullptr, diagnostics);
  if (!copy.is_map()) return decls;
  const Later later;
  for (Node::Entry& entry : copy.entries) {
    if (!IsIdentifier(entry.key)) continue;
    if (!CheckShape(entry.value, ParamShape(), StrCat("parameter `", entry.key, "`"), &later, diagnostics)) continue;
    if (std::optional<ParamDecl> decl = ParseParam(entry, diagnostics)) decls.push_back(*std::move(decl));
  }
  return decls;
}

Result<ParamValue> AssignText(const ParamDecl& decl, const std::string& text) {
  ParamValue out;
  out.from = ParamValue::From::kFlag;
  if (ValueTypeOf(decl.kind)) {
    ASSIGN_OR_RETURN(out.held, ParseAs(decl, text));
    return out;
  }
  if (decl.kind == Kind::kColumns) {
    ParamValue::Columns columns;
    for (const std::string& name : Split(text, ',')) columns.names.emplace_back(Trim(name));
    out.held = std::move(columns);
    return out;
  }
  if (decl.kind == Kind::kSecret)
    return Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is a secret and cannot be given on the command line")
        .WithHelp("name it in the tenant file: `{secret: NAME}`");
  return Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is a dataset and cannot be given on the command line")
      .WithHelp("name a step under `with:`");
}

std::optional<Assigned> AssignNode(const ParamDecl& decl, const Node& node, Diagnostics& diagnostics) {
  const auto refuse = [&](const Status& status) {
    diagnostics.AddError(DiagnosticCode::kParameterValue, node.place, status.message()).Help(status.help());
    return std::nullopt;
  };
  Assigned out;
  out.of_interval = node.of_interval;
  if (decl.kind == Kind::kColumns) {
    if (node.pending) return Assigned{{ParamValue::Columns{}}, true, false};
    if (!node.is_list()) return refuse(Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is of type columns, got ", Describe(node)).WithHelp("write a list: `[a, b]`"));
    ParamValue::Columns columns;
    for (const Node& item : node.items) columns.names.push_back(item.text);
    out.value.held = std::move(columns);
    return out;
  }
  if (decl.kind == Kind::kSecret) {
    const Node* secret = node.is_map() ? node.Find("secret") : nullptr;
    if (secret == nullptr) return refuse(Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is a secret; its value must not stand in a file").WithHelp("write `{secret: NAME}` and set the variable NAME"));
    out.value.held = ParamValue::SecretName{secret->text};
    return out;
  }
  if (!node.is_scalar()) return refuse(Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is of type ", decl.type_text, ", got ", Describe(node)));
  const bool is_date = node.value || node.pending || ParseDate(node.text).ok();
  if (decl.kind == Kind::kDataset || (decl.kind == Kind::kDateOrDataset && !is_date)) {
    if (!IsNameOf(ScalarType::kStep, node.text)) return refuse(NotOfType(decl, node.text));
    out.value.held = ParamValue::Dataset{node.text, ""};
    return out;
  }
  const Type wanted = *ValueTypeOf(decl.kind);
  if (node.pending) {
    if (!Converts(*node.pending, wanted)) return refuse(Error(ErrorCode::kInvalid, "parameter `", decl.name, "` is of type ", decl.type_text, ", but the `${...}` is of type ", TypeName(*node.pending)));
    out.value.held = Value::Null(wanted);
    out.pending = true;
    return out;
  }
  Result<Value> value = Value::Null(wanted);
  if (node.value && decl.kind != Kind::kEnum) value = Convert(decl, *node.value);
  else if (!node.is_null()) value = ParseAs(decl, node.text);
  if (!value.ok()) return refuse(value.status());
  out.value.held = *std::move(value);
  return out;
}

void Define(const ParamDecl& decl, const Assigned& assigned, Scope& scope) {
  const std::string name = "params." + decl.name;
  const Value* value = std::get_if<Value>(&assigned.value.held);
  if (assigned.of_interval) scope.SetOfInterval(name);
  if (value == nullptr) scope.SetSpecial(name, assigned.value, !assigned.pending);
  else if (assigned.pending) scope.SetUnknown(name, value->type());
  else scope.Set(name, *value);
}

void DefineUnknown(const ParamDecl& decl, Scope& scope) {
  const std::string name = "params." + decl.name;
  if (const std::optional<Type> type = ValueTypeOf(decl.kind)) scope.SetUnknown(name, *type);
  else if (decl.kind == Kind::kColumns) scope.SetSpecial(name, {ParamValue::Columns{}}, false);
  else if (decl.kind == Kind::kSecret) scope.SetSpecial(name, {ParamValue::SecretName{}}, false);
  else scope.SetSpecial(name, {ParamValue::Dataset{}}, false);
}

Result<Interval> ParseInterval(const std::string& text) {
  const std::vector<std::string> ends = Split(text, '/');
  if (ends.size() == 2) {
    const Result<std::int64_t> start = ParseTimestamp(ends[0]), end = ParseTimestamp(ends[1]);
    if (start.ok() && end.ok() && *start < *end) return Interval{*start, *end};
  }
  return Error(ErrorCode::kInvalid, "`", text, "` is not an interval").WithHelp("write START/END, for example 1998-03-02/1998-03-09; the end is not part of it");
}

Value InferValue(const Node& node) {
  if (node.value) return *node.value;
  if (node.pending) return Value::Null(*node.pending);
  if (node.style != Node::Style::kPlain) return Value::Text(node.text);
  if (node.is_null()) return Value::Null(Type::kText);
  for (const Type type : {Type::kInt, Type::kDouble, Type::kBool, Type::kDate, Type::kTimestamp})
    if (Result<Value> value = Value::Parse(node.text, type); value.ok() && !value->is_null()) return *std::move(value);
  return Value::Text(node.text);
}

}  // namespace headrace
