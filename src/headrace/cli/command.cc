#include "headrace/cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"

namespace headrace {

void PrintOut(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void PrintJson(const nlohmann::ordered_json& document) { PrintOut(DumpJson(document, 2) + "\n"); }
void PrintErr(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

bool IsInteractive(int stream) {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  const char* term = std::getenv("TERM");
  return ::isatty(stream) != 0 && !set("NO_COLOR") && !set("CI") && term != nullptr && std::string_view(term) != "dumb";
}

int Fail(const Status& status, const GlobalFlags& flags) {
  const bool color = IsInteractive(2);
  std::string text = StrCat(color ? "\x1b[1;31merror\x1b[0m: " : "error: ", status.message(), "\n");
  if (!status.help().empty()) text += StrCat("  = help: ", status.help(), "\n");
  PrintErr(text);
  if (flags.json) {
    const nlohmann::ordered_json json = {{"error", {{"code", ErrorCodeName(status.code())}, {"message", status.message()}, {"help", status.help()}}},
                                         {"exit_code", ExitCode(status.code())}};
    PrintJson(json);
  }
  return ExitCode(status.code());
}

int FailWith(const Diagnostics& diagnostics, const GlobalFlags& flags) {
  PrintErr(RenderText(diagnostics, IsInteractive(2)));
  if (flags.json && diagnostics.has_errors()) PrintOut(RenderJson(diagnostics));
  return diagnostics.has_errors() ? ExitCode(ErrorCode::kInvalid) : 0;
}

Result<Project> LoadProject(const GlobalFlags& flags, const std::string& path, Diagnostics& diagnostics) {
  Project::Options options;
  options.path = path.empty() ? flags.directory : JoinPath(flags.directory == "." ? "" : flags.directory, path);
  options.environment = flags.environment;
  return Project::Load(options, diagnostics);
}

Result<OpenProject> OpenState(const GlobalFlags& flags) {
  Diagnostics diagnostics;
  ASSIGN_OR_RETURN(const Project project, LoadProject(flags, "", diagnostics));
  OpenProject open{project.root(), project.name(), nullptr};
  if (!DirectoryExists(JoinPath(open.root, ".headrace")) && !FileExists(JoinPath(open.root, "headrace.yaml")))
    return Error(ErrorCode::kInvalid, "there is no project: no headrace.yaml in `", open.root, "` or above it")
        .WithHelp("-C names the project's folder; `headrace init` makes a project");
  if (project.environment().state.empty() && !DirectoryExists(JoinPath(open.root, ".headrace")))
    return Error(ErrorCode::kInvalid, "nothing ran in `", open.root, "` yet").WithHelp("`headrace run PIPELINE` makes the first run; -C names another project folder");
  ASSIGN_OR_RETURN(open.store, OpenStore(project));
  return open;
}

Result<std::unique_ptr<Store>> OpenStore(const Project& project) {
  StateLocation where{project.root()};
  where.project = project.name();
  if (!project.environment().state.empty()) {
    ASSIGN_OR_RETURN(where.uri, Load(project.environment().state, ProcessVariables()));
  }
  return Store::Open(where, SystemClock());
}

namespace {
/// Characters, not bytes, so that columns line up.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool LooksNumeric(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || std::string_view(".,-+%e s").find(c) != std::string_view::npos; });
}
}  // namespace

std::string TextTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width(header.size());
  std::vector<bool> right(header.size(), !rows.empty());
  for (std::size_t c = 0; c < header.size(); ++c) {
    width[c] = Width(header[c]);
    for (const auto& row : rows) {
      if (c >= row.size() || row[c].empty()) continue;
      width[c] = std::max(width[c], Width(row[c]));
      right[c] = right[c] && LooksNumeric(row[c]);
    }
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t c = 0; c < header.size(); ++c) {
      const std::string& cell = c < cells.size() ? cells[c] : std::string();
      const std::string blank(width[c] - Width(cell), ' ');
      text += StrCat(c == 0 ? "" : "  ", right[c] ? blank + cell : cell + blank);
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    out += text + "\n";
  };
  line(header);
  for (const auto& row : rows) line(row);
  return out;
}

std::string FormatSeconds(double seconds) {
  std::array<char, 64> buffer;
  if (seconds < 60) std::snprintf(buffer.data(), buffer.size(), "%.2f s", seconds);
  else std::snprintf(buffer.data(), buffer.size(), "%d min %02d s", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
  return buffer.data();
}

}  // namespace headrace
