#include "headrace/cli/data_source.h"

#include <algorithm>

#include "headrace/base/files.h"
#include "headrace/cli/run_outputs.h"
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

bool LooksLikeFile(const std::string& text) {
  return FileExists(text) || FileFormat::OfPath(text).ok() || text.find_first_of("*?[") != std::string::npos || std::count(text.begin(), text.end(), '/') != 1;
}
}  // namespace

Result<DataSource> DataSource::Open(const Options& options, const GlobalFlags& flags) {
  DataSource out;
  Engine::Options settings;
  settings.any_file = true;
  ASSIGN_OR_RETURN(out.engine_, Engine::Open(settings));
  if (LooksLikeFile(options.text)) {
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
