#include "headrace/store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "headrace/base/digest.h"
#include "headrace/base/files.h"
#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

/// Every test runs on SQLite and on a real PostgreSQL. Leases, fences and slots are in store_lease_test.cc.
class StoreTest : public StoreForTests {
 protected:
  /// Do `sql` behind the store's back.
  void Sql(const std::string& sql) {
    if (server_ != nullptr) {
      const Status done = server_->Sql(StrCat("SET search_path TO ", Schema(), "; ", sql));
      ASSERT_TRUE(done.ok()) << done;
      return;
    }
    sqlite3* db = nullptr;
    sqlite3_open(folder_.Path(".headrace/state.db").c_str(), &db);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  std::string Schema() const {
    const std::string schema = StrCat("headrace_", where_.project);
    return StrCat("\"", schema.size() <= 63 ? schema : StrCat(schema.substr(0, 46), "_", Sha256Hex(schema).substr(0, 16)), "\"");
  }
  ArtifactRef Artifact(const std::string& content) {
    const std::string scratch = store_->ScratchPath(".parquet");
    EXPECT_TRUE(WriteFileAtomically(scratch, content).ok());
    return *store_->AddArtifact(scratch, "dataset", 3);
  }
};

TEST_P(StoreTest, ARunAndItsStepsReadBackAsWritten) {
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

TEST_P(StoreTest, AFinishedRunStaysFinished) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 3, "stopped").ok());
  EXPECT_EQ(store_->FinishRun("r1", RunState::kSucceeded, 0, "late word").code(), ErrorCode::kInvalid);
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kFailed);
}

TEST_P(StoreTest, ASecondRunOfTheSameWindowIsRefusedAndNamesTheFirst) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  const Status second = store_->CreateRun(Run("r2"), {});
  EXPECT_EQ(second.code(), ErrorCode::kBusy);
  EXPECT_NE(second.message().find("run r1"), std::string::npos) << second;
  RunRecord other = Run("r3");
  other.tenant = "bolt";
  EXPECT_TRUE(store_->CreateRun(other, {}).ok()) << "another tenant is not held up";
}

TEST_P(StoreTest, ARunWhoseProcessDiedDoesNotBlockTheNext) {
  const pid_t child = fork();
  if (child == 0) {
    auto store = Store::Open(where_, clock_);
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

TEST_P(StoreTest, ResumingKeepsWhatEndedAndClearsTheRest) {
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

TEST_P(StoreTest, AStepIsReusableOnlyWhileItsArtifactIsWhole) {
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

TEST_P(StoreTest, ModelVersionsCountUpAndTheSameFileIsTheSameVersion) {
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

TEST_P(StoreTest, AnAliasMovesForwardAndBackAndRemembers) {
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

TEST_P(StoreTest, AStateOfANewerProgramIsRefusedPolitely) {
  store_.reset();
  Sql(GetParam() ? "INSERT INTO headrace_layout VALUES (99)" : "PRAGMA user_version=99");
  const auto opened = Store::Open(where_, clock_);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.status().message().find("newer Headrace"), std::string::npos);
}

TEST_P(StoreTest, TheRunBeforeIsFoundByTimeNotByItsId) {
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
TEST_P(StoreTest, ProcessesThatMakeTheStateTogetherAllOpenIt) {
  for (int round = 0; round < 20; ++round) {
    StateLocation where = where_;
    where.root = folder_.Path(StrCat("new", round));
    where.project = StrCat(round, where_.project);
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
        ::_exit(Store::Open(where, SystemClock()).ok() ? 0 : 1);
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

TEST_P(StoreTest, ScratchFilesGoWithTheirProcessUnlessItIsOfAnotherHost) {
  const std::string mine = store_->ScratchPath(".parquet");
  const std::string tag = Split(FileName(mine), '-')[1];
  const std::string dead = StrCat(ParentPath(mine), "/99999999-", tag, "-1.parquet"), far = StrCat(ParentPath(mine), "/99999999-abcdefgh-1.parquet");
  for (const std::string& path : {mine, dead, far}) ASSERT_TRUE(WriteFileAtomically(path, "rows").ok());
  store_ = Open();
  EXPECT_TRUE(FileExists(mine));
  EXPECT_FALSE(FileExists(dead));
  EXPECT_TRUE(FileExists(far));
}

TEST_P(StoreTest, AnApprovalIsAskedOnceAndItsAnswerIsFinal) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "deliver")}).ok());
  EXPECT_EQ(store_->Decide("r1", "deliver", true, "eve", "").code(), ErrorCode::kInvalid) << "nothing was asked";
  ASSERT_TRUE(store_->ParkStep(Step("r1", "deliver", StepState::kWaiting), 0).ok());
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kWaiting, 75, "waits").ok());
  ASSERT_EQ(store_->ListApprovals("")->size(), 1u);
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kWaiting);
  ASSERT_TRUE(store_->Decide("r1", "deliver", true, "ann", "looks right").ok());
  EXPECT_TRUE(store_->Decide("r1", "deliver", true, "bob", "me too").ok()) << "the same answer again changes nothing";
  EXPECT_EQ(store_->Decide("r1", "deliver", false, "bob", "").code(), ErrorCode::kInvalid);
  EXPECT_TRUE(store_->ListApprovals("")->empty());
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  EXPECT_EQ((*store_->ListSteps("r1"))[0].state, StepState::kWaiting) << "the step knows that it asked";
  ASSERT_TRUE(store_->ParkStep(Step("r1", "deliver", StepState::kWaiting), 0).ok());
  const auto answer = store_->GetApproval("r1", "deliver");
  ASSERT_TRUE(answer.ok() && answer->has_value());
  EXPECT_EQ((*answer)->verdict, Approval::Verdict::kYes) << "asking again leaves the answer";
  EXPECT_EQ((*answer)->by, "ann");
}

TEST_P(StoreTest, TheQuestionsOfARunAreAlsoThoseOfTheRunsInsideIt) {
  RunRecord inner = Run("inner"), innermost = Run("innermost"), other = Run("other");
  inner.parent = "outer/part";
  innermost.parent = "inner/deeper";
  other.parent = "outer/done";
  ASSERT_TRUE(store_->CreateRun(Run("outer"), {Step("outer", "part"), Step("outer", "done")}).ok());
  ASSERT_TRUE(store_->CreateRun(inner, {Step("inner", "deeper")}).ok());
  ASSERT_TRUE(store_->CreateRun(innermost, {Step("innermost", "deliver")}).ok());
  ASSERT_TRUE(store_->CreateRun(other, {Step("other", "deliver")}).ok());
  ASSERT_TRUE(store_->ParkStep(Step("innermost", "deliver", StepState::kWaiting), 0).ok());
  ASSERT_TRUE(store_->ParkStep(Step("other", "deliver", StepState::kWaiting), 0).ok());
  ASSERT_TRUE(store_->Advance({Step("inner", "deeper", StepState::kWaiting)}, nullptr).ok());
  ASSERT_TRUE(store_->Advance({Step("outer", "part", StepState::kWaiting)}, nullptr).ok());
  for (const char* run : {"innermost", "inner", "outer", "other"}) ASSERT_TRUE(store_->FinishRun(run, RunState::kWaiting, 75, "waits").ok());
  const auto asked = store_->ListApprovals("outer");
  ASSERT_TRUE(asked.ok());
  ASSERT_EQ(asked->size(), 1u) << "the step `done` does not wait";
  EXPECT_EQ((*asked)[0].run, "innermost");
  ASSERT_TRUE(store_->Cancel("outer", "ann").ok());
  for (const char* run : {"innermost", "inner", "outer"}) EXPECT_EQ(store_->GetRun(run)->state, RunState::kInterrupted) << run;
  EXPECT_EQ(store_->GetRun("other")->state, RunState::kWaiting);
}

TEST_P(StoreTest, NobodyCanApproveAfterTheTimeIsUp) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "deliver")}).ok());
  ASSERT_TRUE(store_->ParkStep(Step("r1", "deliver", StepState::kWaiting), clock_.NowMicros() + 1'000).ok());
  clock_.Sleep(1'000);
  EXPECT_NE(store_->Decide("r1", "deliver", true, "ann", "").message().find("time to approve"), std::string::npos);
}

TEST_P(StoreTest, AWishToCancelReachesARunAndEndsAWaitingOne) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "deliver")}).ok());
  EXPECT_EQ(*store_->CancelledBy("r1"), "");
  ASSERT_TRUE(store_->Cancel("r1", "ann").ok());
  EXPECT_EQ(*store_->CancelledBy("r1"), "ann");
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kInterrupted, 130, "cancelled").ok());
  EXPECT_EQ(store_->Cancel("r1", "ann").code(), ErrorCode::kInvalid) << "it has ended";
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  EXPECT_EQ(*store_->CancelledBy("r1"), "") << "an old wish does not end the resumed run";
  ASSERT_TRUE(store_->ParkStep(Step("r1", "deliver", StepState::kWaiting), 0).ok());
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kWaiting, 75, "waits").ok());
  ASSERT_TRUE(store_->Cancel("r1", "bob").ok());
  EXPECT_EQ(store_->GetRun("r1")->state, RunState::kInterrupted);
}

TEST_P(StoreTest, RunIdsSortByTime) {
  SeededRandom random(1);
  const std::string first = NewRunId(clock_, random);
  clock_.Sleep(1'000'000);
  EXPECT_LT(first, NewRunId(clock_, random));
}

TEST_P(StoreTest, AStepThatEndedStaysAsItEnded) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {Step("r1", "a")}).ok());
  ASSERT_TRUE(store_->StartStep(Step("r1", "a")).ok());
  ASSERT_TRUE(store_->FinishStep(Step("r1", "a", StepState::kFailed)).ok());
  EXPECT_EQ(store_->StartStep(Step("r1", "a")).code(), ErrorCode::kInvalid);
  const Status again = store_->FinishStep(Step("r1", "a", StepState::kSucceeded));
  EXPECT_EQ(again.message(), "step `a` of run r1 has ended (failed), and stays so");
  EXPECT_EQ(store_->StartStep(Step("r1", "b")).message(), "run r1 has no step `b`");
  EXPECT_EQ((*store_->ListSteps("r1"))[0].state, StepState::kFailed);
}

TEST_P(StoreTest, AllStepsOfALongPipelineAreEnteredInOrder) {
  std::vector<StepRecord> steps;
  for (int i = 0; i < 123; ++i) steps.push_back(Step("r1", StrCat("s", i)));
  ASSERT_TRUE(store_->CreateRun(Run("r1"), steps).ok());
  const auto found = *store_->ListSteps("r1");
  ASSERT_EQ(found.size(), 123u);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].step, StrCat("s", i));
}

TEST_P(StoreTest, TextThatIsNotUtf8IsNoReasonToFail) {
  ASSERT_TRUE(store_->CreateRun(Run("r1"), {}).ok());
  const std::string odd = StrCat("caf", std::string("\xE9\0?", 3), " $1 '");
  ASSERT_TRUE(store_->AddEvent("r1", {1, "a", "note", odd}).ok());
  const auto events = *store_->ListEvents("r1", "");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, GetParam() ? "caf\xEF\xBF\xBD\xEF\xBF\xBD? $1 '" : odd);
}

TEST_P(StoreTest, ManyWritersAtOnceLoseNothing) {
  constexpr int kWriters = 4, kEach = 10;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      ManualClock clock;
      auto store = Store::Open(where_, clock);
      ASSERT_TRUE(store.ok()) << store.status();
      for (int i = 0; i < kEach; ++i) {
        ModelVersion model;
        model.name = "propensity";
        model.digest = StrCat(w, "-", i);
        model.metrics = model.gates = "{}";
        ASSERT_TRUE((*store)->AddModelVersion(model).ok());
      }
    });
  for (std::thread& writer : writers) writer.join();
  const auto models = *store_->ListModels("", "propensity");
  ASSERT_EQ(models.size(), static_cast<std::size_t>(kWriters * kEach));
  EXPECT_EQ(models.front().version, kWriters * kEach);
}

/// tests/data/state-v1.sql is what the program left before there were leases.
TEST(StoreOnSqlite, AStateOfTheFirstLayoutIsBroughtUpToDateWithAllItHolds) {
  const FolderForTests folder;
  ASSERT_TRUE(MakeDirectories(folder.Path(".headrace")).ok());
  const auto dump = ReadFile(StrCat(HEADRACE_SOURCE_DIR, "/tests/data/state-v1.sql"));
  ASSERT_TRUE(dump.ok()) << dump.status();
  sqlite3* db = nullptr;
  sqlite3_open(folder.Path(".headrace/state.db").c_str(), &db);
  ASSERT_EQ(sqlite3_exec(db, dump->c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
  ManualClock clock;
  for (int pass = 0; pass < 2; ++pass) {   // the second finds today's layout
    const auto store = Store::Open(folder.path(), clock);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto runs = *(*store)->ListRuns({});
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].state, RunState::kSucceeded);
    EXPECT_EQ(runs[0].state, RunState::kInterrupted) << "it was killed";
    EXPECT_GT((*store)->ListSteps(runs[1].id)->size(), 3u);
    EXPECT_EQ((*store)->ResolveModel("", "churn", "champion")->version, 1);
    EXPECT_EQ((*store)->AliasHistory("", "churn")->size(), 1u);
    if (pass == 1) {
      ASSERT_TRUE((*store)->ResumeRun(runs[0].id, ThisProcess()).ok());
      EXPECT_TRUE((*store)->FinishRun(runs[0].id, RunState::kFailed, 1, "").ok());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Postgres, StoreTest, testing::Values(true));

}  // namespace
}  // namespace headrace
