// The guard is a fork without exec of a process that may have threads, so nothing here that runs in it allocates, locks or throws: it waits for
// the other end of a socket to close, then reads a table in shared memory and calls kill.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

[[noreturn]] void Watch(int socket, const char* marker, const Guard::Place* places) {
  ::setsid();
  ::prctl(PR_SET_NAME, "command-guard");            // whoever kills all that is called headrace should not kill it too
  ::prctl(PR_SET_PDEATHSIG, 0);
  for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_IGN);
  ::dup2(socket, 3);
  const int null = ::open("/dev/null", O_RDWR);
  for (int file = 0; file < 3; ++file) ::dup2(null, file);
  if (::syscall(SYS_close_range, 4U, ~0U, 0U) != 0)
    for (int file = 4; file < 65536; ++file) ::close(file);
  char byte = 0;
  while (::recv(3, &byte, 1, 0) < 0 && errno == EINTR) {}   // nobody sends: it ends with the other process
  bool any = false;
  for (std::size_t i = 0; i < kMostGroups; ++i) {
    const pid_t group = places[i].load();
    any = any || group != 0;
    if (group > 0) ::kill(-group, SIGKILL);
  }
  const timespec pause = {0, 5'000'000};          // until those just ended are out of /proc
  for (int i = 0; any && i < 2000 && EndMarked(marker) > 0; ++i) ::nanosleep(&pause, nullptr);
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
  void* table = ::mmap(nullptr, kMostGroups * sizeof(Place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);   // zeros
  if (table == MAP_FAILED) return false;
  guard.places_ = static_cast<Place*>(table);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
  const char* text = marker.c_str();
  const pid_t pid = ::fork();
  if (pid == 0) Watch(ends[1], text, guard.places_);
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
  if (socket_ >= 0) {
    ::close(socket_);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  }
  if (places_ != nullptr) ::munmap(places_, kMostGroups * sizeof(Place));
}

bool Guard::alive() const {
  char byte = 0;
  return ::recv(socket_, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

Guard::Place* Guard::Reserve() const {
  for (std::size_t i = 0; i < kMostGroups; ++i) {
    pid_t free = 0;
    if (places_[i].compare_exchange_strong(free, kReserved)) return &places_[i];
  }
  return nullptr;
}

}  // namespace headrace::internal
