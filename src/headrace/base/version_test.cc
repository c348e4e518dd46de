#include "headrace/base/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace {
namespace {

using ::testing::MatchesRegex;

TEST(ThisBuildTest, NamesVersionCommitAndCompiler) {
  EXPECT_THAT(ThisBuild().version, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(ThisBuild().commit, MatchesRegex("[0-9a-f]{40}|unknown"));
  EXPECT_THAT(ThisBuild().compiler, MatchesRegex("(gcc|clang) [0-9.]+"));
}

}  // namespace
}  // namespace headrace
