// The page of a whole project: how are we, what needs somebody, then one grid a pipeline (clients down, intervals of data across) and the models in
// use. Each pipeline has a grid of its own, because their intervals differ.

#include "headrace/report/project_report.h"

#include <algorithm>
#include <array>

#include "headrace/base/text.h"
#include "headrace/report/card.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::string_view kLateSign = "◔";
constexpr std::size_t kMostShown = 40;      // of those that need somebody; the rest is folded

/// The newest run of each pipeline and client, counted.
struct Tally {
  std::int64_t runs = 0, succeeded = 0, failed = 0, interrupted = 0, waiting = 0, running = 0, late = 0, rows = 0;
  bool delivers = false;
};

Tally Count(const ProjectReport& project) {
  Tally tally;
  for (const PipelineGrid& grid : project.pipelines) {
    for (const ClientRow& client : grid.clients) {
      tally.late += client.late ? 1 : 0;
      if (client.last.run.empty()) continue;
      ++tally.runs;
      const std::string& state = client.last.state;
      ++(state == "succeeded" ? tally.succeeded : state == "failed" ? tally.failed : state == "waiting" ? tally.waiting : state == "running" ? tally.running : tally.interrupted);
      tally.delivers = tally.delivers || client.last.rows.has_value();
      tally.rows += client.last.rows.value_or(0);
    }
  }
  return tally;
}

bool NeedsSomebody(const ClientRow& client) {
  return client.late || (!client.last.run.empty() && client.last.state != "succeeded" && client.last.state != "running");
}

std::string CountList(const Tally& tally) {
  std::vector<std::string> parts;
  const auto add = [&](std::int64_t count, std::string_view what) {
    if (count > 0) parts.push_back(StrCat(FormatCount(count), " ", what));
  };
  add(tally.failed, "failed");
  add(tally.interrupted, tally.interrupted == 1 ? "was interrupted" : "were interrupted");
  add(tally.waiting, tally.waiting == 1 ? "waits for an approval" : "wait for an approval");
  add(tally.running, "running");
  add(tally.late, "late");
  return Join(parts, ", ");
}

/// "✓ 4,714": the sign says the state, whoever sees no colour reads it.
Html CellBody(const RunCell& cell) {
  if (cell.run.empty() && !cell.late) return El("span", {{"class", "soft"}, {"role", "img"}, {"aria-label", "no run"}}, "·");
  const StateLook look = cell.run.empty() ? StateLook{"bad", kLateSign} : LookOf(cell.state);
  const std::string label = cell.run.empty() ? "no run, late" : cell.late ? StrCat(cell.state, ", late") : cell.state;
  Html body = El("span", {{"class", StrCat("sign t-", look.css_class)}, {"role", "img"}, {"aria-label", label}}, look.sign);
  if (cell.late && !cell.run.empty()) body += El("span", {{"class", "t-warn"}, {"aria-hidden", "true"}}, kLateSign);
  if (cell.rows && cell.state == "succeeded") body += HtmlOf(" ", FormatCount(*cell.rows));
  else if (!cell.run.empty()) body += HtmlOf(" ", cell.state == "succeeded" ? std::string("ok") : cell.state == "interrupted" ? std::string("cut off") : cell.state);
  else body += HtmlOf(" late");
  return Html::LinkTo(RunPage(cell.run), body);
}

Html LastRun(const ClientRow& client) {
  Html body = El("span", {{"class", "soft"}}, "never ran");
  if (!client.last.run.empty()) {
    const StateLook look = LookOf(client.last.state);
    body = HtmlOf(El("span", {{"class", StrCat("sign t-", look.css_class)}, {"aria-hidden", "true"}}, look.sign), " ", Html::LinkTo(RunPage(client.last.run), client.last.started));
  }
  const Html took = client.last.seconds > 0 ? El("span", {{"class", "soft"}}, ShowSeconds(client.last.seconds)) : Html();
  Html late;
  if (!client.lateness.empty()) late = El("span", {{"class", client.late ? "t-bad" : "soft"}}, client.late ? StrCat(kLateSign, " ") : std::string(), client.lateness);
  if (!took.empty() || !late.empty()) body += El("small", {}, took, took.empty() || late.empty() ? "" : " · ", late);
  return body;
}

Html Chips(const ClientRow& client) {
  Html chips;
  if (!client.last.run.empty() && client.last.state != "succeeded") chips += StateChip(client.last.state);
  if (client.late) chips += HtmlOf(chips.empty() ? "" : " ", El("span", {{"class", "chip bad"}}, El("span", {{"aria-hidden", "true"}}, kLateSign), "late"));
  return chips;
}

/// A date, with the time on a line of its own where there is one.
Html Moment(std::string_view text) {
  const std::size_t blank = std::min(text.find(' '), text.size());
  Html moment = El("span", {{"class", "nowrap"}}, text.substr(0, blank));
  if (blank < text.size()) moment += HtmlOf(" ", El("span", {{"class", "nowrap"}}, text.substr(blank + 1)));
  return moment;
}

Html WhatHappened(const ClientRow& client) {
  Html text;
  if (const std::string& message = client.last.message; !message.empty()) text += HtmlOf(Prose(Capitalised(message)), message.ends_with('?') ? "" : ".");
  if (client.late) text += HtmlOf(text.empty() ? "" : " ", Capitalised(client.lateness), client.finish_by.empty() ? "" : StrCat(", due at ", client.finish_by), ".");
  if (!client.last.run.empty()) text += HtmlOf(" ", Html::LinkTo(RunPage(client.last.run), client.last.state == "succeeded" ? "Last report" : "Report"), El("span", {{"class", "soft"}}, " (data up to ", Moment(client.last_interval_end), ")"));
  return text;
}

/// Failures first, then what is late, then what waits or was cut off.
Html Attention(const ProjectReport& project) {
  std::array<std::vector<std::vector<Html>>, 3> found;
  for (const PipelineGrid& grid : project.pipelines)
    for (const ClientRow& client : grid.clients)
      if (NeedsSomebody(client))
        found[client.last.state == "failed" ? 0 : client.late ? 1 : 2].push_back({client.tenant.empty() ? "–" : client.tenant, grid.pipeline, Chips(client), WhatHappened(client)});
  std::vector<std::vector<Html>> rows, more;
  for (auto& of_kind : found)
    for (auto& row : of_kind) (rows.size() < kMostShown ? rows : more).push_back(std::move(row));
  if (rows.empty()) return {};
  const std::vector<TableHead> head = {{"Client", false}, {"Pipeline", false}, {"State", false}, {"What happened", false}};
  return El("div", {{"class", "panel bad"}}, DataTable("The newest run of each client and pipeline, where it is not as it should be", head, rows),
            Fold(StrCat(FormatCount(static_cast<std::int64_t>(more.size())), " more"), DataTable("The others", head, more)));
}

Html Grid(const PipelineGrid& grid) {
  const bool tenants = std::any_of(grid.clients.begin(), grid.clients.end(), [](const ClientRow& client) { return !client.tenant.empty(); });
  Html top = El("th", {{"scope", "col"}}, tenants ? "Client" : "Pipeline");
  for (const auto& interval : grid.intervals) top += El("th", {{"scope", "col"}, {"class", "cell"}}, Moment(interval.second));
  top += El("th", {{"scope", "col"}}, "Last run (UTC)");
  if (!grid.schedule.empty()) top += El("th", {{"scope", "col"}}, "Next run (local)");
  Html rows;
  for (const ClientRow& client : grid.clients) {
    Html cells = El("th", {{"scope", "row"}}, client.tenant.empty() ? (tenants ? "(no client)" : grid.pipeline) : client.tenant);
    for (const RunCell& cell : client.cells) cells += El("td", {{"class", StrCat("cell ", cell.run.empty() && !cell.late ? "" : LookOf(cell.run.empty() ? "failed" : cell.state).css_class)}}, CellBody(cell));
    cells += El("td", {{"class", "nowrap"}}, LastRun(client));
    if (!grid.schedule.empty()) cells += El("td", {{"class", "nowrap"}}, client.next);
    rows += El("tr", {}, cells);
  }
  const std::string caption = StrCat("Data up to, newest first", grid.schedule.empty() ? "" : StrCat(". Schedule: ", grid.schedule), grid.owner.empty() ? "" : StrCat(". Owner: ", grid.owner));
  return El("div", {{"class", "panel"}}, El("div", {{"class", "scroll"}, {"tabindex", 0}, {"role", "region"}, {"aria-label", grid.pipeline}},
            El("table", {{"class", "grid"}}, El("caption", {}, caption), El("thead", {}, El("tr", {}, top)), El("tbody", {}, rows))));
}

Html Key() {
  Html items;
  for (std::string_view state : {"succeeded", "failed", "waiting", "interrupted", "running"}) {
    const StateLook look = LookOf(state);
    items += El("li", {}, El("span", {{"class", StrCat("sign t-", look.css_class)}, {"aria-hidden", "true"}}, look.sign), " ", state);
  }
  items += El("li", {}, El("span", {{"aria-hidden", "true"}}, kLateSign), " late");
  items += El("li", {}, "numbers: rows delivered; a cell leads to the report of its run");
  return El("ul", {{"class", "key"}}, items);
}

Html Champions(const ProjectReport& project) {
  std::vector<std::string> metrics;
  for (const ChampionLine& line : project.champions)
    for (const auto& metric : line.metrics)
      if (std::find(metrics.begin(), metrics.end(), metric.first) == metrics.end()) metrics.push_back(metric.first);
  std::vector<TableHead> head = {{"Client", false}, {"Model", false}, {"Champion", false}};
  for (const std::string& metric : metrics) head.push_back({metric, true});
  head.push_back({"Age", true});
  head.push_back({"", false});
  std::vector<std::vector<Html>> rows;
  for (const ChampionLine& line : project.champions) {
    std::vector<Html> row = {line.tenant.empty() ? "(no client)" : line.tenant, line.name, line.version == 0 ? El("span", {{"class", "t-warn"}}, "! none") : Html(StrCat("version ", line.version))};
    for (const std::string& metric : metrics) {
      const auto found = std::find_if(line.metrics.begin(), line.metrics.end(), [&](const auto& one) { return one.first == metric; });
      row.push_back(found == line.metrics.end() ? Html() : Html(ShowNumber(found->second)));
    }
    row.push_back(line.age);
    row.push_back(HtmlOf(line.run.empty() ? Html() : Html::LinkTo(RunPage(line.run), "training"), line.newest > line.version ? StrCat(line.run.empty() ? "" : ", ", "version ", line.newest, " was not promoted") : std::string()));
    rows.push_back(std::move(row));
  }
  const Html table = DataTable("The model each client is scored with, and its quality on the rows that were kept for the test", head, rows);
  return table.empty() ? Html() : El("div", {{"class", "panel"}}, table);
}

std::size_t Clients(const ProjectReport& project) {
  std::vector<std::string> names;
  for (const PipelineGrid& grid : project.pipelines)
    for (const ClientRow& client : grid.clients)
      if (!client.tenant.empty()) names.push_back(client.tenant);
  std::sort(names.begin(), names.end());
  return static_cast<std::size_t>(std::unique(names.begin(), names.end()) - names.begin());
}

}  // namespace

RunVerdict MakeVerdict(const ProjectReport& project) {
  const Tally tally = Count(project);
  RunVerdict verdict;
  if (tally.runs == 0) {
    verdict.chip = "no runs";
    verdict.sentence = tally.late > 0 ? StrCat("Nothing ran yet, and ", Counted(tally.late, "run is late.", "runs are late.")) : "Nothing ran yet.";
    verdict.help = "runs of other environments are left out; `--env NAME` chooses one";
    verdict.tone = tally.late > 0 ? RunVerdict::Tone::kBad : RunVerdict::Tone::kNeutral;
    return verdict;
  }
  const std::string rest = CountList(tally);
  const bool bad = tally.failed + tally.late > 0, warn = tally.interrupted + tally.waiting > 0;
  verdict.tone = bad ? RunVerdict::Tone::kBad : warn ? RunVerdict::Tone::kWarn : RunVerdict::Tone::kGood;
  verdict.chip = bad || warn ? "needs attention" : "all well";
  verdict.sentence = tally.succeeded == tally.runs ? (tally.runs == 1 ? std::string("The last run succeeded") : StrCat("All ", FormatCount(tally.runs), " last runs succeeded"))
                                                   : StrCat(FormatCount(tally.succeeded), " of ", ShowCount(tally.runs, "last run", "last runs"), " succeeded");
  verdict.sentence += rest.empty() ? "." : StrCat("; ", rest, ".");
  return verdict;
}

std::string RenderHtml(const ProjectReport& project) {
  const RunVerdict verdict = MakeVerdict(project);
  const Tally tally = Count(project);
  PageContents contents;
  Html sections = Section(contents, "attention", 0, "Needs somebody", Attention(project));
  std::size_t number = 0;
  for (const PipelineGrid& grid : project.pipelines) sections += Section(contents, "pipeline", ++number, grid.pipeline, Grid(grid));
  if (number > 0) sections += Key();
  sections += Section(contents, "models", 0, "Models in use", Champions(project));
  Html crumbs = El("li", {}, project.project);
  if (!project.environment.empty()) crumbs += El("li", {}, project.environment);
  crumbs += El("li", {}, StrCat("as of ", project.written, " UTC"));
  const std::size_t clients = Clients(project);
  const Html tiles = El("dl", {{"class", "tiles"}}, Tile(clients == 1 ? "client" : "clients", clients == 0 ? "" : FormatCount(static_cast<std::int64_t>(clients))),
                        Tile(project.pipelines.size() == 1 ? "pipeline" : "pipelines", FormatCount(static_cast<std::int64_t>(project.pipelines.size()))), Tile("last runs that succeeded", StrCat(FormatCount(tally.succeeded), " of ", FormatCount(tally.runs))),
                        Tile("rows they delivered", tally.delivers ? FormatCount(tally.rows) : ""), Tile("late", tally.late > 0 ? FormatCount(tally.late) : ""));
  const Html header = El("header", {}, El("ul", {{"class", "crumbs"}}, crumbs), VerdictBox(verdict), tiles, ContentsList(contents));
  const Html footer = El("footer", {}, StrCat("Written by Headrace ", project.headrace_version, " from the records of the project. This page needs no network and runs no script; the reports of runs lie in runs/ beside it."));
  return Document(StrCat(project.project, ": ", verdict.chip), HtmlOf(header, El("main", {}, sections), footer));
}

}  // namespace headrace
