#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/curves.h"
#include "headrace/model/metrics.h"
#include "headrace/table/value.h"

namespace headrace {

class Model;

/// One setting tried on the folds.
struct Trial {
  std::string name;               ///< "lightgbm num_leaves=31 learning_rate=0.1"
  std::string metric;
  double mean = 0, error = 0;     ///< of the metric over the folds, and its standard error
  std::int64_t folds = 0;
  int iterations = 0;             ///< LightGBM: the stopping point the folds agreed on
  bool chosen = false;
  std::string failed;             ///< why it could not be fitted; then mean is 0
};

/// How much worse a model gets when one of the user's columns is shuffled.
struct ColumnImportance {
  std::string column;
  double mean = 0, deviation = 0;  ///< over the shuffles: by how much the metric grew, or fell where larger is better
};
/// Of all columns (column_effects.h); no columns: not known.
struct PermutationImportance {
  std::string metric;              ///< of which smaller is better: "logloss", "rmse"
  std::string of;                  ///< "test rows", "training rows"
  std::int64_t rows = 0, repeats = 0;
  std::vector<ColumnImportance> columns;  ///< the largest mean first
};

/// The mean prediction for each value of a grid that one of the user's columns is given in all rows.
struct ColumnDependence {
  std::string column;
  Type type = Type::kDouble;
  std::vector<Value> grid;                  ///< of `type`: rising, or levels, the most frequent first
  std::vector<std::vector<double>> means;   ///< for each value one number, or one a class
};
struct PartialDependence {
  std::string of;
  std::int64_t rows = 0;
  std::vector<ColumnDependence> columns;    ///< the most important first
};

/// What the rows of a cluster have in one column: the mean of numbers (of a bool the share that is true), or the level that most of them have and its share of the
/// cluster. Neither where fewer than kProfileRows rows would be told of.
struct ClusterValue {
  std::optional<double> mean;
  std::string level;
  double share = 0;
};
struct Cluster {
  std::int64_t rows = 0;
  double share = 0, distance = 0;          ///< of all rows; mean, to the centre
  std::vector<ClusterValue> values;        ///< one a column
};
/// The clusters of a model in the words of the user's columns; no clusters: it is none of clusters.
struct Clusters {
  std::string of;                          ///< "training rows"
  std::vector<std::string> columns;
  Cluster all;
  std::vector<Cluster> clusters;
};

/// How good a model was on rows it had not seen: the content of its metrics.json.
struct Evaluation {
  std::string evaluated_on;  ///< "test rows", "out-of-fold rows"
  std::string split, folds;  ///< for people: "hash 20%", "out-of-fold 5"
  /// Rows fitted on for the evaluation; evaluated on; in neither part (the gap of a time split).
  std::int64_t train_rows = 0, test_rows = 0, dropped_rows = 0;
  int iterations = 0;  ///< LightGBM: trees grown (times classes); 0 otherwise
  Metrics metrics;
  Intervals intervals;            ///< of `metrics`, where asked for
  std::int64_t resamples = 0;     ///< that the intervals come from
  /// The same metrics of always giving one answer: the training rows' share of each class, or their mean (quantile and l1
  /// objectives: their quantile). What a model must beat.
  Metrics baseline;
  std::vector<SegmentMetrics> segments;
  std::vector<SegmentGap> gaps;   ///< between segments, in what fairness asks for
  std::vector<Trial> trials;      ///< what tuning or `learner: auto` tried, in order
  Curves curves;
  /// Feature (of the transformed vector) and its importance, largest first: LightGBM's total gain, or |coefficient| x
  /// standard deviation. Features without any are left out.
  std::vector<std::pair<std::string, double>> importance;
  PermutationImportance permutation;
  PartialDependence dependence;
  Clusters clusters;               ///< of the model that is kept
  std::vector<std::string> notes;  ///< for people

  /// Canonical JSON; reads back to the same bits.
  std::string ToJson() const;
  /// kInvalid: not what ToJson writes.
  static Result<Evaluation> FromJson(std::string_view text);
};

/// metrics.json of a model.
Result<Evaluation> EvaluationOf(const Model& model);

}  // namespace headrace
