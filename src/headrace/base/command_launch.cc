// A program is started by vfork and exec, so that starting one costs the same however large this process is. Between the two the child shares our
// memory: it does system calls alone, prepared by the parent, and reports through a pipe that exec closes.
#include "headrace/base/command_launch_internal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "headrace/base/files.h"

namespace headrace::internal {

namespace {
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

/// All that the child needs, laid out by the parent.
struct Plan {
  const char* program;
  const char* directory;
  char* const* argv;
  char* const* envp;
  int null, out, err, failure;
  Guard::Place* place;
  std::array<std::pair<int, rlimit>, 5> limits;
  std::size_t limit_count;
};

/// What the child says when it cannot become the program.
struct Failure {
  enum Step : int { kDirectory, kLimit, kExec } step;
  int code;
};

[[noreturn]] void Become(const Plan& plan) {
  const auto fail = [&](Failure::Step step) {
    const Failure failure{step, errno};
    static_cast<void>(!::write(plan.failure, &failure, sizeof failure));
    ::_exit(127);
  };
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  plan.place->store(::getpid());
  ::dup2(plan.null, 0);
  ::dup2(plan.out, 1);
  ::dup2(plan.err, 2);
  if (::chdir(plan.directory) != 0) fail(Failure::kDirectory);
  for (std::size_t i = 0; i < plan.limit_count; ++i)
    if (::setrlimit(static_cast<__rlimit_resource>(plan.limits[i].first), &plan.limits[i].second) != 0) fail(Failure::kLimit);
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program, plan.argv, plan.envp);
  fail(Failure::kExec);
  ::_exit(127);
}

/// Signals are held back meanwhile, so that none of our handlers runs in the child, which shares our memory.
[[gnu::noinline]] pid_t Fork(const Plan& plan) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) Become(plan);
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

void AddLimit(Plan& plan, int resource, std::int64_t soft, std::int64_t hard) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
  const auto within = [&](std::int64_t value) { return std::min(static_cast<rlim_t>(value), now.rlim_max); };
  plan.limits[plan.limit_count++] = {resource, {within(soft), within(hard)}};
}

void AddLimits(Plan& plan, const Command::Limits& limits) {
  AddLimit(plan, RLIMIT_CORE, 0, 0);
  if (limits.memory_bytes > 0) AddLimit(plan, RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
  if (limits.cpu_seconds > 0) AddLimit(plan, RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5);   // SIGXCPU, then SIGKILL
  if (limits.open_files > 0) AddLimit(plan, RLIMIT_NOFILE, limits.open_files, limits.open_files);
  if (limits.file_bytes > 0) AddLimit(plan, RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes);
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
}  // namespace

Result<Pipe> Pipe::Open() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error(ErrorCode::kBusy, "cannot make a pipe: ", std::strerror(errno));
  return Pipe{File(ends[0]), File(ends[1])};
}

Result<pid_t> Launch(const Command& command, const std::string& marker, Guard::Place& place, int out, int err) {
  ASSIGN_OR_RETURN(const std::string program, FindProgram(command));
  std::vector<std::string> argv = command.argv, env;
  // One run within another: both find their own in it.
  env.push_back(StrCat(kMarkerVariable, "=", marker, ValueOf(command, kMarkerVariable)));
  for (const auto& [name, value] : command.env)
    if (name != kMarkerVariable) env.push_back(StrCat(name, "=", value));
  const std::vector<char*> argv_pointers = Pointers(argv), env_pointers = Pointers(env);
  const File null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSIGN_OR_RETURN(Pipe failure, Pipe::Open());
  Plan plan{program.c_str(), command.directory.c_str(), argv_pointers.data(), env_pointers.data(), null.get(), out, err, failure.write.get(), &place, {}, 0};
  AddLimits(plan, command.limits);
  const pid_t pid = Fork(plan);
  if (pid < 0) return Error(ErrorCode::kBusy, "cannot start another process: ", std::strerror(errno)).WithHelp("too many are running, or memory is short; run again later");
  failure.write.Close();
  Failure told{};
  ssize_t n = 0;
  while ((n = ::read(failure.read.get(), &told, sizeof told)) < 0 && errno == EINTR) {}
  if (n != static_cast<ssize_t>(sizeof told)) return pid;
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return ToStatus(told, command);
}

}  // namespace headrace::internal
