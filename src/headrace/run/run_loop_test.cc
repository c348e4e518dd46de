#include "headrace/run/run_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <filesystem>

#include "headrace/base/files.h"
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

  void Start(StepContext context) override {
    started.push_back(context.step->name);
    running_.push_back(context.step->name);
    if (context.step->name == interrupt_at_) *flag_ = true;
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
    if (!outcome.status.ok()) return outcome;
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
  std::string refused_, interrupt_at_, hang_;
  std::atomic<bool>* flag_ = nullptr;
  std::vector<std::string> running_;
  std::set<std::string> cancelled_;
};

class Quiet final : public RunObserver {
 public:
  void RunStarted(const RunRecord&, const std::vector<StepRecord>&) override {}
  void StepChanged(const StepRecord&, const StepDetails&) override {}
  void StepProgress(const std::string&, const std::string&, double) override {}
  void Tick() override {}
  void RunFinished(const RunRecord&) override {}
};

class RunLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = StrCat(testing::TempDir(), "headrace_loop_", ::getpid(), "_", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
    auto store = Store::Open(root_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = std::move(store).value();
    pipeline_.root = root_;
    pipeline_.pipeline = "p";
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(root_);
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
    environment.run = NewRunId(clock_, random_);
    Quiet observer;
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

  std::string root_;
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

TEST_F(RunLoopTest, ARetryWaitsItsBackoff) {
  StepSpec& step = Step("in");
  step.retry.attempts = 3;
  step.retry.backoff_us = 60'000'000;
  step.retry.max_us = 90'000'000;
  ScriptedRunner runner(*store_, clock_, 1);
  runner.Script("in", {ErrorCode::kBusy, ErrorCode::kBusy});
  const std::int64_t before = clock_.NowMicros();
  Run(runner);
  EXPECT_GE(clock_.NowMicros() - before, 150'000'000);
  EXPECT_LT(clock_.NowMicros() - before, 155'000'000);
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
  const std::string before = FingerprintParts(step, {}, {});
  step.retry.attempts = 9;
  step.timeout_us = 5;
  EXPECT_EQ(FingerprintParts(step, {}, {}), before) << "retries and timeouts alter no output";
  std::get<SqlSpec>(step.spec).bind[0].second = Value::Date(2);
  const auto changes = CompareParts(before, FingerprintParts(step, {}, {}));
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ((*changes)[0].part, "spec/bind/since/value");
  EXPECT_EQ((*changes)[0].before, "1970-01-02");
  EXPECT_EQ((*changes)[0].now, "1970-01-03");
}

}  // namespace
}  // namespace headrace
