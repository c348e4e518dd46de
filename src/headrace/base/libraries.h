#pragma once

#include <string>
#include <string_view>

#include "headrace/base/status.h"

namespace headrace {

/// Where a shared library that is loaded when first used lies ("libduckdb.so"): a path for dlopen.
///
/// `HEADRACE_LIB_DIR` in the environment, when set and not empty, is the only place looked at. Otherwise
/// the places stand relative to the running program's own file, links resolved, so that an installed tree
/// may be moved, renamed and linked to:
///   <program's folder>/../lib/headrace/   the installed tree
///   <program's folder>/../lib/            the build tree
///
/// kInvalid, naming every place, when the file is in none of them. Threads: any, as long as none sets
/// environment variables meanwhile.
Result<std::string> FindSharedLibrary(std::string_view file_name);

}  // namespace headrace
