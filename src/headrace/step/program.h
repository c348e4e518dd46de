#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/command.h"
#include "headrace/step/command_folders.h"
#include "headrace/step/step.h"

namespace headrace {

/// One run of a program of the user's for a step: a borrowed folder with `inputs`, `outputs` and `tmp` in it, the environment that programs get, and what is made of
/// its end. The folder goes back with it.
///
///   Make -> (Folder, Tell)* -> Run -> Failure?
class Program {
 public:
  struct End {
    int code = 0;                          ///< of 0 and kSkip
    std::string last_line;                 ///< of what it wrote to its standard error
    std::vector<std::string> notes;
  };
  static constexpr int kTryAgain = 75, kSkip = 99;

  static Result<Program> Make(const StepContext& context, const CommandSpec& spec);
  ~Program();
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;

  std::string Folder(std::string_view name) const;
  /// Put a variable into its environment.
  void Tell(std::string name, std::string value) { told_.emplace_back(std::move(name), std::move(value)); }
  /// Run it to its end, as the spec says and within its limits; what it wrote goes to the step's log, with secrets masked. kFailed: another exit code than 0 and kSkip,
  /// or a signal; kBusy: kTryAgain; kInterrupted: it was stopped.
  Result<End> Run();

 private:
  Program(const StepContext& context, const CommandSpec& spec, std::string folder) : context_(context), spec_(spec), folder_(std::move(folder)) {}
  Status Environment(Command& command);
  Status Log(std::string_view stream, const std::string& text) const;
  Status Failure(const CommandEnd& end, const std::string& log) const;

  const StepContext& context_;
  const CommandSpec& spec_;
  std::string folder_;                     // "" = moved from
  std::vector<std::pair<std::string, std::string>> told_;
  std::vector<std::string> secrets_;
};

}  // namespace headrace
