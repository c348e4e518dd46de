#include "headrace/run/estimate.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>

namespace headrace {

std::optional<double> UsualSeconds(std::vector<double> seconds) {
  if (seconds.empty()) return std::nullopt;
  std::sort(seconds.begin(), seconds.end());
  const std::size_t middle = seconds.size() / 2;
  return seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
}

std::optional<double> RestOfStep(const StepOutlook& step) {
  if (step.ended) return 0;
  if (!step.usual || step.elapsed > *step.usual) return std::nullopt;
  return *step.usual - step.elapsed;
}

RestOfRun EstimateRest(std::span<const StepOutlook> steps) {
  std::map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < steps.size(); ++i) index[steps[i].step] = i;
  std::vector<double> until(steps.size(), -1);      // seconds until each has ended; -1 = not known yet
  const std::function<double(std::size_t)> find = [&](std::size_t i) {
    if (until[i] >= 0) return until[i];
    until[i] = 0;                                   // a cycle cannot be: the plan refused it
    double begin = 0;
    for (const std::string& name : steps[i].upstream)
      if (const auto upstream = index.find(name); upstream != index.end()) begin = std::max(begin, find(upstream->second));
    return until[i] = begin + RestOfStep(steps[i]).value_or(0);
  };
  RestOfRun rest;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].ended) continue;
    rest.seconds = std::max(rest.seconds, find(i));
    rest.at_least = rest.at_least || !RestOfStep(steps[i]);
  }
  return rest;
}

}  // namespace headrace
