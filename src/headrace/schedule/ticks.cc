// Time is walked span by span: inside a span the offset from UTC is fixed, so local times that match turn into moments by one
// subtraction. Only at the seams is there something to decide. At a span that begins later on the wall clock than the one before
// ended, the local times in between are missing; near a seam, a local time may stand in a second span as well.
#include "headrace/schedule/ticks.h"

#include <algorithm>
#include <limits>

#include "headrace/base/digest.h"
#include "headrace/base/text.h"
#include "headrace/schedule/local_times.h"
#include "headrace/table/value.h"

namespace headrace {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::int64_t kFrom2000_s = 946'684'800, kDay_s = 86'400;

std::int64_t CeilSeconds(std::int64_t us) { return us / kMicros + (us % kMicros > 0 ? 1 : 0); }

bool Shows(const OffsetSpan& span, std::int64_t local_s) { return local_s >= span.begin_s + span.offset_s && local_s < span.end_s + span.offset_s; }

/// Whether the wall clock shows at another moment before (after) `utc_s` what it shows then.
bool ShownBefore(const TimeZone& zone, const OffsetSpan& span, std::int64_t utc_s) {
  const std::int64_t local_s = utc_s + span.offset_s;
  for (OffsetSpan other = span; utc_s - other.begin_s < TimeZone::kLongestOverlap_s;) {
    other = zone.At(other.begin_s - 1);
    if (Shows(other, local_s)) return true;
  }
  return false;
}
bool ShownAfter(const TimeZone& zone, const OffsetSpan& span, std::int64_t utc_s) {
  const std::int64_t local_s = utc_s + span.offset_s;
  for (OffsetSpan other = span; other.end_s - utc_s < TimeZone::kLongestOverlap_s;) {
    other = zone.At(other.end_s);
    if (Shows(other, local_s)) return true;
  }
  return false;
}

}  // namespace

/// Goes through the ticks of a schedule in order, without regard to `start` and `end`.
class Ticks::Walk {
 public:
  struct Step { std::int64_t at_s; bool moved; };

  Walk(const Ticks& ticks, std::int64_t from_s) : ticks_(ticks), span_(ticks.zone_.At(from_s)), from_s_(from_s) {
    jump_to_do_ = span_.begin_s == from_s;
  }

  /// The next tick at or after `from_s`; nullopt when the database ends.
  std::optional<Step> Next() {
    while (from_s_ < TimeZone::kKnownUntil_s) {
      if (jump_to_do_) {
        jump_to_do_ = false;
        if (TicksAtJump()) return Step{span_.begin_s, true};
      }
      const std::optional<std::int64_t> local_s = ticks_.NextLocalTime(from_s_ + span_.offset_s);
      if (!local_s || *local_s - span_.offset_s >= span_.end_s) {
        from_s_ = span_.end_s;
        span_ = ticks_.zone_.At(from_s_);
        jump_to_do_ = true;
        continue;
      }
      const std::int64_t at_s = *local_s - span_.offset_s;
      from_s_ = at_s + 1;
      if (at_s < TimeZone::kKnownUntil_s && Keeps(at_s)) return Step{at_s, false};
    }
    return std::nullopt;
  }

 private:
  /// Of a local time that comes twice, whether this is the one wanted.
  bool Keeps(std::int64_t at_s) const {
    using enum ScheduleSpec::Repeated;
    if (!ticks_.fixed_times_ || ticks_.spec_.repeated == kBoth) return true;
    return ticks_.spec_.repeated == kFirst ? !ShownBefore(ticks_.zone_, span_, at_s) : !ShownAfter(ticks_.zone_, span_, at_s);
  }

  /// Whether the clock jumped over a matching time when this span began, and the jump itself is no tick anyway.
  bool TicksAtJump() const {
    if (!ticks_.fixed_times_ || ticks_.spec_.missing == ScheduleSpec::Missing::kSkip) return false;
    const OffsetSpan before = ticks_.zone_.At(span_.begin_s - 1);
    const std::int64_t landed_s = span_.begin_s + span_.offset_s;
    bool missed = false;
    for (std::optional<std::int64_t> local_s = ticks_.NextLocalTime(span_.begin_s + before.offset_s); local_s && *local_s < landed_s && !missed;
         local_s = ticks_.NextLocalTime(*local_s + 1)) {
      const std::int64_t as_before_s = *local_s - before.offset_s;  // shown at no moment of its own, so both sides are asked
      missed = !ShownBefore(ticks_.zone_, before, as_before_s) && !ShownAfter(ticks_.zone_, before, as_before_s);
    }
    if (!missed) return false;
    const std::optional<std::int64_t> here = ticks_.NextLocalTime(landed_s);
    return !(here && *here == landed_s && Keeps(span_.begin_s));
  }

  const Ticks& ticks_;
  OffsetSpan span_;
  std::int64_t from_s_;
  bool jump_to_do_ = false;              ///< `from_s_` is the beginning of the span
};

Result<Ticks> Ticks::Make(const ScheduleSpec& spec) {
  ASSIGN_OR_RETURN(TimeZone zone, TimeZone::Find(spec.timezone));
  return Ticks(spec, std::move(zone));
}

Ticks::Ticks(ScheduleSpec spec, TimeZone zone) : spec_(std::move(spec)), zone_(std::move(zone)) {
  first_s_ = spec_.start_local_s ? zone_.ToUtc(*spec_.start_local_s) : std::numeric_limits<std::int64_t>::min();
  end_s_ = spec_.end_local_s ? std::min(zone_.ToUtc(*spec_.end_local_s), TimeZone::kKnownUntil_s) : TimeZone::kKnownUntil_s;
  if (const auto* cron = std::get_if<CronExpression>(&spec_.when)) {
    fixed_times_ = !cron->real_time;
    return;
  }
  const Period& period = std::get<Period>(spec_.when);
  fixed_times_ = period.unit != Period::Unit::kMinutes;
  const bool weeks = period.unit == Period::Unit::kDays && period.count % 7 == 0;
  anchor_local_s_ = spec_.start_local_s.value_or(kFrom2000_s + (weeks ? 2 * kDay_s : 0));
}

std::optional<std::int64_t> Ticks::NextLocalTime(std::int64_t local_s) const {
  if (const auto* cron = std::get_if<CronExpression>(&spec_.when)) return NextLocal(*cron, local_s);
  return NextLocal(std::get<Period>(spec_.when), anchor_local_s_, local_s);
}

/// Looks back over stretches that double until one holds a tick, so that no second, backward walk has to agree with the first.
std::optional<std::int64_t> Ticks::Before(std::int64_t tick_s) const {
  constexpr std::int64_t kFar_s = 100 * 366 * kDay_s;
  for (std::int64_t back_s = 3600; back_s <= kFar_s; back_s *= 4) {
    std::optional<std::int64_t> found;
    Walk walk(*this, tick_s - back_s);
    for (std::optional<Walk::Step> step = walk.Next(); step && step->at_s < tick_s; step = walk.Next()) found = step->at_s;
    if (found) return found;
  }
  return std::nullopt;
}

std::vector<Tick> Ticks::Between(std::int64_t from_us, std::int64_t to_us, std::size_t limit) const {
  std::vector<Tick> ticks;
  const std::int64_t from_s = std::max({CeilSeconds(from_us), first_s_, -TimeZone::kKnownUntil_s}), to_s = std::min(CeilSeconds(to_us), end_s_);
  if (const auto* period = std::get_if<Period>(&spec_.when); period != nullptr && period->unit == Period::Unit::kMinutes) {
    const std::int64_t length_s = period->count * 60, anchor_s = zone_.ToUtc(anchor_local_s_);
    std::int64_t at_s = from_s + ((anchor_s - from_s) % length_s + length_s) % length_s;
    for (; at_s < to_s && ticks.size() < limit; at_s += length_s) ticks.push_back({at_s * kMicros, {(at_s - length_s) * kMicros, at_s * kMicros}, false});
    return ticks;
  }
  if (from_s >= to_s) return ticks;
  Walk walk(*this, from_s);
  std::optional<std::int64_t> before;
  for (std::optional<Walk::Step> step; ticks.size() < limit && (step = walk.Next()) && step->at_s < to_s; before = step->at_s) {
    if (!before) before = Before(step->at_s);
    if (!before) continue;               // no tick in a hundred years before it: an interval cannot be given
    ticks.push_back({step->at_s * kMicros, {*before * kMicros, step->at_s * kMicros}, step->moved});
  }
  return ticks;
}

std::optional<Tick> Ticks::Next(std::int64_t after_us) const {
  const std::vector<Tick> found = Between(after_us + 1, std::numeric_limits<std::int64_t>::max(), 1);
  return found.empty() ? std::nullopt : std::optional<Tick>(found.front());
}

std::optional<std::int64_t> Ticks::FinishBy(const Tick& tick) const {
  if (!spec_.finish_by_minute) return std::nullopt;
  const std::int64_t local_s = zone_.ToLocal(tick.at_us / kMicros), of_day_s = *spec_.finish_by_minute * 60;
  const std::int64_t midnight_s = local_s - (local_s % kDay_s + kDay_s) % kDay_s;
  for (std::int64_t day = 0;; ++day)
    if (const std::int64_t at_us = zone_.ToUtc(midnight_s + day * kDay_s + of_day_s) * kMicros; at_us > tick.at_us) return at_us;
}

std::vector<ClockChange> Ticks::ChangesOnDayOf(std::int64_t at_us) const {
  const std::int64_t local_s = zone_.ToLocal(CeilSeconds(at_us)), midnight_s = local_s - (local_s % kDay_s + kDay_s) % kDay_s;
  const std::int64_t from_s = zone_.ToUtc(midnight_s), to_s = zone_.ToUtc(midnight_s + kDay_s);
  std::vector<ClockChange> changes;
  OffsetSpan span = zone_.At(from_s - 1);
  while (span.end_s < to_s) {
    const OffsetSpan next = zone_.At(span.end_s);
    if (next.offset_s != span.offset_s) changes.push_back({next.begin_s * kMicros, span.offset_s, next.offset_s});
    span = next;
  }
  return changes;
}

std::int64_t JitterMicros(std::string_view schedule, std::int64_t tick_us, std::int64_t jitter_us, std::uint64_t seed) {
  if (jitter_us <= 0) return 0;
  const std::string digest = Sha256Hex(StrCat(seed, "\n", tick_us, "\n", schedule)).substr(0, 16);
  std::uint64_t bits = 0;
  for (const char digit : digest) bits = bits << 4 | static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  return static_cast<std::int64_t>(static_cast<double>(bits >> 11) * 0x1p-53 * static_cast<double>(jitter_us));
}

std::string TickText(const ScheduleSpec& spec) {
  const auto time = [](const std::optional<std::int64_t>& local_s) { return local_s ? FormatTimestamp(*local_s * kMicros) : std::string("-"); };
  const auto* cron = std::get_if<CronExpression>(&spec.when);
  return StrCat(cron != nullptr ? "cron " : "every ", cron != nullptr ? cron->text : std::get<Period>(spec.when).text, "\n", spec.timezone, "\n", time(spec.start_local_s), "\n",
                time(spec.end_local_s), "\n", static_cast<int>(spec.missing), " ", static_cast<int>(spec.repeated));
}

}  // namespace headrace
