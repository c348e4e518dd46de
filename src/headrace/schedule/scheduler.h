#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/pipeline/schedule_spec.h"
#include "headrace/schedule/due.h"
#include "headrace/schedule/ticks.h"
#include "headrace/store/run_queue.h"

namespace headrace {

/// What the schedules ask for at a moment.
struct DueRequests {
  std::vector<RunRequest> requests;      ///< by tick, then pipeline and tenant
  std::vector<ScheduleMark> marks;       ///< those that changed: to be remembered with the requests, in one transaction
  struct PassedOver { std::string pipeline, tenant; std::int64_t ticks = 0; bool paused = false; };
  std::vector<PassedOver> passed_over;   ///< ticks that `catch_up` or a pause left out
  std::optional<std::int64_t> next_us;   ///< when the next tick is due
};

/// A project's schedules, made ready to be asked. Decides which runs are due, starts nothing, holds no clock.
///
/// Every pipeline and tenant has a memory of its own (ScheduleMark). One that is new, or whose times were edited, begins at `now_us`: no tick in the past.
///
/// Threads: immutable; any number may ask.
class Scheduler {
 public:
  Scheduler() = default;                 ///< no schedules: nothing is ever due
  /// kInvalid when the machine does not know a zone. `environment` is that of the requests.
  static Result<Scheduler> Make(const std::vector<PipelineSchedule>& schedules, std::string environment);

  /// Pure: the same marks, pauses and moment give the same requests, with the same ids.
  DueRequests Due(const std::vector<ScheduleMark>& marks, const std::vector<SchedulePause>& pauses, std::int64_t now_us) const;

  /// The schedule of a pipeline and tenant; nullptr when it has none (any more).
  const ScheduleSpec* Find(std::string_view pipeline, std::string_view tenant) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry { std::string pipeline, tenant; Ticks ticks; };
  std::vector<Entry> entries_;
  std::string environment_;
};

/// Id of the request of a schedule's tick: "score/acme@2026-03-02T06:00:00Z".
std::string TickRequestId(std::string_view pipeline, std::string_view tenant, std::int64_t tick_us);

}  // namespace headrace
