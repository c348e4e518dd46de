// k-means++ in scikit-learn's greedy form: each next centre is a row drawn by its squared distance from those chosen, the best of a few such. The distances to
// those few are kept until one is chosen, so that rows are read once for each centre.
#include <cmath>
#include <limits>
#include <numeric>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/model/kmeans_internal.h"
#include "headrace/model/random_internal.h"

namespace headrace::internal {
namespace {

class Beginning {
 public:
  Beginning(const PartedRows& rows, std::size_t tries) : rows_(rows), tries_(tries), squared_(rows.rows(), std::numeric_limits<double>::infinity()), of_parts_(rows.parts()) {}

  /// A row, drawn by weight.
  std::size_t DrawFirst(Random& random) {
    rows_.ForParts([&](std::size_t part) {
      for (std::size_t r = rows_.first(part); r < rows_.end(part); ++r) of_parts_[part] += rows_.weight(r);
    });
    return Draw(random, [this](std::size_t r) { return rows_.weight(r); });
  }

  /// The next row, now a centre: of a few drawn by their distances that which leaves the smallest sum of squared distances.
  std::size_t Next(Random& random) {
    std::vector<std::size_t> offered;
    for (std::size_t i = 0; i < tries_; ++i) offered.push_back(Draw(random, [this](std::size_t r) { return rows_.weight(r) * squared_[r]; }));
    return Choose(offered);
  }

  /// The best of `offered`, now a centre.
  std::size_t Choose(const std::vector<std::size_t>& offered) {
    const Centers candidates = CentersAt(offered);
    const std::size_t stride = offered.size();
    offered_.resize(rows_.rows() * stride);
    std::vector<std::vector<double>> of_parts(rows_.parts(), std::vector<double>(stride));
    rows_.ForParts([&](std::size_t part) {
      std::vector<double>& sums = of_parts[part];
      rows_.Measure(part, candidates, [&](std::size_t r, const double* squares) {
        for (std::size_t i = 0; i < stride; ++i) {
          const double left = std::min(squared_[r], squares[i]);
          offered_[r * stride + i] = left;
          sums[i] += rows_.weight(r) * left;
        }
      });
    });
    std::vector<double> all(stride);
    for (const std::vector<double>& sums : of_parts)
      for (std::size_t i = 0; i < stride; ++i) all[i] += sums[i];
    const auto best = static_cast<std::size_t>(std::min_element(all.begin(), all.end()) - all.begin());
    rows_.ForParts([&](std::size_t part) {
      of_parts_[part] = of_parts[part][best];
      for (std::size_t r = rows_.first(part); r < rows_.end(part); ++r) squared_[r] = offered_[r * stride + best];
    });
    return offered[best];
  }

  double left() const { return std::accumulate(of_parts_.begin(), of_parts_.end(), 0.0); }

 private:
  /// A row, drawn with the chance that `chance(row)` says; of_parts_ are its sums. REQUIRES: not all are 0.
  template <typename Chance>
  std::size_t Draw(Random& random, const Chance& chance) const {
    double left_over = random.Uniform() * left();
    std::size_t part = 0, drawn = 0;
    for (std::size_t next = 0; next < of_parts_.size(); ++next) {
      if (!(of_parts_[next] > 0)) continue;
      part = next;   // the last there is, should rounding leave a rest
      if (of_parts_[part] > left_over) break;
      left_over -= of_parts_[part];
    }
    double passed = 0;
    for (std::size_t r = rows_.first(part); r < rows_.end(part) && !(passed > left_over); ++r) {
      const double here = chance(r);
      if (!(here > 0)) continue;
      drawn = r;
      passed += here;
    }
    return drawn;
  }

  Centers CentersAt(const std::vector<std::size_t>& rows) const {
    std::vector<double> values;
    PartedRows::Reader reader(rows_);
    for (const std::size_t r : rows) {
      const double* x = reader(r);
      values.insert(values.end(), x, x + rows_.features());
    }
    return Centers(values, rows_.features());
  }

  const PartedRows& rows_;
  const std::size_t tries_;
  std::vector<double> squared_;     // each row's distance from the nearest centre
  std::vector<double> offered_;     // what it would be with each of those offered
  std::vector<double> of_parts_;    // sums of the chances to be drawn next
};

}  // namespace

Result<std::vector<double>> BeginCenters(const PartedRows& rows, std::size_t clusters, std::uint64_t seed, std::uint64_t start, const LearnerControl& control) {
  Random random(seed, start);
  Beginning beginning(rows, 2 + static_cast<std::size_t>(math::Log(static_cast<double>(clusters))));
  std::vector<double> centers;
  PartedRows::Reader reader(rows);
  std::size_t next = beginning.Choose({beginning.DrawFirst(random)});
  while (true) {
    RETURN_IF_ERROR(NotInterrupted(control));
    const double* x = reader(next);
    centers.insert(centers.end(), x, x + rows.features());
    const std::size_t chosen = centers.size() / rows.features();
    if (chosen == clusters) return centers;
    if (!std::isfinite(beginning.left())) return Error(ErrorCode::kData, "values are too large for distances between rows").WithHelp("scale the columns: `{scale: standard}`");
    if (!(beginning.left() > 0))
      return Error(ErrorCode::kData, "the rows have ", chosen, chosen == 1 ? " vector" : " different vectors", " only, and `n_clusters` is ", clusters).WithHelp("ask for fewer clusters");
    next = beginning.Next(random);
  }
}

}  // namespace headrace::internal
