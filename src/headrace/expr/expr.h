#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

namespace internal {
struct Syntax;
struct Node;
}  // namespace internal

/// What to do with a row where the reference engine would raise an error (integer overflow, ln(0),
/// a cast that cannot be done). Division by zero is no error, as in DuckDB: `/` gives an infinity or NaN,
/// `//` and `%` of ints give null.
enum class OnError : std::uint8_t {
  kRaise,  ///< checks, gates, `when`, `${...}`: the evaluation fails and says at which row and why
  kNull,   ///< `derive`: the row is null and counted
};

/// A typed expression that can be evaluated, over blocks or on one row, with the same bits.
///
/// Threads: immutable; any number may evaluate at once.
class BoundExpression {
 public:
  Type type() const;
  /// The columns it reads, each once, in order of first appearance.
  const std::vector<std::string>& columns() const { return columns_; }

  struct Output {
    ColumnPtr column;         ///< as many rows as the table, of type()
    std::int64_t errors = 0;  ///< rows made null under OnError::kNull
  };
  /// Evaluate over all rows. `table` must have the columns of columns() with the types bound
  /// (position and further columns do not matter); kData names one that is missing or of another type.
  /// kData when a row raises under kRaise: the message names the first such row, counted from 1, and never
  /// repeats a value of the data; the span is that of the operation that failed.
  Result<Output> Evaluate(const Table& table, OnError on_error) const;
  /// Evaluate an expression that reads no column. kInvalid when it reads one, or when the value raises.
  Result<Value> EvaluateScalar() const;

 private:
  friend class Expression;
  std::shared_ptr<const internal::Node> root_;
  std::vector<std::string> columns_;
  std::size_t slots_ = 0;
};

/// The one expression language (DESIGN, "Expressions"): SQL's expression syntax, used by `derive`,
/// `expect`, `when`, `gate` and `${...}`. DuckDB 1.5.5 is the reference for values, nulls and NaN.
///
///   Parse -> Bind -> Evaluate
///
/// Every error is kInvalid and carries a span into the text given to Parse, and a `help` where there is
/// something to do. The whole language, with the differences from DuckDB: docs/expressions.md. A text has at
/// most 64 KiB and 200 levels of nesting.
///
/// Threads: immutable.
class Expression {
 public:
  static Result<Expression> Parse(std::string_view text);

  /// Values for dotted names such as `params.as_of`, `run.interval.end`, `item`: known ones have a
  /// value; one whose value is not known yet (validation) is a null of its type. Typing depends on the types
  /// alone, so what binds with nulls binds with values.
  using Names = std::map<std::string, Value>;

  /// Resolve columns and names, and type every node. A name is looked up in `names` first, then in
  /// `columns`, byte for byte. An unknown name suggests the nearest known one. What depends on no column is
  /// computed once, here; if that raises, it still raises only where a row needs it.
  Result<BoundExpression> Bind(const Schema& columns, const Names& names) const;

  /// Every name it mentions, dotted ones whole, sorted.
  const std::set<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<const internal::Syntax> root_;
  std::set<std::string> names_;
};

}  // namespace headrace
