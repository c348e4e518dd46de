#pragma once

#include <cstddef>
#include <functional>

#include "headrace/base/status.h"

namespace headrace {

/// `threads` as users give it, as a number of threads: 0 or less means all cores of the machine.
int ResolveThreads(int threads);

/// Call `work(i)` once for each i in [0, count), on up to `threads` threads (0 = all cores) of which the caller is one.
/// Which thread takes which i is left to chance, so `work` must write to places of its own i only; merge them in order of
/// i afterwards and the result has the same bits for any number of threads.
///
/// Returns the error of the smallest failing i among those that ran; after an error no new i is begun. Returns when all
/// have ended. What `work` throws (std::bad_alloc) is thrown again here, once all have ended. When a thread cannot be begun, those that are there do its part.
Status ParallelFor(int threads, std::size_t count, const std::function<Status(std::size_t)>& work);

/// ParallelFor for work that cannot fail.
void ForEach(int threads, std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace headrace
