#pragma once

// Private to this room: all that was fitted, and what runs blocks of rows through it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/expr/expr.h"
#include "headrace/feature/steps.h"
#include "headrace/feature/transform.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// Steps in a row, and where their numbers lie: those that work in place stay where they are, every other writes elsewhere, the last of them into the outputs.
struct Program {
  std::vector<StepPtr> steps;
  std::vector<std::size_t> widths;         ///< number columns before each step, and at the end
  std::size_t last_move = kNoMove;         ///< the last step that does not work in place
  static constexpr std::size_t kNoMove = static_cast<std::size_t>(-1);
  void Finish(std::size_t inputs);
  std::size_t width() const { return widths.back(); }
  bool moves() const { return last_move != kNoMove; }
  std::size_t widest() const;              ///< before the last move: what comes after lies where the outputs go
};

struct FittedColumn {
  std::string column;
  Type type = Type::kDouble;
  std::optional<std::string> fill;         ///< text: what a null reads as
  bool indicator = false;                  ///< numbers: one more output, last: 1 where the value is missing
  bool sketched = false;                   ///< some step's percentiles come from a sketch (kll.h)
  Program program;
  std::size_t source = 0;                  ///< its place among the inputs and, after them, the derived columns
  std::vector<std::size_t> others;         ///< of each step: the place of the column it reads besides
  bool is_number() const { return type != Type::kText && !IsMoment(type); }
  std::size_t width() const { return program.width() + (indicator ? 1 : 0); }
};

/// Columns whose outputs go through further steps together. Most groups are one column and no such step.
struct FittedGroup {
  std::vector<FittedColumn> columns;
  Program program;
  bool sketched = false;                   ///< as FittedColumn, of the steps on the group
  std::string Label() const;               ///< "a" or "a, b": for messages
  std::size_t width() const { return program.width(); }
};

/// A column of `derive`.
struct DerivedColumn {
  std::string name, text;
  BoundExpression expression;
};

struct TransformParts {
  Schema inputs;
  std::vector<bool> nullable;
  std::vector<DerivedColumn> derived;
  std::vector<FittedGroup> groups;
  bool refuse_missing = false;             ///< the learner takes no NaN

  // Made by Finish from the above.
  std::vector<std::string> names, name_columns;
  std::vector<std::size_t> offsets;        ///< of each group's outputs; one more at the end
  std::vector<std::string> read;           ///< of each fitted column, in order: its name
  std::size_t widest = 0, widest_group = 0;
  /// REQUIRES: every column that is read is there.
  void Finish();
  std::size_t width() const { return offsets.back(); }
  std::size_t block_rows() const;          ///< rows whose numbers stay in the fast caches
};

/// Buffers of one thread, and the run of a block through them. Nothing is allocated once it is made, and nothing depends on which rows share a block.
class BlockRunner {
 public:
  BlockRunner(const TransformParts& parts, std::size_t block_rows);
  /// Rows [begin, begin + rows) of `columns` (inputs and derived) through group `g`; output k goes to out[k]. Adds unseen levels. REQUIRES: rows <= block_rows.
  Status RunGroup(std::size_t g, std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, double* const* out, std::int64_t* unseen);
  /// Through all groups: into columns of its own, out().
  Status Run(std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, std::int64_t* unseen);
  /// The same, into the caller's columns.
  Status RunInto(std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, double* const* out, std::int64_t* unseen);
  double* const* out() const { return out_.data(); }

 private:
  std::vector<double*> Carve(std::size_t columns);
  Status RunColumn(const FittedColumn& fitted, std::span<const ColumnPtr> columns, std::size_t begin, std::size_t rows, double* const* out, std::int64_t* unseen);
  Status RunProgram(const Program& program, const std::vector<std::size_t>* others, std::span<const ColumnPtr> columns, Lane& lane, double* const* start, double* const* out);

  const TransformParts& parts_;
  std::size_t stride_;
  std::vector<double> numbers_;
  std::size_t carved_ = 0;
  std::vector<double*> out_, group_, one_, two_;
  std::vector<std::int32_t> codes_;
};

/// A derived column: a row that raises or gives an infinity (1 / 0) is null and counted as an error.
Result<BoundExpression::Output> EvaluateDerived(const BoundExpression& expression, const Table& table);
/// Apply to all rows of inputs and derived columns, on `threads` threads.
Status ApplyTo(const TransformParts& parts, std::span<const ColumnPtr> columns, std::size_t rows, double* out, Layout layout, int threads, ApplyCounts* counts);

}  // namespace headrace::internal
