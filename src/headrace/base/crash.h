#pragma once

#include <span>
#include <string_view>

namespace headrace {

/// Die here, as by `kill -9`, when the variable HEADRACE_CRASH_AT says "name:n" and this is the n-th time this
/// point is passed in the process (n counts from 1; "name" alone means 1). Otherwise nothing. Points stand before and after every
/// durable act, and before each transaction of the state, so that recovery can be tested at each. REQUIRES: `name` is in CrashPoints().
void CrashPoint(std::string_view name);

/// Every crash point, in the order a run passes them. The tests kill a run at each.
std::span<const std::string_view> CrashPoints();

/// From now on every crash point calls `hook` and does nothing else; nullptr: as before. For the simulator, which ends a simulated process by throwing
/// from there. REQUIRES: no other thread passes a crash point meanwhile.
using CrashHook = void (*)(std::string_view name);
void SetCrashHook(CrashHook hook);

}  // namespace headrace
