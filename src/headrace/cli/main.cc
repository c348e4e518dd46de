#include <CLI/CLI.hpp>

#include "headrace/base/version.h"
#include "headrace/cli/command.h"

int main(int argc, char** argv) {
  using namespace headrace;
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
  app.set_version_flag("--version", ThisBuild().version);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Exit codes: 0 ok, 1 a step failed, 2 usage or an invalid file, 3 the data are refused, 4 delivery failed,\n"
             "            75 busy: try later, 130 interrupted.");
  AddInitCommand(app, flags, action);
  AddValidateCommand(app, flags, action);
  AddPlanCommand(app, flags, action);
  AddRunCommand(app, flags, action);
  AddRunsCommand(app, flags, action);
  AddShowCommand(app, flags, action);
  AddLogsCommand(app, flags, action);
  AddDataCommand(app, flags, action);
  AddWhyCommand(app, flags, action);
  AddReportCommand(app, flags, action);
  AddModelsCommand(app, flags, action);
  AddTrainCommand(app, flags, action);
  AddScoreCommand(app, flags, action);
  AddInspectCommand(app, flags, action);
  AddSchemaCommand(app, flags, action);
  AddVersionCommand(app, flags, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    return Fail(Error(ErrorCode::kInvalid, error.what()).WithHelp("`headrace --help` lists the commands, `headrace COMMAND --help` the flags of one"), flags);
  }
  return action ? action() : 0;
}
