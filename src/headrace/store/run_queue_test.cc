#include "headrace/store/run_queue.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

/// Every test runs on SQLite and on a real PostgreSQL.
class RunQueueTest : public StoreForTests {
 protected:
  void SetUp() override {
    StoreForTests::SetUp();
    queue_ = std::make_unique<RunQueue>(*store_, clock_);
  }
  RunRequest Request(const std::string& id, const std::string& origin = "schedule", std::int64_t position = 0) {
    RunRequest request;
    request.id = id;
    request.origin = origin;
    request.pipeline = "score";
    request.tenant = "acme";
    request.interval_start_us = position;
    request.interval_end_us = position + 1;
    request.position = position;
    return request;
  }
  RunRequest Get(const std::string& id) {
    for (const RunRequest& request : *queue_->List("", 1000))
      if (request.id == id) return request;
    ADD_FAILURE() << "no request " << id;
    return {};
  }
  /// As the supervisor does before it starts a process.
  RunRequest Issue(const std::string& id) {
    RunRequest request = Get(id);
    request.state = RequestState::kStarted;
    ++request.attempt;
    const auto changed = queue_->Change(request);
    EXPECT_TRUE(changed.ok() && *changed) << changed.status();
    return request;
  }
  RunRecord Run(const std::string& id, const RunRequest& request) {
    RunRecord run;
    run.id = id;
    run.pipeline = request.pipeline;
    run.tenant = request.tenant;
    run.interval_start_us = request.interval_start_us;
    run.interval_end_us = request.interval_end_us;
    run.params = "{}";
    run.definition = "d1";
    run.trigger = request.origin;
    run.process = ThisProcess();
    return run;
  }
  static std::vector<std::string> Ids(const std::vector<RunRequest>& requests) {
    std::vector<std::string> ids;
    for (const RunRequest& request : requests) ids.push_back(request.id);
    return ids;
  }
  using Texts = std::vector<std::string>;

  std::unique_ptr<RunQueue> queue_;
};

TEST_P(RunQueueTest, WhatIsEnteredTwiceIsOneRequestWithItsMark) {
  const ScheduleMark mark = {"score", "acme", "daily", 5, 7};
  EXPECT_EQ(Ids(*queue_->Enter({Request("a"), Request("b", "schedule", 2)}, {mark})), (Texts{"a", "b"}));
  RunRequest other = Request("a");
  other.params = "{\"x\":\"1\"}";
  EXPECT_EQ(Ids(*queue_->Enter({other, Request("c", "schedule", 3)}, {{"score", "acme", "daily", 5, 9}})), (Texts{"c"}));
  EXPECT_EQ(Get("a").params, "{}") << "it stays as it was";
  const auto marks = *queue_->Marks();
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].handled_us, 9);
  EXPECT_EQ(marks[0].tick_text, "daily");
}

TEST_P(RunQueueTest, RequestsAndMarkAreRefusedTogetherFromAServerThatLostItsLease) {
  const auto other = Open();
  store_->ActUnder("server", store_->AcquireLease("server", "one", 10)->epoch);
  ASSERT_TRUE(queue_->Enter({Request("a")}, {}).ok());
  clock_.Sleep(10);
  ASSERT_TRUE(other->AcquireLease("server", "two", 10)->granted);
  EXPECT_EQ(queue_->Enter({Request("b")}, {{"score", "acme", "daily", 1, 1}}).status().code(), ErrorCode::kBusy);
  EXPECT_EQ(queue_->Marks()->size(), 0u);
  EXPECT_EQ(queue_->List("", 10)->size(), 1u);
  RunRequest request = Get("a");
  request.state = RequestState::kStarted;
  EXPECT_EQ(queue_->Change(request).status().code(), ErrorCode::kBusy);
  EXPECT_EQ(store_->Cancel("r1", "one").code(), ErrorCode::kBusy);
}

TEST_P(RunQueueTest, AnAttemptIsClaimedOnce) {
  ASSERT_TRUE(queue_->Enter({Request("a")}, {}).ok());
  const auto process = Open(), second = Open();
  EXPECT_EQ(process->CreateRun(Run("r0", Get("a")), {}, {"a", 1}).code(), ErrorCode::kBusy) << "nobody issued it";
  const RunRequest issued = Issue("a");
  ASSERT_TRUE(process->CreateRun(Run("r1", issued), {}, {"a", 1}).ok());
  EXPECT_EQ(Get("a").run, "r1");
  EXPECT_EQ(Get("a").claimed, 1);
  ASSERT_TRUE(process->FinishRun("r1", RunState::kFailed, 1, "").ok());
  const Status late = second->CreateRun(Run("r2", issued), {}, {"a", 1});
  EXPECT_EQ(late.code(), ErrorCode::kBusy) << "although no run of the window is at work";
  EXPECT_NE(late.message().find("claimed before"), std::string::npos);
  EXPECT_EQ(second->ResumeRun("r1", ThisProcess(), {}, {"a", 1}).code(), ErrorCode::kBusy) << "a terminal state is final";
  EXPECT_FALSE(store_->FindRun("r2")->has_value());
}

TEST_P(RunQueueTest, AResumeClaimsTheNextAttemptOfTheSameRun) {
  ASSERT_TRUE(queue_->Enter({Request("a")}, {}).ok());
  const auto process = Open();
  ASSERT_TRUE(process->CreateRun(Run("r1", Issue("a")), {}, {"a", 1}).ok());
  ASSERT_TRUE(process->FinishRun("r1", RunState::kInterrupted, 130, "").ok());
  Issue("a");
  EXPECT_EQ(process->CreateRun(Run("r2", Get("a")), {}, {"a", 2}).code(), ErrorCode::kBusy) << "the request has a run";
  ASSERT_TRUE(process->ResumeRun("r1", ThisProcess(), {}, {"a", 2}, "d1").ok());
  EXPECT_EQ(store_->FindRun("r1")->value().definition, "d1");
  ASSERT_TRUE(process->FinishRun("r1", RunState::kInterrupted, 130, "").ok());
  Issue("a");
  ASSERT_TRUE(process->ResumeRun("r1", ThisProcess(), {}, {"a", 3}, "d2").ok());
  EXPECT_EQ(store_->FindRun("r1")->value().definition, "") << "part of it was made from other files";
}

TEST_P(RunQueueTest, AChangeThatDidNotSeeTheClaimIsRefused) {
  ASSERT_TRUE(queue_->Enter({Request("a")}, {}).ok());
  RunRequest seen = Issue("a");
  const auto process = Open();
  ASSERT_TRUE(process->CreateRun(Run("r1", seen), {}, {"a", 1}).ok());
  seen.state = RequestState::kFailed;
  EXPECT_FALSE(*queue_->Change(seen)) << "it says that no run was made";
  EXPECT_EQ(Get("a").state, RequestState::kStarted);
  RunRequest now = Get("a");
  now.state = RequestState::kSucceeded;
  EXPECT_TRUE(*queue_->Change(now));
  now.state = RequestState::kQueued;
  EXPECT_FALSE(*queue_->Change(now)) << "it ended";
}

TEST_P(RunQueueTest, SchedulesComeBeforeBackfillsAndAFewOfEachTenant) {
  RunRequest later = Request("later", "schedule", 9);
  later.not_before_us = clock_.NowMicros() + kSecond;
  ASSERT_TRUE(queue_->EnterBackfill({"b1", "score", "all", "", "{}", 0, 9}, {Request("b1", "b1", 1), Request("b2", "b1", 2), Request("b3", "b1", 3)}, 0).ok());
  ASSERT_TRUE(queue_->Enter({Request("s2", "schedule", 5), Request("s1", "schedule", 4), later}, {}).ok());
  EXPECT_EQ(Ids(*queue_->Ready(clock_.NowMicros(), 2)), (Texts{"s1", "s2", "b1", "b2"}));
  EXPECT_EQ(*queue_->NextReady(clock_.NowMicros()), later.not_before_us);
  EXPECT_EQ(queue_->Ready(later.not_before_us, 9)->size(), 6u);
}

// A request that was to be tried again in some seconds, under a wall clock that was hours ahead, was left alone for hours after the clock had been set right.
TEST_P(RunQueueTest, APauseThatAClockSetBackSinceMadeEndlessIsOver) {
  RunRequest tried = Request("tried");
  tried.not_before_us = clock_.NowMicros() + 5 * 3600 * kSecond + 16 * kSecond;
  ASSERT_TRUE(queue_->Enter({tried}, {}).ok());
  EXPECT_EQ(queue_->Ready(clock_.NowMicros(), 9)->size(), 1u);
  EXPECT_EQ(*queue_->NextReady(clock_.NowMicros()), std::nullopt);
}

TEST_P(RunQueueTest, ABackfillGivenAgainQueuesWhatDidNotSucceed) {
  const Backfill backfill = {"b1", "score", "all", "prod", "{}", 0, 9, 4, false, false, 17, "ann"};
  std::vector<RunRequest> requests;
  for (const char* id : {"ok", "bad", "open", "old"}) requests.push_back(Request(id, "b1", static_cast<std::int64_t>(requests.size())));
  requests[3].state = RequestState::kSkipped;
  requests[3].run = "r0";
  ASSERT_TRUE(queue_->EnterBackfill(backfill, requests, clock_.NowMicros()).ok());
  EXPECT_EQ(Get("old").state, RequestState::kSkipped);
  EXPECT_EQ(Get("old").run, "r0");
  for (const auto& [id, state] : {std::pair{"ok", RequestState::kSucceeded}, {"bad", RequestState::kFailed}}) {
    RunRequest request = Issue(id);
    request.state = state;
    ASSERT_TRUE(*queue_->Change(request));
  }
  Issue("open");
  Backfill counted = *queue_->GetBackfill("b");
  EXPECT_EQ(counted.id, "b1");
  EXPECT_EQ(counted.by, "ann");
  EXPECT_EQ(Texts({StrCat(counted.succeeded), StrCat(counted.failed), StrCat(counted.started), StrCat(counted.skipped), StrCat(counted.queued)}), (Texts{"1", "1", "1", "1", "0"}));
  requests[0].state = RequestState::kSkipped;      // its run is found done
  ASSERT_TRUE(queue_->EnterBackfill(backfill, requests, clock_.NowMicros()).ok());
  EXPECT_EQ(Get("ok").state, RequestState::kSucceeded);
  EXPECT_EQ(Get("bad").state, RequestState::kQueued);
  EXPECT_EQ(Get("bad").attempt, 1) << "numbers of attempts go on, so that a late process is refused";
  EXPECT_EQ(Get("open").state, RequestState::kStarted);
  requests[0].state = requests[3].state = RequestState::kQueued;      // the files changed
  ASSERT_TRUE(queue_->EnterBackfill(backfill, requests, clock_.NowMicros()).ok());
  EXPECT_EQ(Get("ok").state, RequestState::kQueued);
  EXPECT_EQ(Get("old").state, RequestState::kQueued);
  EXPECT_EQ(Get("old").run, "");
}

TEST_P(RunQueueTest, AWindowThatSucceededWhileItsBackfillWasGivenAgainIsNotQueuedAgain) {
  const Backfill backfill = {"b1", "score", "all", "", "{}", 0, 9};
  ASSERT_TRUE(queue_->EnterBackfill(backfill, {Request("a", "b1")}, 0).ok());
  const auto process = Open();
  ASSERT_TRUE(process->CreateRun(Run("r1", Issue("a")), {}, {"a", 1}).ok());
  const std::int64_t looked_us = clock_.NowMicros();      // not done yet
  clock_.Sleep(1);
  ASSERT_TRUE(process->FinishRun("r1", RunState::kSucceeded, 0, "").ok());
  RunRequest ended = Get("a");
  ended.state = RequestState::kSucceeded;
  ASSERT_TRUE(*queue_->Change(ended));
  ASSERT_TRUE(queue_->EnterBackfill(backfill, {Request("a", "b1")}, looked_us).ok());
  EXPECT_EQ(Get("a").state, RequestState::kSucceeded);
  ASSERT_TRUE(queue_->EnterBackfill(backfill, {Request("a", "b1")}, clock_.NowMicros()).ok());
  EXPECT_EQ(Get("a").state, RequestState::kQueued);
}

TEST_P(RunQueueTest, ACancelledBackfillStartsNoMoreAndAsksItsRunsToEnd) {
  ASSERT_TRUE(queue_->EnterBackfill({"b1", "score", "all", "", "{}", 0, 9}, {Request("run", "b1", 1), Request("starting", "b1", 2), Request("queued", "b1", 3)}, 0).ok());
  const auto process = Open();
  ASSERT_TRUE(process->CreateRun(Run("r1", Issue("run")), {}, {"run", 1}).ok());
  const RunRequest starting = Issue("starting");
  ASSERT_TRUE(queue_->CancelBackfill("b1", "ann").ok());
  EXPECT_EQ(Get("queued").state, RequestState::kCancelled);
  EXPECT_EQ(Get("starting").state, RequestState::kCancelled);
  EXPECT_EQ(process->CreateRun(Run("r2", starting), {}, {"starting", 1}).code(), ErrorCode::kBusy) << "its process comes too late";
  EXPECT_EQ(*store_->CancelledBy("r1"), "ann");
  EXPECT_EQ(Get("run").state, RequestState::kStarted) << "it ends when its run does";
  EXPECT_TRUE(queue_->GetBackfill("b1")->cancelled);
  EXPECT_EQ(queue_->GetBackfill("nope").status().code(), ErrorCode::kInvalid);
}

TEST_P(RunQueueTest, PausesAreKeptUntilTheyEnd) {
  ASSERT_TRUE(queue_->Pause({"score", "acme", "ann", 5}).ok());
  EXPECT_NE(queue_->Pause({"score", "acme", "bob", 6}).message().find("paused already for tenant `acme`"), std::string::npos);
  ASSERT_TRUE(queue_->Pause({"other", "*", "ann", 5}).ok());
  EXPECT_EQ(queue_->Pause({"other", "acme", "bob", 6}).code(), ErrorCode::kInvalid) << "it is paused for all";
  EXPECT_EQ(queue_->Unpause("other", "acme", 8).code(), ErrorCode::kInvalid) << "a pause of all ends for all";
  ASSERT_TRUE(queue_->Unpause("score", "*", 9).ok());
  EXPECT_EQ(queue_->Unpause("score", "*", 9).code(), ErrorCode::kInvalid);
  const auto pauses = *queue_->Pauses();
  ASSERT_EQ(pauses.size(), 2u);
  EXPECT_EQ(pauses[0].until_us, SchedulePause::kOpenEnd);
  EXPECT_EQ(pauses[1].until_us, 9);
}

TEST_P(RunQueueTest, TheLastSucceededRunOfAWindowIsFound) {
  const auto process = Open();
  const RunRequest window = Request("a", "b1", 3);
  EXPECT_FALSE(queue_->LastSucceeded(window)->has_value());
  ASSERT_TRUE(process->CreateRun(Run("r1", window), {}).ok());
  ASSERT_TRUE(process->FinishRun("r1", RunState::kSucceeded, 0, "").ok());
  clock_.Sleep(kSecond);
  RunRecord dry = Run("r2", window);
  dry.trigger = "dry run";
  ASSERT_TRUE(process->CreateRun(dry, {}).ok());
  ASSERT_TRUE(process->FinishRun("r2", RunState::kSucceeded, 0, "").ok());
  EXPECT_EQ(queue_->LastSucceeded(window)->value().id, "r1");
  EXPECT_EQ(queue_->LastSucceeded(window)->value().definition, "d1");
  EXPECT_FALSE(queue_->LastSucceeded(Request("a", "b1", 4))->has_value());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, RunQueueTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Postgres, RunQueueTest, testing::Values(true));

}  // namespace
}  // namespace headrace
