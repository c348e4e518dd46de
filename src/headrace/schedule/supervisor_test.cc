#include "headrace/schedule/supervisor.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>

#include "headrace/base/folder_for_tests.h"
#include "headrace/table/value.h"

namespace headrace {
namespace {

using Kind = ServerEvent::Kind;
constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute;
std::int64_t At(std::string_view text) { return *ParseTimestamp(text); }

/// Remembers what was started; how processes fare is said by the test.
class FakeLauncher final : public Launcher {
 public:
  Status Start(const RunRequest& request) override {
    if (refuses) return Error(ErrorCode::kBusy, "no more processes");
    started.push_back(request);
    seen[request.id] = {request.attempt, {Seen::State::kAlive, 0, ""}};
    return Ok();
  }
  Seen Look(const RunRequest& request) override {
    const auto found = seen.find(request.id);
    return found == seen.end() || found->second.first != request.attempt ? Seen{} : found->second.second;
  }
  void Forget(const std::string& request) override { seen.erase(request); }
  bool IsGone(const std::string& holder) override { return gone.contains(holder); }

  bool refuses = false;
  std::vector<RunRequest> started;
  std::map<std::string, std::pair<std::int64_t, Seen>> seen;
  std::set<std::string> gone;
};

/// A server: its store, its launcher, what it told.
struct Server {
  std::unique_ptr<Store> store;
  FakeLauncher launcher;
  std::unique_ptr<Supervisor> supervisor;
  std::vector<ServerEvent> events;

  std::int64_t Count(Kind kind) const {
    return std::count_if(events.begin(), events.end(), [&](const ServerEvent& event) { return event.kind == kind; });
  }
};

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    processes_ = Open();
    queue_ = std::make_unique<RunQueue>(*processes_, clock_);
    one_ = Make("one");
  }

  std::unique_ptr<Store> Open() { return *Store::Open(folder_.path(), clock_); }
  std::unique_ptr<Server> Make(const std::string& holder, std::int64_t parallel = 8, bool steps_down = false) {
    auto server = std::make_unique<Server>();
    server->store = Open();
    Supervisor::Options options;
    options.holder = holder;
    options.parallel = parallel;
    options.steps_down = steps_down;
    server->supervisor = std::make_unique<Supervisor>(*server->store, server->launcher, clock_, options, [events = &server->events](const ServerEvent& event) { events->push_back(event); });
    return server;
  }
  static PipelineSchedule Hourly(const std::string& pipeline = "score", std::vector<std::string> tenants = {}) {
    PipelineSchedule schedule;
    schedule.pipeline = pipeline;
    schedule.by_tenant = !tenants.empty();
    schedule.tenants = std::move(tenants);
    schedule.spec.when = *ParseCron("0 * * * *");
    schedule.spec.parallel = 100;
    return schedule;
  }
  void Set(Server& server, const std::vector<PipelineSchedule>& schedules, std::map<std::string, std::int64_t> quotas = {}) {
    server.supervisor->Set(*Scheduler::Make(schedules, "prod"), std::move(quotas));
    Turn(server);
  }
  bool Turn(Server& server) {
    const auto turned = server.supervisor->Turn();
    EXPECT_TRUE(turned.ok()) << turned.status();
    return turned.ok() && turned->acting;
  }
  /// A turn at the next full hour.
  void Tick(Server& server) {
    clock_.Sleep(kHour - clock_.NowMicros() % kHour);
    Turn(server);
  }
  void Backfilled(std::int64_t windows, std::int64_t parallel, const std::string& tenant = "") {
    std::vector<RunRequest> requests;
    for (std::int64_t i = 0; i < windows; ++i) {
      RunRequest request;
      request.id = StrCat("b", tenant, "/", i);
      request.origin = "b" + tenant;
      request.pipeline = "score";
      request.tenant = tenant;
      request.interval_start_us = i;
      request.interval_end_us = i + 1;
      request.position = i;
      requests.push_back(request);
    }
    ASSERT_TRUE(queue_->EnterBackfill({"b" + tenant, "score", tenant, "", "{}", 0, 9, parallel}, requests, 0).ok());
  }

  // What the process of the request started last does. ----------------------------------------------------------------
  Status Claim(Server& server, std::size_t back = 0) {
    const RunRequest request = server.launcher.started.at(server.launcher.started.size() - 1 - back);
    if (!request.run.empty()) return processes_->ResumeRun(request.run, ThisProcess(), {}, {request.id, request.attempt});
    RunRecord run;
    run.id = StrCat("run", ++runs_);
    run.pipeline = request.pipeline;
    run.tenant = request.tenant;
    run.interval_start_us = request.interval_start_us;
    run.interval_end_us = request.interval_end_us;
    run.params = "{}";
    run.process = ThisProcess();
    run.started_us = clock_.NowMicros();
    return processes_->CreateRun(run, {}, {request.id, request.attempt});
  }
  void Finish(const std::string& run, RunState state = RunState::kSucceeded, int exit_code = 0) { ASSERT_TRUE(processes_->FinishRun(run, state, exit_code, "as it went").ok()); }
  void Ended(Server& server, const std::string& request, int exit_code, const std::string& said = "") {
    server.launcher.seen.at(request).second = {Launcher::Seen::State::kEnded, exit_code, said};
  }
  /// As kill -9 does: its record says that it runs, but the process is gone.
  void Kill(const std::string& run) { Sql(StrCat("UPDATE runs SET process_started = 'gone' WHERE id = '", run, "'")); }
  void Sql(const std::string& sql) {
    sqlite3* db = nullptr;
    sqlite3_open(folder_.Path(".headrace/state.db").c_str(), &db);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  RunRequest Get(const std::string& id) {
    for (const RunRequest& request : *queue_->List("", 1000))
      if (request.id == id) return request;
    return {};
  }
  /// "score@...06:00 -> succeeded": all requests by id.
  std::map<std::string, std::string> States() {
    std::map<std::string, std::string> states;
    for (const RunRequest& request : *queue_->List("", 1000)) states[request.id] = std::string(StateName(request.state));
    return states;
  }
  static std::string Score(std::string_view time) { return StrCat("score@2026-01-01T", time, ":00Z"); }
  using Texts = std::map<std::string, std::string>;

  const FolderForTests folder_;
  ManualClock clock_{At("2026-01-01 05:59:30")};
  std::unique_ptr<Store> processes_;
  std::unique_ptr<RunQueue> queue_;
  std::unique_ptr<Server> one_;
  int runs_ = 0;
};

TEST_F(SupervisorTest, ATickStartsOneRunAndItsEndIsFinal) {
  Set(*one_, {Hourly()});
  EXPECT_TRUE(one_->launcher.started.empty()) << "no tick in the past";
  Tick(*one_);
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 1u);
  const RunRequest request = one_->launcher.started[0];
  EXPECT_EQ(request.id, Score("06:00"));
  EXPECT_EQ(request.environment, "prod");
  EXPECT_EQ(request.interval_start_us, At("2026-01-01 05:00"));
  EXPECT_EQ(request.interval_end_us, At("2026-01-01 06:00"));
  ASSERT_TRUE(Claim(*one_).ok());
  Turn(*one_);
  Finish("run1");
  Turn(*one_);
  Turn(*one_);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "succeeded"}}));
  EXPECT_EQ(one_->launcher.started.size(), 1u);
  EXPECT_EQ(one_->Count(Kind::kEnded), 1);
}

TEST_F(SupervisorTest, TheMomentOfTheNextTickIsTold) {
  Set(*one_, {Hourly()});
  EXPECT_EQ(one_->supervisor->Turn()->next_us, At("2026-01-01 06:00"));
}

TEST_F(SupervisorTest, OneActsAndTheOtherTakesOverAtOnceWhenItDies) {
  const auto two = Make("two");
  Set(*one_, {Hourly()});
  Set(*two, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  EXPECT_FALSE(Turn(*two));
  EXPECT_TRUE(two->launcher.started.empty());
  EXPECT_EQ(two->Count(Kind::kWaits), 1);
  two->launcher.gone.insert("one");
  EXPECT_TRUE(Turn(*two));
  EXPECT_EQ(two->Count(Kind::kTookOver), 1);
  EXPECT_EQ(two->Count(Kind::kAdopted), 1) << "the run lives on";
  EXPECT_TRUE(two->launcher.started.empty()) << "it is not started again";
  Finish("run1");
  Turn(*two);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "succeeded"}}));
}

TEST_F(SupervisorTest, AServerOfAnotherHostTakesOverWhenTheLeaseIsOverAndTheStaleOneIsRefused) {
  const auto two = Make("two");
  Set(*one_, {Hourly()});
  Turn(*two);
  clock_.Sleep(15 * kSecond);            // one was asleep
  Set(*two, {Hourly()});
  EXPECT_TRUE(Turn(*two));
  Tick(*two);
  ASSERT_EQ(two->launcher.started.size(), 1u);
  RunQueue stale(*one_->store, clock_);
  EXPECT_EQ(stale.Enter({}, {{"score", "", "x", 1, 1}}).status().code(), ErrorCode::kBusy);
  EXPECT_FALSE(Turn(*one_)) << "it notices";
  EXPECT_EQ(one_->Count(Kind::kLost), 1);
  EXPECT_TRUE(one_->launcher.started.empty());
}

TEST_F(SupervisorTest, AServerThatOnlyNoticesWhenItWritesStepsDown) {
  const auto two = Make("two");
  Set(*one_, {Hourly()});
  Sql("UPDATE leases SET until_us = 0");               // between two looks at the lease
  EXPECT_TRUE(Turn(*two));
  clock_.Sleep(kSecond);
  Backfilled(1, 1);
  EXPECT_FALSE(Turn(*one_));
  EXPECT_TRUE(one_->launcher.started.empty());
  EXPECT_EQ(one_->Count(Kind::kLost), 1);
}

TEST_F(SupervisorTest, AnAttemptIssuedByAServerThatDiedBeforeItStartedAProcessIsStarted) {
  Set(*one_, {Hourly()});
  one_->launcher.refuses = true;         // as if it had died there
  Tick(*one_);
  EXPECT_EQ(Get(Score("06:00")).state, RequestState::kStarted);
  const auto two = Make("two");
  two->launcher.gone.insert("one");
  Turn(*two);
  ASSERT_EQ(two->launcher.started.size(), 1u);
  EXPECT_EQ(two->launcher.started[0].attempt, 1);
  EXPECT_TRUE(Claim(*two).ok());
}

TEST_F(SupervisorTest, TwoProcessesForOneAttemptMakeOneRun) {
  Set(*one_, {Hourly()});
  Tick(*one_);                           // one started a process, then died before it claimed
  const auto two = Make("two");
  two->launcher.gone.insert("one");
  Turn(*two);
  ASSERT_EQ(two->launcher.started.size(), 1u) << "two cannot know of the first process";
  EXPECT_TRUE(Claim(*one_).ok());
  EXPECT_EQ(Claim(*two).code(), ErrorCode::kBusy);
  Ended(*two, Score("06:00"), 75);
  Turn(*two);
  EXPECT_EQ(Get(Score("06:00")).state, RequestState::kStarted);
  Finish("run1");
  EXPECT_EQ(Claim(*two).code(), ErrorCode::kBusy) << "later too";
  Turn(*two);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "succeeded"}}));
  EXPECT_EQ(processes_->ListRuns({})->size(), 1u);
}

TEST_F(SupervisorTest, ARunWhoseProcessDiedIsResumedFiveTimesAndThenGivenUp) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  for (int death = 1; death <= 5; ++death) {
    Kill("run1");
    Ended(*one_, Score("06:00"), 137);
    Turn(*one_);
    clock_.Sleep(20 * kSecond);
    Turn(*one_);
    ASSERT_EQ(one_->launcher.started.size(), static_cast<std::size_t>(1 + death));
    EXPECT_EQ(one_->launcher.started.back().run, "run1");
    ASSERT_TRUE(Claim(*one_).ok());
  }
  Kill("run1");
  Turn(*one_);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "failed"}}));
  EXPECT_EQ(one_->Count(Kind::kGaveUp), 1);
  EXPECT_NE(one_->events.back().text.find("for the 6th time: given up"), std::string::npos) << one_->events.back().text;
}

TEST_F(SupervisorTest, TheFirstResumeIsAtOnceTheSecondLater) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Kill("run1");
  Turn(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 2u);
  ASSERT_TRUE(Claim(*one_).ok());
  Kill("run1");
  const auto turned = one_->supervisor->Turn();
  EXPECT_EQ(one_->launcher.started.size(), 2u);
  EXPECT_EQ(turned->next_us, clock_.NowMicros() + 2 * kSecond);
}

TEST_F(SupervisorTest, AProcessThatMadeNoRunIsAFailureWithItsOwnWords) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  Ended(*one_, Score("06:00"), 2, "error: no file `sql/x.sql`\n  = help: write it\n");
  Turn(*one_);
  EXPECT_EQ(Get(Score("06:00")).state, RequestState::kFailed);
  EXPECT_EQ(Get(Score("06:00")).message, "no file `sql/x.sql`");
  EXPECT_EQ(one_->events.back().exit_code, 2);
}

TEST_F(SupervisorTest, ABusyWindowIsTriedAgainLater) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  Ended(*one_, Score("06:00"), 75, "error: run r0 of the same pipeline and interval is at work\n");
  Turn(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 1u);
  clock_.Sleep(10 * kSecond);
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 2u);
  EXPECT_TRUE(Claim(*one_).ok());
}

TEST_F(SupervisorTest, ARunThatThePipelineNoLongerFitsIsMadeAnew) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Kill("run1");
  Turn(*one_);
  Ended(*one_, Score("06:00"), 2, "error: run run1 has a step `a` that the pipeline no longer has\n");
  Turn(*one_);
  clock_.Sleep(5 * kSecond);
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 3u);
  EXPECT_EQ(one_->launcher.started.back().run, "");
  ASSERT_TRUE(Claim(*one_).ok());
  EXPECT_EQ(Get(Score("06:00")).run, "run2");
}

TEST_F(SupervisorTest, ARunThatEndedWhileItWasThoughtDeadIsNotMadeAgain) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  RunRequest thought_dead = Get(Score("06:00"));
  thought_dead.state = RequestState::kQueued;
  ASSERT_TRUE(*RunQueue(*one_->store, clock_).Change(thought_dead));
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 2u);
  Finish("run1");
  EXPECT_EQ(Claim(*one_).code(), ErrorCode::kInvalid);
  Ended(*one_, Score("06:00"), 2, "error: run run1 succeeded: there is nothing to resume\n");
  Turn(*one_);
  Turn(*one_);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "succeeded"}}));
  EXPECT_EQ(one_->launcher.started.size(), 2u);
}

TEST_F(SupervisorTest, OverlapQueueWaits) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Tick(*one_);
  Tick(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 1u);
  Finish("run1");
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 2u);
  EXPECT_EQ(one_->launcher.started[1].id, Score("07:00")) << "oldest first";
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "succeeded"}, {Score("07:00"), "started"}, {Score("08:00"), "queued"}}));
}

TEST_F(SupervisorTest, OverlapSkipLeavesTheTickOut) {
  PipelineSchedule schedule = Hourly();
  schedule.spec.overlap = ScheduleSpec::Overlap::kSkip;
  Set(*one_, {schedule});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Tick(*one_);
  EXPECT_EQ(Get(Score("07:00")).state, RequestState::kSkipped);
  EXPECT_EQ(Get(Score("07:00")).message, "run run1 is at work (overlap: skip)");
  Finish("run1");
  Tick(*one_);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "succeeded"}, {Score("07:00"), "skipped"}, {Score("08:00"), "started"}}));
}

TEST_F(SupervisorTest, OverlapCancelEndsTheOldestFirst) {
  PipelineSchedule schedule = Hourly();
  schedule.spec.overlap = ScheduleSpec::Overlap::kCancel;
  Set(*one_, {schedule});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Tick(*one_);
  EXPECT_EQ(*processes_->CancelledBy("run1"), "the schedule, for " + Score("07:00"));
  EXPECT_EQ(one_->launcher.started.size(), 1u) << "not before it ended";
  Finish("run1", RunState::kInterrupted, 130);
  Turn(*one_);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "cancelled"}, {Score("07:00"), "started"}}));
}

TEST_F(SupervisorTest, MaxParallelAndParallelCountRunsAndTenants) {
  PipelineSchedule schedule = Hourly("score", {"a", "b", "c"});
  schedule.spec.parallel = 2;
  schedule.spec.max_parallel = 2;
  Set(*one_, {schedule});
  Tick(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 2u) << "two tenants at once";
  Tick(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 4u) << "a second run of each";
  EXPECT_EQ(one_->launcher.started[2].tenant, "a");
  EXPECT_EQ(one_->launcher.started[3].tenant, "b");
}

TEST_F(SupervisorTest, ATenantsQuotaHoldsOverPipelinesAndKeepsNobodyElseBack) {
  Set(*one_, {Hourly("score", {"a", "b"}), Hourly("train", {"a", "b"})}, {{"a", 1}});
  Tick(*one_);
  std::map<std::string, int> tenants;
  for (const RunRequest& request : one_->launcher.started) ++tenants[request.tenant];
  EXPECT_EQ(tenants["a"], 1);
  EXPECT_EQ(tenants["b"], 2);
}

TEST_F(SupervisorTest, TheServersOwnLimitHoldsOverAll) {
  one_ = Make("one", 3);
  Set(*one_, {Hourly("score", {"a", "b", "c", "d"})});
  Backfilled(4, 4, "e");
  Tick(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 3u);
}

TEST_F(SupervisorTest, ABackfillKeepsItsParallelismAndOrderWhileTheScheduleTicks) {
  Backfilled(5, 2);
  Set(*one_, {Hourly("other")});
  ASSERT_EQ(one_->launcher.started.size(), 2u);
  EXPECT_EQ(one_->launcher.started[0].id, "b/0");
  Tick(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 3u) << "the tick does not wait for the backfill";
  EXPECT_EQ(one_->launcher.started[2].pipeline, "other");
  ASSERT_TRUE(Claim(*one_, 2).ok());
  Finish("run1", RunState::kFailed, 1);
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 4u) << "a failed window keeps no other back";
  EXPECT_EQ(one_->launcher.started[3].id, "b/2");
}

TEST_F(SupervisorTest, TwoRequestsForOneWindowDoNotRunAtOnce) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  RunRequest same = one_->launcher.started[0];
  same.id = "b1/x";
  same.origin = "b1";
  ASSERT_TRUE(queue_->EnterBackfill({"b1", "score", "", "", "{}", 0, 9}, {same}, 0).ok());
  Turn(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 1u);
  ASSERT_TRUE(Claim(*one_).ok());
  Finish("run1");
  Turn(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 2u);
}

TEST_F(SupervisorTest, AWaitingRunHoldsNoPlaceAndGoesOnWhenItIsAnswered) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Sql(StrCat("INSERT INTO approvals VALUES ('run1', 'deliver', 0, ", clock_.NowMicros() + 90 * kMinute, ", '', '', '', 0)"));
  Finish("run1", RunState::kWaiting, 75);
  Turn(*one_);
  Turn(*one_);
  EXPECT_EQ(one_->Count(Kind::kWaitsForApproval), 1);
  Tick(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 2u) << "the next tick does not wait for people";
  EXPECT_EQ(one_->launcher.started[1].id, Score("07:00"));
  ASSERT_TRUE(Claim(*one_).ok());
  Finish("run2");
  clock_.Sleep(31 * kMinute);            // nobody can say yes any more
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 3u);
  EXPECT_EQ(one_->launcher.started[2].run, "run1");
  EXPECT_EQ(Get(Score("06:00")).deaths, 0);
}

TEST_F(SupervisorTest, ACancelledRunStaysCancelled) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  ASSERT_TRUE(processes_->Cancel("run1", "ann").ok());
  Finish("run1", RunState::kInterrupted, 130);
  Turn(*one_);
  Turn(*one_);
  EXPECT_EQ(States(), (Texts{{Score("06:00"), "cancelled"}}));
  EXPECT_EQ(one_->launcher.started.size(), 1u);
}

TEST_F(SupervisorTest, ARunThatWasInterruptedByTheMachineGoesOn) {
  Set(*one_, {Hourly()});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  Finish("run1", RunState::kInterrupted, 130);         // SIGTERM, say: the machine went down
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 2u);
  EXPECT_EQ(one_->launcher.started[1].run, "run1");
}

TEST_F(SupervisorTest, AnEditMakesNoTickInThePast) {
  Set(*one_, {Hourly()});
  clock_.Sleep(10 * kMinute);
  Turn(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 1u);
  ASSERT_TRUE(Claim(*one_).ok());
  Finish("run1");
  PipelineSchedule edited = Hourly();
  edited.spec.when = *ParseCron("5 * * * *");           // 06:05 is four minutes ago
  Set(*one_, {edited});
  EXPECT_EQ(one_->launcher.started.size(), 1u);
  EXPECT_EQ(one_->supervisor->Turn()->next_us, At("2026-01-01 07:05"));
  const auto two = Make("two");                         // nor does a server that only sees the edit after a night
  two->launcher.gone.insert("one");
  clock_.Sleep(8 * kHour);
  edited.spec.when = *ParseCron("7 * * * *");
  Set(*two, {edited});
  EXPECT_TRUE(two->launcher.started.empty());
}

TEST_F(SupervisorTest, WhatWasMissedIsCaughtUpAsTheScheduleSays) {
  for (const auto& [catch_up, ticks] : {std::pair{ScheduleSpec::CatchUp::kLatest, 1}, {ScheduleSpec::CatchUp::kAll, 3}, {ScheduleSpec::CatchUp::kNone, 0}}) {
    PipelineSchedule schedule = Hourly(StrCat("p", ticks));
    schedule.spec.catch_up = catch_up;
    const auto before = Make("before");
    Set(*before, {schedule});
    ASSERT_TRUE(before->supervisor->Stop().ok());
    clock_.Sleep(3 * kHour + 10 * kMinute);
    const auto after = Make("after");
    Set(*after, {schedule});
    EXPECT_EQ(after->Count(Kind::kTick), ticks);
    EXPECT_EQ(after->Count(Kind::kPassedOver), ticks == 3 ? 0 : 1);
    ASSERT_TRUE(after->supervisor->Stop().ok());
  }
}

TEST_F(SupervisorTest, TicksOfAPauseAreNotMadeUpFor) {
  Set(*one_, {Hourly("score", {"a", "b"})});
  ASSERT_TRUE(queue_->Pause({"score", "a", "ann", clock_.NowMicros()}).ok());
  Tick(*one_);
  ASSERT_EQ(one_->launcher.started.size(), 1u);
  EXPECT_EQ(one_->launcher.started[0].tenant, "b");
  EXPECT_EQ(one_->Count(Kind::kPassedOver), 1);
  clock_.Sleep(kMinute);
  ASSERT_TRUE(queue_->Unpause("score", "a", clock_.NowMicros()).ok());
  Turn(*one_);
  EXPECT_EQ(one_->launcher.started.size(), 1u);
  Tick(*one_);
  EXPECT_EQ(one_->launcher.started.back().tenant, "a");
}

TEST_F(SupervisorTest, ALateRunIsToldOnce) {
  PipelineSchedule schedule = Hourly();
  schedule.spec.finish_by_minute = 6 * 60 + 30;
  Set(*one_, {schedule});
  Tick(*one_);
  ASSERT_TRUE(Claim(*one_).ok());
  clock_.Sleep(31 * kMinute);
  Turn(*one_);
  Turn(*one_);
  EXPECT_EQ(one_->Count(Kind::kLate), 1);
}

TEST_F(SupervisorTest, ABackfillThatLooksAfterItselfStepsDownForAServer) {
  const auto backfill = Make("backfill", 4, true);
  Backfilled(4, 1);
  EXPECT_TRUE(Turn(*backfill));
  ASSERT_TRUE(Claim(*backfill).ok());
  EXPECT_FALSE(Turn(*one_)) << "the server waits, and says so";
  EXPECT_FALSE(Turn(*backfill));
  EXPECT_TRUE(Turn(*one_));
  EXPECT_EQ(one_->Count(Kind::kAdopted), 1);
  EXPECT_FALSE(Turn(*backfill));
  ASSERT_TRUE(one_->supervisor->Stop().ok());
  EXPECT_TRUE(Turn(*backfill)) << "the server is gone";
}

}  // namespace
}  // namespace headrace
