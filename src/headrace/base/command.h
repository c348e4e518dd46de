#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/log_text.h"
#include "headrace/base/status.h"

namespace headrace {

/// A program of the user's, all that it is given and how far it may go. Of the caller's environment it sees nothing but `env`.
struct Command {
  std::vector<std::string> argv;       ///< argv[0] with a slash stands under `directory`; without one it is looked for in the PATH of `env`
  std::vector<std::pair<std::string, std::string>> env;
  std::string directory;               ///< where it works
  struct Limits {                      ///< 0 = none. Of each process the program makes, not of all together
    std::int64_t memory_bytes = 0;     ///< address space
    std::int64_t cpu_seconds = 0;
    std::int64_t open_files = 0;
    std::int64_t file_bytes = 0;       ///< of any file it writes
  } limits;
  std::size_t log_bytes = 1 << 20;     ///< kept of each of its two outputs
};

/// How it ended.
struct CommandEnd {
  int code = 0;                        ///< exit code
  int signal = 0;                      ///< the signal that ended it; 0 = none
  bool stopped = false;                ///< it was asked to stop
  int left_behind = 0;                 ///< processes that it left running, and that were ended
  BoundedLog out{0}, err{0};
};

/// Runs programs so that nothing of them outlives their step, nor this process.
///
/// Each program gets a session of its own, its input from /dev/null, no core dumps, and every signal as if it had been started from a shell.
/// Once it has ended, whatever it left running is ended too. When this process dies, however it dies, a guard process made beforehand ends
/// all that still runs. Processes are known by their process group, and those that left the group by the variable HEADRACE_COMMAND in
/// their environment: only a program that both leaves its group and wipes its environment is not found.
///
/// Threads: any number may call Run, and should stay until it returns: Linux also ends the program when the thread that started it ends.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  /// Run to the end; never through a shell. `cancelled` is asked about ten times a second; once it says yes, the whole group gets SIGTERM, and
  /// SIGKILL when some of it is still there after the grace. kInvalid when the program is not there or cannot be started; kBusy when the system
  /// has no process or file to spare.
  virtual Result<CommandEnd> Run(const Command& command, const std::function<bool()>& cancelled) = 0;
};

/// The machine's processes. Forks the guard, so call it early, while the process is small. `grace_us`: time between SIGTERM and SIGKILL.
/// This process becomes the parent of processes whose own parent ended (PR_SET_CHILD_SUBREAPER).
Result<std::unique_ptr<CommandRunner>> StartCommandRunner(std::int64_t grace_us = 10'000'000);

/// "SIGKILL".
std::string SignalName(int signal);

}  // namespace headrace
