#include "headrace/base/file_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <optional>

#include "headrace/base/folder_for_tests.h"

namespace headrace {
namespace {

/// Whether another process could take the lock now.
bool IsFree(const std::string& path, int how) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  const bool taken = ::flock(fd, how | LOCK_NB) == 0;
  ::close(fd);
  return taken;
}

TEST(FileLockTest, ManyHoldItSharedOrOneAloneUntilItGoes) {
  const FolderForTests folder;
  const std::string path = folder.Path("lock");
  {
    const auto one = FileLock::Shared(path), two = FileLock::Shared(path);
    ASSERT_TRUE(one.ok() && two.ok());
    EXPECT_TRUE(IsFree(path, LOCK_SH));
    EXPECT_FALSE(IsFree(path, LOCK_EX));
  }
  {
    const auto alone = FileLock::Alone(path);
    ASSERT_TRUE(alone.ok());
    EXPECT_FALSE(IsFree(path, LOCK_SH));
  }
  EXPECT_TRUE(IsFree(path, LOCK_EX));
}

TEST(FileLockTest, AFolderThatIsNotThereIsAnError) { EXPECT_EQ(FileLock::Shared("/no/such/folder/lock").status().code(), ErrorCode::kInvalid); }

}  // namespace
}  // namespace headrace
