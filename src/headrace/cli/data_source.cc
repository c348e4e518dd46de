#include "headrace/cli/data_source.h"

#include <algorithm>

#include "headrace/base/clock.h"
#include "headrace/base/files.h"
#include "headrace/base/secret.h"
#include "headrace/cli/run_outputs.h"
#include "headrace/sql/connection.h"
#include "headrace/sql/files.h"

namespace headrace {

namespace {
Status LoadFrom(Engine& engine, const DataSource::Options& options) {
  FileSource source;
  source.pattern = options.text;
  source.delimiter = options.delimiter;
  if (options.types.size() > 0) {
    ASSIGN_OR_RETURN(const Schema found, FileSchema(source));
    std::vector<Field> declared;
    for (const Field& field : found.fields())
      if (const auto at = options.types.IndexOf(field.name); at && options.types[*at].type != field.type) declared.push_back(options.types[*at]);
    if (!declared.empty()) {
      FileSource typed = source;
      typed.declared = Schema(std::move(declared));
      // Where the cells do not read as the known type, the type they have says so better than an error.
      if (LoadFiles(engine, typed, "data").ok()) return Ok();
    }
  }
  return LoadFiles(engine, source, "data");
}

/// The file of RUN/STEP, and how people call it.
Result<std::pair<std::string, std::string>> OutputPath(const std::string& text, const GlobalFlags& flags) {
  const std::size_t slash = text.find('/');
  ASSIGN_OR_RETURN(const OpenProject open, OpenState(flags));
  ASSIGN_OR_RETURN(const RunRecord run, open.store->GetRun(text.substr(0, slash)));
  const std::string step = text.substr(slash + 1);
  ASSIGN_OR_RETURN(const ArtifactRef artifact, FindOutput(*open.store, run.id, step));
  ASSIGN_OR_RETURN(const std::string path, open.store->ArtifactPath(artifact));
  if (artifact.kind != "dataset") return Error(ErrorCode::kInvalid, "step `", step, "` of run ", run.id, " left a ", artifact.kind, ", not rows").WithHelp(StrCat("headrace inspect ", path));
  return std::pair(path, StrCat("step `", step, "` of run ", run.id));
}

/// Read, never written, and only this table.
Status LoadTable(Engine& engine, const DataSource::Options& options, const GlobalFlags& flags) {
  if (options.table.empty()) return Error(ErrorCode::kInvalid, "`--connection` needs `--table`, which says what to read of it");
  Diagnostics diagnostics;
  ASSIGN_OR_RETURN(const Project project, LoadProject(flags, "", diagnostics));
  const auto known = [](const std::vector<std::string>& names) { return names.empty() ? std::string("this project has none") : StrCat("there are ", Join(names, ", ")); };
  const std::vector<std::string> tenants = project.tenants();
  if (!options.tenant.empty() && std::find(tenants.begin(), tenants.end(), options.tenant) == tenants.end())
    return Error(ErrorCode::kInvalid, "no tenant `", options.tenant, "`").WithHelp(known(tenants));
  const std::map<std::string, ConnectionEntry> connections = project.ConnectionsOf(options.tenant);
  const auto entry = connections.find(options.connection);
  if (entry == connections.end()) {
    std::vector<std::string> names;
    for (const auto& [name, connection] : connections) names.push_back(name);
    const std::string near = NearestName(options.connection, names);
    return Error(ErrorCode::kInvalid, "there is no connection `", options.connection, "`").WithHelp(near.empty() ? known(names) : StrCat("did you mean `", near, "`?"));
  }
  ASSIGN_OR_RETURN(const Secret uri, Load(entry->second.uri, ProcessVariables()));
  ConnectionMap::Options settings;
  settings.sleep = [](std::int64_t ms) { SystemClock().Sleep(ms * 1000); };
  ConnectionMap map(settings);
  ConnectionSpec spec;
  spec.name = options.connection;
  spec.driver = entry->second.driver;
  spec.uri = ConnectionUri(spec.driver, project.root(), uri.Reveal());
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, map.Open(spec));
  ASSIGN_OR_RETURN(const QualifiedName table, QualifiedName::Parse(options.table));
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, connection->ReadTable(table));
  return engine.AddTable("data", std::move(rows));
}

bool LooksLikeFile(const std::string& text) {
  return FileExists(text) || FileFormat::OfPath(text).ok() || text.find_first_of("*?[") != std::string::npos || std::count(text.begin(), text.end(), '/') != 1;
}
}  // namespace

Result<DataSource> DataSource::Open(const Options& options, const GlobalFlags& flags) {
  DataSource out;
  Engine::Options settings;
  settings.any_file = true;
  ASSIGN_OR_RETURN(out.engine_, Engine::Open(settings));
  if (options.text.empty() == options.connection.empty())
    return Error(ErrorCode::kInvalid, options.text.empty() ? "there is nothing to read" : "both DATA and `--connection` say what to read").WithHelp("name a file, what a step left (last/purchases), or `--connection NAME --table TABLE`");
  if (!options.connection.empty()) {
    out.name_ = StrCat(options.connection, ".", options.table);
    RETURN_IF_ERROR(LoadTable(*out.engine_, options, flags));
  } else if (LooksLikeFile(options.text)) {
    out.name_ = options.text;
    RETURN_IF_ERROR(LoadFrom(*out.engine_, options));
  } else {
    Result<std::pair<std::string, std::string>> found = OutputPath(options.text, flags);
    if (!found.ok()) {
      Status status = std::move(found).status().WithContext(StrCat("`", options.text, "` is no file, and as RUN/STEP"));
      return status.help().empty() ? std::move(status).WithHelp("name a file (.csv .tsv .jsonl .parquet) or what a step left, for example last/purchases") : status;
    }
    out.name_ = found->second;
    RETURN_IF_ERROR(out.engine_->AddParquet("data", found->first));
  }
  ASSIGN_OR_RETURN(out.schema_, out.engine_->Describe("SELECT * FROM data"));
  return out;
}

Result<std::unique_ptr<TableStream>> DataSource::Rows() const { return engine_->Query("SELECT * FROM data"); }

}  // namespace headrace
