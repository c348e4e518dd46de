// The JSON Schema (draft-07) of each kind of file, printed from the Shapes that the parser checks against. A `${...}` may stand
// for any scalar, so typed scalars also accept a text that holds one.
#include <nlohmann/json.hpp>

#include <array>
#include <utility>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schema.h"

namespace headrace {
namespace {

using Json = nlohmann::ordered_json;

Json AnyScalar() { return {{"type", {"string", "number", "boolean"}}}; }

Json OrExpression(Json typed) {
  return {{"anyOf", Json::array({std::move(typed), {{"type", "string"}, {"pattern", "\\$\\{"}}})}};
}

std::string NamePattern(ScalarType type) {
  switch (type) {
    case ScalarType::kColumn: return ".";
    case ScalarType::kName: return "^[A-Za-z_][A-Za-z0-9_]*$";
    case ScalarType::kStep: return "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*$";
    default: return "^[A-Za-z_][A-Za-z0-9_.-]*$";
  }
}

Json ScalarSchema(const Shape& shape) {
  Json out;
  switch (shape.scalar) {
    case ScalarType::kText: return AnyScalar();
    case ScalarType::kAny: return {{"type", {"string", "number", "boolean", "null"}}};
    case ScalarType::kColumn: case ScalarType::kPath: case ScalarType::kSql: case ScalarType::kExpression:
      out = AnyScalar();
      out["minLength"] = 1;
      return out;
    case ScalarType::kName: case ScalarType::kLabel: case ScalarType::kStep:
      return OrExpression({{"type", "string"}, {"pattern", NamePattern(shape.scalar)}});
    case ScalarType::kInt: out = {{"type", "integer"}}; break;
    case ScalarType::kDouble: out = {{"type", "number"}}; break;
    case ScalarType::kBool: out = {{"type", "boolean"}}; break;
    case ScalarType::kDuration: out = {{"type", "string"}, {"pattern", "^-?([0-9]+(\\.[0-9]+)?(y|w|d|h|m|s|ms|us))+$"}}; break;
    case ScalarType::kSize: out = {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]+)? *([KMGT]i|[kMGT])?B$"}}; break;
    case ScalarType::kShare: out = {{"anyOf", Json::array({{{"type", "number"}, {"minimum", 0}, {"maximum", 1}}, {{"type", "string"}, {"pattern", "^[0-9.]+ ?%$"}}})}}; break;
    case ScalarType::kChoice: {
      Json choices = shape.choices;
      // An editor that reads YAML 1.1 takes on and off for booleans.
      for (const std::string& choice : shape.choices)
        if (choice == "on" || choice == "off") choices.push_back(choice == "on");
      out = {{"enum", std::move(choices)}};
      break;
    }
  }
  if (shape.minimum) out["minimum"] = *shape.minimum;
  if (shape.maximum) out["maximum"] = *shape.maximum;
  return OrExpression(std::move(out));
}

/// Shapes that stand at many places get one definition.
class SchemaPrinter {
 public:
  Json Print(const Shape& file, std::string_view title) {
    Json out = {{"$schema", "http://json-schema.org/draft-07/schema#"}};
    out.update(Of(file));
    out["title"] = title;
    if (!definitions_.empty()) out["definitions"] = definitions_;
    return out;
  }

 private:
  Json Of(const Shape& shape) {
    for (const auto& [name, known] : std::array<std::pair<const char*, const Shape*>, 4>{{{"step", &StepShape()}, {"check", &CheckEntryShape()}, {"parameter", &ParamShape()}, {"transform", &TransformEntryShape()}}}) {
      if (shape.kind != Shape::Kind::kMap || shape.title != known->title) continue;
      if (!definitions_.contains(name)) {
        definitions_[name] = Json::object();
        definitions_[name] = Inline(shape);
      }
      return {{"$ref", StrCat("#/definitions/", name)}};
    }
    return Inline(shape);
  }

  Json Inline(const Shape& shape) {
    switch (shape.kind) {
      case Shape::Kind::kScalar: return ScalarSchema(shape);
      case Shape::Kind::kAnything: return Json::object();
      case Shape::Kind::kList: {
        // One `${...}` may stand for the whole list: a parameter of type columns.
        Json list = {{"type", "array"}, {"items", Of(*shape.item)}};
        if (shape.or_single) return {{"anyOf", Json::array({std::move(list), Of(*shape.item)})}};
        return OrExpression(std::move(list));
      }
      case Shape::Kind::kNamed:
        return {{"type", "object"}, {"propertyNames", {{"pattern", NamePattern(shape.name_type)}}}, {"additionalProperties", Of(*shape.item)}};
      case Shape::Kind::kEither: {
        Json options = Json::array();
        for (const Shape& option : shape.options) options.push_back(Of(option));
        if (shape.or_null) options.push_back({{"type", "null"}});
        return {{"anyOf", std::move(options)}};
      }
      case Shape::Kind::kMap: return Map(shape);
    }
    return Json::object();
  }

  Json Map(const Shape& shape) {
    Json properties = Json::object(), required = Json::array();
    for (const Key& key : shape.keys) {
      if (key.not_yet) continue;
      Json property = Of(key.shape);
      if (property.contains("$ref")) property = {{"allOf", Json::array({property})}};
      property["description"] = key.description;
      if (Json example = Example(key.example); !example.is_null()) property["examples"] = Json::array({std::move(example)});
      properties[key.name] = std::move(property);
      if (key.required) required.push_back(key.name);
    }
    Json out = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
    if (!shape.title.empty()) out["title"] = shape.title;
    if (!required.empty()) out["required"] = std::move(required);
    if (!shape.exactly_one.empty()) {
      out["oneOf"] = Json::array();
      for (const std::string& key : shape.exactly_one) out["oneOf"].push_back({{"required", Json::array({key})}});
    }
    return out;
  }

  /// The YAML text of a value as JSON.
  static Json Example(const std::string& yaml) {
    if (yaml.empty()) return nullptr;
    Diagnostics ignored;
    const Result<std::shared_ptr<const SourceFile>> source = MakeSource("example", yaml, 4096);
    if (!source.ok()) return nullptr;
    const std::optional<Node> node = ParseYaml(*source, ignored);
    return node ? ToJson(*node) : Json();
  }

  static Json ToJson(const Node& node) {
    if (node.is_list()) {
      Json out = Json::array();
      for (const Node& item : node.items) out.push_back(ToJson(item));
      return out;
    }
    if (node.is_map()) {
      Json out = Json::object();
      for (const Node::Entry& entry : node.entries) out[entry.key] = ToJson(entry.value);
      return out;
    }
    std::int64_t whole = 0;
    double number = 0;
    if (node.style != Node::Style::kPlain) return node.text;
    if (node.text == "true" || node.text == "false") return node.text == "true";
    if (ParseInt(node.text, &whole)) return whole;
    if (ParseDouble(node.text, &number)) return number;
    return node.text;
  }

  Json definitions_ = Json::object();
};

}  // namespace

Result<std::string> JsonSchema(std::string_view kind) {
  const std::array<std::pair<std::string_view, const Shape*>, 6> files = {{
      {"pipeline", &PipelineFileShape()}, {"project", &ProjectFileShape()}, {"tenant", &TenantFileShape()},
      {"shared", &SharedFileShape()}, {"contract", &ContractFileShape()}, {"test", &TestFileShape()},
  }};
  std::vector<std::string> names;
  for (const auto& [name, shape] : files) {
    if (name == kind) return DumpJson(SchemaPrinter().Print(*shape, StrCat("Headrace: ", shape->title)), 2) + "\n";
    names.emplace_back(name);
  }
  const std::string near = NearestName(kind, names);
  return Error(ErrorCode::kInvalid, "no schema `", kind, "`; there are ", Join(names, ", "))
      .WithHelp(near.empty() ? "" : StrCat("did you mean `", near, "`?"));
}

}  // namespace headrace
