#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace headrace::internal {

/// What a runner tells its guard.
struct GuardMessage {
  enum Verb : int { kBegan, kEnded } verb = kBegan;
  pid_t group = 0;
};

/// A process that waits until this one is gone, then ends every group that began and did not end, and every process whose environment holds
/// `marker`. It is in a session of its own, so that a signal to the terminal's processes does not end it first.
class Guard {
 public:
  /// Fork it. kBusy when there is no process to spare.
  static bool Start(const std::string& marker, Guard& guard);
  Guard() = default;
  ~Guard();   ///< lets it go and waits for its end
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// Async-signal-safe, for the child between fork and exec. False when the guard is gone.
  bool Tell(GuardMessage::Verb verb, pid_t group) const;

 private:
  int socket_ = -1;
  pid_t pid_ = 0;
};

/// Whether the environment that the process was started with holds `marker`. Async-signal-safe; `buffer` is room for the longest environment looked at.
bool IsMarked(pid_t process, const char* marker, char* buffer, std::size_t size);

inline constexpr std::size_t kEnvironmentBytes = 1 << 18;

}  // namespace headrace::internal
