#include "headrace/base/version.h"

#include "headrace/base/text.h"
#include "headrace/version.h"  // generated at build time by cmake/version.cmake; included nowhere else

namespace headrace {
namespace {

std::string Compiler() {
#if defined(__clang__)
  return StrCat("clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#else
  return StrCat("gcc ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

const BuildInfo& ThisBuild() {
  static const BuildInfo build{HEADRACE_VERSION, HEADRACE_COMMIT, HEADRACE_DIRTY != 0, Compiler()};
  return build;
}

}  // namespace headrace
