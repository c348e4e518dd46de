#include "headrace/model/card.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "headrace/base/text.h"
#include "headrace/model/describe.h"
#include "headrace/model/metrics.h"

namespace headrace {
namespace {

/// Six significant digits: enough for people; the exact number is in metrics.json.
std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// A name inside a Markdown table or list.
std::string Name(std::string_view name) {
  std::string text = ReplaceAll(ReplaceAll(name, "|", "\\|"), "`", "'");
  return StrCat("`", ReplaceAll(ReplaceAll(text, "\n", " "), "\r", " "), "`");
}

std::string MetricsTable(const Metrics& metrics, const Evaluation& evaluation) {
  const bool intervals = !evaluation.intervals.empty(), constant = !evaluation.baseline.empty(), clusters = !evaluation.clusters.clusters.empty();
  std::string text = StrCat("| metric | value |", intervals ? " 95 % interval |" : "", constant ? clusters ? " one centre for all |" : " constant answer |" : "", "\n|---|---:|",
                            intervals ? "---:|" : "", constant ? "---:|" : "", "\n");
  for (const auto& [name, value] : metrics) {
    text += StrCat("| ", name, " | ", Short(value), " |");
    if (intervals) {
      const auto i = evaluation.intervals.find(name);
      text += i == evaluation.intervals.end() ? " |" : StrCat(" ", Short(i->second.low), " to ", Short(i->second.high), " |");
    }
    if (constant) text += evaluation.baseline.contains(name) ? StrCat(" ", Short(evaluation.baseline.at(name)), " |") : " |";
    text += "\n";
  }
  return text;
}

/// How far apart segments are.
std::string GapsTable(const std::vector<SegmentGap>& gaps) {
  std::string text = "| column | metric | smallest | largest | difference | ratio |\n|---|---|---:|---:|---:|---:|\n";
  for (const SegmentGap& g : gaps)
    text += StrCat("| ", Name(g.column), " | ", g.metric, " | ", Short(g.low), " (", Name(g.lowest), ") | ", Short(g.high), " (", Name(g.highest), ") | ",
                   Short(g.difference()), " | ", Short(g.ratio()), " |\n");
  return text;
}

std::string SegmentsTable(const std::vector<SegmentMetrics>& segments) {
  constexpr std::size_t kMost = 50;
  std::string text = "| segment | rows | metrics |\n|---|---:|---|\n";
  for (std::size_t i = 0; i < std::min(kMost, segments.size()); ++i) {
    const SegmentMetrics& s = segments[i];
    std::vector<std::string> parts;
    for (const auto& [name, value] : s.metrics) parts.push_back(StrCat(name, " ", Short(value)));
    text += StrCat("| ", Name(StrCat(s.column, " = ", s.value)), " | ", FormatCount(s.rows), " | ", Join(parts, ", "),
                   " |\n");
  }
  if (segments.size() > kMost) text += StrCat("\n", segments.size() - kMost, " more are in metrics.json.\n");
  return text;
}

/// What the user's columns do, by shuffling them.
std::string PermutationTable(const PermutationImportance& permutation) {
  constexpr std::size_t kMost = 20;
  std::string text = StrCat("\n## Columns by importance\n\nBy how much ", permutation.metric, HigherIsBetter(permutation.metric) ? " falls" : " grows", " when a column's values are shuffled among ", FormatCount(permutation.rows), " ", permutation.of,
                            ": mean and deviation of ", permutation.repeats, " shuffles.\n\n| column | change | deviation |\n|---|---:|---:|\n");
  for (std::size_t i = 0; i < std::min(kMost, permutation.columns.size()); ++i) {
    const ColumnImportance& c = permutation.columns[i];
    text += StrCat("| ", Name(c.column), " | ", Short(c.mean), " | ", Short(c.deviation), " |\n");
  }
  if (permutation.columns.size() > kMost) text += StrCat("\n", permutation.columns.size() - kMost, " more are in metrics.json.\n");
  return text;
}

/// When the rows were of, who read them, and what was made of them before.
std::string DataText(const ModelInfo& info) {
  const TrainingFacts& facts = info.facts;
  std::string text;
  if (!facts.trained_from.empty()) {
    text += StrCat("Trained on rows whose ", Name(facts.time_column), " lies from ", facts.trained_from, " to ", facts.trained_to);
    text += facts.tested_from.empty() ? ".\n" : StrCat("; tested on those from ", facts.tested_from, " to ", facts.tested_to, ".\n");
  }
  if (!facts.pipeline.empty()) text += StrCat(text.empty() ? "" : "\n", "Trained by the pipeline ", Name(facts.pipeline), ".\n");
  if (!info.unfitted.empty()) {
    text += "\n| step above | kind | digest |\n|---|---|---|\n";
    for (const UnfittedStep& step : info.unfitted) text += StrCat("| ", Name(step.name), " | ", step.kind, " | ", Name(step.digest.substr(0, 12)), " |\n");
  }
  return text;
}

/// How clusters differ: one line a column, one column a cluster.
std::string ClustersTable(const Clusters& clusters) {
  constexpr std::size_t kMost = 12, kMostColumns = 40;
  const std::size_t shown = std::min(kMost, clusters.clusters.size()), columns = std::min(kMostColumns, clusters.columns.size());
  const auto line = [&](const std::string& name, auto cell) {
    std::string text = StrCat("| ", name, " | ", cell(clusters.all), " |");
    for (std::size_t c = 0; c < shown; ++c) text += StrCat(" ", cell(clusters.clusters[c]), " |");
    return text + "\n";
  };
  std::string text = StrCat("\n## Clusters\n\nMeans of the ", clusters.of, ", of yes-or-no columns the share of yes, of text the level that most rows have and its share.\n\n| | all |");
  for (std::size_t c = 0; c < shown; ++c) text += StrCat(" ", c, " |");
  text += StrCat("\n|---|---:|", [&] { std::string rulers; for (std::size_t c = 0; c < shown; ++c) rulers += "---:|"; return rulers; }(), "\n");
  text += line("rows", [](const Cluster& one) { return FormatCount(one.rows); });
  text += line("share", [](const Cluster& one) { return StrCat(Short(100 * one.share), " %"); });
  text += line("mean distance to the centre", [](const Cluster& one) { return Short(one.distance); });
  for (std::size_t i = 0; i < columns; ++i)
    text += line(Name(clusters.columns[i]), [i](const Cluster& one) {
      const ClusterValue& value = one.values[i];
      return value.mean ? Short(*value.mean) : value.share > 0 ? StrCat(Name(value.level), " ", Short(100 * value.share), " %") : std::string();
    });
  if (shown < clusters.clusters.size() || columns < clusters.columns.size()) text += "\nFurther clusters and columns are in metrics.json.\n";
  return text;
}

std::string SettingsText(const LearnerSettings& settings, const Evaluation& evaluation) {
  if (settings.by_program) return StrCat("- fitted by a program of the pipeline, which wrote a ", LearnerName(settings.kind), " model\n");
  const std::string parts = settings.uplift ? StrCat("- made of: ", LearnerName(settings.kind), "\n") : "";
  if (settings.kind == LearnerSpec::Kind::kLogistic || settings.kind == LearnerSpec::Kind::kLinear)
    return StrCat(parts, settings.l1 > 0 ? StrCat("- l1: ", settings.l1, "\n") : "", "- l2: ", settings.l2, "\n");
  std::string text;
  if (settings.kind == LearnerSpec::Kind::kKMeans) {
    for (const auto& [name, value] : settings.parameters) text += StrCat("- ", name, ": ", value, "\n");
    return text;
  }
  if (!GrowsTrees(settings.kind)) return StrCat("- ", LearnerName(settings.kind), ": has none\n");
  text = StrCat(parts, "- iterations: ", evaluation.iterations,
                            settings.early_stopping_round > 0 ? StrCat(" (at most ", settings.iterations, ", patience ",
                                                                       settings.early_stopping_round, ")")
                                                              : std::string(),
                            "\n");
  for (const auto& [name, value] : settings.parameters) text += StrCat("- ", name, ": ", value, "\n");
  return text;
}

}  // namespace

std::string MakeCard(const ModelInfo& info, const Evaluation& evaluation, const LearnerSettings& settings) {
  std::string text = info.clusters > 0 ? StrCat("# Model of ", info.clusters, " clusters\n\n") : StrCat("# Model of ", Name(info.target), "\n\n");
  text += StrCat("Task: ", KindOf(info), ". Learner: ", info.learner, ". Calibration: ", info.calibration,
                 ". Folds: ", info.folds, ".\n\n");
  if (info.task == Task::kBinary)
    text += StrCat("Positive class: ", Name(info.classes[1]), "; negative: ", Name(info.classes[0]),
                   ". A row is labelled positive from a score of ", Short(info.threshold), " on.\n\n");
  if (const TreatmentFacts& t = info.treatment; !t.column.empty())
    text += StrCat("Uplift: a score is by how much the ", t.outcome.empty() ? "target" : StrCat("probability of ", Name(t.outcome)), " rises where ", Name(t.column), " is ",
                   Name(t.treated), " instead of ", Name(t.control), ".\n\n");
  if (info.task == Task::kMulticlass) {
    text += "Classes:";
    for (const std::string& name : info.classes) text += StrCat(" ", Name(name));
    text += ".\n\n";
  }
  if (!info.facts.purpose.empty()) text += StrCat("## Purpose\n\n", Trim(info.facts.purpose), "\n\n");
  if (!info.facts.limits.empty()) text += StrCat("## Limits\n\n", Trim(info.facts.limits), "\n\n");
  text +=
      StrCat("## Quality\n\nEvaluated on ", FormatCount(info.test_rows), " ", info.evaluated_on,
             " (split: ", evaluation.split, "), fitted on ", FormatCount(info.train_rows),
             " rows; the kept model is fitted on ", FormatCount(info.fitted_rows), ".\n\n", MetricsTable(info.metrics, evaluation));
  if (!evaluation.clusters.clusters.empty()) text += ClustersTable(evaluation.clusters);
  if (!evaluation.segments.empty()) text += StrCat("\n### Segments\n\n", SegmentsTable(evaluation.segments));
  if (!evaluation.gaps.empty()) text += StrCat("\n### Between segments\n\n", GapsTable(evaluation.gaps));
  if (const std::string data = DataText(info); !data.empty()) text += StrCat("\n## Data\n\n", data);
  const bool personal = std::any_of(info.inputs.begin(), info.inputs.end(), [](const InputColumn& c) { return c.personal; });
  text += StrCat("\n## Input\n\n| column | type | nulls at training |", personal ? " personal |" : "", "\n|---|---|---|", personal ? "---|" : "", "\n");
  for (const InputColumn& c : info.inputs)
    text += StrCat("| ", Name(c.name), " | ", TypeName(c.type), " | ", c.nullable ? "yes" : "no", personal ? c.personal ? " | yes" : " | no" : "", " |\n");
  if (!personal) text += "\nNo contract tags one of these columns as personal.\n";
  if (!evaluation.permutation.columns.empty()) text += PermutationTable(evaluation.permutation);
  if (!evaluation.importance.empty()) {
    constexpr std::size_t kMost = 20;
    double total = 0;
    for (const auto& [feature, value] : evaluation.importance) total += value;
    text +=
        StrCat("\n## Features by importance\n\nShare of ",
               GrowsTrees(settings.kind) ? "the gain of all splits" : "the sum of |coefficient| x standard deviation",
               ".\n\n| feature | share |\n|---|---:|\n");
    for (std::size_t i = 0; i < std::min(kMost, evaluation.importance.size()); ++i)
      text += StrCat("| ", Name(evaluation.importance[i].first), " | ",
                     Short(100 * evaluation.importance[i].second / total), " % |\n");
  }
  text += StrCat("\n## Settings\n\n", SettingsText(settings, evaluation));
  if (!evaluation.notes.empty()) {
    text += "\n## Notes\n\n";
    for (const std::string& note : evaluation.notes) text += StrCat("- ", note, "\n");
  }
  return text;
}

}  // namespace headrace
