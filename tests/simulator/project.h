#pragma once

#include <optional>
#include <string>

#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schedule_spec.h"
#include "world.h"

namespace headrace::simulator {

inline constexpr const char* kToldOfFailure = "told of a failure";   ///< `when` of a step under `finally` as a failed run has it

/// A graph of some steps that ends in a delivery. What each step says is drawn from all that a pipeline file may say about how it runs.
ResolvedPipeline DrawPipeline(Choices& choices, const std::string& name, const std::string& root);

/// A few ticks, minutes apart, soon after the world begins.
ScheduleSpec DrawSchedule(Choices& choices);

/// Make an empty project in `root`, whose state tells the Checker all that happens to it.
void MakeProject(const std::string& root);

/// The name of a delivery for ever: pipeline, interval and step.
std::string DeliveryKey(const ResolvedPipeline& pipeline, const std::string& step);

}  // namespace headrace::simulator
