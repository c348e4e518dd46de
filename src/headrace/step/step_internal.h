#pragma once

#include "headrace/step/step.h"

namespace headrace {

/// Put the model that a train step stored into the registry, and move `champion` when every gate passed.
Status RegisterModel(const StepContext& context, const ArtifactRef& model, bool gate_refused, StepDetails& details);

/// The same error, with file:line:column in front where its span stands in a project file.
Status AtPlace(const SourcedText& text, Status status);

/// Judge a check of kind kDrift on the dataset at `path` that this step left. In the first run, `against: last` passes.
Result<CheckVerdict> JudgeDriftOf(const StepContext& context, const CheckSpec& check, const std::string& path);

SqlParameters Bind(const BoundValues& values);

/// `act` is called when the step is cancelled, as long as the returned token lives.
std::shared_ptr<void> CancelsWith(const StepContext& context, std::function<void()> act);

}  // namespace headrace
