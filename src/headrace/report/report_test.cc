#include "headrace/report/report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "headrace/report/format.h"
#include "headrace/report/markup_reader.h"
#include "headrace/report/sample_runs.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Put `text` into every place of `run` that holds text from outside.
void Poison(RunReport* run, const std::string& text) {
  for (std::string* field : {&run->project, &run->pipeline, &run->tenant, &run->environment, &run->run_id, &run->started, &run->finished, &run->interval_start,
                             &run->interval_end, &run->trigger, &run->headrace_version, &run->code_commit, &run->message, &run->help})
    *field = text;
  run->parameters = {{text, text}};
  run->notes = {text};
  for (StepReport& step : run->steps) {
    for (std::string* field : {&step.kind, &step.state, &step.message, &step.help, &step.artifact_digest, &step.fingerprint, &step.reason}) *field = text;
    step.name += text;
    step.inputs.push_back(text);
    step.notes = {text};
    step.attempts = {{text, 1, text}, {text, 2, text}};
    for (CheckVerdict& check : step.checks) {
      check.name = check.kind = check.message = check.help = text;
      check.passed = false;
      check.sample_columns = {text, text};
      check.sample_rows = {{"1", text, text}};
      check.drift = {{text, 0.3, {{text, 0.4, 0.6}, {text, 0.6, 0.4}}}};
    }
    if (step.delivery) step.delivery->destination = step.delivery->mode = step.delivery->ledger_key = step.delivery->digest = text;
  }
  for (ModelReport& model : run->models) {
    for (std::string* field : {&model.step, &model.name, &model.digest, &model.learner, &model.target, &model.positive_class, &model.calibration, &model.split, &model.folds, &model.evaluated_on})
      *field = text;
    model.alias_moves = model.classes = model.notes = {text, text};
    for (GateVerdict& gate : model.gates) gate.text = gate.message = text;
    for (SegmentMetrics& segment : model.segments) segment.column = segment.value = text;
    model.metrics[text] = model.champion_metrics[text] = 1;
    model.importance.emplace_back(text, 0.1);
    model.permutation = {text, text, 10, 5, {{text, 0.1, 0.01}}};
    model.dependence = {text, 10, {{text, Type::kText, {Value::Text(text), Value::Text("b")}, {{0.1}, {0.2}}}, {text, Type::kDouble, {Value::Double(1), Value::Double(2)}, {{0.1}, {0.2}}}}};
    model.card = StrCat(text, "\n# ", text, "\n- ", text, "\n| ", text, " |\n|---|\n| ", text, " |\n");
  }
  for (ScoreReport& score : run->scores) {
    score.step = score.model = text;
    score.unseen = score.nulls = score.derive_errors = {{text, 3}};
  }
  run->lineage = {{text, text, text}};
}

std::vector<std::string> HostileTexts() {
  std::vector<std::string> texts;
  const std::vector<std::string> cores = {"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "javascript:alert(1)", "</title><b>", "</style><b>", "<!--", "-->",
                                          "]]>", "<![CDATA[", "&lt;b&gt;", "&#60;b>", "<a href=\"http://x.example\">", "{{7*7}}", "${run}", "%3Cscript%3E", "`<b>`", "<\0b>", "\xC0\xBCscript>", "\u202Eevil"};
  const std::vector<std::pair<std::string, std::string>> frames = {{"", ""}, {"\">", "<\""}, {"' onclick='", "'"}, {"</text></svg></td></details></section>", "<p>"}, {"\xFF\x1b\n", "&"}};
  for (const auto& core : cores)
    for (const auto& [before, after] : frames) texts.push_back(before + core + after);
  return texts;
}

const std::set<std::string>& AllowedTags() {
  static const std::set<std::string> tags = {"html", "head", "meta", "title", "style", "body", "div", "header", "main", "footer", "nav", "section", "ul", "ol", "li", "a", "p", "h1", "h2", "h3", "h4", "span",
                                             "strong", "small", "code", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption",
                                             "svg", "g", "rect", "text", "path", "line", "circle", "desc"};
  return tags;
}

void ExpectHarmless(const MarkupPage& page, const std::string& what) {
  static const std::set<std::string> attributes = {"class", "id", "lang", "charset", "name", "content", "http-equiv", "role", "scope", "tabindex", "aria-label", "aria-labelledby", "aria-hidden", "href", "x", "y", "x1", "x2",
                                                   "y1", "y2", "cx", "cy", "r", "rx", "d", "width", "height", "viewBox", "text-anchor", "open"};
  ASSERT_EQ(page.error, "") << what;
  for (const MarkupTag& tag : page.tags) {
    if (tag.name.starts_with("/")) continue;
    EXPECT_TRUE(AllowedTags().contains(tag.name)) << tag.name << " in " << what;
    for (const auto& [name, value] : tag.attributes) {
      EXPECT_TRUE(attributes.contains(name)) << name << " in " << what;
      EXPECT_TRUE(name != "href" || value.starts_with("#")) << value;
    }
  }
}

TEST(ReportTest, HostileTextStaysTextEverywhere) {
  const std::vector<std::string> texts = HostileTexts();
  ASSERT_EQ(texts.size(), 100u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    RunReport run = i % 2 == 0 ? SampleScoreRun() : SampleTrainRun();
    Poison(&run, texts[i]);
    const std::string html = RenderHtml(run);
    ExpectHarmless(ReadMarkup(html), texts[i]);
    EXPECT_TRUE(IsUtf8(html)) << i;
    EXPECT_THAT(html, Not(HasSubstr("<script")));
  }
}

TEST(ReportTest, HostileTextDoesNotChangeTheShapeOfThePage) {
  // The same tags in the same order as for a harmless text: nothing broke out, nothing was swallowed.
  const auto shape = [](const std::string& text) {
    RunReport run = SampleTrainRun();
    Poison(&run, text);
    std::string tags;
    for (const MarkupTag& tag : ReadMarkup(RenderHtml(run)).tags) tags += tag.name + " ";
    return tags;
  };
  const std::string plain = shape("plain");
  for (const char* text : {"\"><b>", "<script>alert(1)</script>", "</td></tr></table>", "' x='", "<!--"}) EXPECT_EQ(shape(text), plain) << text;
}

TEST(ReportTest, EveryPageIsWellFormedSmallAndAlwaysTheSameBytes) {
  for (const auto& [name, run] : SampleRuns()) {
    const std::string html = RenderHtml(run);
    ExpectHarmless(ReadMarkup(html), name);
    EXPECT_LT(html.size(), 500'000u) << name;
    EXPECT_EQ(html, RenderHtml(run)) << name;
  }
  ExpectHarmless(ReadMarkup(RenderHtml(RunReport())), "an empty run");
}

TEST(ReportTest, ThePageNeedsNoNetworkAndNoScript) {
  for (const auto& [name, run] : SampleRuns()) {
    const std::string html = RenderHtml(run);
    EXPECT_THAT(html, HasSubstr("default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:"));
    for (const char* outside : {"<script", "<link", "<img", "<iframe", "http://", "https://", "url(", "@import", "@font-face"}) EXPECT_THAT(html, Not(HasSubstr(outside))) << name;
  }
}

TEST(ReportTest, HeadingsGoDownOneLevelAtATimeAndReferencesResolve) {
  for (const auto& [name, run] : SampleRuns()) {
    const MarkupPage page = ReadMarkup(RenderHtml(run));
    int level = 0, firsts = 0;
    std::set<std::string> ids;
    std::vector<std::string> wanted;
    for (const MarkupTag& tag : page.tags) {
      if (tag.name.size() == 2 && tag.name[0] == 'h' && tag.name[1] >= '1' && tag.name[1] <= '6') {
        const int now = tag.name[1] - '0';
        EXPECT_LE(now, level + 1) << name;
        level = now;
        firsts += now == 1 ? 1 : 0;
      }
      EXPECT_TRUE(tag.name != "th" || tag.attributes.contains("scope")) << name;
      for (const auto& [key, value] : tag.attributes) {
        EXPECT_TRUE(key != "id" || ids.insert(value).second) << value << " twice in " << name;
        if (key == "href") wanted.push_back(value.substr(1));
        if (key == "aria-labelledby") for (const std::string& id : Split(value, ' ')) wanted.push_back(id);
      }
    }
    EXPECT_EQ(firsts, 1) << name;
    for (const std::string& id : wanted) EXPECT_TRUE(ids.contains(id)) << id << " in " << name;
  }
}

TEST(ReportTest, TheNumbersOfARunStandOnItsPage) {
  const std::string train = ReadMarkup(RenderHtml(SampleTrainRun())).text;
  const ModelReport model = SampleTrainRun().models[0];
  for (const auto& [metric, value] : model.metrics) EXPECT_THAT(train, HasSubstr(ShowNumber(value))) << metric;
  for (const auto& [metric, value] : model.champion_metrics) EXPECT_THAT(train, HasSubstr(ShowNumber(value))) << metric;
  for (const auto& bin : model.curves.reliability) {
    EXPECT_THAT(train, HasSubstr(FormatCount(bin.rows)));
    EXPECT_THAT(train, HasSubstr(ShowPercent(bin.mean_target)));
  }
  for (const auto& tenth : model.curves.deciles) EXPECT_THAT(train, HasSubstr(ShowPercent(tenth.gain)));
  for (const auto& row : model.curves.confusion.counts)
    for (std::int64_t count : row) EXPECT_THAT(train, HasSubstr(FormatCount(count)));
  for (const auto& [feature, share] : model.importance) EXPECT_THAT(train, HasSubstr(feature));
  for (const char* text : {"18,848", "champion: version 3 → 4", "is_member"}) EXPECT_THAT(train, HasSubstr(text));
  const std::string score = ReadMarkup(RenderHtml(SampleScoreRun())).text;
  for (const char* text : {"4,712", "4,661", "38", "cdp.propensity_scores", "cdp is locked by another process", "propensity version 4 (champion)", "tenure_days", "3c0c0a7f1d5be5f72a0b3f8a9e4d7c6512ab90ef", "as_of"})
    EXPECT_THAT(score, HasSubstr(text));
}

TEST(ReportTest, ChartsLeaveOutWhatIsNotANumber) {
  RunReport run = SampleTrainRun();
  ModelReport& model = run.models[0];
  model.curves.reliability[2].mean_score = std::nan("");
  model.curves.roc[3].true_positive_rate = HUGE_VAL;
  model.curves.deciles[4].lift = std::nan("");
  model.importance.emplace_back("broken", std::nan(""));
  model.metrics["auc"] = std::nan("");
  run.seconds = -1;
  const std::string html = RenderHtml(run);
  EXPECT_EQ(ReadMarkup(html).error, "");
  EXPECT_THAT(html, Not(HasSubstr("=\"nan")));
  EXPECT_THAT(html, Not(HasSubstr("=\"inf")));
}

TEST(ReportTest, AGraphOfAThousandStepsIsAListAndStaysSmall) {
  RunReport run = SampleScoreRun();
  run.steps.clear();
  for (int i = 0; i < 1000; ++i) {
    StepReport step;
    step.name = StrCat("s", i);
    step.kind = "sql";
    step.state = "succeeded";
    if (i > 0) step.inputs = {StrCat("s", i - 1)};
    run.steps.push_back(step);
  }
  const std::string html = RenderHtml(run);
  EXPECT_EQ(ReadMarkup(html).error, "");
  EXPECT_THAT(html, HasSubstr("is not drawn"));
  EXPECT_LT(html.size(), 2'000'000u);
}

}  // namespace
}  // namespace headrace
