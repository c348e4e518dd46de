#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headrace {

/// What is predicted: one of two classes, one of several, or a number.
enum class Task : std::uint8_t { kBinary, kMulticlass, kRegression };
std::string_view TaskName(Task task);    ///< "binary", "multiclass", "regression"

/// One step of a column's preparation, with scikit-learn's names and defaults.
struct TransformStep {
  enum class Kind : std::uint8_t { kImpute, kClip, kScale, kLog1p, kEncode };
  enum class Impute : std::uint8_t { kMean, kMedian, kMostFrequent, kConstant, kMissing };
  enum class Scale : std::uint8_t { kStandard, kMinMax, kRobust };
  enum class Encode : std::uint8_t { kOneHot, kOrdinal, kTarget };
  enum class Unknown : std::uint8_t { kOther, kIgnore, kError };

  Kind kind = Kind::kImpute;

  Impute impute = Impute::kMedian;     ///< kMissing: text becomes the level "missing"; a number keeps NaN and gains a 0/1 indicator column
  std::string constant;                ///< kConstant: read as the column's type

  /// kClip: bounds, or percentiles of the training values in [0, 100] (numpy's "linear" rule).
  std::optional<double> lower, upper;
  bool percentiles = false;

  Scale scale = Scale::kStandard;

  Encode encode = Encode::kOneHot;
  std::int64_t min_frequency = 0;      ///< onehot: rarer levels join the "other" column
  Unknown unknown = Unknown::kOther;   ///< level not seen at training: "other" column (onehot), -1 (ordinal), prior (target)
  double smooth = -1;                  ///< target: < 0 = scikit-learn's "auto" (empirical Bayes)
  std::int64_t folds = 5;              ///< target: cross-fitting folds
};

/// `{columns: [...], steps: [...]}` or `{derive: {name: expression}}`, applied in file order. A derived column joins
/// the table and may be named by later groups; a column that no group names gets the default of its type.
struct TransformSpec {
  std::vector<std::string> columns;
  std::vector<TransformStep> steps;
  std::vector<std::pair<std::string, std::string>> derive;   ///< name, expression; then columns and steps are empty
};

}  // namespace headrace
