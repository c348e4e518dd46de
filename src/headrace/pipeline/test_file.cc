// Test files become ProjectTests: keys and their types by the shape, then what a shape cannot say. Names of steps are looked up in test_plan.cc.

#include "headrace/pipeline/test_file.h"

#include <algorithm>
#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"

namespace headrace {
namespace fs = std::filesystem;
namespace {

/// The interval of tests that name none: it must not depend on the day.
constexpr std::int64_t kSomeDay = 1'767'225'600'000'000;   // 2026-01-01

class TestReader {
 public:
  TestReader(const Project& project, Diagnostics& diagnostics) : project_(project), diagnostics_(diagnostics) { around_.root = project.root(); }

  std::optional<ProjectTest> Read(const std::string& file) {
    const std::size_t errors = diagnostics_.errors();
    std::optional<Node> root = ReadYaml((fs::path(project_.root()) / file).string(), file, diagnostics_);
    if (!root || !CheckShape(*root, TestFileShape(), "a test", nullptr, diagnostics_)) return std::nullopt;
    ProjectTest test;
    test.file = file;
    test.name = TextOf(root->Find("name"));
    test.place = root->FindEntry("name")->key_place;
    test.sample = TextOf(root->Find("sample"));
    test.all_checks = TextOf(root->Find("checks")) == "all";
    ReadRequest(*root, test.request);
    if (const Node* given = root->Find("given"))
      for (const Node::Entry& entry : given->entries) test.given[entry.key] = {ReadRows(entry.value), entry.key_place};
    if (const Node* models = root->Find("models"))
      for (const Node::Entry& entry : models->entries) {
        test.models[entry.key] = {entry.value.text, entry.key_place};
        CheckFile(entry.value, "");
      }
    for (const Node::Entry& entry : root->Find("expect")->entries) test.expect.push_back(ReadExpectation(entry));
    if (test.expect.empty()) Error(root->FindEntry("expect")->key_place, "`expect` names no step");
    return diagnostics_.errors() == errors ? std::optional(std::move(test)) : std::nullopt;
  }

 private:
  Diagnostic& Error(const Place& place, std::string message) { return diagnostics_.AddError(DiagnosticCode::kWrongInput, place, std::move(message)); }

  void ReadRequest(const Node& root, ResolveRequest& request) {
    request.pipeline = TextOf(root.Find("pipeline"));
    request.tenant = TextOf(root.Find("tenant"));
    request.interval = {kSomeDay, kSomeDay + kMicrosPerDay};
    if (const Node* interval = root.Find("interval")) {
      const Result<Interval> parsed = ParseInterval(interval->text);
      if (parsed.ok()) request.interval = *parsed;
      else Error(interval->place, parsed.status().message()).Help(parsed.status().help());
    }
    if (const Node* params = root.Find("params"))
      for (const Node::Entry& entry : params->entries) request.params.emplace_back(entry.key, Join(TextsOf(&entry.value), ","));
    Suggest(root.Find("pipeline"), project_.pipelines(), DiagnosticCode::kUnknownPipeline, "pipeline");
    if (const Node* tenant = root.Find("tenant")) Suggest(tenant, project_.tenants(), DiagnosticCode::kUnknownTenant, "tenant");
  }

  void Suggest(const Node* name, const std::vector<std::string>& names, DiagnosticCode code, std::string_view what) {
    if (std::find(names.begin(), names.end(), name->text) != names.end()) return;
    const std::string near = NearestName(name->text, names);
    diagnostics_.AddError(code, name->place, StrCat("no ", what, " `", name->text, "`"))
        .Help(!near.empty() ? StrCat("did you mean `", near, "`?") : names.empty() ? StrCat("this project has no ", what, "s") : StrCat(what, "s: ", Join(names, ", ")));
  }

  /// A file of the project that is there; with `below`, in that folder.
  void CheckFile(const Node& path, const std::string& below) {
    std::error_code error;
    const fs::path root = fs::weakly_canonical(project_.root(), error);
    const fs::path found = fs::weakly_canonical(root / path.text, error);
    const fs::path within = found.lexically_relative(root / below);
    if (error || within.empty() || *within.begin() == "..") {
      Error(path.place, StrCat("`", path.text, "` does not lie in the project's folder", below.empty() ? "" : StrCat(" `", below, "`")));
    } else if (!fs::is_regular_file(found, error)) {
      diagnostics_.AddError(DiagnosticCode::kMissingFile, path.place, StrCat("no file `", path.text, "`")).Help("paths stand under the project's folder");
    }
  }

  /// A list of rows, or a map with `rows` or `file`.
  TestRows ReadRows(const Node& node) {
    TestRows out;
    out.place = StartOf(node);
    if (node.is_list()) {
      ReadInline(node, out);
      return out;
    }
    if (const Node* rows = node.Find("rows")) ReadInline(*rows, out);
    if (const Node* file = node.Find("file")) {
      out.file = file->text;
      CheckFile(*file, "tests");
    }
    if (const Node* types = node.Find("types"))
      for (const Node::Entry& entry : types->entries)
        if (const Result<Type> type = TypeFromName(entry.value.text); type.ok()) out.types.push_back({entry.key, *type});
    return out;
  }

  static void ReadInline(const Node& rows, TestRows& out) {
    for (const Node& row : rows.items)
      for (const Node::Entry& cell : row.entries)
        if (std::find(out.columns.begin(), out.columns.end(), cell.key) == out.columns.end()) out.columns.push_back(cell.key);
    Node null;
    for (const Node& row : rows.items) {
      out.rows.emplace_back();
      for (const std::string& column : out.columns) {
        const Node* cell = row.Find(column);
        null.place = StartOf(row);
        out.rows.back().push_back(cell == nullptr ? null : *cell);
      }
    }
  }

  /// Every row must name every column: what is left out by mistake would be taken for null.
  void RequireSameColumns(const Node& rows, const TestRows& read) {
    for (const Node& row : rows.items)
      for (const std::string& column : read.columns)
        if (row.Find(column) == nullptr) Error(StartOf(row), StrCat("this row does not say `", column, "`, which another one does")).Help(StrCat("write `", column, ": null` if it must be null"));
  }

  TestExpectation ReadExpectation(const Node::Entry& entry) {
    TestExpectation out;
    out.name = entry.key;
    out.place = entry.key_place;
    const Node& node = entry.value;
    const Node* rows = node.is_list() ? &node : node.Find("rows");
    const Node* file = node.is_list() ? nullptr : node.Find("file");
    if (rows != nullptr || file != nullptr) out.rows = ReadRows(node);
    if (rows != nullptr) RequireSameColumns(*rows, *out.rows);
    if (rows != nullptr && file != nullptr) Error(entry.key_place, "both `rows` and `file` say which rows must come").Help("remove one of them");
    if (node.is_list()) return out;
    out.key = TextsOf(node.Find("key"));
    out.all_columns = TextOf(node.Find("columns")) == "all";
    out.ordered = BoolOf(node.Find("ordered"), false);
    out.tolerance = DoubleOf(node.Find("tolerance"), out.tolerance);
    out.fails = TextOf(node.Find("fails"));
    const DecodeContext context{around_, scope_, *sql_, diagnostics_};
    out.checks = DecodeChecks(node.Find("checks"), context);
    const bool says_rows = out.rows || !out.checks.empty();
    if (!says_rows && out.fails.empty()) Error(entry.key_place, StrCat("`", entry.key, "` says nothing that must hold")).Help("give it `rows`, `file`, `checks` or `fails`");
    if (says_rows && !out.fails.empty()) Error(entry.key_place, "a step that fails gives no rows").Help("remove `fails`, or `rows`, `file` and `checks`");
    return out;
  }

  const Project& project_;
  Diagnostics& diagnostics_;
  StepSurroundings around_;
  Scope scope_;
  std::shared_ptr<const SqlInspector> sql_ = DefaultSqlInspector();
};

std::vector<std::string> TestFiles(const std::string& root) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(fs::path(root) / "tests", error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".yaml" || it->path().extension() == ".yml") files.push_back("tests/" + it->path().filename().string());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<ProjectTest> LoadTests(const Project& project, const std::vector<std::string>& files, Diagnostics& diagnostics) {
  std::vector<ProjectTest> tests;
  TestReader reader(project, diagnostics);
  for (const std::string& file : files.empty() ? TestFiles(project.root()) : files)
    if (std::optional<ProjectTest> test = reader.Read(file)) tests.push_back(*std::move(test));
  return tests;
}

}  // namespace headrace
