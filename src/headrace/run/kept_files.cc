#include "headrace/run/kept_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/base/json.h"

namespace headrace {

namespace {
using Json = nlohmann::json;
constexpr std::size_t kLargest = 16 << 20;
constexpr std::size_t kLargestRecord = 4 * kLargest;      // as JSON

bool StaysInside(const std::string& path) {
  const std::filesystem::path parts(path);
  if (path.empty() || parts.is_absolute()) return false;
  for (const auto& part : parts)
    if (part == "..") return false;
  return true;
}

Status WriteFiles(const std::string& record, const std::string& folder, std::string& pipeline_file) {
  try {
    const Json json = ParseJson(record);
    pipeline_file = json.at("pipeline_file");
    for (const auto& [path, text] : json.at("files").items()) {
      if (!StaysInside(path)) return Error(ErrorCode::kInvalid, "the recorded files hold a path outside of the project: `", path, "`");
      const std::string file = JoinPath(folder, path);
      RETURN_IF_ERROR(MakeDirectories(ParentPath(file)));
      RETURN_IF_ERROR(WriteFileAtomically(file, text.get_ref<const std::string&>()));
    }
  } catch (const Json::exception& error) {
    return Error(ErrorCode::kInvalid, "the recorded files of the run do not read: ", error.what());
  }
  return Ok();
}
}  // namespace

Result<std::string> KeepFiles(Store& store, const ResolvedPipeline& pipeline) {
  Json json = {{"pipeline_file", pipeline.file}, {"files", Json::object()}};
  std::size_t bytes = 0;
  for (const auto& [path, source] : pipeline.files) {
    if (!StaysInside(path)) return std::string();          // a file of another project cannot be put back under this one
    bytes += source->text().size();
    json["files"][path] = source->text();
  }
  if (bytes > kLargest) return std::string();
  const std::string scratch = store.ScratchPath(".json");
  RETURN_IF_ERROR(WriteFileAtomically(scratch, DumpJson(json)));
  ASSIGN_OR_RETURN(const ArtifactRef artifact, store.AddArtifact(scratch, "files", -1));
  return artifact.digest;
}

Result<std::unique_ptr<KeptProject>> KeptProject::Open(Store& store, const RunRecord& run, const Project& today, const std::string& environment) {
  if (run.files.empty()) return Error(ErrorCode::kInvalid, "run ", run.id, " kept no files of its project").WithHelp("leave out --as-recorded: it runs with today's files");
  ASSIGN_OR_RETURN(const std::string record, store.ArtifactPath({run.files, "files", -1}));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(record, kLargestRecord));
  std::unique_ptr<KeptProject> kept(new KeptProject(store.ScratchPath("-files")));
  const std::string folder = JoinPath(kept->folder_, FileName(today.root()));      // a project without a name is called as its folder
  RETURN_IF_ERROR(MakeDirectories(folder));
  std::string pipeline_file;
  RETURN_IF_ERROR(WriteFiles(text, folder, pipeline_file));
  Project::Options options;
  options.path = today.has_file() ? folder : JoinPath(folder, pipeline_file);
  options.data_root = today.root();
  options.environment = environment;
  Diagnostics diagnostics;
  Result<Project> project = Project::Load(options, diagnostics);
  if (!project.ok()) return std::move(project).status().WithContext("the project as it was recorded");
  kept->project_.emplace(std::move(project).value());
  return kept;
}

KeptProject::~KeptProject() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace headrace
