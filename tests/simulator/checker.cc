#include "checker.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "project.h"

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
CREATE TRIGGER request_made AFTER INSERT ON requests BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'request', new.id, new.origin, '', new.state, 0, 0, '', 0, 0); END;
CREATE TRIGGER request_changed AFTER UPDATE ON requests WHEN old.state <> new.state OR old.attempt <> new.attempt OR old.claimed <> new.claimed OR old.run <> new.run BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'request', new.id, new.run, old.state, new.state, old.attempt, new.attempt, old.run, old.claimed, new.claimed); END;
CREATE TRIGGER mark_made AFTER INSERT ON schedule_marks BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'mark', new.pipeline, '', '', '', 0, new.handled_us, '', 0, new.since_us); END;
CREATE TRIGGER mark_changed AFTER UPDATE ON schedule_marks BEGIN
  INSERT INTO seen_changes VALUES (NULL, 'mark', new.pipeline, '', '', '', old.handled_us, new.handled_us, '', 0, new.since_us); END;
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

Checker::Checker(World& world, const std::string& database, const Pipelines& pipelines) : world_(world), pipelines_(pipelines) {
  sqlite3* db = nullptr;
  Must(db, sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr));
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
    else if (change.kind == "lease") LeaseChanged(change, writer);
    else if (change.kind == "request") RequestChanged(change, writer);
    else if (change.kind == "mark") marks_[change.id] = {change.number, change.new_number};
    else SlotChanged(change, writer);
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
  } else if (change.was != "waiting" || change.now != "interrupted") {   // who waits for an approval may be cancelled by anybody
    world_.Violation(StrCat("run ", run.id, " had ended (", change.was, ") and became ", change.now, " without a new owner"));
  }
  run.state = change.now;
  run.exit_code = change.number;
}

void Checker::RunMade(const Change& change, Process& writer) {
  Run& run = runs_[change.id];
  run = {change.id, change.step, change.now, change.number, change.new_number, -1, &writer, {}, {}};
  taken_now_.insert(run.id);
  std::string& newest = newest_[{run.pipeline, run.interval_start_us}];
  if (!newest.empty() && runs_.at(newest).state == "running") world_.Violation(StrCat("run ", run.id, " began while ", newest, " of the same interval is at work"));
  newest = run.id;
  if (writer.request.empty()) return;
  std::set<std::string>& made = requests_[writer.request].runs;
  if (!made.empty()) world_.Violation(StrCat("request ", writer.request, " got a second run, ", run.id, ", after ", *made.begin()));
  made.insert(run.id);
}

void Checker::RunTaken(Run& run, const Change& change, Process& writer) {
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

// --- requests --------------------------------------------------------------------------------------------------------

void Checker::RequestChanged(const Change& change, Process& writer) {
  Request& request = requests_[change.id];
  if (change.was.empty()) {
    if (request.origin = change.step; request.origin == "schedule" && leader_ != &writer) world_.Violation(StrCat("request ", change.id, " was entered by ", writer.name, ", which does not hold the lease"));
    ++open_requests_;
  } else if (change.number != change.until_us) {
    RequestClaimed(request, change, writer);
  } else if (request.ended() && (request.origin == "schedule" || change.now != "queued")) {
    world_.Violation(StrCat("request ", change.id, " had ended (", change.was, ") and became ", change.now));
  } else if (request.ended()) {
    request.runs.clear();                              // a backfill that is given again
    ++open_requests_;
  } else if (leader_ != &writer && (request.origin == "schedule" || change.now == "started")) {
    world_.Violation(StrCat("request ", change.id, " became ", change.now, " by ", writer.name, ", which does not hold the lease; ", leader_ == nullptr ? "nobody" : leader_->name, " does"));
  }
  if (change.new_number < change.old_number || change.new_number > change.old_number + 1) world_.Violation(StrCat("the attempt of request ", change.id, " went from ", change.old_number, " to ", change.new_number));
  const bool was_open = change.was.empty() || !request.ended() || change.now == "queued";
  request.state = change.now;
  request.attempt = change.new_number;
  request.claimed = change.number;
  if (was_open && request.ended()) --open_requests_;
}

/// A process makes or resumes the run of a request.
void Checker::RequestClaimed(Request& request, const Change& change, const Process& writer) {
  if (writer.request != change.id || writer.attempt != change.number) world_.Violation(StrCat("attempt ", change.number, " of request ", change.id, " was claimed by ", writer.name));
  if (change.number != request.attempt || change.number <= request.claimed || request.state != "started")
    world_.Violation(StrCat("attempt ", change.number, " of request ", change.id, " was claimed, which is ", request.state, ", attempt ", request.attempt, ", claimed ", request.claimed));
  if (!change.clock.empty() && change.clock != change.step) world_.Violation(StrCat("request ", change.id, " had run ", change.clock, " and now has ", change.step));
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
  if (spec->kind == StepKind::kDeliver) {
    Delivery& delivery = deliveries_[StrCat(run.pipeline, "/", run.interval_start_us, "/", change.step)];
    if (change.now == "running") delivery.began = run.id;
    if (change.now == "succeeded") delivery.recorded = run.id;
  }
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

void Checker::Starts(const std::string& run_id, const StepSpec& spec) {
  if (!spec.last) return;
  const Run& run = runs_.at(run_id);
  bool failed = false;
  for (const auto& [name, state] : run.steps) failed |= state == "failed" && Spec(run, name)->on_failure != StepSpec::OnFailure::kContinue;
  if (failed != (spec.when == kToldOfFailure)) world_.Violation(StrCat("step `", spec.name, "` of run ", run_id, " was told that the run ", failed ? "is fine, but a step failed" : "failed, but none did"));
}

// --- leases and slots ------------------------------------------------------------------------------------------------

void Checker::LeaseChanged(const Change& change, const Process& writer) {
  if (change.id == "server") leader_ = &writer;
  const std::int64_t left = change.clock == world_.BootId() ? change.until_us - world_.monotonic_us() : 0;
  if (change.new_number < change.old_number || change.new_number > change.old_number + 1) world_.Violation(StrCat("the epoch of lease `", change.id, "` went from ", change.old_number, " to ", change.new_number));
  if (change.new_number == change.old_number) world_.Violation(StrCat("the lease `", change.id, "` went from ", change.was, " to ", change.now, " under one epoch"));
  if (left > 0 && !change.was.empty()) world_.Violation(StrCat("the lease `", change.id, "` was taken from ", change.was, " ", left / 1000, " ms before its end"));
}

void Checker::SlotChanged(const Change& change, const Process& writer) {
  auto& slots = slots_[change.now];
  const Process* const owner = runs_.at(change.id).owner;
  if (owner != &writer && change.new_number > change.old_number) world_.Violation(StrCat("a slot of pool `", change.now, "` was taken by ", writer.name, " for step `", change.step, "` of run ", change.id, ", which belongs to ", owner->name));
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
      if (runs_.at(run).state == "succeeded" || runs_.at(run).state == "failed") world_.Violation(StrCat("step `", step, "` of run ", run, ", which ended, holds a slot of pool `", pool, "`"));
}

}  // namespace headrace::simulator
