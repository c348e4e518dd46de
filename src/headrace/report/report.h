#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/check/spec.h"
#include "headrace/model/curves.h"
#include "headrace/model/metrics.h"
#include "headrace/model/train.h"

namespace headrace {

/// What one delivery did. Counts are rows of the destination.
struct DeliveryReport {
  std::string destination;            ///< as people say it: "cdp.propensity_scores", "out/scores.parquet"
  std::string mode;                   ///< "upsert", "append", "replace", "file"
  std::int64_t inserted = 0, updated = 0, deleted = 0, unchanged = 0;
  std::int64_t revision = 1;          ///< of this delivery in the ledger, from 1
  bool no_op = false;                 ///< the destination already held exactly these rows
  bool preview = false;               ///< the environment previews: the destination was not touched
  std::string ledger_key, digest;     ///< hexadecimal; "" where there is no ledger
  std::int64_t rows() const { return inserted + updated + unchanged; }
};

/// One try of a step.
struct AttemptReport {
  std::string state;                  ///< as StepReport::state
  double seconds = 0;
  std::string message;                ///< why it failed; empty when it did not
};

/// What one check measured over the runs, up to this one.
struct CheckHistory {
  struct Point {
    std::string when;                 ///< the interval's first day or moment
    double value = 0;
    std::optional<double> lower, upper;   ///< the band that its run expected
    std::string verdict;              ///< "passed", "learning", "warned", "failed"
  };
  std::string measure;                ///< "rows", "rows of country=de"
  std::vector<Point> points;          ///< oldest first; the last is this run's
};

/// One step of the run, in the order of the plan.
struct StepReport {
  std::string name;                   ///< unique in the run; a step of a group is "group.step"
  std::string kind;                   ///< "extract", "sql", "train", ...
  /// "succeeded" | "failed" | "reused" | "skipped" | "running" | "pending" | "warned" (succeeded, a check warned).
  /// Any other text is shown as it is, in a neutral colour.
  std::string state = "pending";
  double seconds = 0;                 ///< of all attempts together
  double started_offset_seconds = 0;  ///< from the start of the run
  std::optional<std::int64_t> rows_out;
  std::string message, help;          ///< of a Status: no capital, no full stop
  std::vector<std::string> inputs;    ///< names of the steps it reads; unknown names are shown as outside data
  std::vector<CheckVerdict> checks;
  std::vector<CheckHistory> histories;
  std::string artifact_digest, fingerprint;  ///< hexadecimal
  std::string reason;                 ///< why it ran or was reused: "input `events` changed"
  std::vector<std::string> notes;
  std::optional<DeliveryReport> delivery;
  std::vector<AttemptReport> attempts;
};

/// Counts of values in neighbouring half-open bins; the last bin also holds its upper edge.
struct HistogramReport {
  std::vector<double> edges;          ///< ascending, one more than counts
  std::vector<std::int64_t> counts;
  bool empty() const { return counts.empty(); }
  std::int64_t total() const;
};
/// `values` counted in `bins` equal bins over [low, high]; what lies outside goes to the first or last bin, NaN nowhere.
HistogramReport MakeHistogram(std::span<const double> values, double low, double high, int bins);
/// The score histogram of a model's test rows, classes added up.
HistogramReport TestHistogram(const Curves& curves);

/// One trained and (usually) registered model. Everything about quality is of the test rows.
struct ModelReport {
  std::string step;                   ///< name of the train step
  std::string name;                   ///< in the registry; "" when not registered
  std::int64_t version = 0;           ///< 0 when not registered
  std::string digest;                 ///< SHA-256 of the model file
  std::vector<std::string> alias_moves;   ///< "champion: version 3 -> 4"; empty when no alias moved
  bool promoted = false;              ///< `champion` now names this version
  std::int64_t champion_version = 0;  ///< the version `champion` names after the run; 0 = none

  Task task = Task::kBinary;
  std::string treatment;              ///< DescribeTreatment of the model; "" = none of uplift
  std::string learner, target, positive_class, calibration, split, folds;
  std::vector<std::string> classes;
  std::optional<double> threshold;    ///< binary only
  std::int64_t train_rows = 0, test_rows = 0;
  std::string evaluated_on;           ///< "test rows", "out-of-fold rows"

  std::vector<GateVerdict> gates;
  std::map<std::string, double> metrics;
  std::map<std::string, double> champion_metrics;   ///< of the old champion on the same rows; empty = none
  Intervals intervals;                ///< of the metrics; may be empty
  std::map<std::string, double> baseline;           ///< of a constant answer on the same rows; empty = not known
  std::vector<SegmentMetrics> segments;
  std::vector<SegmentGap> gaps;
  std::vector<Trial> trials;
  Curves curves;                      ///< parts that are empty are left out of the page
  std::vector<std::pair<std::string, double>> importance;  ///< feature and its share of the gain, any order
  PermutationImportance permutation;
  PartialDependence dependence;
  Clusters clusters;

  std::vector<std::string> notes;
  std::string card;                   ///< card.md; shown as text with headings, lists and tables, no links or HTML
};

/// How many rows of one column showed something the model had a rule for.
struct ColumnCount {
  std::string column;
  std::int64_t rows = 0;
};

/// One scoring step.
struct ScoreReport {
  std::string step;
  std::string model;                  ///< "propensity version 4 (champion)"
  std::int64_t rows = 0;
  std::int64_t clusters = 0;          ///< of the model; 0 = it gives scores
  HistogramReport histogram;          ///< of the scores; of clusters, a bin for each
  HistogramReport training_histogram; ///< of the test rows at training; empty = not known
  std::vector<ColumnCount> unseen, nulls, derive_errors;
};

/// Where one output came from, for the lineage table.
struct LineageReport {
  std::string output;                 ///< step or destination
  std::string what;                   ///< "warehouse.purchases", "model propensity version 4"
  std::string version;                ///< digest, version, commit: what pins it
};

/// Everything the page of one run says. Plain values; whoever builds it has masked personal data and removed secrets.
/// Times are UTC text as they should be read. Texts may hold anything: the page shows them, it never obeys them.
struct RunReport {
  std::string project, pipeline, tenant, environment;   ///< tenant "" = none
  std::string run_id;
  std::string state = "running";      ///< "running" | "succeeded" | "failed" | "interrupted" | "cancelled"
  int exit_code = 0;
  std::string started, finished;      ///< finished "" while running
  double seconds = 0;
  std::string interval_start, interval_end;             ///< the data interval, half-open; "" = none
  std::string trigger;                ///< "manual", "schedule", "backfill", ...
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string headrace_version, code_commit;            ///< of the project's repository; "" = not in one
  bool code_dirty = false;
  bool dry_run = false;
  std::vector<StepReport> steps;
  std::vector<ModelReport> models;
  std::vector<ScoreReport> scores;
  std::vector<LineageReport> lineage;
  std::vector<std::string> notes;
  std::string message, help;          ///< an error that belongs to no step
};

/// The run in one sentence or two that a marketing analyst understands, and the colour it deserves.
struct RunVerdict {
  enum class Tone : std::uint8_t { kGood, kWarn, kBad, kNeutral };
  Tone tone = Tone::kNeutral;
  std::string chip;                   ///< "Succeeded", "Stopped", "Not promoted", "Running", ...
  std::string sentence;               ///< "Delivered 4,712 scores to cdp.propensity_scores."
  std::string help;                   ///< what to do next; may be empty
};
RunVerdict MakeVerdict(const RunReport& run);

/// Fill the quality part of `model` (metrics, segments, curves, importance as shares, rows, split, notes) from the content of a
/// model file's metrics.json (EvaluationOf, Evaluation::FromJson).
void UseEvaluation(const Evaluation& evaluation, ModelReport* model);
/// Fill what a model file says about itself: task, learner, target, classes, threshold, calibration, folds, digest, rows.
void UseModelInfo(const ModelInfo& info, ModelReport* model);

/// One self-contained HTML page: no script, no network, everything from `run` escaped. Equal input gives equal bytes.
/// A page for a run of 20 steps stays far below 500 KB; beyond 200 steps the graph is left to the table.
std::string RenderHtml(const RunReport& run);

}  // namespace headrace
