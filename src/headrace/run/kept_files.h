#pragma once

#include <memory>
#include <string>

#include "headrace/pipeline/project.h"
#include "headrace/store/store.h"

namespace headrace {

/// Keep the files that make up `pipeline` (YAML, SQL, contracts; no data, no programs, no secrets) as an artifact, so that a run can be repeated as it was.
/// Equal files are kept once. Its digest; "" when they are larger than 16 MiB.
Result<std::string> KeepFiles(Store& store, const ResolvedPipeline& pipeline);

/// A project as a recorded run read it. Its files lie in a scratch folder, which goes with this object; data and programs are those of today.
class KeptProject {
 public:
  /// kInvalid when the run kept no files. `environment`: as for Project::Load.
  static Result<std::unique_ptr<KeptProject>> Open(Store& store, const RunRecord& run, const Project& today, const std::string& environment);
  ~KeptProject();
  KeptProject(const KeptProject&) = delete;
  KeptProject& operator=(const KeptProject&) = delete;

  const Project& project() const { return *project_; }

 private:
  explicit KeptProject(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  std::optional<Project> project_;
};

}  // namespace headrace
