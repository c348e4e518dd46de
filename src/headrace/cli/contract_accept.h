#pragma once

#include <string>

#include "headrace/pipeline/project.h"
#include "headrace/store/store.h"

namespace headrace {

/// What to say after `run` when it was the first good one of its pipeline and tenant: which of its sources no contract guards, and the command that
/// writes one. "" when there is nothing to say.
std::string ContractHint(Store& store, const ResolvedPipeline& pipeline, const RunRecord& run);

}  // namespace headrace
