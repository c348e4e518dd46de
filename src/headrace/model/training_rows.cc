#include "headrace/model/training_rows_internal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "headrace/base/text.h"
#include "headrace/model/clusters.h"
#include "headrace/model/metrics.h"
#include "headrace/model/row_weights.h"
#include "headrace/model/train_internal.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kKeptChoices = 4;   // of the transforms: their folds' vectors stay in memory
constexpr std::uint64_t kThinSeed = 3;   // of the rows that successive halving begins with; 0 splits, 1 folds, 2 intervals

}  // namespace

std::vector<std::string> TrainingRows::ExcludedFrom(const std::vector<TransformSpec>& transform) const {
  std::vector<std::string> excluded = NeverFeatures(spec);
  const std::vector<std::string> dividing = DividesOnly(spec, transform);
  excluded.insert(excluded.end(), dividing.begin(), dividing.end());
  return excluded;
}

FitContext TrainingRows::ContextOf(const std::vector<TransformSpec>& transform, const std::vector<std::size_t>& rows, bool trees, int threads) const {
  FitContext fit;
  fit.task = target.task;
  fit.classes = std::max(2, static_cast<int>(target.classes.size()));
  fit.class_names = target.classes;
  fit.has_target = target.task != Task::kClustering;
  fit.target = fit.has_target ? TargetOf(rows) : std::vector<double>(rows.size());
  fit.target_column = spec.target;
  fit.exclude = ExcludedFrom(transform);
  for (const std::size_t row : together_.empty() ? std::vector<std::size_t>() : rows) fit.together.push_back(together_[row]);
  fit.linear_learner = !trees;
  if (trees) fit.categorical = spec.learner.categorical;
  fit.threads = threads;
  fit.compress = compress;
  fit.exact_percentiles = exact_percentiles;
  return fit;
}

std::vector<double> TrainingRows::TargetOf(const std::vector<std::size_t>& rows) const {
  if (target.values.empty()) return {};
  std::vector<double> values(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) values[i] = target.values[rows[i]];
  return values;
}

std::vector<double> TrainingRows::WeightsOf(const std::vector<std::size_t>& rows) const {
  std::vector<double> of_rows;
  if (weights.empty()) return of_rows;
  for (const std::size_t row : rows) of_rows.push_back(weights[row]);
  return of_rows;
}

std::vector<std::int64_t> TrainingRows::GroupsOf(const std::vector<std::size_t>& rows) const {
  std::vector<std::int64_t> of_rows;
  if (groups.empty()) return of_rows;
  for (const std::size_t row : rows) of_rows.push_back(groups[row]);
  return of_rows;
}

std::vector<std::uint8_t> TrainingRows::TreatedOf(const std::vector<std::size_t>& rows) const {
  std::vector<std::uint8_t> of_rows;
  if (treatment.treated.empty()) return of_rows;
  for (const std::size_t row : rows) of_rows.push_back(treatment.treated[row]);
  return of_rows;
}

std::vector<std::string> TrainingRows::FoldKey() const {
  if (spec.folds.kind == FoldSpec::Kind::kHash && !spec.folds.columns.empty()) return spec.folds.columns;
  return spec.group.empty() ? spec.key : std::vector<std::string>{spec.group};
}

Result<std::vector<int>> TrainingRows::MonotoneOf(const std::vector<std::string>& features) const {
  std::vector<int> out;
  if (spec.learner.monotone.empty()) return out;
  out.assign(features.size(), 0);
  for (const auto& [name, direction] : spec.learner.monotone) {
    const auto at = std::find(features.begin(), features.end(), name);
    if (at == features.end()) {
      const std::string near = NearestName(name, features);
      return Error(ErrorCode::kInvalid, "`monotone` names `", name, "`, which is not a feature of the learner")
          .WithHelp(near.empty() ? StrCat("the features are ", Join(features, ", ")) : StrCat("did you mean `", near, "`?"));
    }
    out[static_cast<std::size_t>(at - features.begin())] = direction;
  }
  return out;
}

Result<std::vector<int>> TrainingRows::CategoricalOf(const FittedTransform& transform, const Matrix& matrix) const {
  constexpr double kMost = 1'000'000;  // LightGBM keeps a bit for each number up to the largest
  const std::vector<std::string>&features = transform.output_names(), &columns = transform.output_columns();
  std::vector<int> out;
  for (const std::string& name : spec.learner.categorical) {
    const auto at = std::find(features.begin(), features.end(), name);
    if (at == features.end()) {
      if (std::find(columns.begin(), columns.end(), name) != columns.end())
        return Error(ErrorCode::kInvalid, "`categorical` names `", name, "`, of which the transforms make several features")
            .WithHelp(StrCat("leave `", name, "` out of `transform`, or give it `encode: ordinal`"));
      if (table.schema().IndexOf(name)) continue;  // left out, with a note
      std::vector<std::string> known = columns;
      known.insert(known.end(), features.begin(), features.end());
      std::sort(known.begin(), known.end());
      known.erase(std::unique(known.begin(), known.end()), known.end());
      const std::string near = NearestName(name, known);
      return Error(ErrorCode::kInvalid, "`categorical` names `", name, "`, which is not a feature of the learner")
          .WithHelp(near.empty() ? StrCat("the features are ", Join(features, ", ")) : StrCat("did you mean `", near, "`?"));
    }
    const auto feature = static_cast<std::size_t>(at - features.begin());
    for (std::size_t row = 0; row < matrix.rows(); ++row)
      if (const double x = matrix.At(row, feature); x == x && !(x >= 0 && x <= kMost && x == std::floor(x)))
        return Error(ErrorCode::kData, "`categorical` names `", name, "`, which has the value ", x, "; expected whole numbers from 0 to ", kMost)
            .WithHelp(StrCat("leave `", name, "` out of `transform`, or give it `encode: ordinal`"));
    out.push_back(static_cast<int>(feature));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<std::size_t> TrainingRows::FoldRows(std::size_t fold, bool held) const {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < split.train.size(); ++i)
    if (held ? folds.held[i] == static_cast<int>(fold) : folds.Learns(i, static_cast<int>(fold))) rows.push_back(split.train[i]);
  return rows;
}

Result<FoldVectors> TrainingRows::MakeFold(const std::vector<TransformSpec>& transform, std::size_t fold, bool trees, int threads, std::optional<FitOutput>* kept) const {
  const std::vector<std::size_t> train = FoldRows(fold, false), held = FoldRows(fold, true);
  Result<FitOutput> fitted = FitTransform(table.Take(train, threads), transform, ContextOf(transform, train, trees, threads));
  if (!fitted.ok()) return std::move(fitted).status().WithContext(StrCat("fold ", fold + 1));
  FoldVectors vectors;
  vectors.train = std::move(fitted->matrix);
  vectors.train_target = TargetOf(train);
  vectors.train_weights = LearnerWeights(spec, target, weights, train);
  vectors.held_target = TargetOf(held);
  vectors.held_weights = LearnerWeights(spec, target, weights, held);
  vectors.train_groups = GroupsOf(train);
  vectors.held_groups = GroupsOf(held);
  vectors.train_treated = TreatedOf(train);
  vectors.names = fitted->transform.output_names();
  if (trees) {
    ASSIGN_OR_RETURN(vectors.monotone, MonotoneOf(fitted->transform.output_names()));
    ASSIGN_OR_RETURN(vectors.categorical, CategoricalOf(fitted->transform, vectors.train));
  }
  Result<Matrix> applied = fitted->transform.MakeMatrix(table.Take(held, threads), vectors.train.compressed(), threads);
  if (!applied.ok()) return std::move(applied).status().WithContext(StrCat("fold ", fold + 1));
  vectors.held = *std::move(applied);
  if (kept != nullptr) *kept = std::move(fitted).value();
  return vectors;
}

Status TrainingRows::PlanTheFolds() {
  if (folds.count > 0) return Ok();
  ASSIGN_OR_RETURN(folds, MakeFolds(table, spec.folds, FoldKey(), split.train));
  described = folds.described;
  // Rows of one query stand together, and so they do among the training rows.
  for (std::size_t i = 1; i < folds.held.size() && !groups.empty(); ++i) {
    if (groups[split.train[i]] != groups[split.train[i - 1]]) continue;
    if (folds.held[i] != folds.held[i - 1] || (!folds.from.empty() && folds.from[i] != folds.from[i - 1]))
      return Error(ErrorCode::kData, "the folds cut through the query ", spec.group, " = ", table.Find(spec.group)->At(split.train[i]).ToString())
          .WithHelp(StrCat("leave `by` out of `folds`: they are then cut by `", spec.group, "`"));
  }
  for (std::size_t fold = 0; !treatment.treated.empty() && fold < static_cast<std::size_t>(folds.count); ++fold)
    RETURN_IF_ERROR(CheckArms(target, outcome, treatment, FoldRows(fold, false), true, StrCat("fold ", fold + 1, "'s training")));
  if (folds.held_aside()) StandTogether();
  return folds.count > 1 || !folds.from.empty() ? CheckFoldClasses(target, split.train, folds) : Ok();
}

/// The rows that are held aside, behind those that learn.
void TrainingRows::StandTogether() {
  std::vector<std::size_t> order(table.num_rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto held = std::stable_partition(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(split.train.size()), [this](std::size_t i) { return folds.held[i] < 0; });
  Reorder(order);
  const auto learning = static_cast<std::size_t>(held - order.begin());
  for (std::size_t i = 0; i < folds.held.size(); ++i) folds.held[i] = i < learning ? -1 : 0;
}

FoldSource TrainingRows::SourceOfFolds(bool trees) const {
  FoldSource source;
  source.folds = static_cast<std::size_t>(folds.count);
  source.rows = split.train.size();
  source.make = [this, trees](std::size_t fold, int threads) { return MakeFold(spec.transform, fold, trees, threads); };
  return source;
}

std::shared_ptr<TrainingRows::KeptChoice> TrainingRows::Keep(const ChoiceName& name) {
  const std::lock_guard lock(kept_mutex_);
  auto at = std::find_if(kept_.begin(), kept_.end(), [&](const auto& one) { return one.first == name; });
  if (at == kept_.end()) {
    kept_.emplace_front(name, std::make_shared<KeptChoice>(Chosen(spec.transform, name.first), static_cast<std::size_t>(folds.count)));
    if (kept_.size() > kKeptChoices) kept_.pop_back();
  } else {
    kept_.splice(kept_.begin(), kept_, at);
  }
  return kept_.front().second;
}

Result<FoldScores> TrainingRows::ScoreOnFolds(const LearnerSettings& settings, const std::map<std::string, std::string>& alternatives, const std::string& metric,
                                              double share, const LearnerControl& control) {
  const bool trees = GrowsTrees(settings.kind);
  const std::shared_ptr<KeptChoice> choice = Keep({alternatives, trees});
  FoldSource source = SourceOfFolds(trees);
  source.make = [this, &choice, trees, share](std::size_t fold, int fold_threads) { return ThinFold(*choice, fold, trees, share, fold_threads); };
  ASSIGN_OR_RETURN(FoldFit fit, FitFolds(settings, source, control));
  FoldScores scores;
  scores.iterations = trees ? fit.iterations : 0;
  for (std::size_t fold = 0; fold < source.folds; ++fold) {
    std::vector<double>& predictions = fit.held_margins[fold];
    const std::vector<std::size_t> rows = FoldRows(fold, true);
    ApplyLink(LinkOf(settings), rows.size(), settings.num_outputs(), predictions.data());
    const std::vector<std::string> names{metric};
    if (target.task == Task::kClustering) {
      const FoldVectors& vectors = *choice->folds[fold].vectors;
      std::vector<double> held(vectors.held.rows() * vectors.held.columns());
      vectors.held.Expand(0, vectors.held.rows(), held.data());
      ASSIGN_OR_RETURN(const Metrics of_clusters, EvaluateClusters({held, vectors.held.columns(), predictions, vectors.held_weights}, names, control.threads));
      if (!of_clusters.empty()) scores.values.push_back(of_clusters.begin()->second);
      continue;
    }
    ASSIGN_OR_RETURN(const Metrics value, Evaluate(target.task, TargetOf(rows), predictions, static_cast<int>(target.classes.size()), 0.5, names, WeightsOf(rows), GroupsOf(rows), TreatedOf(rows)));
    if (!value.empty()) scores.values.push_back(value.begin()->second);
  }
  return scores;
}

Result<FoldVectors> TrainingRows::ThinFold(KeptChoice& choice, std::size_t fold, bool trees, double share, int threads) {
  std::shared_ptr<const FoldVectors> whole;
  {
    // Held while the fold is made: another trial that wants the same fold waits for it.
    const std::lock_guard lock(choice.folds[fold].making);
    std::shared_ptr<const FoldVectors>& slot = choice.folds[fold].vectors;
    if (slot == nullptr) {
      ASSIGN_OR_RETURN(FoldVectors made, MakeFold(choice.transform, fold, trees, threads));
      slot = std::make_shared<const FoldVectors>(std::move(made));
    }
    whole = slot;
  }
  if (share >= 1) return *whole;
  ASSIGN_OR_RETURN(const KeyHasher hasher, KeyHasher::Make(table, FoldKey()));
  const std::vector<std::size_t> rows = FoldRows(fold, false);
  FoldVectors thin;
  thin.held = whole->held;
  thin.held_target = whole->held_target;
  thin.held_weights = whole->held_weights;
  thin.monotone = whole->monotone;
  thin.categorical = whole->categorical;
  thin.held_groups = whole->held_groups;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (hasher.Fraction(rows[i], kThinSeed) >= share) continue;
    kept.push_back(i);
    if (!whole->train_target.empty()) thin.train_target.push_back(whole->train_target[i]);
    if (!whole->train_treated.empty()) thin.train_treated.push_back(whole->train_treated[i]);
    if (!whole->train_groups.empty()) thin.train_groups.push_back(whole->train_groups[i]);
    if (!whole->train_weights.empty()) thin.train_weights.push_back(whole->train_weights[i]);
  }
  thin.train = whole->train.Take(kept);
  if (kept.empty()) return Error(ErrorCode::kData, "no rows are left of fold ", fold + 1);
  return thin;
}

}  // namespace headrace::internal
