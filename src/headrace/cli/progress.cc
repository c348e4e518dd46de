#include "headrace/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "headrace/cli/command.h"
#include "headrace/run/estimate.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr std::int64_t kRedrawMicros = 100'000;

std::string Padded(std::string_view text, std::size_t width) {
  return StrCat(text, std::string(text.size() < width ? width - text.size() : 1, ' '));
}

TerminalSize SizeOfTerminal() {
  winsize size{};
  if (::ioctl(2, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

std::string Rows(const StepRecord& step) {
  const auto main = step.outputs.find("");
  return main != step.outputs.end() && main->second.rows >= 0 ? Counted(main->second.rows, "row") : std::string();
}

std::string Delivered(const DeliveryReport& d) {
  if (d.no_op) return StrCat("nothing to deliver: ", d.destination, " already holds these rows");
  const std::string counts = StrCat(" (", FormatCount(d.inserted), " inserted, ", FormatCount(d.updated), " updated, ", FormatCount(d.unchanged), " unchanged",
                                    d.deleted > 0 ? StrCat(", ", FormatCount(d.deleted), " deleted") : "", ")");
  if (d.preview) return StrCat("preview written to ", d.destination, "; the destination was not touched, and would get ", Counted(d.rows(), "row"), counts);
  return StrCat("delivered ", Counted(d.rows(), "row"), " to ", d.destination, counts);
}
}  // namespace

ProgressView::ProgressView(Clock& clock, bool live, bool quiet, const std::map<std::string, std::vector<double>>& seconds) : clock_(clock), live_(live), quiet_(quiet) {
  for (const auto& [step, of_step] : seconds)
    if (const std::optional<double> usual = UsualSeconds(of_step)) usual_[step] = *usual;
}

void ProgressView::RunStarted(const RunRecord& run, const std::vector<StepRecord>& steps) {
  started_ = clock_.MonotonicMicros();
  for (const StepRecord& step : steps) {
    index_[step.step] = lines_.size();
    Line line;
    line.step.record = step;
    if (const Result<StepDetails> details = StepDetails::FromJson(step.details); details.ok()) line.step.upstream = details->upstream;
    if (const auto usual = usual_.find(step.step); usual != usual_.end()) line.step.usual = usual->second;
    lines_.push_back(std::move(line));
  }
  if (quiet_) return;
  PrintErr(StrCat("run ", run.id, ": ", run.pipeline, run.tenant.empty() ? "" : " for ", run.tenant, ", ", FormatTimestamp(run.interval_start_us).substr(0, 10),
                  " to ", FormatTimestamp(run.interval_end_us).substr(0, 10), run.trigger == "resume" ? ", resumed" : "", "\n"));
  Draw();
}

/// One plain line.
std::string ProgressView::Describe(const Line& line) const {
  const StepRecord& step = line.step.record;
  std::string text = StrCat(Padded(step.step, 24), Padded(step.kind, 9), Padded(StateName(step.state), 11));
  if (step.state == StepState::kSucceeded || step.state == StepState::kFailed) {
    text += StrCat(FormatSeconds(static_cast<double>(step.finished_us - step.started_us) / 1e6), "  ", Rows(step), step.attempt > 1 ? StrCat("  try ", step.attempt) : "");
  } else if (step.state == StepState::kReused || step.state == StepState::kSkipped) {
    text += step.state == StepState::kReused ? Rows(step) : step.reason;
  }
  return text.substr(0, 110);
}

/// What clears the table from the screen, the cursor where it began.
std::string ProgressView::Erasure() {
  const std::size_t drawn = drawn_;
  drawn_ = 0;
  return drawn > 0 ? StrCat("\x1b[", drawn, "A\x1b[J") : std::string();
}

void ProgressView::Draw() {
  if (!live_ || quiet_) return;
  last_draw_ = clock_.MonotonicMicros();
  std::vector<TableStep> steps;
  for (Line& line : lines_) {
    if (line.step.record.state == StepState::kRunning) line.step.elapsed = static_cast<double>(last_draw_ - line.started) / 1e6;
    steps.push_back(line.step);
  }
  const std::vector<std::string> table = RunTable(steps, static_cast<double>(last_draw_ - started_) / 1e6, SizeOfTerminal());
  std::string text = Erasure();
  for (const std::string& line : table) text += line + "\n";
  PrintErr(text);        // in one piece, so that it does not flicker
  drawn_ = table.size();
}

void ProgressView::Tell(const StepRecord& step, const StepDetails& details) {
  std::string text;
  const auto add = [&](std::string_view line) { text += StrCat("    ", line, "\n"); };
  for (const CheckVerdict& verdict : details.checks)
    if (!verdict.passed && verdict.severity == Severity::kWarn) add(StrCat("warning: ", verdict.message));
  for (const std::string& note : details.notes) add(StrCat("note: ", note));
  if (details.items) add(CountsText(*details.items));
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
  PrintErr(Erasure() + text);
}

void ProgressView::StepChanged(const StepRecord& step, const StepDetails& details) {
  Line& line = lines_[index_.at(step.step)];
  line.step.record = step;
  line.step.doing.clear();
  if (step.state == StepState::kRunning) line.started = clock_.MonotonicMicros();
  if (quiet_ && step.state != StepState::kFailed) return;
  if (!live_ && step.state != StepState::kRunning) PrintErr(StrCat("  ", Describe(line), "\n"));
  if (step.state == StepState::kReused) {     // what else it says was told when it was made
    StepDetails now;
    std::copy_if(details.checks.begin(), details.checks.end(), std::back_inserter(now.checks), [](const CheckVerdict& verdict) { return verdict.kind == "unchanged"; });
    Tell(step, now);
  } else if (step.state != StepState::kRunning) {
    Tell(step, details);
  }
  Draw();
}

void ProgressView::StepProgress(const std::string& step, const std::string& doing, double fraction) {
  TableStep& line = lines_[index_.at(step)].step;
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
