#pragma once

#include <map>
#include <string>
#include <vector>

#include "headrace/schedule/supervisor.h"

namespace headrace {

/// Runs as processes of this machine: `headrace run ...`, each in a session of its own, so that neither Ctrl-C nor the end of this process reaches it. What it
/// says on standard error goes into memory that both share: nothing lies on the disk, and it does not matter to it when this process is gone.
///
/// Threads: none.
class RunLauncher final : public Launcher {
 public:
  struct Options {
    std::string program;                 ///< path of headrace
    std::string root;                    ///< the project's folder
    int threads = 0;                     ///< of each run; 0 = all cores
  };
  explicit RunLauncher(Options options) : options_(std::move(options)) {}
  ~RunLauncher() override;               ///< the processes live on

  Status Start(const RunRequest& request) override;
  Seen Look(const RunRequest& request) override;
  void Forget(const std::string& request) override;
  bool IsGone(const std::string& holder) override;
  void ReapForgotten();                  ///< take note of those that ended, so that no zombie stays

  /// Names this process as the holder of a lease; `what` is for people: "headrace server".
  static std::string Holder(const std::string& what);
  /// "headrace server, process 123 of host box".
  static std::string Describe(const std::string& holder);

  std::vector<std::string> CommandOf(const RunRequest& request) const;   ///< for tests

 private:
  struct Child {
    std::int64_t pid = 0, attempt = 0;
    int said = -1;                       ///< file of memory that its standard error goes to
    bool ended = false;
    int exit_code = 0;
  };
  void Reap(Child& child);

  Options options_;
  std::map<std::string, Child> children_;   // by request
  std::vector<Child> forgotten_;            // not ended when they were forgotten: they must be reaped still
};

}  // namespace headrace
