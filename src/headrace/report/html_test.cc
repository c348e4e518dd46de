#include "headrace/report/html.h"

#include <cmath>
#include <type_traits>

#include <gtest/gtest.h>

#include "headrace/report/card.h"
#include "headrace/report/format.h"

namespace headrace {
namespace {

TEST(HtmlTest, TextBecomesMarkupOnlyByBeingEscaped) {
  EXPECT_EQ(El("p", {{"title", "\"><b>"}}, "a<b>&'", std::string("\"")).markup(), "<p title=\"&quot;&gt;&lt;b&gt;\">a&lt;b&gt;&amp;&#39;&quot;</p>");
  // Run-time text has no way in: neither as a tag or attribute name nor as literal markup.
  static_assert(!std::is_constructible_v<TagName, std::string>);
  static_assert(!std::is_constructible_v<AttrName, std::string>);
  static_assert(!std::is_constructible_v<Literal, std::string>);
  static_assert(!std::is_constructible_v<Anchor, std::string>);
}

TEST(HtmlTest, WhatIsNotTextIsMadeVisible) {
  EXPECT_EQ(EscapeHtml(std::string("a\0b", 3)), "a\xE2\x90\x80" "b");
  EXPECT_EQ(EscapeHtml("\x1b[31m\x7f"), "\xE2\x90\x9B[31m\xE2\x90\xA1");
  EXPECT_EQ(EscapeHtml("gpj.\u202Eexe"), "gpj.[U+202E]exe");
  EXPECT_EQ(EscapeHtml("\xC0\xBC" "\xED\xA0\x80" "\xFF" "x"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDx");
  EXPECT_EQ(EscapeHtml("Köln 東京 👍\n\t"), "Köln 東京 👍\n\t");
}

TEST(HtmlTest, CoordinatesAreShortAndFinite) {
  EXPECT_EQ(Coordinate(1.5), "1.5");
  EXPECT_EQ(Coordinate(-0.001), "0");
  EXPECT_EQ(Coordinate(std::nan("")), "0");
  EXPECT_EQ(Coordinate(HUGE_VAL), "0");
  EXPECT_EQ(Coordinate(1e300), "1000000");
}

TEST(FormatTest, NumbersReadTheWayPeopleReadThem) {
  EXPECT_EQ(ShowSeconds(0.0003), "0.3 ms");
  EXPECT_EQ(ShowSeconds(0.042), "42 ms");
  EXPECT_EQ(ShowSeconds(1.236), "1.24 s");
  EXPECT_EQ(ShowSeconds(125), "2 min 05 s");
  EXPECT_EQ(ShowSeconds(4321), "1 h 12 min");
  EXPECT_EQ(ShowPercent(0.123), "12.3 %");
  EXPECT_EQ(ShowPercent(0), "0 %");
  EXPECT_EQ(ShowPercent(1), "100 %");
  EXPECT_EQ(ShowPercent(0.99999), ">99.99 %");
  EXPECT_EQ(ShowPercent(0.00001), "<0.01 %");
  EXPECT_EQ(ShowNumber(0.81243), "0.8124");
  EXPECT_EQ(ShowNumber(4.12), "4.12");
  EXPECT_EQ(ShowNumber(123456.7), "123,457");
  EXPECT_EQ(ShowNumber(0.0000123), "1.23e-05");
  EXPECT_EQ(ShowNumber(std::nan("")), "nan");
  EXPECT_EQ(ShowDifference(-0.00047), "−0.0005");
  EXPECT_EQ(ShowDifference(0.00272), "+0.0027");
  EXPECT_EQ(ShowDifference(0), "±0");
  EXPECT_EQ(ShowPlain(0.05), "0.05");
  EXPECT_EQ(Capitalised("crm.orders is empty"), "crm.orders is empty");
  EXPECT_EQ(Capitalised("two rows"), "Two rows");
}

TEST(FormatTest, LongNamesAreCutInTheMiddleBetweenCharacters) {
  EXPECT_EQ(Shorten("short", 10), "short");
  EXPECT_EQ(Shorten("a_very_long_step_name", 10), "a_very…ame");
  EXPECT_EQ(Shorten("äöüäöüäöü", 6), "äöüä…ü");
  EXPECT_LE(TextWidth(Shorten("東京東京東京東京", 8)), 8u);
  EXPECT_EQ(Shorten("\xFF\xFF\xFF\xFF\xFF\xFF", 4), "\xFF\xFF…\xFF");
}

TEST(CardTest, ACardIsTextWithHeadingsListsAndTables) {
  EXPECT_EQ(RenderCard("# Title\n\n- a `b`\n- <i>c</i>\n\n[x](javascript:1)\ny\n").markup(),
            "<h4>Title</h4><ul><li>a <code>b</code></li><li>&lt;i&gt;c&lt;/i&gt;</li></ul><p>[x](javascript:1) y</p>");
  const std::string table = RenderCard("| a | b |\n|---|---|\n| 1 | 2 |").markup();
  EXPECT_NE(table.find("<th scope=\"col\">a</th>"), std::string::npos);
  EXPECT_NE(table.find("<th scope=\"row\">1</th><td>2</td>"), std::string::npos);
  EXPECT_EQ(RenderCard("").markup(), "");
  EXPECT_EQ(Prose("a ` b").markup(), "a ` b");
}

}  // namespace
}  // namespace headrace
