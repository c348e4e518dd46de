// What people say to runs from other processes (approvals, wishes to cancel), and the slots that runs share. All of it is told by rows of the
// state, so that it reaches a run on another host, or one that holds no process at the moment.

#include "headrace/base/crash.h"
#include "headrace/store/database_internal.h"
#include "headrace/store/store.h"

namespace headrace {

using internal::Statement;

namespace {
/// A run and the runs of its `pipeline` steps that wait, and theirs.
constexpr std::string_view kFamily = "WITH RECURSIVE family(id) AS (SELECT id FROM runs WHERE id = ? UNION SELECT runs.id FROM family JOIN steps ON steps.run = family.id AND steps.state = 'waiting' "
                                     "JOIN runs ON runs.parent = steps.run || '/' || steps.step AND runs.parent <> '' AND runs.state = 'waiting') ";
constexpr std::string_view kApprovalColumns = "SELECT run, step, asked_us, until_us, verdict, by, note, decided_us FROM approvals ";

Approval ReadApproval(const Statement& row) {
  Approval approval;
  approval.run = row.Text(0);
  approval.step = row.Text(1);
  approval.asked_us = row.Int(2);
  approval.until_us = row.Int(3);
  approval.verdict = row.Text(4) == "yes" ? Approval::Verdict::kYes : row.Text(4) == "no" ? Approval::Verdict::kNo : Approval::Verdict::kOpen;
  approval.by = row.Text(5);
  approval.note = row.Text(6);
  approval.decided_us = row.Int(7);
  return approval;
}

Result<std::vector<Approval>> ReadApprovals(Statement& row) {
  std::vector<Approval> approvals;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return approvals;
    approvals.push_back(ReadApproval(row));
  }
}

Result<std::optional<Approval>> FindApproval(internal::Database& db, const std::string& run, const std::string& step) {
  Statement find(db, StrCat(kApprovalColumns, "WHERE run = ? AND step = ?"));
  find.Bind(run, step);
  ASSIGN_OR_RETURN(const std::vector<Approval> found, ReadApprovals(find));
  return found.empty() ? std::nullopt : std::optional<Approval>(found[0]);
}
}  // namespace

Status Store::ParkStep(const StepRecord& step, std::int64_t until_us) {
  const std::lock_guard lock(mutex_);
  CrashPoint("step.before_park");
  const Status done = db_->Transact(false, [&]() -> Status {
    RETURN_IF_ERROR(WriteStep(step));
    Statement ask(*db_, "INSERT INTO approvals VALUES (?,?,?,?,'','','',0) ON CONFLICT (run, step) DO NOTHING");
    ask.Bind(step.run, step.step, clock_.NowMicros(), until_us);
    return ask.Run();
  });
  RETURN_IF_ERROR(done);
  CrashPoint("step.after_park");
  return Ok();
}

Result<std::optional<Approval>> Store::GetApproval(const std::string& run, const std::string& step) {
  const std::lock_guard lock(mutex_);
  return FindApproval(*db_, run, step);
}

Result<std::vector<Approval>> Store::ListApprovals(const std::string& run) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, run.empty() ? StrCat(kApprovalColumns, "WHERE verdict = '' AND EXISTS (SELECT 1 FROM runs WHERE id = approvals.run AND state = 'waiting') ORDER BY asked_us, run, step")
                                   : StrCat(kFamily, kApprovalColumns, "WHERE run IN (SELECT id FROM family) ORDER BY asked_us, run, step"));
  if (!run.empty()) find.Bind(run);
  return ReadApprovals(find);
}

Status Store::Decide(const std::string& run, const std::string& step, bool yes, const std::string& by, const std::string& note) {
  const std::lock_guard lock(mutex_);
  return db_->Transact(true, [&]() -> Status {
    ASSIGN_OR_RETURN(const std::optional<Approval> asked, FindApproval(*db_, run, step));
    if (!asked) return Error(ErrorCode::kInvalid, "step `", step, "` of run ", run, " does not wait for an approval").WithHelp("`headrace approve` lists what does");
    const bool answered_yes = asked->verdict == Approval::Verdict::kYes;
    if (asked->verdict != Approval::Verdict::kOpen && answered_yes == yes) return Ok();
    if (asked->verdict != Approval::Verdict::kOpen)
      return Error(ErrorCode::kInvalid, "step `", step, "` of run ", run, " was ", answered_yes ? "approved" : "refused", asked->by.empty() ? "" : StrCat(" by ", asked->by), " before")
          .WithHelp("an answer is final; start a new run to be asked again");
    if (asked->until_us > 0 && clock_.NowMicros() >= asked->until_us)
      return Error(ErrorCode::kInvalid, "the time to approve step `", step, "` of run ", run, " is up").WithHelp("start a new run to be asked again");
    Statement answer(*db_, "UPDATE approvals SET verdict = ?, by = ?, note = ?, decided_us = ? WHERE run = ? AND step = ?");
    answer.Bind(yes ? "yes" : "no", by, note, clock_.NowMicros(), run, step);
    return answer.Run();
  });
}

Status Store::Cancel(const std::string& run, const std::string& by) {
  const std::lock_guard lock(mutex_);
  return db_->Transact(true, [&]() -> Status {
    RETURN_IF_ERROR(CheckActing());
    Statement wish(*db_, "UPDATE runs SET cancel_by = ? WHERE id = ? AND state = 'running'");
    wish.Bind(by.empty() ? "somebody" : by, run);
    RETURN_IF_ERROR(wish.Run());
    if (wish.changed() == 1) return Ok();
    Statement end(*db_, StrCat(kFamily, "UPDATE runs SET state = 'interrupted', exit_code = ?, message = ?, cancel_by = ? WHERE id IN (SELECT id FROM family) AND state = 'waiting'"));
    end.Bind(run, ExitCode(ErrorCode::kInterrupted), StrCat("cancelled", by.empty() ? "" : StrCat(" by ", by), " while it waited for an approval"), by);
    RETURN_IF_ERROR(end.Run());
    return end.changed() > 0 ? Ok() : Refusal(run, "");
  });
}

Result<std::string> Store::CancelledBy(const std::string& run) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, "SELECT cancel_by FROM runs WHERE id = ?");
  find.Bind(run);
  ASSIGN_OR_RETURN(const bool there, find.Step());
  return there ? find.Text(0) : std::string();
}

Result<bool> Store::TakeSlot(const std::string& pool, std::int64_t size, const std::string& run, const std::string& step) {
  const std::lock_guard lock(mutex_);
  bool taken = false;
  const Status done = db_->Transact(false, [&]() -> Status {
    taken = false;
    ASSIGN_OR_RETURN(const std::int64_t epoch, EpochOf(run));
    Statement mine(*db_, "SELECT 1 FROM runs WHERE id = ? AND epoch = ? AND state = 'running'");
    mine.Bind(run, epoch);
    ASSIGN_OR_RETURN(const bool is_mine, mine.Step());
    if (!is_mine) return Refusal(run, step);
    Statement others(*db_, "SELECT DISTINCT run FROM pool_slots WHERE pool = ?");
    others.Bind(pool);
    std::vector<std::string> holders;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, others.Step());
      if (!more) break;
      holders.push_back(others.Text(0));
    }
    for (const std::string& holder : holders) {      // a run that was killed gave nothing back
      if (holder == run) continue;
      ASSIGN_OR_RETURN(const bool lives, RunLives(holder));
      if (lives) continue;
      Statement free(*db_, "DELETE FROM pool_slots WHERE run = ?");
      free.Bind(holder);
      RETURN_IF_ERROR(free.Run());
    }
    Statement count(*db_, "SELECT count(*) FROM pool_slots WHERE pool = ? AND NOT (run = ? AND step = ?)");
    count.Bind(pool, run, step);
    ASSIGN_OR_RETURN([[maybe_unused]] const bool row, count.Step());
    if (count.Int(0) >= size) return Ok();
    Statement take(*db_, "INSERT INTO pool_slots VALUES (?,?,?) ON CONFLICT (pool, run, step) DO NOTHING");
    take.Bind(pool, run, step);
    RETURN_IF_ERROR(take.Run());
    taken = true;
    return Ok();
  });
  RETURN_IF_ERROR(done);
  return taken;
}

Status Store::FreeSlot(const std::string& pool, const std::string& run, const std::string& step) {
  const std::lock_guard lock(mutex_);
  return db_->Transact(false, [&]() -> Status {
    ASSIGN_OR_RETURN(const std::int64_t epoch, EpochOf(run));
    Statement free(*db_, "DELETE FROM pool_slots WHERE pool = ? AND run = ? AND step = ? AND EXISTS (SELECT 1 FROM runs WHERE id = ? AND epoch = ?)");
    free.Bind(pool, run, step, run, epoch);   // not the slot of whoever took the run over
    return free.Run();
  });
}

}  // namespace headrace
