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

namespace internal { struct Node; }

/// What to do with a row where the reference engine would raise an error (integer overflow, ln(0),
/// a cast that cannot be done). Division by zero is not an error: it is null, as in DuckDB.
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
    ColumnPtr column;           ///< as many rows as the table, of type()
    std::int64_t errors = 0;    ///< rows made null under OnError::kNull
  };
  /// Evaluate over all rows. `table` must have the columns of columns() with the types bound
  /// (position and further columns do not matter). kData when a row raises under kRaise.
  Result<Output> Evaluate(const Table& table, OnError on_error) const;
  /// Evaluate an expression that reads no column. A row that raises is an error.
  Result<Value> EvaluateScalar() const;

 private:
  friend class Expression;
  std::shared_ptr<const internal::Node> root_;
  std::vector<std::string> columns_;
};

/// The one expression language (DESIGN, "Expressions"): SQL's expression syntax, used by `derive`,
/// `expect`, `when`, `gate` and `${...}`. DuckDB 1.5.5 is the reference for values, nulls and NaN.
///
///   Parse -> Bind -> Evaluate
///
/// Every error carries a span into the text given to Parse, and a `help` where a near name exists.
class Expression {
 public:
  static Result<Expression> Parse(std::string_view text);

  /// Values for dotted names such as `params.as_of`, `run.interval.end`, `item`: known ones have a
  /// value; one whose value is not known yet (validation) is a null of its type.
  using Names = std::map<std::string, Value>;

  /// Resolve columns and names, and type every node. A name is looked up in `names` first, then in
  /// `columns`. An unknown name suggests the nearest known one.
  Result<BoundExpression> Bind(const Schema& columns, const Names& names) const;

  /// Every name it mentions, dotted ones whole, sorted.
  const std::set<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<const internal::Node> root_;
  std::set<std::string> names_;
};

}  // namespace headrace
