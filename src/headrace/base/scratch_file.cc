#include "headrace/base/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace headrace {
namespace {
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

Status Failed(std::string_view act, const std::string& path) {
  const int code = errno;
  return Error(ErrorCode::kBusy, "cannot ", act, " a temporary file `", path, "`: ", std::strerror(code)).WithHelp("free space on that disk, or give more memory (`--memory`), then run again");
}
}  // namespace

ScratchFile::~ScratchFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status ScratchFile::Open() {
  const std::scoped_lock lock(opening_);
  if (fd_ >= 0) return Ok();
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Failed("make", path_);
  ::unlink(path_.c_str());
  fd_ = fd;
  return Ok();
}

Result<std::uint64_t> ScratchFile::Append(const void* from, std::size_t bytes) {
  if (fd_ < 0) RETURN_IF_ERROR(Open());
  const std::uint64_t begin = size_.fetch_add(bytes);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::pwrite(fd_, static_cast<const char*>(from) + done, std::min(bytes - done, kMostAtOnce), static_cast<off_t>(begin + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("write", path_);
    done += static_cast<std::size_t>(n);
  }
  return begin;
}

Status ScratchFile::Read(std::uint64_t at, void* to, std::size_t bytes) const {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t n = ::pread(fd_, static_cast<char*>(to) + done, std::min(bytes - done, kMostAtOnce), static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("read", path_);
    if (n == 0) return Error(ErrorCode::kInternal, "a temporary file ends before what was written to it");
    done += static_cast<std::size_t>(n);
  }
  return Ok();
}

}  // namespace headrace
