#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/cli/from_table.h"
#include "headrace/cli/templates.h"

namespace headrace {

namespace {
struct InitFlags {
  std::string first, second, from, target, delimiter;
  bool list = false;
};

/// `text` as one word of a shell.
std::string ShellWord(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return (std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '/' || c == '.' || c == '_' || c == '-'; });
  return plain ? text : StrCat("'", ReplaceAll(text, "'", "'\\''"), "'");
}

int ListTemplates(const GlobalFlags& global) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const ProjectTemplate& project : ProjectTemplates()) {
    rows.push_back({std::string(project.name), std::string(project.description)});
    json.push_back({{"name", project.name}, {"description", project.description}});
  }
  PrintOut(global.json ? DumpJson(json, 2) + "\n" : TextTable({"template", "what it does"}, rows));
  return 0;
}

/// A template may be written into a new folder, or into one that holds nothing but hidden entries (.git).
Status RefuseFullFolder(const std::string& folder) {
  for (const std::string& name : ListDirectory(folder))
    if (!name.starts_with("."))
      return Error(ErrorCode::kInvalid, "`", folder, "` is not empty: `", JoinPath(folder, name), "` is there; nothing was written")
          .WithHelp("name an empty or a new folder: `headrace init TEMPLATE DIR`");
  return Ok();
}

/// `pattern` as the project in `folder` calls it: relative when it lies inside, else absolute.
std::string PatternIn(const std::string& folder, const std::string& pattern) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path data = fs::absolute(pattern, error).lexically_normal(), root = fs::absolute(folder, error).lexically_normal();
  const fs::path relative = data.lexically_relative(root.has_filename() ? root : root.parent_path());
  return relative.empty() || relative.begin()->string() == ".." ? data.string() : relative.string();
}

Result<std::vector<NewFile>> FilesFor(const InitFlags& flags, const std::string& folder) {
  if (flags.from.empty()) {
    RETURN_IF_ERROR(RefuseFullFolder(folder));
    return TemplateFiles(flags.first.empty() ? ProjectTemplates().front().name : flags.first);
  }
  FileSource source;
  source.pattern = flags.from;
  source.delimiter = flags.delimiter;
  ASSIGN_OR_RETURN(const TableFacts facts, MeasureTable(source));
  return ProjectFromTable({PatternIn(folder, flags.from), flags.delimiter, flags.target}, facts);
}

Status CheckUsage(const InitFlags& flags) {
  if (flags.from.empty() && !(flags.target.empty() && flags.delimiter.empty()))
    return Error(ErrorCode::kInvalid, "--target and --delimiter speak of a table, and --from names none").WithHelp("headrace init --from DATA --target COLUMN [DIR]");
  if (!flags.from.empty() && flags.target.empty())
    return Error(ErrorCode::kInvalid, "--from needs --target: the column to predict").WithHelp("headrace init --from DATA --target COLUMN [DIR]");
  if (!flags.from.empty() && !flags.second.empty())
    return Error(ErrorCode::kInvalid, "with --from there is no template: `", flags.first, "` and `", flags.second, "` cannot both be the folder")
        .WithHelp("headrace init --from DATA --target COLUMN [DIR]");
  return Ok();
}

int Init(const InitFlags& flags, const GlobalFlags& global) {
  if (flags.list) return ListTemplates(global);
  if (const Status usage = CheckUsage(flags); !usage.ok()) return Fail(usage, global);
  const std::string& given = flags.from.empty() ? flags.second : flags.first;
  const std::string folder = given.empty() ? global.directory : JoinPath(global.directory == "." ? "" : global.directory, given);

  Result<std::vector<NewFile>> files = FilesFor(flags, folder);
  if (!files.ok()) return Fail(files.status(), global);
  const Result<std::vector<NewFile>> schemas = SchemaFiles();
  if (!schemas.ok()) return Fail(schemas.status(), global);
  std::vector<std::string> written, next;
  for (const NewFile& file : *files) written.push_back(file.path);
  files->insert(files->end(), schemas->begin(), schemas->end());
  if (const Status status = WriteNewFiles(folder, *files); !status.ok()) return Fail(status, global);

  if (folder != ".") next.push_back(StrCat("cd ", ShellWord(folder)));
  next.emplace_back("headrace validate");
  const bool blank = flags.from.empty() && flags.first == "blank";
  for (const char* pipeline : blank ? std::vector<const char*>{"first"} : std::vector<const char*>{"train", "score"}) next.push_back(StrCat("headrace run ", pipeline));
  if (!global.quiet) {
    std::string text = StrCat("wrote ", written.size(), " files into ", folder == "." ? "this folder" : folder, ":\n");
    for (const std::string& path : written) text += StrCat("  ", path, "\n");
    text += "next:\n";
    for (const std::string& command : next) text += StrCat("  ", command, "\n");
    text += StrCat("the answer will be in out/", blank ? "rows" : "scores", ".csv; README.md says more\n");
    PrintErr(text);
  }
  if (global.json) PrintJson(nlohmann::ordered_json({{"directory", folder}, {"files", written}, {"next", next}}));
  return 0;
}
}  // namespace

void AddInitCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("init", "Write a project that runs as it is: from a template, or from a table");
  auto flags = std::make_shared<InitFlags>();
  command->add_option("TEMPLATE", flags->first, "churn, lead_scoring, forecast or blank (default: churn); with --from: the folder");
  command->add_option("DIR", flags->second, "an empty or a new folder (default: this one)");
  command->add_option("--from", flags->from, "write the project from this table: CSV, TSV, Parquet or JSON lines, also .gz and .zst; a glob reads several files")->type_name("DATA");
  command->add_option("--target", flags->target, "with --from: the column to predict")->type_name("COLUMN");
  command->add_option("--delimiter", flags->delimiter, "with --from: of a CSV file (default: found in its first lines)")->type_name("CHAR");
  command->add_flag("--list", flags->list, "list the templates, and write nothing");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Init(*flags, global); }; });
}

}  // namespace headrace
