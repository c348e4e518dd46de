#include "headrace/base/version.h"

#include <nlohmann/json.hpp>

#include "headrace/cli/command.h"

namespace headrace {

void AddVersionCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("version", "Print version, commit and compiler of this program");
  command->callback([&] {
    action = [&flags] {
      const BuildInfo& build = ThisBuild();
      if (flags.json) {
        const nlohmann::ordered_json json = {{"version", build.version}, {"commit", build.commit}, {"dirty", build.dirty}, {"compiler", build.compiler}};
        PrintJson(json);
      } else {
        PrintOut(StrCat("headrace ", build.version, " (commit ", build.commit.substr(0, 12), build.dirty ? ", with local changes" : "", ", ", build.compiler, ")\n"));
      }
      return 0;
    };
  });
}

}  // namespace headrace
