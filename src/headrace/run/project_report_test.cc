#include "headrace/run/project_report.h"

#include <gtest/gtest.h>

#include "headrace/base/folder_for_tests.h"
#include "headrace/step/step.h"

namespace headrace {
namespace {

constexpr std::int64_t kHour = 3'600'000'000, kWeek = 168 * kHour;

class ProjectReportTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = std::move(Store::Open(folder_.path(), clock_)).value();
    request_.project = "agency";
    request_.environment = "prod";
    request_.pipelines = {"score"};
    request_.tenants = {"aster"};
  }

  /// A run of `week` that ends an hour after it began.
  void Run(const std::string& id, int week, RunState state = RunState::kSucceeded, const std::string& environment = "prod", const std::string& trigger = "manual") {
    RunRecord run;
    run.id = id;
    run.pipeline = "score";
    run.tenant = "aster";
    run.environment = environment;
    run.trigger = trigger;
    run.interval_start_us = week * kWeek;
    run.interval_end_us = (week + 1) * kWeek;
    run.params = "{}";
    run.started_us = clock_.NowMicros();
    run.process = ThisProcess();
    StepRecord step;
    step.run = id;
    step.step = "out";
    step.kind = "deliver";
    step.details = step.parts = "{}";
    ASSERT_TRUE(store_->CreateRun(run, {step}).ok());
    if (state == RunState::kSucceeded) {
      StepDetails details;
      details.delivery.emplace();
      details.delivery->inserted = 10;
      step.details = details.ToJson();
      step.state = StepState::kSucceeded;
      ASSERT_TRUE(store_->FinishStep(step).ok());
    }
    clock_.Sleep(kHour);
    ASSERT_TRUE(store_->FinishRun(id, state, state == RunState::kSucceeded ? 0 : 1, state == RunState::kSucceeded ? "" : "it broke").ok());
  }
  ProjectReport Build() {
    request_.now_us = clock_.NowMicros();
    auto report = BuildProjectReport(*store_, request_);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : ProjectReport();
  }
  /// The run of `week` is due so long after now.
  void Due(int week, std::int64_t after_us) {
    ScheduleView view;
    view.pipeline = "score";
    view.tenant = "aster";
    view.newest = Interval{week * kWeek, (week + 1) * kWeek};
    view.finish_by_us = clock_.NowMicros() + after_us;
    request_.schedules = {view};
  }

  const FolderForTests folder_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
  ProjectReportRequest request_;
};

TEST_F(ProjectReportTest, TheNewestRunOfEachIntervalIsItsCell) {
  Run("r1", 1);
  Run("r2", 2, RunState::kFailed);
  Run("r3", 2);
  Run("r4", 1, RunState::kFailed);
  Run("r5", 3, RunState::kSucceeded, "dev");
  Run("r6", 3, RunState::kSucceeded, "prod", "dry run");
  const ProjectReport report = Build();
  ASSERT_EQ(report.pipelines.size(), 1u);
  const PipelineGrid& grid = report.pipelines[0];
  ASSERT_EQ(grid.intervals.size(), 2u) << "runs of other environments and dry runs are left out";
  ASSERT_EQ(grid.clients.size(), 1u);
  EXPECT_EQ(grid.clients[0].cells[0].run, "r3");
  EXPECT_EQ(grid.clients[0].cells[0].rows, 10);
  EXPECT_EQ(grid.clients[0].cells[1].run, "r4");
  EXPECT_EQ(grid.clients[0].last.run, "r4");
  EXPECT_EQ(grid.clients[0].last.message, "it broke");
  EXPECT_EQ(grid.clients[0].last.rows, 0);
  request_.tenants = {};
  EXPECT_TRUE(Build().pipelines.empty()) << "a tenant that the project no longer has is history";
}

TEST_F(ProjectReportTest, AnOlderIntervalThatRanAgainDoesNotHideThatTheNewestFailed) {
  Run("r1", 1);
  Run("r2", 2, RunState::kFailed);
  Run("r3", 1);
  EXPECT_EQ(Build().pipelines[0].clients[0].last.run, "r2");
  Run("r4", 2);
  EXPECT_EQ(Build().pipelines[0].clients[0].last.run, "r4");
}

TEST_F(ProjectReportTest, ARunIsLateWhenItWasNotReadyInTime) {
  Run("r1", 1);
  Due(2, 2 * kHour);
  EXPECT_EQ(Build().pipelines[0].clients[0].lateness, "due in 2 h");
  clock_.Sleep(3 * kHour);
  ProjectReport late = Build();
  EXPECT_EQ(late.pipelines[0].clients[0].lateness, "not ready, 60 min late");
  EXPECT_TRUE(late.pipelines[0].clients[0].late);
  EXPECT_TRUE(late.pipelines[0].clients[0].cells[0].late && late.pipelines[0].clients[0].cells[0].run.empty()) << "the interval has a column though nothing ran";
  Run("r2", 2);
  EXPECT_EQ(Build().pipelines[0].clients[0].lateness, "ready 2 h late");
}

TEST_F(ProjectReportTest, ARunAgainLaterMakesNothingLate) {
  Due(1, 2 * kHour);
  Run("r1", 1);
  clock_.Sleep(10 * kHour);
  Run("r2", 1);
  const ProjectReport report = Build();
  EXPECT_EQ(report.pipelines[0].clients[0].lateness, "on time");
  EXPECT_FALSE(report.pipelines[0].clients[0].late);
}

TEST_F(ProjectReportTest, TheChampionIsToldWithItsMainMetrics) {
  ModelVersion model;
  model.tenant = "aster";
  model.name = "propensity";
  model.metrics = R"({"auc":0.8,"brier":0.1,"ece":0.02,"lift@10%":3.5,"logloss":0.3})";
  model.gates = "[]";
  for (const char* digest : {"d1", "d2"}) {
    model.digest = digest;
    ASSERT_TRUE(store_->AddModelVersion(model).ok());
  }
  ASSERT_TRUE(store_->MoveAlias("aster", "propensity", "champion", 1, "ann", "").ok());
  clock_.Sleep(12 * 24 * kHour);
  const ProjectReport report = Build();
  ASSERT_EQ(report.champions.size(), 1u);
  EXPECT_EQ(report.champions[0].version, 1);
  EXPECT_EQ(report.champions[0].newest, 2);
  EXPECT_EQ(report.champions[0].age, "12 days");
  EXPECT_EQ(report.champions[0].metrics, (std::vector<std::pair<std::string, double>>{{"AUC", 0.8}, {"ECE", 0.02}, {"lift@10%", 3.5}}));
}

}  // namespace
}  // namespace headrace
