#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace headrace {

/// A step, as far as the rest of its run depends on it. Times in seconds.
struct StepOutlook {
  std::string step;
  std::vector<std::string> upstream;    ///< steps it waits for
  bool ended = false;
  double elapsed = 0;                   ///< since it started; 0 = it did not
  std::optional<double> usual;          ///< what it usually takes; nullopt = it never ran
};

/// The median of the times a step took, which one odd run does not move; nullopt of none.
std::optional<double> UsualSeconds(std::vector<double> seconds);

/// Until the step ends; nullopt when that cannot be told: it never ran, or takes longer than usual.
std::optional<double> RestOfStep(const StepOutlook& step);

struct RestOfRun {
  double seconds = 0;
  bool at_least = false;      ///< some step that has not ended cannot be told
};
/// Until the run ends: the longest path of what has not ended. Steps that will be reused are counted as if they ran, and steps that wait for a free core
/// as if they did not wait.
RestOfRun EstimateRest(std::span<const StepOutlook> steps);

}  // namespace headrace
