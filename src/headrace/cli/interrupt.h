#pragma once

#include <atomic>

namespace headrace {

/// From now on Ctrl-C (or SIGTERM) sets the returned flag, so that the work at hand ends cleanly; a second one ends the process
/// at once with 130. May be called again.
const std::atomic<bool>& WatchInterrupts();

}  // namespace headrace
