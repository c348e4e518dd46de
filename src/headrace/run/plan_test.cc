#include "headrace/run/plan.h"

#include <gtest/gtest.h>

#include <map>

namespace headrace {
namespace {

/// "a -> b, a -> c": b and c wait for a.
Result<Plan> Steps(std::string_view text) {
  std::vector<Plan::Step> steps;
  const auto step = [&](std::string_view name) -> Plan::Step& {
    for (Plan::Step& s : steps)
      if (s.name == Trim(name)) return s;
    return steps.emplace_back(Plan::Step{std::string(Trim(name)), {}});
  };
  for (const std::string& edge : Split(text, ',')) {
    std::string before;
    for (const std::string& name : Split(ReplaceAll(edge, "->", ">"), '>')) {
      Plan::Step& s = step(name);
      if (!before.empty()) s.upstream.push_back(before);
      before = Trim(name);
    }
  }
  return Plan::Make(steps);
}

/// Run one at a time; `ends` says which steps do not end well.
std::string RunToEnd(Plan& plan, const std::map<std::string, StepEnd>& ends = {}) {
  std::string out;
  while (const auto step = plan.NextReady()) {
    const auto end = ends.find(*step);
    const StepEnd how = end == ends.end() ? StepEnd::kOk : end->second;
    out += StrCat(*step, how == StepEnd::kOk ? ":ok " : ":failed ");
    for (const std::string& skipped : plan.Finished(*step, how)) out += StrCat(skipped, ":skipped ");
  }
  EXPECT_TRUE(plan.done());
  return out;
}

TEST(Plan, FailedStepSkipsOnlyWhatDependsOnIt) {
  auto plan = Steps("ingest -> features -> fit -> deliver, ingest -> report");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(RunToEnd(*plan, {{"features", StepEnd::kFailed}}), "ingest:ok features:failed fit:skipped deliver:skipped report:ok ");
}

TEST(Plan, TheLongestRemainingPathGoesFirst) {
  auto plan = Steps("short, a -> b -> c, mid -> end");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(*plan->NextReady(), "a");
  EXPECT_EQ(*plan->NextReady(), "mid");
  EXPECT_EQ(*plan->NextReady(), "short");
  EXPECT_FALSE(plan->NextReady().has_value());
}

TEST(Plan, AStepWaitsForAllItReads) {
  auto plan = Steps("a -> c, b -> c");
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(*plan->NextReady(), "a");
  ASSERT_EQ(*plan->NextReady(), "b");
  plan->Finished("a", StepEnd::kOk);
  EXPECT_FALSE(plan->NextReady().has_value());
  plan->Finished("b", StepEnd::kOk);
  EXPECT_EQ(*plan->NextReady(), "c");
}

TEST(Plan, AStepWithTwoFailedInputsIsSkippedOnce) {
  auto plan = Steps("a -> c -> d, b -> c");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(RunToEnd(*plan, {{"a", StepEnd::kFailed}, {"b", StepEnd::kFailed}}), "a:failed c:skipped d:skipped b:failed ");
}

TEST(Plan, ACycleIsToldInOrder) {
  const auto plan = Steps("in -> a -> b -> c -> a");
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().message(), "the steps wait for each other: a -> b -> c -> a");
}

TEST(Plan, AbandoningGivesOutNothingMore) {
  auto plan = Steps("a -> b, c");
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(*plan->NextReady(), "a");
  EXPECT_EQ(plan->Abandon(), (std::vector<std::string>{"b", "c"}));
  EXPECT_FALSE(plan->done());
  plan->Finished("a", StepEnd::kFailed);
  EXPECT_TRUE(plan->done());
}

TEST(Plan, AHundredThousandStepsInALineArePlanned) {
  std::vector<Plan::Step> steps;
  for (int i = 0; i < 100'000; ++i) steps.push_back({StrCat("s", i), i == 0 ? std::vector<std::string>{} : std::vector<std::string>{StrCat("s", i - 1)}});
  auto plan = Plan::Make(steps);
  ASSERT_TRUE(plan.ok());
  int given = 0;
  while (const auto step = plan->NextReady()) {
    ++given;
    plan->Finished(*step, StepEnd::kOk);
  }
  EXPECT_EQ(given, 100'000);
}

}  // namespace
}  // namespace headrace
