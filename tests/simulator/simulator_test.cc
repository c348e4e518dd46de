#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "scenario.h"

namespace headrace::simulator {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr bool kSwitchesStacks = false;      // the thread sanitizer does not know stacks that a program switches by itself
#else
constexpr bool kSwitchesStacks = true;
#endif

class SimulatorTest : public testing::Test {
 protected:
  void SetUp() override { if (!kSwitchesStacks) GTEST_SKIP(); }
};

TEST_F(SimulatorTest, NoRuleIsBrokenUnderAnySeed) {
  std::int64_t seeds = 400;
  const char* const wanted = std::getenv("HEADRACE_SIMULATOR_SEEDS");
  if (wanted != nullptr) { ASSERT_TRUE(ParseInt(wanted, &seeds)); }
  for (std::int64_t seed = 1; seed <= seeds; ++seed) {
    const Outcome outcome = Simulate(static_cast<std::uint64_t>(seed), Bug::kNone, false, ScratchFolder());
    EXPECT_EQ(outcome.violation, "") << "all that happened: build/bin/simulate --replay " << seed << " --trace";
  }
}

TEST_F(SimulatorTest, OneSeedIsOneHistory) {
  std::size_t length = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const std::string first = Simulate(seed, Bug::kNone, true, ScratchFolder()).trace;
    EXPECT_EQ(first, Simulate(seed, Bug::kNone, true, ScratchFolder()).trace) << "seed " << seed;
    length += first.size();
  }
  EXPECT_GT(length, 50'000u) << "something happened in them";
}

class DeliberateBug : public testing::TestWithParam<Bug> {
 protected:
  void SetUp() override { if (!kSwitchesStacks) GTEST_SKIP(); }
};

TEST_P(DeliberateBug, IsFoundWithinAThousandSeedsAndItsSeedReplays) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Outcome found = Simulate(seed, GetParam(), false, ScratchFolder());
    if (found.violation.empty()) continue;
    std::printf("found: %s\n", found.violation.c_str());
    const Outcome again = Simulate(seed, GetParam(), true, ScratchFolder());
    EXPECT_EQ(again.violation, found.violation);
    EXPECT_NE(again.trace.find("BROKEN"), std::string::npos);
    EXPECT_EQ(Simulate(seed, Bug::kNone, false, ScratchFolder()).violation, "") << "without the bug the seed is fine";
    return;
  }
  FAIL() << "no seed of 1,000 found it";
}

INSTANTIATE_TEST_SUITE_P(All, DeliberateBug, testing::Values(Bug::kNoLedger, Bug::kEarlySuccess, Bug::kEverybodyDead, Bug::kOneName, Bug::kUnclaimedRuns, Bug::kDeafLauncher),
                         [](const testing::TestParamInfo<Bug>& bug) {
                           std::string name(kBugNames[static_cast<std::size_t>(bug.param)]);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace headrace::simulator
