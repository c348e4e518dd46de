// A program is started by vfork and exec, so that starting one costs the same however large this process is. Between the two the child shares our
// memory: it does system calls alone, prepared by the parent, and reports through a pipe that exec closes.
#include "headrace/base/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "headrace/base/clock.h"
#include "headrace/base/command_guard_internal.h"
#include "headrace/base/files.h"

namespace headrace {

namespace {
using internal::Guard;
using internal::GuardMessage;
using Time = std::chrono::steady_clock;

constexpr const char* kMarkerVariable = "HEADRACE_COMMAND";
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
constexpr int kPollMs = 100, kStoppingPollMs = 10;

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
  static Result<Pipe> Open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error(ErrorCode::kBusy, "cannot make a pipe: ", std::strerror(errno));
    return Pipe{File(ends[0]), File(ends[1])};
  }
};

/// All that the child needs, laid out by the parent.
struct Launch {
  const char* program;
  const char* directory;
  char* const* argv;
  char* const* envp;
  int null, out, err, failure;
  const Guard* guard;
  std::array<std::pair<int, rlimit>, 5> limits;
  std::size_t limit_count;
};

/// What the child says when it cannot become the program.
struct Failure {
  enum Step : int { kGuard, kDirectory, kLimit, kExec } step;
  int code;
};

[[noreturn]] void Become(const Launch& launch) {
  const auto fail = [&](Failure::Step step) {
    const Failure failure{step, errno};
    static_cast<void>(!::write(launch.failure, &failure, sizeof failure));
    ::_exit(127);
  };
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!launch.guard->Tell(GuardMessage::kBegan, ::getpid())) fail(Failure::kGuard);
  ::dup2(launch.null, 0);
  ::dup2(launch.out, 1);
  ::dup2(launch.err, 2);
  if (::chdir(launch.directory) != 0) fail(Failure::kDirectory);
  for (std::size_t i = 0; i < launch.limit_count; ++i)
    if (::setrlimit(static_cast<__rlimit_resource>(launch.limits[i].first), &launch.limits[i].second) != 0) fail(Failure::kLimit);
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(launch.program, launch.argv, launch.envp);
  fail(Failure::kExec);
  ::_exit(127);
}

/// Signals are held back meanwhile, so that none of our handlers runs in the child, which shares our memory.
[[gnu::noinline]] pid_t Fork(const Launch& launch) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) Become(launch);
  const int code = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  return pid;
}

std::string ValueOf(const Command& command, std::string_view name) {
  std::string value;
  for (const auto& [key, text] : command.env)
    if (key == name) value = text;
  return value;
}

Result<std::string> FindProgram(const Command& command) {
  const std::string& name = command.argv.at(0);
  if (name.find('/') != std::string::npos) return name;
  std::string path = ValueOf(command, "PATH");
  if (path.empty()) path = kDefaultPath;
  for (const std::string& folder : Split(path, ':')) {
    const std::string file = JoinPath(JoinPath(command.directory, folder.empty() ? "." : folder), name);
    if (!name.empty() && FileExists(file) && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return Error(ErrorCode::kInvalid, "there is no program `", name, "` in the PATH").WithHelp(StrCat("install it, or write its path; PATH is ", path));
}

void AddLimit(Launch& launch, int resource, std::int64_t soft, std::int64_t hard) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
  const auto within = [&](std::int64_t value) { return std::min(static_cast<rlim_t>(value), now.rlim_max); };
  launch.limits[launch.limit_count++] = {resource, {within(soft), within(hard)}};
}

void AddLimits(Launch& launch, const Command::Limits& limits) {
  AddLimit(launch, RLIMIT_CORE, 0, 0);
  if (limits.memory_bytes > 0) AddLimit(launch, RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
  if (limits.cpu_seconds > 0) AddLimit(launch, RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5);   // SIGXCPU, then SIGKILL
  if (limits.open_files > 0) AddLimit(launch, RLIMIT_NOFILE, limits.open_files, limits.open_files);
  if (limits.file_bytes > 0) AddLimit(launch, RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Status ToStatus(const Failure& failure, const Command& command) {
  const std::string why = std::strerror(failure.code);
  switch (failure.step) {
    case Failure::kGuard: return Error(ErrorCode::kFailed, "the guard process of this run is gone; no program is started without it").WithHelp("run again");
    case Failure::kDirectory: return Error(ErrorCode::kInvalid, "cannot work in `", command.directory, "`: ", why);
    case Failure::kLimit: return Error(ErrorCode::kInvalid, "cannot set the program's limits: ", why);
    case Failure::kExec: break;
  }
  const Status status = Error(ErrorCode::kInvalid, "cannot start `", command.argv[0], "`: ", why);
  if (failure.code == ENOENT) return Status(status).WithHelp("the file, or the interpreter that its first line names, is not there");
  if (failure.code == EACCES) return Status(status).WithHelp(StrCat("make it executable (`chmod +x`), or name its interpreter first: `[python3, ", command.argv[0], "]`"));
  if (failure.code == ENOEXEC) return Status(status).WithHelp("it is neither a program nor a script that begins with `#!`");
  return status;
}

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
    std::string environment(internal::kEnvironmentBytes, '\0');
    int ended = 0;
    for (const std::string& word : Split(*children, ' ')) {
      std::int64_t child = 0;
      if (!ParseInt(word, &child) || !internal::IsMarked(static_cast<pid_t>(child), marker_.c_str(), environment.data(), environment.size())) continue;
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
    const std::string marker = StrCat(marker_, ".", ++count_, ";");
    ASSIGN_OR_RETURN(Pipe out, Pipe::Open());
    ASSIGN_OR_RETURN(Pipe err, Pipe::Open());
    ASSIGN_OR_RETURN(const pid_t pid, Launched(command, marker, out.write.get(), err.write.get()));
    out.write.Close();
    err.write.Close();
    CommandEnd end = Running(pid, marker, std::move(out.read), std::move(err.read), command.log_bytes).Wait(cancelled, grace_us_);
    static_cast<void>(guard_.Tell(GuardMessage::kEnded, pid));
    return end;
  }

 private:
  Result<pid_t> Launched(const Command& command, const std::string& marker, int out, int err) {
    ASSIGN_OR_RETURN(const std::string program, FindProgram(command));
    std::vector<std::string> argv = command.argv, env;
    // One run within another: both find their own in it.
    env.push_back(StrCat(kMarkerVariable, "=", marker, ValueOf(command, kMarkerVariable)));
    for (const auto& [name, value] : command.env)
      if (name != kMarkerVariable) env.push_back(StrCat(name, "=", value));
    const std::vector<char*> argv_pointers = Pointers(argv), env_pointers = Pointers(env);
    const File null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ASSIGN_OR_RETURN(Pipe failure, Pipe::Open());
    Launch launch{program.c_str(), command.directory.c_str(), argv_pointers.data(), env_pointers.data(), null.get(), out, err, failure.write.get(), &guard_, {}, 0};
    AddLimits(launch, command.limits);
    const pid_t pid = Fork(launch);
    if (pid < 0) return Error(ErrorCode::kBusy, "cannot start another process: ", std::strerror(errno)).WithHelp("too many are running, or memory is short; run again later");
    failure.write.Close();
    Failure told{};
    ssize_t n = 0;
    while ((n = ::read(failure.read.get(), &told, sizeof told)) < 0 && errno == EINTR) {}
    if (n != static_cast<ssize_t>(sizeof told)) return pid;
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    static_cast<void>(guard_.Tell(GuardMessage::kEnded, pid));
    return ToStatus(told, command);
  }

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
