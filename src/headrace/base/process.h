#pragma once

#include <cstdint>
#include <atomic>
#include <string>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// How a child process ended.
struct ProcessExit {
  int code = 0;            ///< exit code; 128 + signal when a signal ended it
  std::string out, err;    ///< what it wrote, each cut at the cap (the end is kept)
};

/// Runs programs, each in a process group of its own. An interface, so that whoever starts runs can be tested without any.
///
/// Threads: any number may call.
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  /// Run `argv` (argv[0] is a path) to its end; never through a shell. When `*cancelled` becomes true the group gets SIGINT, and SIGKILL
  /// ten seconds later. kFailed when it cannot be started.
  virtual Result<ProcessExit> Run(const std::vector<std::string>& argv, const std::atomic<bool>* cancelled) = 0;
};

/// The machine's processes; output is kept up to 1 MiB each.
ProcessRunner& SystemProcesses();

/// Who runs it, for the record of what people did: the variable USER; "" = not set.
std::string UserName();

/// The path of the running program, links resolved.
Result<std::string> OwnPath();

}  // namespace headrace
