#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/report/card.h"
#include "headrace/report/chart.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

double WholeSeconds(const RunReport& run) {
  double whole = run.seconds;
  for (const StepReport& step : run.steps) whole = std::max(whole, step.started_offset_seconds + step.seconds);
  return whole;
}

bool DidWork(const StepReport& step) { return step.state != "skipped" && step.state != "pending"; }

Html Key(const RunReport& run) {
  Html items;
  for (std::string_view state : {"succeeded", "reused", "warned", "failed", "skipped", "running", "waiting", "pending"}) {
    if (std::none_of(run.steps.begin(), run.steps.end(), [&](const StepReport& s) { return s.state == state; })) continue;
    const StateLook look = LookOf(state);
    items += El("li", {}, El("span", {{"class", StrCat("sign t-", look.css_class)}, {"aria-hidden", "true"}}, look.sign), " ",
                state == "reused" ? "reused: nothing it depends on had changed" : state);
  }
  const auto outside = [&](const std::string& input) { return std::none_of(run.steps.begin(), run.steps.end(), [&](const StepReport& s) { return s.name == input; }); };
  if (std::any_of(run.steps.begin(), run.steps.end(), [&](const StepReport& s) { return std::any_of(s.inputs.begin(), s.inputs.end(), outside); }))
    items += El("li", {}, "dashed: data from outside this run");
  return El("ul", {{"class", "key"}}, items);
}

Html Attempts(const StepReport& step) {
  if (step.attempts.size() < 2) return {};
  std::vector<std::vector<Html>> rows;
  for (std::size_t i = 0; i < step.attempts.size(); ++i) {
    const AttemptReport& attempt = step.attempts[i];
    rows.push_back({StrCat(i + 1), attempt.state, ShowSeconds(attempt.seconds), Prose(attempt.message)});
  }
  return DataTable("Attempts", {{"Attempt", false}, {"State", false}, {"Time", true}, {"Message", false}}, rows);
}

Html CheckSummary(const StepReport& step) {
  if (step.checks.empty()) return {};
  const auto passed = std::count_if(step.checks.begin(), step.checks.end(), [](const CheckVerdict& c) { return c.passed; });
  return Html(StrCat(FormatCount(passed), " of ", FormatCount(static_cast<std::int64_t>(step.checks.size())), " passed"));
}

Html StepBody(const StepReport& step) {
  Html body;
  if (!step.message.empty()) body += El("p", {{"class", step.state == "failed" ? "t-bad" : ""}}, Prose(Capitalised(step.message)), ".");
  if (!step.help.empty()) body += El("p", {}, El("strong", {}, "What to do: "), Prose(step.help));
  body += Facts({{"Why", Prose(step.reason)},
                 {"Reads", step.inputs.empty() ? Html() : Html(Join(step.inputs, ", "))},
                 {"Started", DidWork(step) ? Html(StrCat(ShowSeconds(step.started_offset_seconds), " after the run")) : Html()},
                 {"Checks", CheckSummary(step)},
                 {"Artifact", Mono(step.artifact_digest)},
                 {"Fingerprint", Mono(step.fingerprint)}});
  body += NoteList(step.notes);
  body += Attempts(step);
  return body.empty() ? El("p", {{"class", "soft"}}, "Nothing further is recorded.") : body;
}

Html TimelineItem(const StepReport& step, std::size_t index, double whole) {
  const StateLook look = LookOf(step.state);
  const std::string rows = step.rows_out ? ShowCount(*step.rows_out, "row", "rows") : std::string();
  const Html bar = DidWork(step) && whole > 0 ? DrawBar(step.started_offset_seconds / whole, step.seconds / whole, look.css_class) : DrawBar(0, 0, "");
  const Html summary = El("summary", {}, El("span", {{"class", StrCat("sign t-", look.css_class)}, {"role", "img"}, {"aria-label", step.state}}, look.sign),
                          El("span", {{"class", "who"}}, step.name, El("small", {}, step.kind)),
                          El("span", {{"class", "track"}}, bar),
                          El("span", {{"class", "n"}}, DidWork(step) ? ShowSeconds(step.seconds) : step.state),
                          El("span", {{"class", "n rows soft"}}, rows));
  const Html body = El("div", {{"class", "body"}}, StepBody(step));
  return El("li", {{"id", StepAnchor(index)}}, El("details", {}, summary, body));
}

Html StepTable(const RunReport& run) {
  std::vector<std::vector<Html>> rows;
  for (const StepReport& step : run.steps)
    rows.push_back({step.name, step.kind, step.state, ShowSeconds(step.started_offset_seconds), ShowSeconds(step.seconds),
                    step.rows_out ? FormatCount(*step.rows_out) : std::string(), Join(step.inputs, ", ")});
  return DataTable("Every step in the order of the plan; times from the start of the run",
                   {{"Step", false}, {"Kind", false}, {"State", false}, {"Started", true}, {"Took", true}, {"Rows out", true}, {"Reads", false}}, rows);
}

}  // namespace

Html StepsSection(Page& page) {
  const RunReport& run = page.run;
  if (run.steps.empty()) return {};
  const double whole = WholeSeconds(run);
  Html items;
  for (std::size_t i = 0; i < run.steps.size(); ++i) items += TimelineItem(run.steps[i], i, whole);
  Html body = El("div", {{"class", "panel"}}, DrawStepGraph(run), Key(run));
  body += El("h3", {}, "When each step ran");
  body += El("p", {{"class", "soft small"}}, StrCat("Each bar shows when a step ran within the ", ShowSeconds(whole),
             " of the run; bars above one another ran at the same time. Open a step for its reasons, inputs and digests."));
  body += El("div", {{"class", "panel"}}, El("ol", {{"class", "timeline"}}, items));
  body += Fold("The same as a table", StepTable(run));
  return Section(page, "steps", "Steps", body);
}

}  // namespace headrace
