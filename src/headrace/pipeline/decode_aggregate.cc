#include <algorithm>

#include "headrace/aggregate/plan.h"
#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"

namespace headrace {
namespace {

class AggregateDecoder {
 public:
  AggregateDecoder(const Node& node, const DecodeContext& context, DraftStep& draft) : node_(node), diagnostics_(context.diagnostics), draft_(draft) {}

  AggregateSpec Decode() {
    const Node& events = *node_.Find("events");
    spec_.events_name = TextOf(&events);
    if (!events.pending) draft_.references.push_back({StepReference::Role::kData, std::string(kEventsInput), events.text, events.place});
    spec_.entity = TextOf(node_.Find("entity"));
    spec_.time = TextOf(node_.Find("time"));
    spec_.known = TextOf(node_.Find("known"));
    AsOf(*node_.Find("as_of"));
    if (const Node* windows = node_.Find("windows")) spec_.windows = Windows(*windows);
    if (const Node* of = node_.Find("of"))
      for (const Node::Entry& entry : of->entries) Feature(entry);
    if (const Node* label = node_.Find("label"))
      for (const Node::Entry& entry : label->entries) {
        spec_.labels.push_back({entry.key, TextOf(&entry.value), "", {}, std::nullopt});
        label_nodes_.push_back(&entry.value);
      }
    Together();
    Texts();
    draft_.spec.unfitted_text = spec_.Text();
    return std::move(spec_);
  }

 private:
  void Error(DiagnosticCode code, const Place& place, std::string message, std::string help = "") {
    diagnostics_.AddError(code, place, std::move(message)).Help(std::move(help));
  }

  /// A date or timestamp, else a step.
  void AsOf(const Node& node) {
    const auto is_time = [](Type type) { return type == Type::kDate || type == Type::kTimestamp; };
    const auto refuse = [&](std::string_view got) {
      Error(DiagnosticCode::kWrongType, node.place, StrCat("`as_of` takes a date, a timestamp or a dataset, got ", got), "write `as_of: 2026-01-31`, or name a step with a column `as_of`");
    };
    if (node.pending || (node.value && node.value->type() != Type::kText)) {
      const Type type = node.pending ? *node.pending : node.value->type();
      if (!is_time(type)) return refuse(StrCat("a ", TypeName(type)));
      spec_.as_of = node.pending ? Value::Null(type) : *node.value;
      if (!node.pending && node.value->is_null()) refuse("null");
      return;
    }
    if (const Result<std::int64_t> date = ParseDate(node.text); date.ok()) spec_.as_of = Value::Date(*date);
    else if (const Result<std::int64_t> time = ParseTimestamp(node.text); time.ok()) spec_.as_of = Value::Timestamp(*time);
    else if (node.is_null() || !IsNameOf(ScalarType::kStep, node.text)) refuse(Describe(node));
    else draft_.references.push_back({StepReference::Role::kData, std::string(kDatesInput), node.text, node.place});
  }

  std::vector<WindowSpec> Windows(const Node& node) {
    std::vector<WindowSpec> windows;
    const auto read = [&](const Node& item) {
      if (item.pending) return;
      WindowSpec window;
      if (item.text != "all") {
        const Result<std::int64_t> length = ParseLongDuration(item.text);
        if (!length.ok() || *length <= 0) return Error(DiagnosticCode::kWrongType, item.place, StrCat("`windows` takes durations like 7d, or `all`, got ", Describe(item)));
        window = {item.text, *length};
      }
      for (const WindowSpec& other : windows)
        if (other.length_us == window.length_us) return Error(DiagnosticCode::kBadValue, item.place, StrCat("the window `", item.text, "` stands here a second time"), "remove one of the two");
      windows.push_back(std::move(window));
    };
    if (node.is_scalar()) read(node);
    for (const Node& item : node.items) read(item);
    if (windows.empty() && node.is_list() && node.items.empty()) Error(DiagnosticCode::kBadValue, StartOf(node), "`windows` is empty", "remove it, or write `windows: [7d, 30d]`");
    return windows;
  }

  std::vector<std::string> Levels(const Node& node) {
    std::vector<std::string> levels = TextsOf(&node);
    for (std::size_t i = 0; node.is_list() && i < levels.size(); ++i)
      if (std::find(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(i), levels[i]) != levels.begin() + static_cast<std::ptrdiff_t>(i) && !node.items[i].pending)
        Error(DiagnosticCode::kBadValue, node.items[i].place, StrCat("the level `", levels[i], "` stands here a second time"), "remove one of the two");
    return levels;
  }

  void Feature(const Node::Entry& entry) {
    FeatureSpec feature;
    feature.name = entry.key;
    const Node* of = &entry.value;
    if (entry.value.is_map()) {
      of = entry.value.Find("of");
      feature.by = TextOf(entry.value.Find("by"));
      if (const Node* levels = entry.value.Find("levels")) feature.levels = Levels(*levels);
      if (const Node* windows = entry.value.Find("windows")) feature.windows = Windows(*windows);
      const Node::Entry* by = entry.value.FindEntry("by");
      const Node::Entry* levels = entry.value.FindEntry("levels");
      if (by != nullptr && levels == nullptr)
        Error(DiagnosticCode::kMissingKey, by->key_place, "`by` needs `levels` beside it", "name the levels: those found in the data would not be the same at training and at scoring");
      if (levels != nullptr && by == nullptr) Error(DiagnosticCode::kMissingKey, levels->key_place, "`levels` needs `by` beside it", "add `by: COLUMN`");
    }
    feature.of = TextOf(of);
    spec_.features.push_back(std::move(feature));
    feature_nodes_.push_back(of);
  }

  /// `label` and `within` stand together, and there is something to compute.
  void Together() {
    const Node::Entry* label = node_.FindEntry("label");
    const Node::Entry* within = node_.FindEntry("within");
    if (label != nullptr && within == nullptr) Error(DiagnosticCode::kMissingKey, label->key_place, "`label` needs `within` beside it", "add `within: 30d`: labels look at events from the date on, for that long");
    if (within != nullptr && label == nullptr) Error(DiagnosticCode::kMissingKey, within->key_place, "`within` needs `label` beside it", "add `label: {bought: any}`");
    if (label == nullptr && node_.Find("of") == nullptr) Error(DiagnosticCode::kMissingKey, StartOf(node_), "`aggregate` needs `of` or `label`", "add `of: {orders: count}`");
    if (within == nullptr) return;
    spec_.within_us = DurationOf(&within->value, 0);
    if (!within->value.pending && spec_.within_us <= 0) Error(DiagnosticCode::kBadValue, within->value.place, "`within` must be longer than nothing");
  }

  void Texts() {
    for (AggregateError& error : CheckAggregateSpec(spec_)) {
      const Node* node = (error.label ? label_nodes_ : feature_nodes_)[error.entry];
      if (node != nullptr && node->is_scalar() && !node->pending) diagnostics_.AddStatus(DiagnosticCode::kExpression, node->Sourced(), error.status);
    }
  }

  const Node& node_;
  Diagnostics& diagnostics_;
  DraftStep& draft_;
  AggregateSpec spec_;
  std::vector<const Node*> feature_nodes_, label_nodes_;
};

}  // namespace

AggregateSpec DecodeAggregate(const Node& node, const DecodeContext& context, DraftStep& draft) { return AggregateDecoder(node, context, draft).Decode(); }

}  // namespace headrace
