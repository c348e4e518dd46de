#include "headrace/cli/interrupt.h"

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

}  // namespace headrace
