#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/report/card.h"
#include "headrace/report/format.h"
#include "headrace/report/parts.h"

namespace headrace {
namespace {

constexpr std::size_t kSegmentsShown = 20;

struct MetricWords { std::string_view key, label, meaning; };

/// In the order people read them.
constexpr MetricWords kMetrics[] = {
    {"auc", "AUC", "chance that a random positive is scored above a random negative; 0.5 is guessing"},
    {"average_precision", "Average precision", "precision averaged over all recalls; compare with the share of positives"},
    {"logloss", "Log loss", "how surprised the scores are by what happened; lower is better"},
    {"brier", "Brier score", "mean squared distance of score and outcome; lower is better"},
    {"ece", "Calibration error (ECE)", "how far scores lie from observed rates on average; lower is better"},
    {"accuracy", "Accuracy", "share of rows whose label is right"},
    {"balanced_accuracy", "Balanced accuracy", "the same, every class counting alike"},
    {"mcc", "Matthews correlation", "correlation of label and truth; 0 is guessing"},
    {"gini", "Gini", "2 AUC − 1; 0 is guessing"},
    {"ks", "KS", "largest distance between the scores of positives and negatives"},
    {"f1", "F1", "balance of precision and recall at the threshold"},
    {"precision", "Precision", "share of rows labelled positive that are"},
    {"recall", "Recall", "share of positives that are labelled so"},
    {"specificity", "Specificity", "share of negatives that are labelled so"},
    {"false_positive_rate", "False positive rate", "share of negatives that are labelled positive; lower is better"},
    {"selection_rate", "Selection rate", "share of rows labelled positive"},
    {"bias", "Bias", "mean score less mean outcome; 0 is right"},
    {"rmse", "RMSE", "typical size of an error, in units of the target; lower is better"},
    {"mae", "MAE", "mean absolute error, in units of the target; lower is better"},
    {"r2", "R²", "share of the target's variance that is explained"},
    {"wape", "WAPE", "sum of absolute errors relative to the sum of the target; lower is better"},
    {"mape", "MAPE", "mean absolute error relative to the target; lower is better"},
    {"qini", "Qini", "what treating the best-scored rows first gains over treating at random; 0 is a random order, 1 knows every outcome"},
    {"inertia", "Inertia", "mean squared distance of a row to the centre of its cluster, in scaled features; lower is better, and falls with every further cluster"},
    {"silhouette", "Silhouette", "how much nearer rows lie to their own cluster than to the next; from −1 to 1, higher is better"},
    {"davies_bouldin", "Davies–Bouldin", "how wide clusters are for their distance from each other; lower is better"},
    {"calinski_harabasz", "Calinski–Harabasz", "how far clusters lie apart for their width; higher is better"},
    {"auuc", "AUUC", "the same gain, with treated and untreated rows counted as shares of their own arm"},
};

std::size_t MetricOrder(std::string_view key) {
  for (std::size_t i = 0; i < std::size(kMetrics); ++i)
    if (kMetrics[i].key == key) return i;
  return std::size(kMetrics) + (key.starts_with("lift@") ? 0 : 1);
}

std::vector<std::string> MetricsInOrder(const std::map<std::string, double>& metrics) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : metrics) keys.push_back(key);
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return std::pair(MetricOrder(a), a) < std::pair(MetricOrder(b), b); });
  return keys;
}

std::string MetricLabel(std::string_view key) {
  const std::size_t at = MetricOrder(key);
  return at < std::size(kMetrics) ? std::string(kMetrics[at].label) : std::string(key);
}

/// How far the values of each segment column are apart, in what fairness asks for.
Html GapTable(const ModelReport& model) {
  if (model.gaps.empty()) return {};
  std::vector<std::vector<Html>> rows;
  for (const SegmentGap& gap : model.gaps)
    rows.push_back({gap.column, MetricLabel(gap.metric), StrCat(ShowNumber(gap.low), " (", gap.lowest, ")"), StrCat(ShowNumber(gap.high), " (", gap.highest, ")"),
                    ShowNumber(gap.difference()), ShowNumber(gap.ratio())});
  return HtmlOf(El("h4", {}, "Between segments"),
                DataTable("How far apart the segments are: the smallest and the largest value of each metric, at the same threshold for all",
                          {{"Column", false}, {"Metric", false}, {"Smallest", true}, {"Largest", true}, {"Difference", true}, {"Ratio", true}}, rows));
}

Html TrialTable(const ModelReport& model) {
  if (model.trials.empty()) return {};
  std::vector<std::vector<Html>> rows;
  for (const Trial& trial : model.trials)
    rows.push_back({trial.chosen ? El("strong", {}, StrCat("✓ ", trial.name)) : Html(trial.name), trial.failed.empty() ? Html(ShowNumber(trial.mean)) : Html(trial.failed),
                    trial.failed.empty() && trial.folds > 1 ? Html(StrCat("± ", ShowNumber(trial.error))) : Html(), trial.iterations > 1 ? Html(FormatCount(trial.iterations)) : Html()});
  return Fold(StrCat(FormatCount(static_cast<std::int64_t>(rows.size())), " settings tried"),
              DataTable(StrCat("Each setting on the folds of the training rows, by ", model.trials.front().metric),
                        {{"Setting", false}, {"Mean", true}, {"Standard error", true}, {"Iterations", true}}, rows));
}

std::string MetricMeaning(std::string_view key) {
  const std::size_t at = MetricOrder(key);
  if (at < std::size(kMetrics)) return std::string(kMetrics[at].meaning);
  const std::size_t number = key.find('@') + 1;
  const std::string_view family = key.substr(0, number), of = key.substr(number);
  if (family == "lift@") return StrCat("how many times more positives among the best-scored ", of, " than among all rows");
  if (family == "gain@") return StrCat("share of all positives that is among the best-scored ", of);
  if (family == "uplift@") return StrCat("mean target of the treated less that of the others among the best-scored ", of);
  if (family == "precision@") return StrCat("share of positives among the best-scored ", of);
  if (family == "ndcg@" || family == "map@") return StrCat("how well the first ", of, " of each query are ordered; 1 is perfect");
  if (family == "pinball@") return StrCat("loss of a prediction of the ", of, " quantile; lower is better");
  const std::size_t cost = of.find('/');
  if (cost == std::string_view::npos) return "";
  const std::string terms = StrCat(" when a positive is worth ", of.substr(0, cost), " and a contact costs ", of.substr(cost + 1));
  if (family == "profit@") return StrCat("largest profit for each row", terms);
  if (family == "profit_share@") return StrCat("share of the rows to contact for the largest profit", terms);
  return "";
}

Html Difference(const ModelReport& model, const std::string& key, double ours, double theirs) {
  const double difference = ours - theirs;
  if (!CheckMetricName(key, model.task).ok() || difference == 0) return Html(ShowDifference(difference));
  const bool better = (difference > 0) == HigherIsBetter(key);
  return El("span", {{"class", better ? "t-good" : "t-bad"}}, StrCat(ShowDifference(difference), better ? " better" : " worse"));
}

Html MetricsTable(const ModelReport& model) {
  const bool compare = !model.champion_metrics.empty();
  std::vector<TableHead> head{{"Metric", false}, {"This model", true}};
  if (!model.intervals.empty()) head.push_back({"95 % interval", true});
  if (!model.baseline.empty()) head.push_back({model.task == Task::kClustering ? "One centre for all" : "Constant answer", true});
  if (compare) head.insert(head.end(), {{"Champion before", true}, {"Difference", true}});
  head.push_back({"What it says", false});
  std::vector<std::vector<Html>> rows;
  for (const std::string& key : MetricsInOrder(model.metrics)) {
    const double value = model.metrics.at(key);
    std::vector<Html> row{MetricLabel(key), ShowNumber(value)};
    if (!model.intervals.empty()) {
      const auto interval = model.intervals.find(key);
      row.push_back(interval == model.intervals.end() ? Html("–") : Html(StrCat(ShowNumber(interval->second.low), " to ", ShowNumber(interval->second.high))));
    }
    if (!model.baseline.empty()) {
      const auto constant = model.baseline.find(key);
      row.push_back(constant == model.baseline.end() ? Html("–") : Html(ShowNumber(constant->second)));
    }
    if (compare) {
      const auto champion = model.champion_metrics.find(key);
      row.push_back(champion == model.champion_metrics.end() ? Html("–") : Html(ShowNumber(champion->second)));
      row.push_back(champion == model.champion_metrics.end() ? Html() : Difference(model, key, value, champion->second));
    }
    row.push_back(El("span", {{"class", "meaning"}}, MetricMeaning(key)));
    rows.push_back(std::move(row));
  }
  const std::string rows_text = model.test_rows > 0 ? StrCat(FormatCount(model.test_rows), " ") : std::string();
  const std::string of = StrCat("On ", rows_text, model.evaluated_on.empty() ? "test rows" : model.evaluated_on, model.evaluated_on == "training rows" ? "" : ", which the fitted model had not seen");
  return DataTable(of, head, rows);
}

Html GateList(const ModelReport& model) {
  Html items;
  for (const GateVerdict& gate : model.gates)
    items += El("li", {}, El("span", {{"class", gate.passed ? "t-good" : "t-bad"}}, El("strong", {}, gate.passed ? "✓ passed " : "✕ refused ")),
                El("code", {}, gate.text), gate.message.empty() ? Html() : HtmlOf(": ", Prose(gate.message)));
  return items.empty() ? Html() : HtmlOf(El("h4", {}, "Gates"), El("ul", {{"class", "notes"}}, items));
}

/// One table per segment column: the rows of all values, and the same metrics over all rows above them.
Html SegmentTables(const ModelReport& model) {
  Html out;
  std::vector<std::string> columns;
  for (const SegmentMetrics& segment : model.segments)
    if (std::find(columns.begin(), columns.end(), segment.column) == columns.end()) columns.push_back(segment.column);
  for (const std::string& column : columns) {
    std::map<std::string, double> all_keys;
    for (const SegmentMetrics& segment : model.segments)
      if (segment.column == column) all_keys.insert(segment.metrics.begin(), segment.metrics.end());
    const std::vector<std::string> keys = MetricsInOrder(all_keys);
    std::vector<TableHead> head{{column, false}, {"Rows", true}};
    for (const std::string& key : keys) head.push_back({MetricLabel(key), true});
    const auto row_of = [&](const Html& name, std::int64_t count, const std::map<std::string, double>& metrics) {
      std::vector<Html> row{name, FormatCount(count)};
      for (const std::string& key : keys) row.push_back(metrics.contains(key) ? Html(ShowNumber(metrics.at(key))) : Html("–"));
      return row;
    };
    std::vector<std::vector<Html>> first{row_of(El("strong", {}, "all rows"), model.test_rows, model.metrics)}, rest;
    for (const SegmentMetrics& segment : model.segments)
      if (segment.column == column) (first.size() <= kSegmentsShown ? first : rest).push_back(row_of(segment.value, segment.rows, segment.metrics));
    out += DataTable(StrCat("Metrics of the test rows per value of ", column, "; – where too few or one-sided rows leave a metric undefined"), head, first);
    out += Fold(StrCat(FormatCount(static_cast<std::int64_t>(rest.size())), " further values of ", column), DataTable(StrCat("Further values of ", column), head, rest));
  }
  return out.empty() ? out : HtmlOf(El("h4", {}, "Per segment"), out);
}

Html ModelTitle(const ModelReport& model) {
  const std::string name = model.name.empty() ? StrCat("Model of step ", model.step) : model.version > 0 ? StrCat(model.name, " version ", model.version) : model.name;
  const bool refused = std::any_of(model.gates.begin(), model.gates.end(), [](const GateVerdict& g) { return !g.passed; });
  const std::string_view state = model.promoted ? "champion" : refused ? "not promoted" : model.version > 0 ? "registered" : "not registered";
  const std::string_view tone = model.promoted ? "chip good" : refused ? "chip warn" : "chip neutral";
  return El("h3", {}, name, " ", El("span", {{"class", tone}}, state));
}

Html ModelBody(Page& page, const ModelReport& model) {
  const std::string classes = Join(model.classes, ", ");
  const bool clusters = model.task == Task::kClustering;
  Html top = Facts({{"Task", StrCat(model.treatment.empty() ? TaskName(model.task) : "uplift", model.target.empty() ? "" : StrCat(", target ", model.target))},
                    {"Classes", classes.empty() ? Html() : Html(model.positive_class.empty() ? classes : StrCat(classes, " (positive: ", model.positive_class, ")"))},
                    {"Treatment", model.treatment}, {"Split", model.split}, {"Learner", model.learner}, {"Calibration", clusters ? Html() : Html(model.calibration)}, {"Folds", model.folds},
                    {"Threshold", model.threshold ? Html(ShowPlain(*model.threshold)) : Html()},
                    {"Rows", StrCat(FormatCount(model.train_rows), " for training, ", FormatCount(model.test_rows), " for testing")},
                    {"Aliases", Join(model.alias_moves, "; ")}, {"Model file", Mono(model.digest)}});
  top += GateList(model);
  if (!model.notes.empty()) top += HtmlOf(El("h4", {}, "Notes of the training"), NoteList(model.notes));
  Html out = ModelTitle(model);
  out += El("div", {{"class", "panel"}}, top);
  out += El("div", {{"class", "panel"}}, El("h4", {}, "Metrics"), MetricsTable(model), TrialTable(model));
  if (clusters) out += El("div", {{"class", "panel"}}, ClusterTable(model.clusters));
  out += ModelCharts(page, model);
  if (const Html segments = SegmentTables(model); !segments.empty()) out += El("div", {{"class", "panel"}}, segments, GapTable(model));
  if (!model.card.empty()) out += Fold("Model card", El("div", {{"class", "panel card"}}, RenderCard(model.card)));
  return out;
}

Html CountTable(std::string_view caption, const std::vector<ColumnCount>& counts, std::int64_t rows_of) {
  std::vector<std::vector<Html>> rows;
  for (const ColumnCount& count : counts)
    if (count.rows > 0)
      rows.push_back({count.column, FormatCount(count.rows), rows_of > 0 ? ShowPercent(static_cast<double>(count.rows) / static_cast<double>(rows_of)) : std::string()});
  return DataTable(caption, {{"Column", false}, {"Rows", true}, {"Share", true}}, rows);
}

}  // namespace

Html ModelsSection(Page& page) {
  Html body;
  for (const ModelReport& model : page.run.models) body += ModelBody(page, model);
  return Section(page, "models", page.run.models.size() > 1 ? "Models" : "Model", body);
}

Html ScoresSection(Page& page) {
  Html body;
  for (const ScoreReport& score : page.run.scores) {
    Html counts = CountTable("Levels that training never saw; scored by the column's rule for unknown levels", score.unseen, score.rows);
    counts += CountTable("Nulls in columns that had none at training; scored by the column's rule for nulls", score.nulls, score.rows);
    counts += CountTable("Derived values that could not be computed, taken as null", score.derive_errors, score.rows);
    if (counts.empty()) counts = El("p", {}, "✓ Every column held only what training had seen: no unknown level, no unexpected null.");
    body += El("h3", {}, StrCat(score.step, ": ", ShowCount(score.rows, "row", "rows"), " scored"));
    body += El("p", {{"class", "soft"}}, "Model: ", score.model);
    body += El("div", {{"class", "charts"}}, ScoreChart(page, score),
               El("figure", {}, El("h4", {}, "What was new to the model"), counts));
  }
  return Section(page, "scores", "Scores", body);
}

}  // namespace headrace
