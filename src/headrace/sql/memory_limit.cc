#include "headrace/base/memory.h"
#include "headrace/base/text.h"
#include "headrace/sql/memory_limit_internal.h"

namespace headrace::internal {

std::string DefaultMemoryLimit() {
  const std::int64_t stated = StatedMemory();
  return stated == 0 ? "" : StrCat(stated / 10 * 7 / (1 << 20), "MiB");
}

}  // namespace headrace::internal
