#include "steps.h"

#include <algorithm>
#include <limits>

#include "headrace/base/files.h"

namespace headrace::simulator {

namespace {
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
}  // namespace

void Destination::Deliver(const std::string& key, const std::string& digest) {
  std::vector<std::string>& rows = rows_[key];
  if (!has_ledger_) rows.push_back(digest);
  else rows = {digest};
}

SimulatedRunner::~SimulatedRunner() {
  for (const auto& [step, attempt] : attempts_) {
    if (!attempt->settled && world_.choices.Chance(2'000)) Commit(world_, destination_, *attempt);   // its COMMIT had been sent
    attempt->settled = true;
  }
}

void SimulatedRunner::Start(StepContext context) {
  const StepSpec& spec = *context.step;
  const std::string& run = context.run->run;
  checker_.Starts(run, spec);
  const auto attempt = std::make_shared<Attempt>();
  attempts_[spec.name] = attempt;
  Choices& choices = world_.choices;
  attempt->ends_us = world_.now_us() + choices.Scaled(5'000, 40 * kSecond);
  if (spec.timeout_us > 0 && choices.Chance(world_.faults.hang)) attempt->ends_us = kNever;
  else if (world_.IsPoisoned(DeliveryKey(context.pipeline(), spec.name))) attempt->end = ErrorCode::kData;
  else if (choices.Chance(world_.faults.fail)) attempt->end = ErrorCode::kBusy;
  if (spec.kind == StepKind::kDeliver && attempt->end == ErrorCode::kOk && attempt->ends_us != kNever) {
    attempt->key = DeliveryKey(context.pipeline(), spec.name);
    attempt->digest = context.inputs.at("data").artifact.digest;
    attempt->settled = false;
    const std::int64_t commits_us = attempt->ends_us + (bug_ == Bug::kEarlySuccess ? 5 * kSecond : 0);
    world_.At(commits_us, &process_, [&world = world_, &destination = destination_, attempt] { if (!attempt->settled) Commit(world, destination, *attempt); });
  }
  attempt->context = std::move(context);
  world_.Note("begins ", spec.name, " of ", run, ", attempt ", attempt->context.attempt);
}

void SimulatedRunner::Commit(World& world, Destination& destination, Attempt& attempt) {
  attempt.settled = true;
  world.Note("delivers ", attempt.key, " ", attempt.digest.substr(0, 8), " for run ", attempt.context.run->run);
  destination.Deliver(attempt.key, attempt.digest);
  if (world.choices.Chance(world.faults.lose_answer)) attempt.end = ErrorCode::kBusy;
}

/// An interrupt may be lost between two acts of the database.
void SimulatedRunner::Cancel(const std::string& step) {
  const auto found = attempts_.find(step);
  if (found == attempts_.end() || world_.choices.Chance(3'000)) return;
  Attempt& attempt = *found->second;
  attempt.cancelled = true;
  attempt.ends_us = std::min(attempt.ends_us, world_.now_us() + world_.choices.Between(0, kSecond));
  attempt.settled = true;                                                      // rolled back, unless it was committed
}

/// A busy machine wakes a process later than it asked for; that also saves turns.
StepRunner::Event SimulatedRunner::Wait(std::int64_t micros) {
  const std::int64_t now = world_.now_us();
  std::int64_t wake = now + world_.choices.Between(micros, world_.choices.Chance(8'000) ? 15 * kSecond : micros);
  for (const auto& [step, attempt] : attempts_) wake = std::min(wake, attempt->ends_us);
  world_.SleepUntil(wake);
  for (auto entry = attempts_.begin(); entry != attempts_.end(); ++entry) {
    const std::shared_ptr<Attempt> attempt = entry->second;
    if (attempt->ends_us > world_.now_us() || (!attempt->settled && bug_ != Bug::kEarlySuccess)) continue;
    Event event{Event::Kind::kFinished, entry->first, "", 1, {}};
    attempts_.erase(entry);
    event.outcome = End(*attempt);
    return event;
  }
  return {};
}

StepOutcome SimulatedRunner::End(Attempt& attempt) {
  StepOutcome outcome;
  if (attempt.cancelled) outcome.status = Error(ErrorCode::kInterrupted, "stopped");
  else if (attempt.end != ErrorCode::kOk) outcome.status = Error(attempt.end, "it is so in this world");
  else if (attempt.context.step->kind != StepKind::kDeliver) return Make(attempt);
  return outcome;
}

/// An extract reads a live source, which may hold the same rows as before; what comes after depends on what it reads alone.
StepOutcome SimulatedRunner::Make(const Attempt& attempt) {
  const StepContext& context = attempt.context;
  std::string content = context.step->name;
  if (context.step->kind == StepKind::kExtract && world_.choices.Chance(7'000)) content += StrCat(" ", world_.choices.Next());
  for (const auto& [name, input] : context.inputs) content += StrCat(" ", input.artifact.digest);
  StepOutcome outcome;
  const std::string scratch = context.store().ScratchPath(".parquet");
  outcome.status = WriteFileAtomically(scratch, content);
  if (!outcome.status.ok()) return outcome;
  const Result<ArtifactRef> artifact = context.store().AddArtifact(scratch, "dataset", 1);
  if (artifact.ok()) outcome.outputs[""] = *artifact;
  else outcome.status = artifact.status();
  return outcome;
}

}  // namespace headrace::simulator
