#include "headrace/base/time_zone.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(TimeZoneTest, UnknownZonesNameTheNearest) {
  const auto help = [](const char* name) { return TimeZone::Find(name).status().help(); };
  EXPECT_EQ(help("Europe/Berln"), "did you mean `Europe/Berlin`?");
  EXPECT_EQ(help("berlin"), "did you mean `Europe/Berlin`?");
  EXPECT_EQ(help("New York"), "did you mean `America/New_York`?");
  EXPECT_EQ(help("Middle-earth"), "write a name like `Europe/Berlin`, `America/New_York` or `UTC`");
  for (const char* name : {"", "localtime", "posixrules", "Factory", "../../etc/passwd", "/etc/localtime", "zone.tab", "tzdata.zi", "leapseconds", "Europe", "posix/UTC", "right/UTC"})
    EXPECT_FALSE(TimeZone::Find(name).ok()) << name;
}

TEST(TimeZoneTest, SpansMeetAndHoldTheirOffset) {
  const Result<TimeZone> berlin = TimeZone::Find("Europe/Berlin");
  ASSERT_TRUE(berlin.ok()) << berlin.status();
  const OffsetSpan summer = berlin->At(1'782'000'000);   // 2026-06-21
  EXPECT_EQ(summer.begin_s, 1'774'746'000);              // 2026-03-29 01:00 UTC
  EXPECT_EQ(summer.end_s, 1'792'890'000);                // 2026-10-25 01:00 UTC
  EXPECT_EQ(summer.offset_s, 7200);
  EXPECT_EQ(summer.abbreviation, "CEST");
  EXPECT_EQ(berlin->At(summer.end_s).begin_s, summer.end_s);
  EXPECT_EQ(berlin->At(summer.begin_s - 1).end_s, summer.begin_s);
}

TEST(TimeZoneTest, LocalTimesThatAreMissingOrTwiceTakeTheJumpOrTheFirst) {
  const TimeZone berlin = TimeZone::Find("Europe/Berlin").value();
  EXPECT_EQ(berlin.ToUtc(1'774'746'000 + 3600 + 1800), 1'774'746'000);       // 02:30 on 2026-03-29
  EXPECT_EQ(berlin.ToUtc(1'774'746'000 + 7200 + 1800), 1'774'746'000 + 1800);  // 03:30
  EXPECT_EQ(berlin.ToUtc(1'792'890'000 + 3600 + 1800), 1'792'890'000 - 1800);  // 02:30 on 2026-10-25, in summer time
  EXPECT_EQ(berlin.ToUtc(1'792'890'000 + 7200), 1'792'890'000 + 3600);         // 03:00
}

}  // namespace
}  // namespace headrace
