#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/base/status.h"

namespace headrace {

/// A cron expression of five fields (minute, hour, day of month, month, day of week) as sets of numbers: bit n of a set
/// stands for n. docs/schedules.md has the syntax.
///
/// The parser stands in this room, left of `schedule`, because an error in a pipeline file must point into the text.
struct CronExpression {
  std::string text;                      ///< as written
  std::uint64_t minutes = 0;             ///< 0 to 59
  std::uint32_t hours = 0;               ///< 0 to 23
  std::uint32_t days = 0;                ///< 1 to 31
  std::uint32_t months = 0;              ///< 1 to 12
  std::uint32_t weekdays = 0;            ///< 0 to 6, Sunday is 0
  /// Vixie cron's rule: when neither day field begins with `*`, a day is meant when either matches, otherwise when both do.
  bool either_day = false;
  /// The hour is `*` or holds a step: ticks are every moment at which the wall clock shows such a time, so they keep their
  /// distance through a clock change. Others are times of the day, to which the policies of the schedule apply.
  bool real_time = false;

  bool MatchesDay(unsigned day, unsigned weekday) const {
    const bool by_day = (days >> day & 1) != 0, by_weekday = (weekdays >> weekday & 1) != 0;
    return either_day ? by_day || by_weekday : by_day && by_weekday;
  }
};

/// Parse "30 6 * * MON-FRI", "@daily". kInvalid with the span of the text that is wrong, the field it stands in, what was
/// expected and, for names, the one that was likely meant. Also refused: days that never come (31 in February only).
Result<CronExpression> ParseCron(std::string_view text);

/// A distance between ticks: `every: 15m`, `every: 2 weeks`, `every: 1 month`.
struct Period {
  enum class Unit : std::uint8_t {
    kMinutes,                            ///< elapsed time, whatever the wall clock does
    kDays,                               ///< days of the calendar: the same local time each
    kMonths,                             ///< months of the calendar: the same day, or the month's last
  };
  std::string text;                      ///< as written
  Unit unit = Unit::kMinutes;
  std::int64_t count = 1;                ///< at least 1
};

/// A number and a unit: m(inutes), h(ours), d(ays), w(eeks), month(s), quarter(s), y(ears).
Result<Period> ParsePeriod(std::string_view text);

}  // namespace headrace
