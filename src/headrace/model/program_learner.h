#pragma once

#include <memory>
#include <string>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"
#include "headrace/model/spec.h"

namespace headrace {

/// Let the program of `control` fit, and make a learner of what it wrote: LightGBM's text, XGBoost's JSON with the attribute `base_margin`, or coefficients
/// ({"coefficients": [[...]], "intercepts": [...]}), as settings.kind says. Nothing of it runs: the text goes through the readers of model files. kInvalid: nobody
/// can run programs here. kFailed: the text is refused, with the reason, or its margins stand for something else than the task asks.
Result<std::unique_ptr<const FittedLearner>> FitByProgram(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control);

/// What a training by a program cannot be asked for: kInvalid.
Status CheckProgramLearner(const TrainSpec& spec);

}  // namespace headrace
