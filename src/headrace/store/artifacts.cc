#include "headrace/base/crash.h"
#include "headrace/base/file_lock.h"
#include "headrace/base/files.h"
#include "headrace/store/process_internal.h"
#include "headrace/store/store.h"

namespace headrace {

namespace {
std::string PathOf(const std::string& directory, const ArtifactRef& artifact) {
  return StrCat(directory, "/artifacts/", artifact.digest.substr(0, 2), "/", artifact.digest, artifact.kind == "model" ? ".model" : artifact.kind == "files" ? ".json" : artifact.kind == "body" ? ".body" : ".parquet");
}
}  // namespace

Result<std::string> Store::TrialsPath(std::string_view fingerprint) {
  const std::string folder = JoinPath(directory_, "trials");
  RETURN_IF_ERROR(MakeDirectories(folder));
  return JoinPath(folder, fingerprint);
}

std::string Store::ScratchPath(std::string_view suffix) {
  const std::lock_guard lock(mutex_);
  return StrCat(directory_, "/tmp/", internal::TheKernel().Pid(), "-", internal::HostTag(), "-", ++scratch_count_, suffix);
}

Result<ArtifactRef> Store::AddArtifact(const std::string& scratch_path, std::string_view kind, std::int64_t rows) {
  ArtifactRef artifact{"", std::string(kind), rows};
  ASSIGN_OR_RETURN(artifact.digest, Sha256OfFile(scratch_path));
  const std::string path = PathOf(directory_, artifact);
  CrashPoint("artifact.before_rename");
  RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  {
    // Over an equal file, or a damaged one that is thereby mended. The lock is gc's (gc.cc), which does not work where there are no locks.
    const Result<FileLock> lock = FileLock::Shared(LockPath());
    RETURN_IF_ERROR(MoveFile(scratch_path, path));
  }
  CrashPoint("artifact.after_rename");
  const std::lock_guard lock(mutex_);
  verified_[artifact.digest] = true;
  return artifact;
}

Result<std::string> Store::ArtifactPath(const ArtifactRef& artifact) {
  const std::string path = PathOf(directory_, artifact);
  {
    const std::lock_guard lock(mutex_);
    if (verified_.contains(artifact.digest)) return path;
  }
  const Result<std::string> digest = Sha256OfFile(path);
  if (!digest.ok() || *digest != artifact.digest)
    return Error(ErrorCode::kFailed, "the artifact ", artifact.digest.substr(0, 12), digest.ok() ? " is damaged" : " is gone", " (`", path, "`)")
        .WithHelp("run the pipeline again: the step that makes it will make it anew");
  const std::lock_guard lock(mutex_);
  verified_[artifact.digest] = true;
  return path;
}

}  // namespace headrace
