#include "headrace/base/files.h"

#include <gtest/gtest.h>

#include "headrace/base/clock.h"
#include "headrace/base/crash.h"
#include "headrace/base/digest.h"

namespace headrace {
namespace {

TEST(Files, AWrittenFileReadsBackAndLeavesNothingBeside) {
  const std::string folder = testing::TempDir() + "headrace_files_test";
  ASSERT_TRUE(MakeDirectories(folder).ok());
  const std::string path = JoinPath(folder, "a.bin");
  ASSERT_TRUE(WriteFileAtomically(path, std::string("x\0y", 3), true).ok());
  EXPECT_EQ(*ReadFile(path), std::string("x\0y", 3));
  EXPECT_EQ(ListDirectory(folder), std::vector<std::string>{"a.bin"});
  EXPECT_EQ(*FileSize(path), 3);
  ASSERT_TRUE(RemoveFile(path).ok());
  EXPECT_FALSE(FileExists(path));
}

TEST(Files, AFullDiskIsSaidToBeFull) {
  const Status status = WriteFileAtomically("/dev/full/x", "y");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(ReadFile("/nowhere/at/all").status().code(), ErrorCode::kInvalid);
}

TEST(Files, PathsAreSplitAtTheLastSlash) {
  EXPECT_EQ(ParentPath("a/b/c"), "a/b");
  EXPECT_EQ(ParentPath("c"), ".");
  EXPECT_EQ(ParentPath("/c"), "/");
  EXPECT_EQ(FileName("a/b/c.csv"), "c.csv");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
}

TEST(Digest, MatchesThePublishedVectors) {
  EXPECT_EQ(Sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Xxh64("", 0), 0xEF46DB3751D8E999ULL);
}

TEST(Clock, AManualClockMovesOnlyWhenTold) {
  ManualClock clock(10);
  clock.Sleep(5);
  EXPECT_EQ(clock.NowMicros(), 15);
  EXPECT_EQ(clock.MonotonicMicros(), 15);
}

TEST(CrashPointDeathTest, KillsAtTheNamedPointOnly) {
  EXPECT_EXIT({ setenv("HEADRACE_CRASH_AT", "run.after_create:2", 1);
                CrashPoint("run.before_create"); CrashPoint("run.after_create"); CrashPoint("run.after_create"); exit(0); },
              testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT({ setenv("HEADRACE_CRASH_AT", "run.after_create:2", 1); CrashPoint("run.after_create"); exit(7); }, testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace headrace
