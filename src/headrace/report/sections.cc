#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/check/baseline.h"
#include "headrace/report/card.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

Html SampleTable(const CheckVerdict& check) {
  std::vector<TableHead> head{{"Row", true}};
  for (const std::string& column : check.sample_columns) head.push_back({column, false});
  // The row number stands in front of each sample row, with or without a heading of its own.
  if (!check.sample_rows.empty() && check.sample_rows.front().size() <= check.sample_columns.size()) head.erase(head.begin());
  std::vector<std::vector<Html>> rows;
  for (const auto& sample : check.sample_rows) rows.emplace_back(sample.begin(), sample.end());
  return DataTable(StrCat("Offending rows (", ShowCount(static_cast<std::int64_t>(rows.size()), "row shown", "rows shown"), "); personal data are masked as ***"), head, rows, true);
}

std::string FailedShare(const CheckVerdict& check) {
  if (check.rows == 0 || check.failed_rows == 0) return "";
  return StrCat(FormatCount(check.failed_rows), " of ", ShowCount(check.rows, "row", "rows"), " (",
                ShowPercent(static_cast<double>(check.failed_rows) / static_cast<double>(check.rows)), ")");
}

Html CheckPanel(const StepReport& step, const CheckVerdict& check) {
  const bool warn = check.severity == Severity::kWarn;
  Html body = El("h3", {}, Prose(check.name.empty() ? check.kind : check.name), " ");
  body += El("p", {}, El("span", {{"class", warn ? "chip warn" : "chip bad"}}, El("span", {{"aria-hidden", "true"}}, warn ? "!" : "✕"), warn ? "warning" : "failed"),
             El("span", {{"class", "soft"}}, "  check of step "), El("strong", {}, step.name));
  if (!check.message.empty()) body += El("p", {}, Prose(Capitalised(check.message)), ".");
  if (!check.help.empty()) body += El("p", {}, El("strong", {}, "What to do: "), Prose(check.help));
  body += Facts({{"Rows that fail", FailedShare(check)}});
  body += SampleTable(check);
  return El("div", {{"class", warn ? "panel warn" : "panel bad"}}, body);
}

/// The numbers of the steps over their runs.
Html Histories(Page& page) {
  Html figures;
  for (const StepReport& step : page.run.steps)
    for (const CheckHistory& history : step.histories) figures += El("figure", {}, El("figcaption", {}, El("strong", {}, StrCat(step.name, ": ", history.measure))), DrawHistory(page, history));
  if (figures.empty()) return {};
  return HtmlOf(El("h3", {}, "Over the runs"), El("p", {{"class", "soft small"}}, "One dot an interval, the last is this run's; the band is what earlier runs let expect. Without one there were too few points to learn from, or the check has no baseline."),
                El("div", {{"class", "charts"}}, figures));
}

/// The columns that drift checks compared, those that moved most first.
Html Drifts(Page& page) {
  Html body;
  for (const StepReport& step : page.run.steps)
    for (const CheckVerdict& check : step.checks) {
      Html figures;
      for (const DriftBins& column : check.drift)
        figures += El("figure", {}, El("figcaption", {}, El("strong", {}, column.column), El("span", {{"class", "soft"}}, StrCat("  PSI ", ShowMeasured(column.psi)))), DrawDrift(page, column));
      if (!figures.empty()) body += HtmlOf(El("h4", {}, StrCat(step.name, ": ", check.name)), El("div", {{"class", "charts"}}, figures));
    }
  if (body.empty()) return {};
  return HtmlOf(El("h3", {}, "Where values lie"), El("p", {{"class", "soft small"}}, "Of each bin two bars: the share of the values that lay in it before, and below the share that lies in it now."), body);
}

/// "300 to 500, from 8 Mondays ..."
std::string Expected(const CheckVerdict& check) {
  if (!check.band) return "";
  return check.band->learning ? check.band->basis : StrCat(ShowMeasured(check.band->lower), " to ", ShowMeasured(check.band->upper), ", from ", check.band->basis);
}

bool HasFailedCheck(const StepReport& step) {
  return std::any_of(step.checks.begin(), step.checks.end(), [](const CheckVerdict& c) { return !c.passed && c.severity == Severity::kError; });
}

Html FailurePanel(const StepReport& step) {
  Html body = El("h3", {}, StrCat("Step ", step.name, " failed"));
  body += El("p", {}, Prose(Capitalised(step.message.empty() ? "no message was recorded" : step.message)), ".");
  if (!step.help.empty()) body += El("p", {}, El("strong", {}, "What to do: "), Prose(step.help));
  return El("div", {{"class", "panel bad"}}, body);
}

std::string SkippedText(const RunReport& run) {
  std::vector<std::string> names;
  for (const StepReport& step : run.steps)
    if (step.state == "skipped") names.push_back(step.name);
  if (names.empty()) return "";
  const std::size_t shown = std::min<std::size_t>(names.size(), 8);
  const std::size_t left = names.size() - shown;
  names.resize(shown);
  return StrCat("Not run because of this: ", Join(names, ", "), left > 0 ? StrCat(" and ", left, " more") : std::string(), ".");
}

std::string DeliveryState(const DeliveryReport& delivery) {
  return delivery.preview ? "preview, not written" : delivery.no_op ? "already there, nothing written" : "committed";
}

}  // namespace

Html ProblemsSection(Page& page) {
  Html errors, warnings;
  for (const StepReport& step : page.run.steps) {
    if (step.state == "failed" && !HasFailedCheck(step)) errors += FailurePanel(step);
    for (const CheckVerdict& check : step.checks)
      if (!check.passed) (check.severity == Severity::kError ? errors : warnings) += CheckPanel(step, check);
  }
  if (!page.run.message.empty()) {
    Html body = El("p", {}, Prose(Capitalised(page.run.message)), ".");
    if (!page.run.help.empty()) body += El("p", {}, El("strong", {}, "What to do: "), Prose(page.run.help));
    errors = HtmlOf(El("div", {{"class", "panel bad"}}, body), errors);
  }
  if (!errors.empty())
    if (const std::string skipped = SkippedText(page.run); !skipped.empty()) errors += El("p", {{"class", "soft"}}, skipped);
  return HtmlOf(Section(page, "problems", "What stopped the run", errors), Section(page, "warnings", "Warnings", warnings));
}

Html DeliveriesSection(Page& page) {
  std::vector<std::vector<Html>> rows;
  Html ledger;
  for (const StepReport& step : page.run.steps) {
    if (!step.delivery) continue;
    const DeliveryReport& d = *step.delivery;
    rows.push_back({d.destination, d.mode, DeliveryState(d), FormatCount(d.inserted), FormatCount(d.updated), FormatCount(d.deleted),
                    FormatCount(d.unchanged), StrCat(d.revision)});
    if (!d.ledger_key.empty() || !d.digest.empty())
      ledger += HtmlOf(El("h3", {}, d.destination), Facts({{"Step", step.name}, {"Ledger key", Mono(d.ledger_key)}, {"Digest of the rows", Mono(d.digest)}}));
  }
  const Html table = DataTable("What was written where, in rows", {{"Destination", false}, {"Mode", false}, {"Outcome", false}, {"Inserted", true},
                               {"Updated", true}, {"Deleted", true}, {"Unchanged", true}, {"Revision", true}}, rows);
  if (table.empty()) return {};
  return Section(page, "deliveries", "Deliveries", El("div", {{"class", "panel"}}, table, Fold("Ledger keys and digests", ledger)));
}

Html ChecksSection(Page& page) {
  std::vector<std::vector<Html>> rows;
  std::int64_t passed = 0;
  for (const StepReport& step : page.run.steps) {
    for (const CheckVerdict& check : step.checks) {
      const bool warn = check.severity == Severity::kWarn;
      const Html verdict = check.passed ? El("span", {{"class", "t-good"}}, "✓ passed")
                           : warn       ? El("span", {{"class", "t-warn"}}, "! warning")
                                        : El("span", {{"class", "t-bad"}}, "✕ failed");
      passed += check.passed ? 1 : 0;
      rows.push_back({verdict, step.name, Prose(check.segment.empty() ? check.name : StrCat(check.name, " [", check.segment, "]")), check.kind, check.value ? ShowMeasured(*check.value) : std::string(), Expected(check), FormatCount(check.rows), FormatCount(check.failed_rows)});
    }
  }
  const std::int64_t all = static_cast<std::int64_t>(rows.size());
  const Html table = DataTable("Every check of the run, in the order of the steps",
                               {{"Verdict", false}, {"Step", false}, {"Check", false}, {"Kind", false}, {"Measured", true}, {"Expected", false}, {"Rows", true}, {"Failing", true}}, rows);
  if (table.empty()) return {};
  Html body = El("p", {}, StrCat(FormatCount(passed), " of ", ShowCount(all, "check", "checks"), " passed."));
  if (all > 12 && passed == all) body += Fold("Show them all", table);
  else body += table;
  body += HtmlOf(Histories(page), Drifts(page));
  return Section(page, "checks", "Checks", El("div", {{"class", "panel"}}, body));
}

Html OriginSection(Page& page) {
  const RunReport& run = page.run;
  const std::string commit = run.code_commit.empty() ? "" : run.code_commit + (run.code_dirty ? ", with uncommitted changes" : "");
  Html body = El("h3", {}, "This run");
  body += Facts({{"Run", Mono(run.run_id)}, {"Project", run.project}, {"Pipeline", run.pipeline}, {"Tenant", run.tenant}, {"Environment", run.environment},
                 {"Trigger", run.trigger}, {"Data interval", run.interval_start.empty() ? Html() : Html(StrCat(run.interval_start, " up to, not including, ", run.interval_end))},
                 {"Started (UTC)", run.started}, {"Finished (UTC)", run.finished}, {"Exit code", run.state == "running" ? Html() : Html(StrCat(run.exit_code))},
                 {"Headrace", run.headrace_version}, {"Code commit", commit.empty() ? Html() : Mono(commit)}});
  std::vector<std::vector<Html>> parameters, lineage;
  for (const auto& [name, value] : run.parameters) parameters.push_back({name, Mono(value)});
  for (const LineageReport& row : run.lineage) lineage.push_back({row.output, Prose(row.what), Mono(row.version)});
  if (!parameters.empty()) body += HtmlOf(El("h3", {}, "Parameters"), DataTable("As this run resolved them; secrets are never shown", {{"Name", false}, {"Value", false}}, parameters));
  if (!lineage.empty()) body += HtmlOf(El("h3", {}, "Lineage"), DataTable("Where each output came from, and the version that pins it", {{"Output", false}, {"Made from", false}, {"Version", false}}, lineage));
  return Section(page, "origin", "Lineage and versions", El("div", {{"class", "panel"}}, body));
}

Html NotesSection(Page& page) {
  Html body = NoteList(page.run.notes);
  for (const StepReport& step : page.run.steps)
    if (!step.notes.empty()) body += HtmlOf(El("h3", {}, StrCat("Step ", step.name)), NoteList(step.notes));
  if (body.empty()) return {};
  return Section(page, "notes", "Notes", El("div", {{"class", "panel"}}, body));
}

}  // namespace headrace
