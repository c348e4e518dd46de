#include "headrace/report/profile_page.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "headrace/report/markup_reader.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Table Sample(const std::string& word) {
  ColumnBuilder ids(Type::kInt), amounts(Type::kDouble), texts(Type::kText), days(Type::kDate), moments(Type::kTimestamp), empty(Type::kInt), one(Type::kInt), flags(Type::kBool);
  for (std::int64_t i = 0; i < 3000; ++i) {
    ids.AppendInt(i);
    if (i % 9 == 0) amounts.AppendNull();
    else amounts.AppendDouble(static_cast<double>(i * 7919 % 1000) * static_cast<double>(i * 31 % 97) / 100);
    texts.AppendText(i % 5 == 0 ? "" : StrCat(word, " ", i * i % 17));
    days.AppendInt(20'400 + i * i % 60);
    moments.AppendInt((20'400 * 86'400 + i * 977) * 1'000'000);
    empty.AppendNull();
    one.AppendInt(7);
    flags.AppendInt(i % 3 == 0 ? 1 : 0);
  }
  return Table(Schema({{"id", Type::kInt}, {"amount", Type::kDouble}, {StrCat(word, " name"), Type::kText}, {"day", Type::kDate}, {"at", Type::kTimestamp}, {"empty", Type::kInt}, {"one", Type::kInt}, {"flag", Type::kBool}}),
               {ids.Finish(), amounts.Finish(), texts.Finish(), days.Finish(), moments.Finish(), empty.Finish(), one.Finish(), flags.Finish()}, 3000);
}

std::string PageOf(const Table& table, const std::string& name, const std::set<std::string>& personal = {}) {
  const Result<DataProfile> profile = ProfileRows(*StreamOf(table), personal);
  EXPECT_TRUE(profile.ok()) << profile.status();
  return RenderHtml(*profile, name, "1.2.3");
}

TEST(ProfilePageTest, IsWellFormedAndTheSameEachTime) {
  const std::string page = PageOf(Sample("place"), "data/sample.csv");
  EXPECT_EQ(ReadMarkup(page).error, "");
  EXPECT_EQ(page, PageOf(Sample("place"), "data/sample.csv"));
  EXPECT_THAT(ReadMarkup(page).text, HasSubstr("3,000 rows of data/sample.csv. 1 column is empty. 1 column has only one value."));
  if (const char* folder = std::getenv("HEADRACE_REPORT_SAMPLES")) std::ofstream(StrCat(folder, "/profile.html"), std::ios::binary) << page;
}

TEST(ProfilePageTest, TextOfTheDataIsShownAndNeverObeyed) {
  for (const std::string text : {"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style><b>", "&amp;&#60;", "\xff\xfe"}) {
    const MarkupPage page = ReadMarkup(PageOf(Sample(text), text));
    EXPECT_EQ(page.error, "") << text;
    for (const MarkupTag& tag : page.tags) {
      EXPECT_NE(tag.name, "script");
      EXPECT_NE(tag.name, "img");
      EXPECT_NE(tag.name, "b");
    }
  }
}

TEST(ProfilePageTest, NothingOfAPersonalColumnIsShown) {
  EXPECT_THAT(PageOf(Sample("canary"), "d", {"canary name"}), Not(HasSubstr("canary 1")));
  EXPECT_THAT(PageOf(Sample("canary"), "d"), HasSubstr("canary 1"));
}

TEST(ProfilePageTest, ATableWithoutRowsHasAPage) {
  EXPECT_EQ(ReadMarkup(PageOf(Sample("place").Slice(0, 0), "d")).error, "");
}

}  // namespace
}  // namespace headrace
