#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "headrace/base/clock.h"
#include "headrace/base/folder_for_tests.h"
#include "headrace/store/postgres_for_tests.h"
#include "headrace/store/store.h"

namespace headrace {

/// A fixture with an empty state in a folder of its own: on SQLite when the parameter is false, on a real PostgreSQL when it is true. Leases count by `clock_`.
///
///   class LeaseTest : public StoreForTests {...};
///   INSTANTIATE_TEST_SUITE_P(Sqlite, LeaseTest, testing::Values(false));
///   INSTANTIATE_TEST_SUITE_P(Postgres, LeaseTest, testing::Values(true));
class StoreForTests : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    const std::string name = ReplaceAll(StrCat("headrace_", test.test_suite_name(), "_", ::getpid(), "_", test.name()), "/", "_");
    where_ = StateLocation{folder_.path()};
    where_.project = name;
    where_.own_clock = true;
    if (GetParam()) {
      const auto server = PostgresForTests::Get();
      ASSERT_TRUE(server.ok()) << server.status();
      server_ = *server;
      where_.uri = Secret("STATE", server_->uri());
    }
    store_ = Open();
    ASSERT_NE(store_, nullptr);
  }

  /// The same state once more, as another process opens it.
  std::unique_ptr<Store> Open() {
    auto store = Store::Open(where_, clock_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? std::move(store).value() : nullptr;
  }

  /// A run of tenant acme, and a step of it.
  RunRecord Run(const std::string& id) {
    RunRecord run;
    run.id = id;
    run.pipeline = "score";
    run.tenant = "acme";
    run.interval_start_us = 1;
    run.interval_end_us = 2;
    run.params = "{}";
    run.started_us = clock_.NowMicros();
    run.process = ThisProcess();
    return run;
  }
  StepRecord Step(const std::string& run, const std::string& name, StepState state = StepState::kPending) {
    StepRecord step;
    step.run = run;
    step.step = name;
    step.kind = "sql";
    step.state = state;
    step.fingerprint = "f-" + name;
    step.parts = "{}";
    step.details = "{}";
    return step;
  }

  const FolderForTests folder_;
  StateLocation where_;
  ManualClock clock_;
  PostgresForTests* server_ = nullptr;         ///< nullptr on SQLite
  std::unique_ptr<Store> store_;
};

}  // namespace headrace
