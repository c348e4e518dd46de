#include "checker.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace headrace::simulator {

namespace {
constexpr const char* kTriggers = R"sql(
CREATE TABLE seen_changes(seq INTEGER PRIMARY KEY, kind TEXT, id TEXT, step TEXT, was TEXT, now TEXT, old_number INTEGER, new_number INTEGER,
  clock TEXT, until_us INTEGER, number INTEGER);
CREATE TRIGGER run_made AFTER INSERT ON runs BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'run', new.id, new.pipeline, '', new.state, 0, new.epoch, '', 0, new.interval_start_us); END;
CREATE TRIGGER run_changed AFTER UPDATE OF state, epoch ON runs WHEN old.state <> new.state OR old.epoch <> new.epoch BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'run', new.id, '', old.state, new.state, old.epoch, new.epoch, old.lease_clock, old.lease_until_us, new.exit_code); END;
CREATE TRIGGER step_changed AFTER UPDATE OF state, attempt ON steps WHEN old.state <> new.state OR old.attempt <> new.attempt BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'step', new.run, new.step, old.state, new.state, old.attempt, new.attempt, '', 0, 0); END;
CREATE TRIGGER lease_made AFTER INSERT ON leases BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'lease', new.name, '', '', new.holder, 0, new.epoch, '', 0, 0); END;
CREATE TRIGGER lease_changed AFTER UPDATE OF holder, epoch ON leases WHEN old.holder <> new.holder OR old.epoch <> new.epoch BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'lease', new.name, '', old.holder, new.holder, old.epoch, new.epoch, old.clock, old.until_us, 0); END;
CREATE TRIGGER slot_taken AFTER INSERT ON pool_slots BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'slot', new.run, new.step, '', new.pool, 0, 1, '', 0, 0); END;
CREATE TRIGGER slot_freed AFTER DELETE ON pool_slots BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'slot', old.run, old.step, '', old.pool, 1, 0, '', 0, 0); END;
)sql";

bool IsFinal(const std::string& state) { return state == "succeeded" || state == "reused" || state == "failed" || state == "skipped"; }
bool EndedWell(const std::string& state) { return state == "succeeded" || state == "reused"; }

void Must(sqlite3* db, int code) {
  if (code == SQLITE_OK) return;
  std::fprintf(stderr, "simulator: %s\n", sqlite3_errmsg(db));
  std::abort();
}
}  // namespace

void Checker::Watch(sqlite3* database) { Must(database, sqlite3_exec(database, kTriggers, nullptr, nullptr, nullptr)); }

Checker::Checker(World& world, const std::string& database, const Pipelines& pipelines, std::set<std::string> scheduled)
    : world_(world), pipelines_(pipelines), scheduled_(std::move(scheduled)) {
  sqlite3* db = nullptr;
  Must(db, sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr));
  db_.reset(db);
  sqlite3_stmt* statement = nullptr;
  Must(db, sqlite3_prepare_v2(db, "SELECT * FROM seen_changes WHERE seq > ? ORDER BY seq", -1, &statement, nullptr));
  changes_.reset(statement);
}

void Checker::AfterMove(Process& writer) {
  sqlite3_stmt* const row = changes_.get();
  sqlite3_bind_int64(row, 1, seen_);
  taken_now_.clear();
  const auto text = [row](int column) { return std::string(reinterpret_cast<const char*>(sqlite3_column_text(row, column))); };
  int code = SQLITE_OK;
  while ((code = sqlite3_step(row)) == SQLITE_ROW) {
    seen_ = sqlite3_column_int64(row, 0);
    const Change change{text(1), text(2), text(3), text(4), text(5), sqlite3_column_int64(row, 6), sqlite3_column_int64(row, 7), text(8), sqlite3_column_int64(row, 9), sqlite3_column_int64(row, 10)};
    world_.Note("writes ", change.kind, " ", change.id, change.step.empty() ? "" : " ", change.step, ": ", change.was, " -> ", change.now, " (", change.old_number, " -> ", change.new_number, ")");
    if (change.kind == "run") RunChanged(change, writer);
    else if (change.kind == "step") StepChanged(change, writer);
    else if (change.kind == "lease") LeaseChanged(change);
    else SlotChanged(change);
  }
  sqlite3_reset(row);
  if (code != SQLITE_DONE) Must(db_.get(), code);
}

const StepSpec* Checker::Spec(const Run& run, const std::string& step) const { return pipelines_.at(run.pipeline)->Find(step); }

const Checker::Run* Checker::Newest(const std::string& pipeline, std::int64_t interval_start_us) const {
  const auto found = newest_.find({pipeline, interval_start_us});
  return found == newest_.end() ? nullptr : &runs_.at(found->second);
}

// --- runs ------------------------------------------------------------------------------------------------------------

void Checker::RunChanged(const Change& change, Process& writer) {
  if (change.was.empty()) return RunMade(change, writer);
  Run& run = runs_.at(change.id);
  if (change.new_number != change.old_number) {
    RunTaken(run, change, writer);
  } else if (change.was == "running") {
    // Its owner ends it; or a new run of the interval closes one that is dead.
    if (run.owner != &writer) CheckMayTake(run, change, writer);
    if (run.owner == &writer && change.now == "succeeded")
      for (const auto& [step, state] : run.steps)
        if (!IsFinal(state)) world_.Violation(StrCat("run ", run.id, " succeeded while step `", step, "` is ", state));
  } else {
    world_.Violation(StrCat("run ", run.id, " had ended (", change.was, ") and became ", change.now, " without a new owner"));
  }
  run.state = change.now;
  run.exit_code = change.number;
}

void Checker::RunMade(const Change& change, Process& writer) {
  CheckActing(writer);
  Run& run = runs_[change.id];
  run = {change.id, change.step, change.now, change.number, change.new_number, -1, &writer, {}, {}};
  taken_now_.insert(run.id);
  std::string& newest = newest_[{run.pipeline, run.interval_start_us}];
  if (!newest.empty() && scheduled_.contains(run.pipeline)) world_.Violation(StrCat("the interval of run ", newest, " got a second run, ", run.id));
  if (!newest.empty() && runs_.at(newest).state == "running") world_.Violation(StrCat("run ", run.id, " began while ", newest, " of the same interval is at work"));
  newest = run.id;
}

void Checker::RunTaken(Run& run, const Change& change, Process& writer) {
  CheckActing(writer);
  if (change.new_number != change.old_number + 1) world_.Violation(StrCat("the epoch of run ", run.id, " went from ", change.old_number, " to ", change.new_number));
  if (change.was == "succeeded") world_.Violation(StrCat("run ", run.id, " had succeeded and was resumed"));
  if (change.was == "running") CheckMayTake(run, change, writer);
  run.owner = &writer;
  run.epoch = change.new_number;
  taken_now_.insert(run.id);
}

/// Who is on the owner's host sees that it is dead; who is elsewhere waits until the lease is over.
void Checker::CheckMayTake(const Run& run, const Change& change, const Process& writer) {
  if (run.owner->host == writer.host) {
    if (run.owner->alive) world_.Violation(StrCat("run ", run.id, " was taken from ", run.owner->name, ", which lives"));
  } else if (change.clock == world_.BootId() && change.until_us > world_.monotonic_us()) {
    world_.Violation(StrCat("run ", run.id, " was taken from ", run.owner->name, ", whose lease lasts for another ", (change.until_us - world_.monotonic_us()) / 1000, " ms"));
  }
}

/// Who creates and resumes runs as a scheduler holds the scheduler's lease at that moment.
void Checker::CheckActing(const Process& writer) {
  if (writer.acting_epoch == 0) return;
  const std::int64_t newest = lease_epochs_[writer.acting_lease];
  if (newest != writer.acting_epoch) world_.Violation(StrCat("a scheduler acted under epoch ", writer.acting_epoch, " of the lease `", writer.acting_lease, "`, which is at ", newest));
}

// --- steps -----------------------------------------------------------------------------------------------------------

void Checker::StepChanged(const Change& change, const Process& writer) {
  Run& run = runs_.at(change.id);
  const StepSpec* const spec = Spec(run, change.step);
  std::string& state = run.steps[change.step];
  if (run.owner != &writer) world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " became ", change.now, ", written by ", writer.name, ", but the run belongs to ", run.owner->name));
  if (change.now == "pending") {
    if (!taken_now_.contains(run.id)) world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " was ", change.was, " and became pending"));
    else if (EndedWell(change.was) && !spec->last) world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " had ended (", change.was, ") and was opened again"));
    else if (spec->last) run.succeeded[change.step] = 0;
  } else if (IsFinal(change.was)) {
    world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " had ended (", change.was, ") and became ", change.now));
  } else if (run.state != "running") {
    world_.Violation(StrCat("step `", change.step, "` became ", change.now, " in run ", run.id, ", which is ", run.state));
  }
  state = change.now;
  if (change.now == "running") {
    CheckUpstream(run, *spec);
    if (change.new_number > spec->retry.attempts) world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " is tried a ", change.new_number, "th time of ", spec->retry.attempts));
  }
  if (change.now == "succeeded") {
    if (change.was != "running") world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " succeeded without being started"));
    if (++run.succeeded[change.step] > 1) world_.Violation(StrCat("step `", change.step, "` of run ", run.id, " succeeded twice"));
  }
}

void Checker::CheckUpstream(const Run& run, const StepSpec& spec) {
  const auto state_of = [&](const std::string& name) {
    const auto found = run.steps.find(name);
    return found == run.steps.end() ? std::string("pending") : found->second;
  };
  for (const std::string& name : spec.upstream) {
    const bool reads = std::any_of(spec.inputs.begin(), spec.inputs.end(), [&](const StepInput& input) { return input.step == name; });
    const bool follows = !reads && (spec.last || Spec(run, name)->on_failure == StepSpec::OnFailure::kContinue);
    if (follows ? !IsFinal(state_of(name)) : !EndedWell(state_of(name)))
      world_.Violation(StrCat("step `", spec.name, "` of run ", run.id, " started while `", name, "`, which it waits for, is ", state_of(name)));
  }
  if (!spec.last) return;
  for (const StepSpec& other : pipelines_.at(run.pipeline)->steps)
    if (!other.last && !IsFinal(state_of(other.name))) world_.Violation(StrCat("step `", spec.name, "` under `finally` of run ", run.id, " started while `", other.name, "` is ", state_of(other.name)));
}

void Checker::Starts(const Process& by, const std::string& run_id, const StepSpec& spec) {
  const Run& run = runs_.at(run_id);
  if (spec.last) {
    bool failed = false;
    for (const auto& [name, state] : run.steps) failed |= state == "failed" && Spec(run, name)->on_failure != StepSpec::OnFailure::kContinue;
    if (failed != (spec.when == "told of a failure")) world_.Violation(StrCat("step `", spec.name, "` of run ", run_id, " was told that the run ", failed ? "is fine, but a step failed" : "failed, but none did"));
  }
  if (!spec.pool.empty()) {
    std::int64_t others = 0;
    for (const auto& [key, work] : at_work_)
      others += work.second == spec.pool && key != std::pair(run_id, spec.name) && work.first->alive && runs_.at(key.first).owner == work.first ? 1 : 0;
    const std::int64_t size = pipelines_.at(run.pipeline)->pools.at(spec.pool);
    if (others >= size) world_.Violation(StrCat("step `", spec.name, "` of run ", run_id, " is at work in pool `", spec.pool, "` with ", others, " others, but its size is ", size));
  }
  at_work_[{run_id, spec.name}] = {&by, spec.pool};
}

// --- leases and slots ------------------------------------------------------------------------------------------------

void Checker::LeaseChanged(const Change& change) {
  const std::int64_t left = change.clock == world_.BootId() ? change.until_us - world_.monotonic_us() : 0;
  if (change.new_number < change.old_number || change.new_number > change.old_number + 1) world_.Violation(StrCat("the epoch of lease `", change.id, "` went from ", change.old_number, " to ", change.new_number));
  if (change.new_number == change.old_number) world_.Violation(StrCat("the lease `", change.id, "` went from ", change.was, " to ", change.now, " under one epoch"));
  if (left > 0) world_.Violation(StrCat("the lease `", change.id, "` was taken from ", change.was, " ", left / 1000, " ms before its end"));
  lease_epochs_[change.id] = change.new_number;
}

void Checker::SlotChanged(const Change& change) {
  auto& slots = slots_[change.now];
  if (change.new_number == 0) {
    slots.erase({change.id, change.step});
    return;
  }
  slots.insert({change.id, change.step});
  const std::int64_t size = pipelines_.at(runs_.at(change.id).pipeline)->pools.at(change.now);
  if (static_cast<std::int64_t>(slots.size()) > size) world_.Violation(StrCat("the pool `", change.now, "` of ", size, " has ", slots.size(), " slots taken, the last by step `", change.step, "` of run ", change.id));
}

void Checker::CheckSlotsAreFree() {
  for (const auto& [pool, slots] : slots_)
    for (const auto& [run, step] : slots)
      if (runs_.at(run).exit_code != 130) world_.Violation(StrCat("step `", step, "` of run ", run, ", which ended, holds a slot of pool `", pool, "`"));
}

}  // namespace headrace::simulator
