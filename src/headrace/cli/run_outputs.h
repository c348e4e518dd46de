#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/store/store.h"

namespace headrace {

/// The steps of a run; for a name like "scores[de]" the items of that step.
Result<std::vector<StepRecord>> StepsFor(Store& store, const std::string& run, const std::string& name);
/// What to do about a name that a run does not have. Of items there may be very many, so they are not listed.
std::string NamesHelp(const std::string& run, const std::string& wanted, const std::vector<std::string>& names, std::string_view what);
/// The output `wanted` ("STEP" or "STEP.OUTPUT") of a run; kInvalid with what it left.
Result<ArtifactRef> FindOutput(Store& store, const std::string& run, const std::string& wanted);

}  // namespace headrace
