#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/feature/spec.h"

namespace headrace {

/// How many numbers a model gives of a row: the prediction, one a class, or the cluster and the distance to its centre.
inline std::size_t NumOutputs(Task task, std::size_t classes) { return task == Task::kMulticlass ? classes : task == Task::kClustering ? 2 : 1; }

struct SplitSpec {
  enum class Kind : std::uint8_t { kNone, kHash, kTime, kColumn };
  Kind kind = Kind::kNone;
  std::vector<std::string> columns;      ///< kHash: the key columns (empty: row number); kTime, kColumn: one column
  double test = 0.2;                     ///< kHash, kTime: share of rows
  std::int64_t gap_us = 0;               ///< kTime: training rows end this long before the first test row
};

/// How training rows are held out in turn, for tuning, calibration, threshold and stopping point.
struct FoldSpec {
  enum class Kind : std::uint8_t { kHash, kTime };
  Kind kind = Kind::kHash;
  std::vector<std::string> columns;      ///< kHash: rows that agree in these share a fold (empty: the group column, else the key, else the row's number); kTime: one column
  std::int64_t count = 0;                ///< 0 = auto: five below 100,000 training rows, one held-aside tenth above
  std::int64_t gap_us = 0;               ///< kTime: the rows that a fold learns from end this long before the first that it holds out
};

struct LearnerSpec {
  enum class Kind : std::uint8_t { kLightGbm, kLogistic, kLinear, kNaiveBayes, kConstant, kXgboost, kTwoModel, kXLearner, kKMeans };
  Kind kind = Kind::kLightGbm;
  std::optional<Kind> uplift;            ///< kTwoModel, kXLearner: it is made of learners of `kind`, which the rest describes
  bool given = false;                    ///< false: the default learner for the target
  bool by_program = false;               ///< `learner: {command: ...}`: a program of the user's fits a model of `kind` (TrainContext::program), which is read like a stranger's
  bool automatic = false;                ///< `learner: auto`: the sensible few are tried on the folds and the best is kept
  std::optional<Task> task;              ///< from `objective`; otherwise told from the target
  /// LightGBM's (num_iterations, num_leaves, ...) or XGBoost's (num_boost_round, max_depth, ...) own parameter names and values; kKMeans: scikit-learn's (n_clusters, ...).
  std::map<std::string, std::string> parameters;
  std::map<std::string, int> monotone;   ///< LightGBM, XGBoost: column (or feature) -> 1 rising, -1 falling
  std::vector<std::string> categorical;  ///< LightGBM: columns (or features) that are split by sets of their values
  double l2 = 1.0;                       ///< kLogistic: 1/C of scikit-learn; kLinear: Ridge's alpha
  double l1 = 0;                         ///< kLogistic, kLinear: weight of the sum of |coefficients| in the same sum
};

struct CalibrationSpec {
  enum class Kind : std::uint8_t { kNone, kIsotonic, kSigmoid, kBeta };
  Kind kind = Kind::kNone;
  std::string by;                        ///< a column: a curve for each of its values that has rows enough; "" = one for all rows
};

/// How the threshold is decided; of maximize, the costs, precision and top at most one is set.
struct ThresholdSpec {
  double fixed = 0.5;
  std::string maximize;                  ///< "" = fixed; else f1, accuracy, ...
  double false_positive = 0;             ///< cost of a row labelled positive that is not
  double false_negative = 0;             ///< cost of a positive row that is not labelled so
  double precision = 0;                  ///< the largest recall at a precision of at least this; 0 = not asked for
  double top = 0;                        ///< label this share of the rows, best scores first; 0 = not asked for
  bool chosen() const { return !maximize.empty() || false_positive > 0 || false_negative > 0 || precision > 0 || top > 0; }
};

/// What is tried before the model is fitted.
struct TuneSpec {
  enum class Search : std::uint8_t { kRandom, kGrid, kTpe, kHalving };
  enum class Choose : std::uint8_t { kBest, kOneStandardError };
  /// A parameter of the learner, a choice of the transforms, or a number of a step of theirs: the values of a list, or a range.
  struct Dimension {
    std::string name;
    std::vector<std::string> values;     ///< empty: a range
    double low = 0, high = 0;
    bool log = false, whole = false;
    bool percent = false;                ///< of a range: its values are percentiles
    std::string choice = {}, alternative = {};   ///< a number of an entry that belongs there (TransformSpec::choice): it means nothing unless that is chosen
  };
  std::int64_t trials = 0;               ///< 0: nothing is tuned
  std::int64_t budget_us = 0;            ///< no new trial begins after this time; 0 = no limit
  Search search = Search::kRandom;
  Choose choose = Choose::kBest;
  std::string metric;                    ///< "" = logloss, or rmse for regression
  std::int64_t seed = 0;
  std::vector<Dimension> space;          ///< in the file's order
  std::vector<Dimension> choices;        ///< of the transforms: name, and the names of its alternatives (TransformSpec::choice)
  std::vector<Dimension> numbers;        ///< of the steps of the transforms (TransformSpec::open)
};

/// A gate: an expression over metrics ("auc >= 0.72"), or a comparison with the champion on the same test rows.
struct GateSpec {
  std::string text;                      ///< as written, for messages
  std::string expression;                ///< empty for a comparison
  std::string metric;                    ///< comparison: which metric
  double by = 0;                         ///< comparison: how much worse is still accepted
};

/// Everything a `train` step says about learning. Columns are names of the training table.
struct TrainSpec {
  std::string target;                    ///< "" = none: rows are put into clusters
  std::string positive;                  ///< binary: the positive class as text; "" = true, 1 or the last in byte order
  std::vector<std::string> key;          ///< orders rows, groups folds; never a feature
  std::vector<std::string> ignore;       ///< columns that are not features
  std::vector<std::string> personal;     ///< columns tagged personal: kept out of profile and proof, refused as segments
  SplitSpec split;
  FoldSpec folds;
  std::vector<TransformSpec> transform;
  LearnerSpec learner;
  CalibrationSpec calibrate;
  ThresholdSpec threshold;
  TuneSpec tune;
  std::string group;                     ///< ranking: the column that names the query of each row; whole queries are split, and never a feature
  std::string treatment;                 ///< uplift: the column that says who was treated; never a feature
  std::string treated;                   ///< its value for the treated; "" = true, 1 or the last in byte order
  std::string weight;                    ///< column: how much each row counts, for learner, calibration and metrics; never a feature
  bool class_weight_balanced = false;    ///< learner: classes count alike (scikit-learn's "balanced")
  std::map<std::string, double> class_weight;  ///< learner: class -> weight; those not named have 1
  std::vector<std::string> evaluate;     ///< metric names, "lift@10%" included; empty = the task's usual ones
  std::vector<std::string> segments;     ///< metrics also per value of each of these columns
  std::int64_t intervals = 0;            ///< bootstrap resamples for a 95 % interval of each metric; 0 = none unless a gate asks
  std::vector<GateSpec> gate;
  std::string purpose, limits;           ///< for the model card: what the model is for, and what it must not be used for or cannot do
  /// The model that is evaluated is always fitted on all rows but the test rows. True: what is kept is fitted once more on all
  /// rows, test rows too (the command line, unless --no-refit); metrics, calibration and threshold stay.
  bool refit_all_rows = false;
};

}  // namespace headrace
