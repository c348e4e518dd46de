#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "headrace/pipeline/cron.h"

namespace headrace {

/// What stands under `schedule:`. docs/schedules.md says what each key does; `schedule/ticks.h` computes with it.
/// Local times are those of `timezone`, counted like UTC ones: seconds since 1970-01-01 00:00:00 on its wall clock.
struct ScheduleSpec {
  std::variant<CronExpression, Period> when;
  std::string timezone = "UTC";                      ///< a name that TimeZone::Find knows
  /// A time of the day that the clock jumps over.
  enum class Missing : std::uint8_t { kRunAtNextValid, kSkip } missing = Missing::kRunAtNextValid;
  /// A time of the day that the clock shows twice.
  enum class Repeated : std::uint8_t { kFirst, kBoth, kLast } repeated = Repeated::kFirst;
  enum class CatchUp : std::uint8_t { kLatest, kAll, kNone } catch_up = CatchUp::kLatest;
  std::optional<std::int64_t> start_local_s;         ///< no tick before it
  std::optional<std::int64_t> end_local_s;           ///< no tick at it or after it
  std::int64_t jitter_us = 0;                        ///< a run starts less than this after its tick
  std::optional<int> finish_by_minute;               ///< of the day, local: when the run of a tick should have ended
  std::int64_t parallel = 1;                         ///< tenants at once
  std::int64_t max_parallel = 1;                     ///< runs of one tenant at once
  /// What happens to a tick while `max_parallel` runs are at work.
  enum class Overlap : std::uint8_t { kQueue, kSkip, kCancel } overlap = Overlap::kQueue;
};

/// The schedule of one pipeline, for the tenants that share it; one whose file says otherwise has an entry of its own.
struct PipelineSchedule {
  std::string pipeline;
  bool by_tenant = false;                            ///< false: one run without a tenant
  std::vector<std::string> tenants;                  ///< sorted
  ScheduleSpec spec;
};

}  // namespace headrace
