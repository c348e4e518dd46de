#pragma once

// Private to this room: the steps of a transform. A kind of step is one file: what it refuses before it sees rows (Check), how it learns (Fit), and a FittedStep,
// which runs, tells its outputs and writes itself; its Read stands in the list of steps.cc, by which the model file's reader finds it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "headrace/base/status.h"
#include "headrace/feature/kernels.h"
#include "headrace/feature/levels.h"
#include "headrace/feature/spec.h"
#include "headrace/feature/statistics.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// Outputs of all columns of a group that a step may make, and of those that further steps are fitted on, each of which is held for all training rows.
inline constexpr std::size_t kMaxOutputs = 10'000, kMaxHeldOutputs = 1'000;
/// Outputs of a whole transform.
inline constexpr std::size_t kMaxWidth = 1'000'000;

/// A block of rows on its way through the steps of one column, or of a group of columns. Numbers lie columnar, NaN is missing.
struct Lane {
  std::string_view column;                 ///< for messages
  const Column* source = nullptr;          ///< rows [begin, begin + rows) of it; null for the steps of a group
  const std::string* fill = nullptr;       ///< what a null text reads as, if anything
  const Column* other = nullptr;           ///< the column FittedStep::other names
  std::size_t begin = 0, rows = 0;
  std::span<double* const> in, out;        ///< number columns; the same ones where the step works in place
  std::span<std::int32_t> codes;           ///< room for a code a row
  std::int64_t unseen = 0;                 ///< levels never seen at training, added up
};

/// Names of number columns, and the table's columns that each was made from (several are joined by " x ").
struct Outputs {
  std::vector<std::string> names, columns;
};

/// A step with what it learnt. Run uses the row in hand only, so any blocks give the same bits.
///
/// Threads: immutable; any number may Run at once.
class FittedStep {
 public:
  virtual ~FittedStep() = default;
  virtual Status Run(Lane& lane) const = 0;
  /// Number columns it makes of `inputs` (0: it reads the source).
  virtual std::size_t Width(std::size_t inputs) const { return inputs; }
  virtual bool in_place() const { return true; }                   ///< then Width(n) = n
  virtual void Describe(Outputs&) const {}                         ///< inputs in, outputs out
  virtual bool leaves_missing() const { return true; }             ///< what was missing may be so afterwards
  virtual std::string_view other() const { return {}; }            ///< a column that it reads besides
  virtual bool Accepts(Type) const { return false; }               ///< the type of that column
  virtual std::vector<std::string> LevelNames() const { return {}; }
  virtual nlohmann::json ToJson() const = 0;                       ///< an object; "step" says which Read
};
using StepPtr = std::unique_ptr<const FittedStep>;

/// What is known of a column or a group before there are rows.
struct StepTypes {
  const Schema& schema;
  std::string column;
  Type type = Type::kDouble;
  bool numbers = false;                    ///< by now; else text, a date or a timestamp that some step must read
  bool filled = false;                     ///< some impute came before
  bool group = false;                      ///< several columns at once
  Status Refuse(std::string_view why) const { return Error(ErrorCode::kInvalid, group ? "columns `" : "column `", column, "`: ", why); }
  Status NeedNumbers(std::string_view step) const;
};

/// What target encodings learn from.
struct TargetColumns {
  Task task = Task::kBinary;
  bool given = true;                          ///< false: `columns` mean nothing
  std::vector<std::vector<double>> columns;   ///< one for binary (0 or 1) and regression; for multiclass one a class, 1 where the row is of that class
  std::vector<std::string> classes;           ///< one a column; empty unless multiclass
  std::span<const std::uint64_t> together;    ///< FitContext::together
};

/// A number column of the training rows: a view of the table's while nothing changed it.
class Numbers {
 public:
  explicit Numbers(std::vector<double> own) : own_(std::move(own)), values_(own_) {}
  /// REQUIRES: bool, int or double.
  static Numbers Of(const Column& source, int threads);
  Numbers(Numbers&&) = default;
  Numbers& operator=(Numbers&&) = default;
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  std::span<const double> values() const { return values_; }
  /// To be changed: copied first if it is a view.
  std::span<double> Own();
  const RangeState& Range(int threads);    ///< kept until Own
  std::vector<double> Take();

 private:
  Numbers() = default;
  std::vector<double> own_;
  std::span<const double> values_;
  std::optional<RangeState> range_;
};

/// The training rows of a column or a group, as the steps so far made them.
struct FitInput {
  std::string column;
  bool group = false;
  Type type = Type::kDouble;
  const Column* source = nullptr;          ///< null for a group
  std::optional<std::string> fill;         ///< of text
  std::vector<Numbers> numbers;            ///< empty while no step read the source
  const TargetColumns& target;
  std::function<const Column*(const std::string&)> find;
  bool steps_follow = false;
  std::size_t rows = 0;
  int threads = 1;
  std::size_t exact_percentiles = kExactPercentiles;   ///< FitContext::exact_percentiles
  bool sketched = false;                   ///< some step's percentiles come from a sketch

  /// The order of number column `k`, or of some of its values.
  Ranking Rank(std::size_t k) { return Rank(numbers[k].values(), threads); }
  Ranking Rank(std::span<const double> values, int use_threads);

  Status Refuse(ErrorCode code, std::string_view why) const { return Error(code, group ? "columns `" : "column `", column, "` ", why); }
  Status Refuse(std::string_view why) const { return Refuse(ErrorCode::kData, why); }
  /// kInvalid unless there is a target to learn from.
  Status NeedTarget(std::string_view step) const;
  /// kData unless number column `k` has a value.
  Status NeedValue(std::size_t k);
  /// kData unless all are finite.
  Status NeedFinite(std::span<const double> fitted) const;
  /// kData when more outputs than allowed would come.
  Status LimitOutputs(std::size_t outputs, std::string_view what, std::string_view help) const;
};

struct FitResult {
  StepPtr step;
  /// The outputs of the training rows where they are not what Run gives (cross-fitting); else empty.
  std::vector<std::vector<double>> training = {};
};

// One Check and one Fit a kind. Check also says in `types` what comes out.
#define HEADRACE_STEP(Kind)                            \
  Status Check(const Kind& step, StepTypes& types);    \
  Result<FitResult> Fit(const Kind& step, FitInput& input);
HEADRACE_STEP(ImputeStep)
HEADRACE_STEP(ClipStep)
HEADRACE_STEP(ScaleStep)
HEADRACE_STEP(Log1pStep)
HEADRACE_STEP(QuantileStep)
HEADRACE_STEP(PowerStep)
HEADRACE_STEP(BinsStep)
HEADRACE_STEP(SplineStep)
HEADRACE_STEP(PolynomialStep)
HEADRACE_STEP(NormalizeStep)
HEADRACE_STEP(EncodeStep)
HEADRACE_STEP(DateStep)
HEADRACE_STEP(TextStep)
HEADRACE_STEP(SelectStep)
HEADRACE_STEP(ReduceStep)
#undef HEADRACE_STEP
/// Dispatch on the kind.
Status CheckStep(const TransformStep& step, StepTypes& types);
Result<FitResult> FitStep(const TransformStep& step, FitInput& input);
/// Whether the step works on all columns of a group together.
bool IsGroupStep(const TransformStep& step);

/// What a step's Read may rely on.
struct ReadContext {
  Type type = Type::kDouble;               ///< of the source
  std::size_t inputs = 0;                  ///< number columns that come in; 0: the source, unread
  bool group = false;
};
/// Read what ToJson of any step wrote. Trusts nothing: kInvalid for what Run could not take.
Result<StepPtr> ReadStep(const nlohmann::json& from, const ReadContext& context);

/// Rows [begin, begin + count) of `source` as numbers: null is NaN, bool is 0 or 1. What is odd among them. REQUIRES: bool, int or double.
Oddities LoadNumbers(const Column& source, std::size_t begin, std::size_t count, double* out);
/// The constant of an `impute` for a column of `type` (bool, int or double) as a number.
Result<double> NumberConstant(const std::string& text, Type type);
inline bool IsMoment(Type type) { return type == Type::kDate || type == Type::kTimestamp || type == Type::kDuration; }

}  // namespace headrace::internal
