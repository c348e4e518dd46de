#include "headrace/schedule/windows.h"

#include "headrace/schedule/ticks.h"

namespace headrace {

Result<std::vector<Interval>> WindowsBetween(ScheduleSpec spec, std::int64_t from_local_s, std::int64_t to_local_s, std::int64_t now_us, std::size_t limit) {
  spec.end_local_s.reset();
  if (std::holds_alternative<CronExpression>(spec.when)) spec.start_local_s.reset();
  ASSIGN_OR_RETURN(const Ticks ticks, Ticks::Make(spec));
  const std::int64_t from_us = ticks.zone().ToUtc(from_local_s) * 1'000'000, to_us = ticks.zone().ToUtc(to_local_s) * 1'000'000;
  std::vector<Interval> windows;
  std::int64_t after_us = from_us;       // a window that begins at `from` ends at a later tick
  while (true) {
    const std::optional<Tick> tick = ticks.Next(after_us);
    if (!tick || tick->interval.start_us >= to_us || tick->at_us > now_us) return windows;
    after_us = tick->at_us;
    if (tick->interval.start_us < from_us) continue;
    if (windows.size() == limit) return Error(ErrorCode::kInvalid, "more than ", limit, " windows").WithHelp("take a shorter stretch of time, or longer windows with --every");
    windows.push_back(tick->interval);
  }
}

ScheduleSpec EverySpec(const Period& every, const std::string& timezone, std::int64_t from_local_s) {
  ScheduleSpec spec;
  spec.when = every;
  spec.timezone = timezone;
  spec.start_local_s = from_local_s;
  return spec;
}

}  // namespace headrace
