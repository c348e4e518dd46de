// What people say to runs: approve, cancel.

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "headrace/base/process.h"
#include "headrace/base/clock.h"
#include "headrace/cli/command.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr std::int64_t kWaitMicros = 15'000'000, kLookMicros = 100'000;

struct ApproveFlags {
  std::string run, step, note;
  bool no = false;
};

int ListOpen(Store& store, const GlobalFlags& flags) {
  const Result<std::vector<Approval>> open = store.ListApprovals("");
  if (!open.ok()) return Fail(open.status(), flags);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const Approval& asked : *open) {
    const std::string until = asked.until_us == 0 ? std::string() : FormatTimestamp(asked.until_us).substr(0, 16);
    all.push_back({{"run", asked.run}, {"step", asked.step}, {"asked", FormatTimestamp(asked.asked_us)}, {"until", until.empty() ? "" : FormatTimestamp(asked.until_us)}});
    rows.push_back({asked.run, asked.step, FormatTimestamp(asked.asked_us).substr(0, 16), until.empty() ? "no end" : until});
  }
  if (flags.json) PrintJson(all);
  else if (rows.empty()) PrintErr("no run waits for an approval\n");
  else PrintOut(TextTable({"run", "step", "asked (UTC)", "until (UTC)"}, rows));
  return 0;
}

/// What is asked, when only one thing is: by the run, or by one that a `pipeline` step of it started.
Result<Approval> TheQuestion(Store& store, const RunRecord& run) {
  ASSIGN_OR_RETURN(const std::vector<Approval> asked, store.ListApprovals(run.id));
  std::vector<Approval> open;
  std::vector<std::string> steps;
  for (const Approval& approval : asked)
    if (approval.verdict == Approval::Verdict::kOpen) open.push_back(approval), steps.push_back(approval.run == run.id ? approval.step : StrCat(approval.run, " ", approval.step));
  if (open.size() == 1) return open[0];
  if (open.empty()) return Error(ErrorCode::kInvalid, "run ", run.id, " waits for no approval").WithHelp("`headrace approve` lists those that do");
  return Error(ErrorCode::kInvalid, "run ", run.id, " waits for several approvals").WithHelp(StrCat("name the step: ", Join(steps, ", ")));
}

/// The run to resume after an answer: a run that a `pipeline` step started is gone on with by the run of that step.
Result<std::string> OutermostOf(Store& store, const std::string& run) {
  ASSIGN_OR_RETURN(const RunRecord record, store.GetRun(run));
  return record.parent.empty() ? run : OutermostOf(store, record.parent.substr(0, record.parent.find('/')));
}

int Approve(ApproveFlags approve, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  if (approve.run.empty()) return ListOpen(*open->store, flags);
  const Result<RunRecord> named = open->store->GetRun(approve.run);
  if (!named.ok()) return Fail(named.status(), flags);
  std::string run = named->id;
  if (approve.step.empty()) {
    const Result<Approval> question = TheQuestion(*open->store, *named);
    if (!question.ok()) return Fail(question.status(), flags);
    run = question->run;
    approve.step = question->step;
  }
  const Result<std::string> outermost = OutermostOf(*open->store, run);
  if (!outermost.ok()) return Fail(outermost.status(), flags);
  if (const Status status = open->store->Decide(run, approve.step, !approve.no, UserName(), approve.note); !status.ok()) return Fail(status, flags);
  if (flags.json) PrintJson(nlohmann::ordered_json({{"run", run}, {"step", approve.step}, {"verdict", approve.no ? "no" : "yes"}, {"by", UserName()}, {"note", approve.note}}));
  else if (!flags.quiet) PrintErr(StrCat(approve.no ? "refused" : "approved", "; `headrace run --resume ", *outermost, "` goes on\n"));
  return 0;
}

int Cancel(const std::string& id, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  Result<RunRecord> run = open->store->GetRun(id);
  if (!run.ok()) return Fail(run.status(), flags);
  if (run->state != RunState::kInterrupted) {      // killed without a word is as good as cancelled
    if (const Status status = open->store->Cancel(run->id, UserName()); !status.ok()) return Fail(status, flags);
    for (std::int64_t waited = 0; waited < kWaitMicros; waited += kLookMicros) {
      run = open->store->GetRun(run->id);
      if (!run.ok()) return Fail(run.status(), flags);
      if (run->state != RunState::kRunning) break;
      SystemClock().Sleep(kLookMicros);
    }
  }
  if (flags.json) PrintJson(nlohmann::ordered_json({{"run", run->id}, {"state", StateName(run->state)}}));
  else if (!flags.quiet) PrintErr(StrCat("run ", run->id, run->state == RunState::kRunning ? " was asked to end; it has not yet" : StrCat(": ", StateName(run->state)), "\n"));
  return run->state == RunState::kRunning ? ExitCode(ErrorCode::kBusy) : 0;
}
}  // namespace

void AddApproveCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("approve", "Let a waiting run go on, or not; without a run: list what waits");
  auto flags = std::make_shared<ApproveFlags>();
  command->add_option("RUN", flags->run, "id of the run, the beginning of one, or `last`");
  command->add_option("STEP", flags->step, "the step, where several wait");
  command->add_flag("--no", flags->no, "refuse");
  command->add_option("--note", flags->note, "why; kept with the answer")->type_name("TEXT");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Approve(*flags, global); }; });
}

void AddCancelCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("cancel", "End a run cleanly, from any terminal or host: what has ended is kept");
  auto id = std::make_shared<std::string>();
  command->add_option("RUN", *id, "id of the run, the beginning of one, or `last`")->required();
  command->callback([&global, &action, id] { action = [&global, id] { return Cancel(*id, global); }; });
}

}  // namespace headrace
