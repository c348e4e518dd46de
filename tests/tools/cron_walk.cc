// Holds the ticks of schedules against a walk through the minutes around every clock change of a zone, written without the
// product's parser, calendar or time-zone library: the C library tells local times, a naive matcher reads the expressions.
//
//   cron_walk ZONE...     changes 1970-2037 of each zone, every expression under every policy
//
// Ends with one JSON line of its counts on stdout; the first differences go to stderr. Exit code 1 when there are any.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/schedule/ticks.h"

namespace headrace {
namespace {

constexpr std::time_t kFrom = 0, kTo = 2'145'916'800;   // 1970 to 2037
constexpr std::time_t kAround = 30 * 3600;

// Those that say `every` are walked as the cron expression beside them.
struct Case { const char* cron; const char* every; };
constexpr Case kCases[] = {
    {"* * * * *", ""}, {"*/5 * * * *", ""}, {"0 * * * *", ""}, {"30 * * * *", ""}, {"15,45 * * * *", ""}, {"7-59/13 * * * *", ""}, {"0 */2 * * *", ""}, {"0 1/3 * * *", ""},
    {"30 0-23/4 * * *", ""}, {"0 *,5 * * *", ""}, {"*/30 */6 * * MON", ""}, {"@hourly", ""},
    {"0 0 * * *", ""}, {"30 0 * * *", ""}, {"0 1 * * *", ""}, {"30 1 * * *", ""}, {"0 2 * * *", ""}, {"15 2 * * *", ""}, {"30 2 * * *", ""}, {"59 2 * * *", ""}, {"0 3 * * *", ""},
    {"30 3 * * *", ""}, {"0 4 * * *", ""}, {"45 23 * * *", ""}, {"0 6 * * *", ""}, {"0 12 * * *", ""}, {"* 2 * * *", ""}, {"*/15 1-3 * * *", ""}, {"*/20 0 * * *", ""},
    {"0,30 0,1,2,3,23 * * *", ""}, {"0 9-17 * * MON-FRI", ""}, {"0 0 * * SUN", ""}, {"30 2 * * 7", ""}, {"0 2 * * SAT,SUN", ""}, {"0 0 1 * *", ""}, {"30 2 1,15 * FRI", ""},
    {"15 1 */2 * *", ""}, {"0 2 */3 * SUN", ""}, {"0 3 29 2 *", ""}, {"0 0 31 * *", ""}, {"30 1 * MAR,OCT,NOV *", ""}, {"5 4 1 APR *", ""}, {"0 0 30 12 *", ""}, {"0 6 31 DEC *", ""},
    {"@daily", ""}, {"@weekly", ""}, {"@monthly", ""}, {"@yearly", ""},
    {"0 0 * * *", "1 day"}, {"0 0 * * 1", "1 week"}, {"0 0 1 * *", "1 month"}, {"0 0 1 JAN,APR,JUL,OCT *", "1 quarter"}, {"0 0 1 1 *", "1 year"},
};

/// What a cron expression says, number by number.
struct Naive {
  bool minute[60] = {}, hour[24] = {}, day[32] = {}, month[13] = {}, weekday[8] = {};
  bool either = false, wild = false;

  bool Matches(const std::tm& t) const {
    const bool by_day = day[t.tm_mday], by_weekday = weekday[t.tm_wday] || (t.tm_wday == 0 && weekday[7]);
    return minute[t.tm_min] && hour[t.tm_hour] && month[t.tm_mon + 1] && (either ? by_day || by_weekday : by_day && by_weekday);
  }
};

int NumberOf(const std::string& word) {
  const char* names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
  const char* days[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
  for (int i = 0; i < 12; ++i) if (word == names[i]) return i + 1;
  for (int i = 0; i < 7; ++i) if (word == days[i]) return i;
  return std::atoi(word.c_str());
}

void Fill(bool* out, int low, int high, const std::string& field) {
  for (const std::string& item : Split(field, ',')) {
    const std::vector<std::string> parts = Split(item, '/');
    const std::vector<std::string> ends = Split(parts[0], '-');
    int from = low, to = high;
    if (parts[0] != "*") {
      from = NumberOf(ends[0]);
      to = ends.size() > 1 ? NumberOf(ends[1]) : parts.size() > 1 ? high : from;
    }
    for (int n = from; n <= to; n += parts.size() > 1 ? std::atoi(parts[1].c_str()) : 1) out[n] = true;
  }
}

Naive Read(const std::string& text) {
  const std::map<std::string, std::string> short_for = {{"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"}, {"@weekly", "0 0 * * 0"}, {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}};
  const auto found = short_for.find(text);
  const std::vector<std::string> fields = Split(found == short_for.end() ? text : found->second, ' ');
  Naive out;
  Fill(out.minute, 0, 59, fields[0]);
  Fill(out.hour, 0, 23, fields[1]);
  Fill(out.day, 1, 31, fields[2]);
  Fill(out.month, 1, 12, fields[3]);
  Fill(out.weekday, 0, 6, fields[4]);
  out.either = fields[2][0] != '*' && fields[4][0] != '*';
  out.wild = fields[1].find('*') != std::string::npos || fields[1].find('/') != std::string::npos;
  return out;
}

std::tm Local(std::time_t at) { std::tm t{}; ::localtime_r(&at, &t); return t; }
std::tm Calendar(std::time_t local) { std::tm t{}; ::gmtime_r(&local, &t); return t; }
long OffsetAt(std::time_t at) { return Local(at).tm_gmtoff; }

/// The first second in (from, to] at which another offset holds than at `from`.
std::time_t ChangeBetween(std::time_t from, std::time_t to) {
  const long before = OffsetAt(from);
  while (to - from > 1) {
    const std::time_t middle = from + (to - from) / 2;
    (OffsetAt(middle) == before ? from : to) = middle;
  }
  return to;
}

struct Shown { std::time_t at, local; std::tm time; };
struct Gap { std::time_t at, from, to; };      // local times [from, to) are jumped over at `at`

/// All full minutes that the wall clock shows in [from, to), and the jumps.
struct Window {
  std::time_t from = 0, to = 0;
  std::vector<Shown> shown;
  std::vector<Gap> gaps;
  std::vector<std::pair<std::time_t, std::time_t>> missing;              // local times that no moment shows, with that of the jump
  std::map<std::time_t, std::pair<std::time_t, std::time_t>> repeated;   // local time -> first and last moment, when there are two

  void Walk() {
    std::map<std::time_t, std::vector<std::time_t>> moments;
    std::time_t at = from;
    long offset = OffsetAt(at - 1);
    const auto note_jump = [&](std::time_t change, long next) { if (next > offset) gaps.push_back({change, change + offset, change + next}); };
    if (OffsetAt(at) != offset) note_jump(at, OffsetAt(at));
    offset = OffsetAt(at);
    while (Local(at).tm_sec != 0) ++at;
    while (at < to) {
      const std::tm time = Local(at);
      if (time.tm_gmtoff != offset) {
        const std::time_t change = ChangeBetween(at - 60, at);
        note_jump(change, time.tm_gmtoff);
        offset = time.tm_gmtoff;
        for (at = change; Local(at).tm_sec != 0;) ++at;
        continue;
      }
      std::tm copy = time;
      shown.push_back({at, ::timegm(&copy), time});
      moments[shown.back().local].push_back(at);
      at += 60;
    }
    for (const auto& [local, all] : moments)
      if (all.size() > 1) repeated[local] = {all.front(), all.back()};
    for (const Gap& gap : gaps)
      for (std::time_t local = (gap.from + 59) / 60 * 60; local < gap.to; local += 60)
        if (!moments.contains(local)) missing.emplace_back(local, gap.at);
  }

  std::set<std::time_t> Expected(const Naive& cron, bool skip_missing, ScheduleSpec::Repeated which) const {
    std::set<std::time_t> out;
    for (const Shown& s : shown) {
      if (!cron.Matches(s.time)) continue;
      const auto twice = cron.wild ? repeated.end() : repeated.find(s.local);
      if (twice == repeated.end() || which == ScheduleSpec::Repeated::kBoth || s.at == (which == ScheduleSpec::Repeated::kFirst ? twice->second.first : twice->second.second)) out.insert(s.at);
    }
    if (cron.wild || skip_missing) return out;
    for (const auto& [local, jump] : missing)
      if (cron.Matches(Calendar(local))) out.insert(jump);
    return out;
  }
};

std::vector<Window> WindowsOf(long* changes) {
  std::vector<Window> windows;
  std::time_t at = kFrom;
  for (long offset = OffsetAt(at); at < kTo; at += 3600) {
    if (OffsetAt(at + 3600) == offset) continue;
    const std::time_t change = ChangeBetween(at, at + 3600);
    ++*changes;
    offset = OffsetAt(at + 3600);
    if (!windows.empty() && change - kAround <= windows.back().to) windows.back().to = change + kAround;
    else windows.push_back({change - kAround, change + kAround, {}, {}, {}, {}});
  }
  for (Window& window : windows) {
    window.to = std::min(window.to, kTo);
    window.Walk();
  }
  return windows;
}

struct Counts { long zones = 0, changes = 0, comparisons = 0, ticks = 0, differences = 0; };

/// The interval of each tick begins where the tick before stood; of the first, where the product itself sees a tick and none in between.
bool Adjacent(const Ticks& ticks, const std::vector<Tick>& found) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Interval interval = found[i].interval;
    if (interval.end_us != found[i].at_us || interval.start_us >= interval.end_us) return false;
    if (i > 0 && interval.start_us != found[i - 1].at_us) return false;
  }
  if (found.empty()) return true;
  const std::vector<Tick> before = ticks.Between(found[0].interval.start_us, found[0].at_us, 2);
  return before.size() == 1 && before[0].at_us == found[0].interval.start_us;
}

void Compare(const std::string& zone, const Case& one, const std::vector<Window>& windows, Counts& counts) {
  const Naive naive = Read(one.cron);
  using enum ScheduleSpec::Repeated;
  for (const bool skip : {false, true})
    for (const ScheduleSpec::Repeated which : {kFirst, kBoth, kLast}) {
      if (naive.wild && (skip || which != kFirst)) continue;
      ScheduleSpec spec;
      if (*one.every != '\0') spec.when = ParsePeriod(one.every).value();
      else spec.when = ParseCron(one.cron).value();
      spec.timezone = zone;
      spec.missing = skip ? ScheduleSpec::Missing::kSkip : ScheduleSpec::Missing::kRunAtNextValid;
      spec.repeated = which;
      const Result<Ticks> ticks = Ticks::Make(spec);
      if (!ticks.ok()) {
        std::fprintf(stderr, "%s: %s\n", zone.c_str(), ticks.status().ToString().c_str());
        ++counts.differences;
        return;
      }
      for (const Window& window : windows) {
        const std::set<std::time_t> expected = window.Expected(naive, skip, which);
        const std::vector<Tick> found = ticks->Between(window.from * 1'000'000, window.to * 1'000'000, 100'000);
        std::set<std::time_t> got;
        for (const Tick& tick : found) got.insert(tick.at_us / 1'000'000);
        ++counts.comparisons;
        counts.ticks += static_cast<long>(expected.size());
        const bool adjacent = Adjacent(*ticks, found);
        if (got == expected && got.size() == found.size() && adjacent) continue;
        if (++counts.differences > 20) continue;
        std::fprintf(stderr, "%s `%s` %s missing=%d repeated=%d window %ld to %ld:%s", zone.c_str(), one.cron, one.every, skip, static_cast<int>(which), window.from, window.to, adjacent ? "" : " intervals not adjacent");
        for (const std::time_t at : expected) if (!got.contains(at)) std::fprintf(stderr, " -%ld", at);
        for (const std::time_t at : got) if (!expected.contains(at)) std::fprintf(stderr, " +%ld", at);
        std::fprintf(stderr, "\n");
      }
    }
}

int Main(int argc, char** argv) {
  Counts counts;
  for (int i = 1; i < argc; ++i) {
    ::setenv("TZ", StrCat(":", argv[i]).c_str(), 1);
    ::tzset();
    ++counts.zones;
    const std::vector<Window> windows = WindowsOf(&counts.changes);
    for (const Case& one : kCases) Compare(argv[i], one, windows, counts);
  }
  std::printf("{\"zones\": %ld, \"changes\": %ld, \"expressions\": %zu, \"comparisons\": %ld, \"ticks\": %ld, \"differences\": %ld}\n", counts.zones, counts.changes, std::size(kCases), counts.comparisons,
              counts.ticks, counts.differences);
  return counts.differences == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) { return headrace::Main(argc, argv); }
