#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/expr/expr.h"

namespace headrace {

/// An expression over aggregates of a table's rows: `sum(amount) / count(*)`, `null_share(email) * 100`. The arguments are expressions over one row,
/// what stands around the calls is one over their results, which are doubles; a bare column outside a call is refused. Who computes the aggregates is the
/// caller's affair.
///
/// Threads: immutable.
class AggregateExpression {
 public:
  enum class Function : std::uint8_t {
    kCountRows,      ///< count(*)
    kCount,          ///< count(x): rows where x is not null
    kCountDistinct,  ///< count(distinct x): different values of x, nulls apart
    kSum, kMean,     ///< sum(x), mean(x) or avg(x): of a number or bool
    kMin, kMax,
    kNullShare,      ///< null_share(x): share of the rows where x is null
  };
  struct Call {
    Function function = Function::kCountRows;
    std::string argument;   ///< the text of an expression over one row; "" for count(*)
    TextSpan span;          ///< of the whole call, in the text given to Parse
  };

  /// kInvalid with a span: broken syntax, no aggregate, one inside another, a name outside.
  static Result<AggregateExpression> Parse(std::string_view text);

  const std::vector<Call>& calls() const { return calls_; }
  /// What to do with the results: reads call k as the column ResultName(k), a double.
  const Expression& outer() const { return outer_; }
  static std::string ResultName(std::size_t call) { return "#" + std::to_string(call); }

 private:
  std::vector<Call> calls_;
  Expression outer_;
};

}  // namespace headrace
