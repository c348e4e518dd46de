#include <algorithm>
#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/pipeline/project_parts.h"
#include "headrace/sql/connection.h"

namespace headrace {
namespace fs = std::filesystem;
namespace {

constexpr const char* kProjectFile = "headrace.yaml";

/// Without showing it: the line that the error is about is printed, too.
void RefusePassword(const Place& place, const std::string& what, std::string_view key, const std::string& uri, Diagnostics& diagnostics) {
  Diagnostic& error = diagnostics.AddError(DiagnosticCode::kBadValue, place, StrCat(what, " holds a password, which must not stand in a file"))
      .Help(StrCat("write `", key, ": {secret: NAME}` and set the variable NAME, or leave the password to PGPASSWORD or ~/.pgpass"));
  std::string& line = error.at.source_line;
  const bool plain = line.find(uri) != std::string::npos;
  line = plain ? ReplaceAll(line, uri, "...") : line.substr(0, line.find(key));
}

void ReadConnections(const Node* node, std::map<std::string, ConnectionEntry>& out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  for (const Node::Entry& entry : node->entries) {
    ConnectionEntry connection;
    connection.name = entry.key;
    connection.driver = TextOf(entry.value.Find("driver"));
    connection.uri = TextOrSecretOf(entry.value.Find("uri"));
    connection.place = entry.key_place;
    if (DialectOf(connection.driver) == SqlDialect::kPostgres && HoldsPassword(connection.uri.text))
      RefusePassword(connection.place, StrCat("the `uri` of connection `", connection.name, "`"), "uri", connection.uri.text, diagnostics);
    out.insert_or_assign(entry.key, std::move(connection));
  }
}

/// The folder that holds headrace.yaml: `from` or one above it; empty when there is none.
fs::path FindRoot(fs::path from) {
  std::error_code error;
  while (true) {
    if (fs::is_regular_file(from / kProjectFile, error)) return from;
    if (from == from.parent_path()) return {};
    from = from.parent_path();
  }
}

/// YAML files of a folder, by name.
std::vector<fs::path> YamlFiles(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    if (path.extension() == ".yaml" || path.extension() == ".yml") files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Loader {
 public:
  Loader(Project::Options options, Diagnostics& diagnostics) : options_(std::move(options)), diagnostics_(diagnostics) {}

  Status Run(Project::Parts& parts);

 private:
  void ReadProjectFile();
  void ChooseEnvironment(const Node* environments);
  void ReadEnvironment(const Node::Entry& entry);
  void ReadRetention(const Node& node);
  void ReadDefaults(const Node& node);
  void ReadTenant(const fs::path& file);
  void ReadPipeline(const fs::path& file, bool only_with_steps);
  std::optional<Node> Read(const fs::path& file);
  std::string Shown(const fs::path& file) const { return file.lexically_relative(parts_->root).generic_string(); }

  Project::Options options_;
  Diagnostics& diagnostics_;
  Project::Parts* parts_ = nullptr;
};

Status Loader::Run(Project::Parts& parts) {
  parts_ = &parts;
  std::error_code error;
  const fs::path given = fs::weakly_canonical(fs::absolute(options_.path, error), error);
  if (error || !fs::exists(given, error))
    return Error(ErrorCode::kInvalid, "no file or folder `", options_.path, "`");
  const bool is_folder = fs::is_directory(given, error);
  const fs::path folder = is_folder ? given : given.parent_path();
  const fs::path root = FindRoot(folder);
  parts.has_file = !root.empty();
  if (!parts.has_file && is_folder && !YamlFiles(folder / "pipelines").empty())
    return Error(ErrorCode::kInvalid, "there is no ", kProjectFile, " in `", folder.string(), "` or above it, though there are pipelines").WithHelp(StrCat("make ", kProjectFile, " there, which may be empty; or name the project's folder with -C"));
  parts.root = (parts.has_file ? root : folder).string();
  parts.name = fs::path(parts.root).filename().string();
  parts.sql = options_.sql != nullptr ? options_.sql : DefaultSqlInspector();

  if (parts.has_file) ReadProjectFile();
  else ChooseEnvironment(nullptr);
  const bool one_pipeline = !is_folder && given.filename() != kProjectFile;
  if (parts.has_file) {
    for (const fs::path& file : YamlFiles(root / "tenants")) ReadTenant(file);
    for (const fs::path& file : YamlFiles(root / "pipelines")) ReadPipeline(file, false);
    if (one_pipeline && given.parent_path() != root / "pipelines") ReadPipeline(given, false);
  } else if (one_pipeline) {
    ReadPipeline(given, false);
  } else {
    for (const fs::path& file : YamlFiles(folder)) ReadPipeline(file, true);
  }
  for (const auto& [name, pipeline] : parts.pipelines)
    if (one_pipeline && pipeline.path == Shown(given)) parts.opened_pipeline = name;
  std::sort(parts.files.begin(), parts.files.end());
  return Ok();
}

std::optional<Node> Loader::Read(const fs::path& file) {
  parts_->files.push_back(Shown(file));
  return ReadYaml(file.string(), Shown(file), diagnostics_);
}

void Loader::ReadProjectFile() {
  std::optional<Node> root = Read(fs::path(parts_->root) / kProjectFile);
  if (!root) return;
  if (root->is_null()) return ChooseEnvironment(nullptr);  // an empty file marks the project's root
  ChooseEnvironment(root->is_map() ? root->Find("environments") : nullptr);
  Scope scope;
  scope.Set("env.name", Value::Text(parts_->environment.name));
  CheckShape(*root, ProjectFileShape(), "headrace.yaml", &scope, diagnostics_);
  if (!root->is_map()) return;  // an unknown key leaves the others good
  if (const Node* name = root->Find("name"); name != nullptr && !name->pending) parts_->name = name->text;
  ReadConnections(root->Find("connections"), parts_->connections, diagnostics_);
  if (const Node* environments = root->Find("environments"))
    if (const Node::Entry* chosen = environments->FindEntry(parts_->environment.name)) ReadEnvironment(*chosen);
  if (const Node* retention = root->Find("retention")) ReadRetention(*retention);
  if (const Node* pools = root->Find("pools"))
    for (const Node::Entry& entry : pools->entries) parts_->pools[entry.key] = IntOf(&entry.value, 1);
  if (const Node* defaults = root->Find("defaults")) ReadDefaults(*defaults);
  if (const Node* alerts = root->Find("alerts")) parts_->alerts = DecodeAlerts(*alerts, parts_->environment, diagnostics_);
}

/// By the name asked for, else the one with `default: true`, else the only one. Works on the unchecked tree, because
/// `${env.name}` may stand anywhere in it.
void Loader::ChooseEnvironment(const Node* environments) {
  const bool any = environments != nullptr && environments->is_map() && !environments->entries.empty();
  const Node::Entry* by_default = nullptr;
  std::vector<std::string> names;
  for (std::size_t i = 0; any && i < environments->entries.size(); ++i) {
    const Node::Entry& entry = environments->entries[i];
    names.push_back(entry.key);
    const Node* flag = entry.value.is_map() ? entry.value.Find("default") : nullptr;
    if (flag == nullptr || !flag->is_scalar() || flag->text != "true") continue;
    if (by_default != nullptr)
      diagnostics_.AddError(DiagnosticCode::kConflict, flag->place, "a second environment says `default: true`").Related(by_default->key_place, "the first");
    else by_default = &entry;
  }
  if (!options_.environment.empty()) {
    parts_->environment.name = options_.environment;
    if (std::find(names.begin(), names.end(), options_.environment) != names.end()) return;
    const std::string near = NearestName(options_.environment, names);
    diagnostics_.AddError(DiagnosticCode::kUnknownEnvironment, any ? StartOf(*environments) : Place{}, StrCat("no environment `", options_.environment, "`"))
        .Help(!near.empty() ? StrCat("did you mean `", near, "`?") : any ? StrCat("environments: ", Join(names, ", ")) : "headrace.yaml defines no `environments`");
  } else if (by_default != nullptr) {
    parts_->environment.name = by_default->key;
  } else if (names.size() == 1) {
    parts_->environment.name = names.front();
  } else if (any) {
    diagnostics_.AddError(DiagnosticCode::kUnknownEnvironment, StartOf(*environments), "several environments, and none says `default: true`")
        .Help(StrCat("add `default: true` to one of ", Join(names, ", ")));
  }
}

void Loader::ReadEnvironment(const Node::Entry& entry) {
  Environment& environment = parts_->environment;
  environment.schedules = TextOf(entry.value.Find("schedules")) == "on";
  environment.preview = TextOf(entry.value.Find("deliver")) == "preview";
  if (const Node::Entry* state = entry.value.FindEntry("state"); state != nullptr) {
    environment.state = TextOrSecretOf(&state->value);
    const std::string& uri = environment.state.text;
    if (const std::size_t scheme = uri.find("://"); scheme != std::string::npos && uri.substr(0, scheme) != "postgresql" && uri.substr(0, scheme) != "postgres")
      diagnostics_.AddError(DiagnosticCode::kBadValue, state->value.place, StrCat("`state` takes postgresql://HOST/DATABASE, got ", Describe(state->value))).Help("leave it out to keep the state in .headrace/state.db");
    else if (HoldsPassword(uri)) RefusePassword(state->key_place, "`state`", "state", uri, diagnostics_);
  }
  ReadConnections(entry.value.Find("connections"), parts_->connections, diagnostics_);
}

void Loader::ReadRetention(const Node& node) {
  const auto read = [&](const char* key, std::optional<std::int64_t>& out) {
    const Node* value = node.Find(key);
    if (value == nullptr || value->pending || value->text == "forever") return;
    const Result<std::int64_t> duration = ParseLongDuration(value->text);
    if (duration.ok() && *duration > 0) out = *duration;
    else diagnostics_.AddError(DiagnosticCode::kWrongType, value->place, StrCat("`", key, "` takes a duration like 30d or 1y, or `forever`, got ", Describe(*value)));
  };
  read("data", parts_->retention.data_us);
  read("runs", parts_->retention.runs_us);
  read("models", parts_->retention.models_us);
}

void Loader::ReadDefaults(const Node& node) {
  for (const StepKind kind : {StepKind::kExtract, StepKind::kSql, StepKind::kTrain, StepKind::kScore, StepKind::kDeliver, StepKind::kCommand, StepKind::kAggregate}) {
    const Node* given = node.Find(StepKindName(kind));
    if (given == nullptr) continue;
    StepDefaults& defaults = parts_->defaults[kind];
    if (const Node* retry = given->Find("retry")) defaults.retry = DecodeRetry(*retry, defaults.retry);
    defaults.timeout_us = DurationOf(given->Find("timeout"), 0);
  }
}

void Loader::ReadTenant(const fs::path& file) {
  std::optional<Node> root = Read(file);
  if (!root) return;
  Scope scope;
  scope.Set("env.name", Value::Text(parts_->environment.name));
  const Node* name = root->is_map() ? root->Find("tenant") : nullptr;
  if (name != nullptr && name->is_scalar()) scope.Set("tenant.name", Value::Text(name->text));
  CheckShape(*root, TenantFileShape(), "a tenant", &scope, diagnostics_);
  name = root->is_map() ? root->Find("tenant") : nullptr;
  if (name == nullptr || name->pending) return;
  TenantFile tenant;
  tenant.name = name->text;
  ReadConnections(root->Find("connections"), tenant.connections, diagnostics_);
  if (const Node* tables = root->Find("tables"))
    for (const Node::Entry& entry : tables->entries) {
      if (entry.value.pending) continue;
      if (const Result<QualifiedName> parsed = QualifiedName::Parse(entry.value.text); !parsed.ok())
        diagnostics_.AddError(DiagnosticCode::kBadValue, entry.value.place, parsed.status().message()).Help("write `table` or `schema.table`");
      tenant.tables.emplace(entry.key, entry.value.text);
    }
  tenant.root = *std::move(root);
  const Place place = tenant.root.Find("tenant")->place;
  const std::string key = tenant.name;
  const auto [first, fresh] = parts_->tenants.emplace(key, std::move(tenant));
  if (!fresh)
    diagnostics_.AddError(DiagnosticCode::kDuplicateName, place, StrCat("tenant `", key, "` is defined a second time")).Related(first->second.root.Find("tenant")->place, "first here");
}

void Loader::ReadPipeline(const fs::path& file, bool only_with_steps) {
  std::optional<Node> root = Read(file);
  if (!root) return;
  if (only_with_steps && !(root->is_map() && root->Find("steps") != nullptr)) {
    parts_->files.pop_back();  // some other YAML file
    return;
  }
  static const Shape shape = Without(PipelineFileShape(), {"params", "steps", "finally"});
  CheckShape(*root, shape, "a pipeline", nullptr, diagnostics_);
  if (!root->is_map()) return;
  const Node* name = root->Find("name");
  const bool named = name != nullptr && name->is_scalar() && IsNameOf(ScalarType::kLabel, name->text);
  PipelineFile pipeline;
  pipeline.name = named ? name->text : file.stem().string();
  pipeline.path = Shown(file);
  pipeline.params = ParseParams(root->Find("params"), diagnostics_);
  for (const ParamDecl& decl : pipeline.params)
    if (decl.kind == ParamDecl::Kind::kDataset)
      diagnostics_.AddError(DiagnosticCode::kConflict, decl.place, StrCat("parameter `", decl.name, "` is a dataset; only a group of steps takes one")).Help("steps of this file are read by name");
  const Place place = named ? name->place : StartOf(*root);
  pipeline.root = *std::move(root);
  const std::string key = pipeline.name;
  const auto [first, fresh] = parts_->pipelines.emplace(key, std::move(pipeline));
  if (fresh) return;
  const Node* other = first->second.root.Find("name");
  diagnostics_.AddError(DiagnosticCode::kDuplicateName, place, StrCat("pipeline `", key, "` is defined a second time"))
      .Related(other != nullptr ? other->place : first->second.root.place, "first here");
}

}  // namespace

Project::Project(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Project::Project(Project&&) noexcept = default;
Project& Project::operator=(Project&&) noexcept = default;
Project::~Project() = default;

Result<Project> Project::Load(const Options& options, Diagnostics& diagnostics) {
  auto parts = std::make_unique<Parts>();
  RETURN_IF_ERROR(Loader(options, diagnostics).Run(*parts));
  parts->data_root = options.data_root.empty() ? parts->root : options.data_root;
  parts->sources = diagnostics.sources();
  return Project(std::move(parts));
}

const std::string& Project::root() const { return parts_->root; }
const std::string& Project::name() const { return parts_->name; }
bool Project::has_file() const { return parts_->has_file; }
const Environment& Project::environment() const { return parts_->environment; }
const Retention& Project::retention() const { return parts_->retention; }
std::vector<std::string> Project::files() const { return parts_->files; }
const std::string& Project::opened_pipeline() const { return parts_->opened_pipeline; }

std::vector<std::string> Project::pipelines() const {
  std::vector<std::string> names;
  for (const auto& [name, pipeline] : parts_->pipelines) names.push_back(name);
  return names;
}

std::string Project::OwnerOf(const std::string& pipeline) const {
  const auto found = parts_->pipelines.find(pipeline);
  return found == parts_->pipelines.end() ? std::string() : TextOf(found->second.root.Find("owner"));
}

std::string Project::RunbookOf(const std::string& pipeline) const {
  const auto found = parts_->pipelines.find(pipeline);
  return found == parts_->pipelines.end() ? std::string() : TextOf(found->second.root.Find("runbook"));
}

const std::vector<AlertDestination>& Project::alerts() const { return parts_->alerts; }

std::vector<std::string> Project::tenants() const {
  std::vector<std::string> names;
  for (const auto& [name, tenant] : parts_->tenants) names.push_back(name);
  return names;
}

Quota Project::QuotaOf(std::string_view tenant) const {
  const auto found = parts_->tenants.find(std::string(tenant));
  const Node* quotas = found == parts_->tenants.end() ? nullptr : found->second.root.Find("quotas");
  if (quotas == nullptr) return {};
  return {IntOf(quotas->Find("runs"), 0), SizeOf(quotas->Find("memory"), 0)};
}

std::map<std::string, ConnectionEntry> Project::ConnectionsOf(std::string_view tenant) const {
  std::map<std::string, ConnectionEntry> connections = parts_->connections;
  const auto found = parts_->tenants.find(std::string(tenant));
  if (found == parts_->tenants.end()) return connections;
  for (const auto& [name, connection] : found->second.connections) connections.insert_or_assign(name, connection);
  return connections;
}

}  // namespace headrace
