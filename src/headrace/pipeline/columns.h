#pragma once

#include <map>
#include <string>

#include "headrace/pipeline/project.h"
#include "headrace/table/table.h"

namespace headrace {

/// The columns of each step's dataset as far as the files tell them without reading a row. An `extract` and a `command` have those of their contract, if it
/// refuses others; a query has what the embedded engine makes of its inputs' columns, an `aggregate` what its entries make of its events; of `train`, `score`, `pipeline` and of queries above which a
/// contract is missing nothing is known, and nothing is said.
///
/// Found on the way, each at its place in the files (P0409): a query that names a column its inputs lack or uses one against its type, a check on a column
/// that is not there, an expression that does not fit, a contract that the query breaks, what `train` names.
std::map<std::string, Schema> CheckColumns(const ResolvedPipeline& pipeline, Diagnostics& diagnostics);

/// The same for all pipelines of a project that can be resolved: without a tenant, else for the first tenant that will do.
/// REQUIRES: no error so far.
void CheckColumns(const Project& project, std::string_view pipeline, Diagnostics& diagnostics);

}  // namespace headrace
