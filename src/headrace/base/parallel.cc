#include "headrace/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace headrace {

int ResolveThreads(int threads) {
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Status ParallelFor(int threads, std::size_t count, const std::function<Status(std::size_t)>& work) {
  const std::size_t wanted = std::min(count, static_cast<std::size_t>(ResolveThreads(threads)));
  if (wanted <= 1) {
    for (std::size_t i = 0; i < count; ++i) RETURN_IF_ERROR(work(i));
    return Ok();
  }
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;                 // guards the following
  Status error;
  std::size_t error_at = count;
  std::exception_ptr thrown;
  const auto run = [&](std::size_t i) {
    try {
      return work(i);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      thrown = std::current_exception();
      failed.store(true);
      return Ok();
    }
  };
  const auto take = [&] {
    while (!failed.load()) {
      const std::size_t i = next.fetch_add(1);
      if (i >= count) return;
      Status status = run(i);
      if (status.ok()) continue;
      failed.store(true);
      const std::lock_guard<std::mutex> lock(mutex);
      if (i < error_at) {
        error_at = i;
        error = std::move(status);
      }
    }
  };
  std::vector<std::thread> helpers;
  helpers.reserve(wanted - 1);
  try {
    for (std::size_t t = 1; t < wanted; ++t) helpers.emplace_back(take);
  } catch (const std::system_error&) {   // no memory for another stack: those that are there do it
  }
  take();
  for (std::thread& helper : helpers) helper.join();
  if (thrown) std::rethrow_exception(thrown);
  return error;
}

void ForEach(int threads, std::size_t count, const std::function<void(std::size_t)>& work) {
  static_cast<void>(ParallelFor(threads, count, [&work](std::size_t i) {
    work(i);
    return Ok();
  }));
}

}  // namespace headrace
