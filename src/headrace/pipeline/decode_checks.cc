#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/check/pattern.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"

namespace headrace {
namespace {

using Kind = CheckSpec::Kind;

/// The check in one line, as it is written: what reports call it when it has no name.
std::string AsWritten(const Node& node) {
  if (node.is_scalar()) return node.text;
  std::string out;
  if (node.is_list()) {
    for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + AsWritten(item);
    return "[" + out + "]";
  }
  for (const Node::Entry& entry : node.entries) out += StrCat(out.empty() ? "" : ", ", entry.key, ": ", AsWritten(entry.value));
  return "{" + out + "}";
}

class CheckDecoder {
 public:
  explicit CheckDecoder(const DecodeContext& context) : context_(context) {}

  bool Decode(const Node& node, CheckSpec* spec) {
    for (const Node::Entry& entry : node.entries)
      if (!DecodeKind(entry, spec)) return false;
    if (TextOf(node.Find("severity")) == "warn") spec->severity = Severity::kWarn;
    if (const Node* at_least = node.Find("at_least")) {
      spec->at_least = ShareOf(at_least, 1.0);
      if (spec->kind == Kind::kContract || spec->kind == Kind::kRows || spec->kind == Kind::kDrift)
        context_.diagnostics.AddError(DiagnosticCode::kCheck, node.FindEntry("at_least")->key_place, "`at_least` needs a check of single rows; a contract, `rows` and `drift` look at the whole dataset").Help("remove `at_least`");
    }
    if (const Node* name = node.Find("name")) spec->name = TextOf(name);
    return true;
  }

 private:
  bool DecodeKind(const Node::Entry& entry, CheckSpec* spec) {
    const Node& node = entry.value;
    const std::string& key = entry.key;
    if (key == "severity" || key == "at_least" || key == "name") return true;
    spec->name = node.pending ? key : StrCat(key, ": ", AsWritten(node));
    if (key == "contract") return DecodeContract(node, spec);
    if (key == "rows") return DecodeRows(entry, spec);
    if (key == "expect") {
      spec->kind = Kind::kExpect;
      spec->expression = TextOf(&node);
      return CheckExpressionSyntax(node, context_.diagnostics);
    }
    if (key == "not_null" || key == "unique") {
      spec->kind = key == "unique" ? Kind::kUnique : Kind::kNotNull;
      spec->columns = ColumnsOf(&node, context_.diagnostics);
      if (!spec->columns.empty() || node.pending) return true;
      context_.diagnostics.AddError(DiagnosticCode::kCheck, StartOf(node), StrCat("`", key, "` names no column"));
      return false;
    }
    if (key == "drift") return DecodeDrift(entry, spec);
    spec->columns = TextsOf(node.Find("column"));
    if (key == "range") return DecodeRange(entry, spec);
    if (key == "one_of") {
      spec->kind = Kind::kOneOf;
      spec->values = TextsOf(node.Find("values"));
      return true;
    }
    spec->kind = Kind::kMatches;
    spec->pattern = TextOf(node.Find("pattern"));
    return CheckPattern(*node.Find("pattern"));
  }

  bool DecodeContract(const Node& node, CheckSpec* spec) {
    spec->kind = Kind::kContract;
    if (node.pending) return true;
    std::optional<Contract> contract = ReadContract(node.text, node.place, context_);
    if (!contract) return false;
    spec->contract = *std::move(contract);
    return true;
  }

  bool DecodeRows(const Node::Entry& entry, CheckSpec* spec) {
    spec->kind = Kind::kRows;
    if (const Node* min = entry.value.Find("min"); min != nullptr && !min->pending) spec->min_rows = IntOf(min, 0);
    if (const Node* max = entry.value.Find("max"); max != nullptr && !max->pending) spec->max_rows = IntOf(max, 0);
    if (entry.value.entries.empty()) return Refuse(entry, "`rows` needs `min`, `max` or both");
    if (spec->min_rows && spec->max_rows && *spec->min_rows > *spec->max_rows) return Refuse(entry, "`min` is above `max`");
    return true;
  }

  bool DecodeRange(const Node::Entry& entry, CheckSpec* spec) {
    spec->kind = Kind::kRange;
    const Node* min = entry.value.Find("min");
    const Node* max = entry.value.Find("max");
    if (min != nullptr && !min->pending) spec->min = InferValue(*min);
    if (max != nullptr && !max->pending) spec->max = InferValue(*max);
    if (min == nullptr && max == nullptr) return Refuse(entry, "`range` needs `min`, `max` or both");
    if (!spec->min || !spec->max) return true;
    const auto number = [](const Value& v) { return v.type() == Type::kInt ? static_cast<double>(v.as_int()) : v.as_double(); };
    const bool numbers = IsNumeric(spec->min->type()) && IsNumeric(spec->max->type());
    if (!numbers && spec->min->type() != spec->max->type())
      return Refuse(entry, StrCat("`min` is a ", TypeName(spec->min->type()), " but `max` is a ", TypeName(spec->max->type())));
    const bool upside_down = numbers ? number(*spec->min) > number(*spec->max)
                                     : HeldAsInt(spec->min->type()) && spec->min->as_int() > spec->max->as_int();
    return !upside_down || Refuse(entry, "`min` is above `max`");
  }

  bool DecodeDrift(const Node::Entry& entry, CheckSpec* spec) {
    spec->kind = Kind::kDrift;
    const Node& node = entry.value;
    const Node* against = node.Find("against");
    spec->drift.against = TextOf(against);
    spec->columns = ColumnsOf(node.Find("columns"), context_.diagnostics);
    const auto limit = [&](const char* name) { return node.Find(name) == nullptr ? std::nullopt : std::optional<double>(DoubleOf(node.Find(name), 0)); };
    spec->drift.psi = limit("psi");
    spec->drift.js = limit("js");
    spec->drift.l_inf = limit("l_inf");
    spec->drift.ks = limit("ks");
    spec->drift.chi2_p = limit("chi2_p");
    if (const Node* missing = node.Find("missing")) spec->drift.missing = ShareOf(missing, 0);
    const DriftLimits& d = spec->drift;
    if (!d.psi && !d.js && !d.l_inf && !d.ks && !d.chi2_p && !d.missing) spec->drift.psi = 0.2;
    if (against->pending || d.against == "training" || d.against == "last") return true;
    const std::filesystem::path file = std::filesystem::path(context_.around.root) / d.against;
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error)) return true;
    context_.diagnostics.AddError(DiagnosticCode::kMissingFile, against->place, StrCat("`against` is `training`, `last` or a file, and there is no file `", d.against, "`"))
        .Help(MissingFileHelp(context_.around.root, d.against));
    return false;
  }

  bool CheckPattern(const Node& node) {
    if (node.pending) return true;
    const Status status = headrace::CheckPattern(node.text);
    if (status.ok()) return true;
    context_.diagnostics.AddStatus(DiagnosticCode::kCheck, node.Sourced(), status);
    return false;
  }

  bool Refuse(const Node::Entry& entry, std::string message) {
    context_.diagnostics.AddError(DiagnosticCode::kCheck, entry.key_place, std::move(message));
    return false;
  }

  const DecodeContext& context_;
};

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

std::vector<CheckSpec> DecodeChecks(const Node* checks, const DecodeContext& context) {
  std::vector<CheckSpec> out;
  if (checks == nullptr) return out;
  const Node* contract = nullptr;
  for (const Node& node : checks->items) {
    CheckSpec spec;
    if (!CheckDecoder(context).Decode(node, &spec)) continue;
    if (spec.kind == Kind::kContract) {
      if (contract != nullptr)
        context.diagnostics.AddError(DiagnosticCode::kCheck, StartOf(node), "a second contract for one dataset; only one may stand").Related(StartOf(*contract), "the first");
      contract = &node;
    }
    const std::vector<CheckSpec> rules = RulesOf(spec.contract, spec.severity);
    out.push_back(std::move(spec));
    out.insert(out.end(), rules.begin(), rules.end());
  }
  return out;
}

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
