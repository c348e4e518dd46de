#pragma once

#include "headrace/cli/run_request.h"

namespace headrace {

/// `run --tenant all`: a process for each tenant of the project, a line as each ends, a table at the end. The exit code of the whole.
int RunAllTenants(const RunFlags& flags, const GlobalFlags& global);

}  // namespace headrace
