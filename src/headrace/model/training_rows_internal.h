#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/transform.h"
#include "headrace/model/learner.h"
#include "headrace/model/split.h"
#include "headrace/model/target.h"
#include "headrace/model/treatment.h"
#include "headrace/model/tune.h"
#include "headrace/table/table.h"

/// Private to this room.
namespace headrace::internal {

/// The rows of one training, in order, and what is made of some of them: targets, weights, vectors, folds. Rows are named by
/// their number in `table`.
///
///   fill table ... excluded -> PlanTheFolds -> Folds, ScoreOnFolds
///
/// Threads: one fills it; once the folds are planned any number may ask.
struct TrainingRows {
  explicit TrainingRows(const TrainSpec& train_spec) : spec(train_spec) {}

  const TrainSpec& spec;
  Table table;
  Target target;
  std::vector<double> weights;         ///< one a row; empty without a weight column
  std::vector<std::int64_t> groups;    ///< the query of each row; empty without a group column
  Task outcome = Task::kRegression;    ///< what `target` was read as; a model of uplift is one of numbers even so
  Treatment treatment;                 ///< no rows without a treatment column
  DataSplit split;
  std::vector<std::string> excluded;   ///< columns that are no features
  std::string described;               ///< the folds, for people; empty until they are planned
  std::vector<int> fold_of;            ///< goes with split.train
  std::size_t num_folds = 0;           ///< 1 when rows are held aside: only fold 0 is

  std::vector<double> TargetOf(const std::vector<std::size_t>& rows) const;
  /// Empty when no weight column is named.
  std::vector<double> WeightsOf(const std::vector<std::size_t>& rows) const;
  /// Empty when no group column is named.
  std::vector<std::int64_t> GroupsOf(const std::vector<std::size_t>& rows) const;
  /// Empty when no treatment column is named.
  std::vector<std::uint8_t> TreatedOf(const std::vector<std::size_t>& rows) const;
  /// The columns whose equal rows share a fold: the group column, or else the key.
  std::vector<std::string> FoldKey() const;
  /// What the transforms are fitted with; `trees`: for a learner that takes missing values and any scale.
  FitContext ContextOf(const std::vector<std::size_t>& rows, bool trees, int threads) const;
  /// One constraint a feature, none without `monotone`; kInvalid when a column of `monotone` is no feature.
  Result<std::vector<int>> MonotoneOf(const std::vector<std::string>& features) const;
  /// The features that `categorical` names, of the training rows' vectors; kInvalid when one is not one feature, kData when
  /// its values are no categories.
  Result<std::vector<int>> CategoricalOf(const FittedTransform& transform, const std::vector<double>& matrix) const;

  /// Once; later calls do nothing.
  Status PlanTheFolds();
  /// The rows of split.train that a fold holds out, or learns from.
  std::vector<std::size_t> FoldRows(std::size_t fold, bool held) const;
  /// `kept`: where the fold's transform and its notes go; may be null.
  Result<FoldVectors> MakeFold(std::size_t fold, bool trees, int threads, std::optional<FitOutput>* kept = nullptr) const;
  FoldSource Folds(bool trees) const;

  /// A learner's metric on each fold; `share` as in TuneContext::score. The folds' vectors are kept for the next learner.
  Result<FoldScores> ScoreOnFolds(const LearnerSettings& settings, const std::string& metric, double share,
                                  const LearnerControl& control);
  void ForgetFolds() { fold_cache_.clear(); }

 private:
  Result<FoldVectors> ThinFold(std::size_t fold, bool trees, double share, int threads);

  std::mutex fold_cache_mutex_;  // guards fold_cache_
  std::map<std::pair<std::size_t, bool>, std::shared_ptr<const FoldVectors>> fold_cache_;  // by fold, and whether for trees
};

}  // namespace headrace::internal
