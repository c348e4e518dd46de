#include <algorithm>
#include <array>
#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/check/pattern.h"
#include "headrace/expr/aggregate.h"
#include "headrace/pipeline/baseline_rule.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"
#include "headrace/pipeline/yaml.h"

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

/// Keys of a check beside its kind.
constexpr std::array<std::string_view, 7> kBeside = {"at_least", "severity", "warn", "where", "by", "tags", "name"};

class CheckDecoder {
 public:
  CheckDecoder(const DecodeContext& context, std::string_view own, std::vector<StepReference>* references) : context_(context), own_(own), references_(references) {}

  bool Decode(const Node& node, CheckSpec* spec) {
    check_ = &node;
    for (const Node::Entry& entry : node.entries) {
      if (std::find(kBeside.begin(), kBeside.end(), entry.key) != kBeside.end()) continue;
      if (!DecodeKind(entry, spec)) return false;
      if (const Node* baseline = entry.value.is_map() ? entry.value.Find("baseline") : nullptr; baseline != nullptr && !DecodeBaseline(*baseline, spec)) return false;
    }
    if (TextOf(node.Find("severity")) == "warn") spec->severity = Severity::kWarn;
    if (const Node::Entry* at_least = node.FindEntry("at_least")) {
      spec->at_least = ShareOf(&at_least->value, 1.0);
      if (!spec->of_single_rows())
        Complain(*at_least, StrCat("`at_least` needs a check of single rows; ", spec->kind == Kind::kContract ? "a contract" : StrCat("`", CheckKindName(spec->kind), "`"), " looks at the whole dataset"), "remove `at_least`");
    }
    if (const Node::Entry* warn = node.FindEntry("warn")) DecodeWarn(*warn, spec);
    DecodeRowsLookedAt(node, spec);
    spec->tags = TextsOf(node.Find("tags"));
    if (const Node* name = node.Find("name")) spec->name = TextOf(name);
    return true;
  }

 private:
  bool DecodeKind(const Node::Entry& entry, CheckSpec* spec) {
    const Node& node = entry.value;
    const std::string& key = entry.key;
    spec->name = node.pending ? key : StrCat(key, ": ", AsWritten(node));
    if (key == "contract") return DecodeContract(node, spec);
    if (key == "rows") return DecodeRows(entry, spec);
    if (key == "sql") return DecodeSql(node, spec);
    if (key == "same_as") return DecodeSameAs(node, spec);
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
    if (key == "ordered" || key == "monotone") {
      spec->kind = key == "ordered" ? Kind::kOrdered : Kind::kMonotone;
      spec->columns = ColumnsOf(node.Find("columns"), context_.diagnostics);
      spec->key = ColumnsOf(node.Find("key"), context_.diagnostics);
      return true;
    }
    if (key == "drift") return DecodeDrift(entry, spec);
    spec->columns = TextsOf(node.Find("column"));
    if (key == "range") return DecodeRange(entry, spec);
    if (key == "one_of") {
      spec->kind = Kind::kOneOf;
      spec->values = TextsOf(node.Find("values"));
      return true;
    }
    if (key == "matches") {
      spec->kind = Kind::kMatches;
      spec->pattern = TextOf(node.Find("pattern"));
      return CheckPattern(*node.Find("pattern"));
    }
    if (key == "type_of_text") {
      spec->kind = Kind::kTypeOfText;
      spec->form = TextOf(node.Find("is"));
      return true;
    }
    if (key == "sequence") {
      spec->kind = Kind::kSequence;
      if (const Node* every = node.Find("every")) spec->every = TextOf(every);
      return true;
    }
    if (key == "fresh") {
      spec->kind = Kind::kFresh;
      spec->within_us = DurationOf(node.Find("within"), 0);
      return true;
    }
    if (key == "foreign_key") return DecodeForeignKey(node, spec);
    return DecodeNumber(entry, spec);
  }

  /// sum, mean, quantile, distinct, metric: a number and its bounds.
  bool DecodeNumber(const Node::Entry& entry, CheckSpec* spec) {
    const Node& node = entry.value;
    for (const Kind kind : {Kind::kSum, Kind::kMean, Kind::kQuantile, Kind::kDistinct, Kind::kMetric})
      if (CheckKindName(kind) == entry.key) spec->kind = kind;
    for (const auto& [key, bound] : {std::pair("min", &spec->min), std::pair("max", &spec->max)})
      if (const Node* given = node.Find(key); given != nullptr && !given->pending) *bound = Value::Double(DoubleOf(given, 0));
    if (const Node* q = node.Find("q")) spec->quantile = ShareOf(q, 0.5);
    if (node.Find("min") == nullptr && node.Find("max") == nullptr && node.Find("baseline") == nullptr) return Refuse(entry, StrCat("`", entry.key, "` needs `min`, `max` or `baseline`"));
    if (spec->min && spec->max && spec->min->as_double() > spec->max->as_double()) return Refuse(entry, "`min` is above `max`");
    const Node* of = node.Find("of");
    if (of == nullptr || of->pending) return true;
    spec->expression = of->text;
    const auto parsed = AggregateExpression::Parse(of->text);
    if (!parsed.ok()) context_.diagnostics.AddStatus(DiagnosticCode::kExpression, of->Sourced(), parsed.status());
    return parsed.ok();
  }

  bool RefuseInTest(const Node& node, const CheckSpec& spec) {
    context_.diagnostics.AddError(DiagnosticCode::kCheck, node.place, StrCat("`", CheckKindName(spec.kind), "` reads other steps, and a test looks at one dataset")).Help("expect its rows");
    return false;
  }

  /// Another step that the check reads: an edge of the graph.
  bool Refer(const Node& node, const std::string& step, CheckSpec* spec) {
    spec->dataset = step;
    if (references_ == nullptr) return RefuseInTest(node, *spec);
    references_->push_back({StepReference::Role::kCheck, step, step, node.place});
    return true;
  }

  bool DecodeForeignKey(const Node& node, CheckSpec* spec) {
    spec->kind = Kind::kForeignKey;
    const Node& to = *node.Find("to");
    if (to.pending) return true;
    const std::size_t dot = to.text.rfind('.');
    if (dot != std::string::npos && dot > 0 && dot + 1 < to.text.size()) {
      spec->other_column = to.text.substr(dot + 1);
      return Refer(to, to.text.substr(0, dot), spec);
    }
    context_.diagnostics.AddError(DiagnosticCode::kBadValue, to.place, StrCat("`to` takes STEP.column, got ", Describe(to))).Help("write for example `customers.customer_id`");
    return false;
  }

  bool DecodeSameAs(const Node& node, CheckSpec* spec) {
    spec->kind = Kind::kSameAs;
    spec->columns = ColumnsOf(node.Find("columns"), context_.diagnostics);
    const Node& dataset = *node.Find("dataset");
    return dataset.pending || Refer(dataset, dataset.text, spec);
  }

  /// The query alone, or a map of it and what is bound.
  bool DecodeSql(const Node& node, CheckSpec* spec) {
    spec->kind = Kind::kSql;
    const Node& text = node.is_map() ? *node.Find("query") : node;
    const Node* bind = node.is_map() ? node.Find("bind") : nullptr;
    if (text.pending) return true;
    if (references_ == nullptr) return RefuseInTest(text, *spec);
    SourcedText query = text.Sourced();
    if (text.text.ends_with(".sql")) {
      const std::shared_ptr<const SourceFile> source = ReadOrReport((std::filesystem::path(context_.around.root) / text.text).string(), text.text, 1 << 20, context_.diagnostics);
      if (source == nullptr) return false;
      query = {source->text(), {Place{source, 0, 1}, {{0, 0}}}};
    }
    spec->query = query.text;
    spec->bind = BindOf(bind);
    const Result<SqlFacts> facts = context_.sql.InspectEngineQuery(query.text);
    if (!facts.ok()) {
      context_.diagnostics.AddStatus(DiagnosticCode::kSql, query, facts.status());
      return false;
    }
    if (bind == nullptr && !facts->parameters.empty()) {
      context_.diagnostics.AddError(DiagnosticCode::kBinding, query.origin.At(facts->parameters[0].span), StrCat("no value is bound for `$", facts->parameters[0].name, "`"))
          .Help(StrCat("write `sql: {query: ..., bind: {", facts->parameters[0].name, ": ...}}`"));
      return false;
    }
    CheckBinding(query, *facts, bind, context_.diagnostics);
    for (const SqlFacts::Mention& table : facts->tables) {
      if (table.name == own_) continue;
      references_->push_back({StepReference::Role::kCheck, table.name, table.name, query.origin.At(table.span)});
    }
    return true;
  }

  // --- beside the kind

  void DecodeRowsLookedAt(const Node& node, CheckSpec* spec) {
    const Node::Entry* where = node.FindEntry("where");
    const Node::Entry* by = node.FindEntry("by");
    if (where != nullptr && CheckExpressionSyntax(where->value, context_.diagnostics)) spec->where = TextOf(&where->value);
    if (by != nullptr) spec->by = ColumnsOf(&by->value, context_.diagnostics);
    const auto refuse = [&](const Node::Entry* entry, std::string_view why) {
      if (entry != nullptr) Complain(*entry, StrCat("`", entry->key, "` has no meaning beside `", CheckKindName(spec->kind), "`, which ", why), "remove it");
    };
    for (const Node::Entry* entry : {where, by}) {
      if (spec->kind == Kind::kContract) refuse(entry, "holds for all rows");
      if (spec->kind == Kind::kSql) refuse(entry, "says itself which rows it looks at");
    }
    if (spec->kind == Kind::kSameAs) refuse(by, "compares whole datasets");
  }

  void DecodeWarn(const Node::Entry& entry, CheckSpec* spec) {
    if (spec->severity == Severity::kWarn) return Complain(entry, "`severity: warn` makes all of the check a warning; `warn` gives a warning beside an error", "remove one of them");
    std::vector<std::string> takes;
    if (spec->of_single_rows()) takes.push_back("at_least");
    if (spec->kind == Kind::kFresh) takes.push_back("within");
    else if (spec->kind == Kind::kRange || (spec->of_a_number() && spec->kind != Kind::kSequence && spec->kind != Kind::kSameAs)) takes.insert(takes.end(), {"min", "max"});
    if (takes.empty()) return Complain(entry, StrCat("`", CheckKindName(spec->kind), "` has no bounds, and so none for a warning"), "write `severity: warn`");
    if (entry.value.entries.empty()) return Complain(entry, StrCat("`warn` needs a bound: `", Join(takes, "`, `"), "`"), "");
    WarnBounds& warn = spec->warn.emplace();
    for (const Node::Entry& bound : entry.value.entries) {
      if (std::find(takes.begin(), takes.end(), bound.key) == takes.end()) Complain(bound, StrCat("`", bound.key, "` is no bound of `", CheckKindName(spec->kind), "`"), StrCat("it has `", Join(takes, "`, `"), "`"));
      else if (bound.value.pending) continue;
      else if (bound.key == "at_least") warn.at_least = ShareOf(&bound.value, 1.0);
      else if (bound.key == "within") warn.within_us = DurationOf(&bound.value, 0);
      else (bound.key == "min" ? warn.min : warn.max) = InferValue(bound.value);
    }
    if (spec->kind != Kind::kRange)
      for (const auto& [key, bound] : {std::pair("min", &warn.min), std::pair("max", &warn.max)})
        if (bound->has_value() && !IsNumeric((*bound)->type())) Complain(*entry.value.FindEntry(key), StrCat("`", key, "` should be a number"), "");
    NeverWarns(entry, *spec);
  }

  /// A warning that comes later than the error never comes.
  void NeverWarns(const Node::Entry& entry, const CheckSpec& spec) {
    const auto number = [](const std::optional<Value>& v) { return v && IsNumeric(v->type()) ? std::optional(v->type() == Type::kInt ? static_cast<double>(v->as_int()) : v->as_double()) : std::nullopt; };
    const WarnBounds& warn = *spec.warn;
    const auto min = spec.min_rows ? std::optional(static_cast<double>(*spec.min_rows)) : number(spec.min);
    const auto max = spec.max_rows ? std::optional(static_cast<double>(*spec.max_rows)) : number(spec.max);
    const auto warn_min = number(warn.min), warn_max = number(warn.max);
    const char* wide = nullptr;
    if (warn.at_least && *warn.at_least <= spec.at_least) wide = "at_least";
    if (min && warn_min && *warn_min <= *min) wide = "min";
    if (max && warn_max && *warn_max >= *max) wide = "max";
    if (warn.within_us && *warn.within_us >= spec.within_us) wide = "within";
    if (wide != nullptr) Complain(entry, StrCat("the warning would never come: its `", wide, "` is not narrower than the check's own"), "");
  }

  void Complain(const Node::Entry& entry, std::string message, std::string help) {
    context_.diagnostics.AddError(DiagnosticCode::kCheck, entry.key_place, std::move(message)).Help(std::move(help));
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
    out.window = std::max(out.window, out.learn);
    if (!DecodeWindow(node.Find("window"), out)) return false;
    out.within = DoubleOf(node.Find("within"), out.within);
    out.min_change = ShareOf(node.Find("min_change"), out.min_change);
    out.min_difference = DoubleOf(node.Find("min_difference"), out.min_difference);
    const std::string direction = TextOf(node.Find("direction"));
    if (direction == "up") out.direction = BaselineSpec::Direction::kUp;
    if (direction == "down") out.direction = BaselineSpec::Direction::kDown;
    out.half_life = IntOf(node.Find("half_life"), 0);
    out.trend = BoolOf(node.Find("trend"), false);
    if (out.window_us == 0 && out.window < out.learn) return RefuseIn(node, "window", StrCat("`window` holds fewer points (", out.window, ") than `learn` asks for (", out.learn, ")"));
    if (out.within <= 0) return RefuseIn(node, "within", "`within` takes a number above 0");
    if (out.min_difference < 0) return RefuseIn(node, "min_difference", "`min_difference` takes a number from 0 on");
    return DecodeSince(node.Find("since"), out);
  }

  /// A number of points, or how far back they may lie.
  bool DecodeWindow(const Node* window, BaselineSpec& out) {
    if (window == nullptr || window->pending) return true;
    if (ParseInt(window->text, &out.window) && out.window >= 2) return true;
    const Result<std::int64_t> back = ParseLongDuration(window->text);
    if (back.ok() && *back > 0) out.window_us = *back;
    else context_.diagnostics.AddError(DiagnosticCode::kCheck, window->place, StrCat("`window` takes a number of points from 2 on or a duration, got ", Describe(*window))).Help("write for example `12` or `90d`");
    return out.window_us > 0;
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
  std::string_view own_;
  std::vector<StepReference>* references_;
  const Node* check_ = nullptr;
};

}  // namespace

std::vector<CheckSpec> DecodeChecks(const Node* checks, const DecodeContext& context, std::string_view own, std::vector<StepReference>* references) {
  std::vector<CheckSpec> out;
  if (checks == nullptr) return out;
  const Node* contract = nullptr;
  for (const Node& node : checks->items) {
    CheckSpec spec;
    if (!CheckDecoder(context, own, references).Decode(node, &spec)) continue;
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

std::optional<BaselineSpec> ReadBaselineRule(const std::string& text, const std::string& shown, Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.errors();
  const auto source = std::make_shared<const SourceFile>(shown, StrCat("rows: {baseline: ", text, "}"));
  std::optional<Node> node = ParseYaml(source, diagnostics);
  if (!node || !CheckShape(*node, CheckEntryShape(), shown, nullptr, diagnostics)) return std::nullopt;
  const StepSurroundings around;
  const Scope scope;
  CheckSpec spec;
  const bool read = CheckDecoder({around, scope, *DefaultSqlInspector(), diagnostics}, "", nullptr).Decode(*node, &spec);
  return read && diagnostics.errors() == errors ? spec.baseline : std::nullopt;
}

}  // namespace headrace
