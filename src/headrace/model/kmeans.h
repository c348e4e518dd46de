#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"

namespace headrace {

/// k-means: every row belongs to the nearest of `n_clusters` centres, and a centre is the (weighted) mean of its rows. There is no target. It is
/// scikit-learn's KMeans: greedy k-means++ (Arthur, Vassilvitskii 2007) begins, Lloyd's iterations follow until no row changes its cluster, the
/// centres move by no more than `tol` times the mean variance of the features, or `max_iter`; of `n_init` beginnings that with the smallest sum of
/// squared distances is kept. A cluster that loses its last row gets the row that lies farthest from its own centre.
///
/// Two numbers a row: the cluster, and the distance to its centre (of equally near centres the first). Clusters are numbered by size, the largest
/// first; of equal ones that whose centre comes first, compared feature by feature.
///
/// Equal vectors, weights and seed give equal bits for any number of threads. kData: a NaN or infinity in a vector; fewer different rows than clusters.
Result<std::unique_ptr<const FittedLearner>> FitKMeans(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control);

/// Read kmeans.json, trusting nothing: {"centers": [[...], ...], "learner": "kmeans"}, a number for each feature in each of two or more. kInvalid.
Result<std::unique_ptr<const FittedLearner>> ReadKMeans(std::string_view json, std::size_t num_features);

namespace internal {

/// Centres, to be compared with rows of `features` numbers each; a row's distances depend on that row only.
///
/// Threads: immutable.
class Centers {
 public:
  struct Nearest {
    std::size_t center = 0;       ///< the first among equals
    double squared = 0;           ///< distance
    double second = 0;            ///< squared distance to the nearest of the others; infinity where there are none
  };

  /// `rows`: row-major, `features` numbers a centre.
  Centers(std::span<const double> rows, std::size_t features);
  std::size_t size() const { return size_; }
  std::size_t features() const { return features_; }
  /// The nearest centre of each row.
  void Find(std::span<const double* const> rows, Nearest* out) const;
  /// The squared distances of each row to all centres: that of row r to centre c becomes out[r * stride() + c].
  void Squares(std::span<const double* const> rows, double* out) const;
  std::size_t stride() const;     ///< at least size()

 private:
  std::size_t size_, features_;
  std::vector<double> values_;
};

/// FitKMeans without its learner: the centres, row-major and in their order.
Result<std::vector<double>> FindCenters(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control);

}  // namespace internal
}  // namespace headrace
