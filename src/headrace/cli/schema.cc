#include "headrace/cli/command.h"

namespace headrace {

void AddSchemaCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("schema", "Print the JSON Schema of a kind of project file, for editors");
  auto kind = std::make_shared<std::string>("pipeline");
  command->add_option("KIND", *kind, "pipeline, project, tenant, shared, contract or test")->capture_default_str();
  command->callback([&flags, &action, kind] {
    action = [&flags, kind] {
      const Result<std::string> schema = JsonSchema(*kind);
      if (!schema.ok()) return Fail(schema.status(), flags);
      PrintOut(*schema + "\n");
      return 0;
    };
  });
}

}  // namespace headrace
