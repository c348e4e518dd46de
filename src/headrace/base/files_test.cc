#include "headrace/base/files.h"

#include <gtest/gtest.h>

#include "headrace/base/clock.h"
#include "headrace/base/crash.h"
#include "headrace/base/folder_for_tests.h"

namespace headrace {
namespace {

TEST(Files, AWrittenFileReadsBackAndLeavesNothingBeside) {
  const FolderForTests folder;
  const std::string path = folder.Path("a.bin");
  ASSERT_TRUE(WriteFileAtomically(path, std::string("x\0y", 3), true).ok());
  EXPECT_EQ(*ReadFile(path), std::string("x\0y", 3));
  EXPECT_EQ(ListDirectory(folder.path()), std::vector<std::string>{"a.bin"});
  EXPECT_EQ(*FileSize(path), 3);
  ASSERT_TRUE(RemoveFile(path).ok());
  EXPECT_FALSE(FileExists(path));
}

TEST(Files, AFileThatStandsThereIsNotReplacedByOneMovedIfAbsent) {
  const FolderForTests folder;
  const std::string from = folder.Path("from"), to = folder.Path("to");
  for (const char* text : {"first", "second"}) {
    ASSERT_TRUE(WriteFileAtomically(from, text).ok());
    EXPECT_TRUE(MoveFileIfAbsent(from, to).ok());
    EXPECT_EQ(*ReadFile(to), "first");
    EXPECT_EQ(ListDirectory(folder.path()), std::vector<std::string>{"to"});
  }
  EXPECT_EQ(MoveFileIfAbsent(from, to).code(), ErrorCode::kInvalid) << "there is nothing to move";
}

TEST(Files, ACopyHasTheBytesAndReplacesNothing) {
  const FolderForTests folder;
  const std::string from = folder.Write("a", "bytes"), to = folder.Path("b");
  ASSERT_TRUE(CopyFile(from, to).ok());
  EXPECT_EQ(*ReadFile(to), "bytes");
  EXPECT_EQ(CopyFile(folder.Write("c", "other"), to).code(), ErrorCode::kInvalid);
  EXPECT_EQ(*ReadFile(to), "bytes");
  EXPECT_NE(CopyFile(folder.Path("none"), folder.Path("d")).message().find("none"), std::string::npos);
  EXPECT_FALSE(FileExists(folder.Path("d")));
}

TEST(Files, WhatCannotBeReadOrWrittenSaysWhichFileAndWhy) {
  EXPECT_EQ(ReadFile("/nowhere/at/all").status().message(), "cannot read `/nowhere/at/all`: No such file or directory");
  EXPECT_EQ(WriteFileAtomically("/nowhere/x", "y").code(), ErrorCode::kInvalid);
  EXPECT_FALSE(ReadFile("/tmp").ok());
}

TEST(Files, AFilesDigestIsThatOfItsBytes) {
  const FolderForTests folder;
  EXPECT_EQ(*Sha256OfFile(folder.Write("abc", "abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Files, PathsAreSplitAtTheLastSlash) {
  EXPECT_EQ(ParentPath("a/b/c"), "a/b");
  EXPECT_EQ(ParentPath("c"), ".");
  EXPECT_EQ(ParentPath("/c"), "/");
  EXPECT_EQ(FileName("a/b/c.csv"), "c.csv");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
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
