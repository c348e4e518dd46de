#pragma once

#include <string>

#include "headrace/model/evaluation.h"
#include "headrace/model/learner.h"
#include "headrace/model/model.h"

namespace headrace {

/// The model's card as Markdown: what it predicts, from what, how well and with which settings, for people who decide
/// about its use (Mitchell et al. 2019, "Model Cards for Model Reporting"). Says nothing that the file does not hold.
std::string MakeCard(const ModelInfo& info, const Evaluation& evaluation, const LearnerSettings& settings);

}  // namespace headrace
