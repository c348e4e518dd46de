#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/json.h"
#include "headrace/base/status.h"
#include "headrace/cli/command_line.h"
#include "headrace/pipeline/project.h"
#include "headrace/store/store.h"

namespace headrace {

/// Flags that every command takes.
struct GlobalFlags {
  std::string directory = ".";   ///< -C: the project's folder, or any below it
  std::string environment;       ///< --env
  bool json = false;             ///< one JSON document on stdout; all else on stderr
  bool quiet = false;
  int threads = 0;               ///< --threads; 0 = all cores
};

/// What a command does once its flags are read; the process exit code.
using Action = std::function<int()>;

// One function a command, each in its own file: declares the command and its flags; `action` is set when the user chose it.
void AddAlertsCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddApproveCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddBackfillCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddCancelCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddCheckHistoryCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddChecksCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddContractAccept(CommandLine contract, const GlobalFlags& flags, Action& action);   ///< `contract accept`
void AddContractCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddDataCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddDriftCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddGcCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddInitCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddInspectCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddLogsCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddModelsCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddPerformanceCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddPlanCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddProfileCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddReportCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddRunCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddRunsCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddScheduleCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddSchemaCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddScoreCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddServerCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddShowCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddTestCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddTrainCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddValidateCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddVersionCommand(CommandLine app, const GlobalFlags& flags, Action& action);
void AddWhyCommand(CommandLine app, const GlobalFlags& flags, Action& action);

/// Say the error on stderr (with --json also as {"error": {...}} on stdout); its exit code.
int Fail(const Status& status, const GlobalFlags& flags);
/// Say all diagnostics on stderr; 2 when there are errors, else 0.
int FailWith(const Diagnostics& diagnostics, const GlobalFlags& flags);
/// Whether colours and a live display are wanted on this stream (1 or 2): a terminal, no NO_COLOR, no CI, TERM not dumb.
bool IsInteractive(int stream);

/// The project around the -C folder and its state.
struct OpenProject {
  std::string root, name;
  std::unique_ptr<Store> store;
};
Result<OpenProject> OpenState(const GlobalFlags& flags);
/// The state of the project where its environment says it lies (`state:`), made when it is not there.
Result<std::unique_ptr<Store>> OpenStore(const Project& project);
/// Load the project that `path` (a pipeline file, a folder, or "" for the -C folder) stands in.
Result<Project> LoadProject(const GlobalFlags& flags, const std::string& path, Diagnostics& diagnostics);

/// A text table: columns aligned, numbers to the right. Rows may be shorter than the header.
std::string TextTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
std::string FormatSeconds(double seconds);     ///< "0.12 s", "3 min 05 s"
void PrintOut(std::string_view text);          ///< to stdout
void PrintJson(const nlohmann::ordered_json& document);   ///< to stdout, indented: what --json promises
void PrintErr(std::string_view text);          ///< to stderr

}  // namespace headrace
