#include "headrace/schedule/run_launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/store/store.h"
#include "headrace/table/value.h"

extern char** environ;

namespace headrace {

namespace {
constexpr off_t kSaidBytes = 16 << 10;

/// The end of what a file of memory holds.
std::string TailOf(int file) {
  struct stat about{};
  if (file < 0 || ::fstat(file, &about) != 0) return {};
  const off_t from = std::max<off_t>(0, about.st_size - kSaidBytes);
  std::string text(static_cast<std::size_t>(about.st_size - from), '\0');
  const ssize_t n = ::pread(file, text.data(), text.size(), from);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

ProcessId ProcessOf(const std::string& holder) {
  const std::vector<std::string> parts = Split(holder, '|');
  ProcessId process;
  if (parts.size() == 4 && ParseInt(parts[1], &process.pid)) {
    process.started = parts[2];
    process.host = parts[3];
  }
  return process;
}
}  // namespace

RunLauncher::~RunLauncher() {
  for (const auto& [request, child] : children_)
    if (child.said >= 0) ::close(child.said);
}

std::vector<std::string> RunLauncher::CommandOf(const RunRequest& request) const {
  std::vector<std::string> argv = {options_.program, "-C", options_.root, "--quiet"};
  if (!request.environment.empty() && request.environment != "default") argv.insert(argv.end(), {"--env", request.environment});
  if (options_.threads > 0) argv.insert(argv.end(), {"--threads", StrCat(options_.threads)});
  argv.push_back("run");
  if (!request.run.empty()) {
    argv.insert(argv.end(), {"--resume", request.run});
  } else {
    argv.insert(argv.end(), {request.pipeline, "--interval", StrCat(FormatTimestamp(request.interval_start_us), "/", FormatTimestamp(request.interval_end_us))});
    if (!request.tenant.empty()) argv.insert(argv.end(), {"--tenant", request.tenant});
    const nlohmann::json params = ParseJson(request.params);
    if (params.is_object())
      for (const auto& [name, value] : params.items()) argv.insert(argv.end(), {"-p", StrCat(name, "=", value.get<std::string>())});
  }
  argv.insert(argv.end(), {"--request", StrCat(request.id, "#", request.attempt), "--trigger", request.origin});
  return argv;
}

Status RunLauncher::Start(const RunRequest& request) {
  Forget(request.id);
  Child child;
  child.attempt = request.attempt;
  child.said = ::memfd_create("headrace-run", MFD_CLOEXEC);
  if (child.said < 0) return Error(ErrorCode::kBusy, "cannot start a process: ", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, child.said, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  const std::vector<std::string> argv = CommandOf(request);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, argv[0].c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) {
    ::close(child.said);
    return Error(ErrorCode::kBusy, "cannot start `", argv[0], "`: ", std::strerror(code));
  }
  child.pid = pid;
  children_[request.id] = child;
  return Ok();
}

void RunLauncher::Reap(Child& child) {
  if (child.ended) return;
  int status = 0;
  const pid_t pid = ::waitpid(static_cast<pid_t>(child.pid), &status, WNOHANG);
  if (pid == 0 || (pid < 0 && errno == EINTR)) return;
  child.ended = true;
  child.exit_code = pid < 0 ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Launcher::Seen RunLauncher::Look(const RunRequest& request) {
  const auto found = children_.find(request.id);
  if (found == children_.end() || found->second.attempt != request.attempt) return {};
  Child& child = found->second;
  Reap(child);
  if (!child.ended) return {Seen::State::kAlive, 0, ""};
  return {Seen::State::kEnded, child.exit_code, TailOf(child.said)};
}

void RunLauncher::ReapForgotten() {
  for (Child& child : forgotten_) Reap(child);
  std::erase_if(forgotten_, [](const Child& child) { return child.ended; });
}

void RunLauncher::Forget(const std::string& request) {
  const auto found = children_.find(request);
  if (found == children_.end()) return;
  Child& child = found->second;
  if (child.said >= 0) ::close(child.said);
  child.said = -1;
  Reap(child);
  if (!child.ended) forgotten_.push_back(child);
  children_.erase(found);
}

bool RunLauncher::IsGone(const std::string& holder) {
  const ProcessId process = ProcessOf(holder);
  return process.pid > 0 && IsOfThisHost(process) && !IsAlive(process);
}

std::string RunLauncher::Holder(const std::string& what) {
  const ProcessId process = ThisProcess();
  return StrCat(what, "|", process.pid, "|", process.started, "|", process.host);
}

std::string RunLauncher::Describe(const std::string& holder) {
  const ProcessId process = ProcessOf(holder);
  if (process.pid == 0) return holder;
  return StrCat(Split(holder, '|')[0], ", process ", process.pid, IsOfThisHost(process) ? "" : StrCat(" of host ", process.host.substr(0, process.host.find(' '))));
}

}  // namespace headrace
