#include "headrace/cli/run_table.h"

#include <algorithm>
#include <cmath>

#include "headrace/cli/command.h"
#include "headrace/run/estimate.h"

namespace headrace {

namespace {
struct Look { std::string_view colour, sign; };

Look LookOf(StepState state) {
  switch (state) {
    case StepState::kSucceeded: return {"\x1b[32m", "✓"};
    case StepState::kReused: return {"\x1b[36m", "↺"};
    case StepState::kFailed: return {"\x1b[1;31m", "✕"};
    case StepState::kRunning: return {"\x1b[33m", "▸"};
    case StepState::kWaiting: return {"\x1b[33m", "?"};
    case StepState::kSkipped: return {"\x1b[2m", "–"};
    case StepState::kPending: break;
  }
  return {"\x1b[2m", "·"};
}

bool Ended(StepState state) { return state != StepState::kPending && state != StepState::kRunning && state != StepState::kWaiting; }

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

/// `text` in at most `width` characters, cut with a mark when it is longer.
std::string Cut(std::string_view text, std::size_t width) {
  std::size_t characters = 0, cut = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!StartsCharacter(text[i])) continue;
    if (characters + 1 == width) cut = i;      // where the last one that fits begins
    ++characters;
  }
  if (characters <= width) return std::string(text);
  return width == 0 ? std::string() : StrCat(text.substr(0, cut), "…");
}

/// ... in exactly `width`.
std::string Fit(std::string_view text, std::size_t width) {
  const std::string cut = Cut(text, width);
  const auto characters = static_cast<std::size_t>(std::count_if(cut.begin(), cut.end(), StartsCharacter));
  return StrCat(cut, std::string(width - characters, ' '));
}

std::string Time(const TableStep& step) {
  const StepRecord& record = step.record;
  if (record.state == StepState::kRunning) return FormatSeconds(step.elapsed);
  const bool took = record.state == StepState::kSucceeded || record.state == StepState::kFailed;
  return took ? FormatSeconds(static_cast<double>(record.finished_us - record.started_us) / 1e6) : std::string();
}

/// What is left of it; of one that has not begun, what it usually takes.
std::string Rest(const TableStep& step) {
  if (!step.usual || Ended(step.record.state) || step.record.state == StepState::kWaiting) return {};
  if (step.record.state == StepState::kPending) return StrCat(*step.usual < 1 ? "" : "~", Roughly(*step.usual));
  const std::optional<double> rest = RestOfStep({step.record.step, {}, false, step.elapsed, step.usual});
  return rest ? StrCat(Roughly(*rest), " left") : StrCat("usual ", Roughly(*step.usual));
}

std::string Info(const TableStep& step) {
  const StepRecord& record = step.record;
  std::vector<std::string> parts;
  if (record.attempt > 1) parts.push_back(StrCat("try ", record.attempt));
  const auto main = record.outputs.find("");
  if (main != record.outputs.end() && main->second.rows >= 0) parts.push_back(StrCat(FormatCount(main->second.rows), " rows"));
  if (record.state == StepState::kRunning && !step.doing.empty()) parts.push_back(StrCat(step.doing, " ", static_cast<int>(step.fraction * 100), " %"));
  if (record.state == StepState::kSkipped) parts.push_back(record.reason);
  return Join(parts, ", ");
}

std::string StepLine(const TableStep& step, std::size_t name_width, std::size_t columns) {
  const Look look = LookOf(step.record.state);
  const std::string text = StrCat("  ", look.sign, " ", Fit(step.record.step, name_width), " ", Fit(step.record.kind, 8), Fit(StateName(step.record.state), 10), Fit(Time(step), 11), Fit(Rest(step), 12), Info(step));
  return StrCat(look.colour, Cut(text, columns - 1), "\x1b[0m");
}

std::string RunLine(const std::vector<TableStep>& steps, double run_seconds, std::size_t left_out, std::size_t columns) {
  std::vector<StepOutlook> outlook;
  std::size_t done = 0;
  bool known = false, waiting = false;
  for (const TableStep& step : steps) {
    const bool ended = Ended(step.record.state);
    done += ended ? 1 : 0;
    known = known || (!ended && step.usual);
    waiting = waiting || step.record.state == StepState::kWaiting;
    outlook.push_back({step.record.step, step.upstream, ended, step.elapsed, step.usual});
  }
  std::string text = StrCat("  ", done, " of ", steps.size(), " steps, ", Roughly(run_seconds));
  const RestOfRun rest = EstimateRest(outlook);
  if (known && !waiting) text += StrCat(", ", rest.at_least ? "at least " : "about ", Roughly(rest.seconds), " left");
  if (left_out > 0) text += StrCat(" (", Counted(left_out, "step is", "steps are"), " not shown)");
  return Cut(text, columns - 1);
}
}  // namespace

std::string Roughly(double seconds) {
  if (seconds < 1) return "<1 s";
  if (seconds < 90) return StrCat(std::llround(seconds), " s");
  const long long minutes = std::llround(seconds / 60);
  if (minutes < 90) return StrCat(minutes, " min");
  const long long tenths = std::llround(seconds / 360);
  return StrCat(tenths / 10, ".", tenths % 10, " h");
}

std::vector<std::string> RunTable(const std::vector<TableStep>& steps, double run_seconds, TerminalSize size) {
  const std::size_t columns = std::max<std::size_t>(size.columns, 20), room = std::max<std::size_t>(size.rows, 4) - 2;
  std::vector<std::size_t> shown(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) shown[i] = i;
  if (shown.size() > room) {
    const auto rank = [&](std::size_t i) {
      const StepState state = steps[i].record.state;
      return state == StepState::kFailed ? 0 : state == StepState::kRunning || state == StepState::kWaiting ? 1 : state == StepState::kPending ? 2 : 3;
    };
    std::sort(shown.begin(), shown.end(), [&](std::size_t a, std::size_t b) { return std::pair(rank(a), a) < std::pair(rank(b), b); });
    shown.resize(room);
    std::sort(shown.begin(), shown.end());
  }
  std::size_t longest = 0;
  for (const TableStep& step : steps) longest = std::max(longest, static_cast<std::size_t>(std::count_if(step.record.step.begin(), step.record.step.end(), StartsCharacter)));
  const std::size_t name_width = std::min<std::size_t>({longest, 40, columns > 74 ? columns - 62 : 12});
  std::vector<std::string> lines;
  for (const std::size_t i : shown) lines.push_back(StepLine(steps[i], name_width, columns));
  lines.push_back(RunLine(steps, run_seconds, steps.size() - shown.size(), columns));
  return lines;
}

}  // namespace headrace
