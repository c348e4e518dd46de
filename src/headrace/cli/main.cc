#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "headrace/base/memory.h"
#include "headrace/base/text.h"
#include "headrace/base/version.h"
#include "headrace/cli/command.h"
#include "headrace/pipeline/schema.h"

namespace headrace {
namespace {
constexpr std::int64_t kLeastMemory = std::int64_t{200} << 20;      ///< the program, its libraries and what they begin with

/// "The following argument was not expected: --x" as our errors read.
std::string Uncapitalised(std::string text) {
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z') text[0] = ToLower(text.substr(0, 1))[0];
  return text;
}

/// What stands where a command should; "" when nothing does.
std::string CommandWord(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-C" || word == "--directory" || word == "--env" || word == "--threads" || word == "--memory") ++i;
    else if (!word.starts_with("-")) return std::string(word);
  }
  return "";
}

Status UsageError(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const std::string word = CommandWord(argc, argv);
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) commands.push_back(command->get_name());
  if (std::find(commands.begin(), commands.end(), word) != commands.end())
    return Error(ErrorCode::kInvalid, Uncapitalised(error.what())).WithHelp(StrCat("`headrace ", word, " --help` lists its flags"));
  if (word.empty()) return Error(ErrorCode::kInvalid, Uncapitalised(error.what())).WithHelp("`headrace --help` lists the commands");
  const std::string near = NearestName(word, commands);
  return Error(ErrorCode::kInvalid, "there is no command `", word, "`").WithHelp(near.empty() ? "`headrace --help` lists the commands" : StrCat("did you mean `headrace ", near, "`?"));
}

/// Output that did not reach its file or pipe is an error, whatever the command achieved: who reads it would miss it.
int Flushed(int exit_code, const GlobalFlags& flags) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  if (exit_code != 0 || errno == EPIPE) return exit_code;
  return Fail(Error(ErrorCode::kBusy, "cannot write to standard output: ", std::strerror(errno)).WithHelp("free space on that disk, then run again"), flags);
}
}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  using namespace headrace;
  // LightGBM's threads wait for each other at barriers. To sleep at each nearly doubles a training on quiet cores; to spin as long as libgomp does by default takes many times the
  // work itself on cores shared with other work. Some 40 microseconds of spinning lose little on either.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "1000", 0);
  // A column of numbers is given back to the system when it is let go. By default glibc keeps more and more of such memory for later use: 50 to 150 MB of a training on 500,000 rows.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::setenv("DUCKDB_JE_MALLOC_CONF", "retain:false", 0);  // what DuckDB frees goes back to the system, so that it does not count against `--memory`
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of that write
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Headrace runs machine-learning pipelines from raw rows to delivered scores.\n\n"
               "Try:  headrace train customers.csv --target churned -o churn.model\n"
               "      headrace score churn.model new.csv -o scores.csv\n"
               "      headrace init churn my-project && headrace -C my-project run train",
               "headrace");
  GlobalFlags flags;
  Action action;
  app.add_option("-C,--directory", flags.directory, "the project's folder, or any folder below it")->type_name("DIR");
  app.add_option("--env", flags.environment, "environment of headrace.yaml (default: the one that says `default: true`)")->type_name("NAME")->envname("HEADRACE_ENV");
  app.add_flag("--json", flags.json, "print one JSON document on standard output");
  app.add_flag("-q,--quiet", flags.quiet, "say only what went wrong");
  app.add_option("--threads", flags.threads, "threads to compute on, and steps at once (default: all cores); results do not depend on it")->check(CLI::Range(1, 1024))->type_name("N")->envname("HEADRACE_THREADS");
  std::int64_t memory = 0;
  const auto size = [&memory](const std::string& text) -> std::string {
    if (ParseSize(text, &memory) && memory >= kLeastMemory) return "";
    return StrCat("expected a size of at least 200MiB, like 2GiB, not `", text, "`");
  };
  app.add_option("--memory", "memory that a process may take: what can goes to disk beyond it, the rest is an error (default: no limit); results do not depend on it")->check(size)->type_name("SIZE")->envname("HEADRACE_MEMORY");
  app.set_version_flag("--version", ThisBuild().version);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Exit codes: 0 ok, 1 a step failed, 2 usage or an invalid file, 3 the data are refused, 4 delivery failed,\n"
             "            75 busy: try later, 130 interrupted.");
  const CommandLine commands(&app);
  AddInitCommand(commands, flags, action);
  AddValidateCommand(commands, flags, action);
  AddTestCommand(commands, flags, action);
  AddPlanCommand(commands, flags, action);
  AddRunCommand(commands, flags, action);
  AddApproveCommand(commands, flags, action);
  AddCancelCommand(commands, flags, action);
  AddRunsCommand(commands, flags, action);
  AddShowCommand(commands, flags, action);
  AddLogsCommand(commands, flags, action);
  AddDataCommand(commands, flags, action);
  AddWhyCommand(commands, flags, action);
  AddReportCommand(commands, flags, action);
  AddAlertsCommand(commands, flags, action);
  AddChecksCommand(commands, flags, action);
  AddCheckHistoryCommand(commands, flags, action);
  AddModelsCommand(commands, flags, action);
  AddScheduleCommand(commands, flags, action);
  AddBackfillCommand(commands, flags, action);
  AddServerCommand(commands, flags, action);
  AddTrainCommand(commands, flags, action);
  AddScoreCommand(commands, flags, action);
  AddInspectCommand(commands, flags, action);
  AddProfileCommand(commands, flags, action);
  AddDriftCommand(commands, flags, action);
  AddPerformanceCommand(commands, flags, action);
  AddContractCommand(commands, flags, action);
  AddGcCommand(commands, flags, action);
  AddSchemaCommand(commands, flags, action);
  AddVersionCommand(commands, flags, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    for (int i = 1; i < argc; ++i) flags.json = flags.json || std::string_view(argv[i]) == "--json";
    return Fail(UsageError(app, error, argc, argv), flags);
  }
  LimitMemory(memory);
  try {
    return Flushed(action ? action() : 0, flags);
  } catch (const std::bad_alloc&) {
    return Fail(OutOfMemory(), flags);
  }
}
