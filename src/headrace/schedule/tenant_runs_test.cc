#include "headrace/schedule/tenant_runs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

namespace headrace {
namespace {

/// A tenant called "fail3" exits with 3, so with any number, "gone" cannot be started, all others succeed.
class FakeProcesses final : public ProcessRunner {
 public:
  Result<ProcessExit> Run(const std::vector<std::string>& argv, const std::atomic<bool>*) override {
    const int now = ++at_once_;
    int most = most_;
    while (now > most && !most_.compare_exchange_weak(most, now)) {}
    SystemClock().Sleep(2'000);
    --at_once_;
    if (argv[1] == "gone") return Error(ErrorCode::kFailed, "cannot start");
    return ProcessExit{argv[1].starts_with("fail") ? std::stoi(argv[1].substr(4)) : 0, argv[1], ""};
  }
  int most() const { return most_; }

 private:
  std::atomic<int> at_once_ = 0, most_ = 0;
};

TenantRuns Runs(std::vector<std::string> tenants, int parallel) {
  return {std::move(tenants), parallel, [](const std::string& tenant) { return std::vector<std::string>{"headrace", tenant}; }, nullptr};
}

TEST(TenantRuns, OneFailureStopsNobodyElse) {
  FakeProcesses processes;
  int told = 0;
  const auto runs = RunTenants(Runs({"a", "fail3", "gone", "b"}, 2), processes, SystemClock(), [&](const TenantRun&) { ++told; });
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(told, 4);
  EXPECT_EQ(runs[0].exit.code, 0);
  EXPECT_EQ(runs[1].exit.code, 3);
  EXPECT_FALSE(runs[2].started);
  EXPECT_EQ(runs[3].exit.out, "b");
  EXPECT_EQ(ExitCodeOf(runs), 3);
}

TEST(TenantRuns, WhatAnotherTryMayMendHidesNoFailure) {
  FakeProcesses processes;
  const auto code = [&](std::vector<std::string> tenants) { return ExitCodeOf(RunTenants(Runs(std::move(tenants), 2), processes, SystemClock(), [](const TenantRun&) {})); };
  EXPECT_EQ(code({"fail75", "a"}), 75);
  EXPECT_EQ(code({"fail75", "a", "fail3", "fail1"}), 3);
}

TEST(TenantRuns, NoMoreRunAtOnceThanAsked) {
  FakeProcesses processes;
  RunTenants(Runs(std::vector<std::string>(20, "a"), 3), processes, SystemClock(), [](const TenantRun&) {});
  EXPECT_LE(processes.most(), 3);
}

TEST(TenantRuns, NothingStartsAfterAnInterrupt) {
  FakeProcesses processes;
  const std::atomic<bool> cancelled = true;
  TenantRuns runs = Runs({"a", "b"}, 1);
  runs.cancelled = &cancelled;
  const auto results = RunTenants(runs, processes, SystemClock(), [](const TenantRun&) {});
  EXPECT_FALSE(results[0].started);
  EXPECT_EQ(ExitCodeOf(results), 130);
}

}  // namespace
}  // namespace headrace
