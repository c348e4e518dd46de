#include "headrace/run/sub_run.h"

#include <atomic>

#include "headrace/run/run_loop.h"

namespace headrace {

namespace {
/// Tells the step that waits how far the other run is.
class ProgressOf final : public RunObserver {
 public:
  explicit ProgressOf(const StepContext& context) : context_(context) {}
  void RunStarted(const RunRecord&, const std::vector<StepRecord>& steps) override { total_ = steps.size(); }
  void StepChanged(const StepRecord& step, const StepDetails&) override {
    if (step.finished_us > 0) ++ended_;
    if (context_.progress) context_.progress(StrCat("`", step.step, "` ", StateName(step.state)), total_ == 0 ? 0 : std::min(1.0, static_cast<double>(ended_) / static_cast<double>(total_)));
  }

 private:
  const StepContext& context_;
  std::size_t total_ = 0, ended_ = 0;
};

/// A pipeline that runs itself, through however many others, would never end.
Status RefuseLoop(Store& store, const std::string& run, const std::string& pipeline) {
  std::vector<std::string> path = {pipeline};
  for (std::string id = run; !id.empty();) {
    ASSIGN_OR_RETURN(const RunRecord record, store.GetRun(id));
    path.insert(path.begin(), record.pipeline);
    if (record.pipeline == pipeline) return Error(ErrorCode::kInvalid, "pipelines run each other: ", Join(path, " -> ")).WithHelp("remove one of these `pipeline` steps");
    id = record.parent.substr(0, record.parent.find('/'));
  }
  return Ok();
}

ErrorCode CodeOf(int exit_code) {
  for (const ErrorCode code : {ErrorCode::kInvalid, ErrorCode::kData, ErrorCode::kDelivery, ErrorCode::kBusy, ErrorCode::kInterrupted})
    if (ExitCode(code) == exit_code) return code;
  return ErrorCode::kFailed;
}

Status StatusOf(const RunRecord& run) {
  const std::string which = StrCat("run ", run.id, " of pipeline `", run.pipeline, "`");
  if (run.state == RunState::kSucceeded || run.state == RunState::kWaiting) return Ok();
  return Error(CodeOf(run.exit_code), which, " ", StateName(run.state), ": ", run.message).WithHelp(StrCat("`headrace show ", run.id, "` says more"));
}

Result<RunRecord> RunOrResume(const StepContext& context, const ResolvedPipeline& pipeline, std::size_t slots) {
  Store& store = context.store();
  const std::string parent = StrCat(context.run->run, "/", context.step->name);
  ASSIGN_OR_RETURN(const std::optional<RunRecord> before, store.FindChild(parent));
  if (before && before->state == RunState::kSucceeded) return *before;
  RunEnvironment environment = *context.run;
  environment.pipeline = &pipeline;
  environment.run = before ? before->id : NewRunId(*environment.clock, *environment.random);
  RunLoop::Options options;
  if (before) options.resume = before->id;
  if (environment.dry_run) options.trigger = kDryRun;
  else options.trigger = "pipeline step";
  options.parent = parent;
  std::atomic<bool> stop = false;
  const std::shared_ptr<void> token = context.on_cancel ? context.on_cancel([&stop] { stop = true; }) : nullptr;
  ThreadRunner runner(slots);
  ProgressOf progress(context);
  return RunLoop(environment, runner, progress, stop).Run(options);
}
}  // namespace

Result<ResolvedPipeline> ResolveSubPipeline(const Project& project, const ResolvedPipeline& parent, const PipelineStepSpec& step) {
  Diagnostics diagnostics;
  Result<ResolvedPipeline> pipeline = project.Resolve({step.pipeline, parent.tenant, step.params, parent.interval}, diagnostics);
  if (!pipeline.ok()) return std::move(pipeline).status().WithContext(StrCat("pipeline `", step.pipeline, "`"));
  if (!step.output.empty() && pipeline->Find(step.output) == nullptr) {
    std::vector<std::string> names;
    for (const StepSpec& other : pipeline->steps) names.push_back(other.name);
    const std::string near = NearestName(step.output, names);
    return Error(ErrorCode::kInvalid, "pipeline `", step.pipeline, "` has no step `", step.output, "` to be the output")
        .WithHelp(near.empty() ? StrCat("its steps: ", Join(names, ", ")) : StrCat("did you mean `", near, "`?"));
  }
  return pipeline;
}

StepOutcome RunSubPipeline(const StepContext& context, const Project& project, std::size_t slots) {
  const auto& spec = context.step->as<PipelineStepSpec>();
  StepOutcome outcome;
  outcome.status = RefuseLoop(context.store(), context.run->run, spec.pipeline);
  if (!outcome.status.ok()) return outcome;
  const Result<ResolvedPipeline> pipeline = ResolveSubPipeline(project, context.pipeline(), spec);
  if (!pipeline.ok()) return outcome.status = pipeline.status(), outcome;
  const Result<RunRecord> run = RunOrResume(context, *pipeline, slots);
  if (!run.ok()) return outcome.status = run.status(), outcome;
  outcome.details.child = run->id;
  outcome.details.notes.push_back(StrCat("run ", run->id, " of pipeline `", run->pipeline, "` ", StateName(run->state)));
  outcome.status = StatusOf(*run);
  if (run->state == RunState::kWaiting) outcome.waits = StrCat("run ", run->id, " of pipeline `", run->pipeline, "` waits for an approval: `headrace approve ", run->id, "`");
  if (!outcome.status.ok() || !outcome.waits.empty() || spec.output.empty()) return outcome;
  const Result<std::vector<StepRecord>> steps = context.store().ListSteps(run->id);
  if (!steps.ok()) return outcome.status = steps.status(), outcome;
  for (const StepRecord& step : *steps)
    if (const auto output = step.outputs.find(""); step.step == spec.output && output != step.outputs.end() && output->second.kind == "dataset") outcome.outputs[""] = output->second;
  if (outcome.outputs.empty())
    outcome.status = Error(ErrorCode::kInvalid, "step `", spec.output, "` of pipeline `", spec.pipeline, "` left no dataset to be the output").WithHelp("name a step that makes rows and is not skipped");
  return outcome;
}

}  // namespace headrace
