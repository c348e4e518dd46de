#include "headrace/run/run_loop.h"

#include <algorithm>

#include "headrace/base/crash.h"
#include "headrace/base/files.h"
#include "headrace/base/version.h"
#include "headrace/pipeline/tags.h"
#include "headrace/run/fingerprint.h"
#include "headrace/run/presentable.h"
#include "headrace/run/run_alerts.h"
#include "headrace/run/run_params.h"
#include "headrace/sql/files.h"
#include "headrace/step/personal.h"

namespace headrace {

namespace {
constexpr std::int64_t kLookMicros = 1'000'000;      // how often a wish to cancel is looked for

StepRecord PendingRecord(const std::string& run, const StepSpec& spec) {
  StepRecord record;
  record.run = run;
  record.step = spec.name;
  record.kind = StepKindName(spec.kind);
  record.parts = "{}";
  StepDetails details;
  details.upstream = spec.upstream;
  record.details = details.ToJson();
  return record;
}
bool AnyGateRefused(const StepDetails& details) {
  return details.model && std::any_of(details.model->gates.begin(), details.model->gates.end(), [](const GateVerdict& gate) { return !gate.passed; });
}

/// Whether a train step's record includes the registration that `spec` asks for: one of a dry run does not, nor one whose promotion was refused.
bool Registered(const StepSpec& spec, const StepDetails& details) {
  if (spec.kind != StepKind::kTrain || !spec.as<TrainStepSpec>().registration) return true;
  if (!details.model || details.model->version == 0) return false;
  return !spec.approve || AnyGateRefused(details) || details.model->champion_after == details.model->version;
}
}  // namespace

bool AlwaysRuns(const StepSpec& step) {
  if (step.kind == StepKind::kDeliver || step.kind == StepKind::kPipeline) return true;
  if (step.kind == StepKind::kCommand) return step.as<CommandSpec>().outputs && step.as<CommandSpec>().outputs->empty();
  return step.kind == StepKind::kExtract && step.as<ExtractSpec>().file.empty();
}

std::string_view WhyAlways(const StepSpec& step) {
  if (step.kind == StepKind::kDeliver) return "a delivery asks its destination each time";
  if (step.kind == StepKind::kPipeline) return "the other pipeline judges its steps itself";
  return step.kind == StepKind::kCommand ? "a command without outputs runs each time" : "a live source is read each time";
}

namespace {
Result<std::map<std::string, std::string>> ReadSources(const ResolvedPipeline& pipeline, const StepSpec& step) {
  if (const CommandSpec* program = ProgramOf(step)) return CodeDigests(pipeline.root, *program);
  std::map<std::string, std::string> digests;
  if (step.kind != StepKind::kExtract || step.as<ExtractSpec>().file.empty()) return digests;
  ASSIGN_OR_RETURN(const std::vector<std::string> files, MatchFiles(JoinPath(pipeline.root, step.as<ExtractSpec>().file)));
  for (const std::string& file : files) {
    const std::string within = pipeline.root + "/";
    ASSIGN_OR_RETURN(digests[file.starts_with(within) ? file.substr(within.size()) : file], Sha256OfFile(file));
  }
  return digests;
}
}  // namespace

Result<std::map<std::string, std::string>> SourceDigests(const ResolvedPipeline& pipeline, const StepSpec& step) {
  ASSIGN_OR_RETURN(auto digests, ReadSources(pipeline, step));
  for (const CheckSpec& check : step.checks)
    if (check.kind == CheckSpec::Kind::kDrift && check.drift.against != "training" && check.drift.against != "last") {
      ASSIGN_OR_RETURN(digests[check.drift.against], Sha256OfFile(JoinPath(pipeline.root, check.drift.against)));
    }
  const bool tells_values = step.kind == StepKind::kTrain || (step.kind == StepKind::kScore && step.as<ScoreSpec>().reasons > 0);   // in the model's profile; in reasons
  if (tells_values)
    if (const std::vector<std::string> personal = PersonalColumns(pipeline); !personal.empty()) digests["columns called personal"] = Join(personal, ", ");
  if (step.kind == StepKind::kTrain)
    for (const TransformSpec& entry : step.as<TrainStepSpec>().train.transform)
      if (!entry.tag.empty()) digests[StrCat("columns tagged ", entry.tag)] = Join(TaggedColumns(pipeline, entry.tag), ", ");
  return digests;
}

Result<StepInputFile> ResolveModelInput(Store& store, const ResolvedPipeline& pipeline, const ModelRef& ref) {
  StepInputFile input;
  input.artifact.kind = "model";
  if (!ref.file.empty()) {
    input.path = JoinPath(pipeline.root, ref.file);
    ASSIGN_OR_RETURN(input.artifact.digest, Sha256OfFile(input.path));
    input.label = FileName(ref.file);
    return input;
  }
  ASSIGN_OR_RETURN(const ModelVersion version, store.ResolveModel(pipeline.tenant, ref.name, ref.alias));
  input.artifact.digest = version.digest;
  ASSIGN_OR_RETURN(input.path, store.ArtifactPath(input.artifact));
  input.label = StrCat(ref.name, "@", version.version);
  return input;
}

bool RunLoop::GateRefused(const StepDetails& details) { return AnyGateRefused(details); }

/// The spec to run a step by: what stands under `finally` is told how the run went so far.
const StepSpec& RunLoop::Spec(const std::string& step) const {
  const StepSpec& spec = *specs_.at(step);
  if (!spec.last || worst_error_ == ErrorCode::kOk) return spec;
  const auto failed = env_.pipeline->last_if_failed.find(step);
  return failed == env_.pipeline->last_if_failed.end() ? spec : failed->second;
}

/// What a step's end does to those that come after it: whoever reads it needs it to end well; whoever only follows it does not, when it says
/// `on_failure: continue` or they stand under `finally`.
static Plan::Step PlanStep(const StepSpec& spec, const std::map<std::string, const StepSpec*, std::less<>>& specs) {
  Plan::Step step{spec.name, {}, {}, spec.last};
  for (const std::string& name : spec.upstream) {
    const bool reads = std::any_of(spec.inputs.begin(), spec.inputs.end(), [&](const StepInput& input) { return input.step == name; }) ||
                       (spec.for_each && spec.for_each->rows && spec.for_each->rows->step == name);
    const bool follows = !reads && (spec.last || specs.at(name)->on_failure == StepSpec::OnFailure::kContinue);
    (follows ? step.after : step.upstream).push_back(name);
  }
  return step;
}

Status RunLoop::Open(const Options& options) {
  const ResolvedPipeline& pipeline = *env_.pipeline;
  std::vector<Plan::Step> steps;
  std::vector<StepRecord> records;
  for (const StepSpec& spec : pipeline.steps) specs_[spec.name] = &spec;
  for (const StepSpec& spec : pipeline.steps) {
    steps.push_back(PlanStep(spec, specs_));
    records.push_back(PendingRecord(env_.run, spec));
    records_[spec.name] = records.back();
  }
  ASSIGN_OR_RETURN(plan_, Plan::Make(steps));
  if (options.resume.empty()) {
    RETURN_IF_ERROR(ChoosePart(options, records));
    if (options.force) MakeAnew(records);
    run_.id = env_.run;
    run_.pipeline = pipeline.pipeline;
    run_.tenant = pipeline.tenant;
    run_.environment = pipeline.environment.name;
    run_.interval_start_us = pipeline.interval.start_us;
    run_.interval_end_us = pipeline.interval.end_us;
    run_.params = ParamsJson(pipeline);
    if (options.from.empty() && options.only.empty() && options.trigger != "dry run") run_.definition = DefinitionOf(pipeline);
    run_.trigger = options.trigger;
    run_.parent = options.parent;
    run_.started_us = env_.clock->NowMicros();
    run_.version = ThisBuild().version;
    run_.commit = env_.commit;
    run_.files = env_.files;
    run_.dirty = env_.dirty;
    run_.process = ThisProcess();
    RETURN_IF_ERROR(env_.store->CreateRun(run_, records, options.claim));
  } else {
    std::vector<std::string> last;
    for (const StepSpec& spec : pipeline.steps)
      if (spec.last) last.push_back(spec.name);
    RETURN_IF_ERROR(env_.store->ResumeRun(options.resume, ThisProcess(), last, options.claim, DefinitionOf(pipeline)));
    ASSIGN_OR_RETURN(run_, env_.store->GetRun(options.resume));
    ASSIGN_OR_RETURN(const std::vector<StepRecord> recorded, env_.store->ListSteps(run_.id));
    for (const StepRecord& record : recorded) {
      const auto known = records_.find(record.step);
      if (known == records_.end())
        return Error(ErrorCode::kInvalid, "run ", run_.id, " has a step `", record.step, "` that the pipeline no longer has")
            .WithHelp("start a new run: it reuses what is unchanged");
      known->second = record;
      ASSIGN_OR_RETURN(details_[record.step], StepDetails::FromJson(record.details));
    }
    if (recorded.size() != records_.size())
      return Error(ErrorCode::kInvalid, "the pipeline has steps that run ", run_.id, " does not know").WithHelp("start a new run: it reuses what is unchanged");
    records = recorded;
    if (options.force) MakeAnew(records);
  }
  observer_.RunStarted(run_, records);
  return Ok();
}

Result<RunRecord> RunLoop::Run(const Options& options) {
  RETURN_IF_ERROR(Open(options));
  while (!plan_->done() && !(plan_->stuck() && active_.empty() && due_.empty())) {
    RETURN_IF_ERROR(env_.store->Heartbeat(run_.id));
    if (!interrupted_) {
      ASSIGN_OR_RETURN(const std::string by, CancelledBy());
      if (interrupt_ || !by.empty()) RETURN_IF_ERROR(Interrupt(by));
    }
    if (!interrupted_) {
      RETURN_IF_ERROR(StartDue());
      while (active_.size() < runner_.slots()) {
        const std::optional<std::string> next = plan_->NextReady();
        if (!next) break;
        RETURN_IF_ERROR(Begin(*next));
      }
      RETURN_IF_ERROR(StartItems());
    }
    RETURN_IF_ERROR(EndItems());
    if (active_.empty() && due_.empty() && fans_.empty()) continue;
    RETURN_IF_ERROR(Write(nullptr));
    StepRunner::Event event = runner_.Wait(kTickMicros);
    if (event.kind == StepRunner::Event::Kind::kProgress) {
      if (!items_.contains(event.step)) observer_.StepProgress(event.step, event.doing, event.fraction);
    }
    else if (event.kind == StepRunner::Event::Kind::kFinished) RETURN_IF_ERROR(HandleFinished(event.step, std::move(event.outcome)));
    else observer_.Tick();
    CheckDeadlines();
  }
  RETURN_IF_ERROR(Write(nullptr));
  RunState state = RunState::kSucceeded;
  int exit_code = 0;
  if (interrupted_) {
    state = RunState::kInterrupted;
    exit_code = ExitCode(ErrorCode::kInterrupted);
  } else if (worst_error_ != ErrorCode::kOk) {
    state = RunState::kFailed;
    exit_code = ExitCode(worst_error_);
  } else if (!parked_.empty()) {
    state = RunState::kWaiting;
    exit_code = ExitCode(ErrorCode::kBusy);
  }
  ASSIGN_OR_RETURN(const std::vector<OutboxMessage> told, Told(state, exit_code));
  RETURN_IF_ERROR(env_.store->FinishRun(run_.id, state, exit_code, Sentence(state), told));
  ASSIGN_OR_RETURN(run_, env_.store->GetRun(run_.id));
  observer_.RunFinished(run_);
  return run_;
}

/// What people are told of the end of this run. A part of another run is told of by that one.
Result<std::vector<OutboxMessage>> RunLoop::Told(RunState state, int exit_code) {
  const bool ended = state == RunState::kSucceeded || state == RunState::kFailed;
  if (env_.alerts == nullptr || env_.dry_run || !ended || !run_.parent.empty()) return std::vector<OutboxMessage>();
  RunRecord now = run_;
  now.state = state;
  now.exit_code = exit_code;
  now.message = Sentence(state);
  std::vector<StepRecord> steps;
  for (const StepSpec& spec : env_.pipeline->steps) steps.push_back(records_.at(spec.name));
  ASSIGN_OR_RETURN(const std::vector<Alert> alerts, AlertsOfRun(*env_.alerts, *env_.store, now, steps, details_, env_.clock->NowMicros()));
  return MessagesFor(*env_.alerts, alerts);
}

std::string RunLoop::Sentence(RunState state) const {
  if (state == RunState::kInterrupted)
    return StrCat(cancelled_by_.empty() ? "interrupted" : StrCat("cancelled by ", cancelled_by_), "; `headrace run --resume` goes on where it stood");
  if (state == RunState::kWaiting && !waits_.empty()) return StrCat(waits_, ", then `headrace run --resume ", run_.id, "`");
  if (state == RunState::kWaiting)
    return StrCat("waits for an approval of `", Join(parked_, "`, `"), "`: `headrace approve ", run_.id, " ", parked_[0], "`, then `headrace run --resume ", run_.id, "`");
  return worst_message_;
}

Result<std::map<std::string, StepInputFile>> RunLoop::Inputs(const StepSpec& spec) {
  std::map<std::string, StepInputFile> inputs;
  for (const StepInput& input : spec.inputs) {
    const StepRecord& producer = records_.at(input.step);
    const auto output = producer.outputs.find(input.output);
    if (output == producer.outputs.end())
      return Error(ErrorCode::kInvalid, "step `", input.step, "` left no output", input.output.empty() ? std::string() : StrCat(" `", input.output, "`"),
                   " for `", spec.name, "` to read");
    StepInputFile file{output->second, "", ""};
    ASSIGN_OR_RETURN(file.path, env_.store->ArtifactPath(file.artifact));
    if (file.artifact.kind == "model") {
      const std::optional<ModelDetails>& model = details_[input.step].model;
      file.label = model && model->version > 0 ? StrCat(model->name, "@", model->version) : file.artifact.digest.substr(0, 12);
    }
    inputs[input.name] = std::move(file);
  }
  if (spec.kind == StepKind::kScore && spec.as<ScoreSpec>().model.step.empty()) {
    if (const std::optional<StepInputFile> made = DryChampion(spec.as<ScoreSpec>().model)) {
      inputs["model"] = *made;
      ASSIGN_OR_RETURN(inputs["model"].path, env_.store->ArtifactPath(made->artifact));
      return inputs;
    }
    ASSIGN_OR_RETURN(inputs["model"], ResolveModelInput(*env_.store, *env_.pipeline, spec.as<ScoreSpec>().model));
  }
  return inputs;
}

/// In a dry run nothing is promoted, so `name@champion` is the model that this run would have made champion.
std::optional<StepInputFile> RunLoop::DryChampion(const ModelRef& ref) const {
  if (!env_.dry_run || !ref.file.empty() || ref.alias != "champion" || gates_refused_.contains(ref.name)) return std::nullopt;
  for (const StepSpec& spec : env_.pipeline->steps) {
    if (spec.kind != StepKind::kTrain || !spec.as<TrainStepSpec>().registration) continue;
    const RegisterSpec& registration = *spec.as<TrainStepSpec>().registration;
    const auto output = records_.at(spec.name).outputs.find("");
    if (registration.name == ref.name && registration.promote == RegisterSpec::Promote::kAuto && output != records_.at(spec.name).outputs.end())
      return StepInputFile{output->second, "", StrCat(ref.name, "@champion, not registered")};
  }
  return std::nullopt;
}

Status RunLoop::Begin(const std::string& step) {
  const StepSpec& spec = Spec(step);
  StepRecord& record = records_.at(step);
  if (record.state == StepState::kSucceeded || record.state == StepState::kReused) {  // a resumed run: it ended before
    if (GateRefused(details_[step])) NoteRefusal(spec);
    observer_.StepChanged(record, {});  // what it did was told when it did it
    static_cast<void>(plan_->Finished(step, StepEnd::kOk));
    return Ok();
  }
  if (record.state == StepState::kWaiting && !record.outputs.empty()) {  // a model that waits for its promotion; a waiting delivery starts like any other
    ASSIGN_OR_RETURN(const std::optional<Approval> answer, env_.store->GetApproval(run_.id, step));
    return answer && !StillOpen(*answer) ? EndPromotion(spec, record, *answer) : Park(spec, record, details_[step]);
  }
  record.started_us = env_.clock->NowMicros();
  if (!details_[step].taken_from.empty()) return UseRecorded(record);
  if (!spec.enabled) {
    record.state = StepState::kSkipped;
    record.reason = StrCat("`when: ", spec.when, "` is false");
    return Record(record, {}, StepEnd::kSkipped);
  }
  if (spec.for_each) return BeginItems(spec, record);
  Result<std::map<std::string, StepInputFile>> inputs = Inputs(spec);
  Result<std::map<std::string, std::string>> sources = SourceDigests(*env_.pipeline, spec);
  Status status = inputs.ok() ? std::move(sources).status() : std::move(inputs).status();
  if (!status.ok()) {
    if (spec.kind == StepKind::kScore && gates_refused_.contains(spec.as<ScoreSpec>().model.name)) {
      record.state = StepState::kSkipped;
      record.reason = StrCat("a gate refused the new model and `", spec.as<ScoreSpec>().model.name, "` has no champion before it");
      return Record(record, {}, StepEnd::kSkipped);
    }
    return FailAtOnce(spec, record, std::move(status));
  }
  record.parts = FingerprintParts(spec, *inputs, *sources, env_.pipeline->interval);
  record.fingerprint = FingerprintOf(record.parts);
  ASSIGN_OR_RETURN(const bool reused, TryReuse(spec, record));
  if (reused) return Ok();
  record.attempt = 0;
  first_try_[step] = env_.clock->MonotonicMicros();
  if (spec.approve && spec.kind == StepKind::kDeliver && !env_.dry_run) return AskOrGoOn(spec, record, std::move(inputs).value());
  return Start(spec, record, std::move(inputs).value());
}

Status RunLoop::FailAtOnce(const StepSpec& spec, StepRecord& record, Status status) {
  active_[spec.name].tried = false;
  StepOutcome outcome;
  outcome.status = std::move(status);
  record.attempt = std::max(record.attempt, 1);
  return HandleFinished(spec.name, std::move(outcome));
}

/// A slot of the step's pool, or another look for one a little later.
Result<bool> RunLoop::HasSlot(const StepSpec& spec) {
  if (spec.pool.empty()) return true;
  ASSIGN_OR_RETURN(const bool taken, env_.store->TakeSlot(spec.pool, env_.pipeline->pools.at(spec.pool), run_.id, spec.name));
  if (!taken) due_[spec.name] = env_.clock->MonotonicMicros() + kTickMicros;
  return taken;
}

Result<bool> RunLoop::TryReuse(const StepSpec& spec, StepRecord& record) {
  ASSIGN_OR_RETURN(const std::optional<StepDetails> details, FindReuse(spec, record, details_[spec.name].anew, AlwaysRuns(spec)));
  if (!details) return false;
  if (GateRefused(*details)) NoteRefusal(spec);
  RETURN_IF_ERROR(Record(record, *details, StepEnd::kOk));
  return true;
}

/// The details of an earlier output that stands for this step or item, which `record` then has; or nothing, and `record` says why it runs.
Result<std::optional<StepDetails>> RunLoop::FindReuse(const StepSpec& spec, StepRecord& record, bool anew, bool live) {
  const std::string& pipeline = env_.pipeline->pipeline;
  const std::string& tenant = env_.pipeline->tenant;
  const bool may_be_fresh = live && spec.kind == StepKind::kExtract && spec.cache.fresh_for_us.has_value();
  if (!anew && spec.cache.reuse && (!live || may_be_fresh)) {
    ASSIGN_OR_RETURN(const std::optional<StepRecord> found, env_.store->FindReusable(pipeline, tenant, record.step, record.fingerprint));
    const bool fresh = !live || (found && found->finished_us + *spec.cache.fresh_for_us > env_.clock->NowMicros());
    StepDetails details;
    if (found) {
      ASSIGN_OR_RETURN(details, StepDetails::FromJson(found->details));
    }
    bool allowed = true;           // an extract whose rows must be others than those of the interval before reads again, and says so
    if (found && fresh && !may_be_fresh && spec.kind == StepKind::kExtract && found->outputs.contains("")) {
      std::erase_if(details.checks, [](const CheckVerdict& verdict) { return verdict.kind == "unchanged"; });     // that was of another interval
      ASSIGN_OR_RETURN(std::optional<CheckVerdict> unchanged, JudgeUnchanged(*env_.store, *env_.pipeline, spec, found->outputs.at("")));
      allowed = !unchanged || unchanged->severity == Severity::kWarn;
      if (unchanged) details.checks.push_back(*std::move(unchanged));
    }
    if (found && fresh && allowed && (env_.dry_run || Registered(spec, details))) {
      record.state = StepState::kReused;
      record.reused_from = found->run;
      record.reason = "nothing that determines it changed";
      record.outputs = found->outputs;
      return std::optional<StepDetails>(std::move(details));
    }
  }
  ASSIGN_OR_RETURN(const std::optional<StepRecord> last, env_.store->LastOf(pipeline, tenant, record.step, run_.id));
  if (anew) record.reason = "asked to run it";
  else if (live) record.reason = WhyAlways(spec);
  else if (!last) record.reason = "it never ran before";
  else if (last->fingerprint == record.fingerprint) {
    ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(last->details));
    record.reason = !spec.cache.reuse ? "`cache: off`" : Registered(spec, details) ? "its recorded output is gone" : "a dry run registered nothing";
  }
  else {
    ASSIGN_OR_RETURN(const std::vector<PartChange> changes, CompareParts(last->parts, record.parts));
    record.reason = StrCat("`", changes.empty() ? "program" : changes[0].part, "` changed");
    if (changes.size() > 1) record.reason += StrCat(" and ", changes.size() - 1, " more");
  }
  return std::optional<StepDetails>();
}

Status RunLoop::Start(const StepSpec& spec, StepRecord& record, std::map<std::string, StepInputFile> inputs) {
  ASSIGN_OR_RETURN(const bool has_slot, HasSlot(spec));
  if (!has_slot) return Ok();
  ++record.attempt;
  record.state = StepState::kRunning;
  RETURN_IF_ERROR(Write(&record));
  observer_.StepChanged(record, {});
  active_[spec.name] = {spec.timeout_us > 0 ? env_.clock->MonotonicMicros() + spec.timeout_us : 0, false};
  StepContext context;
  context.run = &env_;
  context.step = &spec;
  context.inputs = std::move(inputs);
  context.attempt = record.attempt;
  context.fingerprint = record.fingerprint;
  context.unfitted = UnfittedAbove(*env_.pipeline, spec);
  runner_.Start(std::move(context));
  return Ok();
}

Status RunLoop::StartDue() {
  for (auto entry = due_.begin(); entry != due_.end();) {
    if (entry->second > env_.clock->MonotonicMicros() || active_.size() >= runner_.slots()) {
      ++entry;
      continue;
    }
    const StepSpec& spec = Spec(entry->first);
    entry = due_.erase(entry);
    ASSIGN_OR_RETURN(auto inputs, Inputs(spec));
    RETURN_IF_ERROR(Start(spec, records_.at(spec.name), std::move(inputs)));
  }
  return Ok();
}

/// A refused gate ends the run with exit code 3, whether the model was fitted now, in a run that is resumed or in one that is reused.
void RunLoop::NoteRefusal(const StepSpec& spec) {
  const auto& registration = spec.as<TrainStepSpec>().registration;
  if (registration) gates_refused_.insert(registration->name);
  NoteError(ErrorCode::kGate, StrCat("a gate of `", spec.name, "` refused the new model; the champion stays"));
}

/// What another try may mend says less than what a gate refused, and that less than a failure; of equal ones the first counts.
void RunLoop::NoteError(ErrorCode code, std::string message) {
  const auto weight = [](ErrorCode of) { return of == ErrorCode::kOk ? 0 : of == ErrorCode::kBusy ? 1 : of == ErrorCode::kGate ? 2 : 3; };
  if (weight(code) <= weight(worst_error_)) return;
  worst_error_ = code;
  worst_message_ = std::move(message);
}

/// When to try again what failed with `status`, a monotonic time; nullopt: not at all.
std::optional<std::int64_t> RunLoop::NextTry(const StepSpec& spec, const StepRecord& record, const Status& status, std::int64_t first_try) {
  const bool may_pass = status.code() == ErrorCode::kBusy || (spec.retry.all && status.code() != ErrorCode::kInterrupted);
  if (!may_pass || record.attempt >= spec.retry.attempts || interrupted_) return std::nullopt;
  std::int64_t longest = spec.retry.backoff_us;
  for (int i = 1; i < record.attempt && longest < spec.retry.max_us; ++i) longest *= 2;
  longest = std::min(longest, spec.retry.max_us);
  const std::int64_t pause = longest <= 0 ? 0 : static_cast<std::int64_t>(env_.random->Next() % static_cast<std::uint64_t>(longest + 1));
  const std::int64_t now = env_.clock->MonotonicMicros();
  if (spec.retry.deadline_us > 0 && now + pause > first_try + spec.retry.deadline_us) return std::nullopt;
  return now + pause;
}

/// Make the outcome of an attempt fit to be shown and kept; its notes go to the log of `step`.
Status RunLoop::Presented(const StepSpec& spec, bool timed_out, StepOutcome& outcome, const std::string& step) {
  if (timed_out && outcome.status.code() == ErrorCode::kInterrupted)
    outcome.status = Error(ErrorCode::kFailed, "did not end within its timeout of ", FormatDuration(spec.timeout_us))
                         .WithHelp("raise `timeout`, or find out what it waits for");
  outcome.status = Presentable(env_, outcome.status);
  outcome.skipped = Presentable(env_, outcome.skipped);
  for (std::string& note : outcome.details.notes) note = Presentable(env_, note);
  for (const std::string& note : outcome.details.notes) RETURN_IF_ERROR(Log(step, "note", note));
  return Ok();
}

Status RunLoop::HandleFinished(const std::string& step, StepOutcome outcome) {
  if (items_.contains(step)) return ItemFinished(step, std::move(outcome));
  const StepSpec& spec = Spec(step);
  StepRecord& record = records_.at(step);
  const Active active = active_.at(step);
  active_.erase(step);
  if (!spec.pool.empty()) RETURN_IF_ERROR(env_.store->FreeSlot(spec.pool, run_.id, step));
  RETURN_IF_ERROR(Presented(spec, active.timed_out, outcome, step));
  if (const auto fan = fans_.find(step); fan != fans_.end()) {
    StepDetails details = fan->second.out.Details();
    details.notes = std::move(outcome.details.notes);
    outcome.details = std::move(details);
    fans_.erase(fan);
  }
  if (!outcome.skipped.empty()) {
    record.state = StepState::kSkipped;
    record.reason = outcome.skipped;
    return Record(record, outcome.details, StepEnd::kSkipped);
  }
  if (!outcome.waits.empty()) return ParkForOtherRun(spec, record, std::move(outcome.details), std::move(outcome.waits));
  if (outcome.status.ok()) {
    record.state = StepState::kSucceeded;
    record.outputs = std::move(outcome.outputs);
    if (outcome.gate_refused) NoteRefusal(spec);
    else if (spec.approve && spec.kind == StepKind::kTrain && outcome.details.model && outcome.details.model->version > 0 && outcome.details.model->champion_after != outcome.details.model->version)
      return Park(spec, record, outcome.details);
    return Record(record, outcome.details, StepEnd::kOk);
  }
  RETURN_IF_ERROR(Log(step, "error", StrCat("attempt ", record.attempt, ": ", outcome.status.message())));
  const std::optional<std::int64_t> again = active.tried ? NextTry(spec, record, outcome.status, first_try_[step]) : std::nullopt;
  if (again) {
    due_[step] = *again;
    return Ok();
  }
  record.state = StepState::kFailed;
  record.error_code = ErrorCodeName(outcome.status.code());
  record.message = outcome.status.message();
  record.help = outcome.status.help();
  const bool goes_on = spec.on_failure == StepSpec::OnFailure::kContinue && !interrupted_;
  if (!goes_on) NoteError(outcome.status.code(), StrCat("step `", step, "`: ", record.message));
  RETURN_IF_ERROR(Record(record, outcome.details, StepEnd::kFailed));
  if (spec.on_failure == StepSpec::OnFailure::kStopRun) return Skip(plan_->Abandon(false), StrCat("`", step, "` failed and stops the run"));
  return Ok();
}

Status RunLoop::Record(StepRecord& record, StepDetails details, StepEnd end) {
  record.finished_us = env_.clock->NowMicros();
  details.upstream = specs_.at(record.step)->upstream;
  details.taken_from = details_[record.step].taken_from;
  details.anew = details_[record.step].anew;
  record.details = details.ToJson();
  record.measured = MeasurementsOf(details, end == StepEnd::kOk);
  if (record.state == StepState::kSucceeded && record.kind == "extract" && record.outputs.contains("")) {
    ASSIGN_OR_RETURN(const std::optional<StepRecord> last, env_.store->LastOf(run_.pipeline, run_.tenant, record.step, run_.id));
    if (last && last->outputs.contains("") && last->outputs.at("").digest == record.outputs.at("").digest)
      record.reason = StrCat("read again and found equal to run ", last->run);
  }
  details_[record.step] = std::move(details);
  ended_.push_back(record);
  if (ended_.size() >= kMostEnded) RETURN_IF_ERROR(Write(nullptr));
  return Skip(plan_->Finished(record.step, end), StrCat("`", record.step, "` ", end == StepEnd::kFailed ? "failed" : "was skipped"));
}

Status RunLoop::Skip(const std::vector<std::string>& steps, std::string_view why) {
  for (const std::string& step : steps) {
    StepRecord& record = records_.at(step);
    if (record.state == StepState::kSucceeded || record.state == StepState::kReused) continue;
    record.state = StepState::kSkipped;
    record.reason = why;
    record.started_us = record.finished_us = env_.clock->NowMicros();
    ended_.push_back(record);
    if (ended_.size() >= kMostEnded) RETURN_IF_ERROR(Write(nullptr));
  }
  return Ok();
}

/// Write what ended since the last time and what starts now: together they cost little more than one of them.
Status RunLoop::Write(const StepRecord* started) {
  if (ended_.empty() && started == nullptr) return Ok();
  RETURN_IF_ERROR(env_.store->Advance(ended_, started));
  for (const StepRecord& record : ended_)
    if (record.item_of.empty()) observer_.StepChanged(record, details_[record.step]);
  ended_.clear();
  return Ok();
}

/// A wish to cancel comes through the state, so that it reaches a run on another host too.
Result<std::string> RunLoop::CancelledBy() {
  const std::int64_t now = env_.clock->MonotonicMicros();
  if (now - asked_to_end_ < kLookMicros) return std::string();
  asked_to_end_ = now;
  return env_.store->CancelledBy(run_.id);
}

Status RunLoop::Interrupt(const std::string& by) {
  interrupted_ = true;
  cancelled_by_ = by;
  RETURN_IF_ERROR(Log("", "error", by.empty() ? std::string("interrupted") : StrCat("cancelled by ", by)));
  RETURN_IF_ERROR(Skip(plan_->Abandon(true), "the run was interrupted"));
  for (const auto& [step, time] : due_) {
    active_[step] = {};
    StepOutcome outcome;
    outcome.status = Error(ErrorCode::kInterrupted, "interrupted while waiting for another attempt");
    RETURN_IF_ERROR(HandleFinished(step, std::move(outcome)));
  }
  due_.clear();
  for (auto& [step, fan] : fans_) fan.out.Stop();
  return Ok();
}

/// An interrupt to a database can be lost between two of its acts, so it is repeated until the step answers.
void RunLoop::CheckDeadlines() {
  for (auto& [step, active] : active_) {
    if (active.deadline > 0 && env_.clock->MonotonicMicros() > active.deadline) active.timed_out = true;
    if (active.timed_out || interrupted_) runner_.Cancel(step);
  }
}

Status RunLoop::Log(const std::string& step, std::string_view level, std::string text) {
  return env_.store->AddEvent(run_.id, {env_.clock->NowMicros(), step, std::string(level), std::move(text)});
}

}  // namespace headrace
