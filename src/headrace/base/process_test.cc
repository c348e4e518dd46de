#include "headrace/base/process.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Process, GivesItsOutputAndExitCode) {
  const auto exit = SystemProcesses().Run({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, nullptr);
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(exit->out, "out\n");
  EXPECT_EQ(exit->err, "err\n");
}

TEST(Process, ASignalIsToldApartFromAnExitCode) {
  EXPECT_EQ(SystemProcesses().Run({"/bin/sh", "-c", "kill -9 $$"}, nullptr)->code, 128 + 9);
}

TEST(Process, KeepsTheEndOfALongOutput) {
  const auto exit = SystemProcesses().Run({"/bin/sh", "-c", "i=0; while [ $i -lt 60000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; echo end"}, nullptr);
  ASSERT_TRUE(exit.ok());
  EXPECT_LE(exit->out.size(), std::size_t{1} << 20);
  EXPECT_TRUE(exit->out.ends_with("end\n"));
}

TEST(Process, ACancelledProcessIsInterruptedWithItsChildren) {
  const std::atomic<bool> cancelled = true;
  EXPECT_EQ(SystemProcesses().Run({"/bin/sh", "-c", "sleep 60"}, &cancelled)->code, 128 + 2);
}

TEST(Process, AMissingProgramIsAnError) { EXPECT_FALSE(SystemProcesses().Run({"/no/such/program"}, nullptr).ok()); }

}  // namespace
}  // namespace headrace
