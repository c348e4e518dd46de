// The part of the run loop that runs a part of a recorded run again (`--from`, `--only`), where what is left out stands as that run recorded it, or all of it (`--force`).
#include <algorithm>

#include "headrace/run/run_loop.h"

namespace headrace {

std::set<std::string> RunLoop::Downstream(const std::vector<std::string>& from) const {
  std::set<std::string> found(from.begin(), from.end());
  for (const StepSpec& spec : env_.pipeline->steps)   // each stands after those it waits for
    if (std::any_of(spec.upstream.begin(), spec.upstream.end(), [&](const std::string& name) { return found.contains(name); })) found.insert(spec.name);
  return found;
}

/// Mark the steps that `from` and `only` leave out, in their records, so that a resumed run knows; see that the recorded run holds what the others read.
Status RunLoop::ChoosePart(const Options& options, std::vector<StepRecord>& records) {
  if (options.from.empty() && options.only.empty()) return Ok();
  std::vector<std::string> names;
  for (const StepRecord& record : records) names.push_back(record.step);
  std::set<std::string> anew;
  for (const auto* asked : {&options.from, &options.only})
    for (const std::string& name : *asked) {
      if (!anew.insert(name).second || specs_.contains(name)) continue;
      const std::string near = NearestName(name, names);
      return Error(ErrorCode::kInvalid, "the pipeline has no step `", name, "`")
          .WithHelp(near.empty() ? StrCat("its steps: ", Join(names, ", ")) : StrCat("did you mean `", near, "`?"));
    }
  std::set<std::string> chosen = Downstream(options.from);
  chosen.insert(options.only.begin(), options.only.end());
  RETURN_IF_ERROR(ReadRecorded(options.of));
  for (const std::string& step : chosen)
    for (const std::string& upstream : specs_.at(step)->upstream)
      if (!chosen.contains(upstream) && !recorded_.contains(upstream))
        return Error(ErrorCode::kInvalid, "step `", step, "` needs `", upstream, "`, which did not end well in run ", options.of)
            .WithHelp(StrCat("run `--from ", upstream, "`, or the whole pipeline"));
  for (StepRecord& record : records) {
    StepDetails& details = details_[record.step];
    if (!chosen.contains(record.step)) details.taken_from = options.of;
    details.anew = anew.contains(record.step);
    details.upstream = specs_.at(record.step)->upstream;
    record.details = details.ToJson();
    records_[record.step] = record;
  }
  return Ok();
}

/// Every step reuses nothing: said in their records, so that a resumed run knows.
void RunLoop::MakeAnew(std::vector<StepRecord>& records) {
  for (StepRecord& record : records) {
    StepDetails& details = details_[record.step];
    details.anew = true;
    record.details = details.ToJson();
    records_[record.step] = record;
  }
}

Status RunLoop::ReadRecorded(const std::string& run) {
  ASSIGN_OR_RETURN(const std::vector<StepRecord> recorded, env_.store->ListSteps(run));
  for (const StepRecord& record : recorded)
    if (record.state == StepState::kSucceeded || record.state == StepState::kReused) recorded_[record.step] = record;
  return Ok();
}

/// A step outside the part that runs: what the other run recorded stands for it.
Status RunLoop::UseRecorded(StepRecord& record) {
  if (recorded_.empty()) RETURN_IF_ERROR(ReadRecorded(details_[record.step].taken_from));
  const auto found = recorded_.find(record.step);
  if (found == recorded_.end()) {
    record.state = StepState::kSkipped;
    record.reason = "not in the part that was asked for";
    return Record(record, {}, StepEnd::kSkipped);
  }
  record.state = StepState::kReused;
  record.reused_from = found->second.run;
  record.reason = StrCat("as run ", found->second.run, " recorded it");
  record.outputs = found->second.outputs;
  record.fingerprint = found->second.fingerprint;
  record.parts = found->second.parts;
  ASSIGN_OR_RETURN(StepDetails details, StepDetails::FromJson(found->second.details));
  details.delivery.reset();      // that run's, not this one's
  return Record(record, std::move(details), StepEnd::kOk);
}

}  // namespace headrace
