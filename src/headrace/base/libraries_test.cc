#include "headrace/base/libraries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "headrace/base/folder_for_tests.h"

namespace headrace {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(FindSharedLibraryTest, FindsTheEngineBesideTheBuildTreesPrograms) {
  const Result<std::string> path = FindSharedLibrary("libduckdb.so");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(*path, EndsWith("/lib/libduckdb.so"));
}

TEST(FindSharedLibraryTest, SaysWhereItLookedAndWhatToDo) {
  const Status status = FindSharedLibrary("libnobody.so").status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("libnobody.so not found; looked in /"));
  EXPECT_THAT(status.message(), HasSubstr("/lib/headrace and /"));
  EXPECT_THAT(status.help(), HasSubstr("HEADRACE_LIB_DIR"));
}

TEST(FindSharedLibraryTest, TheEnvironmentReplacesTheUsualPlaces) {
  const FolderForTests folder;
  const std::string path = folder.Write("libown.so", "x");
  ::setenv("HEADRACE_LIB_DIR", folder.path().c_str(), 1);
  const Result<std::string> own = FindSharedLibrary("libown.so");
  const Status missing = FindSharedLibrary("libduckdb.so").status();
  ::unsetenv("HEADRACE_LIB_DIR");
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(*own, path);
  EXPECT_THAT(missing.message(), HasSubstr("looked in " + folder.path()));
}

}  // namespace
}  // namespace headrace
