#include "headrace/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <vector>

namespace headrace {
namespace {

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    std::vector<int> calls(1000, 0);
    ASSERT_TRUE(ParallelFor(threads, calls.size(), [&](std::size_t i) { ++calls[i]; return Ok(); }).ok());
    EXPECT_EQ(calls, std::vector<int>(1000, 1)) << threads;
  }
}

TEST(ParallelFor, ReturnsAnErrorAndBeginsNothingMore) {
  for (const int threads : {1, 3}) {
    const Status status = ParallelFor(threads, 100000, [](std::size_t i) { return i < 5 ? Ok() : Error(ErrorCode::kData, "at ", i); });
    EXPECT_EQ(status.code(), ErrorCode::kData);
  }
}

TEST(ParallelFor, ThrowsWhatItsWorkThrewOnceAllHaveEnded) {
  for (const int threads : {1, 3}) {
    std::atomic<int> within{0};
    EXPECT_THROW(static_cast<void>(ParallelFor(threads, 100, [&](std::size_t i) -> Status {
      ++within;
      if (i == 5) --within, throw std::bad_alloc();
      --within;
      return Ok();
    })), std::bad_alloc);
    EXPECT_EQ(within, 0);
  }
}

TEST(ParallelFor, DoesNothingForNothing) {
  EXPECT_TRUE(ParallelFor(4, 0, [](std::size_t) { return Error(ErrorCode::kInternal, "called"); }).ok());
}

}  // namespace
}  // namespace headrace
