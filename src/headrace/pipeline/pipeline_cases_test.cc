// tests/cases/accepted holds files without an error, tests/cases/refused files with the messages they give
// (NAME.expected beside NAME.yaml or the folder NAME). HEADRACE_UPDATE_EXPECTED=1 rewrites the expected ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "headrace/base/folder_for_tests.h"
#include "headrace/pipeline/columns.h"
#include "headrace/pipeline/test_file.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Cases(const char* kind) {
  std::vector<fs::path> cases;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(HEADRACE_SOURCE_DIR) / "tests/cases" / kind))
    if (entry.is_directory() || entry.path().extension() == ".yaml") cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  return cases;
}

std::string Messages(const fs::path& path) {
  Diagnostics diagnostics;
  const Result<Project> project = Project::Load({.path = path.string(), .environment = "", .sql = nullptr}, diagnostics);
  if (!project.ok()) return project.status().ToString();
  project->Validate("", diagnostics);
  if (!diagnostics.has_errors()) CheckColumns(*project, "", diagnostics);
  for (const ProjectTest& test : LoadTests(*project, {}, diagnostics)) static_cast<void>(PlanTest(*project, test, TestRowsFrom::kGiven, diagnostics));
  return RenderText(diagnostics, false);
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string Name(const ::testing::TestParamInfo<fs::path>& info) { return info.param.stem().string(); }

class AcceptedTest : public ::testing::TestWithParam<fs::path> {};
class RefusedTest : public ::testing::TestWithParam<fs::path> {};

TEST_P(AcceptedTest, HasNoError) { EXPECT_EQ(Messages(GetParam()), ""); }

TEST_P(RefusedTest, SaysWhatIsWrong) {
  const std::string messages = Messages(GetParam());
  const fs::path expected = GetParam().parent_path() / (GetParam().stem().string() + ".expected");
  if (std::getenv("HEADRACE_UPDATE_EXPECTED") != nullptr) std::ofstream(expected, std::ios::binary) << messages;
  EXPECT_NE(messages, "");
  EXPECT_EQ(messages, ReadFile(expected));
}

/// The keys of a YAML text, as [begin, end) of each.
std::vector<std::pair<std::size_t, std::size_t>> KeysOf(const std::string& text) {
  std::vector<std::pair<std::size_t, std::size_t>> keys;
  for (std::size_t end = text.find(':'); end != std::string::npos; end = text.find(':', end + 1)) {
    std::size_t begin = end;
    while (begin > 0 && (std::isalnum(static_cast<unsigned char>(text[begin - 1])) != 0 || text[begin - 1] == '_')) --begin;
    if (end - begin > 2 && end + 1 < text.size() && std::isspace(static_cast<unsigned char>(text[end + 1])) != 0) keys.emplace_back(begin, end);
  }
  return keys;
}

// What a refused map leaves behind is looked at by whatever decodes the rest.
TEST(BrokenTest, AKeyMisspeltOrWithAnotherValueIsToldWhereverItStands) {
  const fs::path source = fs::path(HEADRACE_SOURCE_DIR) / "tests/cases/accepted/every_key.yaml";
  const FolderForTests folder;
  const fs::path broken = folder.Path("every_key.yaml");
  const std::string text = ReadFile(source);
  const auto keys = KeysOf(text);
  ASSERT_GT(keys.size(), 400U);
  std::size_t refused = 0;
  const auto check = [&](const std::string& damaged) {
    std::ofstream(broken, std::ios::binary) << damaged;
    refused += Messages(broken).empty() ? 0 : 1;
  };
  for (const auto& [begin, end] : keys) {
    check(std::string(text).erase((begin + end) / 2, 1));
    const std::size_t line = text.find('\n', end);
    check(text.substr(0, end) + ": {no_such: 1}" + text.substr(line));
  }
  EXPECT_GT(refused, keys.size() * 3 / 2);
}

INSTANTIATE_TEST_SUITE_P(Files, AcceptedTest, ::testing::ValuesIn(Cases("accepted")), Name);
INSTANTIATE_TEST_SUITE_P(Files, RefusedTest, ::testing::ValuesIn(Cases("refused")), Name);

}  // namespace
}  // namespace headrace
