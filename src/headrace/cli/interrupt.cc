#include "headrace/cli/interrupt.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "headrace/base/status.h"

namespace headrace {

namespace {
std::atomic<bool> g_interrupt = false;

extern "C" void OnInterrupt(int) {
  if (g_interrupt.exchange(true)) ::_exit(ExitCode(ErrorCode::kInterrupted));
}
}  // namespace

const std::atomic<bool>& WatchInterrupts() {
  struct sigaction action{};
  action.sa_handler = &OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  return g_interrupt;
}

void EndWithParent(std::int64_t parent) {
  ::signal(SIGPIPE, SIG_IGN);                    // what nobody reads any more must not end the run half-way
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);   // it died before we could ask
}

}  // namespace headrace
