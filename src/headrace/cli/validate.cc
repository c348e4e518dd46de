#include <algorithm>

#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/cli/run_request.h"
#include "headrace/pipeline/columns.h"
#include "headrace/pipeline/test_file.h"

namespace headrace {

namespace {
/// The project's own tests, when the pipelines they name are good. How many there are.
std::size_t CheckTests(const Project& project, Diagnostics& diagnostics) {
  if (diagnostics.has_errors()) return 0;
  const std::vector<ProjectTest> tests = LoadTests(project, {}, diagnostics);
  for (const ProjectTest& test : tests) static_cast<void>(PlanTest(project, test, TestRowsFrom::kGiven, diagnostics));
  return tests.size();
}

int Validate(const std::vector<std::string>& files, const std::string& format, const GlobalFlags& flags) {
  Diagnostics diagnostics;
  std::size_t read = 0;
  for (const std::string& given : files.empty() ? std::vector<std::string>{""} : files) {
    const bool named = !given.empty() && !NamesFile(given) && !DirectoryExists(given);
    const std::string file = named ? "" : given;
    const Result<Project> project = LoadProject(flags, file, diagnostics);
    if (!project.ok()) {
      if (!diagnostics.has_errors()) return Fail(project.status(), flags);
      continue;
    }
    const std::string pipeline = named ? given : project->opened_pipeline();
    const std::vector<std::string> known = project->pipelines();
    if (named && diagnostics.has_errors() && std::find(known.begin(), known.end(), given) == known.end()) continue;   // its file could not be read
    project->Validate(pipeline, diagnostics);
    if (!diagnostics.has_errors()) CheckColumns(*project, pipeline, diagnostics);
    read += given.empty() ? project->files().size() + CheckTests(*project, diagnostics) : 1;
  }
  if (format == "json" || flags.json) PrintOut(RenderJson(diagnostics));
  else if (format == "sarif") PrintOut(RenderSarif(diagnostics));
  else if (format == "github") PrintOut(RenderGithub(diagnostics));
  else PrintErr(RenderText(diagnostics, IsInteractive(2)));
  if (diagnostics.has_errors()) return ExitCode(ErrorCode::kInvalid);
  if (!flags.quiet) PrintErr(StrCat("ok: ", Counted(read, "file"), ", no error\n"));
  return 0;
}
}  // namespace

void AddValidateCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("validate", "Check the project's files and say every error at once");
  auto files = std::make_shared<std::vector<std::string>>();
  auto format = std::make_shared<std::string>("text");
  command->add_option("PIPELINE", *files, "names of pipelines, or pipeline files (default: the whole project)");
  command->add_option("--format", *format, "text, json, sarif or github")->one_of({"text", "json", "sarif", "github"})->capture_default_str();
  command->callback([&flags, &action, files, format] { action = [&flags, files, format] { return Validate(*files, *format, flags); }; });
}

}  // namespace headrace
