#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace headrace {

/// Count, mean and sum of squared deviations of the target in one group of rows (Welford 1962; merged by Chan et al. 1979).
struct TargetGroup {
  std::int64_t count = 0;
  double mean = 0, squares = 0;
  void Add(double y);
  void Merge(const TargetGroup& other);
};

/// What each level is worth: levels x targets, row-major, and the value of a level never seen.
struct TargetValues {
  std::vector<double> values;
  std::vector<double> prior;    ///< one a target: its mean over all rows
};

/// The training rows of one encoded column.
struct TargetRows {
  std::span<const std::int32_t> codes;   ///< the level of each row, 0 .. levels - 1 (a missing value is a level of its own)
  std::size_t levels = 0;
  /// One column for binary (0 or 1) and regression; for multiclass one a class, 1 where the row is of that class.
  std::span<const std::vector<double>> targets;
  std::span<const int> folds;            ///< 0 .. fold_count - 1
  int fold_count = 0;
};

/// What a level is worth, from its rows and from all rows.
using Worth = double (*)(const TargetGroup& level, const TargetGroup& all, double setting);

/// scikit-learn's TargetEncoder. With n rows of a level, mean m and squared deviations S, and over all rows the mean M and the
/// variance V of the target, a level is worth
///   smooth >= 0:      (n m + smooth M) / (n + smooth)                     (an m-estimate)
///   smooth < 0, auto: w m + (1 - w) M with w = V n / (V n + S / n)       (Micci-Barreca 2001, equations 5 and 6)
/// and M where that is 0/0. A level without rows is worth M.
double TargetMean(const TargetGroup& level, const TargetGroup& all, double smooth);
/// The weight of evidence of a target of 0 and 1, as category_encoders has it: with p of P ones and q of Q zeros in the level and r added to each count,
/// log(((p + r) / (P + 2 r)) / ((q + r) / (Q + 2 r))). A level without rows is worth 0.
double WeightOfEvidence(const TargetGroup& level, const TargetGroup& all, double regularization);

struct TargetEncoding {
  TargetValues all;                                 ///< from all rows: what scores later rows
  std::vector<std::vector<double>> cross_fitted;    ///< per target, per row: from the rows of the other folds
};
TargetEncoding EncodeTarget(const TargetRows& rows, Worth worth, double setting, int threads);

}  // namespace headrace
