#include <CLI/CLI.hpp>

#include "headrace/cli/command.h"

namespace headrace {

void AddInitCommand(CLI::App& app, const GlobalFlags& flags, Action& action) {
  CLI::App* command = app.add_subcommand("init", "Write a project that runs as it is");
  auto name = std::make_shared<std::string>("churn");
  command->add_option("TEMPLATE", *name, "which project")->capture_default_str();
  command->callback([&flags, &action, name] {
    action = [&flags, name] { return Fail(Error(ErrorCode::kInvalid, "there is no template `", *name, "`"), flags); };
  });
}

}  // namespace headrace
