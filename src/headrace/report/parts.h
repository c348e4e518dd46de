#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/report/html.h"
#include "headrace/report/report.h"

namespace headrace {

using PageContents = std::vector<std::pair<Anchor, std::string>>;

/// A page in the making: what it is of, its table of contents, and numbers for ids that must be unique.
struct Page {
  const RunReport& run;
  PageContents contents;
  std::size_t charts = 0;
};

/// How a state looks: a class of the style sheet and a sign for those who see no colour.
struct StateLook { std::string_view css_class, sign; };
StateLook LookOf(std::string_view state);
/// "✓ succeeded" as a chip.
Html StateChip(std::string_view state);

/// The place of step number `index` of the run.
inline Anchor StepAnchor(std::size_t index) { return Anchor("step", index + 1); }

/// `<section>` with an h2 and an entry in the contents; nothing when `body` is empty. `number` tells sections of one id apart.
Html Section(PageContents& contents, Literal id, std::size_t number, std::string_view title, const Html& body);
inline Html Section(Page& page, Literal id, std::string_view title, const Html& body) { return Section(page.contents, id, 0, title, body); }

/// The frame that all pages share: the head with the style sheet and what a browser may do (nothing but show), then `body`.
std::string Document(std::string_view title, const Html& body);
Html VerdictBox(const RunVerdict& verdict);
/// A fact in large letters; nothing when `value` is empty.
Html Tile(std::string_view name, std::string_view value);
Html ContentsList(const PageContents& contents);

struct TableHead { std::string text; bool number = false; };
/// A table in a container that scrolls by itself. The first cell of each row is its header. `sample` limits column widths.
Html DataTable(std::string_view caption, const std::vector<TableHead>& head, const std::vector<std::vector<Html>>& rows, bool sample = false);

/// Names and values; pairs without a value are left out.
Html Facts(std::initializer_list<std::pair<std::string_view, Html>> facts);
/// A fold: closed until asked for; nothing when `body` is empty.
Html Fold(std::string_view summary, const Html& body);
/// A bullet list of messages; nothing when there are none.
Html NoteList(const std::vector<std::string>& notes);
/// `text` in monospace, nothing when empty.
Html Mono(std::string_view text);

// The sections, in the order of the page.
Html ProblemsSection(Page& page);    ///< failed and warning checks with their rows, other failures
Html StepsSection(Page& page);       ///< graph, timeline, details of each step
Html DeliveriesSection(Page& page);
Html ModelsSection(Page& page);
Html ScoresSection(Page& page);
Html ChecksSection(Page& page);
Html OriginSection(Page& page);      ///< parameters, versions, lineage
Html NotesSection(Page& page);

/// The step graph, once across for wide windows and once down for narrow ones; a sentence instead above 200 nodes.
Html DrawStepGraph(const RunReport& run);
/// One model's charts.
Html ModelCharts(Page& page, const ModelReport& model);
/// What the columns do to one model: how much it relies on each, and how the score moves with them.
Html EffectCharts(Page& page, const ModelReport& model);
/// What one check measured over the runs, with the bands it was expected in.
Html DrawHistory(Page& page, const CheckHistory& history);
/// Where a column's values lay before and lie now, a pair of bars for each bin.
Html DrawDrift(Page& page, const DriftBins& column);
/// How large the clusters of a model are and what their rows have in the user's columns; nothing without clusters.
Html ClusterTable(const Clusters& clusters);
/// Which share of a run's rows each cluster has, against those of training.
Html ClusterShares(const ScoreReport& score);
/// Scores of a run against those of training.
Html ScoreChart(Page& page, const ScoreReport& score);

}  // namespace headrace
