#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/transform.h"
#include "headrace/model/folds.h"
#include "headrace/model/learner.h"
#include "headrace/model/split.h"
#include "headrace/model/target.h"
#include "headrace/model/treatment.h"
#include "headrace/model/tune.h"
#include "headrace/table/table.h"

/// Private to this room.
namespace headrace::internal {

/// The rows of one training and what is made of some of them: targets, weights, vectors, folds. Rows are named by their number in `table`, where those that go
/// the same way stand together, so that taking them copies no numbers: training rows (those that learn, then those held aside), test rows, dropped rows; each of
/// these parts in the order of the key.
///
///   Read -> PlanTheFolds -> MakeFold, ScoreOnFolds
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
  std::string outcome_class;           ///< of a model of uplift of two classes: whose probability it is of
  Treatment treatment;                 ///< no rows without a treatment column
  DataSplit split;
  Folds folds;                         ///< go with split.train; none until they are planned
  std::string described;               ///< the folds, for people
  std::vector<std::size_t> by_key;     ///< all rows in the order of the key
  std::optional<bool> compress;        ///< as FitContext
  std::optional<std::size_t> exact_percentiles;  ///< as FitContext

  /// Put `data` in order and split it; what people want to know of that goes to `notes`. kInvalid: the target, split or treatment
  /// does not go with these columns. kData: values no training can begin with (none of a class, an infinity, no rows).
  Status Read(Table data, int threads, std::vector<std::string>* notes);
  /// Empty when there is no target.
  std::vector<double> TargetOf(const std::vector<std::size_t>& rows) const;
  /// Empty when no weight column is named.
  std::vector<double> WeightsOf(const std::vector<std::size_t>& rows) const;
  /// Empty when no group column is named.
  std::vector<std::int64_t> GroupsOf(const std::vector<std::size_t>& rows) const;
  /// Empty when no treatment column is named.
  std::vector<std::uint8_t> TreatedOf(const std::vector<std::size_t>& rows) const;
  /// The columns whose equal rows stay together: those of spec.folds, else the group column, else the key.
  std::vector<std::string> FoldKey() const;
  /// Columns that are no features when `transform` prepares them.
  std::vector<std::string> ExcludedFrom(const std::vector<TransformSpec>& transform) const;
  /// What `transform` is fitted with; `trees`: for a learner that takes missing values and any scale.
  FitContext ContextOf(const std::vector<TransformSpec>& transform, const std::vector<std::size_t>& rows, bool trees, int threads) const;
  /// One constraint a feature, none without `monotone`; kInvalid when a column of `monotone` is no feature.
  Result<std::vector<int>> MonotoneOf(const std::vector<std::string>& features) const;
  /// The features that `categorical` names, of the training rows' vectors; kInvalid when one is not one feature, kData when
  /// its values are no categories.
  Result<std::vector<int>> CategoricalOf(const FittedTransform& transform, const Matrix& matrix) const;

  /// Once; later calls do nothing.
  Status PlanTheFolds();
  /// The rows of split.train that a fold holds out, or learns from.
  std::vector<std::size_t> FoldRows(std::size_t fold, bool held) const;
  /// `kept`: where the fold's transform and its notes go; may be null.
  Result<FoldVectors> MakeFold(const std::vector<TransformSpec>& transform, std::size_t fold, bool trees, int threads, std::optional<FitOutput>* kept = nullptr) const;
  FoldSource SourceOfFolds(bool trees) const;

  /// A learner's metric on each fold, with the transforms that `alternatives` chooses; `share` as in TuneContext::score. The folds' vectors are kept for the next
  /// learner, those of the few choices asked for last.
  Result<FoldScores> ScoreOnFolds(const LearnerSettings& settings, const std::map<std::string, std::string>& alternatives, const std::string& metric, double share,
                                  const LearnerControl& control);
  void ForgetFolds() { kept_.clear(); }

 private:
  Status ReadArms();
  Status CheckFinite() const;
  /// Row i becomes what row order[i] was. REQUIRES: all rows of a part stay in that part.
  void Reorder(const std::vector<std::size_t>& order);
  void StandTogether();
  int threads_ = 1;

  /// The vectors of one fold, made by whoever asks first while others wait.
  struct KeptFold {
    std::mutex making;  // guards vectors
    std::shared_ptr<const FoldVectors> vectors;
  };
  /// All folds of one choice of the transforms.
  struct KeptChoice {
    std::vector<TransformSpec> transform;
    std::vector<KeptFold> folds;
    explicit KeptChoice(std::vector<TransformSpec> entries, std::size_t count) : transform(std::move(entries)), folds(count) {}
  };
  using ChoiceName = std::pair<std::map<std::string, std::string>, bool>;  // alternatives, and whether for trees
  std::shared_ptr<KeptChoice> Keep(const ChoiceName& name);
  Result<FoldVectors> ThinFold(KeptChoice& choice, std::size_t fold, bool trees, double share, int threads);

  std::vector<std::uint64_t> together_;  // rows of one number are never parted by a fold; empty when every row stands alone
  std::mutex kept_mutex_;                                               // guards kept_
  std::list<std::pair<ChoiceName, std::shared_ptr<KeptChoice>>> kept_;  // asked for last stands first
};

}  // namespace headrace::internal
