#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/process.h"

namespace headrace {

/// One pipeline for many tenants: each run is a process of its own, so that one tenant's failure, memory hunger or crash stops nobody else.
struct TenantRuns {
  std::vector<std::string> tenants;
  int parallel = 1;                                  ///< processes at once, at least 1
  /// The command line of one tenant's run: `headrace run ... --tenant NAME --json`.
  std::function<std::vector<std::string>(const std::string& tenant)> command;
  const std::atomic<bool>* cancelled = nullptr;          ///< true = interrupt those at work, start no more
};

struct TenantRun {
  std::string tenant;
  bool started = false;          ///< false: cancelled before its turn, or it could not be started (then `exit.err` says why)
  ProcessExit exit;
  double seconds = 0;
};

/// Run all; results in the order of `tenants`. `finished` is called as each ends, one at a time.
std::vector<TenantRun> RunTenants(const TenantRuns& runs, ProcessRunner& processes, Clock& clock,
                                  const std::function<void(const TenantRun&)>& finished);

/// The exit code of the whole: 0 when all are 0, 130 when interrupted, else that of the first tenant in order that failed.
int ExitCodeOf(const std::vector<TenantRun>& runs);

}  // namespace headrace
