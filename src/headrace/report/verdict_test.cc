#include <gtest/gtest.h>

#include "headrace/report/report.h"
#include "headrace/report/sample_runs.h"

namespace headrace {
namespace {

using Tone = RunVerdict::Tone;

TEST(VerdictTest, ADeliverySaysWhatWentWhere) {
  const RunVerdict verdict = MakeVerdict(SampleScoreRun());
  EXPECT_EQ(verdict.sentence, "Delivered 4,712 scores to cdp.propensity_scores and 471 scores to out/audience.csv. 1 check warns.");
  EXPECT_EQ(verdict.tone, Tone::kWarn);
  EXPECT_EQ(verdict.chip, "succeeded");
}

TEST(VerdictTest, RowsWithNumbersOfClustersAreNotCalledScores) {
  RunReport run = SampleScoreRun();
  for (ScoreReport& score : run.scores) score.clusters = 5;
  EXPECT_EQ(MakeVerdict(run).sentence, "Delivered 4,712 rows to cdp.propensity_scores and 471 rows to out/audience.csv. 1 check warns.");
}

TEST(VerdictTest, AStoppedRunSaysWhyAndThatNothingWasDelivered) {
  const RunVerdict verdict = MakeVerdict(SampleStoppedRun());
  EXPECT_EQ(verdict.sentence, "Stopped: warehouse.purchases has no column `date`; likely now `purchase_date`. Nothing was delivered.");
  EXPECT_EQ(verdict.tone, Tone::kBad);
  EXPECT_EQ(verdict.chip, "failed · exit code 3");
  EXPECT_NE(verdict.help, "");
}

TEST(VerdictTest, WhatADeliveryDidBeforeAnotherStepFailedIsNotHidden) {
  RunReport run = SampleScoreRun();
  run.state = "failed";
  run.exit_code = 1;
  run.steps[6].state = "failed";
  run.steps[6].message = "no space left";
  run.steps[7].delivery.reset();
  run.steps[7].state = "failed";
  EXPECT_EQ(MakeVerdict(run).sentence, "Stopped: no space left. 1 other step failed too. Delivered 4,712 scores to cdp.propensity_scores.");
}

TEST(VerdictTest, ARunWithoutChangesSaysSo) {
  RunReport run = SampleReusedRun();
  EXPECT_EQ(MakeVerdict(run).sentence, "Nothing new to deliver: cdp.propensity_scores already held these 4,712 scores and out/audience.csv already held these 471 scores.");
  EXPECT_EQ(MakeVerdict(run).tone, Tone::kGood);
  for (StepReport& step : run.steps) {
    step.delivery.reset();
    step.state = "reused";
  }
  EXPECT_EQ(MakeVerdict(run).sentence, "Nothing had changed: all 8 steps were reused.");
}

TEST(VerdictTest, ATrainedModelIsNamedWithItsFate) {
  EXPECT_EQ(MakeVerdict(SampleTrainRun()).sentence, "Trained propensity version 4, AUC 0.8124, and made it the champion.");
  const RunVerdict refused = MakeVerdict(SampleRefusedRun());
  EXPECT_EQ(refused.sentence, "Trained propensity version 5, AUC 0.7012, but did not promote it: auc 0.7012 is below 0.72; the champion is still version 4.");
  EXPECT_EQ(refused.chip, "not promoted · exit code 3");
  EXPECT_EQ(refused.tone, Tone::kWarn);
}

TEST(VerdictTest, ATrainRunThatFailsLeavesNoModel) {
  RunReport run = SampleTrainRun();
  run.state = "failed";
  run.exit_code = 3;
  run.models.clear();
  run.steps[5].state = "failed";
  run.steps[5].message = "column `purchased_next_30d` has one class only";
  EXPECT_EQ(MakeVerdict(run).sentence, "Stopped: column `purchased_next_30d` has one class only. No model was registered.");
}

TEST(VerdictTest, OtherStatesHaveTheirWords) {
  RunReport run = SampleScoreRun();
  for (StepReport& step : run.steps) step.delivery.reset();
  run.state = "running";
  run.steps[6].state = run.steps[7].state = "pending";
  EXPECT_EQ(MakeVerdict(run).sentence, "Running: 6 of 8 steps done.");
  run.state = "interrupted";
  run.exit_code = 130;
  EXPECT_EQ(MakeVerdict(run).sentence, "Interrupted after 6 of 8 steps. Nothing was delivered.");
  EXPECT_EQ(MakeVerdict(run).help, "`headrace run propensity-score --resume r-19980309-060000-b1c4` goes on where it stood");
  run.state = "failed";
  run.exit_code = 75;
  run.message = "run r-1 of this pipeline and interval is at work";
  EXPECT_EQ(MakeVerdict(run).sentence, "Try again later: run r-1 of this pipeline and interval is at work. Nothing was delivered.");
  EXPECT_EQ(MakeVerdict(RunReport()).sentence, "Running: 0 of 0 steps done.");
}

TEST(VerdictTest, PreviewsAndDryRunsClaimNoDelivery) {
  RunReport run = SampleScoreRun();
  run.steps[5].delivery->preview = true;
  run.steps[7].delivery.reset();
  EXPECT_EQ(MakeVerdict(run).sentence, "Previewed 4,712 scores for cdp.propensity_scores; the destination was not touched. 1 check warns.");
  run.steps[5].delivery->preview = false;
  run.dry_run = true;
  EXPECT_EQ(MakeVerdict(run).sentence, "Dry run: nothing outside was changed. Would deliver 4,712 scores to cdp.propensity_scores. 1 check warns.");
  run = SampleTrainRun();
  run.models.clear();
  run.dry_run = true;
  EXPECT_EQ(MakeVerdict(run).sentence, "Dry run: nothing outside was changed. Done: 6 steps, no failure.");
}

}  // namespace
}  // namespace headrace
