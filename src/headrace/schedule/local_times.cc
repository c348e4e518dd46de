#include "headrace/schedule/local_times.h"

#include <algorithm>
#include <bit>

#include "headrace/table/value.h"

namespace headrace {
namespace {

constexpr std::int64_t kDay_s = 86'400, kMinutesPerDay = 1440;
constexpr std::int64_t kSearch_days = 50 * 366;

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t CeilDiv(std::int64_t a, std::int64_t b) { return -FloorDiv(-a, b); }

unsigned DaysIn(std::int64_t year, unsigned month) {
  return static_cast<unsigned>((month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1)) - DaysFromCivil(year, month, 1));
}

/// The smallest member >= `from` of a set, or -1.
int NextMember(std::uint64_t set, std::int64_t from) {
  const std::uint64_t rest = from >= 64 ? 0 : set >> from << from;
  return rest == 0 ? -1 : std::countr_zero(rest);
}

/// The first matching minute of the day >= `minute`, or -1.
std::int64_t NextMinute(const CronExpression& cron, std::int64_t minute) {
  if (minute >= kMinutesPerDay) return -1;
  const std::int64_t hour = minute / 60;
  if ((cron.hours >> hour & 1) != 0)
    if (const int found = NextMember(cron.minutes, minute % 60); found >= 0) return hour * 60 + found;
  const int later = NextMember(cron.hours, hour + 1);
  return later < 0 ? -1 : later * 60 + std::countr_zero(cron.minutes);
}

}  // namespace

std::optional<std::int64_t> NextLocal(const CronExpression& cron, std::int64_t local_s) {
  const std::int64_t from = CeilDiv(local_s, 60);
  std::int64_t day = FloorDiv(from, kMinutesPerDay), minute = from - day * kMinutesPerDay;
  for (const std::int64_t last = day + kSearch_days; day <= last; minute = 0) {
    const Civil civil = CivilFromDays(day);
    if ((cron.months >> civil.month & 1) == 0) {
      day += DaysIn(civil.year, civil.month) - civil.day + 1;
      continue;
    }
    const unsigned weekday = static_cast<unsigned>((day + 4) - FloorDiv(day + 4, 7) * 7);  // 1970-01-01 was a Thursday
    if (cron.MatchesDay(civil.day, weekday))
      if (const std::int64_t found = NextMinute(cron, minute); found >= 0) return (day * kMinutesPerDay + found) * 60;
    ++day;
  }
  return std::nullopt;
}

std::int64_t NextLocal(const Period& period, std::int64_t anchor_s, std::int64_t local_s) {
  if (period.unit == Period::Unit::kDays) {
    const std::int64_t length = period.count * kDay_s;
    return anchor_s + CeilDiv(local_s - anchor_s, length) * length;
  }
  const std::int64_t anchor_day = FloorDiv(anchor_s, kDay_s), time = anchor_s - anchor_day * kDay_s;
  const Civil anchor = CivilFromDays(anchor_day), wanted = CivilFromDays(FloorDiv(local_s, kDay_s));
  const std::int64_t anchor_month = anchor.year * 12 + anchor.month - 1;
  const std::int64_t months = wanted.year * 12 + wanted.month - 1 - anchor_month;
  for (std::int64_t k = CeilDiv(months, period.count);; ++k) {
    const std::int64_t month_index = anchor_month + k * period.count, year = FloorDiv(month_index, 12);
    const unsigned month = static_cast<unsigned>(month_index - year * 12) + 1;
    const std::int64_t at = DaysFromCivil(year, month, std::min(anchor.day, DaysIn(year, month))) * kDay_s + time;
    if (at >= local_s) return at;
  }
}

}  // namespace headrace
