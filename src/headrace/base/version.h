#pragma once

#include <string>

namespace headrace {

/// What this program was built from. Recorded with every run and model; nothing here changes when the same clean
/// commit is built again by the same compiler, so equal builds write equal model files.
struct BuildInfo {
  std::string version;   ///< "0.1.0", the project's version
  std::string commit;    ///< 40 hex digits, or "unknown" when built outside a git checkout
  bool dirty = false;    ///< tracked files differed from the commit when it was built
  std::string compiler;  ///< "gcc 12.2.0", "clang 19.1.7"
};

/// Threads: any.
const BuildInfo& ThisBuild();

}  // namespace headrace
