#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/metrics.h"
#include "headrace/model/spec.h"
#include "headrace/table/table.h"

namespace headrace {

/// Rows, and the clusters that a model puts them in. Borrowed; of one length.
struct ClusteredRows {
  std::span<const double> vectors;      ///< as the learner sees them, row-major
  std::size_t features = 0;
  std::span<const double> predictions;  ///< cluster and distance of each row: what Scorer::Predict gives
  std::span<const double> weights = {}; ///< may be empty
};

/// The silhouette is of so many rows at most, drawn without replacement under a fixed seed: its work grows with the square.
inline constexpr std::size_t kSilhouetteRows = 5000;

/// The named metrics of a clustering (docs/metrics.md), scikit-learn's where it has them: `inertia` (the mean squared distance of a row to its centre: scikit-learn's
/// by row), `silhouette`, `davies_bouldin`, `calinski_harabasz`. Rows of weight 0 say nothing. A metric that the rows do not define is left out: all but inertia
/// need rows in two clusters, and more rows than clusters. Equal input gives equal bits for any number of threads. kInvalid: another name. kData: no rows that count.
Result<Metrics> EvaluateClusters(const ClusteredRows& rows, std::span<const std::string> names, int threads);

/// `inertia` alone, which needs no vectors.
double InertiaOf(std::span<const double> predictions, std::span<const double> weights);

/// Fill the parts of `out` that say how good a clustering of so many clusters is: metrics (`names`), what has their inertia around one centre, the rows' own mean,
/// and a histogram with a bin for each cluster. Errors as EvaluateClusters.
Status JudgeClusters(const ClusteredRows& rows, std::span<const std::string> names, std::size_t clusters, int threads, Evaluation* out);

/// What the rows of each cluster have in the columns of `inputs`, but those of `hidden`, whose values nobody shall read; `of` says which rows these are.
/// `predictions` as in ClusteredRows.
Clusters DescribeClusters(const Table& rows, const Schema& inputs, const std::set<std::string>& hidden, std::span<const double> predictions, std::size_t clusters,
                          std::string of);

/// What a training without a target cannot be asked for, or one that has one: kInvalid.
Status CheckClustering(const TrainSpec& spec);

}  // namespace headrace
