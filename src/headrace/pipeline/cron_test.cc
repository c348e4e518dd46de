#include "headrace/pipeline/cron.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

namespace headrace {
namespace {

/// "0,5-7": the members of a set.
std::string Members(std::uint64_t set) {
  std::string out;
  while (set != 0) {
    const int low = std::countr_zero(set), length = std::countr_one(set >> low);
    out += StrCat(out.empty() ? "" : ",", low, length > 1 ? StrCat("-", low + length - 1) : "");
    set &= length == 64 ? 0 : ~(((1ULL << length) - 1) << low);
  }
  return out;
}

std::string Shown(const std::string& text) {
  const Result<CronExpression> cron = ParseCron(text);
  if (!cron.ok()) return cron.status().message();
  return StrCat(Members(cron->minutes), " ", Members(cron->hours), " ", Members(cron->days), " ", Members(cron->months), " ", Members(cron->weekdays), cron->either_day ? " either" : "", cron->real_time ? " real" : "");
}

struct Accepted { const char *text, *sets; };
constexpr Accepted kAccepted[] = {
    {"* * * * *", "0-59 0-23 1-31 1-12 0-6 real"},
    {"0 6 * * *", "0 6 1-31 1-12 0-6"},
    {"  0\t6 *  * *\n", "0 6 1-31 1-12 0-6"},
    {"00 06 01 01 *", "0 6 1 1 0-6"},
    {"0,30 6 * * *", "0,30 6 1-31 1-12 0-6"},
    {"0 9-17 * * *", "0 9-17 1-31 1-12 0-6"},
    {"*/20 6 * * *", "0,20,40 6 1-31 1-12 0-6"},
    {"10-50/20 6 * * *", "10,30,50 6 1-31 1-12 0-6"},
    {"5/20 6 * * *", "5,25,45 6 1-31 1-12 0-6"},
    {"*/59 6 * * *", "0,59 6 1-31 1-12 0-6"},
    {"0-5,10,20-40/10 6 * * *", "0-5,10,20,30,40 6 1-31 1-12 0-6"},
    {"0 */6 * * *", "0 0,6,12,18 1-31 1-12 0-6 real"},
    {"0 1-23/2 * * *", "0 1,3,5,7,9,11,13,15,17,19,21,23 1-31 1-12 0-6 real"},
    {"0 6,*/12 * * *", "0 0,6,12 1-31 1-12 0-6 real"},
    {"0 0 1-7 * *", "0 0 1-7 1-12 0-6"},
    {"0 0 * JAN *", "0 0 1-31 1 0-6"},
    {"0 0 * jan,Dec *", "0 0 1-31 1,12 0-6"},
    {"0 0 * mar-may *", "0 0 1-31 3-5 0-6"},
    {"0 0 * */3 *", "0 0 1-31 1,4,7,10 0-6"},
    {"0 0 * JUN-NOV/2 *", "0 0 1-31 6,8,10 0-6"},
    {"0 0 * * MON", "0 0 1-31 1-12 1"},
    {"0 0 * * 0", "0 0 1-31 1-12 0"},
    {"0 0 * * 7", "0 0 1-31 1-12 0"},
    {"0 0 * * SUN", "0 0 1-31 1-12 0"},
    {"0 0 * * 5-7", "0 0 1-31 1-12 0,5-6"},
    {"0 0 * * FRI-SUN", "0 0 1-31 1-12 0,5-6"},
    {"0 0 * * MON-FRI", "0 0 1-31 1-12 1-5"},
    {"0 0 * * 0-7", "0 0 1-31 1-12 0-6"},
    {"0 0 * * SUN-TUE", "0 0 1-31 1-12 0-2"},
    {"0 0 * * */2", "0 0 1-31 1-12 0,2,4,6"},
    {"0 0 * * 1,3,5", "0 0 1-31 1-12 1,3,5"},
    {"0 0 13 * FRI", "0 0 13 1-12 5 either"},
    {"0 0 */2 * FRI", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 1-12 5"},
    {"0 0 13 * */2", "0 0 13 1-12 0,2,4,6"},
    {"0 0 *,13 * FRI", "0 0 1-31 1-12 5"},
    {"0 0 29 2 *", "0 0 29 2 0-6"},
    {"0 0 30,31 1,2 *", "0 0 30-31 1-2 0-6"},
    {"0 0 31 2 MON", "0 0 31 2 1 either"},
    {"@hourly", "0 0-23 1-31 1-12 0-6 real"},
    {"@daily", "0 0 1-31 1-12 0-6"},
    {"@midnight", "0 0 1-31 1-12 0-6"},
    {"@weekly", "0 0 1-31 1-12 0"},
    {"@monthly", "0 0 1 1-12 0-6"},
    {"@yearly", "0 0 1 1 0-6"},
    {"@annually", "0 0 1 1 0-6"},
    {" @Daily ", "0 0 1-31 1-12 0-6"},
};

TEST(CronTest, ExpressionsBecomeSets) {
  for (const Accepted& row : kAccepted) EXPECT_EQ(Shown(row.text), row.sets) << row.text;
}

TEST(CronTest, KeepsTheTextAsWritten) {
  EXPECT_EQ(ParseCron("@daily")->text, "@daily");
  EXPECT_EQ(ParseCron("0  6 * * mon")->text, "0  6 * * mon");
}

/// `at` is the stretch of the text that the error points to.
struct Refused { const char *text, *at, *message, *help; };
constexpr Refused kRefused[] = {
    {"", "", "a cron expression has five fields, got 0", "write minute hour day-of-month month day-of-week"},
    {"0 6 * *", "0 6 * *", "a cron expression has five fields, got 4", "write minute hour"},
    {"0 0 6 * * *", "*", "a cron expression has five fields, got 6", "seconds and years are not part of it"},
    {"0 6 * * * * *", "*", "a cron expression has five fields, got 7", "write minute hour"},
    {"60 6 * * *", "60", "the minute field takes 0 to 59, got `60`", ""},
    {"0 24 * * *", "24", "the hour field takes 0 to 23, got `24`", ""},
    {"0 6 0 * *", "0", "the day-of-month field takes 1 to 31, got `0`", ""},
    {"0 6 32 * *", "32", "the day-of-month field takes 1 to 31, got `32`", ""},
    {"0 6 * 0 *", "0", "the month field takes 1 to 12, or JAN to DEC, got `0`", ""},
    {"0 6 * 13 *", "13", "the month field takes 1 to 12, or JAN to DEC, got `13`", ""},
    {"0 6 * * 8", "8", "the day-of-week field takes 0 to 7, or SUN to SAT, got `8`", ""},
    {"0 6 * * MOM", "MOM", "the day-of-week field takes 0 to 7, or SUN to SAT, got `MOM`", "did you mean `MON`?"},
    {"0 6 * * MONDAY", "MONDAY", "the day-of-week field takes 0 to 7, or SUN to SAT, got `MONDAY`", "did you mean `MON`?"},
    {"0 6 * * MON,THRU", "THRU", "the day-of-week field takes 0 to 7, or SUN to SAT, got `THRU`", "did you mean `THU`?"},
    {"0 6 * * TEU", "TEU", "the day-of-week field takes 0 to 7, or SUN to SAT, got `TEU`", ""},
    {"0 6 * JNA *", "JNA", "the month field takes 1 to 12, or JAN to DEC, got `JNA`", "did you mean `JAN`?"},
    {"0 6 * march *", "march", "the month field takes 1 to 12, or JAN to DEC, got `march`", "did you mean `MAR`?"},
    {"0 6 MON * *", "MON", "the day-of-month field takes 1 to 31, got `MON`", ""},
    {"0 6 * MON *", "MON", "the month field takes 1 to 12, or JAN to DEC, got `MON`", ""},
    {"MON 6 * * *", "MON", "the minute field takes 0 to 59, got `MON`", ""},
    {"-5 6 * * *", "-", "the minute field takes 0 to 59, got ``", ""},
    {"5- 6 * * *", "", "the minute field takes 0 to 59, got ``", ""},
    {"+5 6 * * *", "+5", "the minute field takes 0 to 59, got `+5`", ""},
    {"5.5 6 * * *", "5.5", "the minute field takes 0 to 59, got `5.5`", ""},
    {"0x1 6 * * *", "0x1", "the minute field takes 0 to 59, got `0x1`", ""},
    {"99999999999999999999 6 * * *", "99999999999999999999", "the minute field takes 0 to 59, got `99999999999999999999`", ""},
    {"50-10 6 * * *", "50-10", "the minute field takes a range that goes up, got `50-10`", "write `50-59,0-10`"},
    {"0 22-2 * * *", "22-2", "the hour field takes a range that goes up, got `22-2`", "write `22-23,0-2`"},
    {"0 6 * NOV-FEB *", "NOV-FEB", "the month field takes a range that goes up, got `NOV-FEB`", "write `NOV-12,1-FEB`"},
    {"0 6 * * FRI-MON", "FRI-MON", "the day-of-week field takes a range that goes up, got `FRI-MON`", "write `FRI-6,0-MON`"},
    {"0 6 * * 5-0", "5-0", "the day-of-week field takes a range that goes up, got `5-0`", "write `5-6,0-0`"},
    {"*/0 6 * * *", "0", "the minute field takes a step of 1 to 59 after `/`, got `0`", ""},
    {"*/60 6 * * *", "60", "the minute field takes a step of 1 to 59 after `/`, got `60`", ""},
    {"*/ 6 * * *", "", "the minute field takes a step of 1 to 59 after `/`, got ``", ""},
    {"*/x 6 * * *", "x", "the minute field takes a step of 1 to 59 after `/`, got `x`", ""},
    {"*/5/5 6 * * *", "5/5", "the minute field takes a step of 1 to 59 after `/`, got `5/5`", ""},
    {"0 */24 * * *", "24", "the hour field takes a step of 1 to 23 after `/`, got `24`", ""},
    {"/5 6 * * *", "/", "the minute field takes 0 to 59, got ``", ""},
    {"*5 6 * * *", "*5", "the minute field takes 0 to 59, got `*5`", ""},
    {"** 6 * * *", "**", "the minute field takes 0 to 59, got `**`", ""},
    {"*-5 6 * * *", "*", "the minute field takes 0 to 59, got `*`", ""},
    {"1-2-3 6 * * *", "2-3", "the minute field takes 0 to 59, got `2-3`", ""},
    {",5 6 * * *", ",", "the minute field has an empty place in its list", "remove a comma"},
    {"5, 6 * * *", "", "the minute field has an empty place in its list", "remove a comma"},
    {"5,,6 6 * * *", ",", "the minute field has an empty place in its list", "remove a comma"},
    {"0 6 ? * MON", "?", "the day-of-month field takes 1 to 31, got `?`", "write `*`"},
    {"0 6 L * *", "L", "the day-of-month field takes 1 to 31, got `L`", "`L`, `W` and `#` of other crons are not known here"},
    {"0 6 15W * *", "15W", "the day-of-month field takes 1 to 31, got `15W`", "`L`, `W` and `#` of other crons are not known here"},
    {"0 6 * * 5#2", "5#2", "the day-of-week field takes 0 to 7, or SUN to SAT, got `5#2`", "`L`, `W` and `#` of other crons are not known here"},
    {"0 0 31 2 *", "31", "day 31 never comes in month 2", "for a month's last day use `every: 1 month`"},
    {"0 0 30 FEB *", "30", "day 30 never comes in month FEB", ""},
    {"0 0 31 APR,JUN,SEP,NOV *", "31", "day 31 never comes in month APR,JUN,SEP,NOV", ""},
    {"0 0 31 2 */2", "31", "day 31 never comes in month 2", ""},
    {"@dayly", "@dayly", "there is no `@dayly`; expected one of @hourly, @daily", "did you mean `@daily`?"},
    {"@reboot", "@reboot", "there is no `@reboot`; expected one of", "write minute hour"},
    {"@every 15m", "@every", "there is no `@every`; expected one of", "write `every: 15m` in place of `cron:`"},
    {"@daily 5", "@daily 5", "a cron expression has five fields, got 2", "write minute hour"},
    {"\xC3\xA4 6 * * *", "\xC3\xA4", "the minute field takes 0 to 59, got `\xC3\xA4`", ""},
};

TEST(CronTest, ErrorsNameTheFieldAndPointIntoTheText) {
  for (const Refused& row : kRefused) {
    const Result<CronExpression> cron = ParseCron(row.text);
    ASSERT_FALSE(cron.ok()) << row.text;
    const Status status = cron.status();
    EXPECT_TRUE(status.message().starts_with(row.message)) << row.text << ": " << status.message();
    EXPECT_TRUE(std::string(row.help).empty() ? status.help().empty() || status.help().starts_with("for a month") : status.help().starts_with(row.help)) << row.text << ": " << status.help();
    ASSERT_TRUE(status.span().has_value()) << row.text;
    const std::string text = row.text, at = row.at;
    if (!at.empty()) { EXPECT_EQ(text.substr(status.span()->offset, status.span()->length), at) << row.text; }
  }
}

TEST(CronTest, EveryOneLetterSlipIsReadOrRefusedWithAPlace) {
  const std::string good = "*/5 6-8 1,15 JAN MON";
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int c = 1; c < 256; ++c) {
      std::string text = good;
      text[i] = static_cast<char>(c);
      const Result<CronExpression> cron = ParseCron(text);
      if (cron.ok()) continue;
      ASSERT_TRUE(cron.status().span().has_value()) << text;
      EXPECT_LE(cron.status().span()->offset, text.size()) << text;
    }
}

struct PeriodRow { const char *text, *meaning; };
constexpr PeriodRow kPeriods[] = {
    {"15m", "0 15"}, {"1m", "0 1"}, {"1 min", "0 1"}, {"90 minutes", "0 90"}, {"1 minute", "0 1"}, {"6h", "0 360"}, {"1 hour", "0 60"}, {"36 hours", "0 2160"}, {"24h", "0 1440"},
    {"1d", "1 1"}, {"1 day", "1 1"}, {"10 days", "1 10"}, {"1w", "1 7"}, {"2 weeks", "1 14"}, {" 1  week ", "1 7"},
    {"1 month", "2 1"}, {"6months", "2 6"}, {"1 quarter", "2 3"}, {"2 quarters", "2 6"}, {"1 year", "2 12"}, {"2 years", "2 24"},
    {"", "expected a number and a unit, like 15m, 6h, 1 day, 2 weeks or 1 month, got ``"},
    {"15", "expected a number and a unit, like 15m, 6h, 1 day, 2 weeks or 1 month, got `15`"},
    {"m", "expected a number and a unit, like 15m, 6h, 1 day, 2 weeks or 1 month, got `m`"},
    {"-1h", "expected a number and a unit, like 15m, 6h, 1 day, 2 weeks or 1 month, got `-1h`"},
    {"1.5h", "`.5h` is no unit; expected minutes, hours, days, weeks, months, quarters or years"},
    {"0h", "expected a number from 1 to 1000000, got `0h`"},
    {"2000000d", "expected a number from 1 to 1000000, got `2000000d`"},
    {"99999999999999999999m", "expected a number and a unit, like 15m, 6h, 1 day, 2 weeks or 1 month, got `99999999999999999999m`"},
    {"30s", "`s` is no unit; expected minutes, hours, days, weeks, months, quarters or years"},
    {"1d12h", "`d12h` is no unit; expected minutes, hours, days, weeks, months, quarters or years"},
    {"1 fortnight", "`fortnight` is no unit; expected minutes, hours, days, weeks, months, quarters or years"},
};

TEST(CronTest, PeriodsAreANumberAndAUnit) {
  for (const PeriodRow& row : kPeriods) {
    const Result<Period> period = ParsePeriod(row.text);
    EXPECT_EQ(period.ok() ? StrCat(static_cast<int>(period->unit), " ", period->count) : period.status().message(), row.meaning) << row.text;
    EXPECT_EQ(period.ok(), !period.status().span().has_value()) << row.text;
  }
  EXPECT_EQ(ParsePeriod("1 mnoth").status().help(), "did you mean `month`?");
  EXPECT_EQ(ParsePeriod("1 mnoth").status().span(), (TextSpan{2, 5}));
  EXPECT_EQ(ParsePeriod("30s").status().help(), "the shortest is `1m`");
}

}  // namespace
}  // namespace headrace
