#pragma once

#include <string>

#include "headrace/model/train.h"
#include "headrace/step/step.h"

namespace headrace {

/// One fit of a `train` step by the program of `learner: {command: ...}` (docs/learners.md): the rows go out as Parquet, the text of a model comes back, unread.
/// Errors are those of Program::Run; kFailed when it left no file, one too large, or asks to be skipped.
Result<std::string> FitByProgram(const StepContext& context, const CommandSpec& program, const ProgramFit& fit);

}  // namespace headrace
