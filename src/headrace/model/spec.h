#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/feature/spec.h"

namespace headrace {

struct SplitSpec {
  enum class Kind : std::uint8_t { kNone, kHash, kTime, kColumn };
  Kind kind = Kind::kNone;
  std::vector<std::string> columns;      ///< kHash: the key columns (empty: row number); kTime, kColumn: one column
  double test = 0.2;                     ///< kHash, kTime: share of rows
  std::int64_t gap_us = 0;               ///< kTime: training rows end this long before the first test row
};

struct LearnerSpec {
  enum class Kind : std::uint8_t { kLightGbm, kLogistic, kLinear };
  Kind kind = Kind::kLightGbm;
  bool given = false;                    ///< false: the default learner for the target
  std::optional<Task> task;              ///< from `objective`; otherwise told from the target
  /// LightGBM's own parameter names and values (num_iterations, num_leaves, learning_rate, early_stopping_round, ...).
  std::map<std::string, std::string> parameters;
  double l2 = 1.0;                       ///< kLogistic: 1/C of scikit-learn; kLinear: Ridge's alpha
};

struct CalibrationSpec { enum class Kind : std::uint8_t { kNone, kIsotonic, kSigmoid }; Kind kind = Kind::kNone; };

struct ThresholdSpec {
  double fixed = 0.5;
  std::string maximize;                  ///< "" = fixed; else f1, accuracy, ...
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
  std::string target;
  std::string positive;                  ///< binary: the positive class as text; "" = true, 1 or the last in byte order
  std::vector<std::string> key;          ///< orders rows, groups folds; never a feature
  std::vector<std::string> ignore;       ///< columns that are not features
  std::vector<std::string> personal;     ///< columns tagged personal: kept out of profile and proof, refused as segments
  SplitSpec split;
  std::int64_t folds = 0;                ///< 0 = auto: five out-of-fold folds below 100,000 rows, one held-aside tenth above
  std::vector<TransformSpec> transform;
  LearnerSpec learner;
  CalibrationSpec calibrate;
  ThresholdSpec threshold;
  std::vector<std::string> evaluate;     ///< metric names, "lift@10%" included; empty = the task's usual ones
  std::vector<std::string> segments;     ///< metrics also per value of each of these columns
  std::vector<GateSpec> gate;
  /// The model that is evaluated is always fitted on all rows but the test rows. True: what is kept is fitted once more on all
  /// rows, test rows too (the command line, unless --no-refit); metrics, calibration and threshold stay.
  bool refit_all_rows = false;
};

}  // namespace headrace
