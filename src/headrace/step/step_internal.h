#pragma once

#include "headrace/step/step.h"

namespace headrace {

/// Put the model that a train step stored into the registry, and move `champion` when every gate passed.
Status RegisterModel(const StepContext& context, const ArtifactRef& model, bool gate_refused, StepDetails& details);

/// Hold what checks measured against the tenant's earlier runs, where they say `baseline`.
Status JudgeBaselines(const StepContext& context, std::vector<CheckVerdict>& verdicts);

/// The verdict on an extract that gave no row; nullopt when it says `empty: allow`.
std::optional<CheckVerdict> JudgeEmpty(const StepContext& context);

/// The same error, with file:line:column in front where its span stands in a project file.
Status AtPlace(const SourcedText& text, Status status);

SqlParameters Bind(const BoundValues& values);

/// `act` is called when the step is cancelled, as long as the returned token lives.
std::shared_ptr<void> CancelsWith(const StepContext& context, std::function<void()> act);

}  // namespace headrace
