#include "headrace/report/project_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/report/markup_reader.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunCell Cell(const std::string& run, const std::string& state, std::int64_t rows = 0) {
  RunCell cell;
  cell.run = run;
  cell.state = state;
  cell.started = "2026-01-12 05:00";
  cell.seconds = 4.2;
  if (rows > 0) cell.rows = rows;
  return cell;
}

/// An agency of three clients: one is well, one stopped at a contract, one is late.
ProjectReport Agency() {
  ProjectReport project;
  project.project = "agency";
  project.environment = "prod";
  project.written = "2026-01-12 09:30";
  project.headrace_version = "0.1.0";
  PipelineGrid score;
  score.pipeline = "score";
  score.schedule = "0 6 * * MON, Europe/Berlin";
  score.intervals = {{"2026-01-05", "2026-01-12"}, {"2025-12-29", "2026-01-05"}};
  for (const char* tenant : {"aster", "birch", "cedar"}) {
    ClientRow row;
    row.tenant = tenant;
    row.next = "2026-01-19 06:00";
    row.finish_by = "2026-01-12 07:30";
    row.lateness = "on time";
    row.last_interval_end = "2026-01-12";
    row.cells = {Cell(StrCat(tenant, "-2"), "succeeded", 4714), Cell(StrCat(tenant, "-1"), "succeeded", 4661)};
    row.last = row.cells[0];
    score.clients.push_back(row);
  }
  score.clients[1].cells[0] = score.clients[1].last = Cell("birch-2", "failed");
  score.clients[1].last.message = "step `base.purchases`: column `purchased_on` is missing; did it become `purchase_date`?";
  score.clients[2].cells[0] = RunCell();
  score.clients[2].cells[0].late = score.clients[2].late = true;
  score.clients[2].last = score.clients[2].cells[1];
  score.clients[2].lateness = "not ready, 2 h late";
  PipelineGrid train;
  train.pipeline = "train";
  train.intervals = {{"2025-12-01", "2026-01-01"}};
  ClientRow all;
  all.cells = {Cell("train-1", "succeeded")};
  all.last = all.cells[0];
  train.clients.push_back(all);
  project.pipelines = {score, train};
  project.champions = {{"aster", "propensity", 3, 3, "12 days", "train-1", {{"AUC", 0.8312}, {"ECE", 0.0121}}}, {"birch", "propensity", 2, 4, "40 days", "", {{"AUC", 0.7934}}}, {"cedar", "propensity", 0, 1, "", "", {}}};
  return project;
}

TEST(ProjectPageTest, TheVerdictCountsTheLastRuns) {
  ProjectReport project = Agency();
  EXPECT_EQ(MakeVerdict(project).sentence, "3 of 4 last runs succeeded; 1 failed, 1 late.");
  EXPECT_EQ(MakeVerdict(project).tone, RunVerdict::Tone::kBad);
  project.pipelines[0].clients.resize(1);
  EXPECT_EQ(MakeVerdict(project).sentence, "All 2 last runs succeeded.");
  EXPECT_EQ(MakeVerdict(project).tone, RunVerdict::Tone::kGood);
  project.pipelines[0].clients[0].last.state = "waiting";
  EXPECT_EQ(MakeVerdict(project).sentence, "1 of 2 last runs succeeded; 1 waits for an approval.");
  EXPECT_EQ(MakeVerdict(project).tone, RunVerdict::Tone::kWarn);
  EXPECT_EQ(MakeVerdict(ProjectReport()).sentence, "Nothing ran yet.");
}

TEST(ProjectPageTest, SaysWhoNeedsSomebodyAndLeadsToTheirRuns) {
  const std::string html = RenderHtml(Agency());
  const MarkupPage page = ReadMarkup(html);
  ASSERT_EQ(page.error, "");
  for (const char* text : {"is missing; did it become", "Not ready, 2 h late, due at 2026-01-12 07:30", "4,714", "version 3", "0.8312", "version 4 was not promoted", "! none", "Europe/Berlin"})
    EXPECT_THAT(page.text, HasSubstr(text));
  EXPECT_THAT(html, HasSubstr("href=\"runs/birch-2.html\""));
  EXPECT_LT(page.text.find("is missing; did it become"), page.text.find("Not ready, 2 h late")) << "failures come first";
  for (const char* outside : {"<script", "<link", "<img", "http://", "https://", "url("}) EXPECT_THAT(html, Not(HasSubstr(outside)));
  EXPECT_EQ(html, RenderHtml(Agency())) << "equal input gives equal bytes";
}

TEST(ProjectPageTest, EveryStateIsSaidInWordsOrSignsToo) {
  for (const MarkupTag& tag : ReadMarkup(RenderHtml(Agency())).tags)
    if (tag.name == "span" && tag.attributes.contains("role")) {
      EXPECT_FALSE(tag.attributes.at("aria-label").empty());
    }
  const std::string html = RenderHtml(Agency());
  for (const char* label : {"aria-label=\"succeeded\"", "aria-label=\"failed\"", "aria-label=\"no run, late\""}) EXPECT_THAT(html, HasSubstr(label));
}

TEST(ProjectPageTest, HostileTextStaysText) {
  for (const std::string text : {"<script>alert(1)</script>", "\"><b>", "../../etc/passwd", "javascript:alert(1)", "</td></tr>", "' x='"}) {
    ProjectReport project = Agency();
    project.project = project.environment = project.written = text;
    for (PipelineGrid& grid : project.pipelines) {
      grid.pipeline = grid.schedule = text;
      for (auto& interval : grid.intervals) interval = {text, text};
      for (ClientRow& row : grid.clients) {
        row.tenant = row.next = row.finish_by = row.lateness = row.last_interval_end = text;
        for (RunCell* cell : {&row.cells[0], &row.last}) cell->run = cell->state = cell->started = cell->message = text;
      }
    }
    for (ChampionLine& line : project.champions) line.tenant = line.name = line.age = line.run = text;
    const MarkupPage page = ReadMarkup(RenderHtml(project));
    EXPECT_EQ(page.error, "") << text;
    std::set<std::string> ids;
    for (const MarkupTag& tag : page.tags) {
      EXPECT_TRUE(tag.name != "script" && tag.name != "b") << text;
      for (const auto& [name, value] : tag.attributes) {
        EXPECT_FALSE(name.starts_with("on")) << text;
        EXPECT_TRUE(name != "href" || value.starts_with("#") || (value.starts_with("runs/") && value.find("..") == std::string::npos)) << value;
        EXPECT_TRUE(name != "id" || ids.insert(value).second) << value << " twice";
      }
    }
  }
}

/// `HEADRACE_REPORT_SAMPLES=/tmp report_test` writes the page there, to look at it.
TEST(ProjectPageTest, SampleToLookAt) {
  if (const char* folder = std::getenv("HEADRACE_REPORT_SAMPLES")) {
    EXPECT_TRUE(WriteFileAtomically(StrCat(folder, "/project.html"), RenderHtml(Agency())).ok());
  }
}

}  // namespace
}  // namespace headrace
