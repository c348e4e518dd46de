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
/// In libheadrace.so, which runs inside other programs, they stand relative to that library's file: headrace/ beside it, then its own folder.
///
/// kInvalid, naming every place, when the file is in none of them. Threads: any, as long as none sets
/// environment variables meanwhile.
Result<std::string> FindSharedLibrary(std::string_view file_name);

/// A library of the system, opened for good, from the places above or else from where the system keeps its own. kInvalid says what cannot be loaded (`what`: "the library
/// that speaks HTTP") and which Debian package has it. The pointer is dlopen's; LoadFunction takes it.
Result<void*> OpenSystemLibrary(const std::string& file_name, std::string_view what, std::string_view package);

void* FindFunction(void* library, const char* name);   ///< dlsym
/// Set `out` to the function `name` of an open library; false when it has none.
template <typename Function>
bool LoadFunction(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(FindFunction(library, name));
  return *out != nullptr;
}

}  // namespace headrace
