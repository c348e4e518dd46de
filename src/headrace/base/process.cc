#include "headrace/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace headrace {

namespace {
constexpr std::size_t kCap = 1 << 20;

struct Pipe {
  std::array<int, 2> ends = {-1, -1};
  bool Open() { return ::pipe2(ends.data(), O_CLOEXEC) == 0; }
  void Close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  ~Pipe() {
    Close(0);
    Close(1);
  }
};

/// Read what is there into `out`; false at the end.
bool Drain(Pipe& pipe, std::string& out) {
  std::array<char, 1 << 16> block;
  const ssize_t n = ::read(pipe.ends[0], block.data(), block.size());
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    pipe.Close(0);
    return false;
  }
  out.append(block.data(), static_cast<std::size_t>(n));
  if (out.size() > 2 * kCap) out.erase(0, out.size() - kCap);
  return true;
}

class RealProcesses final : public ProcessRunner {
 public:
  Result<ProcessExit> Run(const std::vector<std::string>& argv, const std::atomic<bool>* cancelled) override {
    Pipe out, err;
    if (!out.Open() || !err.Open()) return Error(ErrorCode::kBusy, "cannot make a pipe: ", std::strerror(errno));
    pid_t pid = 0;
    RETURN_IF_ERROR(Spawn(argv, out, err, &pid));
    out.Close(1);
    err.Close(1);
    ProcessExit exit;
    exit.code = Wait(pid, out, err, exit, cancelled);
    for (std::string* text : {&exit.out, &exit.err})
      if (text->size() > kCap) text->erase(0, text->size() - kCap);
    return exit;
  }

 private:
  static Status Spawn(const std::vector<std::string>& argv, const Pipe& out, const Pipe& err, pid_t* pid) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err.ends[1], 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<char*> arguments;
    for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const int code = ::posix_spawn(pid, argv[0].c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) return Error(ErrorCode::kFailed, "cannot start `", argv[0], "`: ", std::strerror(code));
    return Ok();
  }

  static int Wait(pid_t pid, Pipe& out, Pipe& err, ProcessExit& exit, const std::atomic<bool>* cancelled) {
    using Time = std::chrono::steady_clock;
    bool asked = false;
    Time::time_point asked_at;
    while (out.ends[0] >= 0 || err.ends[0] >= 0) {
      std::array<pollfd, 2> files = {{{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}}};
      ::poll(files.data(), files.size(), 100);
      if (files[0].revents != 0) Drain(out, exit.out);
      if (files[1].revents != 0) Drain(err, exit.err);
      if (cancelled != nullptr && *cancelled && !asked) {
        ::kill(-pid, SIGINT);
        asked = true;
        asked_at = Time::now();
      }
      if (asked && Time::now() - asked_at > std::chrono::seconds(10)) ::kill(-pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};
}  // namespace

ProcessRunner& SystemProcesses() {
  static RealProcesses processes;
  return processes;
}

std::string UserName() {
  const char* user = std::getenv("USER");
  return user == nullptr ? "" : user;
}

Result<std::string> OwnPath() {
  std::array<char, 4096> buffer;
  const ssize_t n = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (n <= 0) return Error(ErrorCode::kFailed, "cannot tell where the program lies: ", std::strerror(errno));
  return std::string(buffer.data(), static_cast<std::size_t>(n));
}

}  // namespace headrace
