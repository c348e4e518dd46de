#pragma once

#include <atomic>
#include <cstdint>

namespace headrace {

/// From now on Ctrl-C (or SIGTERM) sets the returned flag, so that the work at hand ends cleanly; a second one ends the process
/// at once with 130. May be called again.
const std::atomic<bool>& WatchInterrupts();

/// Be interrupted when the process `parent` dies, however: no orphan goes on with a run that nobody sees. Ends this process when it is dead already, so
/// call it before there is anything to lose.
void EndWithParent(std::int64_t parent);

}  // namespace headrace
