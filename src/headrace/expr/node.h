#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/expr/expr.h"
#include "headrace/table/table.h"

// The evaluator computes blocks of at most kBlockRows rows: every node of the typed tree turns the vectors of
// its arguments into one vector of results, for all rows of the block at once. Rows that a `case`, `coalesce`,
// `and` or `or` does not need are computed too where that is harmless, but they are not *active*: only active
// rows may raise. One row is a block of one, so both ways share every line.

namespace headrace::internal {

inline constexpr std::size_t kBlockRows = 2048;

/// The values of one node on one block. Exactly one of the three pointers is set, by type (HeldAsInt). What
/// stands in a null row is anything. Vectors own their storage or borrow a column's.
struct Vector {
  const std::int64_t* ints = nullptr;
  const double* doubles = nullptr;
  const std::string_view* texts = nullptr;
  const std::uint8_t* valid = nullptr;  ///< one byte a row, or nullptr when no row is null

  bool IsValid(std::size_t i) const { return valid == nullptr || valid[i] != 0; }

  /// Storage for results; each also points the vector at it.
  std::int64_t* MakeInts(std::size_t rows) {
    own_ints.resize(rows);
    ints = own_ints.data();
    return own_ints.data();
  }
  double* MakeDoubles(std::size_t rows) {
    own_doubles.resize(rows);
    doubles = own_doubles.data();
    return own_doubles.data();
  }
  std::string_view* MakeTexts(std::size_t rows) {
    own_texts.resize(rows);
    texts = own_texts.data();
    return own_texts.data();
  }
  /// The validity bytes for writing; first all 1, or what they were.
  std::uint8_t* MakeValid(std::size_t rows);

  std::vector<std::int64_t> own_ints;
  std::vector<double> own_doubles;
  std::vector<std::string_view> own_texts;
  std::vector<std::uint8_t> own_valid;
};

/// Memory for texts made while one block is evaluated.
class TextArena {
 public:
  /// `size` bytes that stay until Clear.
  char* Allocate(std::size_t size);
  std::string_view Copy(std::string_view text);
  void Clear();

 private:
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t used_ = 0, capacity_ = 0;
};

class Frame;
using Args = std::span<const Vector* const>;
/// Computes `out` from `args` on all rows of the frame. `out.valid` has been set to the rows where no argument
/// is null; values there may be anything, so a kernel must be total, and raises by Frame::Fail.
using Kernel = void (*)(Frame& frame, const Node& node, Args args, Vector& out);

/// A typed operation. Immutable once bound.
struct Node {
  enum class Kind : std::uint8_t {
    kLiteral,   ///< value
    kColumn,    ///< column: an index into BoundExpression::columns()
    kCall,      ///< kernel over all args
    kCase,      ///< args: (condition, result)*, otherwise
    kCoalesce,  ///< the first of args that is not null
    kAnd,       ///< of bools, from the left, no further than a row needs
    kOr,        ///< the same
  };
  Kind kind = Kind::kLiteral;
  Type type = Type::kText;
  TextSpan span;
  Value value;
  std::size_t column = 0;
  Kernel kernel = nullptr;
  bool keeps_nulls = false;  ///< kCall: the kernel sees null rows and sets validity itself
  bool tries = false;        ///< a cast that gives null where it cannot be done
  int option = 0;            ///< a TimeUnit, an escape character, ...: the kernel's own
  bool untyped = false;      ///< the word null, which takes any type
  bool written = false;      ///< a literal of the text, not one computed from others
  std::size_t slot = 0;      ///< where its results stand in a frame
  std::vector<std::shared_ptr<const Node>> args;
};
using NodePtr = std::shared_ptr<const Node>;

/// One evaluation: the block at hand, its intermediate results, and the rows that have raised.
///
/// Threads: one.
class Frame {
 public:
  /// `columns` in the order of BoundExpression::columns(); they outlive the frame.
  Frame(std::vector<const Column*> columns, std::size_t slots);

  /// Move on to rows [offset, offset + rows). REQUIRES: rows <= kBlockRows.
  void Start(std::size_t offset, std::size_t rows);
  const Vector& Evaluate(const Node& node);

  std::size_t rows() const { return rows_; }
  TextArena& arena() { return arena_; }

  /// The row cannot be computed: null from here on, and counted. Rows that are not active, or have raised
  /// before, change nothing. `why` is a whole message without the row.
  void Fail(std::size_t row, const Node& node, Vector& out, std::string_view why, std::string_view help = "");

  bool any_failed() const { return any_failed_; }
  bool failed(std::size_t row) const { return any_failed_ && failed_[row] != 0; }
  /// The error of the first row that raised in any block, in the order of rows.
  Status FirstFailure() const { return first_failure_; }

 private:
  const Vector& EvaluateColumn(const Node& node, Vector& out);
  const Vector& EvaluateLiteral(const Node& node, Vector& out);
  const Vector& EvaluateCase(const Node& node, Vector& out);
  const Vector& EvaluateCoalesce(const Node& node, Vector& out);
  const Vector& EvaluateLogic(const Node& node, Vector& out);

  std::vector<const Column*> columns_;
  std::vector<Vector> slots_;
  std::vector<std::uint8_t> filled_;  ///< literal slots that hold their value already
  std::size_t offset_ = 0, rows_ = 0;
  const std::uint8_t* active_ = nullptr;  ///< nullptr: all
  TextArena arena_;
  std::vector<std::uint8_t> failed_;
  bool any_failed_ = false;
  std::size_t first_failed_row_ = 0;
  Status first_failure_;
};

}  // namespace headrace::internal
