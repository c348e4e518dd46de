#include "headrace/pipeline/diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Place At(const std::string& text, std::string_view word) {
  return {*MakeSource("p.yaml", text, 1 << 20), text.find(word), word.size()};
}

TEST(DiagnosticsTest, RendersLikeACompiler) {
  Diagnostics found;
  const std::string text = "steps:\n  a: {fiel: x}\n";
  found.AddError(DiagnosticCode::kUnknownKey, At(text, "fiel"), "unknown key `fiel`").Help("did you mean `file`?");
  EXPECT_EQ(RenderText(found, false),
            "error[P0201]: unknown key `fiel`\n"
            "   --> p.yaml:2:7\n"
            "    |\n"
            "  2 |   a: {fiel: x}\n"
            "    |       ^^^^\n"
            "    |\n"
            "    = help: did you mean `file`?\n"
            "\n"
            "1 error\n");
}

TEST(DiagnosticsTest, ColorsAreOptional) {
  Diagnostics found;
  found.AddWarning(DiagnosticCode::kBadValue, At("a: b\n", "b"), "odd");
  EXPECT_THAT(RenderText(found, true), HasSubstr("\x1b[1;33m"));
  EXPECT_THAT(RenderText(found, false), Not(HasSubstr("\x1b")));
  EXPECT_FALSE(found.has_errors());
}

TEST(DiagnosticsTest, AFileCannotWriteToTheTerminal) {
  Diagnostics found;
  found.AddError(DiagnosticCode::kBadValue, At("a: \x1b[2Jb\n", "b"), "got `\x1b[2J`");
  EXPECT_THAT(RenderText(found, false), Not(HasSubstr("\x1b")));
}

TEST(DiagnosticsTest, ALongLineIsCutAroundTheCaret) {
  Diagnostics found;
  const std::string text = std::string(5000, 'x') + "HERE" + std::string(5000, 'y') + "\n";
  found.AddError(DiagnosticCode::kBadValue, At(text, "HERE"), "odd");
  const std::string rendered = RenderText(found, false);
  EXPECT_THAT(rendered, HasSubstr("xHEREy"));
  EXPECT_LT(rendered.size(), 600U);
}

TEST(DiagnosticsTest, SortedByPlaceAndCapped) {
  Diagnostics found;
  std::string text;
  for (int i = 0; i < 80; ++i) text += StrCat("line", i, "\n");
  for (int i = 79; i >= 0; --i) found.AddError(DiagnosticCode::kBadValue, At(text, StrCat("line", i, "\n")), StrCat("odd ", i));
  EXPECT_EQ(found.errors(), 80U);
  EXPECT_EQ(found.Sorted().size(), Diagnostics::kCap);
  EXPECT_EQ(found.left_out(), 30U);
  EXPECT_EQ(found.Sorted().front().message, "odd 30");
  EXPECT_THAT(RenderText(found, false), HasSubstr("30 more not shown"));
}

TEST(DiagnosticsTest, TheSameFindingIsSaidOnce) {
  Diagnostics found;
  for (int i = 0; i < 3; ++i) found.AddError(DiagnosticCode::kSql, At("a: b\n", "b"), "wrong").Help("help");
  EXPECT_EQ(found.errors(), 1U);
}

TEST(DiagnosticsTest, JsonSarifAndGithubSayTheSame) {
  Diagnostics found;
  found.AddError(DiagnosticCode::kDuplicateKey, At("a: 1\nb: 2\n", "b"), "twice, 100%")
      .Related(At("a: 1\nb: 2\n", "a"), "first here").Help("remove it");
  const auto json = nlohmann::json::parse(RenderJson(found));
  EXPECT_EQ(json["diagnostics"][0]["code"], "P0108");
  EXPECT_EQ(json["diagnostics"][0]["line"], 2);
  EXPECT_EQ(json["diagnostics"][0]["related"]["line"], 1);
  const auto sarif = nlohmann::json::parse(RenderSarif(found));
  EXPECT_EQ(sarif["version"], "2.1.0");
  EXPECT_EQ(sarif["runs"][0]["results"][0]["ruleId"], "P0108");
  EXPECT_EQ(sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 2);
  EXPECT_EQ(RenderGithub(found), "::error file=p.yaml,line=2,col=1,endColumn=2,title=P0108::twice, 100%25%0Ahelp: remove it\n");
}

TEST(DiagnosticsTest, EveryCodeHasOneLineInTheDocs) {
  std::ifstream in(std::string(HEADRACE_SOURCE_DIR) + "/docs/diagnostics.md");
  const std::string docs{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::set<std::string> seen;
  for (const CodeExplanation& code : AllCodes()) {
    EXPECT_TRUE(seen.insert(CodeText(code.code)).second);
    EXPECT_THAT(docs, HasSubstr(StrCat("| ", CodeText(code.code), " | ", code.title, " | ", code.explanation, " |")));
  }
}

TEST(DiagnosticsTest, StatusCarriesTheFirstError) {
  Diagnostics found;
  EXPECT_TRUE(found.ToStatus().ok());
  found.AddError(DiagnosticCode::kBadValue, At("a: b\n", "b"), "odd").Help("mend it");
  found.AddError(DiagnosticCode::kBadValue, At("a: b\n", "a"), "odder");
  EXPECT_EQ(found.ToStatus().ToString(), "p.yaml:1:1: odder (and 1 more)");
}

}  // namespace
}  // namespace headrace
