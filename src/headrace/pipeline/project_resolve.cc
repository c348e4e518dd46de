#include <algorithm>
#include <set>

#include "headrace/base/text.h"
#include "headrace/pipeline/expand.h"
#include "headrace/pipeline/for_each.h"
#include "headrace/pipeline/project_parts.h"

namespace headrace {
namespace {

/// Evaluate what stands under a parameter's `default:`; a list or secret stays as it is.
std::optional<Assigned> AssignDefault(const ParamDecl& decl, const Scope& scope, Diagnostics& diagnostics) {
  Node node = *decl.default_value;
  if (node.is_scalar() && node.text.find("${") != std::string::npos && !scope.Substitute(node, ScalarType::kAny, diagnostics)) return std::nullopt;
  std::optional<Assigned> assigned = AssignNode(decl, node, diagnostics);
  if (assigned) assigned->value.from = ParamValue::From::kDefault;
  return assigned;
}

std::string NearHelp(const std::string& word, const std::vector<std::string>& names, std::string_view what) {
  const std::string near = NearestName(word, names);
  if (!near.empty()) return StrCat("did you mean `", near, "`?");
  return names.empty() ? StrCat("this project has no ", what) : StrCat(what, ": ", Join(names, ", "));
}

/// Parameters of one pipeline from flags, tenant and defaults, in that order.
class ParameterSources {
 public:
  ParameterSources(const ResolveRequest& request, const TenantFile* tenant, Diagnostics& diagnostics)
      : request_(request), tenant_(tenant), diagnostics_(diagnostics) {}

  std::map<std::string, ParamValue> Collect(const PipelineFile& pipeline, Scope& scope) {
    std::map<std::string, ParamValue> out;
    std::vector<std::string> names;
    for (const ParamDecl& decl : pipeline.params) {
      names.push_back(decl.name);
      std::optional<Assigned> assigned = One(decl, scope);
      if (!assigned) {
        DefineUnknown(decl, scope);
        continue;
      }
      Define(decl, *assigned, scope);
      out.emplace(decl.name, std::move(assigned->value));
    }
    for (const auto& [name, value] : request_.params)
      if (std::find(names.begin(), names.end(), name) == names.end())
        diagnostics_.AddError(DiagnosticCode::kUnknownParameter, {}, StrCat("pipeline `", pipeline.name, "` has no parameter `", name, "`")).Help(NearHelp(name, names, "parameters"));
    return out;
  }

 private:
  std::optional<Assigned> One(const ParamDecl& decl, const Scope& scope) {
    const std::string* flag = nullptr;
    for (const auto& [name, value] : request_.params)
      if (name == decl.name) flag = &value;
    if (flag != nullptr) {
      Result<ParamValue> value = AssignText(decl, *flag);
      if (value.ok()) return Assigned{*std::move(value), false, false};
      diagnostics_.AddError(DiagnosticCode::kParameterValue, {}, value.status().message()).Related(decl.place, "declared here").Help(value.status().help());
      return std::nullopt;
    }
    const Node* params = tenant_ == nullptr ? nullptr : tenant_->root.Find("params");
    if (const Node* given = params == nullptr ? nullptr : params->Find(decl.name)) {
      std::optional<Assigned> assigned = AssignNode(decl, *given, diagnostics_);
      if (assigned) assigned->value.from = ParamValue::From::kTenant;
      return assigned;
    }
    if (decl.default_value) return AssignDefault(decl, scope, diagnostics_);
    if (decl.required) {
      diagnostics_.AddError(DiagnosticCode::kMissingParameter, decl.place, StrCat("parameter `", decl.name, "` has no value"))
          .Help(decl.kind == ParamDecl::Kind::kSecret ? StrCat("name it in the tenant file: `params: {", decl.name, ": {secret: NAME}}`") : StrCat("give it with `-p ", decl.name, "=VALUE`, or declare a `default:`"));
      return std::nullopt;
    }
    Assigned empty;
    if (const std::optional<Type> type = ValueTypeOf(decl.kind)) empty.value.held = Value::Null(*type);
    else empty.value.held = ParamValue::Columns{};
    return empty;
  }

  const ResolveRequest& request_;
  const TenantFile* tenant_;
  Diagnostics& diagnostics_;
};

/// All tenants' connections at once: while nothing runs, a connection is fine when someone defines it.
std::map<std::string, ConnectionEntry> AllConnections(const std::map<std::string, ConnectionEntry>& shared, const std::map<std::string, TenantFile>& tenants) {
  std::map<std::string, ConnectionEntry> all = shared;
  for (const auto& [name, tenant] : tenants)
    for (const auto& [key, connection] : tenant.connections) all.emplace(key, connection);
  return all;
}

void CheckPipeline(const PipelineFile& pipeline, const Environment& environment, const StepSurroundings& around, const std::shared_ptr<const SqlInspector>& sql, Diagnostics& diagnostics) {
  Scope scope;
  scope.SetUnknown("run.interval.start", Type::kTimestamp);
  scope.SetUnknown("run.interval.end", Type::kTimestamp);
  scope.SetUnknown("tenant.name", Type::kText);
  scope.Set("env.name", Value::Text(environment.name));
  for (const ParamDecl& decl : pipeline.params) {
    if (decl.default_value) AssignDefault(decl, scope, diagnostics);
    DefineUnknown(decl, scope);
  }
  const Node* steps = pipeline.root.Find("steps");
  if (steps == nullptr) return;
  if (steps->is_null() || (steps->is_map() && steps->entries.empty())) {
    diagnostics.AddError(DiagnosticCode::kMissingKey, pipeline.root.FindEntry("steps")->key_place, "`steps` holds no step");
    return;
  }
  LinkSteps(Expand(steps, pipeline.root.Find("finally"), scope, "", around, sql, diagnostics), diagnostics);
}

/// Each parameter of a tenant belongs to some pipeline and fits all that declare it.
void CheckTenant(const TenantFile& tenant, const std::map<std::string, PipelineFile>& pipelines, Diagnostics& diagnostics) {
  const Node* params = tenant.root.Find("params");
  if (params == nullptr) return;
  std::vector<std::string> known;
  for (const auto& [name, pipeline] : pipelines)
    for (const ParamDecl& decl : pipeline.params) known.push_back(decl.name);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (const Node::Entry& entry : params->entries) {
    if (!std::binary_search(known.begin(), known.end(), entry.key)) {
      diagnostics.AddError(DiagnosticCode::kUnknownParameter, entry.key_place, StrCat("no pipeline has a parameter `", entry.key, "`")).Help(NearHelp(entry.key, known, "parameters"));
      continue;
    }
    for (const auto& [name, pipeline] : pipelines)
      for (const ParamDecl& decl : pipeline.params)
        if (decl.name == entry.key) AssignNode(decl, entry.value, diagnostics);
  }
}

/// Each table that a tenant calls otherwise is one that some step names. `named`: StepSurroundings::tables_named.
void CheckTables(const TenantFile& tenant, const std::set<std::string>& named, Diagnostics& diagnostics) {
  const Node* tables = tenant.root.Find("tables");
  if (tables == nullptr || named.contains("")) return;
  for (const Node::Entry& entry : tables->entries)
    if (!named.contains(entry.key))
      diagnostics.AddError(DiagnosticCode::kUnknownTable, entry.key_place, StrCat("no step reads or writes a table `", entry.key, "`"))
          .Help(NearHelp(entry.key, {named.begin(), named.end()}, "tables"));
}

/// Names of the pipelines, each with its parameters', for steps that run another pipeline.
std::shared_ptr<const std::map<std::string, std::vector<std::string>>> ParametersOf(const Project::Parts& parts) {
  auto out = std::make_shared<std::map<std::string, std::vector<std::string>>>();
  for (const auto& [name, file] : parts.pipelines) {
    std::vector<std::string>& names = (*out)[name];
    for (const ParamDecl& decl : file.params) names.push_back(decl.name);
  }
  return out;
}

}  // namespace

/// The items of a list are known before the run: what is wrong for one of the first is told before it too.
static void TryItems(const std::vector<StepSpec>& steps, Diagnostics& diagnostics) {
  constexpr std::size_t kTried = 100;
  for (const StepSpec& step : steps) {
    if (!step.for_each) continue;
    const std::vector<Value>& values = step.for_each->values;
    for (std::size_t i = 0; i < std::min(kTried, values.size()) && !diagnostics.has_errors(); ++i)
      static_cast<void>(step.for_each->item->Make(step, {values[i]}, StrCat(step.name, "[", values[i].ToString(), "]"), diagnostics));
  }
}

std::string ParamValue::ToString() const {
  if (const auto* value = std::get_if<Value>(&held)) return value->ToString();
  if (const auto* columns = std::get_if<Columns>(&held)) return Join(columns->names, ",");
  if (const auto* dataset = std::get_if<Dataset>(&held)) return dataset->output.empty() ? dataset->step : StrCat(dataset->step, ".", dataset->output);
  return StrCat("secret ", std::get<SecretName>(held).name);
}

const StepSpec* ResolvedPipeline::Find(std::string_view step) const {
  for (const StepSpec& spec : steps)
    if (spec.name == step) return &spec;
  return nullptr;
}

void Project::Validate(std::string_view pipeline, Diagnostics& diagnostics) const {
  if (!pipeline.empty() && !parts_->pipelines.contains(std::string(pipeline))) {
    diagnostics.AddError(DiagnosticCode::kUnknownPipeline, {}, StrCat("no pipeline `", pipeline, "`")).Help(NearHelp(std::string(pipeline), pipelines(), "pipelines"));
    return;
  }
  StepSurroundings around;
  around.root = parts_->root;
  around.connections = AllConnections(parts_->connections, parts_->tenants);
  around.defaults = parts_->defaults;
  around.preview = parts_->environment.preview;
  around.pools = parts_->pools;
  around.pipelines = ParametersOf(*parts_);
  if (pipeline.empty()) around.tables_named = std::make_shared<std::set<std::string>>();
  for (const auto& [name, file] : parts_->pipelines)
    if (pipeline.empty() || name == pipeline) CheckPipeline(file, parts_->environment, around, parts_->sql, diagnostics);
  for (const auto& [name, tenant] : parts_->tenants) {
    CheckTenant(tenant, parts_->pipelines, diagnostics);
    if (around.tables_named) CheckTables(tenant, *around.tables_named, diagnostics);
  }
  Schedules(pipeline, diagnostics);
}

namespace {

/// What the schedules of the tenant and of the pipeline say, in that order; "" = nothing. Whether it is a zone is Schedules' to say.
std::string TimeZoneOf(const PipelineFile& pipeline, const TenantFile* tenant) {
  const Node* own = tenant == nullptr ? nullptr : tenant->root.Find("schedule");
  own = own == nullptr || !own->is_map() ? nullptr : own->Find(pipeline.name);
  for (const Node* schedule : {own, pipeline.root.Find("schedule")})
    if (const Node* zone = schedule == nullptr || !schedule->is_map() ? nullptr : schedule->Find("timezone"); zone != nullptr && zone->is_scalar()) return zone->text;
  return "";
}

Result<ResolvedPipeline> ResolveAlone(const Project& project, const Project::Parts& parts, const ResolveRequest& request, Diagnostics& diagnostics) {
  const auto pipeline = parts.pipelines.find(request.pipeline);
  if (pipeline == parts.pipelines.end())
    diagnostics.AddError(DiagnosticCode::kUnknownPipeline, {}, StrCat("no pipeline `", request.pipeline, "`")).Help(NearHelp(request.pipeline, project.pipelines(), "pipelines"));
  const auto tenant = parts.tenants.find(request.tenant);
  const TenantFile* client = tenant == parts.tenants.end() ? nullptr : &tenant->second;
  if (!request.tenant.empty() && client == nullptr)
    diagnostics.AddError(DiagnosticCode::kUnknownTenant, {}, StrCat("no tenant `", request.tenant, "`")).Help(NearHelp(request.tenant, project.tenants(), "tenants"));
  RETURN_IF_ERROR(diagnostics.ToStatus());

  ResolvedPipeline out;
  out.root = parts.data_root;
  out.project = parts.name;
  out.pipeline = request.pipeline;
  out.file = pipeline->second.path;
  out.tenant = request.tenant;
  out.environment = parts.environment;
  out.interval = request.interval;
  out.time_zone = TimeZoneOf(pipeline->second, client);
  out.retention = parts.retention;
  out.pools = parts.pools;
  out.connections = project.ConnectionsOf(request.tenant);

  Scope scope;
  scope.Set("run.interval.start", Value::Timestamp(request.interval.start_us));
  scope.Set("run.interval.end", Value::Timestamp(request.interval.end_us));
  scope.Set("env.name", Value::Text(parts.environment.name));
  if (client != nullptr) scope.Set("tenant.name", Value::Text(client->name));
  out.params = ParameterSources(request, client, diagnostics).Collect(pipeline->second, scope);

  StepSurroundings around;
  around.root = parts.root;
  around.connections = out.connections;
  if (client != nullptr) around.tables = client->tables;
  around.defaults = parts.defaults;
  around.preview = parts.environment.preview;
  around.pools = parts.pools;
  around.pipelines = ParametersOf(parts);
  if (client == nullptr && !parts.tenants.empty()) around.connection_help = StrCat("tenants have connections of their own: choose one with `--tenant` (", Join(project.tenants(), ", "), ")");
  const Node* steps = pipeline->second.root.Find("steps");
  const Node* finally = pipeline->second.root.Find("finally");
  out.steps = LinkSteps(Expand(steps, finally, scope, "succeeded", around, parts.sql, diagnostics), diagnostics);
  TryItems(out.steps, diagnostics);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  if (finally == nullptr) return out;
  for (StepSpec& spec : LinkSteps(Expand(steps, finally, scope, "failed", around, parts.sql, diagnostics), diagnostics))
    if (spec.last) out.last_if_failed.emplace(spec.name, std::move(spec));
  RETURN_IF_ERROR(diagnostics.ToStatus());
  return out;
}

}  // namespace

Result<ResolvedPipeline> Project::Resolve(const ResolveRequest& request, Diagnostics& diagnostics) const {
  Diagnostics own;  // whether this one fails must not hang on what was found before, nor on whether it was the same
  Result<ResolvedPipeline> resolved = ResolveAlone(*this, *parts_, request, own);
  for (Diagnostic& found : own.Sorted()) diagnostics.Add(std::move(found));
  if (!resolved.ok()) return resolved;
  resolved->files = parts_->sources;
  resolved->files.insert(own.sources().begin(), own.sources().end());
  for (const auto& [name, tenant] : parts_->tenants)
    if (name != request.tenant) resolved->files.erase(tenant.root.place.source->path());
  return resolved;
}

}  // namespace headrace
