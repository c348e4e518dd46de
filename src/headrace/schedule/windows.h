#pragma once

#include <cstdint>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schedule_spec.h"

namespace headrace {

/// The data intervals of a schedule that begin at or after `from_local_s` and before `to_local_s`, local times of its zone, and end by `now_us`; oldest first. Its
/// `start` only says where `every` counts from, its `end` nothing. Many: at most `limit`, then kInvalid.
Result<std::vector<Interval>> WindowsBetween(ScheduleSpec spec, std::int64_t from_local_s, std::int64_t to_local_s, std::int64_t now_us, std::size_t limit = 100'000);

/// Distances of `every` from `from_local_s` on: the schedule of a backfill that names its own windows.
ScheduleSpec EverySpec(const Period& every, const std::string& timezone, std::int64_t from_local_s);

}  // namespace headrace
