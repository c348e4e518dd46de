#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/matrix.h"
#include "headrace/feature/spec.h"
#include "headrace/table/table.h"

namespace headrace {

namespace internal { struct TransformParts; }

/// Counts of rows for which a declared rule was used while applying. Each adds up over calls.
struct ApplyCounts {
  std::map<std::string, std::int64_t> unseen;         ///< per column: levels never seen at training
  std::map<std::string, std::int64_t> nulls;          ///< per raw column: null or NaN where training had none
  std::map<std::string, std::int64_t> derive_errors;  ///< per derived column: rows that could not be computed (they raise, or give an infinity) and are null
};

/// How Apply lays its numbers out: row after row, or column after column.
enum class Layout : std::uint8_t { kRows, kColumns };

/// What was learnt from training rows about their preparation: raw columns in, the learner's vector out.
///
/// Apply uses only what was fitted and the row in hand, so one row, a block and a whole table give the same bits.
/// A null, and a NaN in a double column, is a missing value; it reaches the learner as NaN unless a step fills it.
///
/// Threads: immutable; any number may use it at once. Copies share what was fitted.
class FittedTransform {
 public:
  /// Raw columns that Apply reads, with the types they had at training, in the training table's order. Derived columns are not among them.
  const Schema& input_schema() const;
  /// For each input column: whether training rows had nulls (or NaN).
  const std::vector<bool>& input_nullable() const;
  /// One name an output: "spend_30d", "country=DE", "country=(other)", "country=(missing)", "city[Adelie]", "joined.month". Unique.
  const std::vector<std::string>& output_names() const;
  /// For each output the column it was made from (raw or derived): "country" for "country=DE"; "a x b" where a step on a group made it of several.
  const std::vector<std::string>& output_columns() const;
  /// The levels of an encoded column that training saw, sorted, as text; empty for a column that is not encoded.
  std::vector<std::string> LevelsOf(std::string_view column) const;

  /// The columns some of whose percentiles come from a sketch (kll.h), not from all values exactly; those of a step on a group as "a, b".
  std::vector<std::string> SketchedColumns() const;

  /// Transform `rows` into `out`, rows x outputs; REQUIRES: out.size() == rows.num_rows() * output_names().size().
  /// Columns are found by name; extra columns and order do not matter. An int column where training had double (or the other
  /// way round) is accepted when every value converts exactly, a column of nulls only whatever its type.
  /// kData, naming the column: it is missing or of another type; it holds an infinity; `log1p` of a value <= -1; a level never seen under
  /// Unknown::kError; a missing value that no step fills where the learner cannot take one (linear). After an error `out` is undefined.
  /// `counts` may be null. On `threads` threads (0 = all cores), which never changes a bit; expressions are evaluated on one.
  Status Apply(const Table& rows, std::span<double> out, ApplyCounts* counts, int threads = 1, Layout layout = Layout::kRows) const;

  /// As Apply, without counts, compressed or row-major. The numbers are the same, but that a compressed -0 is 0.
  Result<Matrix> MakeMatrix(const Table& rows, bool compress, int threads = 1) const;

  /// All of it as canonical JSON: sorted keys, doubles in a form that reads back to the same bits.
  std::string ToJson() const;
  /// Read what ToJson wrote. Trusts nothing: kInvalid for anything that ToJson would not have written, byte for byte.
  static Result<FittedTransform> FromJson(std::string_view json);

  /// Internal: made by FitTransform and FromJson.
  explicit FittedTransform(std::shared_ptr<const internal::TransformParts> parts) : parts_(std::move(parts)) {}
  const internal::TransformParts& parts() const { return *parts_; }

 private:
  std::shared_ptr<const internal::TransformParts> parts_;
};

/// What fitting needs to know besides the table and the spec.
struct FitContext {
  Task task = Task::kBinary;
  int classes = 2;                        ///< kMulticlass: how many
  std::vector<std::string> class_names;   ///< for output names; empty: "0", "1", ...
  std::vector<double> target;             ///< one a row: the number, or the class index 0 .. classes-1
  bool has_target = true;                 ///< false: `target` means nothing, and steps that learn from it are refused (kInvalid)
  std::string target_column;              ///< never a feature, and no `derive` may read it
  /// Further columns that are not features (key, ignored). A `derive` may read them.
  std::vector<std::string> exclude;
  /// Columns that become the numbers of their levels (encode: ordinal) when no spec names them, whatever their type.
  std::vector<std::string> categorical;
  /// One number a row; rows of one number (a customer's weeks, a ranking's query) share a fold when target encodings (also by weight of
  /// evidence) are cross-fitted: the number modulo the step's `folds`. Empty: rows stand alone, and folds are dealt by position.
  std::vector<std::uint64_t> together;
  bool linear_learner = false;            ///< it takes no missing values and wants scaled numbers: decides the defaults
  int threads = 0;                        ///< 0 = all cores; never changes a bit of the result
  std::optional<std::size_t> exact_percentiles;  ///< rows up to which percentiles are exact, and beyond which they come from a sketch; empty: kExactPercentiles (statistics.h)
  bool matrix = true;                     ///< make the training rows' vectors too
  std::optional<bool> compress;           ///< those vectors: kept compressed or row-major; empty: compressed where at most a quarter of their numbers are not 0
};

struct FitOutput {
  FittedTransform transform;
  /// The training rows as the learner sees them, rows x outputs: what Apply gives, but target encodings are
  /// cross-fitted (each row's come from the other folds), and steps after them were fitted on those.
  Matrix matrix;                          ///< empty where FitContext says so
  std::vector<std::string> notes;         ///< for people: columns left out and why, constant features, rows that `derive` made null
};

/// Fit the transforms that `specs` declare, in their order, and the defaults of docs/transforms.md for columns that no group names, on all
/// rows of `data`. Equal input gives equal bits for any number of threads. REQUIRES: target (and together, if given) has one entry a row.
/// kInvalid: a spec names a column that is not there, excluded or named twice; a step that does not fit a column's type; an
/// expression that does not parse, bind or reads the target. kData: no rows, an infinity, a value a step cannot take, no usable feature.
Result<FitOutput> FitTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context);
/// What FitTransform would refuse on any table of this schema: columns that are not there, expressions and steps that do not fit the types. kInvalid.
Status CheckTransform(const Schema& schema, const std::vector<TransformSpec>& specs, const FitContext& context);

}  // namespace headrace
