#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "headrace/store/store.h"

namespace headrace {
namespace {

TEST(ProcessIdTest, ThisProcessLivesAndAnOlderOneOfItsNumberDoesNot) {
  EXPECT_TRUE(IsAlive(ThisProcess()));
  EXPECT_TRUE(IsAlive({::getpid(), "", ""}));
  EXPECT_FALSE(IsAlive({::getpid(), "1@another boot", ""}));
  EXPECT_FALSE(IsAlive({0, "", ""}));
}

// A killed run was taken for living as long as nobody had asked how it ended: for ever in a container whose first process never asks.
TEST(ProcessIdTest, AProcessThatEndedIsDeadBeforeItsParentAsked) {
  const pid_t child = ::fork();
  if (child == 0) ::raise(SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);   // it ended, and its number is still taken
  ASSERT_EQ(::kill(child, 0), 0);
  EXPECT_FALSE(IsAlive({child, "", ""}));
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(IsAlive({child, "", ""}));
}

}  // namespace
}  // namespace headrace
