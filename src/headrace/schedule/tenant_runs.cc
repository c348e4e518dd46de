#include "headrace/schedule/tenant_runs.h"

#include <algorithm>
#include <mutex>

#include "headrace/base/parallel.h"

namespace headrace {

std::vector<TenantRun> RunTenants(const TenantRuns& runs, ProcessRunner& processes, Clock& clock,
                                  const std::function<void(const TenantRun&)>& finished) {
  std::vector<TenantRun> results(runs.tenants.size());
  std::mutex telling;
  const auto one = [&](std::size_t i) {
    TenantRun& run = results[i];
    run.tenant = runs.tenants[i];
    if (runs.cancelled != nullptr && *runs.cancelled) return Ok();
    const std::int64_t begun = clock.MonotonicMicros();
    Result<ProcessExit> exit = processes.Run(runs.command(run.tenant), runs.cancelled);
    run.started = exit.ok();
    if (exit.ok()) run.exit = std::move(exit).value();
    else run.exit = {ExitCode(exit.status().code()), "", exit.status().ToString()};
    run.seconds = static_cast<double>(clock.MonotonicMicros() - begun) / 1e6;
    const std::lock_guard lock(telling);
    finished(run);
    return Ok();
  };
  static_cast<void>(ParallelFor(std::max(1, runs.parallel), results.size(), one).ok());  // `one` never fails
  return results;
}

int ExitCodeOf(const std::vector<TenantRun>& runs) {
  for (const TenantRun& run : runs)
    if (run.exit.code == ExitCode(ErrorCode::kInterrupted) || (!run.started && run.exit.code == 0)) return ExitCode(ErrorCode::kInterrupted);
  int code = 0;
  for (const TenantRun& run : runs)
    if (code == 0 || code == ExitCode(ErrorCode::kBusy)) code = run.exit.code != 0 ? run.exit.code : code;
  return code;
}

}  // namespace headrace
