#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/base/time_zone.h"
#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schedule_spec.h"

namespace headrace {

/// A moment at which a run is due. Microseconds since 1970-01-01 UTC.
struct Tick {
  std::int64_t at_us = 0;
  Interval interval;                     ///< [the tick before, this tick): half-open, adjacent, never empty
  bool moved = false;                    ///< the clock jumped over its local time; it is the moment of the jump
  bool operator==(const Tick&) const = default;
};

/// The wall clock set forward or back.
struct ClockChange {
  std::int64_t at_us = 0;
  std::int64_t from_offset_s = 0, to_offset_s = 0;
  bool operator==(const ClockChange&) const = default;
};

/// All ticks of one schedule, as functions of the moments handed in: no clock, no state, the same answers always.
///
/// Policy for an expression that names times of the day, and for `every` in days or months:
/// - a local time that exists once is a tick;
/// - one that the clock jumps over is a tick at the moment of the jump, or none (`missing`);
/// - one that the clock shows twice is a tick the first time, the last time, or both (`repeated`);
/// - ticks that fall on one moment are one.
/// An expression with a wildcard or a step in its hour ticks whenever the wall clock shows a matching time; `every` in minutes or
/// hours ticks at equal distances of elapsed time. Neither knows missing or repeated times.
///
/// `every` counts from `start`, or from midnight of Saturday 2000-01-01 (weeks: of Monday 2000-01-03).
///
/// Nothing is said about ticks from TimeZone::kKnownUntil_s on: there are none.
///
/// Threads: immutable; any number may ask.
class Ticks {
 public:
  /// kInvalid when the machine's database does not have the zone.
  static Result<Ticks> Make(const ScheduleSpec& spec);

  /// The first tick after `after_us`; nullopt when there is none.
  std::optional<Tick> Next(std::int64_t after_us) const;
  /// Ticks at or after `from_us` and before `to_us`, at most `limit`.
  std::vector<Tick> Between(std::int64_t from_us, std::int64_t to_us, std::size_t limit) const;

  /// When the run of a tick should have ended: the first `finish_by` on the wall clock after the tick.
  std::optional<std::int64_t> FinishBy(const Tick& tick) const;
  /// Changes of the clock on the local day of `at_us`.
  std::vector<ClockChange> ChangesOnDayOf(std::int64_t at_us) const;

  const TimeZone& zone() const { return zone_; }
  const ScheduleSpec& spec() const { return spec_; }

 private:
  class Walk;
  Ticks(ScheduleSpec spec, TimeZone zone);
  std::optional<std::int64_t> NextLocalTime(std::int64_t local_s) const;
  std::optional<std::int64_t> Before(std::int64_t tick_s) const;

  ScheduleSpec spec_;
  TimeZone zone_;
  std::int64_t anchor_local_s_ = 0;      ///< where `every` counts from
  std::int64_t first_s_, end_s_;         ///< `start` and `end`, UTC; the bounds of int64 and of the database when not given
  bool fixed_times_ = true;              ///< the policies for missing and repeated times apply
};

/// How long after its tick a run starts: in [0, jitter_us), the same for the same schedule, tick and seed. `schedule` is
/// "PIPELINE" or "PIPELINE/TENANT", so that tenants of one schedule spread.
std::int64_t JitterMicros(std::string_view schedule, std::int64_t tick_us, std::int64_t jitter_us, std::uint64_t seed);

/// All that decides when a schedule ticks, as text: when it differs from the recorded one, the schedule was edited.
std::string TickText(const ScheduleSpec& spec);

}  // namespace headrace
