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

// The kernel sends the signal once for each thread of the dying parent, so it must not count as a second Ctrl-C.
void EndWithParent(std::int64_t parent) {
  ::signal(SIGPIPE, SIG_IGN);                    // what nobody reads any more must not end the run half-way
  struct sigaction action{};
  action.sa_handler = [](int) { g_interrupt = true; };
  ::sigaction(SIGHUP, &action, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGHUP);
  if (::getppid() != parent) ::_exit(ExitCode(ErrorCode::kInterrupted));   // it died before we could ask
}

}  // namespace headrace
