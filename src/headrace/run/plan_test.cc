#include "headrace/run/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "headrace/base/clock.h"

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
  EXPECT_EQ(plan->Abandon(true), (std::vector<std::string>{"b", "c"}));
  EXPECT_FALSE(plan->done());
  plan->Finished("a", StepEnd::kFailed);
  EXPECT_TRUE(plan->done());
}

TEST(Plan, AStepThatOnlyFollowsRunsHoweverTheOtherEnds) {
  auto plan = Plan::Make({{"fit"}, {.name = "notes", .after = {"fit"}}, {.name = "card", .upstream = {"fit"}}, {.name = "mail", .after = {"card"}}});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(RunToEnd(*plan, {{"fit", StepEnd::kFailed}}), "fit:failed card:skipped notes:ok mail:ok ");
}

TEST(Plan, StepsUnderFinallyStartWhenAllOthersHaveEnded) {
  const std::vector<Plan::Step> steps = {{.name = "log", .last = true}, {.name = "mail", .after = {"log", "fit"}, .last = true}, {"in"}, {"fit", {"in"}}};
  auto plan = Plan::Make(steps);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(RunToEnd(*plan), "in:ok fit:ok log:ok mail:ok ");
  plan = Plan::Make(steps);
  EXPECT_EQ(RunToEnd(*plan, {{"in", StepEnd::kFailed}}), "in:failed fit:skipped log:ok mail:ok ");
}

TEST(Plan, AStepUnderFinallyThatReadsWhatFailedIsSkipped) {
  auto plan = Plan::Make({{"in"}, {.name = "copy", .upstream = {"in"}, .last = true}, {.name = "log", .last = true}});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(RunToEnd(*plan, {{"in", StepEnd::kFailed}}), "in:failed copy:skipped log:ok ");
}

TEST(Plan, AbandoningKeepsFinallyUnlessTheRunIsInterrupted) {
  for (const bool interrupted : {false, true}) {
    auto plan = Plan::Make({{"a"}, {"b", {"a"}}, {.name = "log", .last = true}});
    ASSERT_TRUE(plan.ok());
    ASSERT_EQ(*plan->NextReady(), "a");
    EXPECT_EQ(plan->Abandon(interrupted).size(), interrupted ? 2u : 1u);
    EXPECT_FALSE(plan->NextReady().has_value());
    plan->Finished("a", StepEnd::kFailed);
    EXPECT_EQ(plan->NextReady().value_or("none"), interrupted ? "none" : "log");
  }
}

TEST(Plan, AParkedStepHoldsBackWhatComesAfterItAndNothingElse) {
  auto plan = Plan::Make({{"in"}, {"ask", {"in"}}, {"deliver", {"ask"}}, {"report", {"in"}}, {.name = "log", .last = true}});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(*plan->NextReady(), "in");
  plan->Finished("in", StepEnd::kOk);
  ASSERT_EQ(*plan->NextReady(), "ask");
  plan->Park("ask");
  EXPECT_FALSE(plan->stuck());
  ASSERT_EQ(*plan->NextReady(), "report");
  plan->Finished("report", StepEnd::kOk);
  EXPECT_FALSE(plan->NextReady().has_value());
  EXPECT_TRUE(plan->stuck());
  EXPECT_FALSE(plan->done());
}

// Any graph, any ends: each step is given out at most once, never before what it waits for, and all of it comes to an end.
TEST(Plan, RandomGraphsKeepTheRules) {
  SeededRandom random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<Plan::Step> steps;
    const std::size_t count = 1 + random.Next() % 12;
    for (std::size_t i = 0; i < count; ++i) {
      Plan::Step step{StrCat("s", i)};
      step.last = i * 4 > count * 3;
      for (std::size_t j = 0; j < i; ++j) {
        if (random.Next() % 3 != 0 || (steps[j].last && !step.last)) continue;
        (random.Next() % 2 == 0 ? step.upstream : step.after).push_back(steps[j].name);
      }
      steps.push_back(step);
    }
    auto plan = Plan::Make(steps);
    ASSERT_TRUE(plan.ok()) << plan.status();
    std::map<std::string, StepEnd> ended;
    std::vector<std::string> running;
    while (!plan->done()) {
      while (const auto step = plan->NextReady()) {
        const Plan::Step& spec = *std::find_if(steps.begin(), steps.end(), [&](const Plan::Step& s) { return s.name == *step; });
        ASSERT_FALSE(ended.contains(*step));
        for (const std::string& name : spec.upstream) ASSERT_TRUE(ended.contains(name) && ended[name] == StepEnd::kOk) << *step << " before " << name;
        for (const std::string& name : spec.after) ASSERT_TRUE(ended.contains(name)) << *step << " before " << name;
        for (const Plan::Step& other : steps) ASSERT_TRUE(!spec.last || other.last || ended.contains(other.name)) << *step << " before " << other.name;
        running.push_back(*step);
      }
      ASSERT_FALSE(running.empty()) << "the plan is stuck";
      const std::size_t pick = random.Next() % running.size();
      const std::string step = running[pick];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(pick));
      const StepEnd end = random.Next() % 4 == 0 ? StepEnd::kFailed : StepEnd::kOk;
      ended[step] = end;
      for (const std::string& skipped : plan->Finished(step, end)) ASSERT_TRUE(ended.emplace(skipped, StepEnd::kSkipped).second) << skipped;
    }
    EXPECT_EQ(ended.size(), steps.size());
  }
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
