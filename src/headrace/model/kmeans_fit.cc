// Rows are cut into a few parts; what a pass over all rows adds up is added up within each part and then in the order of the parts, so that threads never
// change a bit. How many parts there are follows from the sizes alone.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "headrace/base/math.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/kmeans.h"
#include "headrace/model/random_internal.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kMostParts = 64, kPartRows = 1024;
constexpr std::size_t kMostSums = std::size_t{1} << 24;   // numbers that all parts' sums hold together

/// What one pass adds up.
struct Sums {
  std::vector<double> of_centers;        ///< the weighted sum of each centre's rows, row-major
  std::vector<double> weights;           ///< of each centre's rows
  std::vector<std::size_t> rows;         ///< that weigh something
  double inertia = 0;
  std::size_t moved = 0;                 ///< rows that changed their centre

  void Clear(std::size_t centers, std::size_t features) {
    of_centers.assign(centers * features, 0);
    weights.assign(centers, 0);
    rows.assign(centers, 0);
    inertia = 0;
    moved = 0;
  }
  void Add(const Sums& other) {
    for (std::size_t i = 0; i < of_centers.size(); ++i) of_centers[i] += other.of_centers[i];
    for (std::size_t c = 0; c < weights.size(); ++c) {
      weights[c] += other.weights[c];
      rows[c] += other.rows[c];
    }
    inertia += other.inertia;
    moved += other.moved;
  }
};

/// Rows as vectors, of a compressed matrix one at a time.
class Rows {
 public:
  explicit Rows(const Matrix& matrix) : matrix_(matrix), row_(matrix.compressed() ? matrix.columns() : 0) {}
  /// Good until the next call.
  const double* operator()(std::size_t r) {
    if (!matrix_.compressed()) return matrix_.values().data() + r * matrix_.columns();
    matrix_.Expand(r, 1, row_.data());
    return row_.data();
  }

 private:
  const Matrix& matrix_;
  std::vector<double> row_;
};

/// Centres, and how well they stand for the rows.
struct Found {
  std::vector<double> centers, weights;
  double inertia = 0;
};

class KMeansSearch {
 public:
  KMeansSearch(const LearnerSettings& settings, const Vectors& rows, const LearnerControl& control)
      : rows_(rows), control_(control), clusters_(static_cast<std::size_t>(settings.number("n_clusters", 8))),
        starts_(static_cast<std::size_t>(settings.number("n_init", 10))), iterations_(static_cast<std::size_t>(settings.number("max_iter", 300))),
        tolerance_(settings.number("tol", 1e-4)), seed_(static_cast<std::uint64_t>(settings.number("seed", 0))) {
    const std::size_t most = std::clamp<std::size_t>(kMostSums / (clusters_ * rows.features()), 1, kMostParts);
    const std::size_t parts = std::clamp<std::size_t>(rows.rows() / kPartRows, 1, most);
    part_rows_ = (rows.rows() + parts - 1) / parts;
    sums_.resize((rows.rows() + part_rows_ - 1) / part_rows_);
  }

  Result<std::vector<double>> Run() {
    const double least_move = tolerance_ * MeanVariance();
    Found best;
    for (std::size_t start = 0; start < starts_; ++start) {
      ASSIGN_OR_RETURN(std::vector<double> centers, Begin(start));
      ASSIGN_OR_RETURN(Found found, Iterate(std::move(centers), least_move));
      if (start == 0 || found.inertia < best.inertia) best = std::move(found);
      if (control_.progress) control_.progress(static_cast<double>(start + 1) / static_cast<double>(starts_));
    }
    return InOrder(best);
  }

 private:
  double weight(std::size_t r) const { return rows_.weights.empty() ? 1.0 : rows_.weights[r]; }

  /// work(part, first row, end) for every part.
  template <typename Work>
  void ForParts(Work work) const {
    ForEach(control_.threads, sums_.size(), [&](std::size_t part) { work(part, part * part_rows_, std::min(rows_.rows(), (part + 1) * part_rows_)); });
  }

  Status Interrupted() const {
    return control_.cancelled && control_.cancelled() ? Status(Error(ErrorCode::kInterrupted, "training was interrupted")) : Ok();
  }

  /// Over the features, each about its own mean; whatever rows weigh, as scikit-learn.
  double MeanVariance() const {
    const std::size_t features = rows_.features();
    const auto n = static_cast<double>(rows_.rows());
    const auto sum = [&](const std::vector<double>& about, bool squared) {
      std::vector<std::vector<double>> of_parts(sums_.size(), std::vector<double>(features));
      ForParts([&](std::size_t part, std::size_t first, std::size_t end) {
        Rows row(rows_.matrix);
        for (std::size_t r = first; r < end; ++r) {
          const double* x = row(r);
          for (std::size_t j = 0; j < features; ++j) {
            const double apart = x[j] - about[j];
            of_parts[part][j] += squared ? apart * apart : apart;
          }
        }
      });
      std::vector<double> all(features);
      for (const std::vector<double>& part : of_parts)
        for (std::size_t j = 0; j < features; ++j) all[j] += part[j] / n;
      return all;
    };
    const std::vector<double> variance = sum(sum(std::vector<double>(features), false), true);
    return std::accumulate(variance.begin(), variance.end(), 0.0) / static_cast<double>(features);
  }

  /// A row, drawn with the chance that `chance(row)` says; `of_parts` are its sums. REQUIRES: not all are 0.
  template <typename Chance>
  std::size_t Draw(Random& random, const std::vector<double>& of_parts, Chance chance) const {
    double left = random.Uniform() * std::accumulate(of_parts.begin(), of_parts.end(), 0.0);
    std::size_t drawn = 0;
    for (std::size_t part = 0; part < of_parts.size(); ++part) {
      if (!(of_parts[part] > 0)) continue;
      double passed = 0;
      for (std::size_t r = part * part_rows_; r < std::min(rows_.rows(), (part + 1) * part_rows_); ++r) {
        const double here = chance(r);
        if (!(here > 0)) continue;
        drawn = r;   // the last there is, should rounding leave a rest
        passed += here;
        if (passed > left) return r;
      }
      left -= of_parts[part];
    }
    return drawn;
  }

  /// k-means++: each next centre is a row drawn by its squared distance from those chosen, the best of a few such (scikit-learn's greedy form).
  Result<std::vector<double>> Begin(std::size_t start) {
    Random random(seed_, start);
    const std::size_t features = rows_.features(), tries = 2 + static_cast<std::size_t>(math::Log(static_cast<double>(clusters_)));
    std::vector<double> centers, of_parts(sums_.size());
    const auto weight_of = [this](std::size_t r) { return weight(r); };
    ForParts([&](std::size_t part, std::size_t first, std::size_t end) {
      for (std::size_t r = first; r < end; ++r) of_parts[part] += weight(r);
    });
    squared_.assign(rows_.rows(), std::numeric_limits<double>::infinity());
    std::size_t next = Draw(random, of_parts, weight_of);
    while (true) {
      RETURN_IF_ERROR(Interrupted());
      Rows row(rows_.matrix);
      const double* x = row(next);
      centers.insert(centers.end(), x, x + features);
      of_parts = ComeNearer(next);
      const std::size_t chosen = centers.size() / features;
      if (chosen == clusters_) return centers;
      const double left = std::accumulate(of_parts.begin(), of_parts.end(), 0.0);
      if (!std::isfinite(left)) return Error(ErrorCode::kData, "values are too large for distances between rows").WithHelp("scale the columns: `{scale: standard}`");
      if (!(left > 0))
        return Error(ErrorCode::kData, "the rows have ", chosen, chosen == 1 ? " vector" : " different vectors", " only, and `n_clusters` is ", clusters_).WithHelp("ask for fewer clusters");
      std::vector<std::size_t> drawn;
      for (std::size_t i = 0; i < tries; ++i) drawn.push_back(Draw(random, of_parts, [this](std::size_t r) { return weight(r) * squared_[r]; }));
      next = BestOf(drawn);
    }
  }

  /// Every row's distance from the nearest centre, now that `center` is one too; their weighted sum in each part.
  std::vector<double> ComeNearer(std::size_t center) {
    Rows chosen(rows_.matrix);
    const Centers one({chosen(center), rows_.features()}, rows_.features());
    std::vector<double> of_parts(sums_.size());
    ForParts([&](std::size_t part, std::size_t first, std::size_t end) {
      Rows row(rows_.matrix);
      for (std::size_t r = first; r < end; ++r) {
        squared_[r] = std::min(squared_[r], one.Find(row(r)).squared);
        of_parts[part] += weight(r) * squared_[r];
      }
    });
    return of_parts;
  }

  /// Of rows that might be the next centre, that which leaves the smallest sum of squared distances.
  std::size_t BestOf(const std::vector<std::size_t>& candidates) const {
    std::vector<double> values;
    Rows candidate(rows_.matrix);
    for (const std::size_t r : candidates) {
      const double* x = candidate(r);
      values.insert(values.end(), x, x + rows_.features());
    }
    const Centers offered(values, rows_.features());
    std::vector<std::vector<double>> of_parts(sums_.size(), std::vector<double>(candidates.size()));
    ForParts([&](std::size_t part, std::size_t first, std::size_t end) {
      Rows row(rows_.matrix);
      std::vector<double> squares(candidates.size());
      for (std::size_t r = first; r < end; ++r) {
        offered.Squares(row(r), squares.data());
        for (std::size_t i = 0; i < squares.size(); ++i) of_parts[part][i] += weight(r) * std::min(squared_[r], squares[i]);
      }
    });
    std::vector<double> all(candidates.size());
    for (const std::vector<double>& part : of_parts)
      for (std::size_t i = 0; i < all.size(); ++i) all[i] += part[i];
    return candidates[static_cast<std::size_t>(std::min_element(all.begin(), all.end()) - all.begin())];
  }

  /// Put every row with its nearest centre.
  const Sums& Assign(const std::vector<double>& values) {
    const Centers centers(values, rows_.features());
    ForParts([&](std::size_t part, std::size_t first, std::size_t end) {
      Sums& sums = sums_[part];
      sums.Clear(clusters_, rows_.features());
      Rows row(rows_.matrix);
      for (std::size_t r = first; r < end; ++r) {
        const double* x = row(r);
        const Centers::Nearest nearest = centers.Find(x);
        const double w = weight(r);
        sums.moved += center_of_[r] != nearest.center;
        center_of_[r] = static_cast<std::uint32_t>(nearest.center);
        squared_[r] = nearest.squared;
        sums.inertia += w * nearest.squared;
        sums.weights[nearest.center] += w;
        sums.rows[nearest.center] += w > 0;
        double* to = sums.of_centers.data() + nearest.center * rows_.features();
        for (std::size_t j = 0; j < rows_.features(); ++j) to[j] += w * x[j];
      }
    });
    for (std::size_t part = 1; part < sums_.size(); ++part) sums_[0].Add(sums_[part]);
    return sums_[0];
  }

  /// Give each centre without a row that which lies farthest from its own, among those that are not alone.
  void FillEmpty(Sums& sums) const {
    std::vector<std::size_t> farthest;
    Rows row(rows_.matrix);
    for (std::size_t c = 0; c < clusters_; ++c) {
      if (sums.rows[c] > 0) continue;
      if (farthest.empty()) {
        farthest.resize(rows_.rows());
        std::iota(farthest.begin(), farthest.end(), std::size_t{0});
        std::stable_sort(farthest.begin(), farthest.end(), [&](std::size_t a, std::size_t b) { return squared_[a] < squared_[b]; });
        std::reverse(farthest.begin(), farthest.end());
      }
      for (std::size_t& r : farthest) {
        const std::size_t from = r < rows_.rows() ? center_of_[r] : 0;
        if (r == rows_.rows() || weight(r) == 0 || sums.rows[from] < 2) continue;
        const double* x = row(r);
        for (std::size_t j = 0; j < rows_.features(); ++j) {
          const double moved = weight(r) * x[j];
          sums.of_centers[from * rows_.features() + j] -= moved;
          sums.of_centers[c * rows_.features() + j] = moved;
        }
        sums.weights[from] -= weight(r);
        sums.weights[c] = weight(r);
        --sums.rows[from];
        sums.rows[c] = 1;
        r = rows_.rows();   // given away
        break;
      }
    }
  }

  Result<Found> Iterate(std::vector<double> centers, double least_move) {
    center_of_.assign(rows_.rows(), static_cast<std::uint32_t>(clusters_));
    bool settled = false;
    for (std::size_t i = 0; i < iterations_ && !settled; ++i) {
      RETURN_IF_ERROR(Interrupted());
      Assign(centers);
      Sums& sums = sums_[0];
      settled = sums.moved == 0;
      FillEmpty(sums);
      double way = 0;
      for (std::size_t c = 0; c < clusters_; ++c) {
        if (sums.rows[c] == 0) continue;
        for (std::size_t j = 0; j < rows_.features(); ++j) {
          double& value = centers[c * rows_.features() + j];
          const double mean = sums.of_centers[c * rows_.features() + j] / sums.weights[c];
          way += (mean - value) * (mean - value);
          value = mean;
        }
      }
      if (way <= least_move) break;
    }
    const Sums& sums = Assign(centers);
    return Found{std::move(centers), sums.weights, sums.inertia};
  }

  std::vector<double> InOrder(const Found& found) const {
    const std::size_t features = rows_.features();
    const auto center = [&](std::size_t c) { return std::span(found.centers).subspan(c * features, features); };
    std::vector<std::size_t> order(clusters_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      if (found.weights[a] != found.weights[b]) return found.weights[a] > found.weights[b];
      const auto first = center(a), second = center(b);
      return std::lexicographical_compare(first.begin(), first.end(), second.begin(), second.end());
    });
    std::vector<double> centers;
    for (const std::size_t c : order)
      for (const double value : center(c)) centers.push_back(value + 0.0);   // never -0, which JSON readers take for an int
    return centers;
  }

  const Vectors& rows_;
  const LearnerControl& control_;
  const std::size_t clusters_, starts_, iterations_;
  const double tolerance_;
  const std::uint64_t seed_;
  std::size_t part_rows_ = 0;
  std::vector<Sums> sums_;                  // of each part; the first becomes that of all
  std::vector<std::uint32_t> center_of_;    // of each row
  std::vector<double> squared_;             // each row's distance from the nearest centre
};

}  // namespace

Result<std::vector<double>> FindCenters(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control) {
  for (std::size_t r = 0; r < train.rows(); ++r) {
    std::size_t bad = train.features();
    train.matrix.ForEach(r, [&](std::size_t j, double x) { bad = std::isfinite(x) ? bad : std::min(bad, j); });
    if (bad < train.features()) return Error(ErrorCode::kData, "feature ", bad, " holds a missing value or an infinity, which the kmeans learner cannot take");
  }
  return KMeansSearch(settings, train, control).Run();
}

}  // namespace headrace::internal
