#include "headrace/pipeline/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace headrace {
namespace {

using ::testing::HasSubstr;

struct Parsed {
  std::optional<Node> node;
  Diagnostics diagnostics;
  std::string text() const { return RenderText(diagnostics, false); }
};

Parsed Parse(std::string text) {
  Parsed out;
  const Result<std::shared_ptr<const SourceFile>> source = MakeSource("a.yaml", std::move(text), YamlLimits{}.max_bytes);
  EXPECT_TRUE(source.ok()) << source.status();
  if (source.ok()) out.node = ParseYaml(*source, out.diagnostics);
  return out;
}

std::string Repeat(std::string_view text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}

TEST(YamlTest, ScalarsStayText) {
  const Parsed parsed = Parse("a: no\nb: 12:30\nc: 1e3\nd: '007'\ne:\nf: null\ng: \"null\"\n");
  ASSERT_TRUE(parsed.node);
  EXPECT_EQ(parsed.node->Find("a")->text, "no");
  EXPECT_EQ(parsed.node->Find("b")->text, "12:30");
  EXPECT_EQ(parsed.node->Find("d")->text, "007");
  EXPECT_TRUE(parsed.node->Find("e")->is_null());
  EXPECT_TRUE(parsed.node->Find("f")->is_null());
  EXPECT_FALSE(parsed.node->Find("g")->is_null());
}

TEST(YamlTest, PlacesCountCharactersNotBytes) {
  const Parsed parsed = Parse("\xC3\xA4: {\xE2\x82\xAC: x}\n");
  ASSERT_TRUE(parsed.node);
  const Location at = Locate(parsed.node->entries[0].value.entries[0].value.place);
  EXPECT_EQ(at.line, 1U);
  EXPECT_EQ(at.column, 8U);
}

TEST(YamlTest, ASpanInsideAScalarFindsItsPlace) {
  const Parsed parsed = Parse("a: \"x + yy\"\nb: |\n    one\n    two\n\n    three\n");
  const SourcedText quoted = parsed.node->Find("a")->Sourced();
  EXPECT_EQ(Locate(quoted.origin.At({4, 2})).column, 9U);
  const SourcedText block = parsed.node->Find("b")->Sourced();
  const Location three = Locate(block.origin.At({block.text.find("three"), 5}));
  EXPECT_EQ(three.line, 6U);
  EXPECT_EQ(three.column, 5U);
}

TEST(YamlTest, DeepNestingIsRefusedAtOnce) {
  for (const char* open : {"[", "{a: ", "- ", "? "}) {
    const std::string bomb = Repeat(open, 100'000);
    const auto start = std::chrono::steady_clock::now();
    const Parsed parsed = Parse(bomb);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500)) << open;
    EXPECT_FALSE(parsed.node);
    EXPECT_TRUE(parsed.diagnostics.has_errors()) << open;
  }
  EXPECT_THAT(Parse(Repeat("[", 100'000)).text(), HasSubstr("nested deeper than 64 levels"));
}

TEST(YamlTest, SixtyFourLevelsAreFineSixtyFiveAreNot) {
  EXPECT_TRUE(Parse(Repeat("[", 64) + Repeat("]", 64)).node);
  EXPECT_FALSE(Parse(Repeat("[", 65) + Repeat("]", 65)).node);
}

TEST(YamlTest, TooManyNodesAreRefused) {
  EXPECT_TRUE(Parse("[" + Repeat("a,", 49'999) + "]").node);
  const Parsed parsed = Parse("[" + Repeat("a,", 50'001) + "]");
  EXPECT_FALSE(parsed.node);
  EXPECT_THAT(parsed.text(), HasSubstr("P0106"));
}

TEST(YamlTest, AliasesThatWouldGrowAreRefused) {
  const Parsed parsed = Parse("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n");
  EXPECT_FALSE(parsed.node);
  EXPECT_THAT(parsed.text(), HasSubstr("P0107"));
}

TEST(YamlTest, ATagIsRefused) { EXPECT_THAT(Parse("a: !!python/object x\n").text(), HasSubstr("a tag")); }

TEST(YamlTest, ADuplicateKeyShowsBothPlaces) {
  const Parsed parsed = Parse("a: 1\nb: 2\na: 3\n");
  ASSERT_EQ(parsed.diagnostics.errors(), 1U);
  const Diagnostic found = parsed.diagnostics.Sorted().front();
  EXPECT_EQ(found.at.line, 3U);
  ASSERT_TRUE(found.related);
  EXPECT_EQ(found.related->line, 1U);
  EXPECT_EQ(parsed.node->Find("a")->text, "1");
}

TEST(YamlTest, TextThatIsNotPlainUtf8IsRefusedWithItsLine) {
  const auto refuse = [](std::string text) { return MakeSource("a.yaml", std::move(text), 1 << 20).status().ToString(); };
  EXPECT_THAT(refuse("a: b\nc: \xFF\n"), HasSubstr("line 2 is not valid UTF-8"));
  EXPECT_THAT(refuse(std::string("a: b\nc: \0", 9)), HasSubstr("line 2 holds a NUL"));
  EXPECT_THAT(refuse("\xFF\xFE" "a"), HasSubstr("UTF-16"));
  EXPECT_THAT(refuse("a: b\rc: d"), HasSubstr("carriage return"));
  EXPECT_THAT(refuse("a: b\xE2\x80\xA8"), HasSubstr("line separator"));
  EXPECT_THAT(refuse(std::string((1 << 20) + 1, 'a')), HasSubstr("at most 1048576"));
}

TEST(YamlTest, AByteOrderMarkAndCrlfAreFine) {
  const Parsed parsed = Parse("\xEF\xBB\xBF" "a: b\r\nc: d\r\n");
  ASSERT_TRUE(parsed.node);
  EXPECT_EQ(parsed.node->Find("c")->text, "d");
  EXPECT_EQ(Locate(parsed.node->entries[1].key_place).line, 2U);
}

TEST(YamlTest, AnEmptyFileIsNull) {
  EXPECT_TRUE(Parse("").node->is_null());
  EXPECT_TRUE(Parse("# nothing\n").node->is_null());
}

TEST(YamlTest, EveryPrefixOfAFileIsReadWithoutHarm) {
  const std::string text = "name: \"\xC3\xA4\"\nsteps:\n  a: {extract: {file: [x, 'y']}, checks: [{expect: \"a > 0\"}]}\n  b: |\n    text\n  c: >\n    folded\n";
  for (std::size_t n = 0; n <= text.size(); ++n) {
    Diagnostics diagnostics;
    const Result<std::shared_ptr<const SourceFile>> source = MakeSource("a.yaml", text.substr(0, n), 1 << 20);
    if (!source.ok()) continue;  // cut inside a character
    const std::optional<Node> node = ParseYaml(*source, diagnostics);
    EXPECT_TRUE(node.has_value() || diagnostics.has_errors()) << n;
    RenderText(diagnostics, true);
  }
}

}  // namespace
}  // namespace headrace
