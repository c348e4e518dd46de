#include "headrace/base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "headrace/base/text.h"

namespace headrace {

void LimitMemory(std::int64_t bytes) {
  rlimit limit{};
  if (bytes <= 0 || ::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(bytes));
  static_cast<void>(::setrlimit(RLIMIT_DATA, &limit));      // lowering it cannot fail
}

std::int64_t StatedMemory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  return static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, INT64_MAX));
}

std::int64_t MachineMemory() {
  const std::int64_t machine = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  std::int64_t container = 0;
  std::ifstream("/sys/fs/cgroup/memory.max") >> container;      // bytes, or "max"; another layout of groups has no such file
  return container > 0 ? std::min(machine, container) : machine;
}

Status OutOfMemory() {
  const std::int64_t stated = StatedMemory();
  if (stated == 0) return Error(ErrorCode::kBusy, "out of memory").WithHelp("let less run at once, give the machine more memory, or the step fewer rows or columns");
  return Error(ErrorCode::kBusy, "out of memory: this process may take ", FormatCount(stated >> 20), " MiB")
      .WithHelp("give more (`--memory`; a tenant: `quotas: {memory: ...}`), let less run at once, or give the step fewer rows or columns");
}

}  // namespace headrace
