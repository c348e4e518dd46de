#include "headrace/pipeline/for_each.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "headrace/base/text.h"
#include "headrace/pipeline/params.h"

namespace headrace {
namespace {

class ForEachDecoder {
 public:
  explicit ForEachDecoder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  std::optional<ForEachDecl> Decode(const Node& node) {
    if (!node.is_map()) return Values(node) ? std::optional(std::move(decl_)) : std::nullopt;
    decl_.spec.parallel = IntOf(node.Find("parallel"), 0);
    decl_.spec.fail_fast = TextOf(node.Find("fail")) == "fast";
    const bool fine = node.Find("values") != nullptr ? ValuesOf(node) : RowsOf(node);
    return fine ? std::optional(std::move(decl_)) : std::nullopt;
  }

 private:
  bool Error(DiagnosticCode code, const Place& place, std::string message, std::string help = "") {
    diagnostics_.AddError(code, place, std::move(message)).Help(std::move(help));
    return false;
  }

  bool ValuesOf(const Node& node) {
    for (const char* key : {"columns", "key"})
      if (const Node::Entry* entry = node.FindEntry(key)) return Error(DiagnosticCode::kConflict, entry->key_place, StrCat("`", key, "` needs `rows` beside it"), "remove it");
    return Values(*node.Find("values"));
  }

  /// All of one type; texts when they are not.
  bool Values(const Node& node) {
    const std::vector<Node> single = {node};
    const std::vector<Node>& items = node.is_list() ? node.items : single;
    if (items.empty()) return Error(DiagnosticCode::kBadValue, node.place, "`for_each` has no item", "name at least one");
    std::vector<Value> values;
    bool pending = false;
    for (const Node& item : items) {
      values.push_back(InferValue(item));
      pending |= item.pending.has_value();
    }
    const bool mixed = std::any_of(values.begin(), values.end(), [&](const Value& value) { return value.type() != values[0].type(); });
    decl_.names = {{"item", mixed ? Type::kText : values[0].type()}};
    if (pending) return true;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (mixed) values[i] = Value::Text(items[i].text);
      if (values[i].is_null() || items[i].text.empty()) return Error(DiagnosticCode::kBadValue, items[i].place, "an item of `for_each` is empty");
      if (!seen.insert(values[i].ToString()).second) return Error(DiagnosticCode::kBadValue, items[i].place, StrCat("the item `", values[i].ToString(), "` comes twice"), "remove one");
    }
    decl_.spec.values = std::move(values);
    return true;
  }

  bool RowsOf(const Node& node) {
    const Node& rows = *node.Find("rows");
    const Node* columns = node.Find("columns");
    if (columns == nullptr || columns->entries.empty())
      return Error(DiagnosticCode::kMissingKey, rows.place, "`rows` needs `columns` beside it: what `${item.NAME}` reads, with types", "add `columns: {id: text}`");
    for (const Node::Entry& column : columns->entries) {
      const Result<Type> type = TypeFromName(TextOf(&column.value));
      if (!type.ok()) return Error(DiagnosticCode::kBadValue, column.value.place, type.status().message());
      decl_.spec.columns.emplace_back(column.key, *type);
      decl_.names.emplace_back(StrCat("item.", column.key), *type);
    }
    decl_.spec.key = columns->entries[0].key;
    if (const Node* key = node.Find("key")) {
      decl_.spec.key = TextOf(key);
      if (columns->Find(decl_.spec.key) == nullptr) return Error(DiagnosticCode::kBadValue, key->place, StrCat("`key` names `", decl_.spec.key, "`, which is none of `columns`"), "list it there too");
    }
    if (!rows.pending) decl_.rows = StepReference{StepReference::Role::kItems, "for_each", rows.text, rows.place};
    return true;
  }

  Diagnostics& diagnostics_;
  ForEachDecl decl_;
};

class CachingInspector final : public SqlInspector {
 public:
  explicit CachingInspector(std::shared_ptr<const SqlInspector> inner) : inner_(std::move(inner)) {}
  Result<SqlFacts> InspectEngineQuery(std::string_view sql) const override {
    return Once(StrCat("engine\n", sql), [&] { return inner_->InspectEngineQuery(sql); });
  }
  Result<SqlFacts> InspectForeignQuery(std::string_view sql, SqlDialect dialect) const override {
    return Once(StrCat(static_cast<int>(dialect), "\n", sql), [&] { return inner_->InspectForeignQuery(sql, dialect); });
  }

 private:
  template <typename Ask> Result<SqlFacts> Once(std::string key, Ask ask) const {
    const std::lock_guard lock(mutex_);
    auto found = facts_.find(key);
    if (found == facts_.end()) found = facts_.emplace(std::move(key), ask()).first;
    return found->second;
  }

  std::shared_ptr<const SqlInspector> inner_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Result<SqlFacts>> facts_;   // guarded by mutex_
};

}  // namespace

std::optional<ForEachDecl> DecodeForEach(const Node& node, const Scope& scope, Diagnostics& diagnostics) {
  Node copy = node;
  if (!CheckShape(copy, ForEachShape(), "`for_each`", &scope, diagnostics)) return std::nullopt;
  return ForEachDecoder(diagnostics).Decode(copy);
}

ItemTemplate::ItemTemplate(std::string name, Node::Entry entry, std::vector<StepReference> references, Scope scope, std::shared_ptr<const StepSurroundings> around,
                           std::shared_ptr<const SqlInspector> sql, bool last)
    : name_(std::move(name)), entry_(std::move(entry)), references_(std::move(references)), scope_(std::move(scope)), around_(std::move(around)), sql_(std::move(sql)), last_(last) {}

std::optional<StepSpec> ItemTemplate::Make(const StepSpec& step, const std::vector<Value>& values, std::string name, Diagnostics& diagnostics) const {
  const ForEachSpec& each = *step.for_each;
  Scope scope = scope_;
  if (each.columns.empty()) scope.Set("item", values[0]);
  for (std::size_t i = 0; i < each.columns.size(); ++i) scope.Set(StrCat("item.", each.columns[i].first), values[i]);
  Node::Entry entry = entry_;
  if (!CheckShape(entry.value, StepShapeWithoutForEach(), StrCat("step `", name_, "`"), &scope, diagnostics)) return std::nullopt;
  std::optional<DraftStep> draft = DecodeStep(name_, entry, {*around_, scope, *sql_, diagnostics, last_});
  if (!draft || diagnostics.has_errors()) return std::nullopt;
  StepSpec made = std::move(draft->spec);
  const auto reads_the_same = [](const StepReference& a, const StepReference& b) { return a.role == b.role && a.inside == b.inside && a.text == b.text; };
  if (!std::equal(draft->references.begin(), draft->references.end(), references_.begin(), references_.end(), reads_the_same)) {
    diagnostics.AddError(DiagnosticCode::kWrongInput, made.place, StrCat("what `", name_, "` reads depends on the item, but all items of a step read the same steps"))
        .Help("read one step that holds the rows of all items, and choose among them by `${item}`");
    return std::nullopt;
  }
  made.name = std::move(name);
  made.inputs = step.inputs;
  made.upstream = step.upstream;
  if (made.kind == StepKind::kSql) std::get<SqlSpec>(made.spec).value_tables = step.as<SqlSpec>().value_tables;
  const auto needs_all = [](const CheckSpec& check) { return !check.holds_for_few_rows(); };
  if (std::ranges::none_of(step.checks, needs_all)) std::erase_if(made.checks, needs_all);   // a test takes them out
  if (made.kind == StepKind::kScore)     // one that does not depend on the item is the whole step's, which a test may have replaced by a file
    if (const ModelRef& model = step.as<ScoreSpec>().model; !model.step.empty() || !model.name.empty() || !model.file.empty()) std::get<ScoreSpec>(made.spec).model = model;
  return made;
}

std::shared_ptr<const SqlInspector> CachingSqlInspector(std::shared_ptr<const SqlInspector> inner) { return std::make_shared<CachingInspector>(std::move(inner)); }

const Shape& StepShapeWithoutForEach() {
  static const Shape shape = Without(StepShape(), {"for_each"});
  return shape;
}

}  // namespace headrace
