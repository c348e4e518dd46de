#include "headrace/cli/run_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TableStep Step(const std::string& name, const std::string& kind, StepState state, std::vector<std::string> upstream = {}) {
  TableStep step;
  step.record.step = name;
  step.record.kind = kind;
  step.record.state = state;
  step.upstream = std::move(upstream);
  return step;
}

/// Without colours and without blanks at the end.
std::vector<std::string> Plain(const std::vector<std::string>& lines) {
  std::vector<std::string> plain;
  for (const std::string& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\x1b') i = line.find('m', i);
      else text += line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    plain.push_back(text);
  }
  return plain;
}

std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<TableStep> Score() {
  std::vector<TableStep> steps = {Step("base.purchases", "extract", StepState::kSucceeded), Step("features", "sql", StepState::kRunning, {"base.purchases"}),
                                  Step("scores", "score", StepState::kPending, {"features"}), Step("to_platform", "deliver", StepState::kPending, {"scores"})};
  steps[0].record.finished_us = 3'210'000;
  steps[0].record.outputs[""] = {"d", "dataset", 1'234'567};
  steps[0].record.attempt = 2;
  steps[1].elapsed = 2.5;
  steps[1].usual = 10;
  steps[1].doing = "running the query";
  steps[1].fraction = 0.25;
  steps[2].usual = 100;
  steps[3].usual = 0.4;
  return steps;
}

TEST(RunTableTest, SaysWhatEachStepTookAndWhatIsLeft) {
  EXPECT_THAT(Plain(RunTable(Score(), 12, {24, 120})), ::testing::ElementsAre(
      "  ✓ base.purchases extract succeeded 3.21 s                 try 2, 1,234,567 rows",
      "  ▸ features       sql     running   2.50 s     8 s left    running the query 25 %",
      "  · scores         score   pending              ~2 min",
      "  · to_platform    deliver pending              <1 s",
      "  1 of 4 steps, 12 s, about 2 min left"));
}

TEST(RunTableTest, NoLineIsWiderThanTheTerminal) {
  std::vector<TableStep> steps = Score();
  steps[0].record.step = "a_very_long_name_of_a_step_that_somebody_gave_äöü_to_it";
  for (const std::size_t columns : {20u, 40u, 80u, 120u})
    for (const std::string& line : Plain(RunTable(steps, 12, {24, columns}))) EXPECT_LT(Width(line), columns) << line;
  EXPECT_THAT(Plain(RunTable(steps, 12, {24, 80}))[0], HasSubstr("a_very_long_name_… extract succeeded 3.21 s"));
}

TEST(RunTableTest, StepsThatAreDoneGiveWayWhenNotAllFit) {
  std::vector<TableStep> steps;
  for (int i = 0; i < 30; ++i) steps.push_back(Step(StrCat("s", i), "sql", i < 20 ? StepState::kSucceeded : i == 20 ? StepState::kRunning : StepState::kPending));
  steps[3].record.state = StepState::kFailed;
  const std::vector<std::string> lines = Plain(RunTable(steps, 1, {10, 80}));
  ASSERT_EQ(lines.size(), 9u) << "one row is left for the cursor";
  EXPECT_THAT(lines[0], HasSubstr("✕ s3"));
  EXPECT_THAT(lines[1], HasSubstr("▸ s20"));
  EXPECT_THAT(lines[8], HasSubstr("20 of 30 steps"));
  EXPECT_THAT(lines[8], HasSubstr("22 steps are not shown"));
}

TEST(RunTableTest, WithoutHistoryNothingIsPromised) {
  std::vector<TableStep> steps = Score();
  for (TableStep& step : steps) step.usual.reset();
  for (const std::string& line : Plain(RunTable(steps, 12, {24, 120}))) EXPECT_THAT(line, Not(HasSubstr("left")));
  steps[3].usual = 4;
  EXPECT_THAT(Plain(RunTable(steps, 12, {24, 120})).back(), HasSubstr("at least 4 s left"));
  steps[1].usual = 1;
  EXPECT_THAT(Plain(RunTable(steps, 12, {24, 120}))[1], HasSubstr("usual 1 s")) << "it takes longer than usual";
}

TEST(RunTableTest, EstimatesAreRoundAndShort) {
  EXPECT_EQ(Roughly(0.2), "<1 s");
  EXPECT_EQ(Roughly(42.4), "42 s");
  EXPECT_EQ(Roughly(200), "3 min");
  EXPECT_EQ(Roughly(5400), "1.5 h");
}

}  // namespace
}  // namespace headrace
