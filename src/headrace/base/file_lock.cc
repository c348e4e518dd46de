#include "headrace/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace headrace {

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileLock> FileLock::Take(const std::string& path, bool alone) {
  FileLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  int done = lock.fd_ < 0 ? -1 : ::flock(lock.fd_, alone ? LOCK_EX : LOCK_SH);
  while (lock.fd_ >= 0 && done != 0 && errno == EINTR) done = ::flock(lock.fd_, alone ? LOCK_EX : LOCK_SH);
  if (done != 0) return Error(ErrorCode::kInvalid, "cannot lock `", path, "`: ", std::strerror(errno)).WithHelp("the folder must be writable, on a file system that has locks");
  return lock;
}

}  // namespace headrace
