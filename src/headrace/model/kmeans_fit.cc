// Lloyd's iterations with Hamerly's bounds (2010): of each row we know how far its centre is at most and every other at least, and add to both how far centres have
// moved since. Where no doubt is left, the row is neither read nor compared. The bounds are wider than rounding could ever be (Doubtful), so rows go where comparing
// all of them would have put them. What rows add up to is kept with what rounding drops, so that one can leave its centre again.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "headrace/feature/statistics.h"
#include "headrace/model/kmeans_internal.h"

namespace headrace::internal {
namespace {

/// What the rows of each centre add up to.
struct Sums {
  std::size_t stride;                    ///< features and one more
  std::vector<ExactSum> numbers;         ///< each centre's features, weighted, and its weight
  std::vector<std::int64_t> rows;        ///< that weigh something

  Sums(std::size_t centers, std::size_t features) : stride(features + 1), numbers(centers * stride), rows(centers) {}
  void Clear() {
    std::fill(numbers.begin(), numbers.end(), ExactSum());
    std::fill(rows.begin(), rows.end(), 0);
  }
  /// `weight` below 0: the row leaves.
  void Add(std::size_t center, const double* x, double weight) {
    ExactSum* to = numbers.data() + center * stride;
    for (std::size_t j = 0; j + 1 < stride; ++j) to[j].Add(weight * x[j]);
    to[stride - 1].Add(weight);
    rows[center] += weight > 0 ? 1 : weight < 0 ? -1 : 0;
  }
  void Add(const Sums& other) {
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i].Merge(other.numbers[i]);
    for (std::size_t c = 0; c < rows.size(); ++c) rows[c] += other.rows[c];
  }
  double sum(std::size_t center, std::size_t feature) const { return numbers[center * stride + feature].value(); }
  double weight(std::size_t center) const { return numbers[center * stride + stride - 1].value(); }
};

/// How far centres moved, rounded up.
struct Moves {
  std::vector<double> of;                 ///< each centre, and 0 for rows without one
  std::size_t farthest = 0;
  double most = 0, second = 0;            ///< that of the farthest, that of any other at most

  explicit Moves(std::size_t centers) : of(centers + 1) {}
  void Rank() {
    farthest = static_cast<std::size_t>(std::max_element(of.begin(), of.end()) - of.begin());
    most = of[farthest];
    second = 0;
    for (std::size_t c = 0; c < of.size(); ++c)
      if (c != farthest) second = std::max(second, of[c]);
  }
};

/// Centres, and how well they stand for the rows.
struct Found {
  std::vector<double> centers, weights;
  double inertia = 0;
};

class Lloyd {
 public:
  Lloyd(const PartedRows& rows, std::size_t clusters)
      : rows_(rows), clusters_(clusters), slack_(static_cast<double>(rows.features() + 16) * std::numeric_limits<double>::epsilon()), all_(clusters, rows.features()),
        changes_(rows.parts(), all_), moves_(clusters), center_of_(rows.rows()), upper_(rows.rows()), lower_(rows.rows()) {}

  Result<Found> Run(std::vector<double> centers, std::size_t iterations, double least_move, const LearnerControl& control) {
    Forget();
    bool settled = false;
    for (std::size_t i = 0; i < iterations && !settled; ++i) {
      RETURN_IF_ERROR(NotInterrupted(control));
      settled = Assign(centers) == 0;
      if (Move(centers, HasEmpty() ? Filled(centers) : all_) <= least_move) break;
    }
    Assign(centers);
    double inertia = 0;
    const std::vector<double> squared = Squared(centers);
    for (std::size_t part = 0; part < rows_.parts(); ++part) {
      double of_part = 0;
      for (std::size_t r = rows_.first(part); r < rows_.end(part); ++r) of_part += rows_.weight(r) * squared[r];
      inertia += of_part;
    }
    std::vector<double> weights;
    for (std::size_t c = 0; c < clusters_; ++c) weights.push_back(all_.weight(c));
    return Found{std::move(centers), std::move(weights), inertia};
  }

 private:
  /// No row has a centre.
  void Forget() {
    std::fill(center_of_.begin(), center_of_.end(), static_cast<std::uint32_t>(clusters_));
    std::fill(upper_.begin(), upper_.end(), std::numeric_limits<double>::infinity());
    std::fill(lower_.begin(), lower_.end(), 0.0);
    moves_ = Moves(clusters_);
    all_.Clear();
  }

  /// Put every row with its nearest centre. The number of rows that this moved.
  std::size_t Assign(const std::vector<double>& values) {
    const Centers centers(values, rows_.features());
    std::vector<std::size_t> moved(rows_.parts());
    rows_.ForParts([&](std::size_t part) {
      changes_[part].Clear();
      const std::vector<std::size_t> doubtful = Doubtful(part);
      PartedRows::Reader reader(rows_);
      std::array<Centers::Nearest, PartedRows::kAtOnce> nearest;
      const auto some_at = [&](std::size_t begin) {
        const auto rest = std::span(doubtful).subspan(std::min(begin, doubtful.size()));
        return rest.first(std::min(PartedRows::kAtOnce, rest.size()));
      };
      for (std::size_t begin = 0; begin < doubtful.size(); begin += PartedRows::kAtOnce) {
        reader.Expect(some_at(begin + 2 * PartedRows::kAtOnce));
        const std::span<const std::size_t> some = some_at(begin);
        const std::span<const double* const> x = reader(some);
        centers.Find(x, nearest.data());
        for (std::size_t i = 0; i < some.size(); ++i) moved[part] += Put(some[i], x[i], nearest[i], changes_[part]) ? 1 : 0;
      }
    });
    for (const Sums& changes : changes_) all_.Add(changes);
    return std::accumulate(moved.begin(), moved.end(), std::size_t{0});
  }

  /// Move the bounds of a part's rows as the centres moved; the rows whose nearest centre they leave open. A computed square is off by a share of features + 3 half
  /// epsilons at most, its root by half of that and one more, a bound by two more each time: slack_ is more than twice as much, and kLeast more than what underflow takes.
  std::vector<std::size_t> Doubtful(std::size_t part) {
    constexpr double kLeast = 1e-140;
    const double wider = 1 + slack_, narrower = 1 - slack_, widest = 1 + 4 * slack_;
    std::vector<std::size_t> doubtful(rows_.end(part) - rows_.first(part));
    std::size_t count = 0;
    for (std::size_t r = rows_.first(part); r < rows_.end(part); ++r) {
      const std::size_t c = center_of_[r];
      upper_[r] = (upper_[r] + moves_.of[c]) * wider;
      lower_[r] = (lower_[r] - (c == moves_.farthest ? moves_.second : moves_.most)) * narrower;
      doubtful[count] = r;
      count += upper_[r] * widest + kLeast < lower_[r] ? 0 : 1;
    }
    doubtful.resize(count);
    return doubtful;
  }

  /// Whether the row has another centre now.
  bool Put(std::size_t r, const double* x, const Centers::Nearest& nearest, Sums& changes) {
    upper_[r] = std::sqrt(nearest.squared) * (1 + slack_);
    lower_[r] = std::sqrt(nearest.second) * (1 - slack_);
    const std::size_t before = center_of_[r];
    if (before == nearest.center) return false;
    if (before < clusters_) changes.Add(before, x, -rows_.weight(r));
    changes.Add(nearest.center, x, rows_.weight(r));
    center_of_[r] = static_cast<std::uint32_t>(nearest.center);
    return true;
  }

  /// The squared distance of each row from its centre.
  std::vector<double> Squared(const std::vector<double>& values) const {
    const Centers centers(values, rows_.features());
    std::vector<double> squared(rows_.rows());
    rows_.ForParts([&](std::size_t part) {
      rows_.Measure(part, centers, [&](std::size_t r, const double* squares) { squared[r] = squares[center_of_[r]]; });
    });
    return squared;
  }

  bool HasEmpty() const { return std::find(all_.rows.begin(), all_.rows.end(), 0) != all_.rows.end(); }

  /// The sums once each centre without a row was given that which lies farthest from its own, among those that are not alone.
  Sums Filled(const std::vector<double>& centers) const {
    const std::vector<double> squared = Squared(centers);
    std::vector<std::size_t> farthest(rows_.rows());
    std::iota(farthest.begin(), farthest.end(), std::size_t{0});
    std::stable_sort(farthest.begin(), farthest.end(), [&](std::size_t a, std::size_t b) { return squared[a] < squared[b]; });
    std::reverse(farthest.begin(), farthest.end());
    Sums sums = all_;
    PartedRows::Reader reader(rows_);
    auto next = farthest.begin();
    for (std::size_t c = 0; c < clusters_; ++c) {
      if (sums.rows[c] > 0) continue;
      next = std::find_if(next, farthest.end(), [&](std::size_t r) { return rows_.weight(r) > 0 && sums.rows[center_of_[r]] > 1; });
      if (next == farthest.end()) break;
      const double* x = reader(*next);
      sums.Add(center_of_[*next], x, -rows_.weight(*next));
      sums.Add(c, x, rows_.weight(*next));
      ++next;
    }
    return sums;
  }

  /// Centres to the means of their rows. The sum of their squared moves.
  double Move(std::vector<double>& centers, const Sums& sums) {
    const std::size_t features = rows_.features();
    double all = 0;
    for (std::size_t c = 0; c < clusters_; ++c) {
      moves_.of[c] = 0;
      if (sums.rows[c] == 0) continue;
      double squared = 0;
      for (std::size_t j = 0; j < features; ++j) {
        double& value = centers[c * features + j];
        const double mean = sums.sum(c, j) / sums.weight(c);
        squared += (mean - value) * (mean - value);
        value = mean;
      }
      all += squared;
      moves_.of[c] = std::sqrt(squared) * (1 + slack_);
    }
    moves_.Rank();
    return all;
  }

  const PartedRows& rows_;
  const std::size_t clusters_;
  const double slack_;
  Sums all_;                                // of the rows by center_of_
  std::vector<Sums> changes_;               // of each part, in one pass
  Moves moves_;                             // since the bounds were true
  std::vector<std::uint32_t> center_of_;    // of each row; as many as there are where it has none
  std::vector<double> upper_, lower_;       // bounds of each row's distance to its centre, and to any other
};

/// Over the features, each about its own mean; whatever rows weigh, as scikit-learn.
double MeanVariance(const PartedRows& rows) {
  const std::size_t features = rows.features();
  const auto n = static_cast<double>(rows.rows());
  const auto sum = [&](const std::vector<double>& about, bool squared) {
    std::vector<std::vector<double>> of_parts(rows.parts(), std::vector<double>(features));
    rows.ForParts([&](std::size_t part) {
      PartedRows::Reader reader(rows);
      for (std::size_t r = rows.first(part); r < rows.end(part); ++r) {
        const double* x = reader(r);
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

/// The largest first.
std::vector<double> InOrder(const Found& found, std::size_t features) {
  const auto center = [&](std::size_t c) { return std::span(found.centers).subspan(c * features, features); };
  std::vector<std::size_t> order(found.weights.size());
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

}  // namespace

Result<std::vector<double>> FindCenters(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control) {
  for (std::size_t r = 0; r < train.rows(); ++r) {
    std::size_t bad = train.features();
    train.matrix.ForEach(r, [&](std::size_t j, double x) { bad = std::isfinite(x) ? bad : std::min(bad, j); });
    if (bad < train.features()) return Error(ErrorCode::kData, "feature ", bad, " holds a missing value or an infinity, which the kmeans learner cannot take");
  }
  const auto clusters = static_cast<std::size_t>(settings.number("n_clusters", 8)), starts = static_cast<std::size_t>(settings.number("n_init", 10)),
             iterations = static_cast<std::size_t>(settings.number("max_iter", 300));
  const auto seed = static_cast<std::uint64_t>(settings.number("seed", 0));
  const PartedRows rows(train, clusters, control.threads);
  const double least_move = settings.number("tol", 1e-4) * MeanVariance(rows);
  Lloyd lloyd(rows, clusters);
  Found best;
  for (std::size_t start = 0; start < starts; ++start) {
    ASSIGN_OR_RETURN(std::vector<double> centers, BeginCenters(rows, clusters, seed, start, control));
    ASSIGN_OR_RETURN(Found found, lloyd.Run(std::move(centers), iterations, least_move, control));
    if (start == 0 || found.inertia < best.inertia) best = std::move(found);
    if (control.progress) control.progress(static_cast<double>(start + 1) / static_cast<double>(starts));
  }
  return InOrder(best, train.features());
}

}  // namespace headrace::internal
