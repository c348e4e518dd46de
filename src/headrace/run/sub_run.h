#pragma once

#include <cstddef>

#include "headrace/pipeline/project.h"
#include "headrace/step/step.h"

namespace headrace {

/// Run the pipeline that a `pipeline` step names, to its end, in this process: a run of its own in the store (RunRecord::parent), for the same tenant and
/// interval, with the parameters of the step. When the step is tried again, or its run resumed, the run that it started before goes on.
///
/// Threads: any number of steps of one run at once. `slots`: steps of the started run at work at once.
StepOutcome RunSubPipeline(const StepContext& context, const Project& project, std::size_t slots);

/// Make the pipeline of a `pipeline` step concrete for the run that `parent` describes; kInvalid says what its parameters lack.
Result<ResolvedPipeline> ResolveSubPipeline(const Project& project, const ResolvedPipeline& parent, const PipelineStepSpec& step);

}  // namespace headrace
