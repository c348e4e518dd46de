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
    for (const Node::Entry& entry : node.entries) {
      if (!DecodeKind(entry, spec)) return false;
      if (const Node* baseline = entry.value.is_map() ? entry.value.Find("baseline") : nullptr; baseline != nullptr && !DecodeBaseline(*baseline, spec)) return false;
    }
    if (TextOf(node.Find("severity")) == "warn") spec->severity = Severity::kWarn;
    if (const Node* at_least = node.Find("at_least")) {
      spec->at_least = ShareOf(at_least, 1.0);
      if (spec->kind == Kind::kContract || spec->kind == Kind::kRows)
        context_.diagnostics.AddError(DiagnosticCode::kCheck, node.FindEntry("at_least")->key_place, "`at_least` needs a check of single rows; a contract and `rows` look at the whole dataset").Help("remove `at_least`");
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
    if (entry.value.entries.empty()) return Refuse(entry, "`rows` needs `min`, `max` or `baseline`");
    if (spec->min_rows && spec->max_rows && *spec->min_rows > *spec->max_rows) return Refuse(entry, "`min` is above `max`");
    return true;
  }

  /// Beside what a check measures; `auto` leaves the defaults.
  bool DecodeBaseline(const Node& node, CheckSpec* spec) {
    BaselineSpec& out = spec->baseline.emplace();
    if (!node.is_map()) return true;
    for (const std::string& season : TextsOf(node.Find("same")))
      out.same.push_back(season == "hour" ? BaselineSpec::Season::kHour : season == "weekday" ? BaselineSpec::Season::kWeekday : BaselineSpec::Season::kMonth);
    out.learn = IntOf(node.Find("learn"), out.learn);
    out.window = IntOf(node.Find("window"), std::max(out.window, out.learn));
    out.within = DoubleOf(node.Find("within"), out.within);
    out.min_change = ShareOf(node.Find("min_change"), out.min_change);
    out.min_difference = DoubleOf(node.Find("min_difference"), out.min_difference);
    const std::string direction = TextOf(node.Find("direction"));
    if (direction == "up") out.direction = BaselineSpec::Direction::kUp;
    if (direction == "down") out.direction = BaselineSpec::Direction::kDown;
    out.half_life = IntOf(node.Find("half_life"), 0);
    out.trend = BoolOf(node.Find("trend"), false);
    if (out.window < out.learn) return RefuseIn(node, "window", StrCat("`window` holds fewer points (", out.window, ") than `learn` asks for (", out.learn, ")"));
    if (out.within <= 0) return RefuseIn(node, "within", "`within` takes a number above 0");
    if (out.min_difference < 0) return RefuseIn(node, "min_difference", "`min_difference` takes a number from 0 on");
    return DecodeSince(node.Find("since"), out);
  }

  bool DecodeSince(const Node* since, BaselineSpec& out) {
    if (since == nullptr || since->pending) return true;
    const Result<std::int64_t> at = ParseTimestamp(since->text);
    if (at.ok()) out.since_us = *at;
    else context_.diagnostics.AddError(DiagnosticCode::kCheck, since->place, StrCat("`since` takes a date, got ", Describe(*since))).Help("write a date, as 2026-01-31");
    return at.ok();
  }

  bool RefuseIn(const Node& node, const char* key, std::string message) {
    const Node::Entry* entry = node.FindEntry(key);
    context_.diagnostics.AddError(DiagnosticCode::kCheck, entry == nullptr ? StartOf(node) : entry->key_place, std::move(message));
    return false;
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
  return column;
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
    out.push_back(std::move(spec));
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
  std::optional<Node> node = ReadYaml(file.string(), path, context.diagnostics);
  if (!node || !CheckShape(*node, ContractFileShape(), "a contract", nullptr, context.diagnostics)) return std::nullopt;
  Contract contract;
  contract.path = path;
  bool fine = true;
  for (const Node& column : node->Find("columns")->items) {
    contract.columns.push_back(DecodeColumn(column));
    for (std::size_t i = 0; i + 1 < contract.columns.size(); ++i)
      if (contract.columns[i].name == contract.columns.back().name) {
        fine = false;
        context.diagnostics.AddError(DiagnosticCode::kDuplicateName, column.Find("name")->place, StrCat("column `", contract.columns[i].name, "` stands here a second time"))
            .Related(node->Find("columns")->items[i].Find("name")->place, "first here");
      }
  }
  if (TextOf(node->Find("extra")) == "ignore") contract.extra = ExtraColumns::kIgnore;
  contract.null_values = TextsOf(node->Find("null_values"));
  if (!fine) return std::nullopt;
  return contract;
}

}  // namespace headrace
