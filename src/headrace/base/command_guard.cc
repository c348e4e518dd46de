// The guard is a fork without exec of a process that may have threads, so nothing here that runs in it allocates, locks or throws: it reads a
// socket, keeps a fixed table, and in the end calls kill.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "headrace/base/command_guard_internal.h"

namespace headrace::internal {

namespace {
constexpr std::size_t kMostGroups = 4096;         // at once; far more than a machine has steps at work
char g_environment[kEnvironmentBytes];            // NOLINT: the guard's alone
char g_directory[1 << 15];                        // NOLINT: the guard's alone

/// One entry of a folder, as the kernel writes it.
struct Entry {
  std::uint64_t inode;
  std::int64_t next;
  std::uint16_t bytes;
  std::uint8_t type;
  char name[1];
};

pid_t NumberOf(const char* name) {
  pid_t number = 0;
  for (; *name >= '0' && *name <= '9'; ++name) number = number * 10 + (*name - '0');
  return *name == '\0' ? number : 0;
}

/// End every process that is marked; how many there were.
int EndMarked(const char* marker) {
  int ended = 0;
  const int folder = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  long bytes = 0;
  while ((bytes = ::syscall(SYS_getdents64, folder, g_directory, sizeof g_directory)) > 0)
    for (long at = 0; at < bytes;) {
      const auto* entry = reinterpret_cast<const Entry*>(g_directory + at);
      at += entry->bytes;
      const pid_t process = NumberOf(entry->name);
      if (process <= 1 || process == ::getpid() || !IsMarked(process, marker, g_environment, sizeof g_environment)) continue;
      ::kill(process, SIGKILL);
      ++ended;
    }
  ::close(folder);
  return ended;
}

[[noreturn]] void Watch(int socket, const char* marker) {
  ::setsid();
  ::prctl(PR_SET_NAME, "command-guard");            // whoever kills all that is called headrace should not kill it too
  ::prctl(PR_SET_PDEATHSIG, 0);
  for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_IGN);
  ::dup2(socket, 3);
  const int null = ::open("/dev/null", O_RDWR);
  for (int file = 0; file < 3; ++file) ::dup2(null, file);
  if (::syscall(SYS_close_range, 4U, ~0U, 0U) != 0)
    for (int file = 4; file < 65536; ++file) ::close(file);
  static pid_t groups[kMostGroups];               // NOLINT: the guard's alone
  std::size_t count = 0;
  GuardMessage message;
  ssize_t bytes = 0;
  while ((bytes = ::recv(3, &message, sizeof message, 0)) > 0 || (bytes < 0 && errno == EINTR)) {
    if (bytes != sizeof message) continue;
    pid_t* end = groups + count;
    pid_t* found = std::find(groups, end, message.group);
    if (message.verb == GuardMessage::kEnded && found != end) *found = groups[--count];
    if (message.verb == GuardMessage::kBegan && found == end && count < kMostGroups) groups[count++] = message.group;
  }
  for (std::size_t i = 0; i < count; ++i) ::kill(-groups[i], SIGKILL);
  const timespec pause = {0, 5'000'000};          // until those just ended are out of /proc
  for (int i = 0; count > 0 && i < 2000 && EndMarked(marker) > 0; ++i) ::nanosleep(&pause, nullptr);
  ::_exit(0);
}
}  // namespace

bool IsMarked(pid_t process, const char* marker, char* buffer, std::size_t size) {
  std::array<char, 32> path = {"/proc/"};
  std::array<char, 12> digits{};
  std::size_t n = 0;
  for (pid_t rest = process; rest > 0; rest /= 10) digits[n++] = static_cast<char>('0' + rest % 10);
  std::size_t at = 6;
  while (n > 0) path[at++] = digits[--n];
  std::memcpy(path.data() + at, "/environ", 9);
  const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::size_t filled = 0;
  ssize_t bytes = 0;
  while (filled < size && (bytes = ::read(file, buffer + filled, size - filled)) > 0) filled += static_cast<std::size_t>(bytes);
  ::close(file);
  return ::memmem(buffer, filled, marker, std::strlen(marker)) != nullptr;
}

bool Guard::Start(const std::string& marker, Guard& guard) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
  const char* text = marker.c_str();
  const pid_t pid = ::fork();
  if (pid == 0) Watch(ends[1], text);
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return false;
  }
  guard.socket_ = ends[0];
  guard.pid_ = pid;
  return true;
}

Guard::~Guard() {
  if (socket_ < 0) return;
  ::close(socket_);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

bool Guard::Tell(GuardMessage::Verb verb, pid_t group) const {
  const GuardMessage message{verb, group};
  return ::send(socket_, &message, sizeof message, MSG_NOSIGNAL) == sizeof message;
}

}  // namespace headrace::internal
