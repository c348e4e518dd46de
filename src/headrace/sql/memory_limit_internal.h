#pragma once

#include <string>

namespace headrace::internal {

/// How much a DuckDB of this process may take, as its setting `memory_limit`: most of the process's own limit on data (`quotas: memory` of a tenant), so that it
/// moves to the disk what does not fit before an allocation fails; "" without a limit.
std::string DefaultMemoryLimit();

}  // namespace headrace::internal
