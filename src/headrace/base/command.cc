#include "headrace/base/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include "headrace/base/clock.h"
#include "headrace/base/command_launch_internal.h"

namespace headrace {

namespace {
using internal::File;
using internal::Guard;
using Time = std::chrono::steady_clock;

constexpr int kPollMs = 100, kStoppingPollMs = 10;

/// One program at work.
class Running {
 public:
  Running(pid_t pid, std::string marker, File out, File err, std::size_t log_bytes) : pid_(pid), marker_(std::move(marker)), out_(std::move(out)), err_(std::move(err)) {
    end_.out = BoundedLog(log_bytes);
    end_.err = BoundedLog(log_bytes);
    watch_ = File(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    for (const File* file : {&out_, &err_}) ::fcntl(file->get(), F_SETFL, O_NONBLOCK);
  }

  CommandEnd Wait(const std::function<bool()>& cancelled, std::int64_t grace_us) {
    std::optional<Time::time_point> asked;
    bool empty = false;                                           // nobody of the group is left
    while (!empty) {
      std::array<pollfd, 3> files = {{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {watch_.get(), POLLIN, 0}}};
      ::poll(files.data(), files.size(), asked || watch_.get() < 0 ? kStoppingPollMs : kPollMs);
      Drain();
      if (!asked && HasEnded()) break;
      if (asked) empty = Reap(WNOHANG);
      if (asked && Time::now() - *asked >= std::chrono::microseconds(grace_us)) break;
      if (!asked && cancelled && cancelled()) {
        ::kill(-pid_, SIGTERM);
        asked = Time::now();
        end_.stopped = true;
        watch_.Close();                                           // from now on it would be ready each time
      }
    }
    if (!empty) {
      ::kill(-pid_, SIGKILL);
      Reap(0);
    }
    while (EndEscaped() > 0) {}
    Drain();
    return std::move(end_);
  }

 private:
  /// The program itself; those it left may live on. Not reaped yet, so its number stays taken.
  bool HasEnded() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  /// Take the ends of those of the group; true when none is left. Members whose parent ended have become our children.
  bool Reap(int flags) {
    while (true) {
      int status = 0;
      const pid_t pid = ::waitpid(-pid_, &status, flags);
      if (pid < 0 && errno == EINTR) continue;
      if (pid <= 0) return pid < 0;
      if (pid == pid_) {
        if (WIFEXITED(status)) end_.code = WEXITSTATUS(status);
        else end_.signal = WTERMSIG(status);
      } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        ++end_.left_behind;
      }
    }
  }

  /// End those that went into a session of their own: the group is gone, so they have become our children. How many there were.
  int EndEscaped() {
    const Result<std::string> children = ReadChildren();
    if (!children.ok()) return 0;
    const auto environment = std::make_unique_for_overwrite<char[]>(internal::kEnvironmentBytes);   // mostly never touched
    int ended = 0;
    for (const std::string& word : Split(*children, ' ')) {
      std::int64_t child = 0;
      if (!ParseInt(word, &child) || !internal::IsMarked(static_cast<pid_t>(child), marker_.c_str(), environment.get(), internal::kEnvironmentBytes)) continue;
      ::kill(static_cast<pid_t>(child), SIGKILL);
      while (::waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) {}
      ++ended;
    }
    end_.left_behind += ended;
    return ended;
  }

  static Result<std::string> ReadChildren() {
    const File file(::open(StrCat("/proc/self/task/", ::getpid(), "/children").c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return Error(ErrorCode::kFailed, "no list of children");
    std::string text;
    std::array<char, 4096> block;
    ssize_t n = 0;
    while ((n = ::read(file.get(), block.data(), block.size())) > 0) text.append(block.data(), static_cast<std::size_t>(n));
    return text;
  }

  void Drain() {
    Drain(out_, end_.out);
    Drain(err_, end_.err);
  }
  /// Read what is there.
  static void Drain(File& file, BoundedLog& log) {
    std::array<char, 1 << 16> block;
    while (file.get() >= 0) {
      const ssize_t n = ::read(file.get(), block.data(), block.size());
      if (n > 0) log.Append({block.data(), static_cast<std::size_t>(n)});
      else if (n < 0 && errno == EINTR) continue;
      else if (n < 0 && errno == EAGAIN) return;
      else file.Close();
    }
  }

  const pid_t pid_;
  const std::string marker_;
  File out_, err_, watch_;
  CommandEnd end_;
};

class GuardedRunner final : public CommandRunner {
 public:
  explicit GuardedRunner(std::int64_t grace_us)
      : marker_(StrCat("h", SystemRandom().Next(), "-", SystemRandom().Next())), grace_us_(grace_us) {}

  Status Start() {
    if (!Guard::Start(marker_, guard_)) return Error(ErrorCode::kBusy, "cannot start the guard of commands: ", std::strerror(errno));
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    return Ok();
  }

  Result<CommandEnd> Run(const Command& command, const std::function<bool()>& cancelled) override {
    if (!guard_.alive()) return Error(ErrorCode::kFailed, "the guard process of this run is gone; no program is started without it").WithHelp("run again");
    const auto release = [](Guard::Place* place) { place->store(0); };
    const std::unique_ptr<Guard::Place, decltype(release)> place(guard_.Reserve(), release);
    if (place == nullptr) return Error(ErrorCode::kBusy, "too many programs are running at once").WithHelp("run again with fewer items or steps side by side (`parallel`, `pool`)");
    const std::string marker = StrCat(marker_, ".", ++count_, ";");
    ASSIGN_OR_RETURN(internal::Pipe out, internal::Pipe::Open());
    ASSIGN_OR_RETURN(internal::Pipe err, internal::Pipe::Open());
    ASSIGN_OR_RETURN(const pid_t pid, internal::Launch(command, marker, *place, out.write.get(), err.write.get()));
    out.write.Close();
    err.write.Close();
    return Running(pid, marker, std::move(out.read), std::move(err.read), command.log_bytes).Wait(cancelled, grace_us_);
  }

 private:
  const std::string marker_;
  const std::int64_t grace_us_;
  Guard guard_;
  std::atomic<std::uint64_t> count_ = 0;
};
}  // namespace

Result<std::unique_ptr<CommandRunner>> StartCommandRunner(std::int64_t grace_us) {
  auto runner = std::make_unique<GuardedRunner>(grace_us);
  RETURN_IF_ERROR(runner->Start());
  return std::unique_ptr<CommandRunner>(std::move(runner));
}

std::string SignalName(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? StrCat("signal ", signal) : StrCat("SIG", name);
}

}  // namespace headrace
