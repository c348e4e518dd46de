// The part of the run loop that drives the items of a `for_each`. An item is recorded like a step of its own ("scores[de]"), with its fingerprint,
// attempts and outputs, so that it is resumed, reused and explained like one; the plan knows only the step.
#include "headrace/run/fingerprint.h"
#include "headrace/run/presentable.h"
#include "headrace/run/run_loop.h"

namespace headrace {

namespace {
constexpr std::size_t kLookedAt = 1'000;    // items between two words on how far it is

StepRecord ItemRecord(const std::string& run, const FanOut& fan, std::size_t item) {
  StepRecord record;
  record.run = run;
  record.step = fan.Name(item);
  record.kind = StepKindName(fan.step().kind);
  record.item_of = fan.step().name;
  record.position = static_cast<std::int64_t>(item);
  record.parts = record.details = "{}";
  return record;
}
}  // namespace

Status RunLoop::BeginItems(const StepSpec& spec, StepRecord& record) {
  std::string rows;
  if (spec.for_each->rows) {
    const StepInput& from = *spec.for_each->rows;
    const auto output = records_.at(from.step).outputs.find(from.output);
    if (output == records_.at(from.step).outputs.end()) return FailAtOnce(spec, record, Error(ErrorCode::kInvalid, "step `", from.step, "` left no rows to take the items from"));
    ASSIGN_OR_RETURN(rows, env_.store->ArtifactPath(output->second));
  }
  Result<std::vector<FanItem>> items = ItemsOf(spec, rows);
  if (!items.ok()) return FailAtOnce(spec, record, std::move(items).status());
  if (items->empty()) {
    record.state = StepState::kSkipped;
    record.reason = StrCat("`", spec.for_each->rows->step, "` has no row, so there is no item");
    return Record(record, {}, StepEnd::kSkipped);
  }
  Fan fan(spec, std::move(items).value());
  ASSIGN_OR_RETURN(const auto parts, PartsOfItems(fan.out));
  record.parts = parts.first.empty() ? "{}" : parts.first;
  record.fingerprint = parts.first.empty() ? "" : FingerprintOf(parts.first);
  const bool registers = spec.kind == StepKind::kTrain && spec.as<TrainStepSpec>().registration.has_value();   // whether each model is in the registry, its item knows
  const bool one_by_one = parts.first.empty() || registers;
  ASSIGN_OR_RETURN(const std::optional<StepDetails> reused, FindReuse(spec, record, details_[spec.name].anew, parts.second || one_by_one));
  if (reused) return Record(record, *reused, StepEnd::kOk);
  if (one_by_one) record.reason = "its items are judged one by one";
  ++record.attempt;
  record.state = StepState::kRunning;
  RETURN_IF_ERROR(TakeEarlierItems(fan.out));
  RETURN_IF_ERROR(Write(&record));
  observer_.StepChanged(record, {});
  fans_.emplace(spec.name, std::move(fan));
  return Ok();
}

/// What determines the step's output: the fingerprints of all items, and whether one of them runs each time. "" when an item has none (yet): it will fail, or
/// tell what it wants, when its turn comes.
Result<std::pair<std::string, bool>> RunLoop::PartsOfItems(const FanOut& fan) {
  std::vector<std::pair<std::string, std::string>> all;
  bool live = false;
  for (std::size_t item = 0; item < fan.size(); ++item) {
    RETURN_IF_ERROR(env_.store->Heartbeat(run_.id));
    if (item % kLookedAt == kLookedAt - 1) observer_.StepProgress(fan.step().name, StrCat("looking at ", fan.size(), " items"), static_cast<double>(item) / static_cast<double>(fan.size()));
    const Result<StepSpec> spec = fan.SpecOf(item);
    if (!spec.ok()) return std::pair<std::string, bool>();
    const auto inputs = Inputs(*spec);
    const auto sources = SourceDigests(*env_.pipeline, *spec);
    if (!inputs.ok() || !sources.ok()) return std::pair<std::string, bool>();
    live = live || AlwaysRuns(*spec);
    all.emplace_back(fan.Text(item), spec->enabled ? FingerprintOf(FingerprintParts(*spec, *inputs, *sources, env_.pipeline->interval)) : "off");
  }
  return std::pair(ItemParts(fan.step(), all), live);
}

/// A resumed run: the items that ended well before are not done again, wherever they stand now. An item that is no longer there is not asked for.
Status RunLoop::TakeEarlierItems(FanOut& fan) {
  ASSIGN_OR_RETURN(const std::vector<StepRecord> earlier, env_.store->ListItems(run_.id, fan.step().name));
  std::map<std::string, const StepRecord*> ended;
  for (const StepRecord& record : earlier)
    if (record.state == StepState::kSucceeded || record.state == StepState::kReused) ended[record.step] = &record;
  for (std::size_t item = 0; !ended.empty() && item < fan.size(); ++item) {
    const auto found = ended.find(fan.Name(item));
    if (found == ended.end()) continue;
    ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(found->second->details));
    fan.Ended(item, *found->second, details);
  }
  return Ok();
}

Status RunLoop::StartItems() {
  for (auto& [step, fan] : fans_)
    while (active_.size() < runner_.slots()) {
      const std::optional<std::size_t> item = fan.out.Next(env_.clock->MonotonicMicros());
      if (!item) break;
      RETURN_IF_ERROR(env_.store->Heartbeat(run_.id));
      RETURN_IF_ERROR(StartItem(fan.out, *item));
    }
  return Ok();
}

Status RunLoop::StartItem(FanOut& fan, std::size_t item) {
  StepRecord record = ItemRecord(run_.id, fan, item);
  record.started_us = env_.clock->NowMicros();
  Result<StepSpec> made = fan.SpecOf(item);
  if (!made.ok()) return EndItem(fan, item, std::move(record), {}, std::move(made).status());
  auto spec = std::make_unique<StepSpec>(std::move(made).value());
  if (!spec->enabled) {
    record.state = StepState::kSkipped;
    record.reason = StrCat("`when: ", spec->when, "` is false");
    return EndItem(fan, item, std::move(record), {}, Ok());
  }
  Result<std::map<std::string, StepInputFile>> inputs = Inputs(*spec);
  if (!inputs.ok()) return EndItem(fan, item, std::move(record), {}, std::move(inputs).status());
  const auto sources = SourceDigests(*env_.pipeline, *spec);
  if (!sources.ok()) return EndItem(fan, item, std::move(record), {}, sources.status());
  record.parts = FingerprintParts(*spec, *inputs, *sources, env_.pipeline->interval);
  record.fingerprint = FingerprintOf(record.parts);
  ItemTries& tries = fans_.at(fan.step().name).tries[item];
  if (tries.attempts == 0) {
    ASSIGN_OR_RETURN(std::optional<StepDetails> reused, FindReuse(*spec, record, details_[fan.step().name].anew, AlwaysRuns(*spec)));
    if (reused && GateRefused(*reused)) NoteRefusal(*spec);
    if (reused) return EndItem(fan, item, std::move(record), *std::move(reused), Ok());
    tries.first = env_.clock->MonotonicMicros();
  }
  if (!spec->pool.empty()) {
    ASSIGN_OR_RETURN(const bool taken, env_.store->TakeSlot(spec->pool, env_.pipeline->pools.at(spec->pool), run_.id, record.step));
    if (!taken) return fan.Later(item, env_.clock->MonotonicMicros() + kTickMicros), Ok();
  }
  record.attempt = ++tries.attempts;
  record.state = StepState::kRunning;
  RETURN_IF_ERROR(Write(&record));
  active_[record.step] = {spec->timeout_us > 0 ? env_.clock->MonotonicMicros() + spec->timeout_us : 0, false};
  StepContext context;
  context.run = &env_;
  context.step = spec.get();
  context.inputs = std::move(inputs).value();
  context.attempt = record.attempt;
  context.fingerprint = record.fingerprint;
  context.unfitted = UnfittedAbove(*env_.pipeline, *spec);
  const std::string name = record.step;
  items_[name] = {&fan, item, std::move(spec), std::move(record)};
  runner_.Start(std::move(context));
  return Ok();
}

Status RunLoop::ItemFinished(const std::string& name, StepOutcome outcome) {
  const Active active = active_.at(name);
  ItemAttempt attempt = std::move(items_.at(name));
  active_.erase(name);
  items_.erase(name);
  const StepSpec& spec = *attempt.spec;
  StepRecord& record = attempt.record;
  if (!spec.pool.empty()) RETURN_IF_ERROR(env_.store->FreeSlot(spec.pool, run_.id, name));
  RETURN_IF_ERROR(Presented(spec, active.timed_out, outcome, name));
  if (outcome.status.ok()) {
    record.state = outcome.skipped.empty() ? StepState::kSucceeded : StepState::kSkipped;
    if (!outcome.skipped.empty()) record.reason = outcome.skipped;
    if (!outcome.waits.empty()) {
      record.state = StepState::kWaiting;
      record.reason = outcome.waits;
    }
    record.outputs = std::move(outcome.outputs);
    if (outcome.gate_refused) NoteRefusal(spec);
    return EndItem(*attempt.fan, attempt.item, std::move(record), std::move(outcome.details), Ok());
  }
  RETURN_IF_ERROR(Log(name, "error", StrCat("attempt ", record.attempt, ": ", outcome.status.message())));
  const ItemTries& tries = fans_.at(attempt.fan->step().name).tries[attempt.item];
  if (const std::optional<std::int64_t> again = NextTry(spec, record, outcome.status, tries.first)) return attempt.fan->Later(attempt.item, *again), Ok();
  return EndItem(*attempt.fan, attempt.item, std::move(record), std::move(outcome.details), std::move(outcome.status));
}

Status RunLoop::EndItem(FanOut& fan, std::size_t item, StepRecord record, StepDetails details, Status status) {
  const std::string& step = fan.step().name;
  record.finished_us = env_.clock->NowMicros();
  if (!status.ok()) {
    status = Presentable(env_, status);
    record.state = StepState::kFailed;
    record.error_code = ErrorCodeName(status.code());
    record.message = status.message();
    record.help = status.help();
  }
  record.details = details.ToJson();
  record.measured = MeasurementsOf(details, status.ok());
  fan.Ended(item, record, details, status);
  fans_.at(step).tries.erase(item);
  ended_.push_back(std::move(record));
  if (ended_.size() >= kMostEnded) RETURN_IF_ERROR(Write(nullptr));
  const ItemCounts& counts = fan.counts();
  observer_.StepProgress(step, StrCat(counts.succeeded + counts.reused + counts.skipped, " of ", counts.total, " items", counts.failed > 0 ? StrCat(", ", counts.failed, " failed") : "", counts.waiting > 0 ? StrCat(", ", counts.waiting, " waiting") : ""), fan.progress());
  if (status.ok() || !fan.step().for_each->fail_fast) return Ok();
  fan.Stop();
  for (const auto& [name, attempt] : items_)
    if (attempt.fan == &fan) runner_.Cancel(name);
  return Ok();
}

/// Steps whose items have all ended: they end, or their outputs are joined first.
Status RunLoop::EndItems() {
  std::vector<std::string> over;
  for (const auto& [step, fan] : fans_)
    if (fan.out.done() && !fan.join) over.push_back(step);
  for (const std::string& step : over) RETURN_IF_ERROR(JoinItems(fans_.at(step).out));
  return Ok();
}

Status RunLoop::JoinItems(FanOut& fan) {
  const std::string step = fan.step().name;
  active_[step].tried = false;             // its items had their retries
  StepOutcome outcome;
  outcome.status = fan.Failure();
  if (outcome.status.ok() && interrupted_) outcome.status = Error(ErrorCode::kInterrupted, "interrupted; the items that ended are kept");
  if (outcome.status.ok()) outcome.waits = fan.waits();
  if (outcome.status.ok() && fan.counts().skipped == fan.counts().total) outcome.skipped = "every item was skipped";
  if (!outcome.status.ok() || !outcome.skipped.empty() || !outcome.waits.empty()) return HandleFinished(step, std::move(outcome));
  Result<UnionSpec> join = fan.Join(*env_.store);
  if (!join.ok() || join->outputs.empty()) {
    outcome.status = std::move(join).status();
    return HandleFinished(step, std::move(outcome));
  }
  StepSpec& spec = fans_.at(step).join.emplace();
  spec.name = step;
  spec.kind = StepKind::kUnion;
  spec.spec = std::move(join).value();
  StepContext context;
  context.run = &env_;
  context.step = &spec;
  runner_.Start(std::move(context));
  return Ok();
}

}  // namespace headrace
