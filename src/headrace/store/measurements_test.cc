#include <gtest/gtest.h>

#include "headrace/store/store.h"
#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

/// Every test runs on SQLite and on a real PostgreSQL.
class MeasurementsTest : public StoreForTests {
 protected:
  /// A run of one interval whose step `orders` measured `rows`.
  void Ran(const std::string& id, std::int64_t interval, double rows, bool good = true, const std::string& trigger = "manual", const std::string& environment = "default") {
    RunRecord run;
    run.id = id;
    run.pipeline = "score";
    run.tenant = "acme";
    run.environment = environment;
    run.interval_start_us = interval;
    run.interval_end_us = interval + 1;
    run.params = "{}";
    run.trigger = trigger;
    run.started_us = clock_.NowMicros() + ++count_;
    run.process = ThisProcess();
    StepRecord step;
    step.run = id;
    step.step = "orders";
    step.kind = "extract";
    step.parts = step.details = "{}";
    ASSERT_TRUE(store_->CreateRun(run, {step}).ok());
    step.state = good ? StepState::kSucceeded : StepState::kFailed;
    step.finished_us = run.started_us + 1;
    if (good) step.outputs[""] = {"digest of " + id, "dataset", static_cast<std::int64_t>(rows)};
    Measurement m;
    m.measure = "rows";
    m.value = rows;
    m.good = good;
    m.verdict = good ? "passed" : "failed";
    if (rows > 100) m.lower = 90.5, m.upper = 1200;
    step.measured = {m};
    const Status done = store_->FinishStep(step);
    ASSERT_TRUE(done.ok()) << done;
    ASSERT_TRUE(store_->FinishRun(id, good ? RunState::kSucceeded : RunState::kFailed, good ? 0 : 3, "").ok());
  }
  std::vector<Measurement> Read(Store::MeasurementQuery query = {.pipeline = "score", .tenant = "acme", .environment = "default", .step = "orders"}) {
    const auto found = store_->ReadMeasurements(query);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::vector<Measurement>();
  }
  std::int64_t count_ = 0;
};

TEST_P(MeasurementsTest, ReadBackAsWrittenOldestFirst) {
  Ran("r2", 20, 0.1 + 0.2);
  Ran("r1", 10, 412);
  const std::vector<Measurement> found = Read();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].run, "r1");
  EXPECT_EQ(found[0].value, 412);
  EXPECT_EQ(found[0].lower, 90.5);
  EXPECT_EQ(found[0].interval_end_us, 11);
  EXPECT_EQ(found[1].value, 0.1 + 0.2) << "to the last bit";
  EXPECT_FALSE(found[1].lower.has_value());
  EXPECT_TRUE(found[1].good);
}

TEST_P(MeasurementsTest, AnIntervalSpeaksByItsNewestGoodRun) {
  Ran("r1", 10, 400);
  Ran("r2", 10, 410);
  Ran("r3", 10, 0, false);
  ASSERT_EQ(Read().size(), 1U);
  EXPECT_EQ(Read()[0].run, "r2");
  Ran("r4", 20, 0, false);
  ASSERT_EQ(Read().size(), 2U);
  EXPECT_FALSE(Read()[1].good) << "of one without a good run the newest is told";
}

TEST_P(MeasurementsTest, DryRunsAndOtherEnvironmentsAreApart) {
  Ran("r1", 10, 400, true, "dry run");
  Ran("r2", 20, 400, true, "manual", "staging");
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(Read({.pipeline = "score", .tenant = "acme", .environment = "staging", .step = "orders"}).size(), 1U);
  EXPECT_TRUE(Read({.pipeline = "score", .tenant = "bolt", .environment = "staging", .step = "orders"}).empty());
}

TEST_P(MeasurementsTest, OnlyEarlierIntervalsAndTheNewestOfThem) {
  for (int i = 1; i <= 5; ++i) Ran("r" + std::to_string(i), i * 10, 100.0 * i);
  const std::vector<Measurement> found = Read({.pipeline = "score", .tenant = "acme", .environment = "default", .step = "orders", .measure = "rows", .before_us = 50, .limit = 2});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].run, "r3");
  EXPECT_EQ(found[1].run, "r4");
  EXPECT_TRUE(Read({.pipeline = "score", .tenant = "acme", .environment = "default", .step = "orders", .measure = "sum"}).empty());
}

TEST_P(MeasurementsTest, StayWhenTheirRunGoes) {
  for (int i = 1; i <= 5; ++i) Ran("r" + std::to_string(i), i * 10, 100.0 * i);
  ASSERT_TRUE(store_->CollectGarbage({.keep = 1, .apply = true}).ok());
  EXPECT_FALSE(store_->GetRun("r1").ok());
  EXPECT_EQ(Read().size(), 5U);
}

TEST_P(MeasurementsTest, TheOutputOfTheIntervalBeforeIsThatOfItsNewestRun) {
  Ran("r1", 10, 400);
  Ran("r2", 20, 500);
  Ran("r3", 20, 600);
  Ran("r4", 30, 0, false);
  Ran("r5", 25, 700, true, "dry run");
  const auto before = store_->OutputOfIntervalBefore("score", "acme", "default", "orders", 40);
  ASSERT_TRUE(before.ok() && before->has_value());
  EXPECT_EQ((*before)->run, "r3");
  EXPECT_EQ((*before)->rows, 600);
  EXPECT_EQ((*store_->OutputOfIntervalBefore("score", "acme", "default", "orders", 20))->run, "r1");
  EXPECT_FALSE(store_->OutputOfIntervalBefore("score", "acme", "default", "orders", 10)->has_value());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, MeasurementsTest, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Postgres, MeasurementsTest, ::testing::Values(true));

}  // namespace
}  // namespace headrace
