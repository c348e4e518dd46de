#include "headrace/run/run_loop.h"

#include <gtest/gtest.h>

#include <deque>

#include "headrace/base/folder_for_tests.h"
#include "headrace/run/fingerprint.h"

namespace headrace {
namespace {

/// Acts without threads: each step ends as its script says, in the order it was started.
class ScriptedRunner final : public StepRunner {
 public:
  ScriptedRunner(Store& store, ManualClock& clock, std::size_t slots) : store_(store), clock_(clock), slots_(slots) {}

  void Script(const std::string& step, std::vector<ErrorCode> ends) { script_[step] = {ends.begin(), ends.end()}; }
  /// What the step's output holds; by default its name.
  void Content(const std::string& step, std::string content) { content_[step] = std::move(content); }
  void RefuseGate(const std::string& step) { refused_ = step; }
  void InterruptAt(const std::string& step, std::atomic<bool>* flag) { interrupt_at_ = step; flag_ = flag; }
  void HangAt(const std::string& step) { hang_ = step; }
  void CancelAt(const std::string& step, Store& store) { cancel_at_ = step; wish_ = &store; }
  void HasNothingToDo(const std::string& step) { idle_ = step; }

  void Start(StepContext context) override {
    started.push_back(context.step->name);
    running_.push_back(context.step->name);
    most_at_once = std::max(most_at_once, running_.size());
    if (context.step->name == interrupt_at_) *flag_ = true;
    if (context.step->name == cancel_at_) {
      EXPECT_TRUE(wish_->Cancel(context.run->run, "ann").ok());
    }
  }
  void Cancel(const std::string& step) override { cancelled_.insert(step); }
  Event Wait(std::int64_t micros) override {
    clock_.Sleep(micros);
    for (auto step = running_.begin(); step != running_.end(); ++step) {
      const bool cancelled = cancelled_.contains(*step);
      if (*step == hang_ && !cancelled) continue;
      Event event{Event::Kind::kFinished, *step, "", 1, {}};
      running_.erase(step);
      event.outcome = End(event.step, cancelled);
      return event;
    }
    return {};
  }
  std::size_t slots() const override { return slots_; }

  std::vector<std::string> started;
  std::size_t most_at_once = 0;

 private:
  StepOutcome End(const std::string& step, bool cancelled) {
    StepOutcome outcome;
    std::deque<ErrorCode>& script = script_[step];
    if (cancelled) {
      outcome.status = Error(ErrorCode::kInterrupted, "stopped");
    } else if (!script.empty()) {
      if (script.front() != ErrorCode::kOk) outcome.status = Error(script.front(), "scripted");
      script.pop_front();
    }
    if (step == idle_) outcome.skipped = "no news";
    if (!outcome.status.ok() || step == idle_) return outcome;
    const std::string scratch = store_.ScratchPath(".parquet");
    EXPECT_TRUE(WriteFileAtomically(scratch, content_.contains(step) ? content_[step] : step).ok());
    outcome.outputs[""] = *store_.AddArtifact(scratch, "dataset", 1);
    outcome.gate_refused = step == refused_;
    return outcome;
  }

  Store& store_;
  ManualClock& clock_;
  std::size_t slots_;
  std::map<std::string, std::deque<ErrorCode>> script_;
  std::map<std::string, std::string> content_;
  std::string refused_, interrupt_at_, hang_, cancel_at_, idle_;
  Store* wish_ = nullptr;
  std::atomic<bool>* flag_ = nullptr;
  std::vector<std::string> running_;
  std::set<std::string> cancelled_;
};

class RunLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open(folder_.path(), clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = std::move(store).value();
    pipeline_.root = folder_.path();
    pipeline_.pipeline = "p";
  }

  StepSpec& Step(const std::string& name, const std::vector<std::string>& reads = {}) {
    StepSpec step;
    step.name = step.bare_name = name;
    if (reads.empty()) {
      step.kind = StepKind::kExtract;
      ExtractSpec extract;
      extract.connection = "warehouse";
      step.spec = extract;
    } else {
      step.kind = StepKind::kSql;
      step.spec = SqlSpec{};
    }
    for (const std::string& input : reads) step.inputs.push_back({input, input, ""});
    step.upstream = reads;
    pipeline_.steps.push_back(step);
    return pipeline_.steps.back();
  }

  /// "in:succeeded fit:reused ..." and the exit code.
  std::string Run(ScriptedRunner& runner, RunLoop::Options options = {}) {
    clock_.Sleep(1'000'000);
    RunEnvironment environment;
    environment.pipeline = &pipeline_;
    environment.store = store_.get();
    environment.clock = &clock_;
    environment.random = &random_;
    environment.run = NewRunId(clock_, random_);
    RunObserver observer;
    auto run = RunLoop(environment, runner, observer, interrupt_).Run(options);
    EXPECT_TRUE(run.ok()) << run.status();
    if (!run.ok()) return run.status().message();
    last_ = *run;
    return States(run->id) + StrCat("exit:", run->exit_code);
  }
  std::string Run() {
    ScriptedRunner runner(*store_, clock_, 1);
    return Run(runner);
  }
  std::string States(const std::string& run) {
    std::string out;
    for (const StepRecord& step : *store_->ListSteps(run)) out += StrCat(step.step, ":", StateName(step.state), " ");
    return out;
  }

  const FolderForTests folder_;
  ManualClock clock_;
  SeededRandom random_{1};
  std::atomic<bool> interrupt_ = false;
  std::unique_ptr<Store> store_;
  ResolvedPipeline pipeline_;
  RunRecord last_;
};

TEST_F(RunLoopTest, ASecondRunReadsTheLiveSourceAndReusesWhatFollows) {
  Step("in");
  Step("features", {"in"});
  EXPECT_EQ(Run(), "in:succeeded features:succeeded exit:0");
  EXPECT_EQ(Run(), "in:succeeded features:reused exit:0");
  EXPECT_NE((*store_->ListSteps(last_.id))[0].reason.find("found equal to run"), std::string::npos);
}

TEST_F(RunLoopTest, ChangedContentRunsWhatFollows) {
  Step("in");
  Step("features", {"in"});
  Run();
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Content("in", "other rows");
  EXPECT_EQ(Run(runner), "in:succeeded features:succeeded exit:0");
  EXPECT_EQ((*store_->ListSteps(last_.id))[1].reason, "`inputs/in` changed");
}

TEST_F(RunLoopTest, AChangedQueryRunsItsStepAndEqualOutputStopsTheRipple) {
  Step("in");
  Step("features", {"in"});
  Step("scores", {"features"});
  Run();
  std::get<SqlSpec>(pipeline_.steps[1].spec).query.text = "select 1";
  EXPECT_EQ(Run(), "in:succeeded features:succeeded scores:reused exit:0");
}

TEST_F(RunLoopTest, AFailureSkipsItsDependentsAndGivesTheExitCode) {
  Step("in");
  Step("other");
  Step("features", {"in"});
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kData});
  EXPECT_EQ(Run(runner), "in:failed other:succeeded features:skipped exit:3");
  EXPECT_EQ(last_.message, "step `in`: scripted");
}

TEST_F(RunLoopTest, AStepThatHasNothingToDoSkipsItsDependentsAndFailsNothing) {
  Step("in");
  Step("features", {"in"});
  Step("scores", {"features"});
  ScriptedRunner runner(*store_, clock_, 1);
  runner.HasNothingToDo("features");
  EXPECT_EQ(Run(runner), "in:succeeded features:skipped scores:skipped exit:0");
  EXPECT_EQ((*store_->ListSteps(last_.id))[1].reason, "no news");
  EXPECT_EQ(Run(), "in:succeeded features:succeeded scores:succeeded exit:0") << "the next run asks again";
}

TEST_F(RunLoopTest, OnlyTemporaryFailuresAreTriedAgainAndNoMoreThanAsked) {
  Step("in").retry.attempts = 3;
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kBusy, ErrorCode::kBusy, ErrorCode::kOk});
  EXPECT_EQ(Run(runner), "in:succeeded exit:0");
  EXPECT_EQ(runner.started.size(), 3u);
  ScriptedRunner busy(*store_, clock_, 1);
  busy.Script("in", {ErrorCode::kBusy, ErrorCode::kBusy, ErrorCode::kBusy, ErrorCode::kOk});
  EXPECT_EQ(Run(busy), "in:failed exit:75");
  ScriptedRunner wrong(*store_, clock_, 1);
  wrong.Script("in", {ErrorCode::kData, ErrorCode::kOk});
  EXPECT_EQ(Run(wrong), "in:failed exit:3");
}

TEST_F(RunLoopTest, RetriesWaitARandomPartOfABackoffThatDoublesUpToItsMaximum) {
  StepSpec& step = Step("in");
  step.retry.attempts = 3;
  step.retry.backoff_us = 60'000'000;
  step.retry.max_us = 90'000'000;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 40; ++i) {
    ScriptedRunner runner(*store_, clock_, 1);
    runner.Script("in", {ErrorCode::kBusy, ErrorCode::kBusy});
    const std::int64_t before = clock_.NowMicros();
    EXPECT_EQ(Run(runner), "in:succeeded exit:0");
    waits.push_back((clock_.NowMicros() - before) / 1'000'000);
  }
  // Uniform in [0, 60] + uniform in [0, 90], and at most 3 s of the test's own ticks.
  EXPECT_LE(*std::max_element(waits.begin(), waits.end()), 153);
  EXPECT_LT(*std::min_element(waits.begin(), waits.end()), 50) << "not all of the backoff is waited";
  EXPECT_GT(*std::max_element(waits.begin(), waits.end()), 100) << "the second wait may be longer than the first";
}

TEST_F(RunLoopTest, EveryFailureIsTriedAgainWhenAllAreAskedFor) {
  StepSpec& step = Step("in");
  step.retry.attempts = 3;
  step.retry.all = true;
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kData, ErrorCode::kFailed});
  EXPECT_EQ(Run(runner), "in:succeeded exit:0");
}

TEST_F(RunLoopTest, AFailureThatMayBeLeftAsideSkipsOnlyWhatReadsIt) {
  Step("in");
  Step("extra", {"in"}).on_failure = StepSpec::OnFailure::kContinue;
  Step("chart", {"extra"});
  Step("scores", {"in"}).upstream = {"extra", "in"};
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("extra", {ErrorCode::kData});
  EXPECT_EQ(Run(runner), "in:succeeded extra:failed chart:skipped scores:succeeded exit:0");
}

TEST_F(RunLoopTest, StepsUnderFinallyRunAtTheEndAndAreToldTheOutcome) {
  Step("in");
  Step("features", {"in"});
  for (const char* name : {"cheer", "alarm"}) {
    Step(name).last = true;
    StepSpec if_failed = pipeline_.steps.back();
    pipeline_.steps.back().enabled = std::string(name) == "cheer";
    if_failed.enabled = std::string(name) == "alarm";
    pipeline_.last_if_failed[name] = if_failed;
  }
  EXPECT_EQ(Run(), "in:succeeded features:succeeded cheer:succeeded alarm:skipped exit:0");
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kData});
  EXPECT_EQ(Run(runner), "in:failed features:skipped cheer:skipped alarm:succeeded exit:3");
}

TEST_F(RunLoopTest, AResumedRunTellsFinallyItsNewOutcome) {
  Step("in");
  Step("log").last = true;
  StepSpec if_failed = pipeline_.steps.back();
  if_failed.when = "told of a failure";
  if_failed.enabled = false;
  pipeline_.last_if_failed["log"] = if_failed;
  pipeline_.steps.back().cache.reuse = false;
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kData});
  EXPECT_EQ(Run(runner), "in:failed log:skipped exit:3");
  RunLoop::Options options;
  options.resume = last_.id;
  ScriptedRunner again(*store_, clock_, 1);
  EXPECT_EQ(Run(again, options), "in:succeeded log:succeeded exit:0");
}

TEST_F(RunLoopTest, AStepThatStopsTheRunLeavesFinallyToRun) {
  Step("in").on_failure = StepSpec::OnFailure::kStopRun;
  Step("other");
  Step("log").last = true;
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kData});
  EXPECT_EQ(Run(runner), "in:failed other:skipped log:succeeded exit:3");
}

/// A delivery that waits for a yes; the scripted runner gives it an output like any step.
class ApprovalTest : public RunLoopTest {
 protected:
  void SetUp() override {
    RunLoopTest::SetUp();
    Step("in");
    StepSpec& deliver = Step("deliver", {"in"});
    deliver.kind = StepKind::kDeliver;
    deliver.spec = DeliverSpec{};
    deliver.approve = true;
    Step("after", {"in"}).upstream = {"deliver", "in"};
    Step("beside", {"in"});
    Step("log").last = true;
  }
  std::string Resume() {
    ScriptedRunner runner(*store_, clock_, 1);
    RunLoop::Options options;
    options.resume = last_.id;
    const std::string states = Run(runner, options);
    started_ = runner.started;
    return states;
  }
  std::vector<std::string> started_;
};

TEST_F(ApprovalTest, TheRunWaitsWithoutAProcessAndGoesOnWithAYes) {
  EXPECT_EQ(Run(), "in:succeeded deliver:waiting after:pending beside:succeeded log:pending exit:75");
  EXPECT_EQ(last_.state, RunState::kWaiting);
  EXPECT_EQ(Resume(), "in:succeeded deliver:waiting after:pending beside:succeeded log:pending exit:75") << "no answer yet";
  EXPECT_TRUE(started_.empty());
  ASSERT_TRUE(store_->Decide(last_.id, "deliver", true, "ann", "").ok());
  EXPECT_EQ(Resume(), "in:succeeded deliver:succeeded after:succeeded beside:succeeded log:succeeded exit:0");
  EXPECT_EQ(started_, (std::vector<std::string>{"deliver", "after", "log"}));
}

TEST_F(ApprovalTest, ANoFailsTheDeliveryAndFinallyRuns) {
  Run();
  ASSERT_TRUE(store_->Decide(last_.id, "deliver", false, "ann", "too many rows").ok());
  EXPECT_EQ(Resume(), "in:succeeded deliver:failed after:skipped beside:succeeded log:succeeded exit:3");
  EXPECT_EQ(last_.message, "step `deliver`: refused by ann: too many rows");
}

TEST_F(ApprovalTest, ANoIsNoFailureToTryAgain) {
  pipeline_.steps[1].retry = {.attempts = 5, .all = true};
  Run();
  ASSERT_TRUE(store_->Decide(last_.id, "deliver", false, "ann", "").ok());
  EXPECT_EQ(Resume(), "in:succeeded deliver:failed after:skipped beside:succeeded log:succeeded exit:3");
  EXPECT_EQ(started_, std::vector<std::string>{"log"}) << "a refused delivery is never started";
}

TEST_F(ApprovalTest, NoAnswerInTimeIsANo) {
  pipeline_.steps[1].approve_within_us = 60'000'000;
  Run();
  clock_.Sleep(61'000'000);
  EXPECT_EQ(Resume(), "in:succeeded deliver:failed after:skipped beside:succeeded log:succeeded exit:3");
  EXPECT_EQ(last_.message, "step `deliver`: nobody approved it in time");
}

TEST_F(RunLoopTest, AWishToCancelEndsTheRunCleanly) {
  Step("in");
  Step("slow", {"in"});
  ScriptedRunner runner(*store_, clock_, 1);
  runner.HangAt("slow");
  runner.CancelAt("slow", *store_);
  EXPECT_EQ(Run(runner), "in:succeeded slow:failed exit:130");
  EXPECT_EQ(last_.message, "cancelled by ann; `headrace run --resume` goes on where it stood");
}

TEST_F(RunLoopTest, StepsOfAPoolRunNoMoreAtOnceThanItHasSlots) {
  pipeline_.pools["warehouse"] = 2;
  for (int i = 0; i < 5; ++i) Step(StrCat("s", i)).pool = "warehouse";
  Step("free");
  ScriptedRunner runner(*store_, clock_, 8);
  Run(runner);
  EXPECT_EQ(last_.exit_code, 0) << last_.message;
  EXPECT_EQ(runner.started.size(), 6u);
  EXPECT_EQ(runner.most_at_once, 3u) << "two of the pool, and the one that needs no slot";
}

class RunPartTest : public RunLoopTest {
 protected:
  void SetUp() override {
    RunLoopTest::SetUp();
    Step("in");
    Step("features", {"in"});
    Step("scores", {"features"});
    Step("beside");
    Run();
    of_ = last_.id;
  }
  std::string RunPart(std::vector<std::string> from, std::vector<std::string> only) {
    runner_ = std::make_unique<ScriptedRunner>(*store_, clock_, 1);
    runner_->Content("in", "rows that came since");
    RunLoop::Options options;
    options.from = std::move(from);
    options.only = std::move(only);
    options.of = of_;
    return Run(*runner_, options);
  }

  std::string of_;
  std::unique_ptr<ScriptedRunner> runner_;
};

TEST_F(RunPartTest, FromAStepOnTheRestIsTakenAsRecordedAndNoSourceIsRead) {
  EXPECT_EQ(RunPart({"features"}, {}), "in:reused features:succeeded scores:reused beside:reused exit:0");
  EXPECT_EQ(runner_->started, std::vector<std::string>{"features"}) << "equal features make equal scores: they are reused";
  EXPECT_EQ((*store_->ListSteps(last_.id))[0].reused_from, of_);
}

TEST_F(RunPartTest, OnlyOneStepRunsWhenOnlyItIsAskedFor) {
  std::get<SqlSpec>(pipeline_.steps[1].spec).query.text = "select changed";
  EXPECT_EQ(RunPart({}, {"scores"}), "in:reused features:reused scores:succeeded beside:reused exit:0");
  EXPECT_EQ(runner_->started, std::vector<std::string>{"scores"}) << "a changed query above it is left as recorded";
}

TEST_F(RunPartTest, WhatThePartReadsMustBeRecorded) {
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kData});
  Run(runner);
  RunLoop::Options options;
  options.only = {"scores"};
  options.of = last_.id;
  RunEnvironment environment;
  environment.pipeline = &pipeline_;
  environment.store = store_.get();
  environment.clock = &clock_;
  environment.run = NewRunId(clock_, random_);
  RunObserver observer;
  const auto run = RunLoop(environment, runner, observer, interrupt_).Run(options);
  ASSERT_FALSE(run.ok());
  EXPECT_NE(run.status().message().find("step `scores` needs `features`, which did not end well in run"), std::string::npos) << run.status();
  options.only = {"score"};
  const auto slip = RunLoop(environment, runner, observer, interrupt_).Run(options);
  EXPECT_EQ(slip.status().help(), "did you mean `scores`?");
}

TEST_F(RunPartTest, APartThatIsInterruptedStaysAPartWhenItIsResumed) {
  runner_ = std::make_unique<ScriptedRunner>(*store_, clock_, 1);
  runner_->InterruptAt("scores", &interrupt_);
  runner_->HangAt("scores");
  RunLoop::Options options;
  options.only = {"scores"};
  options.of = of_;
  EXPECT_EQ(Run(*runner_, options), "in:reused features:reused scores:failed beside:skipped exit:130");
  interrupt_ = false;
  ScriptedRunner again(*store_, clock_, 1);
  options = {};
  options.resume = last_.id;
  EXPECT_EQ(Run(again, options), "in:reused features:reused scores:succeeded beside:reused exit:0");
  EXPECT_EQ(again.started, std::vector<std::string>{"scores"});
}

TEST_F(RunLoopTest, AStepThatHangsIsStoppedAtItsTimeout) {
  Step("in").timeout_us = 5'000'000;
  Step("next", {"in"});
  ScriptedRunner runner(*store_, clock_, 1);
  runner.HangAt("in");
  EXPECT_EQ(Run(runner), "in:failed next:skipped exit:1");
  EXPECT_NE(last_.message.find("timeout of 5s"), std::string::npos) << last_.message;
}

TEST_F(RunLoopTest, AnInterruptKeepsWhatEndedAndResumeGoesOn) {
  Step("in");
  Step("features", {"in"});
  Step("scores", {"features"});
  ScriptedRunner runner(*store_, clock_, 1);
  runner.InterruptAt("features", &interrupt_);
  runner.HangAt("features");
  EXPECT_EQ(Run(runner), "in:succeeded features:failed scores:skipped exit:130");
  EXPECT_EQ(last_.state, RunState::kInterrupted);
  interrupt_ = false;
  ScriptedRunner again(*store_, clock_, 1);
  RunLoop::Options options;
  options.resume = last_.id;
  EXPECT_EQ(Run(again, options), "in:succeeded features:succeeded scores:succeeded exit:0");
  EXPECT_EQ(again.started, (std::vector<std::string>{"features", "scores"})) << "the source is not read again";
}

TEST_F(RunLoopTest, ARefusedGateLetsTheRunGoOnAndEndWithThree) {
  Step("in");
  Step("model", {"in"});
  Step("scores", {"model"});
  ScriptedRunner runner(*store_, clock_, 1);
  runner.RefuseGate("model");
  pipeline_.steps[1].kind = StepKind::kTrain;
  pipeline_.steps[1].spec = TrainStepSpec{};
  EXPECT_EQ(Run(runner), "in:succeeded model:succeeded scores:succeeded exit:3");
}

TEST_F(RunLoopTest, AFalseWhenSkipsTheStepAndWhatReadsIt) {
  Step("in");
  Step("extra", {"in"}).enabled = false;
  Step("more", {"extra"});
  EXPECT_EQ(Run(), "in:succeeded extra:skipped more:skipped exit:0");
}

TEST_F(RunLoopTest, TheStepsOfALargeGraphAllRun) {
  Step("in");
  for (int i = 0; i < 200; ++i) Step(StrCat("s", i), {i % 10 == 0 ? std::string("in") : StrCat("s", i - 1)});
  ScriptedRunner runner(*store_, clock_, 8);
  Run(runner);
  EXPECT_EQ(runner.started.size(), 201u);
  EXPECT_EQ(last_.exit_code, 0);
}

TEST(Fingerprint, SaysWhichPartChanged) {
  StepSpec step;
  step.kind = StepKind::kSql;
  SqlSpec sql;
  sql.query.text = "select a";
  sql.bind = {{"since", Value::Date(1)}};
  step.spec = sql;
  const std::string before = FingerprintParts(step, {}, {}, {});
  step.retry.attempts = 9;
  step.timeout_us = 5;
  EXPECT_EQ(FingerprintParts(step, {}, {}, {}), before) << "retries and timeouts alter no output";
  std::get<SqlSpec>(step.spec).bind[0].second = Value::Date(2);
  const auto changes = CompareParts(before, FingerprintParts(step, {}, {}, {}));
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ((*changes)[0].part, "spec/bind/since/value");
  EXPECT_EQ((*changes)[0].before, "1970-01-02");
  EXPECT_EQ((*changes)[0].now, "1970-01-03");
}

}  // namespace
}  // namespace headrace
