#pragma once

#include <cstdint>
#include <optional>

#include "headrace/pipeline/schedule_spec.h"

namespace headrace {

// The wall clock's side of a schedule: local times, seconds since 1970-01-01 00:00:00 as the clock on the wall counts,
// in a calendar without clock changes. What those do to them is in ticks.h. Pure functions.

/// The first local time >= `local_s` that `cron` matches; nullopt when none comes in the next 50 years (odd days of weeks
/// in leap years). Jumps from field to field: it never walks minutes.
std::optional<std::int64_t> NextLocal(const CronExpression& cron, std::int64_t local_s);

/// The first of `anchor_s`, one period later or earlier, two periods ... that is >= `local_s`. Months keep the anchor's day, or
/// take their last when it is missing. REQUIRES: a period of days or months.
std::int64_t NextLocal(const Period& period, std::int64_t anchor_s, std::int64_t local_s);

}  // namespace headrace
