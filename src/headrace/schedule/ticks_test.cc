#include "headrace/schedule/ticks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "headrace/schedule/due.h"
#include "headrace/schedule/local_times.h"
#include "headrace/table/value.h"

namespace headrace {
namespace {

constexpr std::int64_t kSecond = 1'000'000, kHour = 3600 * kSecond;

std::int64_t At(std::string_view utc) { return ParseTimestamp(utc).value(); }

/// "0 6 * * *" or "every 1 month", with policies as words.
ScheduleSpec Spec(const std::string& when, const std::string& zone = "UTC", const std::string& policies = "") {
  ScheduleSpec spec;
  if (when.starts_with("every ")) spec.when = ParsePeriod(when.substr(6)).value();
  else spec.when = ParseCron(when).value();
  spec.timezone = zone;
  using enum ScheduleSpec::Repeated;
  if (policies.find("skip") != std::string::npos) spec.missing = ScheduleSpec::Missing::kSkip;
  if (policies.find("both") != std::string::npos) spec.repeated = kBoth;
  if (policies.find("last") != std::string::npos) spec.repeated = kLast;
  return spec;
}

ScheduleSpec From(ScheduleSpec spec, std::string_view start_local) { spec.start_local_s = At(start_local) / kSecond; return spec; }

/// "2026-03-29 03:00 +02:00*, ...".
std::string Shown(const Ticks& ticks, const std::vector<Tick>& found) {
  std::string out;
  for (const Tick& tick : found) {
    const std::int64_t offset_s = ticks.zone().At(tick.at_us / kSecond).offset_s, size = offset_s < 0 ? -offset_s : offset_s;
    const auto two = [](std::int64_t number) { return StrCat(number < 10 ? "0" : "", number); };
    out += StrCat(out.empty() ? "" : ", ", FormatTimestamp(tick.at_us + offset_s * kSecond).substr(0, 16), offset_s < 0 ? " -" : " +", two(size / 3600), ":", two(size / 60 % 60), tick.moved ? "*" : "");
  }
  return out;
}

std::string Next(const ScheduleSpec& spec, std::string_view from, std::size_t count) {
  const Result<Ticks> ticks = Ticks::Make(spec);
  if (!ticks.ok()) return ticks.status().ToString();
  return Shown(*ticks, ticks->Between(At(from), std::numeric_limits<std::int64_t>::max(), count));
}

TEST(TicksTest, AgreeWithTheTableOfAMinuteWalk) {
  std::ifstream in(std::string(HEADRACE_SOURCE_DIR) + "/tests/cases/schedules/ticks.txt");
  int rows = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells = Split(line, '|');
    ASSERT_EQ(cells.size(), 5u) << line;
    for (std::string& cell : cells) cell = Trim(cell);
    const auto count = static_cast<std::size_t>(std::count(cells[4].begin(), cells[4].end(), ',') + 1);
    EXPECT_EQ(Next(Spec(cells[0], cells[1], cells[2]), cells[3], count), cells[4]) << cells[0] << " | " << cells[1] << " | " << cells[2];
    ++rows;
  }
  EXPECT_GE(rows, 270);
}

struct EveryRow { const char *when, *zone, *policies, *start, *from, *ticks; };
constexpr EveryRow kEvery[] = {
    {"every 15m", "UTC", "", "", "2026-06-10 00:05", "2026-06-10 00:15 +00:00, 2026-06-10 00:30 +00:00"},
    {"every 7m", "UTC", "", "2026-06-10 00:01", "2026-06-10 00:00", "2026-06-10 00:01 +00:00, 2026-06-10 00:08 +00:00"},
    {"every 1h", "Asia/Kathmandu", "", "", "2026-06-10 00:00", "2026-06-10 06:00 +05:45, 2026-06-10 07:00 +05:45"},
    {"every 6h", "Europe/Berlin", "", "", "2026-03-28 18:00", "2026-03-29 00:00 +01:00, 2026-03-29 07:00 +02:00, 2026-03-29 13:00 +02:00"},
    {"every 1h", "Europe/Berlin", "skip last", "", "2026-10-24 23:30", "2026-10-25 02:00 +02:00, 2026-10-25 02:00 +01:00, 2026-10-25 03:00 +01:00"},
    {"every 24h", "Europe/Berlin", "", "2026-03-28 06:00", "2026-03-28 00:00", "2026-03-28 06:00 +01:00, 2026-03-29 07:00 +02:00"},
    {"every 1 day", "Europe/Berlin", "", "2026-03-28 06:00", "2026-03-28 00:00", "2026-03-28 06:00 +01:00, 2026-03-29 06:00 +02:00"},
    {"every 1 day", "Europe/Berlin", "", "2026-03-28 02:30", "2026-03-28 00:00", "2026-03-28 02:30 +01:00, 2026-03-29 03:00 +02:00*, 2026-03-30 02:30 +02:00"},
    {"every 1 day", "Europe/Berlin", "skip", "2026-03-28 02:30", "2026-03-28 00:00", "2026-03-28 02:30 +01:00, 2026-03-30 02:30 +02:00"},
    {"every 1 day", "Europe/Berlin", "both", "2026-10-24 02:30", "2026-10-24 00:00", "2026-10-24 02:30 +02:00, 2026-10-25 02:30 +02:00, 2026-10-25 02:30 +01:00"},
    {"every 3 days", "UTC", "", "2026-06-10", "2026-06-01 00:00", "2026-06-10 00:00 +00:00, 2026-06-13 00:00 +00:00"},
    {"every 1 week", "UTC", "", "", "2026-06-10 00:00", "2026-06-15 00:00 +00:00, 2026-06-22 00:00 +00:00"},
    {"every 2 weeks", "UTC", "", "2026-06-10 06:00", "2026-06-01 00:00", "2026-06-10 06:00 +00:00, 2026-06-24 06:00 +00:00"},
    {"every 1 month", "UTC", "", "", "2026-06-10 00:00", "2026-07-01 00:00 +00:00, 2026-08-01 00:00 +00:00"},
    {"every 1 month", "Europe/Berlin", "", "", "2026-02-10 00:00", "2026-03-01 00:00 +01:00, 2026-04-01 00:00 +02:00"},
    {"every 1 month", "UTC", "", "2026-01-31", "2026-01-01 00:00", "2026-01-31 00:00 +00:00, 2026-02-28 00:00 +00:00, 2026-03-31 00:00 +00:00, 2026-04-30 00:00 +00:00"},
    {"every 1 month", "UTC", "", "2027-12-31 06:30", "2028-01-01 00:00", "2028-01-31 06:30 +00:00, 2028-02-29 06:30 +00:00"},
    {"every 1 quarter", "UTC", "", "2026-01-15", "2026-01-16 00:00", "2026-04-15 00:00 +00:00, 2026-07-15 00:00 +00:00"},
    {"every 1 year", "UTC", "", "2024-02-29", "2024-03-01 00:00", "2025-02-28 00:00 +00:00, 2026-02-28 00:00 +00:00, 2027-02-28 00:00 +00:00, 2028-02-29 00:00 +00:00"},
    {"every 1 month", "America/Santiago", "", "2026-09-06", "2026-09-01 00:00", "2026-09-06 01:00 -03:00*, 2026-10-06 00:00 -03:00"},
    {"every 1 day", "Pacific/Apia", "", "2011-12-29", "2011-12-29 00:00", "2011-12-29 00:00 -10:00, 2011-12-31 00:00 +14:00"},
    {"every 5m", "Australia/Lord_Howe", "", "", "2026-10-03 15:20", "2026-10-04 01:50 +10:30, 2026-10-04 01:55 +10:30, 2026-10-04 02:30 +11:00"},
};

TEST(TicksTest, PeriodsCountFromTheirStart) {
  for (const EveryRow& row : kEvery) {
    ScheduleSpec spec = Spec(row.when, row.zone, row.policies);
    if (*row.start != '\0') spec = From(spec, row.start);
    const std::string expected = row.ticks;
    EXPECT_EQ(Next(spec, row.from, static_cast<std::size_t>(std::count(expected.begin(), expected.end(), ',')) + 1), expected) << row.when << " " << row.zone << " from " << row.start;
  }
}

TEST(TicksTest, StartIsTheFirstAndEndIsNoTick) {
  ScheduleSpec spec = From(Spec("0 6 * * *", "Europe/Berlin"), "2026-03-28 06:00");
  spec.end_local_s = At("2026-03-30 06:00") / kSecond;
  EXPECT_EQ(Next(spec, "2020-01-01", 9), "2026-03-28 06:00 +01:00, 2026-03-29 06:00 +02:00");
  spec.end_local_s = At("2026-03-30 06:01") / kSecond;
  EXPECT_EQ(Next(spec, "2026-03-29", 9), "2026-03-29 06:00 +02:00, 2026-03-30 06:00 +02:00");
  const Ticks ticks = Ticks::Make(spec).value();
  EXPECT_EQ(ticks.Next(At("2026-03-30 04:00")), std::nullopt);
  EXPECT_EQ(ticks.Next(At("2020-01-01"))->interval, (Interval{At("2026-03-27 05:00"), At("2026-03-28 05:00")})) << "the first interval reaches back to the tick that would have been";
}

TEST(TicksTest, IntervalsAreAdjacentAndNeverEmpty) {
  for (const char* when : {"30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "0 0 29 2 *", "0 0 * * MON", "every 1 month", "every 2 days", "every 90m"})
    for (const char* zone : {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Gaza", "Asia/Kathmandu"})
      for (const char* policies : {"", "skip", "both", "last"}) {
        const Ticks ticks = Ticks::Make(Spec(when, zone, policies)).value();
        const std::vector<Tick> found = ticks.Between(At("2011-06-01"), At("2012-06-01"), 20'000);
        for (std::size_t i = 0; i < found.size(); ++i) {
          ASSERT_EQ(found[i].interval.end_us, found[i].at_us);
          ASSERT_LT(found[i].interval.start_us, found[i].interval.end_us) << when << " " << zone;
          if (i > 0) { ASSERT_EQ(found[i].interval.start_us, found[i - 1].at_us) << when << " " << zone; }
          if (i % 97 == 0) { ASSERT_EQ(ticks.Next(found[i].at_us - 1), found[i]) << "asked alone or in a row, a tick is the same"; }
        }
      }
}

TEST(TicksTest, MonthIntervalsAreMonthsOfTheZone) {
  const Ticks ticks = Ticks::Make(Spec("every 1 month", "Europe/Berlin")).value();
  EXPECT_EQ(ticks.Next(At("2026-03-15"))->interval, (Interval{At("2026-02-28 23:00"), At("2026-03-31 22:00")}));
}

TEST(TicksTest, NothingIsSaidPastTheDatabase) {
  EXPECT_EQ(Next(Spec("0 0 1 1 *"), "2036-06-01", 9), "2037-01-01 00:00 +00:00");
  EXPECT_EQ(Next(Spec("* * * * *"), "2037-12-31 23:59", 9), "2037-12-31 23:59 +00:00");
  EXPECT_EQ(Next(Spec("0 0 1 1 *"), "9999-01-01", 9), "");
  EXPECT_EQ(Next(Spec("every 1h"), "2037-12-31 23:00", 9), "2037-12-31 23:00 +00:00");
}

TEST(TicksTest, BeforeAnyTickOfTheDatabaseTimeGoesOnToo) {
  EXPECT_EQ(Next(Spec("0 0 * * *", "Europe/Berlin"), "1950-01-01 12:00", 1), "1950-01-02 00:00 +01:00");
  EXPECT_NE(Next(Spec("0 0 * * *", "Europe/Berlin"), "0001-01-01", 1), "");
}

TEST(TicksTest, FinishByIsTheNextSuchTimeOnTheWall) {
  ScheduleSpec spec = Spec("0 6 * * *", "Europe/Berlin");
  spec.finish_by_minute = 7 * 60 + 30;
  const auto finish_by = [](const ScheduleSpec& s, std::string_view from) {
    const Ticks ticks = Ticks::Make(s).value();
    return FormatTimestamp(*ticks.FinishBy(*ticks.Next(At(from))));
  };
  EXPECT_EQ(finish_by(spec, "2026-03-28 12:00"), "2026-03-29 05:30:00");
  EXPECT_EQ(finish_by(spec, "2026-01-10 12:00"), "2026-01-11 06:30:00");
  spec.when = ParseCron("0 22 * * *").value();
  EXPECT_EQ(finish_by(spec, "2026-01-10 12:00"), "2026-01-11 06:30:00") << "the next morning";
  spec.when = ParseCron("30 7 * * *").value();
  EXPECT_EQ(finish_by(spec, "2026-01-10 12:00"), "2026-01-12 06:30:00") << "never the tick itself";
  EXPECT_EQ(Ticks::Make(Spec("0 6 * * *"))->FinishBy({}), std::nullopt);
}

TEST(TicksTest, ClockChangesAreThoseOfTheLocalDay) {
  const Ticks berlin = Ticks::Make(Spec("0 6 * * *", "Europe/Berlin")).value();
  EXPECT_EQ(berlin.ChangesOnDayOf(At("2026-03-29 04:00")), (std::vector<ClockChange>{{At("2026-03-29 01:00"), 3600, 7200}}));
  EXPECT_EQ(berlin.ChangesOnDayOf(At("2026-10-25 05:00")), (std::vector<ClockChange>{{At("2026-10-25 01:00"), 7200, 3600}}));
  EXPECT_TRUE(berlin.ChangesOnDayOf(At("2026-03-28 05:00")).empty());
  EXPECT_TRUE(berlin.ChangesOnDayOf(At("2026-03-30 04:00")).empty());
  EXPECT_EQ(Ticks::Make(Spec("0 6 * * *", "Pacific/Apia"))->ChangesOnDayOf(At("2011-12-30 16:00")).size(), 1u);
}

TEST(TicksTest, JitterIsAFunctionOfScheduleTickAndSeed) {
  const std::int64_t tick = At("2026-03-29 04:00"), ten_minutes = 600 * kSecond;
  EXPECT_EQ(JitterMicros("score", tick, 0, 1), 0);
  EXPECT_EQ(JitterMicros("score", tick, ten_minutes, 1), JitterMicros("score", tick, ten_minutes, 1));
  EXPECT_NE(JitterMicros("score", tick, ten_minutes, 1), JitterMicros("score", tick, ten_minutes, 2));
  EXPECT_NE(JitterMicros("score", tick, ten_minutes, 1), JitterMicros("score", tick + kHour, ten_minutes, 1));
  EXPECT_NE(JitterMicros("score/aster", tick, ten_minutes, 1), JitterMicros("score/bolt", tick, ten_minutes, 1));
  std::vector<int> tenths(10);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t delay = JitterMicros("score", tick + i * kHour, ten_minutes, 1);
    ASSERT_GE(delay, 0);
    ASSERT_LT(delay, ten_minutes);
    ++tenths[static_cast<std::size_t>(delay * 10 / ten_minutes)];
  }
  for (const int count : tenths) EXPECT_NEAR(count, 100, 45);
}

TEST(TicksTest, WhatDecidesTheTicksIsInTheirText) {
  const ScheduleSpec spec = From(Spec("0 6 * * *", "Europe/Berlin"), "2026-01-01");
  const auto changed = [&](auto change) { ScheduleSpec other = spec; change(other); return TickText(other) != TickText(spec); };
  EXPECT_FALSE(changed([](ScheduleSpec&) {}));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.when = ParseCron("0 7 * * *").value(); }));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.when = ParsePeriod("1 day").value(); }));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.timezone = "UTC"; }));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.start_local_s.reset(); }));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.end_local_s = 0; }));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.missing = ScheduleSpec::Missing::kSkip; }));
  EXPECT_TRUE(changed([](ScheduleSpec& s) { s.repeated = ScheduleSpec::Repeated::kLast; }));
  EXPECT_FALSE(changed([](ScheduleSpec& s) { s.parallel = 7; s.jitter_us = 5; s.catch_up = ScheduleSpec::CatchUp::kAll; }));
}

TEST(LocalTimesTest, PeriodsGoBackBeforeTheirAnchorToo) {
  const auto next = [](const char* period, std::string_view anchor, std::string_view from) {
    return FormatTimestamp(NextLocal(ParsePeriod(period).value(), At(anchor) / kSecond, At(from) / kSecond) * kSecond);
  };
  EXPECT_EQ(next("1 month", "2026-01-31", "2025-02-01"), "2025-02-28 00:00:00");
  EXPECT_EQ(next("1 month", "2026-01-31", "1960-02-29 00:00:01"), "1960-03-31 00:00:00");
  EXPECT_EQ(next("1 quarter", "2026-01-15 06:00", "1969-12-31"), "1970-01-15 06:00:00");
  EXPECT_EQ(next("2 weeks", "2026-01-05", "2025-12-20"), "2025-12-22 00:00:00");
}

TEST(LocalTimesTest, RareDaysAreFoundAndLookedForOnlySoFar) {
  const auto next = [](const char* cron, std::string_view from) {
    const std::optional<std::int64_t> found = NextLocal(ParseCron(cron).value(), At(from) / kSecond);
    return found ? FormatTimestamp(*found * kSecond) : "none";
  };
  EXPECT_EQ(next("0 0 29 2 *", "1896-03-01"), "1904-02-29 00:00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2096-03-01"), "2104-02-29 00:00:00");
  EXPECT_EQ(next("0 0 */28 2 */6", "2001-01-01"), "2003-02-01 00:00:00");
  EXPECT_EQ(next("59 23 31 12 *", "2026-12-31 23:59:01"), "2027-12-31 23:59:00");
}

// What is due, given what was handled and the time.

class DueTest : public ::testing::Test {
 protected:
  DueTest() { spec_ = Spec("0 6 * * *"); memory_.since_us = At("2026-01-01"); }

  std::string Due(std::string_view now, std::size_t limit = 1000) {
    const Ticks ticks = Ticks::Make(spec_).value();
    last_ = TicksDue(ticks, "score", 1, memory_, At(now), 60 * kSecond, limit);
    std::string out;
    for (const Tick& tick : last_.ticks) out += StrCat(out.empty() ? "" : ", ", FormatTimestamp(tick.at_us).substr(5, 11));
    return out;
  }
  void Remember() { memory_.handled_us = last_.handled_us; }

  ScheduleSpec spec_;
  ScheduleMemory memory_;
  DueTicks last_;
};

TEST_F(DueTest, ATickIsDueAtItsMomentAndOnce) {
  EXPECT_EQ(Due("2026-01-01 05:59:59"), "");
  EXPECT_EQ(Due("2026-01-01 06:00"), "01-01 06:00");
  EXPECT_EQ(Due("2026-01-01 06:00"), "01-01 06:00") << "asked again before it was remembered";
  Remember();
  EXPECT_EQ(Due("2026-01-01 06:00"), "");
  EXPECT_EQ(Due("2026-01-02 05:00"), "");
}

TEST_F(DueTest, CatchUpDecidesWhatIsMadeUpFor) {
  using enum ScheduleSpec::CatchUp;
  EXPECT_EQ(Due("2026-01-04 12:00"), "01-04 06:00");
  EXPECT_EQ(last_.passed_over, 3);
  spec_.catch_up = kAll;
  EXPECT_EQ(Due("2026-01-04 12:00"), "01-01 06:00, 01-02 06:00, 01-03 06:00, 01-04 06:00");
  EXPECT_EQ(last_.passed_over, 0);
  spec_.catch_up = kNone;
  EXPECT_EQ(Due("2026-01-04 12:00"), "");
  EXPECT_EQ(last_.passed_over, 4);
  EXPECT_EQ(Due("2026-01-04 06:01"), "01-04 06:00") << "a minute late is on time";
  EXPECT_EQ(Due("2026-01-04 06:01:01"), "");
  EXPECT_EQ(last_.handled_us, At("2026-01-04 06:00"));
}

TEST_F(DueTest, AllComesInPortions) {
  spec_.catch_up = ScheduleSpec::CatchUp::kAll;
  EXPECT_EQ(Due("2026-01-04 12:00", 3), "01-01 06:00, 01-02 06:00, 01-03 06:00");
  EXPECT_TRUE(last_.more);
  Remember();
  EXPECT_EQ(Due("2026-01-04 12:00", 3), "01-04 06:00");
  EXPECT_FALSE(last_.more);
  spec_.when = ParseCron("* * * * *").value();
  memory_.handled_us.reset();
  Due("2026-01-02", 100'000);
  EXPECT_EQ(last_.ticks.size(), 1440u);
  spec_.catch_up = ScheduleSpec::CatchUp::kLatest;
  EXPECT_EQ(Due("2026-12-31"), "12-31 00:00");
  EXPECT_EQ(last_.passed_over, 364 * 1440 - 1);
}

TEST_F(DueTest, TicksOfAPauseAreNeverMadeUpFor) {
  spec_.catch_up = ScheduleSpec::CatchUp::kAll;
  memory_.paused = {{At("2026-01-02 06:00"), At("2026-01-04 06:00")}};
  EXPECT_EQ(Due("2026-01-05 12:00"), "01-01 06:00, 01-04 06:00, 01-05 06:00");
  EXPECT_EQ(last_.passed_over, 2);
  memory_.paused = {{At("2026-01-01"), At("2027-01-01")}};
  EXPECT_EQ(Due("2026-01-05 12:00"), "");
  EXPECT_EQ(last_.handled_us, At("2026-01-05 06:00"));
}

TEST_F(DueTest, AnEditMakesNoTickInThePast) {
  EXPECT_EQ(Due("2026-01-03 12:00"), "01-03 06:00");
  Remember();
  spec_.when = ParseCron("0 11 * * *").value();
  memory_.since_us = At("2026-01-03 12:00");
  spec_.catch_up = ScheduleSpec::CatchUp::kAll;
  EXPECT_EQ(Due("2026-01-03 12:00"), "");
  EXPECT_EQ(Due("2026-01-04 11:00"), "01-04 11:00");
  spec_.when = ParseCron("* * * * *").value();
  EXPECT_EQ(Due("2026-01-03 12:02"), "01-03 12:01, 01-03 12:02");
}

TEST_F(DueTest, AScheduleSeenForTheFirstTimeOwesNothing) {
  memory_.since_us = At("2026-05-01 12:00");
  spec_.catch_up = ScheduleSpec::CatchUp::kAll;
  EXPECT_EQ(Due("2026-05-01 12:00"), "");
  EXPECT_EQ(Due("2026-05-02 12:00"), "05-02 06:00");
}

TEST_F(DueTest, AClockThatGoesBackRepeatsNothing) {
  Due("2026-01-10 12:00");
  Remember();
  EXPECT_EQ(Due("2026-01-09 12:00"), "");
  EXPECT_EQ(Due("2025-01-01"), "");
  Remember();
  EXPECT_EQ(Due("2026-01-10 12:00"), "");
  EXPECT_EQ(Due("2026-01-11 06:00"), "01-11 06:00");
}

TEST_F(DueTest, JitterDelaysAndKeepsTheOrder) {
  spec_.jitter_us = kHour;
  const std::int64_t tick = At("2026-01-01 06:00"), delay = JitterMicros("score", tick, kHour, 1);
  ASSERT_GT(delay, 0);
  const Ticks ticks = Ticks::Make(spec_).value();
  EXPECT_TRUE(TicksDue(ticks, "score", 1, memory_, tick + delay - 1).ticks.empty());
  EXPECT_EQ(TicksDue(ticks, "score", 1, memory_, tick + delay).ticks.size(), 1u);
  spec_.when = ParseCron("* * * * *").value();
  spec_.catch_up = ScheduleSpec::CatchUp::kAll;
  const Ticks dense = Ticks::Make(spec_).value();
  std::int64_t handled = memory_.since_us;
  std::size_t seen = 0;
  for (std::int64_t now = memory_.since_us; now < memory_.since_us + 6 * kHour; now += 30 * kSecond) {
    memory_.handled_us = handled;
    for (const Tick& t : TicksDue(dense, "score", 1, memory_, now).ticks) {
      EXPECT_EQ(t.at_us, memory_.since_us + static_cast<std::int64_t>(++seen) * 60 * kSecond);
      handled = t.at_us;
    }
  }
  EXPECT_GT(seen, 200u);
}

TEST_F(DueTest, OneWindowAtATimeOrAllAtOnceGivesTheSameTicks) {
  spec_ = Spec("*/20 1-3 * * *", "Europe/Berlin", "both");
  spec_.catch_up = ScheduleSpec::CatchUp::kAll;
  memory_.since_us = At("2026-03-27");
  const Ticks ticks = Ticks::Make(spec_).value();
  const std::int64_t end = At("2026-10-27");
  std::vector<std::int64_t> whole, steps;
  for (const Tick& tick : TicksDue(ticks, "s", 1, memory_, end, 0, 1'000'000).ticks) whole.push_back(tick.at_us);
  for (std::int64_t now = memory_.since_us; now <= end; now += 3571 * kSecond) {
    const DueTicks due = TicksDue(ticks, "s", 1, memory_, now);
    for (const Tick& tick : due.ticks) steps.push_back(tick.at_us);
    memory_.handled_us = due.handled_us;
  }
  for (const Tick& tick : TicksDue(ticks, "s", 1, memory_, end).ticks) steps.push_back(tick.at_us);
  EXPECT_EQ(whole, steps);
  EXPECT_GT(whole.size(), 1900u);
}

}  // namespace
}  // namespace headrace
