#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/matrix.h"
#include "headrace/model/link.h"
#include "headrace/model/spec.h"

namespace headrace {

/// Vectors, borrowed. `target` has one entry a row (class index or number) or is empty (clusters have none). What is learnt has the same bits whether they are
/// compressed or not.
struct Vectors {
  const Matrix& matrix;
  std::span<const double> target = {};
  std::span<const double> weights = {};   ///< one a row, finite and at least 0, not all 0; empty: every row counts 1
  std::span<const int> monotone = {};     ///< LightGBM, XGBoost: one a feature, 1 rising, -1 falling, 0 free; empty: all free
  std::span<const int> categorical = {};  ///< LightGBM: the features whose numbers name categories
  std::span<const std::int64_t> groups = {};  ///< ranking: the query of each row; the rows of a query stand together
  std::span<const std::uint8_t> treated = {};  ///< uplift: 1 for each treated row, 0 for the others
  std::span<const std::string> names = {};     ///< of the features, for programs of the user's
  std::size_t rows() const { return matrix.rows(); }
  std::size_t features() const { return matrix.columns(); }
};

/// A learner that has learnt: vectors in, raw margins out.
///
/// Threads: immutable; any number may call it at once.
class FittedLearner {
 public:
  virtual ~FittedLearner() = default;
  virtual std::size_t num_features() const = 0;
  virtual std::size_t num_outputs() const = 0;  ///< margins a row: NumOutputs
  virtual std::size_t num_clusters() const { return 0; }  ///< of a clustering; 0: none
  virtual const Link& link() const = 0;
  /// Margins of `rows` vectors into `out` (row-major, num_outputs a row). A row's margins depend on that row only.
  virtual void RawScores(const double* vectors, std::size_t rows, double* out) const = 0;
  /// What each feature adds to each margin, into `out` (row-major rows x num_outputs x (num_features + 1), the last the
  /// margin when nothing is known of the row). Their sum is the margin, up to rounding. kInvalid when the learner cannot
  /// say it.
  virtual Status Contributions(const double* vectors, std::size_t rows, double* out) const;
  /// What the model file keeps, and the member it is kept in (LearnerMember).
  virtual const std::string& text() const = 0;
  virtual std::string_view member() const = 0;
  /// How much each feature contributes: the total gain of trees' splits; for coefficients |w| times the feature's standard
  /// deviation in the rows it was fitted on. Empty for a learner read back from a file.
  virtual std::span<const double> importance() const = 0;
};

/// RawScores of all rows of `vectors`, expanded block by block where they are compressed.
std::vector<double> RawScoresOf(const FittedLearner& learner, const Matrix& vectors);

/// All settings of one training, defaults filled in.
struct LearnerSettings {
  LearnerSpec::Kind kind = LearnerSpec::Kind::kLightGbm;
  std::optional<LearnerSpec::Kind> uplift;        ///< kTwoModel, kXLearner: all else is of the learners that it is made of
  bool by_program = false;                        ///< a program fits models of `kind`; nothing of what follows `classes` is read
  Task task = Task::kBinary;
  std::size_t classes = 2;                        ///< kMulticlass: how many
  double l2 = 1, l1 = 0;                          ///< logistic, linear
  std::map<std::string, std::string> parameters;  ///< the library's, under their main names, ours included
  int iterations = 1;                             ///< of learners that grow trees: at most so many (times classes)
  int early_stopping_round = 0;                   ///< of the same: patience; 0 = none
  std::size_t num_outputs() const { return NumOutputs(task, classes); }
  /// The objective under LightGBM's main name, for XGBoost too: "binary", "regression", "quantile", "lambdarank" ...; ""
  /// for other learners.
  std::string objective() const;
  /// The parameter as a number, or `otherwise`. REQUIRES: CheckLearnerParameters accepted it.
  double number(const std::string& parameter, double otherwise) const;
};

/// What may be said to a learner, without data: kInvalid names a parameter that does not exist (with the nearest), is
/// not for training (files, network, devices), or has a value of the wrong type or range.
Status CheckLearnerParameters(const LearnerSpec& spec);

/// Fill in the defaults. A learner that is given gets its library's own defaults for what it leaves open (LightGBM: 100
/// iterations, learning_rate 0.1, 31 leaves; XGBoost: 100 rounds, as its scikit-learn face has, eta 0.3, max_depth 6;
/// neither stops early; l2 = 1; k-means: 8 clusters, the best of 10 beginnings). When none is given:
///   up to 500 rows   logistic or linear regression with l2 = 1, unless `categorical` asks for LightGBM
///   more             LightGBM: num_iterations 500, learning_rate 0.05, early_stopping_round 25 and num_leaves = rows /
///   200, at
///                    least 4 and at most 31, so that small tables get small trees
/// Fixed for every LightGBM: deterministic, force_row_wise, feature_pre_filter=false, seed 0 unless given. XGBoost
/// always grows a tree on one thread.
/// kInvalid: CheckLearnerParameters, or a learner that cannot do the task.
Result<LearnerSettings> ResolveLearner(const LearnerSpec& spec, Task task, std::size_t classes, std::size_t rows);

/// The task that the learner's settings imply: `task`, or the objective, or regression for linear, clustering for kmeans; nullopt
/// when the target decides.
std::optional<Task> TaskOfLearner(const LearnerSpec& spec);

/// Whether the learner's objective orders the rows of a query: a regression whose margins mean nothing but their order.
bool Ranks(const LearnerSpec& spec);

/// Names as in the model file: "lightgbm", "xgboost", "logistic", "linear", "naive_bayes", "constant", "two_model",
/// "x_learner", "kmeans".
std::string_view LearnerName(LearnerSpec::Kind kind);
Result<LearnerSpec::Kind> LearnerFromName(std::string_view name);
/// The member of the model file that holds the learner: "model.txt" (LightGBM's text), "model.json" (XGBoost's),
/// "coefficients.json", "naive_bayes.json", "constant.json", "uplift.json", "kmeans.json".
std::string_view LearnerMember(LearnerSpec::Kind kind);

/// Grows trees: takes missing values and any scale, in iterations that early stopping may end.
bool GrowsTrees(LearnerSpec::Kind kind);

/// What the margins of a learner with these settings stand for.
Link LinkOf(const LearnerSettings& settings);

/// Fit by a program of the user's: what it is to learn from, and which fit of the training this is ("fold 2 of 5", "training rows", "all rows"). Gives the text of
/// a model of the learner's kind, which nobody has looked at yet.
using LearnerProgram = std::function<Result<std::string>(const Vectors& train, std::string_view part)>;

struct LearnerControl {
  int threads = 1;                       ///< never changes a bit of the result
  std::function<void(double)> progress;  ///< fraction done; may be empty
  std::function<bool()> cancelled;       ///< asked between trees and passes, from several threads; may be empty
  LearnerProgram program;                ///< for LearnerSettings::by_program, else empty
  std::string part = "training rows";    ///< what it is told of the fit
};

/// One fold: vectors and targets to learn from, and others to judge by that the fit does not see.
struct FoldVectors {
  Matrix train, held;
  std::vector<double> train_target, held_target;               ///< empty where there is none
  std::vector<double> train_weights, held_weights;             ///< empty: every row counts 1
  std::vector<int> monotone, categorical;                      ///< as Vectors
  std::vector<std::int64_t> train_groups, held_groups;         ///< ranking: as Vectors
  std::vector<std::uint8_t> train_treated;                     ///< uplift: as Vectors
  std::vector<std::string> names;                              ///< as Vectors
};

/// Where the folds come from. `make` may be called for several folds at once, once each, with the threads it may use;
/// its answer is dropped when no longer needed, so that not all folds' vectors are in memory together.
struct FoldSource {
  std::size_t folds = 0;
  std::size_t rows = 0;  ///< training rows of the largest fold
  std::function<Result<FoldVectors>(std::size_t fold, int threads)> make;
};

struct FoldFit {
  int iterations = 0;                             ///< trees: the stopping point that the folds agree on; else 1
  std::vector<std::vector<double>> held_margins;  ///< per fold: its held-out rows x num_outputs
  std::shared_ptr<const FittedLearner> only;      ///< of the only fold; null where there are several
  std::optional<Link> link;                       ///< by a program: that of all folds' models; else LinkOf the settings says it
};

/// Learn on each fold and give the margins of its held-out rows. With early stopping, all folds grow in step; after
/// each iteration the loss of all held-out rows together (the objective's own) is taken, and the iteration with
/// the smallest is the stopping point once `early_stopping_round` further ones bring nothing better. Margins are those
/// at that iteration. kInterrupted when cancelled; kFailed with the library's words when it refuses; errors of `make`
/// as they are.
Result<FoldFit> FitFolds(const LearnerSettings& settings, const FoldSource& source, const LearnerControl& control);

/// Learn on all of `train`; trees with `iterations` iterations.
Result<std::unique_ptr<const FittedLearner>> FitLearner(const LearnerSettings& settings, const Vectors& train,
                                                        int iterations, const LearnerControl& control);

/// Read what text() gave, trusting nothing. kInvalid says what is wrong.
Result<std::unique_ptr<const FittedLearner>> ReadLearner(LearnerSpec::Kind kind, Task task, std::string_view text,
                                                         std::size_t num_features, std::size_t num_outputs);

}  // namespace headrace
