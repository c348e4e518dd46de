// Who may act: leases of servers, owners of runs with their fences, slots of pools.
#include <gtest/gtest.h>

#include <array>

#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

/// Every test runs on SQLite and on a real PostgreSQL.
class StoreLeaseTest : public StoreForTests {};

TEST_P(StoreLeaseTest, ALeaseIsHeldByOneUntilItIsOverAndItsEpochRises) {
  constexpr std::int64_t kMinute = 60'000'000;
  const auto other = Open();
  EXPECT_EQ(store_->AcquireLease("scheduler", "one", kMinute)->epoch, 1);
  EXPECT_EQ(store_->AcquireLease("scheduler", "one", kMinute)->epoch, 1) << "asking again is no new holder";
  Lease refused = *other->AcquireLease("scheduler", "two", kMinute);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.holder, "one");
  EXPECT_EQ(refused.left_us, kMinute);
  EXPECT_TRUE(other->AcquireLease("another", "two", kMinute)->granted);
  clock_.Sleep(kMinute - 1);
  ASSERT_TRUE(store_->RenewLease("scheduler", 1, kMinute).ok());
  clock_.Sleep(kMinute - 1);
  EXPECT_FALSE(other->AcquireLease("scheduler", "two", kMinute)->granted);
  clock_.Sleep(1);
  EXPECT_NE(store_->RenewLease("scheduler", 1, kMinute).message().find("has run out"), std::string::npos);
  const Lease taken = *other->AcquireLease("scheduler", "two", kMinute);
  EXPECT_TRUE(taken.granted);
  EXPECT_EQ(taken.epoch, 2);
  const Status stale = store_->RenewLease("scheduler", 1, kMinute);
  EXPECT_EQ(stale.code(), ErrorCode::kBusy);
  EXPECT_NE(stale.message().find("held by two: the stale writer is rejected"), std::string::npos) << stale;
  ASSERT_TRUE(store_->ReleaseLease("scheduler", 1).ok()) << "one's release changes nothing for two";
  EXPECT_FALSE(store_->AcquireLease("scheduler", "one", kMinute)->granted);
  ASSERT_TRUE(other->ReleaseLease("scheduler", 2).ok());
  EXPECT_EQ(store_->AcquireLease("scheduler", "one", kMinute)->epoch, 3);
}

TEST_P(StoreLeaseTest, WhoLostTheLeaseStartsNoRun) {
  const auto other = Open();
  const Lease mine = *store_->AcquireLease("scheduler", "one", 10);
  store_->ActUnder("scheduler", mine.epoch);
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 1, "").ok());
  clock_.Sleep(10);
  ASSERT_TRUE(other->AcquireLease("scheduler", "two", 10)->granted);
  EXPECT_EQ(store_->CreateRun(Run("r2"), {}).code(), ErrorCode::kBusy);
  EXPECT_EQ(store_->ResumeRun("r1", ThisProcess()).code(), ErrorCode::kBusy);
  EXPECT_TRUE(other->CreateRun(Run("r2"), {}).ok());
}

TEST_P(StoreLeaseTest, ARunOfAnotherHostLivesUntilItsLeaseIsOver) {
  const auto far = Open();
  RunRecord run = Run("r1");
  run.process = {1, "never", "far pid:[1] boot"};
  ASSERT_TRUE(far->CreateRun(run, {Step("r1", "a")}).ok());
  clock_.Sleep(kRunLeaseMicros - 1);
  const Status busy = store_->CreateRun(Run("r2"), {});
  EXPECT_EQ(busy.code(), ErrorCode::kBusy);
  EXPECT_NE(busy.message().find("process 1 of host far"), std::string::npos) << busy;
  ASSERT_TRUE(far->Heartbeat("r1").ok());
  clock_.Sleep(kRunLeaseMicros - 1);
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kRunning) << "the heartbeat renewed it";
  clock_.Sleep(1);
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kInterrupted);
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  for (const Status& stale : {far->StartStep(Step("r1", "a")), far->FinishStep(Step("r1", "a", StepState::kSucceeded)), far->FinishRun("r1", RunState::kFailed, 1, ""), far->Heartbeat("r1")}) {
    EXPECT_EQ(stale.code(), ErrorCode::kBusy);
    EXPECT_NE(stale.message().find("taken over by another owner"), std::string::npos) << stale;
  }
  EXPECT_EQ(far->FenceOf("r1").status().code(), ErrorCode::kBusy);
  EXPECT_EQ((*store_->ListSteps("r1"))[0].state, StepState::kPending);
  EXPECT_TRUE(store_->FinishRun("r1", RunState::kSucceeded, 0, "").ok());
}

TEST_P(StoreLeaseTest, FencesRiseWithEveryOwnerWhateverTheClockDoes) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  const std::int64_t first = *store_->FenceOf("r1");
  EXPECT_EQ(first, clock_.NowMicros()) << "a state begun anew goes on above the lost one";
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 1, "").ok());
  EXPECT_EQ(store_->FenceOf("r1").status().code(), ErrorCode::kInvalid) << "it ended";
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  EXPECT_EQ(*store_->FenceOf("r1"), first + 1) << "the clock stood still";
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 1, "").ok());
  clock_.Sleep(1000);
  ASSERT_TRUE(store_->CreateRun(Run("r2"), {}).ok());
  EXPECT_EQ(*store_->FenceOf("r2"), first + 1000);
  EXPECT_EQ(store_->FenceOf("r3").status().code(), ErrorCode::kInvalid);
}

TEST_P(StoreLeaseTest, APoolHasSoManySlotsAndThoseOfDeadRunsAreFree) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "a"), Step("r1", "b"), Step("r1", "c")}).ok());
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 2, "r1", "a"));
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 2, "r1", "b"));
  EXPECT_FALSE(*store_->TakeSlot("warehouse", 2, "r1", "c"));
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 2, "r1", "a")) << "asking again takes no second one";
  EXPECT_TRUE(*store_->TakeSlot("other", 1, "r1", "c")) << "pools are apart";
  ASSERT_TRUE(store_->FreeSlot("warehouse", "r1", "b").ok());
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 2, "r1", "c"));
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 1, "").ok());
  RunRecord next = Run("r2");
  next.interval_start_us = 5;
  ASSERT_TRUE(store_->CreateRun(next, {Step("r2", "a")}).ok());
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 1, "r2", "a")) << "the ended run's slots are free";
}

// One that had stood still took a slot for a run that had long ended, and would have given back that of the new owner.
TEST_P(StoreLeaseTest, AStaleOwnerNeitherTakesNorFreesASlot) {
  const auto far = Open();
  RunRecord run = Run("r1");
  run.process = {1, "never", "far pid:[1] boot"};
  ASSERT_TRUE(far->CreateRun(run, {Step("r1", "a"), Step("r1", "b")}).ok());
  clock_.Sleep(kRunLeaseMicros);
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 1, "r1", "a"));
  EXPECT_TRUE(far->FreeSlot("warehouse", "r1", "a").ok());
  EXPECT_FALSE(*store_->TakeSlot("warehouse", 1, "r1", "b")) << "the slot is still taken";
  ASSERT_TRUE(store_->FreeSlot("warehouse", "r1", "a").ok());
  EXPECT_EQ(far->TakeSlot("warehouse", 1, "r1", "b").status().code(), ErrorCode::kBusy);
  EXPECT_TRUE(*store_->TakeSlot("warehouse", 1, "r1", "b"));
}

/// What two owners on two hosts may do to one run, in a few lines; the store must answer as this does.
struct Model {
  RunState state = RunState::kRunning;
  std::int64_t epoch = 1, lease_until = 0;
  std::array<std::int64_t, 2> owned = {1, 0}, tried = {0, 0};
  std::array<StepState, 2> steps = {StepState::kPending, StepState::kPending};

  ErrorCode MayWrite(std::size_t who) const {
    if (owned[who] == 0) return state == RunState::kRunning ? ErrorCode::kBusy : ErrorCode::kInvalid;
    if (owned[who] != epoch) return ErrorCode::kBusy;
    return state == RunState::kRunning ? ErrorCode::kOk : ErrorCode::kInvalid;
  }
  ErrorCode SetStep(std::size_t who, std::size_t step, StepState to) {
    if (const ErrorCode code = MayWrite(who); code != ErrorCode::kOk) return code;
    if (steps[step] != StepState::kPending && steps[step] != StepState::kRunning) return ErrorCode::kInvalid;
    steps[step] = to;
    return ErrorCode::kOk;
  }
  ErrorCode Finish(std::size_t who, RunState to) {
    if (const ErrorCode code = MayWrite(who); code != ErrorCode::kOk) return code;
    state = to;
    return ErrorCode::kOk;
  }
  ErrorCode Heartbeat(std::size_t who, std::int64_t now) {
    if (owned[who] == 0) return MayWrite(who);
    if (now - tried[who] < kRunLeaseMicros / 3) return ErrorCode::kOk;
    tried[who] = now;
    if (const ErrorCode code = MayWrite(who); code != ErrorCode::kOk) return code;
    lease_until = now + kRunLeaseMicros;
    return ErrorCode::kOk;
  }
  ErrorCode Resume(std::size_t who, std::int64_t now) {
    if (state == RunState::kSucceeded) return ErrorCode::kInvalid;
    if (state == RunState::kRunning && now < lease_until) return ErrorCode::kBusy;
    state = RunState::kRunning;
    owned[who] = ++epoch;
    tried[who] = now;
    lease_until = now + kRunLeaseMicros;
    for (StepState& step : steps)
      if (step != StepState::kSucceeded && step != StepState::kReused) step = StepState::kPending;
    return ErrorCode::kOk;
  }
};

TEST_P(StoreLeaseTest, TwoOwnersCanOnlyDoWhatTheModelAllows) {
  const auto second = Open();
  const std::array<Store*, 2> stores = {store_.get(), second.get()};
  int allowed = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SeededRandom random(seed);
    Model model;
    const std::string id = StrCat("r", seed);
    RunRecord run = Run(id);
    run.interval_start_us = static_cast<std::int64_t>(seed);
    run.process = {1, "", "host0"};
    ASSERT_TRUE(stores[0]->CreateRun(run, {Step(id, "s0"), Step(id, "s1")}).ok());
    model.tried[0] = clock_.MonotonicMicros();
    model.lease_until = clock_.MonotonicMicros() + kRunLeaseMicros;
    std::string history;
    for (int i = 0; i < 40; ++i) {
      const std::size_t who = random.Next() % 2, step = random.Next() % 2;
      const std::int64_t now = clock_.MonotonicMicros();
      ErrorCode expected = ErrorCode::kOk;
      Status got;
      const std::uint64_t act = random.Next() % 12;
      if (act < 3) {
        expected = model.SetStep(who, step, StepState::kRunning);
        got = stores[who]->StartStep(Step(id, StrCat("s", step)));
      } else if (act < 6) {
        const auto to = static_cast<StepState>(2 + random.Next() % 4);
        expected = model.SetStep(who, step, to);
        got = stores[who]->FinishStep(Step(id, StrCat("s", step), to));
      } else if (act == 6) {
        const auto to = static_cast<RunState>(1 + (random.Next() % 8 == 0 ? 0 : 1 + random.Next() % 2));
        expected = model.Finish(who, to);
        got = stores[who]->FinishRun(id, to, 0, "");
      } else if (act < 9) {
        expected = model.Resume(who, now);
        got = stores[who]->ResumeRun(id, {1, "", StrCat("host", who)});
      } else if (act < 11) {
        expected = model.Heartbeat(who, now);
        got = stores[who]->Heartbeat(id);
      } else {
        clock_.Sleep(static_cast<std::int64_t>(random.Next() % 50) * 1'000'000);
      }
      history += StrCat(act, "/", who, "/", step, " ");
      ASSERT_EQ(got.code(), expected) << "seed " << seed << ": " << history << "\n" << got;
      ++(got.ok() ? allowed : refused);
      const bool seen_dead = model.state == RunState::kRunning && clock_.MonotonicMicros() >= model.lease_until;
      ASSERT_EQ(store_->GetRun(id)->state, seen_dead ? RunState::kInterrupted : model.state) << "seed " << seed << ": " << history;
      const auto steps = *store_->ListSteps(id);
      for (std::size_t s = 0; s < 2; ++s) ASSERT_EQ(steps[s].state, model.steps[s]) << "seed " << seed << ": " << history;
    }
  }
  EXPECT_GT(allowed, 200);
  EXPECT_GT(refused, 200);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreLeaseTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Postgres, StoreLeaseTest, testing::Values(true));

}  // namespace
}  // namespace headrace
