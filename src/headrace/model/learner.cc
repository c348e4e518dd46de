#include "headrace/model/learner.h"

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/model/boosting.h"
#include "headrace/model/constant.h"
#include "headrace/model/kmeans.h"
#include "headrace/model/linear.h"
#include "headrace/model/naive_bayes.h"
#include "headrace/model/program_learner.h"
#include "headrace/model/uplift.h"

namespace headrace {

namespace {

/// A learner whose folds have no iterations to agree on.
Result<std::unique_ptr<const FittedLearner>> FitOnce(const LearnerSettings& settings, const Vectors& train,
                                                     const LearnerControl& control) {
  if (settings.by_program) return FitByProgram(settings, train, control);
  if (settings.uplift) return FitUplift(settings, train, control);
  if (settings.kind == LearnerSpec::Kind::kNaiveBayes) return FitNaiveBayes(settings, train);
  if (settings.kind == LearnerSpec::Kind::kConstant) return FitConstant(settings, train);
  if (settings.kind == LearnerSpec::Kind::kKMeans) return FitKMeans(settings, train, control);
  return FitCoefficients(settings, train, control);
}

}  // namespace

Link LinkOf(const LearnerSettings& settings) {
  if (settings.uplift) return {};
  if (settings.task == Task::kMulticlass) return {Link::Kind::kSoftmax, 1};
  if (settings.task == Task::kBinary) return {Link::Kind::kSigmoid, settings.number("sigmoid", 1)};
  const std::string objective = settings.objective();
  return {objective == "poisson" || objective == "gamma" || objective == "tweedie" ? Link::Kind::kExp : Link::Kind::kIdentity, 1};
}

Status FittedLearner::Contributions(const double*, std::size_t, double*) const {
  return Error(ErrorCode::kInvalid, "this learner cannot say what each column adds to a score")
      .WithHelp("leave out `reasons`");
}

std::vector<double> RawScoresOf(const FittedLearner& learner, const Matrix& vectors) {
  constexpr std::size_t kBlockNumbers = 1 << 20;  // that are expanded at once
  const std::size_t outputs = learner.num_outputs(), width = vectors.columns();
  std::vector<double> out(vectors.rows() * outputs);
  if (!vectors.compressed()) {
    learner.RawScores(vectors.values().data(), vectors.rows(), out.data());
    return out;
  }
  const std::size_t block = std::clamp<std::size_t>(kBlockNumbers / std::max<std::size_t>(width, 1), 1, 1024);
  std::vector<double> expanded(block * width);
  for (std::size_t first = 0; first < vectors.rows(); first += block) {
    const std::size_t rows = std::min(block, vectors.rows() - first);
    vectors.Expand(first, rows, expanded.data());
    learner.RawScores(expanded.data(), rows, out.data() + first * outputs);
  }
  return out;
}

Result<FoldFit> FitFolds(const LearnerSettings& settings, const FoldSource& source, const LearnerControl& control) {
  if (GrowsTrees(settings.kind) && !settings.uplift && !settings.by_program) return FitBoostedFolds(settings, source, control);
  FoldFit fit;
  fit.iterations = settings.iterations;
  LearnerControl inner = control;
  inner.progress = nullptr;
  for (std::size_t f = 0; f < source.folds; ++f) {
    ASSIGN_OR_RETURN(const FoldVectors fold, source.make(f, control.threads));
    const Vectors train{fold.train, fold.train_target, fold.train_weights, {}, fold.categorical, {}, fold.train_treated, fold.names};
    inner.part = StrCat("fold ", f + 1, " of ", source.folds);
    ASSIGN_OR_RETURN(std::unique_ptr<const FittedLearner> learner, FitOnce(settings, train, inner));
    if (settings.by_program) {
      if (fit.link && *fit.link != learner->link()) return Error(ErrorCode::kFailed, inner.part, ": the program wrote a model of another objective than for the folds before");
      fit.link = learner->link();
    }
    fit.held_margins.push_back(RawScoresOf(*learner, fold.held));
    if (source.folds == 1) fit.only = std::move(learner);
    if (control.progress) control.progress(static_cast<double>(f + 1) / static_cast<double>(source.folds));
  }
  return fit;
}

Result<std::unique_ptr<const FittedLearner>> FitLearner(const LearnerSettings& settings, const Vectors& train,
                                                        int iterations, const LearnerControl& control) {
  if (GrowsTrees(settings.kind) && !settings.uplift && !settings.by_program) return FitBoosted(settings, train, iterations, control);
  return FitOnce(settings, train, control);
}

Result<std::unique_ptr<const FittedLearner>> ReadLearner(LearnerSpec::Kind kind, Task task, std::string_view text,
                                                         std::size_t num_features, std::size_t num_outputs) {
  std::unique_ptr<const FittedLearner> learner;
  const bool uplift = kind == LearnerSpec::Kind::kTwoModel || kind == LearnerSpec::Kind::kXLearner;
  if (uplift) {
    ASSIGN_OR_RETURN(learner, ReadUplift(kind, text, num_features));
  } else if (GrowsTrees(kind)) {
    ASSIGN_OR_RETURN(learner, MakeForestLearner(kind, std::string(text), num_features, {}));
  } else if (kind == LearnerSpec::Kind::kNaiveBayes) {
    ASSIGN_OR_RETURN(learner, ReadNaiveBayes(task, text, num_features));
  } else if (kind == LearnerSpec::Kind::kConstant) {
    ASSIGN_OR_RETURN(learner, ReadConstant(task, text, num_features));
  } else if (kind == LearnerSpec::Kind::kKMeans) {
    ASSIGN_OR_RETURN(learner, ReadKMeans(text, num_features));
  } else {
    ASSIGN_OR_RETURN(learner, ReadCoefficients(kind, text, num_features, num_outputs));
  }
  const Link::Kind link = learner->link().kind;
  // The identity is what a converted forest of probabilities has.
  const bool fits = uplift ? task == Task::kRegression : link == Link::Kind::kIdentity || (task == Task::kBinary       ? link == Link::Kind::kSigmoid
                                                      : task == Task::kMulticlass ? link == Link::Kind::kSoftmax
                                                                                  : link == Link::Kind::kExp);
  if (!fits || (kind == LearnerSpec::Kind::kKMeans) != (task == Task::kClustering) || learner->num_outputs() != num_outputs)
    return Error(ErrorCode::kInvalid, learner->member(), " has ", learner->num_outputs(),
                 " outputs of another kind than a ", TaskName(task), " model with ", num_outputs);
  return learner;
}

}  // namespace headrace
