#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "headrace/table/value.h"

namespace headrace {

/// What is predicted: one of two classes, one of several, or a number; or, without a target, which rows are alike.
enum class Task : std::uint8_t { kBinary, kMulticlass, kRegression, kClustering };
std::string_view TaskName(Task task);    ///< "binary", "multiclass", "regression", "clustering"

// The steps of a transform, with scikit-learn's names and defaults. docs/transforms.md has the formulas. A step that is new stands here, in one file of
// this folder (steps.h says what that file holds), and in pipeline's schema_transform.cc and decode_transform.cc.

struct ImputeStep {
  /// kMissing: text becomes the level "missing"; a number keeps NaN and gains a 0/1 indicator column.
  enum class With : std::uint8_t { kMean, kMedian, kMostFrequent, kConstant, kMissing };
  With with = With::kMedian;
  std::string constant = {};           ///< kConstant: read as the column's type
  bool indicator = false;              ///< a second output says where x was missing
  std::string by = {};                 ///< kMean, kMedian: one fill for each level of this column
};

struct ClipStep {
  /// Bounds, or percentiles of the training values in [0, 100] (numpy's "linear" rule).
  std::optional<double> lower = {}, upper = {};
  bool percentiles = false;
};

struct ScaleStep {
  enum class How : std::uint8_t { kStandard, kMinMax, kMaxAbs, kRobust };
  How how = How::kStandard;
};

struct Log1pStep {};

struct QuantileStep {
  bool normal = false;                 ///< to a normal distribution, not a uniform one
  std::int64_t quantiles = 1000;
};

struct PowerStep {
  bool box_cox = false;                ///< Box-Cox, not Yeo-Johnson
  bool standardize = true;
};

struct BinsStep {
  enum class By : std::uint8_t { kUniform, kQuantile, kKMeans, kEdges };
  By by = By::kQuantile;
  std::int64_t count = 5;
  std::vector<double> edges = {};      ///< kEdges: inner edges, rising
  bool onehot = false;                 ///< one 0/1 output a bin, not the bin's number
};

struct SplineStep {
  enum class Outside : std::uint8_t { kConstant, kLinear, kContinue, kPeriodic };
  std::int64_t knots = 5, degree = 3;
  bool quantile = false;               ///< knots at quantiles, not evenly
  Outside outside = Outside::kConstant;
  bool bias = true;
};

/// Products of the columns of a group.
struct PolynomialStep {
  std::int64_t degree = 2;
  bool interactions_only = false;
};

/// Each row of a group of columns, divided by its norm.
struct NormalizeStep {
  enum class Norm : std::uint8_t { kL1, kL2, kMax };
  Norm norm = Norm::kL2;
};

struct EncodeStep {
  enum class How : std::uint8_t { kOneHot, kOrdinal, kTarget, kCount, kFrequency, kWoe, kHash };
  enum class Unknown : std::uint8_t { kOther, kIgnore, kError };
  How how = How::kOneHot;
  std::int64_t min_frequency = 0;      ///< onehot: rarer levels join the "other" column
  std::int64_t max_categories = 0;     ///< onehot: at most so many outputs, "other" among them; 0 = no limit
  Unknown unknown = Unknown::kOther;   ///< level not seen at training: "other" column (onehot), -1 (ordinal), prior (target), 0 (count, woe)
  double smooth = -1;                  ///< target: < 0 = scikit-learn's "auto" (empirical Bayes)
  double regularization = 1;           ///< woe: added to every count
  std::int64_t folds = 5;              ///< target, woe: cross-fitting folds
  std::int64_t features = 8;           ///< hash: outputs
};

enum class DatePart : std::uint8_t { kYear, kQuarter, kMonth, kWeek, kDay, kDayOfYear, kWeekday, kHour, kMinute, kSecond };
std::string_view DatePartName(DatePart part);   ///< "year", "day_of_year", ...

struct DateStep {
  std::vector<DatePart> parts = {};             ///< one output each
  std::vector<DatePart> cyclical = {};          ///< two outputs each: sine and cosine
  std::optional<std::int64_t> since = {};       ///< days since this one (days since 1970-01-01)
  std::vector<std::int64_t> holidays = {};      ///< an output that is 1 on these days
};

struct TextStep {
  enum class How : std::uint8_t { kNone, kCount, kTfidf, kHash };
  How how = How::kTfidf;
  bool length = false;                          ///< outputs with the number of characters and of words
  bool characters = false;                      ///< n-grams of characters, not of words
  std::int64_t ngram_from = 1, ngram_to = 1;
  std::int64_t max_features = 100;              ///< kHash: how many outputs
  std::int64_t min_df = 1;                      ///< texts that must hold a term
};

/// Keep some of the columns of a group.
struct SelectStep {
  enum class By : std::uint8_t { kVariance, kCorrelation, kF, kChi2, kMutualInformation };
  By by = By::kVariance;
  double threshold = 0;                         ///< kVariance: keep above it; kCorrelation: drop above it
  std::int64_t k = 10;                          ///< the others: keep the best k
};

/// Fewer columns that hold most of what a group holds.
struct ReduceStep {
  bool center = true;                           ///< PCA; else truncated SVD
  std::int64_t components = 2;
};

using TransformStep = std::variant<ImputeStep, ClipStep, ScaleStep, Log1pStep, QuantileStep, PowerStep, BinsStep, SplineStep, PolynomialStep, NormalizeStep,
                                   EncodeStep, DateStep, TextStep, SelectStep, ReduceStep>;

/// A number of a step that `tune` is to decide; until then the step holds the first that it may be.
struct OpenNumber {
  std::size_t step = 0;                         ///< which of TransformSpec::steps
  std::string key = {};                         ///< as SetNumber knows it
  std::string name = {};                        ///< what trials call it: "city.encode.smooth"
};

/// Set the number that a step's file gives under `key` ("smooth", "components"; of clip "lower" and "upper", with or without "%"; of polynomial "polynomial"). False when
/// the kind of step has no such number, or `text` is none.
bool SetNumber(TransformStep& step, std::string_view key, std::string_view text);

/// One entry of `transform`, applied in file order: a group of columns and its steps; columns that are left out; or new ones. A derived column joins the table and may be
/// named by later entries; a column that no entry takes gets the default of its type.
struct TransformSpec {
  std::vector<std::string> columns;             ///< names, or patterns with `*`, which take what no entry before it took; with `tag` those that contracts tag so
  std::vector<TransformStep> steps;
  std::vector<std::pair<std::string, std::string>> derive;   ///< name, expression; then all else is empty
  std::optional<Type> type = {};                ///< instead of names: every column of this type that no entry before it took
  std::vector<std::string> drop = {};           ///< names or patterns; then all else is empty
  std::string tag = {};                         ///< `columns` are all that have this tag in a contract; those that the table has and no entry before it took are meant
  std::vector<std::pair<std::string, Type>> cast = {};            ///< column, its type from here on; then all else is empty
  std::vector<std::pair<std::string, std::string>> rename = {};   ///< column, its name from here on; then all else is empty
  /// Not empty: the entry belongs to this alternative of the choice, and counts only where that is chosen (Chosen).
  std::string choice = {}, alternative = {};
  std::vector<OpenNumber> open = {};
};

/// The entries that stand whatever is chosen, and those of the alternatives chosen, with the numbers chosen; in their order, as if nothing else had been written. `chosen` has
/// the alternative of each choice and the text of each open number, by name; a number that it leaves out stays as the step holds it.
std::vector<TransformSpec> Chosen(const std::vector<TransformSpec>& specs, const std::map<std::string, std::string>& chosen);

/// All that `spec` says, as text: two specs have the same text when they are the same. For fingerprints.
std::string CanonicalText(const TransformSpec& spec);

}  // namespace headrace
