#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/model.h"
#include "headrace/table/table.h"

namespace headrace {

/// What the user's columns do to a model as a whole, asked of rows with known targets (DrawEffectRows). Borrowed; of one length.
struct EffectRows {
  const Scorer& scorer;
  const Table& rows;
  std::string of;                    ///< "test rows", "training rows"
  std::span<const double> target;    ///< as Evaluate takes it
  std::span<const double> weights;   ///< may be empty
  std::span<const std::uint8_t> treated = {};   ///< uplift: as Evaluate takes it
};

/// Bounds on the work, whatever the data (docs/explanations.md). In wide tables fewer rows are asked, so that they hold at most kEffectValues values, but
/// kEffectLeastRows at least.
inline constexpr std::size_t kImportanceRows = 5000, kImportanceColumns = 50, kDependenceRows = 1000, kDependenceColumns = 20, kDependenceLevels = 10;
inline constexpr std::size_t kEffectValues = 1'000'000, kEffectLeastRows = 200;
inline constexpr std::int64_t kImportanceRepeats = 5;

/// Which of `rows` to ask, for a model of so many inputs: kImportanceRows of them without replacement, in their order, under a fixed seed; fewer in wide tables.
std::vector<std::size_t> DrawEffectRows(std::span<const std::size_t> rows, std::size_t inputs);

/// Permutation importance (Breiman 2001; scikit-learn's `permutation_importance`): how much worse `metric` gets, larger or smaller, when the values of
/// one column are shuffled among the rows, as mean and deviation over kImportanceRepeats shuffles. The shuffles depend on the number of rows and the column's
/// place in the model's inputs alone; equal input gives equal bits for any number of threads. A column with which no score can be computed is left out, and all
/// of them for a ranking's metric (which is of whole queries, and these are single rows).
/// kInterrupted when cancelled (may be empty), else no error.
Result<PermutationImportance> MeasureImportance(const EffectRows& rows, const std::string& metric, int threads, const std::function<bool()>& cancelled);

/// Partial dependence (Friedman 2001; scikit-learn's `partial_dependence`, method "brute"): the mean prediction when one column has the same value in all rows,
/// for each value of a grid: the quantiles from 5 % to 95 %, or the levels, as far as a profile tells them (ColumnProfile: nothing that fewer than 20 rows
/// share). For the columns that `importance` finds most important, but those of `hidden`; on kDependenceRows of the rows at most.
Result<PartialDependence> MeasureDependence(const EffectRows& rows, const PermutationImportance& importance, const std::set<std::string>& hidden, int threads,
                                            const std::function<bool()>& cancelled);

}  // namespace headrace
