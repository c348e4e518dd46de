// A project of a stranger: files of YAML and SQL, each after a line "=== NAME" (what stands before the first is a pipeline). Loaded, checked and resolved as
// `headrace validate` and `run` do, all in memory but for the files themselves.

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "headrace/base/text.h"
#include "headrace/pipeline/diagnostics.h"
#include "headrace/pipeline/project.h"
#include "target.h"

namespace headrace::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> kFiles = {"pipelines/a.yaml", "headrace.yaml", "pipelines/b.yaml", "shared/s.yaml", "tenants/t.yaml",
                                                    "contracts/c.yaml", "sql/q.sql", "pipelines/one.yaml", "tests/t.yaml"};

/// A folder of this process, made once and removed at the end; in memory where the system has such a place.
class Folder {
 public:
  Folder() : path_(fs::path(fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path()) / StrCat("headrace-fuzz-", getpid())) {
    for (const char* inside : {"pipelines", "shared", "tenants", "contracts", "sql", "tests"}) fs::create_directories(path_ / inside);
  }
  ~Folder() { std::error_code ignored; fs::remove_all(path_, ignored); }
  const fs::path& path() const { return path_; }
  void Clear() const {
    for (const std::string_view file : kFiles) fs::remove(path_ / file);
  }

 private:
  fs::path path_;
};

void WriteFiles(const fs::path& folder, std::string_view input) {
  constexpr std::string_view kMark = "=== ";
  std::string_view name = kFiles[0];
  while (true) {
    const bool marked = input.starts_with(kMark);
    if (marked) {
      const std::string_view line = input.substr(kMark.size(), input.find('\n') - kMark.size());
      name = "";
      for (const std::string_view known : kFiles)
        if (known == line) name = known;
      input.remove_prefix(std::min(input.size(), kMark.size() + line.size() + 1));
    }
    const std::size_t next = input.starts_with(kMark) ? 0 : input.find("\n=== ");
    const std::string_view text = input.substr(0, next == std::string_view::npos || input.starts_with(kMark) ? next : next + 1);
    if (!name.empty() && !text.empty()) std::ofstream(folder / name, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
    if (next == std::string_view::npos) return;
    input.remove_prefix(text.size());
  }
}

/// Tables by a glance at the words, without the engine: it is not what is tried here, and would take most of the time.
class Glance final : public SqlInspector {
 public:
  Result<SqlFacts> InspectEngineQuery(std::string_view sql) const override {
    ASSIGN_OR_RETURN(SqlFacts facts, InspectForeignQuery(sql, SqlDialect::kDuckDb));
    ASSIGN_OR_RETURN(const std::vector<SqlToken> tokens, LexSql(sql, SqlDialect::kDuckDb));
    for (std::size_t i = 1; i < tokens.size(); ++i)
      if (ToLower(sql.substr(tokens[i - 1].offset, tokens[i - 1].length)) == "from")
        facts.tables.push_back({std::string(sql.substr(tokens[i].offset, tokens[i].length)), {tokens[i].offset, tokens[i].length}});
    return facts;
  }
  Result<SqlFacts> InspectForeignQuery(std::string_view sql, SqlDialect dialect) const override {
    SqlFacts facts;
    ASSIGN_OR_RETURN(const std::vector<SqlToken> tokens, LexSql(sql, dialect));
    for (const SqlToken& token : tokens)
      if (token.kind == SqlToken::Kind::kParameter) facts.parameters.push_back({std::string(sql.substr(token.offset + 1, token.length - 1)), {token.offset, token.length}});
    return facts;
  }
};

void TryProject(std::string_view input) {
  static const Folder folder;
  folder.Clear();
  WriteFiles(folder.path(), input);
  Diagnostics diagnostics;
  const bool has_file = fs::exists(folder.path() / "headrace.yaml");
  const Result<Project> project = Project::Load({.path = (has_file ? folder.path() : folder.path() / kFiles[0]).string(), .environment = "", .sql = std::make_shared<const Glance>()}, diagnostics);
  if (!project.ok()) return;
  project->Validate("", diagnostics);
  (void)project->Schedules("", diagnostics);
  for (const std::string& pipeline : project->pipelines()) {
    ResolveRequest request;
    request.pipeline = pipeline;
    const std::vector<std::string> tenants = project->tenants();
    if (!tenants.empty()) request.tenant = tenants.front();
    request.interval = {1'700'000'000'000'000, 1'700'604'800'000'000};
    Diagnostics of_run;
    const Result<ResolvedPipeline> resolved = project->Resolve(request, of_run);
    if (!resolved.ok()) Demand(!resolved.status().message().empty());
  }
  for (const Diagnostic& found : diagnostics.Sorted()) Demand(!found.message.empty());
  for (const auto render : {&RenderJson, &RenderSarif, &RenderGithub}) (void)render(diagnostics);
  (void)RenderText(diagnostics, false);
}

}  // namespace
}  // namespace headrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size <= 65'536) headrace::fuzz::TryProject({reinterpret_cast<const char*>(data), size});
  return 0;
}
