#pragma once

#include <string>
#include <vector>

#include "headrace/pipeline/project.h"

namespace headrace {

/// Columns that a contract of the pipeline tags `personal: true`, each once, sorted. No model file keeps their values, no reason tells them.
std::vector<std::string> PersonalColumns(const ResolvedPipeline& pipeline);

}  // namespace headrace
