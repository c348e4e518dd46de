#pragma once

#include <string>

#include "headrace/base/status.h"

namespace headrace {

/// A lock between processes on a file that is made for it: many hold it shared, or one alone. Held until the object goes away or its process ends,
/// however. For acts of microseconds: whoever asks waits.
class FileLock {
 public:
  /// kInvalid when the file cannot be opened or its file system knows no locks.
  static Result<FileLock> Shared(const std::string& path) { return Take(path, false); }
  static Result<FileLock> Alone(const std::string& path) { return Take(path, true); }

  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  static Result<FileLock> Take(const std::string& path, bool alone);
  int fd_;
};

}  // namespace headrace
