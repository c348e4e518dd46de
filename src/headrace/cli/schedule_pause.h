#pragma once

#include <string>
#include <vector>

#include "headrace/cli/command.h"
#include "headrace/store/run_queue.h"

namespace headrace {

/// `schedule pause` and `schedule resume`.
void AddPauseCommands(CommandLine schedule, const GlobalFlags& flags, Action& action);

/// The pauses that last, when the project has a state; none when that cannot be read.
std::vector<SchedulePause> OpenPauses(const Project& project);
/// Those of `pauses` that concern this schedule, for people: "paused", "paused for acme".
std::string PauseText(const std::vector<SchedulePause>& pauses, const PipelineSchedule& schedule);

}  // namespace headrace
