// The whole page: head, verdict, tiles, contents, sections. What is asked first stands first.

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

Html Crumbs(const RunReport& run) {
  Html items;
  for (const std::string& part : {run.project, run.pipeline, run.tenant, run.environment})
    if (!part.empty()) items += El("li", {}, part);
  if (!run.started.empty()) items += El("li", {}, StrCat("started ", run.started, " UTC"));
  if (!run.interval_end.empty()) items += El("li", {}, StrCat("data up to ", run.interval_end.ends_with(" 00:00:00") ? run.interval_end.substr(0, 10) : run.interval_end));
  return El("ul", {{"class", "crumbs"}}, items);
}

std::string StepsTile(const RunReport& run) {
  std::vector<std::string> parts;
  for (std::string_view state : {"failed", "succeeded", "warned", "reused", "skipped", "running", "waiting", "pending"}) {
    const auto count = std::count_if(run.steps.begin(), run.steps.end(), [&](const StepReport& s) { return s.state == state; });
    if (count > 0) parts.push_back(StrCat(FormatCount(count), " ", state));
  }
  return Join(parts, ", ");
}

std::string ChecksTile(const RunReport& run) {
  std::int64_t all = 0, failed = 0, warned = 0;
  for (const StepReport& step : run.steps) {
    for (const CheckVerdict& check : step.checks) {
      ++all;
      if (!check.passed) ++(check.severity == Severity::kWarn ? warned : failed);
    }
  }
  if (all == 0) return "";
  std::vector<std::string> parts;
  if (failed > 0) parts.push_back(StrCat(FormatCount(failed), " failed"));
  if (warned > 0) parts.push_back(Counted(warned, "warning"));
  parts.push_back(StrCat(FormatCount(all - failed - warned), " passed"));
  return Join(parts, ", ");
}

Html DeliveryTiles(const RunReport& run) {
  std::int64_t inserted = 0, updated = 0;
  bool any = false;
  for (const StepReport& step : run.steps) {
    if (!step.delivery) continue;
    any = true;
    if (step.delivery->no_op || step.delivery->preview) continue;
    inserted += step.delivery->inserted;
    updated += step.delivery->updated;
  }
  return any ? HtmlOf(Tile("rows inserted", FormatCount(inserted)), Tile("rows updated", FormatCount(updated))) : Html();
}

Html ModelTiles(const RunReport& run) {
  Html tiles;
  if (run.models.size() != 1) return tiles;
  const ModelReport& model = run.models.front();
  for (const auto& [key, label] : {std::pair{"auc", "AUC on test rows"}, {"ece", "calibration error (ECE)"}, {"rmse", "RMSE on test rows"}})
    if (const auto found = model.metrics.find(key); found != model.metrics.end()) tiles += Tile(label, ShowNumber(found->second));
  if (model.train_rows > 0) tiles += Tile("training rows", FormatCount(model.train_rows));
  return tiles;
}

Html Tiles(const RunReport& run) {
  Html scored;
  for (const ScoreReport& score : run.scores) scored += Tile(StrCat("rows scored", run.scores.size() > 1 ? " in " + score.step : ""), FormatCount(score.rows));
  return El("dl", {{"class", "tiles"}}, scored, DeliveryTiles(run), ModelTiles(run), Tile("steps", StepsTile(run)), Tile("checks", ChecksTile(run)),
            Tile(run.finished.empty() ? "so far" : "duration", ShowSeconds(run.seconds)));
}

}  // namespace

std::string RenderHtml(const RunReport& run) {
  const RunVerdict verdict = MakeVerdict(run);
  Page page{run, {}, 0};
  Html sections = ProblemsSection(page);
  sections += StepsSection(page);
  sections += DeliveriesSection(page);
  sections += ScoresSection(page);
  sections += ModelsSection(page);
  sections += ChecksSection(page);
  sections += OriginSection(page);
  sections += NotesSection(page);
  const Html header = El("header", {}, Crumbs(run), VerdictBox(verdict), Tiles(run), ContentsList(page.contents));
  const Html footer = El("footer", {}, StrCat("Written by Headrace ", run.headrace_version, " from the records of run ", run.run_id,
                                              ". This page needs no network and runs no script."));
  return Document(StrCat(run.pipeline, run.tenant.empty() ? "" : StrCat(" (", run.tenant, ")"), ": ", verdict.chip), HtmlOf(header, El("main", {}, sections), footer));
}

}  // namespace headrace
