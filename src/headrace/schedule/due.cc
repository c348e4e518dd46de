#include "headrace/schedule/due.h"

#include <algorithm>

namespace headrace {

DueTicks TicksDue(const Ticks& ticks, std::string_view name, std::uint64_t seed, const ScheduleMemory& memory, std::int64_t now_us, std::int64_t grace_us, std::size_t limit) {
  using enum ScheduleSpec::CatchUp;
  constexpr std::size_t kBlock = 256;
  const ScheduleSpec& spec = ticks.spec();
  DueTicks due;
  due.handled_us = std::max(memory.since_us, memory.handled_us.value_or(memory.since_us));
  const auto is_paused = [&](const Tick& tick) {
    return std::any_of(memory.paused.begin(), memory.paused.end(), [&](const Interval& pause) { return tick.at_us >= pause.start_us && tick.at_us < pause.end_us; });
  };
  std::int64_t jitter_us = 0;            // of the newest tick in `due`
  for (bool waiting = false; !waiting;) {
    const std::vector<Tick> block = ticks.Between(due.handled_us + 1, now_us + 1, kBlock);
    for (const Tick& tick : block) {
      const std::int64_t delay_us = JitterMicros(name, tick.at_us, spec.jitter_us, seed);
      waiting = tick.at_us + delay_us > now_us;
      if (waiting) break;
      if (spec.catch_up == kAll && due.ticks.size() == limit) {
        due.more = waiting = true;
        break;
      }
      due.handled_us = tick.at_us;
      if (is_paused(tick)) {
        ++due.passed_over;
        continue;
      }
      if (spec.catch_up != kAll && !due.ticks.empty()) {
        ++due.passed_over;
        due.ticks.clear();
      }
      due.ticks.push_back(tick);
      jitter_us = delay_us;
    }
    if (block.size() < kBlock) break;
  }
  if (spec.catch_up == kNone && !due.ticks.empty() && now_us - (due.ticks.back().at_us + jitter_us) > grace_us) {
    due.ticks.clear();
    ++due.passed_over;
  }
  return due;
}

}  // namespace headrace
