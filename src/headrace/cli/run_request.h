#pragma once

#include <optional>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/cli/command.h"

namespace headrace {

/// Which run a command line speaks of: `run` and `plan` take the same flags.
struct RunTarget {
  std::string pipeline, tenant, interval;
  std::vector<std::string> params;      ///< NAME=VALUE
};

/// The flags of `run`.
struct RunFlags {
  RunTarget target;
  std::string resume, report;
  std::vector<std::string> from, only;
  std::string of;
  int parallel = 1;
  std::int64_t ends_with = 0;       ///< process whose death interrupts the run; 0 = none
  std::string request;              ///< ID#ATTEMPT of the request that the run is for; "" = none
  std::string trigger;              ///< what made that request
  bool leave_alerts = false;        ///< the process that started this one tells people
  bool dry_run = false, force = false;
  bool as_recorded = false;         ///< with resume, from, only: the project's files as that run read them
};

/// What `-p` was given, cut at the first `=`; kInvalid for one without a name.
Result<std::vector<std::pair<std::string, std::string>>> ParseParams(const std::vector<std::string>& given);

/// Whether people mean a file by it (`x.yaml`), not the name of a pipeline.
bool NamesFile(const std::string& pipeline);

/// Declare PIPELINE, -p, --tenant, --interval.
void AddRunTarget(CommandLine command, RunTarget& target);

/// Load the project that `target` speaks of. When it cannot be loaded, all errors have been said and `exit_code` is set.
std::optional<Project> LoadTarget(const RunTarget& target, const GlobalFlags& global, int* exit_code);
/// Turn the flags into a request for `project`; kInvalid for a parameter or interval that does not read.
Result<ResolveRequest> RequestOf(const RunTarget& target, const Project& project, Clock& clock);
/// Resolve; like LoadTarget when that fails.
std::optional<ResolvedPipeline> ResolveTarget(const Project& project, const ResolveRequest& request, const GlobalFlags& global, int* exit_code);

}  // namespace headrace
