// The part of the run loop that asks people: a step that needs a yes is parked, and goes on, or not, when the run is resumed.
#include "headrace/run/run_loop.h"

namespace headrace {

/// Whether the answer is still to come: the time is not up and nobody said anything.
bool RunLoop::StillOpen(const Approval& approval) const {
  return approval.verdict == Approval::Verdict::kOpen && (approval.until_us == 0 || env_.clock->NowMicros() < approval.until_us);
}

std::string RunLoop::RefusalOf(const Approval& answer) const {
  if (answer.verdict == Approval::Verdict::kOpen) return "nobody approved it in time";
  return StrCat("refused", answer.by.empty() ? "" : StrCat(" by ", answer.by), answer.note.empty() ? "" : StrCat(": ", answer.note));
}

Status RunLoop::AskOrGoOn(const StepSpec& spec, StepRecord& record, std::map<std::string, StepInputFile> inputs) {
  ASSIGN_OR_RETURN(const std::optional<Approval> answer, env_.store->GetApproval(run_.id, spec.name));
  if (!answer || StillOpen(*answer)) return Park(spec, record, {});
  if (answer->verdict == Approval::Verdict::kYes) {
    record.reason = StrCat("approved", answer->by.empty() ? "" : StrCat(" by ", answer->by), answer->note.empty() ? "" : StrCat(": ", answer->note));
    return Start(spec, record, std::move(inputs));
  }
  return FailAtOnce(spec, record, Error(ErrorCode::kGate, RefusalOf(*answer)).WithHelp("nothing was delivered; a new run asks again"));
}

Status RunLoop::Park(const StepSpec& spec, StepRecord& record, StepDetails details) {
  record.state = StepState::kWaiting;
  details.upstream = spec.upstream;
  details_[spec.name] = details;
  record.details = details.ToJson();
  RETURN_IF_ERROR(Write(nullptr));
  RETURN_IF_ERROR(env_.store->ParkStep(record, spec.approve_within_us == 0 ? 0 : env_.clock->NowMicros() + spec.approve_within_us));
  plan_->Park(spec.name);
  parked_.push_back(spec.name);
  observer_.StepChanged(record, details);
  return Ok();
}

/// A `pipeline` step whose run asks people: it goes on with that run when this one is resumed. The question is that run's.
Status RunLoop::ParkForOtherRun(const StepSpec& spec, StepRecord& record, StepDetails details, std::string why) {
  record.state = StepState::kWaiting;
  record.reason = why;
  details.upstream = spec.upstream;
  details_[spec.name] = details;
  record.details = details.ToJson();
  ended_.push_back(record);
  RETURN_IF_ERROR(Write(nullptr));
  plan_->Park(spec.name);
  parked_.push_back(spec.name);
  if (waits_.empty()) waits_ = std::move(why);
  return Ok();
}

/// The model was fitted and registered before the run waited; now the alias moves, or does not.
Status RunLoop::EndPromotion(const StepSpec& spec, StepRecord& record, const Approval& answer) {
  StepDetails details = details_[spec.name];
  ModelDetails& model = *details.model;
  RETURN_IF_ERROR(Write(nullptr));
  if (answer.verdict == Approval::Verdict::kYes) {
    RETURN_IF_ERROR(PromoteModel(env_, model.name, model.champion_before, model.version, answer.by));
    model.champion_after = model.version;
    details.notes.push_back(StrCat("promoted with the approval of ", answer.by.empty() ? "somebody" : answer.by, answer.note.empty() ? "" : StrCat(": ", answer.note)));
  } else {
    details.notes.push_back(StrCat("not promoted: ", RefusalOf(answer)));
    gates_refused_.insert(model.name);
    NoteError(ErrorCode::kGate, StrCat("the promotion by `", spec.name, "` was ", answer.verdict == Approval::Verdict::kNo ? RefusalOf(answer) : std::string("not approved in time"), "; the champion stays"));
  }
  record.state = StepState::kSucceeded;
  return Record(record, std::move(details), StepEnd::kOk);
}

}  // namespace headrace
