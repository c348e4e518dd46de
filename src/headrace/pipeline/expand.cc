#include "headrace/pipeline/expand.h"

#include <algorithm>
#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/pipeline/for_each.h"

namespace headrace {
namespace {

constexpr std::size_t kMaxUseDepth = 8;

class Expander {
 public:
  Expander(const StepSurroundings& around, std::shared_ptr<const SqlInspector> sql, Diagnostics& diagnostics)
      : around_(around), sql_(std::move(sql)), diagnostics_(diagnostics) {}

  ExpandedPipeline Run(const Node* steps, const Node* finally, const Scope& scope, std::string_view outcome) {
    Frame& frame = NewFrame("", nullptr);
    frame.scope = scope;
    if (steps != nullptr) Steps(*steps, frame);
    if (finally == nullptr) return std::move(out_);
    last_ = true;
    Frame& last = NewFrame("", &frame);
    last.scope = scope;
    if (outcome.empty()) last.scope.SetUnknown("run.outcome", Type::kText);
    else last.scope.Set("run.outcome", Value::Text(std::string(outcome)));
    last.steps = frame.steps;
    last.groups = frame.groups;
    for (const Node::Entry& entry : finally->is_map() ? finally->entries : std::vector<Node::Entry>())
      if (frame.steps.contains(entry.key) || frame.groups.contains(entry.key))
        diagnostics_.AddError(DiagnosticCode::kDuplicateName, entry.key_place, StrCat("`", entry.key, "` stands under `steps` too")).Help("give it a name of its own");
    Steps(*finally, last);
    return std::move(out_);
  }

 private:
  Frame& NewFrame(std::string prefix, Frame* parent) {
    out_.frames.push_back(std::make_unique<Frame>());
    out_.frames.back()->prefix = std::move(prefix);
    out_.frames.back()->parent = parent;
    return *out_.frames.back();
  }

  void Steps(const Node& steps, Frame& frame) {
    Node copy = steps;
    static const Shape names = Named("name: step", Anything());
    CheckShape(copy, names, "`steps`", nullptr, diagnostics_);
    if (!copy.is_map()) return;
    for (Node::Entry& entry : copy.entries)
      if (IsIdentifier(entry.key)) Step(entry, frame);
  }

  void Step(Node::Entry& entry, Frame& frame) {
    const std::string full = frame.prefix + entry.key;
    const bool group = entry.value.is_map() && entry.value.Find("use") != nullptr;
    if (!group) frame.steps[entry.key].insert(frame.steps[entry.key].begin(), full);
    else frame.groups.insert(entry.key);
    const Node* each = group || !entry.value.is_map() ? nullptr : entry.value.Find("for_each");
    if (each != nullptr) return ForEach(full, entry, *each, frame);
    bool usable = true;
    CheckShape(entry.value, StepShape(), StrCat("step `", entry.key, "`"), &frame.scope, diagnostics_, &usable);
    if (!usable) {
      out_.broken.insert(full);
      return;
    }
    if (group) return Use(entry, frame);
    const DecodeContext context{around_, frame.scope, *sql_, diagnostics_, last_};
    if (std::optional<DraftStep> draft = DecodeStep(full, entry, context)) out_.steps.push_back({*std::move(draft), &frame});
    else out_.broken.insert(full);
  }

  /// A step that is done for each of several items: decoded with the item unknown, and kept to be decoded for each.
  void ForEach(const std::string& full, Node::Entry& entry, const Node& each, Frame& frame) {
    std::optional<ForEachDecl> decl = DecodeForEach(each, frame.scope, diagnostics_);
    Scope scope = frame.scope;
    if (decl)
      for (const auto& [name, type] : decl->names) scope.SetUnknown(name, type);
    const Node::Entry written = entry;
    bool usable = decl.has_value();
    if (usable) CheckShape(entry.value, StepShapeWithoutForEach(), StrCat("step `", entry.key, "`"), &scope, diagnostics_, &usable);
    std::optional<DraftStep> draft;
    if (usable) draft = DecodeStep(full, entry, {around_, scope, *sql_, diagnostics_, last_});
    if (!draft) {
      out_.broken.insert(full);
      return;
    }
    if (kept_around_ == nullptr) {
      kept_around_ = std::make_shared<StepSurroundings>(around_);
      kept_sql_ = CachingSqlInspector(sql_);
    }
    decl->spec.item = std::make_shared<ItemTemplate>(full, written, draft->references, frame.scope, kept_around_, kept_sql_, last_);
    if (decl->rows) draft->references.push_back(*std::move(decl->rows));
    draft->spec.for_each = std::move(decl->spec);
    out_.steps.push_back({*std::move(draft), &frame});
  }

  void Use(const Node::Entry& entry, Frame& frame) {
    for (const Node::Entry& other : entry.value.entries)
      if (other.key != "use" && other.key != "with" && other.key != "description")
        diagnostics_.AddError(DiagnosticCode::kConflict, other.key_place, StrCat("`", other.key, "` cannot stand beside `use`")).Help("put it on a step of the group");
    const Node& path = *entry.value.Find("use");
    const bool fine = !path.pending && UseFile(entry, path, frame);
    if (!fine) out_.broken.insert(frame.prefix + entry.key);
  }

  bool UseFile(const Node::Entry& entry, const Node& path, Frame& frame) {
    if (std::find(open_.begin(), open_.end(), path.text) != open_.end()) {
      diagnostics_.AddError(DiagnosticCode::kUse, path.place, StrCat("`", path.text, "` uses itself: ", Join(open_, " -> "), " -> ", path.text));
      return false;
    }
    if (open_.size() >= kMaxUseDepth) {
      diagnostics_.AddError(DiagnosticCode::kUse, path.place, StrCat("groups are used more than ", kMaxUseDepth, " levels deep"));
      return false;
    }
    const std::filesystem::path file = std::filesystem::path(around_.root) / path.text;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      diagnostics_.AddError(DiagnosticCode::kMissingFile, path.place, StrCat("no file `", path.text, "` to use")).Help(MissingFileHelp(around_.root, path.text));
      return false;
    }
    std::optional<Node> root = ReadYaml(file.string(), path.text, diagnostics_);
    static const Shape shape = Without(SharedFileShape(), {"params", "steps"});
    if (!root || !CheckShape(*root, shape, "a group of steps", nullptr, diagnostics_)) return false;
    Frame& inner = NewFrame(frame.prefix + entry.key + ".", &frame);
    InheritNames(frame.scope, inner.scope);
    Parameters(entry, *root, inner);
    open_.push_back(path.text);
    Steps(*root->Find("steps"), inner);
    open_.pop_back();
    Publish(entry, *root, inner, frame);
    return true;
  }

  /// A group knows the run, the tenant and the environment, but not its user's parameters.
  static void InheritNames(const Scope& from, Scope& to) {
    for (const auto& [name, value] : from.names()) {
      if (name.starts_with("params.")) continue;
      if (from.IsUnknown(name)) to.SetUnknown(name, value.type());
      else to.Set(name, value);
    }
  }

  void Parameters(const Node::Entry& entry, const Node& root, Frame& inner) {
    const std::vector<ParamDecl> decls = ParseParams(root.Find("params"), diagnostics_);
    const Node* with = entry.value.Find("with");
    std::vector<std::string> names;
    for (const ParamDecl& decl : decls) {
      names.push_back(decl.name);
      const Node* given = with == nullptr ? nullptr : with->Find(decl.name);
      Parameter(decl, given, entry, inner);
    }
    if (with == nullptr) return;
    for (const Node::Entry& given : with->entries) {
      if (std::find(names.begin(), names.end(), given.key) != names.end()) continue;
      const std::string near = NearestName(given.key, names);
      diagnostics_.AddError(DiagnosticCode::kUnknownParameter, given.key_place, StrCat("`", root.place.source->path(), "` has no parameter `", given.key, "`"))
          .Help(near.empty() ? "declare it there under `params:`" : StrCat("did you mean `", near, "`?"));
    }
  }

  void Parameter(const ParamDecl& decl, const Node* given, const Node::Entry& entry, Frame& inner) {
    std::optional<Node> evaluated;
    if (given != nullptr) {
      evaluated = *given;
    } else if (decl.default_value) {
      evaluated = decl.default_value;
      const bool held = evaluated->is_scalar() && evaluated->text.find("${") != std::string::npos;
      if (held && !inner.scope.Substitute(*evaluated, ScalarType::kAny, diagnostics_)) evaluated.reset();
    } else if (decl.required) {
      diagnostics_.AddError(DiagnosticCode::kMissingParameter, entry.key_place, StrCat("`use` gives no value for the parameter `", decl.name, "`"))
          .Related(decl.place, "declared here")
          .Help(StrCat("add `with: {", decl.name, ": ...}`"));
    } else if (const std::optional<Type> type = ValueTypeOf(decl.kind)) {
      return inner.scope.Set("params." + decl.name, Value::Null(*type));
    }
    std::optional<Assigned> assigned;
    if (evaluated) assigned = AssignNode(decl, *evaluated, diagnostics_);
    if (!assigned) return DefineUnknown(decl, inner.scope);
    Define(decl, *assigned, inner.scope);
    if (std::holds_alternative<ParamValue::Dataset>(assigned->value.held)) inner.datasets.emplace(decl.name, *evaluated);
    else if (decl.kind == ParamDecl::Kind::kDateOrDataset) inner.dates.emplace(decl.name, std::get<Value>(assigned->value.held));
  }

  /// Make the group's steps visible outside: all as `group.step`, outputs by their bare names too.
  void Publish(const Node::Entry& entry, const Node& root, const Frame& inner, Frame& frame) {
    for (const auto& [name, full] : inner.steps) frame.steps[StrCat(entry.key, ".", name)] = full;
    const Node& outputs = *root.Find("outputs");
    std::vector<std::string> known;
    for (const auto& [name, full] : inner.steps) known.push_back(name);
    const auto publish = [&](const Node& output) {
      const auto found = inner.steps.find(output.text);
      if (found != inner.steps.end()) {
        frame.steps[output.text].push_back(found->second.front());
        return;
      }
      const std::string near = NearestName(output.text, known);
      diagnostics_.AddError(DiagnosticCode::kUnknownStep, output.place, StrCat("`outputs` names `", output.text, "`, which is no step of this group"))
          .Help(near.empty() ? "" : StrCat("did you mean `", near, "`?"));
    };
    if (outputs.is_scalar()) publish(outputs);
    for (const Node& output : outputs.items) publish(output);
  }

  const StepSurroundings& around_;
  const std::shared_ptr<const SqlInspector> sql_;
  std::shared_ptr<const StepSurroundings> kept_around_;      ///< for templates, which outlive this; made when there is one
  std::shared_ptr<const SqlInspector> kept_sql_;
  Diagnostics& diagnostics_;
  ExpandedPipeline out_;
  std::vector<std::string> open_;
  bool last_ = false;            ///< at work under `finally`
};

}  // namespace

ExpandedPipeline Expand(const Node* steps, const Node* finally, const Scope& scope, std::string_view outcome, const StepSurroundings& around,
                        const std::shared_ptr<const SqlInspector>& sql, Diagnostics& diagnostics) {
  return Expander(around, sql, diagnostics).Run(steps, finally, scope, outcome);
}

}  // namespace headrace
