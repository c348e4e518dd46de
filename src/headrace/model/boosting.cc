#include "headrace/model/boosting.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "headrace/base/parallel.h"
#include "headrace/model/forest.h"
#include "headrace/model/lightgbm.h"
#include "headrace/model/xgboost.h"

namespace headrace {
namespace {

/// Below this many rows threads cost more than they bring; folds then grow side by side instead.
constexpr std::size_t kOneThreadBelow = 20'000;
/// Iterations a fold grows before the folds are compared: bounds what is grown beyond the stopping point.
constexpr int kStride = 10;

Status Cancelled() { return Error(ErrorCode::kInterrupted, "training was interrupted"); }

/// XGBoost adds up in an order that follows the number of its threads, so that each booster gets one.
bool OneThread(const LearnerSettings& settings, std::size_t rows) {
  return settings.kind == LearnerSpec::Kind::kXgboost || rows < kOneThreadBelow;
}

Result<std::unique_ptr<Booster>> MakeBooster(const LearnerSettings& settings, const Vectors& train,
                                             const Vectors* held, int threads) {
  if (settings.kind == LearnerSpec::Kind::kXgboost) return MakeXgboostBooster(settings, train, held);
  return MakeLightGbmBooster(settings, train, held, threads);
}

Result<Forest> ParseForest(LearnerSpec::Kind kind, std::string_view text, std::size_t num_features) {
  if (kind == LearnerSpec::Kind::kXgboost) return Forest::ParseXgboost(text, num_features);
  return Forest::Parse(text, num_features);
}

class ForestLearner final : public FittedLearner {
 public:
  ForestLearner(std::string_view member, std::string text, Forest forest, std::vector<double> importance)
      : member_(member), text_(std::move(text)), forest_(std::move(forest)), importance_(std::move(importance)) {}
  std::size_t num_features() const override { return forest_.num_features(); }
  std::size_t num_outputs() const override { return forest_.num_outputs(); }
  const Link& link() const override { return forest_.link(); }
  void RawScores(const double* vectors, std::size_t rows, double* out) const override {
    forest_.RawScores(vectors, rows, out);
  }
  Status Contributions(const double* vectors, std::size_t rows, double* out) const override {
    return forest_.Contributions(vectors, rows, out);
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return member_; }
  std::span<const double> importance() const override { return importance_; }

 private:
  std::string_view member_;
  std::string text_;
  Forest forest_;
  std::vector<double> importance_;
};

/// The boosters of all folds, grown in step.
class FoldGrower {
 public:
  FoldGrower(const LearnerSettings& settings, const FoldSource& source, const LearnerControl& control)
      : settings_(settings),
        source_(source),
        control_(control),
        folds_(source.folds),
        stops_(settings.early_stopping_round > 0),
        one_thread_(OneThread(settings, source.rows)) {}

  /// Grow to the stopping point and a little beyond; the number of iterations to keep.
  Result<int> Grow() {
    int best = 0, done = 0;
    double best_loss = std::numeric_limits<double>::infinity();
    while (done < settings_.iterations) {
      const int to = std::min(settings_.iterations, done + kStride);
      RETURN_IF_ERROR(ForFolds([&](std::size_t f) { return GrowFold(f, to); }));
      for (int i = done; stops_ && i < to && i < best + settings_.early_stopping_round; ++i) {
        double loss = 0;  // a sum over all held-out rows: their number is the same at each iteration
        for (const Fold& fold : folds_) loss += fold.losses[static_cast<std::size_t>(i)];
        if (loss < best_loss) {
          best_loss = loss;
          best = i + 1;
        }
      }
      done = to;
      if (control_.progress) control_.progress(static_cast<double>(done) / settings_.iterations);
      if (stops_ && done >= best + settings_.early_stopping_round) break;
    }
    return stops_ ? std::max(best, 1) : settings_.iterations;
  }

  /// What the folds' learners of so many iterations say of the rows they did not see.
  Result<FoldFit> Finish(int iterations) {
    FoldFit fit;
    fit.iterations = iterations;
    fit.held_margins.resize(folds_.size());
    const auto score = [&](std::size_t f) -> Status {
      Fold& fold = folds_[f];
      ASSIGN_OR_RETURN(std::string text, fold.booster->Text(iterations));
      ASSIGN_OR_RETURN(std::vector<double> gains, fold.booster->Gains(iterations));
      ASSIGN_OR_RETURN(std::unique_ptr<const FittedLearner> learner, MakeForestLearner(settings_.kind, std::move(text), fold.held.columns(), std::move(gains)));
      fit.held_margins[f] = RawScoresOf(*learner, fold.held);
      if (folds_.size() == 1) fit.only = std::move(learner);
      fold = Fold();
      return Ok();
    };
    RETURN_IF_ERROR(ForFolds(score));
    return fit;
  }

 private:
  struct Fold {
    std::unique_ptr<Booster> booster;
    Matrix held;
    std::vector<double> losses;
    bool grown_out = false;
  };

  /// Boosters of one thread grow side by side; the others one after the other on all threads.
  Status ForFolds(const std::function<Status(std::size_t)>& work) const {
    return ParallelFor(one_thread_ ? control_.threads : 1, folds_.size(), work);
  }

  Status Begin(std::size_t f) {
    const int threads = one_thread_ ? 1 : ResolveThreads(control_.threads);
    ASSIGN_OR_RETURN(FoldVectors made, source_.make(f, threads));
    Fold& fold = folds_[f];
    fold.held = std::move(made.held);
    const Vectors train{made.train, made.train_target, made.train_weights, made.monotone, made.categorical, made.train_groups};
    const Vectors held{fold.held, made.held_target, made.held_weights, {}, {}, made.held_groups};
    ASSIGN_OR_RETURN(fold.booster, MakeBooster(settings_, train, stops_ ? &held : nullptr, threads));
    return Ok();
  }

  Status GrowFold(std::size_t f, int to) {
    Fold& fold = folds_[f];
    if (!fold.booster) RETURN_IF_ERROR(Begin(f));
    while (static_cast<int>(fold.losses.size()) < to) {
      if (control_.cancelled && control_.cancelled()) return Cancelled();
      const bool grew_out_before = fold.grown_out;
      if (!fold.grown_out) {
        ASSIGN_OR_RETURN(const bool grew, fold.booster->Grow());
        fold.grown_out = !grew;
      }
      double loss = fold.losses.empty() ? 0 : fold.losses.back();
      if (stops_ && !grew_out_before) { ASSIGN_OR_RETURN(loss, fold.booster->HeldLoss()); }
      fold.losses.push_back(loss);
    }
    return Ok();
  }

  const LearnerSettings& settings_;
  const FoldSource& source_;
  const LearnerControl& control_;
  std::vector<Fold> folds_;
  bool stops_, one_thread_;
};

}  // namespace

Result<std::unique_ptr<const FittedLearner>> MakeForestLearner(LearnerSpec::Kind kind, std::string text,
                                                               std::size_t num_features,
                                                               std::vector<double> importance) {
  ASSIGN_OR_RETURN(Forest forest, ParseForest(kind, text, num_features));
  return std::unique_ptr<const FittedLearner>(
      new ForestLearner(LearnerMember(kind), std::move(text), std::move(forest), std::move(importance)));
}

Result<FoldFit> FitBoostedFolds(const LearnerSettings& settings, const FoldSource& source,
                                const LearnerControl& control) {
  FoldGrower grower(settings, source, control);
  ASSIGN_OR_RETURN(const int iterations, grower.Grow());
  return grower.Finish(iterations);
}

Result<std::unique_ptr<const FittedLearner>> FitBoosted(const LearnerSettings& settings, const Vectors& train,
                                                        int iterations, const LearnerControl& control) {
  const int threads = OneThread(settings, train.rows()) ? 1 : ResolveThreads(control.threads);
  ASSIGN_OR_RETURN(const std::unique_ptr<Booster> booster, MakeBooster(settings, train, nullptr, threads));
  for (int i = 0; i < iterations; ++i) {
    if (control.cancelled && control.cancelled()) return Cancelled();
    ASSIGN_OR_RETURN(const bool grew, booster->Grow());
    if (control.progress) control.progress(static_cast<double>(i + 1) / iterations);
    if (!grew) break;
  }
  ASSIGN_OR_RETURN(std::string text, booster->Text(iterations));
  ASSIGN_OR_RETURN(std::vector<double> gains, booster->Gains(iterations));
  return MakeForestLearner(settings.kind, std::move(text), train.features(), std::move(gains));
}

}  // namespace headrace
