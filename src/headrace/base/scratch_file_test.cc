#include "headrace/base/scratch_file.h"

#include <sys/resource.h>

#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "headrace/base/folder_for_tests.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

TEST(ScratchFileTest, ReadsBackWhatManyThreadsWroteAndHasNoName) {
  const FolderForTests folder;
  ScratchFile file(folder.Path("scratch"));
  EXPECT_EQ(file.size(), 0u);
  std::vector<std::uint64_t> places(200);
  ASSERT_TRUE(ParallelFor(4, places.size(), [&](std::size_t i) -> Status {
    const std::string bytes(1000 + i, static_cast<char>('a' + i % 26));
    ASSIGN_OR_RETURN(places[i], file.Append(bytes.data(), bytes.size()));
    return Ok();
  }).ok());
  EXPECT_EQ(ListDirectory(folder.path()), std::vector<std::string>());
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::string bytes(1000 + i, ' ');
    ASSERT_TRUE(file.Read(places[i], bytes.data(), bytes.size()).ok());
    EXPECT_EQ(bytes, std::string(1000 + i, static_cast<char>('a' + i % 26)));
  }
  EXPECT_EQ(file.size(), 200 * 1000 + 199 * 200 / 2u);
}

TEST(ScratchFileTest, AFullDiskIsBusyAndSaysWhere) {
  const FolderForTests folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  ScratchFile file(folder.Path("scratch"));
  const std::string bytes(8192, 'x');
  const Result<std::uint64_t> place = file.Append(bytes.data(), bytes.size());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(place.status().code(), ErrorCode::kBusy);
  EXPECT_NE(place.status().message().find(folder.path()), std::string::npos) << place.status();
}

}  // namespace
}  // namespace headrace
