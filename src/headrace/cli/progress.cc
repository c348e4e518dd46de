#include "headrace/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "headrace/cli/command.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr std::int64_t kRedrawMicros = 100'000;

std::string_view Colour(StepState state) {
  switch (state) {
    case StepState::kSucceeded: return "\x1b[32m";
    case StepState::kReused: return "\x1b[36m";
    case StepState::kFailed: return "\x1b[1;31m";
    case StepState::kRunning:
    case StepState::kWaiting: return "\x1b[33m";
    case StepState::kSkipped:
    case StepState::kPending: break;
  }
  return "\x1b[2m";
}

std::string Padded(std::string_view text, std::size_t width) {
  return StrCat(text, std::string(text.size() < width ? width - text.size() : 1, ' '));
}

std::size_t TerminalRows() {
  winsize size{};
  return ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row : 24;
}

std::string Rows(const StepRecord& step) {
  const auto main = step.outputs.find("");
  return main != step.outputs.end() && main->second.rows >= 0 ? StrCat(FormatCount(main->second.rows), " rows") : std::string();
}

std::string Items(const ItemCounts& items) {
  std::string text = StrCat(FormatCount(items.total), " items: ", FormatCount(items.succeeded), " done");
  const auto add = [&](std::int64_t count, std::string_view what) {
    if (count > 0) text += StrCat(", ", FormatCount(count), " ", what);
  };
  add(items.reused, "reused");
  add(items.skipped, "skipped");
  add(items.failed, "failed");
  return text;
}

std::string Delivered(const DeliveryReport& d) {
  if (d.no_op) return StrCat("nothing to deliver: ", d.destination, " already holds these rows");
  if (d.preview) return StrCat("preview written to ", d.destination, "; the destination was not touched");
  return StrCat("delivered ", FormatCount(d.rows()), " rows to ", d.destination, " (", FormatCount(d.inserted), " inserted, ", FormatCount(d.updated),
                " updated, ", FormatCount(d.unchanged), " unchanged", d.deleted > 0 ? StrCat(", ", FormatCount(d.deleted), " deleted") : "", ")");
}
}  // namespace

void ProgressView::RunStarted(const RunRecord& run, const std::vector<StepRecord>& steps) {
  for (const StepRecord& step : steps) {
    index_[step.step] = lines_.size();
    lines_.push_back({step, "", 0, 0});
  }
  if (quiet_) return;
  PrintErr(StrCat("run ", run.id, ": ", run.pipeline, run.tenant.empty() ? "" : " for ", run.tenant, ", ", FormatTimestamp(run.interval_start_us).substr(0, 10),
                  " to ", FormatTimestamp(run.interval_end_us).substr(0, 10), run.trigger == "resume" ? ", resumed" : "", "\n"));
  Draw();
}

std::string ProgressView::Describe(const Line& line) const {
  const StepRecord& step = line.record;
  std::string text = StrCat(Padded(step.step, 24), Padded(step.kind, 9), Padded(StateName(step.state), 11));
  if (step.state == StepState::kRunning) {
    text += FormatSeconds(static_cast<double>(clock_.MonotonicMicros() - line.started) / 1e6);
    if (!line.doing.empty()) text += StrCat("  ", line.doing, " ", static_cast<int>(line.fraction * 100), " %");
  } else if (step.state == StepState::kSucceeded || step.state == StepState::kFailed) {
    text += StrCat(FormatSeconds(static_cast<double>(step.finished_us - step.started_us) / 1e6), "  ", Rows(step));
  } else if (step.state == StepState::kReused || step.state == StepState::kSkipped) {
    text += step.state == StepState::kReused ? Rows(step) : step.reason;
  }
  return text.substr(0, 110);
}

void ProgressView::Erase() {
  if (drawn_ > 0) PrintErr(StrCat("\x1b[", drawn_, "A\x1b[J"));
  drawn_ = 0;
}

void ProgressView::Draw() {
  if (!live_ || quiet_) return;
  Erase();
  // When the steps do not fit the screen, those that are done give way.
  const std::size_t room = TerminalRows() - 3;
  std::vector<const Line*> shown;
  for (const Line& line : lines_) shown.push_back(&line);
  if (shown.size() > room) {
    std::vector<const Line*> running, rest;
    for (const Line* line : shown) (line->record.state == StepState::kRunning ? running : rest).push_back(line);
    running.insert(running.end(), rest.begin(), rest.end());
    running.resize(room);
    shown = std::move(running);
  }
  std::string text;
  for (const Line* line : shown) text += StrCat("  ", Colour(line->record.state), Describe(*line), "\x1b[0m\n");
  PrintErr(text);
  drawn_ = shown.size();
  last_draw_ = clock_.MonotonicMicros();
}

void ProgressView::Tell(const StepRecord& step, const StepDetails& details) {
  std::string text;
  const auto add = [&](std::string_view line) { text += StrCat("    ", line, "\n"); };
  for (const CheckVerdict& verdict : details.checks)
    if (!verdict.passed && verdict.severity == Severity::kWarn) add(StrCat("warning: ", verdict.message));
  for (const std::string& note : details.notes) add(StrCat("note: ", note));
  if (details.items) add(Items(*details.items));
  if (details.model)
    for (const GateVerdict& gate : details.model->gates) add(StrCat(gate.passed ? "gate passed: " : "gate refused: ", gate.text, gate.message.empty() ? "" : ": ", gate.message));
  if (details.model && details.model->champion_after != details.model->champion_before)
    add(StrCat("champion of ", details.model->name, " is now version ", details.model->champion_after));
  if (details.delivery) add(Delivered(*details.delivery));
  if (step.state == StepState::kFailed) {
    told_failure_ = true;
    text += StrCat("error: step `", step.step, "`: ", step.message, "\n");
    if (!step.help.empty()) text += StrCat("  = help: ", step.help, "\n");
  }
  if (text.empty()) return;
  Erase();
  PrintErr(text);
}

void ProgressView::StepChanged(const StepRecord& step, const StepDetails& details) {
  Line& line = lines_[index_.at(step.step)];
  line.record = step;
  line.doing.clear();
  if (step.state == StepState::kRunning) line.started = clock_.MonotonicMicros();
  if (quiet_ && step.state != StepState::kFailed) return;
  if (!live_ && step.state != StepState::kRunning) PrintErr(StrCat("  ", Describe(line), "\n"));
  if (step.state != StepState::kRunning && step.state != StepState::kReused) Tell(step, details);
  Draw();
}

void ProgressView::StepProgress(const std::string& step, const std::string& doing, double fraction) {
  Line& line = lines_[index_.at(step)];
  line.doing = doing;
  line.fraction = std::clamp(fraction, 0.0, 1.0);
  Tick();
}

void ProgressView::Tick() {
  if (clock_.MonotonicMicros() - last_draw_ >= kRedrawMicros) Draw();
}

void ProgressView::RunFinished(const RunRecord& run) {
  Draw();
  if (quiet_) return;
  PrintErr(StrCat("run ", run.id, " ", StateName(run.state), " in ", FormatSeconds(static_cast<double>(run.finished_us - run.started_us) / 1e6),
                  run.exit_code == 0 ? std::string() : StrCat(", exit code ", run.exit_code), (!told_failure_ || run.state == RunState::kInterrupted) && !run.message.empty() ? StrCat(": ", run.message) : "", "\n"));
}

}  // namespace headrace
