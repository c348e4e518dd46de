// Groups are kept per fold, level and target. A fold's encoding merges the groups of all other folds (never "all minus
// this fold", which would cancel), so one pass over the rows serves the encoding of everything and of every fold.
#include "headrace/feature/target_encoding.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/math.h"
#include "headrace/feature/blocks.h"

namespace headrace {
namespace {

/// Partial state of a block of rows.
struct State {
  std::size_t levels, targets;
  std::vector<TargetGroup> groups;   // [fold][level][target]
  std::vector<TargetGroup> totals;   // [fold][target]

  State(std::size_t folds, std::size_t levels_, std::size_t targets_)
      : levels(levels_), targets(targets_), groups(folds * levels * targets), totals(folds * targets) {}

  void Add(const TargetRows& rows, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto fold = static_cast<std::size_t>(rows.folds[i]);
      const auto level = static_cast<std::size_t>(rows.codes[i]);
      for (std::size_t t = 0; t < targets; ++t) {
        const double y = rows.targets[t][i];
        groups[(fold * levels + level) * targets + t].Add(y);
        totals[fold * targets + t].Add(y);
      }
    }
  }

  void Merge(const State& other) {
    for (std::size_t i = 0; i < groups.size(); ++i) groups[i].Merge(other.groups[i]);
    for (std::size_t i = 0; i < totals.size(); ++i) totals[i].Merge(other.totals[i]);
  }
};

/// Encode from all folds but `left_out` (-1: from all).
TargetValues Encode(const State& state, int folds, int left_out, Worth worth, double setting) {
  const auto merged = [&](const std::vector<TargetGroup>& groups, std::size_t stride, std::size_t at) {
    TargetGroup group;
    for (int f = 0; f < folds; ++f)
      if (f != left_out) group.Merge(groups[static_cast<std::size_t>(f) * stride + at]);
    return group;
  };
  TargetValues out;
  std::vector<TargetGroup> totals(state.targets);
  for (std::size_t t = 0; t < state.targets; ++t) {
    totals[t] = merged(state.totals, state.targets, t);
    out.prior.push_back(worth({}, totals[t], setting));
  }
  out.values.resize(state.levels * state.targets);
  for (std::size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = worth(merged(state.groups, state.levels * state.targets, i), totals[i % state.targets], setting);
  return out;
}

}  // namespace

void TargetGroup::Add(double y) {
  ++count;
  const double delta = y - mean;
  mean += delta / static_cast<double>(count);
  squares += delta * (y - mean);
}

void TargetGroup::Merge(const TargetGroup& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const double n = static_cast<double>(count), m = static_cast<double>(other.count);
  const double delta = other.mean - mean;
  mean += delta * (m / (n + m));
  squares += other.squares + delta * delta * (n * m / (n + m));
  count += other.count;
}

double TargetMean(const TargetGroup& level, const TargetGroup& all, double smooth) {
  const double n = static_cast<double>(level.count);
  if (smooth >= 0) return n + smooth == 0 ? all.mean : (level.mean * n + smooth * all.mean) / (n + smooth);
  if (level.count == 0) return all.mean;
  const double variance = all.squares / static_cast<double>(all.count);
  const double between = variance * n;
  const double whole = between + level.squares / n;
  if (whole == 0) return all.mean;
  const double weight = between / whole;
  return weight * level.mean + (1 - weight) * all.mean;
}

double WeightOfEvidence(const TargetGroup& level, const TargetGroup& all, double regularization) {
  if (level.count == 0) return 0;
  const auto ones = [](const TargetGroup& group) { return std::round(group.mean * static_cast<double>(group.count)); };
  const auto zeros = [&](const TargetGroup& group) { return static_cast<double>(group.count) - ones(group); };
  const double of_ones = (ones(level) + regularization) / (ones(all) + 2 * regularization);
  const double of_zeros = (zeros(level) + regularization) / (zeros(all) + 2 * regularization);
  return math::Log(of_ones / of_zeros);
}

TargetEncoding EncodeTarget(const TargetRows& rows, Worth worth, double setting, int threads) {
  const std::size_t n = rows.codes.size(), targets = rows.targets.size();
  const auto folds = static_cast<std::size_t>(rows.fold_count);
  State all(folds, rows.levels, targets);
  const auto wave = static_cast<std::size_t>(ResolveThreads(threads));   // partial states held at once
  for (std::size_t first = 0; first < FitBlocks(n); first += wave) {
    std::vector<State> states(std::min(wave, FitBlocks(n) - first), State(folds, rows.levels, targets));
    ForEach(threads, states.size(), [&](std::size_t i) {
      const std::size_t begin = (first + i) * kFitBlockRows;
      states[i].Add(rows, begin, std::min(n, begin + kFitBlockRows));
    });
    for (const State& state : states) all.Merge(state);
  }

  TargetEncoding out;
  out.all = Encode(all, rows.fold_count, -1, worth, setting);
  out.cross_fitted.assign(targets, std::vector<double>(n));
  std::vector<TargetValues> by_fold(folds);
  ForEach(threads, folds, [&](std::size_t f) { by_fold[f] = Encode(all, rows.fold_count, static_cast<int>(f), worth, setting); });
  ForEach(threads, FitBlocks(n), [&](std::size_t b) {
    for (std::size_t i = b * kFitBlockRows; i < std::min(n, (b + 1) * kFitBlockRows); ++i) {
      const double* values = by_fold[static_cast<std::size_t>(rows.folds[i])].values.data();
      for (std::size_t t = 0; t < targets; ++t)
        out.cross_fitted[t][i] = values[static_cast<std::size_t>(rows.codes[i]) * targets + t];
    }
  });
  return out;
}

}  // namespace headrace
