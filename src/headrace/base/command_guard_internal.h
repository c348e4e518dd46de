#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <string>

namespace headrace::internal {

/// A process that waits until this one is gone, then ends every group that stands in a table they share, and every process whose environment
/// holds `marker`. It is in a session of its own, so that a signal to the terminal's processes does not end it first. While all is well it sleeps.
class Guard {
 public:
  /// One place in the table: 0 = free, kReserved, or the group that the guard would end. Atomic, so that the child between fork and exec may write it.
  using Place = std::atomic<pid_t>;
  static constexpr pid_t kReserved = -1;
  static_assert(Place::is_always_lock_free);

  /// Fork it. kBusy when there is no process to spare.
  static bool Start(const std::string& marker, Guard& guard);
  Guard() = default;
  ~Guard();   ///< lets it go and waits for its end
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  bool alive() const;
  /// A place for one group; whoever took it stores 0 when the group is gone. nullptr: all are taken.
  Place* Reserve() const;

 private:
  int socket_ = -1;
  pid_t pid_ = 0;
  Place* places_ = nullptr;
};

/// Whether the environment that the process was started with holds `marker`. Async-signal-safe; `buffer` is room for the longest environment looked at.
bool IsMarked(pid_t process, const char* marker, char* buffer, std::size_t size);

inline constexpr std::size_t kEnvironmentBytes = 1 << 18;

}  // namespace headrace::internal
