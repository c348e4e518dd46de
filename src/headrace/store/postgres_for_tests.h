#pragma once

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "headrace/base/files.h"
#include "headrace/base/status.h"

namespace headrace {

/// A PostgreSQL 15 of the test program's own in a temporary directory, reached over a unix socket by whoever may enter it. Started by the first
/// call of Get and stopped when the program ends, by a signal of the kernel if the program cannot.
///
/// Threads: Get by one, the main one; the server ends with the thread that started it.
class PostgresForTests {
 public:
  /// An error says what is not installed.
  static Result<PostgresForTests*> Get() {
    static PostgresForTests server;
    static const Status kStarted = server.Start();
    if (!kStarted.ok()) return kStarted;
    return &server;
  }
  ~PostgresForTests() { Stop(); }

  std::string uri() const { return StrCat("postgresql://headrace@/postgres?host=", folder_); }
  const std::string& folder() const { return folder_; }   ///< of the socket, .s.PGSQL.5432
  Status Sql(const std::string& sql) { return Run({kBin + "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder_, "-U", "headrace", "-d", "postgres", "-c", sql}); }

 private:
  inline static const std::string kBin = "/usr/lib/postgresql/15/bin/";

  Status Start() {
    if (!FileExists(kBin + "initdb"))
      return Error(ErrorCode::kInvalid, "PostgreSQL 15 is not installed: the tests of the state need the package postgresql-15").WithHelp("scripts/setup.sh test installs it");
    std::string folder = "/tmp/headrace-pg-XXXXXX";   // short: the path of a socket has at most 107 bytes
    if (::mkdtemp(folder.data()) == nullptr) return Error(ErrorCode::kFailed, "cannot make a temporary folder");
    folder_ = folder;
    if (::geteuid() == 0) {   // PostgreSQL does not run as root
      user_ = ::getpwnam("postgres") != nullptr ? ::getpwnam("postgres") : ::getpwnam("nobody");
      if (user_ == nullptr || ::chown(folder_.c_str(), user_->pw_uid, user_->pw_gid) != 0) return Error(ErrorCode::kFailed, "no user but root to run PostgreSQL as");
    }
    const std::string data = folder_ + "/data";
    RETURN_IF_ERROR(Run({kBin + "initdb", "-D", data, "-U", "headrace", "-E", "UTF8", "--no-locale", "--no-sync", "--auth=trust"}));
    server_ = Spawn({kBin + "postgres", "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories=" + folder_, "-c", "fsync=off", "-c", "full_page_writes=off"});
    for (int i = 0; i < 600; ++i, ::usleep(50'000)) {
      if (Run({kBin + "pg_isready", "-q", "-h", folder_}).ok()) return Ok();
      if (::waitpid(server_, nullptr, WNOHANG) == server_) break;
    }
    return Error(ErrorCode::kFailed, "PostgreSQL did not start: ", ReadFile(folder_ + "/log").ok() ? *ReadFile(folder_ + "/log") : "");
  }

  void Stop() {
    if (server_ > 0) {
      ::kill(server_, SIGQUIT);
      ::waitpid(server_, nullptr, 0);
    }
    std::error_code ignored;
    if (!folder_.empty() && ::getpid() == owner_) std::filesystem::remove_all(folder_, ignored);
  }

  pid_t Spawn(const std::vector<std::string>& argv) {
    const std::string log = folder_ + "/log";
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    ::dup2(out, 1);
    ::dup2(out, 2);
    if (user_ != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user_->pw_gid) != 0 || ::setuid(user_->pw_uid) != 0)) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::chdir("/") == 0) ::execv(words[0], words.data());
    ::_exit(127);
  }
  Status Run(const std::vector<std::string>& argv) {
    int status = 0;
    ::waitpid(Spawn(argv), &status, 0);
    if (status == 0) return Ok();
    return Error(ErrorCode::kFailed, argv[0], " failed: ", ReadFile(folder_ + "/log").ok() ? *ReadFile(folder_ + "/log") : "");
  }

  std::string folder_;
  const passwd* user_ = nullptr;
  pid_t server_ = 0;
  const pid_t owner_ = ::getpid();
};

}  // namespace headrace
