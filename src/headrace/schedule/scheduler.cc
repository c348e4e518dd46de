#include "headrace/schedule/scheduler.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "headrace/table/value.h"

namespace headrace {

namespace {
std::string NameOf(std::string_view pipeline, std::string_view tenant) { return tenant.empty() ? std::string(pipeline) : StrCat(pipeline, "/", tenant); }

RunRequest RequestOf(const Ticks& ticks, const Tick& tick, const std::string& pipeline, const std::string& tenant, std::int64_t now_us) {
  RunRequest request;
  request.id = TickRequestId(pipeline, tenant, tick.at_us);
  request.origin = "schedule";
  request.pipeline = pipeline;
  request.tenant = tenant;
  request.interval_start_us = tick.interval.start_us;
  request.interval_end_us = tick.interval.end_us;
  request.entered_us = now_us;
  request.position = tick.at_us;
  request.finish_by_us = ticks.FinishBy(tick).value_or(0);
  return request;
}
}  // namespace

std::string TickRequestId(std::string_view pipeline, std::string_view tenant, std::int64_t tick_us) {
  return StrCat(NameOf(pipeline, tenant), "@", ReplaceAll(FormatTimestamp(tick_us), " ", "T"), "Z");
}

Result<Scheduler> Scheduler::Make(const std::vector<PipelineSchedule>& schedules, std::string environment) {
  Scheduler made;
  made.environment_ = std::move(environment);
  for (const PipelineSchedule& schedule : schedules) {
    ASSIGN_OR_RETURN(const Ticks ticks, Ticks::Make(schedule.spec));
    if (!schedule.by_tenant) made.entries_.push_back({schedule.pipeline, "", ticks});
    for (const std::string& tenant : schedule.tenants) made.entries_.push_back({schedule.pipeline, tenant, ticks});
  }
  return made;
}

const ScheduleSpec* Scheduler::Find(std::string_view pipeline, std::string_view tenant) const {
  for (const Entry& entry : entries_)
    if (entry.pipeline == pipeline && entry.tenant == tenant) return &entry.ticks.spec();
  return nullptr;
}

DueRequests Scheduler::Due(const std::vector<ScheduleMark>& marks, const std::vector<SchedulePause>& pauses, std::int64_t now_us) const {
  constexpr std::uint64_t kSeed = 0;
  std::map<std::pair<std::string_view, std::string_view>, const ScheduleMark*> known;
  for (const ScheduleMark& mark : marks) known[{mark.pipeline, mark.tenant}] = &mark;
  DueRequests due;
  for (const Entry& entry : entries_) {
    const std::string name = NameOf(entry.pipeline, entry.tenant);
    ScheduleMark mark{entry.pipeline, entry.tenant, TickText(entry.ticks.spec()), now_us, now_us};
    const auto found = known.find({entry.pipeline, entry.tenant});
    if (found == known.end() || found->second->tick_text != mark.tick_text) {
      due.marks.push_back(mark);             // new, or its times were edited: it begins now
    } else {
      mark = *found->second;
      ScheduleMemory memory{mark.since_us, mark.handled_us, {}};
      bool paused = false;
      for (const SchedulePause& pause : pauses) {
        if (pause.pipeline != entry.pipeline || (pause.tenant != "*" && pause.tenant != entry.tenant)) continue;
        memory.paused.push_back({pause.from_us, pause.until_us});
        paused = paused || pause.until_us > mark.handled_us;
      }
      const DueTicks ticks = TicksDue(entry.ticks, name, kSeed, memory, now_us);
      for (const Tick& tick : ticks.ticks) {
        due.requests.push_back(RequestOf(entry.ticks, tick, entry.pipeline, entry.tenant, now_us));
        due.requests.back().environment = environment_;
      }
      if (ticks.passed_over > 0) due.passed_over.push_back({entry.pipeline, entry.tenant, ticks.passed_over, paused});
      if (ticks.handled_us != mark.handled_us) {
        mark.handled_us = ticks.handled_us;
        due.marks.push_back(mark);
      }
      if (ticks.more) due.next_us = now_us;
    }
    const std::optional<Tick> next = entry.ticks.Next(mark.handled_us);
    if (!next) continue;
    const std::int64_t next_us = next->at_us + JitterMicros(name, next->at_us, entry.ticks.spec().jitter_us, kSeed);
    due.next_us = std::min(due.next_us.value_or(next_us), next_us);
  }
  const auto order = [](const RunRequest& request) { return std::tie(request.position, request.pipeline, request.tenant); };
  std::sort(due.requests.begin(), due.requests.end(), [&](const RunRequest& a, const RunRequest& b) { return order(a) < order(b); });
  return due;
}

}  // namespace headrace
