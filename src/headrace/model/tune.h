#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/spec.h"

namespace headrace {

/// How good one learner is on the folds.
struct FoldScores {
  std::vector<double> values;   ///< the metric on each fold's held-out rows, where those define it
  int iterations = 0;           ///< LightGBM: the stopping point
};

/// What one trial fits: a learner, and what the transforms leave open as Chosen takes it: the alternative of each choice, and the numbers that count with those.
struct TuneSetting {
  LearnerSpec learner;
  std::map<std::string, std::string> choices;
};

class TrialJournal;

/// What a search is run with. `score` fits a learner on the folds, each fold's training rows thinned to `share` of them (1:
/// all), and is called from several threads at once.
struct TuneContext {
  Task task = Task::kBinary;
  std::size_t rows = 0;                                ///< training rows
  std::string metric;                                  ///< what decides
  std::function<Result<FoldScores>(const TuneSetting&, double share, int threads)> score;
  TrialJournal* journal = nullptr;                     ///< scores of an interrupted search, and where this one keeps its own; may be null
  std::function<double()> seconds;                     ///< since the search began, for TuneSpec::budget_us; may be empty
  std::function<void(double fraction)> progress;       ///< may be empty; never called by two threads at once
  std::function<bool()> cancelled;                     ///< may be empty
  int threads = 0;
};

struct TuneResult {
  TuneSetting best;
  std::vector<Trial> trials;    ///< in the order they were drawn; exactly one is chosen
  std::string note;             ///< for people: what was chosen, and over what
};

/// Search `spec.space` (empty: DefaultSpace) around `base`, together with `spec.choices` and `spec.numbers`:
///   random   `trials` draws: uniform over a range (over its logarithm where `log`), each value of a list alike
///   grid     every combination; a range gives five values, evenly (all, if it has no more); at most `trials` of them, evenly thinned
///   tpe      ten random draws, then where trials were good rather than bad (tree-structured Parzen estimator; Bergstra,
///            Bardenet, Bengio, Kegl 2011): of a number that an alternative brings, those trials tell that took the alternative
///   halving  `trials` random draws on few rows, the best third of them on three times as many, up to all rows (successive
///            halving; Jamieson, Talwalkar 2016)
/// The best is the trial with the best mean over the folds, or, with kOneStandardError, with the best mean less one standard
/// error; the first among equals. A trial that cannot be fitted is recorded with its reason and never chosen. Equal input
/// gives equal trials for any number of threads, unless the budget ends the search.
/// kData: every trial failed (with the first reason). kInterrupted: cancelled.
Result<TuneResult> Tune(const TuneSpec& spec, const LearnerSpec& base, const TuneContext& context);

/// `learner: auto`: the constant answer, linear models with little and much l2, small, usual and large LightGBMs; the best
/// mean is kept, the first (simplest) among equals. Errors as Tune.
Result<TuneResult> ChooseAutomatically(const TuneContext& context);

/// What is searched when nothing is said: LightGBM's num_leaves, learning_rate, min_data_in_leaf, feature_fraction and
/// lambda_l2; the l2 of logistic and linear.
std::vector<TuneSpec::Dimension> DefaultSpace(const LearnerSpec& base);

/// kInvalid: an empty or upside-down range, or a logarithm of 0.
Status CheckTuneRange(const TuneSpec::Dimension& dimension);
/// kInvalid: a dimension that is no parameter of the learner, values it cannot have, CheckTuneRange, nothing to
/// search, a grid too large, `tune` beside `learner: auto`, something left open by transforms and no trials.
Status CheckTuneSpace(const TuneSpec& spec, const LearnerSpec& base);
/// kInvalid: CheckTuneSpace, or a metric that the task does not have.
Status CheckTune(const TuneSpec& spec, const LearnerSpec& base, Task task);

namespace internal {
/// The learner with one point's values set. `point` goes with `space`.
LearnerSpec LearnerAt(const LearnerSpec& base, const std::vector<TuneSpec::Dimension>& space,
                      const std::vector<std::string>& point);
/// The text of `position` in [0, 1) of a dimension: what random search draws, and where TPE looks.
std::string ValueAt(const TuneSpec::Dimension& dimension, double position);
/// The positions of a dimension's values on a grid.
std::vector<double> GridOf(const TuneSpec::Dimension& dimension);
/// Whether dimension `d` of a point means something: the alternative that it belongs to, if any, is taken. Needs the positions of choices only.
bool Counts(const std::vector<TuneSpec::Dimension>& space, const std::vector<double>& point, std::size_t d);
/// Choose the next point from what was tried: positions in [0, 1) by dimension, NaN where it did not count, and losses (smaller is better). REQUIRES: choices stand before
/// the numbers that their alternatives bring.
std::vector<double> NextByTpe(const std::vector<TuneSpec::Dimension>& space, const std::vector<std::vector<double>>& tried,
                              const std::vector<double>& losses, std::uint64_t seed);
}  // namespace internal

}  // namespace headrace
