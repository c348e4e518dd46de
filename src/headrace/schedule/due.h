#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "headrace/schedule/ticks.h"

namespace headrace {

/// What the caller remembers of a schedule. Microseconds since 1970-01-01 UTC.
struct ScheduleMemory {
  /// When the schedule, as it reads now, was first seen: ticks up to then are none of its own. Set to the time of the edit when
  /// TickText changes, so that an edit never makes a tick in the past.
  std::int64_t since_us = 0;
  std::optional<std::int64_t> handled_us;            ///< DueTicks::handled_us of the last call that was acted upon
  std::vector<Interval> paused;                      ///< half-open; end_us past now while the pause lasts. Their ticks are not made up for
};

struct DueTicks {
  std::vector<Tick> ticks;                           ///< for each, a run is due; oldest first
  std::int64_t passed_over = 0;                      ///< ticks that `catch_up` or a pause left out
  std::int64_t handled_us = 0;                       ///< to be remembered once the runs are recorded
  bool more = false;                                 ///< `limit` was reached: act on these, then ask again
};

/// Which ticks are due at `now_us`. Pure: the same memory and moment give the same ticks, so a scheduler that dies between asking
/// and remembering asks again and gets the same (runs are told apart by pipeline, tenant and interval).
///
/// A tick is due once its time and its jitter (`name`, `seed`: see JitterMicros) have passed; one that is due waits for those before it.
/// `catch_up: all` gives every tick since the last one handled, `latest` the newest only, `none` the newest only if it is at most
/// `grace_us` late. A clock that went back gives nothing until it is past the last tick handled.
DueTicks TicksDue(const Ticks& ticks, std::string_view name, std::uint64_t seed, const ScheduleMemory& memory, std::int64_t now_us,
                  std::int64_t grace_us = 60'000'000, std::size_t limit = 1000);

}  // namespace headrace
