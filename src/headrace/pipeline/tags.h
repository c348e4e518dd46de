#pragma once

#include <string>
#include <vector>

#include "headrace/pipeline/project.h"

namespace headrace {

/// Columns that a contract of the pipeline gives the tag, each once, sorted.
std::vector<std::string> TaggedColumns(const ResolvedPipeline& pipeline, const std::string& tag);

/// Put the columns of each tag that `transform` names into its entry. kInvalid: a tag that no contract has, with the nearest.
Status ResolveTags(const ResolvedPipeline& pipeline, std::vector<TransformSpec>& transform);

}  // namespace headrace
