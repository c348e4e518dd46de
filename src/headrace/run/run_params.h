#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/pipeline/project.h"

namespace headrace {

/// The parameters of a run as its record keeps them: {name: {"value", "from": "flag" | "tenant" | "default"}}; a secret by its name only.
std::string ParamsJson(const ResolvedPipeline& pipeline);

/// The parameters of a recorded run that came from flags, to give them again. kInvalid when `json` is not what ParamsJson wrote.
Result<std::vector<std::pair<std::string, std::string>>> FlagParams(std::string_view json);

}  // namespace headrace
