#include <sys/resource.h>

#include "headrace/base/text.h"
#include "headrace/sql/memory_limit_internal.h"

namespace headrace::internal {

std::string DefaultMemoryLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return StrCat(limit.rlim_cur / 10 * 7 / (1 << 20), "MiB");
}

}  // namespace headrace::internal
