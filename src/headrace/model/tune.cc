#include "headrace/model/tune.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <optional>
#include <span>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/metrics.h"
#include "headrace/model/random_internal.h"
#include "headrace/model/trial_journal.h"

namespace headrace {
namespace {

using internal::LearnerAt;
using internal::Random;
using internal::ValueAt;

constexpr std::size_t kTpeRandom = 10;
constexpr std::size_t kHalvingKeeps = 3;       ///< one in so many goes on
constexpr double kHalvingLeastShare = 1.0 / 27;

std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// A learner that may be kept, and what became of it.
struct Candidate {
  TuneSetting setting;
  std::vector<double> position;
  Trial trial;
  bool done = false;       ///< on all rows
};

class Search {
 public:
  Search(const TuneSpec& spec, const LearnerSpec& base, const TuneContext& context)
      : spec_(spec),
        base_(base),
        context_(context),
        parameters_(spec.space.empty() ? DefaultSpace(base) : spec.space),
        space_(WithLeftOpen(parameters_, spec)),
        higher_(HigherIsBetter(context.metric)) {}

  Result<std::vector<Candidate>> Run() {
    const auto trials = static_cast<std::size_t>(spec_.trials);
    switch (spec_.search) {
      case TuneSpec::Search::kGrid:
        MakeGrid(trials);
        RETURN_IF_ERROR(ScoreAll(0, 1));
        break;
      case TuneSpec::Search::kRandom:
        for (std::size_t i = 0; i < trials; ++i) Add(RandomPoint(i));
        RETURN_IF_ERROR(ScoreAll(0, 1));
        break;
      case TuneSpec::Search::kTpe:
        for (std::size_t i = 0; i < std::min(trials, kTpeRandom); ++i) Add(RandomPoint(i));
        RETURN_IF_ERROR(ScoreAll(0, 1));
        RETURN_IF_ERROR(FollowTpe(trials));
        break;
      case TuneSpec::Search::kHalving:
        for (std::size_t i = 0; i < trials; ++i) Add(RandomPoint(i));
        RETURN_IF_ERROR(Halve());
        break;
    }
    return std::move(candidates_);
  }

  /// Score fixed candidates instead.
  Result<std::vector<Candidate>> RunOn(std::vector<Candidate> candidates) {
    candidates_ = std::move(candidates);
    RETURN_IF_ERROR(ScoreAll(0, 1));
    return std::move(candidates_);
  }

 private:
  static std::vector<TuneSpec::Dimension> WithLeftOpen(std::vector<TuneSpec::Dimension> space, const TuneSpec& spec) {
    space.insert(space.end(), spec.choices.begin(), spec.choices.end());
    space.insert(space.end(), spec.numbers.begin(), spec.numbers.end());
    return space;
  }

  std::vector<double> RandomPoint(std::size_t number) const {
    Random random(static_cast<std::uint64_t>(spec_.seed), number);
    std::vector<double> point(space_.size());
    for (double& at : point) at = random.Uniform();
    return point;
  }

  /// What does not count at `position` is neither told nor set, so that trials of equal names are equal.
  void Add(std::vector<double> position) {
    std::vector<std::string> values;
    Candidate& c = candidates_.emplace_back();
    c.trial.name = LearnerName(base_.kind);
    for (std::size_t d = 0; d < space_.size(); ++d) {
      values.push_back(ValueAt(space_[d], position[d]));
      if (!internal::Counts(space_, position, d)) {
        position[d] = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
      c.trial.name += StrCat(" ", space_[d].name, "=", values.back());
      if (d >= parameters_.size()) c.setting.choices[space_[d].name] = values.back();
    }
    c.setting.learner = LearnerAt(base_, parameters_, values);
    c.position = std::move(position);
  }

  void MakeGrid(std::size_t most) {
    std::vector<std::vector<double>> points{{}};
    for (std::size_t d = 0; d < space_.size(); ++d) {
      const std::vector<double> grid = internal::GridOf(space_[d]);
      std::vector<std::vector<double>> longer;
      for (const std::vector<double>& point : points)
        for (const double at : internal::Counts(space_, point, d) ? std::span(grid) : std::span(grid).first(1)) {
          longer.push_back(point);
          longer.back().push_back(at);
        }
      points = std::move(longer);
    }
    const std::size_t kept = std::min(most, points.size());
    for (std::size_t i = 0; i < kept; ++i) Add(points[i * points.size() / kept]);
  }

  bool OutOfTime() const {
    return spec_.budget_us > 0 && context_.seconds && context_.seconds() * 1e6 >= static_cast<double>(spec_.budget_us);
  }

  /// Score the candidates from `first` on. Several at once take one thread each; one alone takes all.
  Status ScoreAll(std::size_t first, double share) {
    std::vector<std::size_t> which;
    for (std::size_t i = first; i < candidates_.size(); ++i) which.push_back(i);
    return ScoreThese(which, share);
  }

  Status ScoreThese(std::vector<std::size_t> which, double share) {
    // Those with equal transforms one after another: their vectors are made once. A budget is spent on them as they were drawn.
    if (spec_.budget_us == 0) std::stable_sort(which.begin(), which.end(), [&](std::size_t a, std::size_t b) { return candidates_[a].setting.choices < candidates_[b].setting.choices; });
    const bool alone = which.size() == 1;
    std::size_t done = 0;
    return ParallelFor(alone ? 1 : context_.threads, which.size(), [&](std::size_t i) -> Status {
      if (context_.cancelled && context_.cancelled()) return Error(ErrorCode::kInterrupted, "training was interrupted");
      Candidate& c = candidates_[which[i]];
      // One trial is made whatever the budget, so that there is something to choose.
      if (which[i] > 0 && OutOfTime()) {
        c.trial.failed = "not tried: the budget was spent";
        return Ok();
      }
      RETURN_IF_ERROR(Score(c, share, alone ? context_.threads : 1));
      const std::lock_guard lock(progress_mutex_);
      ++done;
      if (context_.progress) context_.progress(static_cast<double>(done) / static_cast<double>(which.size()));
      return Ok();
    });
  }

  Result<FoldScores> ScoresOf(const Candidate& c, double share, int threads) const {
    if (context_.journal == nullptr) return context_.score(c.setting, share, threads);
    if (std::optional<FoldScores> known = context_.journal->Find(c.trial.name, share)) return *std::move(known);
    Result<FoldScores> scores = context_.score(c.setting, share, threads);
    if (scores.ok()) context_.journal->Keep(c.trial.name, share, *scores);
    return scores;
  }

  Status Score(Candidate& c, double share, int threads) const {
    const Result<FoldScores> scores = ScoresOf(c, share, threads);
    if (!scores.ok()) {
      if (scores.status().code() == ErrorCode::kInterrupted) return scores.status();
      c.trial.failed = scores.status().message();
      return Ok();
    }
    const auto n = static_cast<double>(scores->values.size());
    if (scores->values.empty()) {
      c.trial.failed = StrCat(context_.metric, " could not be computed on any fold");
      return Ok();
    }
    double sum = 0, squares = 0;
    for (const double v : scores->values) sum += v;
    c.trial.mean = sum / n;
    for (const double v : scores->values) squares += (v - c.trial.mean) * (v - c.trial.mean);
    c.trial.error = n > 1 ? std::sqrt(squares / (n - 1) / n) : 0;
    c.trial.folds = static_cast<std::int64_t>(scores->values.size());
    c.trial.iterations = scores->iterations;
    c.done = share == 1;
    return Ok();
  }

  double LossOf(const Candidate& c) const {
    if (!c.trial.failed.empty()) return std::numeric_limits<double>::infinity();
    return higher_ ? -c.trial.mean : c.trial.mean;
  }

  Status FollowTpe(std::size_t trials) {
    while (candidates_.size() < trials && !OutOfTime()) {
      std::vector<std::vector<double>> tried;
      std::vector<double> losses;
      for (const Candidate& c : candidates_) {
        tried.push_back(c.position);
        losses.push_back(LossOf(c));
      }
      Add(internal::NextByTpe(space_, tried, losses, static_cast<std::uint64_t>(spec_.seed)));
      RETURN_IF_ERROR(ScoreThese({candidates_.size() - 1}, 1));
      if (context_.progress) context_.progress(static_cast<double>(candidates_.size()) / static_cast<double>(trials));
    }
    return Ok();
  }

  Status Halve() {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < candidates_.size(); ++i) which.push_back(i);
    // As many rungs as the candidates allow, the last on all rows.
    double share = 1;
    for (std::size_t left = which.size(); left > kHalvingKeeps && share > kHalvingLeastShare * 1.001; left /= kHalvingKeeps)
      share /= static_cast<double>(kHalvingKeeps);
    for (;; share *= static_cast<double>(kHalvingKeeps)) {
      const bool last = share > 0.999;
      RETURN_IF_ERROR(ScoreThese(which, last ? 1 : share));
      if (last) return Ok();
      std::stable_sort(which.begin(), which.end(), [&](std::size_t a, std::size_t b) { return LossOf(candidates_[a]) < LossOf(candidates_[b]); });
      which.resize(std::max<std::size_t>(1, which.size() / kHalvingKeeps));
      std::sort(which.begin(), which.end());
    }
  }

  const TuneSpec& spec_;
  const LearnerSpec& base_;
  const TuneContext& context_;
  const std::vector<TuneSpec::Dimension> parameters_, space_;   // of the learner; and then what the transforms leave open
  const bool higher_;
  std::vector<Candidate> candidates_;
  std::mutex progress_mutex_;  // one thread tells at a time
};

/// Mark the best and tell about it.
Result<TuneResult> Choose(std::vector<Candidate> candidates, TuneSpec::Choose choose, const TuneContext& context) {
  const bool higher = HigherIsBetter(context.metric);
  const auto loss = [&](const Candidate& c) {
    const double mean = higher ? -c.trial.mean : c.trial.mean;
    return choose == TuneSpec::Choose::kOneStandardError ? mean + c.trial.error : mean;
  };
  Candidate* best = nullptr;
  for (Candidate& c : candidates)
    if (c.done && c.trial.failed.empty() && (best == nullptr || loss(c) < loss(*best))) best = &c;
  if (best == nullptr)
    return Error(ErrorCode::kData, "none of the ", candidates.size(), " settings tried could be fitted: ", candidates.front().trial.failed);
  best->trial.chosen = true;
  const Candidate* second = nullptr;
  for (const Candidate& c : candidates)
    if (&c != best && c.done && c.trial.failed.empty() && (second == nullptr || loss(c) < loss(*second))) second = &c;
  TuneResult result;
  result.best = best->setting;
  result.note = StrCat("of ", candidates.size(), " settings, ", best->trial.name, " is the best: ", context.metric, " ",
                       Short(best->trial.mean), best->trial.folds > 1 ? StrCat(" ± ", Short(best->trial.error)) : "",
                       " on rows that the fit had not seen");
  if (second != nullptr) result.note += StrCat("; next is ", second->trial.name, " with ", Short(second->trial.mean));
  for (Candidate& c : candidates) {
    c.trial.metric = context.metric;
    if (!c.done && c.trial.failed.empty()) c.trial.name += " (on fewer rows)";
    result.trials.push_back(std::move(c.trial));
  }
  return result;
}

}  // namespace

Result<TuneResult> Tune(const TuneSpec& spec, const LearnerSpec& base, const TuneContext& context) {
  ASSIGN_OR_RETURN(std::vector<Candidate> candidates, Search(spec, base, context).Run());
  return Choose(std::move(candidates), spec.choose, context);
}

Result<TuneResult> ChooseAutomatically(const TuneContext& context) {
  const bool numbers = context.task == Task::kRegression;
  std::vector<Candidate> candidates;
  const auto add = [&](LearnerSpec::Kind kind, std::map<std::string, std::string> parameters, double l2, std::string name) {
    Candidate& c = candidates.emplace_back();
    c.setting.learner.kind = kind;
    c.setting.learner.given = true;
    c.setting.learner.parameters = std::move(parameters);
    c.setting.learner.l2 = l2;
    c.trial.name = std::move(name);
  };
  add(LearnerSpec::Kind::kConstant, {}, 1, "constant");
  for (const double l2 : {1.0, 100.0})
    add(numbers ? LearnerSpec::Kind::kLinear : LearnerSpec::Kind::kLogistic, {}, l2, StrCat(numbers ? "linear" : "logistic", " l2=", l2));
  const std::size_t usual = std::clamp<std::size_t>(context.rows / 200, 4, 31);
  // Each tree sees other rows and columns: a little better on nearly every table than all of both.
  const auto trees = [&](std::string leaves, std::string least, std::string columns) {
    const std::string name = StrCat("lightgbm num_leaves=", leaves, " min_data_in_leaf=", least, " feature_fraction=", columns);
    add(LearnerSpec::Kind::kLightGbm,
        {{"num_iterations", "2000"}, {"learning_rate", "0.03"}, {"early_stopping_round", "50"}, {"num_leaves", std::move(leaves)}, {"min_data_in_leaf", std::move(least)},
         {"feature_fraction", std::move(columns)}, {"bagging_fraction", "0.8"}, {"bagging_freq", "1"}},
        1, name);
  };
  trees("4", "20", "0.8");
  if (usual > 4) trees(StrCat(usual), "20", "0.8");
  if (usual > 4) trees(StrCat(usual), "40", "0.6");
  if (context.rows >= 5'000) trees("63", "50", "0.8");
  TuneSpec spec;
  const LearnerSpec base;
  ASSIGN_OR_RETURN(candidates, Search(spec, base, context).RunOn(std::move(candidates)));
  return Choose(std::move(candidates), TuneSpec::Choose::kBest, context);
}

}  // namespace headrace
