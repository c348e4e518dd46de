#include "headrace/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "headrace/base/digest.h"

namespace headrace {

namespace {
Status SystemError(std::string_view act, const std::string& path) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  Status status = Error(full ? ErrorCode::kBusy : ErrorCode::kInvalid, "cannot ", act, " `", path, "`: ", std::strerror(code));
  if (full) return std::move(status).WithHelp("free space on that disk, then run again: nothing half-written was left");
  return status;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { if (fd_ >= 0) ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), 1 << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return Ok();
}

Status SyncPath(const std::string& path, int flags) {
  const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return SystemError("flush", path);
  return Ok();
}
}  // namespace

Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("read", path);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return SystemError("read", path);
  if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kInvalid, "`", path, "` is not a regular file");
  if (static_cast<std::size_t>(info.st_size) > max_bytes)
    return Error(ErrorCode::kInvalid, "`", path, "` has ", FormatCount(info.st_size), " bytes, at most ",
                 FormatCount(static_cast<std::int64_t>(max_bytes)), " are read");
  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t at = 0;
  while (at < content.size()) {
    const ssize_t n = ::read(fd.get(), content.data() + at, content.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("read", path);
    if (n == 0) break;
    at += static_cast<std::size_t>(n);
  }
  content.resize(at);
  return content;
}

Result<std::string> Sha256OfFile(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("read", path);
  Sha256 digest;
  std::vector<char> block(1 << 18);
  while (true) {
    const ssize_t n = ::read(fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("read", path);
    if (n == 0) return digest.HexDigest();
    digest.Update({block.data(), static_cast<std::size_t>(n)});
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes, bool sync) {
  static std::atomic<std::uint64_t> counter{0};
  const std::string aside = StrCat(path, ".", ::getpid(), ".", ++counter, ".tmp");
  Status status;
  {
    const Descriptor fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (fd.get() < 0) return SystemError("write", path);
    status = WriteAll(fd.get(), bytes, path);
  }
  if (status.ok()) status = MoveFile(aside, path, sync);
  if (!status.ok()) ::unlink(aside.c_str());
  return status;
}

Status CopyFile(const std::string& from, const std::string& to) {
  std::error_code code;
  if (std::filesystem::copy_file(from, to, code)) return Ok();
  errno = code.value();
  const Status failed = SystemError(StrCat("copy `", from, "` to"), to);
  if (code != std::errc::file_exists) ::unlink(to.c_str());
  return failed;
}

Status MoveFile(const std::string& from, const std::string& to, bool sync) {
  if (sync) RETURN_IF_ERROR(SyncPath(from, O_RDONLY));
  if (::rename(from.c_str(), to.c_str()) != 0) return SystemError("write", to);
  if (sync) RETURN_IF_ERROR(SyncPath(ParentPath(to), O_RDONLY | O_DIRECTORY));
  return Ok();
}

Status MoveFileIfAbsent(const std::string& from, const std::string& to) {
  const bool linked = ::link(from.c_str(), to.c_str()) == 0 || errno == EEXIST;
  const Status status = linked ? Ok() : SystemError("write", to);
  ::unlink(from.c_str());
  return status;
}

Status MakeDirectories(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (!code) return Ok();
  errno = code.value();
  return SystemError("make the folder", path);
}

Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError("remove", path);
  return Ok();
}

bool FileExists(const std::string& path) {
  std::error_code code;
  return std::filesystem::is_regular_file(path, code);
}

bool DirectoryExists(const std::string& path) {
  std::error_code code;
  return std::filesystem::is_directory(path, code);
}

Result<std::int64_t> FileSize(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return SystemError("read", path);
  return static_cast<std::int64_t>(info.st_size);
}

std::vector<std::string> ListDirectory(const std::string& path) {
  std::vector<std::string> names;
  std::error_code code;
  for (auto entry = std::filesystem::directory_iterator(path, code); !code && entry != std::filesystem::directory_iterator(); entry.increment(code))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string JoinPath(std::string_view folder, std::string_view path) {
  if (path.starts_with('/') || folder.empty()) return std::string(path);
  return StrCat(folder, folder.ends_with('/') ? "" : "/", path);
}

std::string ParentPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string FileName(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

}  // namespace headrace
