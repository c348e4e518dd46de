#pragma once

#include <cstdint>

#include "headrace/base/status.h"

namespace headrace {

/// From here on this process, and those that it starts, may not take more memory (RLIMIT_DATA: what they write to, not mapped files): an allocation beyond it
/// fails. Never raises a limit that is there; 0 or less = none.
void LimitMemory(std::int64_t bytes);

/// The limit on this process's memory in bytes; 0 = none is stated.
std::int64_t StatedMemory();

/// The machine's memory in bytes, or that of the container if it is smaller.
std::int64_t MachineMemory();

/// kBusy: an allocation failed (std::bad_alloc); says what the limit was, and how to give more.
Status OutOfMemory();

}  // namespace headrace
