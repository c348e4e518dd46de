#pragma once

// Private to this room: what was fitted for one column, and the kernels that apply it to a block of rows.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/expr/expr.h"
#include "headrace/feature/levels.h"
#include "headrace/feature/spec.h"
#include "headrace/feature/transform.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// Rows of one pass of the kernels: what is worked on stays in the fastest caches.
inline constexpr std::size_t kApplyBlockRows = 512;

/// A step on numbers, with its fitted parameters: one entry for each number column it runs on (several only after an encoding).
struct NumberStep {
  enum class Kind : std::uint8_t {
    kFill,     ///< NaN becomes a
    kClip,     ///< below a becomes a, above b becomes b; an infinity is no bound
    kScale,    ///< (x - a) / b
    kMinMax,   ///< x * a + b, as scikit-learn's MinMaxScaler computes it
    kLog1p,    ///< log(1 + x); no parameters
  };
  Kind kind = Kind::kFill;
  std::vector<double> a, b;
  bool operator==(const NumberStep&) const = default;
};

/// Run `step` with the parameters of number column `k` in place. Returns how many values have no result (log1p of -1 and below).
std::size_t RunStep(const NumberStep& step, std::size_t k, std::span<double> values);

/// An encoding of levels. The code of a row is its level's place, `levels.size()` for a missing value that training had, kUnseen,
/// or kMissingUnseen.
struct Encoder {
  static constexpr std::int32_t kUnseen = -1, kMissingUnseen = -2;

  TransformStep::Encode kind = TransformStep::Encode::kOneHot;
  TransformStep::Unknown unknown = TransformStep::Unknown::kOther;
  Levels levels;
  bool missing_seen = false;
  /// kOneHot: the output of each code (levels, then missing if seen). Those of rare levels are all `rare_slot`, the last one; -1 = none is rare.
  std::vector<std::int32_t> slots;
  std::size_t slot_count = 0;
  std::int32_t rare_slot = -1;
  /// kTarget: codes x width values, row-major, and the value of anything else.
  std::vector<double> values, prior;
  std::vector<std::string> classes;       ///< kTarget of several classes: their names

  std::size_t code_count() const { return levels.size() + (missing_seen ? 1 : 0); }
  std::size_t width() const {
    return kind == TransformStep::Encode::kOneHot ? slot_count : kind == TransformStep::Encode::kOrdinal ? 1 : prior.size();
  }
  /// Output `k` of a row with this code.
  double ValueOf(std::int32_t code, std::size_t k) const;
  std::int32_t SlotOf(std::int32_t code) const;    ///< kOneHot: -1 = all outputs are 0
  std::int32_t MissingCode() const { return missing_seen ? static_cast<std::int32_t>(levels.size()) : kMissingUnseen; }
};

/// All that was fitted for one column, in the order it is applied: `before` on the numbers, the encoding, `after` on what it gave.
struct FittedColumn {
  std::string column;
  Type type = Type::kDouble;                   ///< bool, int, double or text
  std::vector<NumberStep> before;              ///< not for text
  bool indicator = false;                      ///< one more output, last: 1 where the value is missing
  std::optional<std::string> text_fill;        ///< text: a null becomes this
  std::optional<Encoder> encoder;              ///< always, for text
  std::vector<NumberStep> after;

  std::size_t width() const { return (encoder ? encoder->width() : 1) + (indicator ? 1 : 0); }
  std::vector<std::string> OutputNames() const;
};

/// A level as text: numbers in their shortest form, those of a bool column as "false" and "true".
std::string LevelName(const Levels& levels, std::size_t i, Type type);

/// A column of `derive`.
struct DerivedColumn {
  std::string name, text;
  BoundExpression expression;
};

struct TransformParts {
  Schema inputs;
  std::vector<bool> nullable;
  std::vector<DerivedColumn> derived;
  std::vector<FittedColumn> columns;
  bool refuse_missing = false;       ///< the learner takes no NaN

  // Made by Finish from the above.
  std::vector<std::string> names, name_columns;
  std::vector<std::size_t> sources;  ///< of each column: its place among the inputs and, after them, the derived columns
  std::vector<std::size_t> offsets;  ///< of each column's outputs; one more at the end
  void Finish();
  std::size_t width() const { return offsets.back(); }
};

/// Buffers for one thread that applies.
struct Scratch {
  std::vector<double> numbers, work;
  std::vector<std::int32_t> codes;
  explicit Scratch(std::size_t rows) : numbers(rows), work(rows), codes(rows) {}
};

/// Rows [begin, begin + count) of `source` as numbers: null is NaN, bool is 0 or 1. REQUIRES: not text.
void LoadNumbers(const Column& source, std::size_t begin, std::size_t count, double* out);
/// The codes of rows of a text column, or of `numbers`. Returns how many are kUnseen.
std::size_t CodesOfText(const FittedColumn& fitted, const Column& source, std::size_t begin, std::size_t count, std::int32_t* codes);
std::size_t CodesOfNumbers(const FittedColumn& fitted, std::span<const double> numbers, std::int32_t* codes);

/// Apply `fitted` to at most kApplyBlockRows rows of `source`; output k of row i goes to out[i * stride + k]. Adds unseen levels to `unseen`.
Status ApplyColumn(const FittedColumn& fitted, bool refuse_missing, const Column& source, std::size_t begin, std::size_t count,
                   double* out, std::size_t stride, Scratch& scratch, std::int64_t* unseen);

/// A derived column: a row that raises or gives an infinity (1 / 0) is null and counted as an error.
Result<BoundExpression::Output> EvaluateDerived(const BoundExpression& expression, const Table& table);
/// The input columns of `rows` with the types of training, in the order of parts.inputs (Apply's kData errors).
Result<std::vector<ColumnPtr>> AdaptInputs(const TransformParts& parts, const Table& rows);
/// Add the derived columns to the inputs.
Result<std::vector<ColumnPtr>> WithDerived(const TransformParts& parts, std::vector<ColumnPtr> inputs, std::size_t rows, ApplyCounts* counts);
/// Apply to rows [begin, end) of inputs and derived columns (parts.sources); `out` is of the first of them.
Status ApplyTo(const TransformParts& parts, std::span<const ColumnPtr> columns, std::size_t begin, std::size_t end, double* out,
               ApplyCounts* counts);

}  // namespace headrace::internal
