#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "headrace/base/files.h"
#include "headrace/store/run_queue.h"
#include "headrace/store/store.h"
#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

/// A project whose runs each leave one dataset. Every test runs on SQLite and on a real PostgreSQL.
class GcTest : public StoreForTests {
 protected:
  /// The file of an artifact, changed at the clock's time as if it was written now.
  ArtifactRef Artifact(const std::string& content) {
    const std::string scratch = store_->ScratchPath(".parquet");
    EXPECT_TRUE(WriteFileAtomically(scratch, content).ok());
    Touch(scratch, clock_.NowMicros());
    return *store_->AddArtifact(scratch, "dataset", 3);
  }
  static void Touch(const std::string& path, std::int64_t at_us) {
    const timespec time{at_us / 1'000'000, 0};
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  std::string Path(const ArtifactRef& artifact) const { return folder_.Path(StrCat(".headrace/artifacts/", artifact.digest.substr(0, 2), "/", artifact.digest, ".parquet")); }

  RunRecord Record(const std::string& id, const std::string& tenant) {
    RunRecord run;
    run.id = id;
    run.pipeline = "score";
    run.tenant = tenant;
    run.interval_start_us = clock_.NowMicros();
    run.interval_end_us = run.interval_start_us + 1;
    run.params = "{}";
    run.trigger = "manual";
    run.started_us = clock_.NowMicros();
    run.process = ThisProcess();
    return run;
  }
  StepRecord Step(const std::string& run, const std::string& details = "{}") {
    StepRecord step;
    step.run = run;
    step.step = "rows";
    step.kind = "sql";
    step.fingerprint = "f";
    step.parts = "{}";
    step.details = details;
    return step;
  }
  void Begin(const std::string& id, const std::string& tenant = "acme") { ASSERT_TRUE(store_->CreateRun(Record(id, tenant), {Step(id)}).ok()); }
  void End(const std::string& id, RunState state = RunState::kSucceeded) { ASSERT_TRUE(store_->FinishRun(id, state, 0, "").ok()); }
  void FinishStep(const std::string& run, const ArtifactRef& output, StepState state = StepState::kSucceeded) {
    StepRecord step = Step(run);
    step.state = state;
    step.finished_us = clock_.NowMicros();
    step.outputs[""] = output;
    ASSERT_TRUE(store_->FinishStep(step).ok());
  }
  /// A run that ends well and leaves `content`; a day passes.
  ArtifactRef Run(const std::string& id, const std::string& content, const std::string& tenant = "acme", RunState state = RunState::kSucceeded) {
    Begin(id, tenant);
    const ArtifactRef artifact = Artifact(content);
    FinishStep(id, artifact);
    End(id, state);
    clock_.Sleep(kDay);
    return artifact;
  }

  GcReport Gc(GcRequest request = {}) {
    request.apply = true;
    const Result<GcReport> report = store_->CollectGarbage(request);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : GcReport();
  }
  std::string Runs() {
    std::string ids;
    for (const RunRecord& run : *store_->ListRuns({})) ids += StrCat(ids.empty() ? "" : " ", run.id);
    return ids;
  }
};

TEST_P(GcTest, TrialsStayWhileAStepThatCouldGoOnWithThemIsRecorded) {
  Begin("r1");
  ASSERT_TRUE(store_->StartStep(Step("r1")).ok());
  const std::string kept = *store_->TrialsPath("f"), left = *store_->TrialsPath("0123");
  for (const std::string& path : {kept, left}) ASSERT_TRUE(WriteFileAtomically(path, "trials").ok());
  Gc();
  EXPECT_TRUE(FileExists(kept)) << "its run is at work";
  EXPECT_FALSE(FileExists(left));
  End("r1", RunState::kInterrupted);
  Run("r2", "two");
  clock_.Sleep(kDay);
  GcRequest all;
  all.before_us = clock_.NowMicros();
  all.keep = 1;
  Gc(all);
  EXPECT_EQ(Runs(), "r2");
  EXPECT_TRUE(FileExists(kept)) << "a step of r2 has the same fingerprint";
}

TEST_P(GcTest, OldRunsGoWithTheirArtifactsAndTheLastSuccessStays) {
  const ArtifactRef first = Run("r1", "one");
  const ArtifactRef second = Run("r2", "two");
  Run("r3", "three", "acme", RunState::kFailed);
  clock_.Sleep(kDay);
  GcRequest all;
  all.before_us = clock_.NowMicros();
  const Result<GcReport> dry = store_->CollectGarbage(all);
  ASSERT_TRUE(dry.ok()) << dry.status();
  EXPECT_EQ(Runs(), "r3 r2 r1") << "asking removes nothing";
  EXPECT_TRUE(FileExists(Path(first)));
  const GcReport report = Gc(all);
  for (const GcReport* one : {&*dry, &report}) {
    ASSERT_EQ(one->groups.size(), 1u);
    EXPECT_EQ(one->groups[0].gone.runs, 2);
    EXPECT_EQ(one->groups[0].gone.steps, 2);
    EXPECT_EQ(one->groups[0].gone.artifacts, 2);
    EXPECT_EQ(one->groups[0].gone.bytes, 8);
    EXPECT_EQ(one->groups[0].kept, 1);
  }
  EXPECT_EQ(Runs(), "r2");
  EXPECT_FALSE(FileExists(Path(first)));
  EXPECT_TRUE(FileExists(Path(second)));
  EXPECT_TRUE(store_->ListSteps("r1")->empty());
  store_ = Open();
  EXPECT_EQ((*store_->FindReusable("score", "acme", "rows", "f"))->run, "r2");
}

TEST_P(GcTest, WhatAskedForThemGoesWithOldRuns) {
  RunQueue queue(*store_, clock_);
  Backfill backfill;
  backfill.id = "b1";
  backfill.created_us = clock_.NowMicros();
  std::vector<RunRequest> requests(4);
  const char* ids[] = {"of r1", "skipped", "open", "of b1"};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].id = ids[i];
    requests[i].origin = i == 3 ? "b1" : "schedule";
    requests[i].pipeline = "score";
    requests[i].tenant = "acme";
  }
  ASSERT_TRUE(queue.Enter({requests[0], requests[1], requests[2]}, {}).ok());
  ASSERT_TRUE(queue.EnterBackfill(backfill, {requests[3]}, clock_.NowMicros()).ok());
  requests[0].state = RequestState::kSucceeded;
  requests[0].run = "r1";
  requests[1].state = RequestState::kSkipped;
  requests[3].state = RequestState::kFailed;
  for (const std::size_t i : {0U, 1U, 3U}) {
    requests[i].ended_us = clock_.NowMicros();
    ASSERT_TRUE(*queue.Change(requests[i]));
  }
  Run("r1", "one");
  Run("r2", "two");
  Gc();
  EXPECT_EQ(queue.List("", 10)->size(), 3u) << "only that of r1 goes with it: no age was given";
  EXPECT_EQ(queue.Backfills()->size(), 1u);
  GcRequest old;
  old.before_us = clock_.NowMicros();
  Gc(old);
  ASSERT_EQ(queue.List("", 10)->size(), 1u);
  EXPECT_EQ((*queue.List("", 10))[0].id, "open");
  EXPECT_TRUE(queue.Backfills()->empty());
}

TEST_P(GcTest, AgeAndCountMustBothSaySo) {
  for (const char* id : {"r1", "r2", "r3", "r4"}) Run(id, id);
  GcRequest request;
  request.before_us = clock_.NowMicros() - 2 * kDay;      // r1 and r2, and r3 to the microsecond not
  request.keep = 3;
  EXPECT_EQ(Gc(request).groups[0].gone.runs, 1);
  EXPECT_EQ(Runs(), "r4 r3 r2");
  request.keep = 0;
  Gc(request);
  EXPECT_EQ(Runs(), "r4 r3");
}

TEST_P(GcTest, OnlyTheTenantThatWasNamedIsTouched) {
  for (const char* tenant : {"acme", "bolt"})
    for (const char* number : {"1", "2"}) Run(StrCat(tenant, number), StrCat(tenant, number), tenant);
  GcRequest request;
  request.tenant = "bolt";
  const GcReport report = Gc(request);
  ASSERT_EQ(report.groups.size(), 1u);
  EXPECT_EQ(report.groups[0].tenant, "bolt");
  EXPECT_EQ(Runs(), "bolt2 acme2 acme1");
}

TEST_P(GcTest, AnArtifactStaysWhileAnyKeptRunRefersToIt) {
  const ArtifactRef shared = Run("r1", "same");
  Run("b1", "same", "bolt");                     // equal content is one file
  Begin("r2");
  FinishStep("r2", shared, StepState::kReused);   // r2 reused what r1 made
  End("r2");
  clock_.Sleep(kDay);
  Gc();
  EXPECT_EQ(Runs(), "r2 b1");
  EXPECT_TRUE(FileExists(Path(shared)));
}

TEST_P(GcTest, RunsOfRegisteredModelsAndWhatRunsOfAPartNeedStay) {
  ModelVersion model;
  model.tenant = "acme";
  model.name = "propensity";
  model.metrics = model.gates = "{}";
  model.digest = Run("r1", "model").digest;
  model.run = "r1";
  ASSERT_TRUE(store_->AddModelVersion(model).ok());
  ModelVersion added = model;                        // from a file: no run speaks of it
  const ArtifactRef file = Artifact("added");
  added.digest = file.digest;
  added.run = "";
  ASSERT_TRUE(store_->AddModelVersion(added).ok());
  Run("r2", "whole");
  ASSERT_TRUE(store_->CreateRun(Record("r3", "acme"), {Step("r3", R"({"taken_from":"r2","upstream":[]})")}).ok());
  End("r3", RunState::kInterrupted);
  clock_.Sleep(kDay);
  Run("r4", "gone");
  Run("r5", "last");
  GcRequest request;
  request.keep = 0;
  request.before_us = clock_.NowMicros() - 3 * kDay;    // r3 is young enough to stay, r1 and r2 are not
  Gc(request);
  EXPECT_EQ(Runs(), "r5 r4 r3 r2 r1");
  EXPECT_TRUE(FileExists(Path(file)));
  Gc();
  EXPECT_EQ(Runs(), "r5 r1");
  EXPECT_TRUE(FileExists(Path(file)));
}

TEST_P(GcTest, OldRowsGoAndTheRecordsOfTheirRunsStay) {
  const ArtifactRef old = Run("r1", "old");
  const ArtifactRef failed = Run("r2", "failed", "acme", RunState::kFailed);
  const ArtifactRef shared = Run("r3", "shared");
  const ArtifactRef waiting = Run("r4", "waiting", "acme", RunState::kWaiting);
  Run("b1", "shared", "bolt");                   // another tenant's newest success: the file is needed
  const ArtifactRef newest = Run("r5", "newest");
  const ArtifactRef young = Run("r6", "young", "acme", RunState::kFailed);
  clock_.Sleep(kDay);
  GcRequest request;
  request.runs = false;
  request.data_before_us = clock_.NowMicros() - 3 * kDay + 1;       // r6 is younger
  const GcReport report = Gc(request);
  EXPECT_EQ(Runs(), "r6 r5 b1 r4 r3 r2 r1");
  EXPECT_EQ(report.groups[0].gone.runs, 0);
  EXPECT_EQ(report.groups[0].gone.artifacts, 2);
  EXPECT_EQ(report.groups[0].emptied, 3);
  EXPECT_EQ(report.groups[0].kept, 6);
  for (const ArtifactRef& artifact : {old, failed}) EXPECT_FALSE(FileExists(Path(artifact)));
  for (const ArtifactRef& artifact : {shared, waiting, newest, young}) EXPECT_TRUE(FileExists(Path(artifact)));
  EXPECT_TRUE((*store_->ListSteps("r3"))[0].outputs.empty()) << "its record speaks of no rows, although bolt keeps the file";
  EXPECT_EQ((*store_->FindReusable("score", "acme", "rows", "f"))->run, "r6");
  EXPECT_EQ(Gc(request).groups[0].emptied, 0) << "once";
}

TEST_P(GcTest, OldVersionsOfModelsGoButThoseThatAliasesLeadTo) {
  const auto add = [&](const std::string& run) {
    Begin(run);
    const std::string scratch = store_->ScratchPath(".model");
    EXPECT_TRUE(WriteFileAtomically(scratch, StrCat("model of ", run)).ok());
    Touch(scratch, clock_.NowMicros());
    const ArtifactRef artifact = *store_->AddArtifact(scratch, "model", -1);
    FinishStep(run, artifact);
    End(run);
    ModelVersion model;
    model.tenant = "acme";
    model.name = "propensity";
    model.metrics = model.gates = "{}";
    model.digest = artifact.digest;
    model.run = run;
    EXPECT_TRUE(store_->AddModelVersion(model).ok());
    clock_.Sleep(kDay);
    return artifact.digest;
  };
  const auto promote = [&](std::int64_t version) { ASSERT_TRUE(store_->MoveAlias("acme", "propensity", "champion", version, "ana", "", {}).ok()); };
  std::vector<std::string> digests;
  for (const char* run : {"m1", "m2", "m3", "m4", "m5"}) digests.push_back(add(run));
  for (const std::int64_t version : {1, 2, 3}) promote(version);
  clock_.Sleep(kDay);
  GcRequest request;
  request.runs = false;
  request.models_before_us = clock_.NowMicros() - 3 * kDay;         // 4 and 5 are younger
  request.pipeline = "score";
  EXPECT_EQ(Gc(request).models, 0) << "models belong to no pipeline";
  request.pipeline = "";
  EXPECT_EQ(Gc(request).models, 1);
  const auto versions = [&] {
    std::string text;
    for (const ModelVersion& model : *store_->ListModels("acme", "propensity")) text += StrCat(model.version, " ");
    return text;
  };
  EXPECT_EQ(versions(), "5 4 3 2 ") << "3 is the champion, 2 was it before";
  request.models_before_us = clock_.NowMicros();
  EXPECT_EQ(Gc(request).models, 1);
  EXPECT_EQ(versions(), "5 3 2 ") << "the newest stays, so that no number is given twice";
  const auto file = [&](std::size_t i) { return folder_.Path(StrCat(".headrace/artifacts/", digests[i].substr(0, 2), "/", digests[i], ".model")); };
  for (const std::size_t gone : {0u, 3u}) EXPECT_FALSE(FileExists(file(gone)));
  for (const std::size_t kept : {1u, 2u, 4u}) EXPECT_TRUE(FileExists(file(kept)));
  EXPECT_EQ(Runs(), "m5 m4 m3 m2 m1") << "what is known of the runs stays";
  EXPECT_TRUE((*store_->ListSteps("m1"))[0].outputs.empty());
  EXPECT_FALSE((*store_->ListSteps("m2"))[0].outputs.empty());
}

TEST_P(GcTest, WaitingRunsStayAndSoDoesAllOfATenantAtWork) {
  Run("r1", "one");
  Run("r2", "two", "acme", RunState::kWaiting);
  Run("b1", "three", "bolt");
  Run("b2", "four", "bolt");
  Begin("b3", "bolt");
  clock_.Sleep(kDay);
  const GcReport report = Gc();
  EXPECT_EQ(Runs(), "b3 b2 b1 r2 r1");
  ASSERT_EQ(report.groups.size(), 2u);
  EXPECT_FALSE(report.groups[0].busy);
  EXPECT_TRUE(report.groups[1].busy);
  End("b3", RunState::kFailed);
  Gc();
  EXPECT_EQ(Runs(), "b2 r2 r1");
}

TEST_P(GcTest, AKilledRunHoldsNothingAndCannotWakeUp) {
  Run("r1", "one");
  Run("r2", "two");
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = Store::Open(where_, clock_);
    RunRecord run = Record("r3", "acme");
    run.process = ThisProcess();
    ::_exit(store.ok() && (*store)->CreateRun(run, {Step("r3")}).ok() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  clock_.Sleep(kDay);
  GcRequest request;
  request.keep = 1;
  Gc(request);
  EXPECT_EQ(Runs(), "r3 r2");
  EXPECT_EQ((*store_->ListRuns({}))[0].finished_us, clock_.NowMicros()) << "it is recorded as interrupted";
}

TEST_P(GcTest, AFileThatARunAtWorkMayHaveWrittenStays) {
  Run("r1", "one");
  Run("r2", "two");
  Begin("b1", "bolt");
  const ArtifactRef made = Artifact("not recorded yet");
  const ArtifactRef again = Artifact("one");        // the same content as r1's, written anew
  clock_.Sleep(30 * kDay);                           // however long it takes
  GcReport report = Gc();
  EXPECT_EQ(Runs(), "b1 r2");
  EXPECT_TRUE(FileExists(Path(made)));
  EXPECT_TRUE(FileExists(Path(again)));
  EXPECT_EQ(report.postponed.artifacts, 2);
  End("b1", RunState::kFailed);
  report = Gc();
  EXPECT_FALSE(FileExists(Path(made))) << "the run ended and does not speak of it";
  EXPECT_EQ(report.left_over.artifacts, 2);
}

TEST_P(GcTest, AFileOfTheLastMinutesStays) {
  const ArtifactRef made = Artifact("a model that is being added by hand");
  clock_.Sleep(60'000'000);
  EXPECT_EQ(Gc().postponed.artifacts, 1);
  EXPECT_TRUE(FileExists(Path(made)));
  clock_.Sleep(3'600'000'000);
  EXPECT_EQ(Gc().left_over.artifacts, 1);
  EXPECT_FALSE(FileExists(Path(made)));
}

TEST_P(GcTest, TheNewestRunsOfEachAreListedAndHowLongTheirStepsTook) {
  Run("r1", "one");
  Run("b1", "b", "bolt");
  for (const auto& [id, seconds] : {std::pair{"r2", 4}, {"r3", 6}}) {
    Begin(id);
    StepRecord step = Step(id);
    step.state = StepState::kSucceeded;
    step.started_us = clock_.NowMicros();
    step.finished_us = step.started_us + seconds * 1'000'000;
    ASSERT_TRUE(store_->FinishStep(step).ok());
    End(id);
    clock_.Sleep(kDay);
  }
  Begin("r4");
  FinishStep("r4", Artifact("x"), StepState::kReused);
  std::string ids;
  for (const RunRecord& run : *store_->NewestRuns(2)) ids += run.id + " ";
  EXPECT_EQ(ids, "r4 r3 b1 ");
  const auto seconds = store_->StepSeconds("score", "acme", 2);
  ASSERT_TRUE(seconds.ok()) << seconds.status();
  EXPECT_EQ(seconds->at("rows"), (std::vector<double>{6, 4})) << "newest first, reused ones left out";
}

INSTANTIATE_TEST_SUITE_P(Sqlite, GcTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Postgres, GcTest, testing::Values(true));

}  // namespace
}  // namespace headrace
