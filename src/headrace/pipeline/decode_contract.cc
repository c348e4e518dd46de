#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/check/pattern.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/yaml.h"

namespace headrace {
namespace {

ContractColumn DecodeColumn(const Node& node) {
  ContractColumn column;
  column.name = TextOf(node.Find("name"));
  if (const Result<Type> type = TypeFromName(TextOf(node.Find("type"))); type.ok()) column.type = *type;
  column.nullable = BoolOf(node.Find("nullable"), true);
  column.personal = BoolOf(node.Find("personal"), false);
  column.description = TextOf(node.Find("description"));
  column.one_of = TextsOf(node.Find("one_of"));
  column.matches = TextOf(node.Find("matches"));
  column.unique = BoolOf(node.Find("unique"), false);
  column.tags = TextsOf(node.Find("tags"));
  return column;
}

/// A bound as a value of the column's own type; false after reporting.
bool DecodeBound(const Node* node, const ContractColumn& column, Diagnostics& diagnostics, std::optional<Value>* bound) {
  if (node == nullptr) return true;
  const bool ordered = IsNumeric(column.type) || column.type == Type::kDate || column.type == Type::kTimestamp;
  Result<Value> value = Value::Parse(node->text, column.type == Type::kInt ? Type::kDouble : column.type);
  if (column.type == Type::kInt)
    if (Result<Value> whole = Value::Parse(node->text, Type::kInt); whole.ok()) value = std::move(whole);
  if (ordered && value.ok() && !value->is_null()) {
    *bound = *value;
    return true;
  }
  diagnostics.AddError(DiagnosticCode::kCheck, node->place, ordered ? StrCat("column `", column.name, "` is ", TypeName(column.type), ", and `", node->text, "` does not read as one")
                                                                    : StrCat("column `", column.name, "` is ", TypeName(column.type), "; `min` and `max` are for int, double, date and timestamp"));
  return false;
}

/// What cannot hold of any value, and what the column's type cannot take.
bool DecodeBounds(const Node& node, ContractColumn* column, Diagnostics& diagnostics) {
  bool fine = DecodeBound(node.Find("min"), *column, diagnostics, &column->min);
  fine = DecodeBound(node.Find("max"), *column, diagnostics, &column->max) && fine;
  const auto refuse = [&](const char* key, std::string message) {
    fine = false;
    diagnostics.AddError(DiagnosticCode::kCheck, node.FindEntry(key)->key_place, std::move(message));
  };
  const auto number = [](const Value& v) { return v.type() == Type::kDouble ? v.as_double() : static_cast<double>(v.as_int()); };
  if (column->min && column->max && number(*column->min) > number(*column->max)) refuse("min", StrCat("column `", column->name, "`: `min` is above `max`"));
  for (const std::string& value : column->one_of)
    if (!Value::Parse(value, column->type).ok()) refuse("one_of", StrCat("column `", column->name, "` is ", TypeName(column->type), ", and `", value, "` does not read as one"));
  if (column->matches.empty()) return fine;
  if (column->type != Type::kText) refuse("matches", StrCat("`matches` is for text; column `", column->name, "` is ", TypeName(column->type)));
  else if (const Status status = headrace::CheckPattern(column->matches); !status.ok()) {
    fine = false;
    diagnostics.AddStatus(DiagnosticCode::kCheck, node.Find("matches")->Sourced(), status);
  }
  return fine;
}

}  // namespace

std::optional<Contract> ReadContract(const std::string& path, const Place& place, const DecodeContext& context) {
  const std::filesystem::path file = std::filesystem::path(context.around.root) / path;
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    context.diagnostics.AddError(DiagnosticCode::kMissingFile, place, StrCat("no contract file `", path, "`")).Help(MissingFileHelp(context.around.root, path));
    return std::nullopt;
  }
  return ReadContractFile(file.string(), path, context.diagnostics);
}

std::optional<Contract> ReadContractFile(const std::string& file, const std::string& path, Diagnostics& diagnostics) {
  std::optional<Node> node = ReadYaml(file, path, diagnostics);
  if (!node || !CheckShape(*node, ContractFileShape(), "a contract", nullptr, diagnostics)) return std::nullopt;
  Contract contract;
  contract.path = path;
  bool fine = true;
  for (const Node& column : node->Find("columns")->items) {
    contract.columns.push_back(DecodeColumn(column));
    fine = DecodeBounds(column, &contract.columns.back(), diagnostics) && fine;
    for (std::size_t i = 0; i + 1 < contract.columns.size(); ++i)
      if (contract.columns[i].name == contract.columns.back().name) {
        fine = false;
        diagnostics.AddError(DiagnosticCode::kDuplicateName, column.Find("name")->place, StrCat("column `", contract.columns[i].name, "` stands here a second time"))
            .Related(node->Find("columns")->items[i].Find("name")->place, "first here");
      }
  }
  if (TextOf(node->Find("extra")) == "ignore") contract.extra = ExtraColumns::kIgnore;
  contract.null_values = TextsOf(node->Find("null_values"));
  if (!fine) return std::nullopt;
  return contract;
}

}  // namespace headrace
