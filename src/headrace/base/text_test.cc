#include "headrace/base/text.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Text, NumbersReadBackAsPrinted) {
  EXPECT_EQ(StrCat("a", 1, ' ', 0.1, " ", -7LL, " ", true), "a1 0.1 -7 true");
  double d = 0;
  ASSERT_TRUE(ParseDouble(FormatDouble(0.1 + 0.2), &d));
  EXPECT_EQ(d, 0.1 + 0.2);
  EXPECT_EQ(FormatCount(-1234567), "-1,234,567");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(Counted(1, "row"), "1 row");
  EXPECT_EQ(Counted(0, "row"), "0 rows");
  EXPECT_EQ(Counted(1234, "row has", "rows have"), "1,234 rows have");
  EXPECT_EQ(Counted(1, "row has", "rows have"), "1 row has");
}

TEST(Text, NearestNameNeedsOneClearWinner) {
  const std::vector<std::string> names = {"features", "events", "event", "labels"};
  EXPECT_EQ(NearestName("featurs", names), "features");
  EXPECT_EQ(NearestName("Features", names), "features");
  EXPECT_EQ(NearestName("fetaures", names), "features");
  EXPECT_EQ(NearestName("eventz", names), "") << "event and events are equally near";
  EXPECT_EQ(NearestName("profiles", names), "");
}

TEST(Text, Utf8IsCheckedByTheBook) {
  EXPECT_TRUE(IsUtf8("näive €𝄞"));
  for (const char* bad : {"\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3", "abc\xFF"}) EXPECT_FALSE(IsUtf8(bad));
}

TEST(Text, IntegersAreWholeAndInRange) {
  std::int64_t i = 0;
  EXPECT_TRUE(ParseInt("-9223372036854775808", &i));
  for (const char* bad : {"", " 1", "1 ", "9223372036854775808", "1.0", "0x1"}) EXPECT_FALSE(ParseInt(bad, &i)) << bad;
}

}  // namespace
}  // namespace headrace
