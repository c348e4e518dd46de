#include "headrace/store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "headrace/base/crash.h"
#include "headrace/base/files.h"

namespace headrace {
namespace {

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = StrCat(testing::TempDir(), "headrace_store_", ::getpid(), "_", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
    store_ = Open();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<Store> Open() {
    auto store = Store::Open(root_, clock_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? std::move(store).value() : nullptr;
  }
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
  ArtifactRef Artifact(const std::string& content) {
    const std::string scratch = store_->ScratchPath(".parquet");
    EXPECT_TRUE(WriteFileAtomically(scratch, content).ok());
    return *store_->AddArtifact(scratch, "dataset", 3);
  }

  std::string root_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, ARunAndItsStepsReadBackAsWritten) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "b"), Step("r1", "a")}).ok());
  StepRecord done = Step("r1", "b", StepState::kSucceeded);
  done.outputs[""] = Artifact("rows");
  done.message = "it's fine";
  ASSERT_TRUE(store_->FinishStep(done).ok());
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 3, "stopped").ok());
  store_ = Open();
  const auto steps = store_->ListSteps("r1");
  ASSERT_TRUE(steps.ok());
  ASSERT_EQ(steps->size(), 2u);
  EXPECT_EQ((*steps)[0].step, "b") << "steps keep the order of the pipeline";
  EXPECT_EQ((*steps)[0].outputs.at("").rows, 3);
  EXPECT_EQ((*steps)[0].message, "it's fine");
  EXPECT_EQ((*steps)[1].state, StepState::kPending);
  EXPECT_EQ(store_->GetRun("last")->exit_code, 3);
  EXPECT_EQ(store_->GetRun("r")->id, "r1") << "an unambiguous beginning will do";
}

TEST_F(StoreTest, AFinishedRunStaysFinished) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 3, "stopped").ok());
  EXPECT_EQ(store_->FinishRun("r1", RunState::kSucceeded, 0, "late word").code(), ErrorCode::kInvalid);
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kFailed);
}

TEST_F(StoreTest, ASecondRunOfTheSameWindowIsRefusedAndNamesTheFirst) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  const Status second = store_->CreateRun(Run("r2"), {});
  EXPECT_EQ(second.code(), ErrorCode::kBusy);
  EXPECT_NE(second.message().find("run r1"), std::string::npos) << second;
  RunRecord other = Run("r3");
  other.tenant = "bolt";
  EXPECT_TRUE(store_->CreateRun(other, {}).ok()) << "another tenant is not held up";
}

TEST_F(StoreTest, ARunWhoseProcessDiedDoesNotBlockTheNext) {
  const pid_t child = fork();
  if (child == 0) {
    auto store = Store::Open(root_, clock_);
    RunRecord run = Run("r1");
    run.process = ThisProcess();
    _exit(store.ok() && (*store)->CreateRun(run, {Step("r1", "a")}).ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(store_->CreateRun(Run("r2"), {}).ok());
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kInterrupted);
}

TEST_F(StoreTest, ResumingKeepsWhatEndedAndClearsTheRest) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "a"), Step("r1", "b"), Step("r1", "c")}).ok());
  ASSERT_TRUE(store_->FinishStep(Step("r1", "a", StepState::kSucceeded)).ok());
  ASSERT_TRUE(store_->FinishStep(Step("r1", "b", StepState::kFailed)).ok());
  ASSERT_TRUE(store_->FinishStep(Step("r1", "c", StepState::kSkipped)).ok());
  EXPECT_EQ(store_->ResumeRun("r1", ThisProcess()).code(), ErrorCode::kBusy) << "its process lives: this one";
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 1, "").ok());
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  std::string states;
  for (const StepRecord& step : *store_->ListSteps("r1")) states += StrCat(step.step, ":", StateName(step.state), " ");
  EXPECT_EQ(states, "a:succeeded b:pending c:pending ");
}

TEST_F(StoreTest, AStepIsReusableOnlyWhileItsArtifactIsWhole) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "a")}).ok());
  StepRecord done = Step("r1", "a", StepState::kSucceeded);
  done.outputs[""] = Artifact("rows");
  ASSERT_TRUE(store_->FinishStep(done).ok());
  EXPECT_TRUE(store_->FindReusable("score", "acme", "a", "f-a")->has_value());
  EXPECT_FALSE(store_->FindReusable("score", "bolt", "a", "f-a")->has_value());
  const std::string path = *store_->ArtifactPath(done.outputs[""]);
  ASSERT_TRUE(WriteFileAtomically(path, "rowz").ok());
  store_ = Open();
  EXPECT_FALSE(store_->FindReusable("score", "acme", "a", "f-a")->has_value());
  EXPECT_NE(store_->ArtifactPath(done.outputs[""]).status().message().find("is damaged"), std::string::npos);
}

TEST_F(StoreTest, ModelVersionsCountUpAndTheSameFileIsTheSameVersion) {
  ModelVersion model;
  model.tenant = "acme";
  model.name = "propensity";
  model.digest = "d1";
  model.metrics = model.gates = "{}";
  EXPECT_EQ(store_->AddModelVersion(model)->version, 1);
  EXPECT_EQ(store_->AddModelVersion(model)->version, 1);
  model.digest = "d2";
  EXPECT_EQ(store_->AddModelVersion(model)->version, 2);
  model.tenant = "bolt";
  EXPECT_EQ(store_->AddModelVersion(model)->version, 1);
}

TEST_F(StoreTest, AnAliasMovesForwardAndBackAndRemembers) {
  ModelVersion model;
  model.name = "propensity";
  model.metrics = model.gates = "{}";
  for (const char* digest : {"d1", "d2"}) {
    model.digest = digest;
    ASSERT_TRUE(store_->AddModelVersion(model).ok());
  }
  EXPECT_FALSE(store_->ResolveModel("", "propensity", "champion").ok());
  ASSERT_TRUE(store_->MoveAlias("", "propensity", "champion", 2, "run", "r1").ok());
  ASSERT_TRUE(store_->MoveAlias("", "propensity", "champion", 1, "anna", "").ok());
  EXPECT_EQ(store_->ResolveModel("", "propensity", "champion")->digest, "d1");
  EXPECT_EQ(store_->ResolveModel("", "propensity", "2")->digest, "d2");
  EXPECT_EQ(store_->MoveAlias("", "propensity", "champion", 9, "anna", "").code(), ErrorCode::kInvalid);
  const auto moves = store_->AliasHistory("", "propensity");
  ASSERT_EQ(moves->size(), 2u);
  EXPECT_EQ((*moves)[0].from_version, 2);
  EXPECT_EQ((*moves)[0].by, "anna");
}

TEST_F(StoreTest, AStateOfANewerProgramIsRefusedPolitely) {
  store_.reset();
  sqlite3* db = nullptr;
  sqlite3_open(JoinPath(root_, ".headrace/state.db").c_str(), &db);
  sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const auto opened = Store::Open(root_, clock_);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.status().message().find("newer Headrace"), std::string::npos);
}

TEST_F(StoreTest, TheRunBeforeIsFoundByTimeNotByItsId) {
  for (const char* id : {"20261122-060000-zzzz", "20261122-060000-aaaa"}) {
    ASSERT_TRUE(store_->CreateRun(Run(id), {Step(id, "rows")}).ok());
    ASSERT_TRUE(store_->FinishStep(Step(id, "rows", StepState::kSucceeded)).ok());
    ASSERT_TRUE(store_->FinishRun(id, RunState::kSucceeded, 0, "").ok());
    clock_.Sleep(1000);
  }
  const auto before = store_->LastOf("score", "acme", "rows", "20261122-060000-aaaa");
  ASSERT_TRUE(before.ok() && before->has_value());
  EXPECT_EQ((*before)->run, "20261122-060000-zzzz");
  EXPECT_EQ((*store_->LastOf("score", "acme", "rows", ""))->run, "20261122-060000-aaaa");
}

// Several tenants' first runs once found the state of a new project locked: SQLite does not wait when it turns to WAL.
TEST_F(StoreTest, ProcessesThatMakeTheStateTogetherAllOpenIt) {
  for (int round = 0; round < 20; ++round) {
    const std::string root = StrCat(root_, "/new", round);
    int gate[2];
    ASSERT_EQ(::pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        ::close(gate[1]);
        char byte = 0;
        static_cast<void>(!::read(gate[0], &byte, 1));   // returns when the parent opens the gate
        ::_exit(Store::Open(root, SystemClock()).ok() ? 0 : 1);
      }
      children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0) << "round " << round;
    }
  }
}

TEST_F(StoreTest, RunIdsSortByTime) {
  SeededRandom random(1);
  const std::string first = NewRunId(clock_, random);
  clock_.Sleep(1'000'000);
  EXPECT_LT(first, NewRunId(clock_, random));
}

}  // namespace
}  // namespace headrace
