#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "headrace/base/command.h"
#include "headrace/base/command_guard_internal.h"

namespace headrace::internal {

inline constexpr const char* kMarkerVariable = "HEADRACE_COMMAND";

/// An open file, closed with its owner.
class File {
 public:
  File() = default;
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~File() { Close(); }
  int get() const { return number_; }
  void Close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

struct Pipe {
  File read, write;
  static Result<Pipe> Open();   ///< closed by exec; kBusy when there are no files to spare
};

/// Start `command` in a session of its own, with `marker` in its environment and its outputs to `out` and `err`; its group stands in `place`, where
/// the guard finds it, before the program does anything. The new process, or why there is none.
Result<pid_t> Launch(const Command& command, const std::string& marker, Guard::Place& place, int out, int err);

}  // namespace headrace::internal
