#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/value.h"

namespace headrace::internal {

struct Syntax;
using SyntaxPtr = std::shared_ptr<const Syntax>;

inline constexpr std::size_t kMaxTextBytes = 64 * 1024;
inline constexpr int kMaxDepth = 200;

/// What was written, before names and types are known. Immutable once built; at most kMaxDepth levels high.
struct Syntax {
  enum class Kind : std::uint8_t {
    kLiteral,  ///< value
    kNull,     ///< the word null, of no type yet
    kName,     ///< text: a column or a name, dotted ones whole
    kNegate,   ///< -args[0]
    kBinary,   ///< text is one of + - * / // % || = <> < <= > >=
    kAnd,      ///< all args
    kOr,       ///< any of args
    kNot,
    kIsNull,
    kBetween,  ///< args: value, low, high
    kIn,       ///< args: value, then the list
    kLike,     ///< args: value, pattern, perhaps the escape character; `insensitive` for ilike
    kCase,     ///< args: [operand,] (when, then)*, [else]; see has_operand, has_else
    kCast,     ///< args[0] to `type`; `tries` for try_cast
    kCall,     ///< text: the function's name in lower case; "count(*)" and "count(distinct" among aggregates
  };
  Kind kind = Kind::kNull;
  TextSpan span;
  std::string text;
  Value value;
  std::vector<SyntaxPtr> args;
  Type type = Type::kText;
  bool negated = false;  ///< kIsNull, kBetween, kIn, kLike
  bool insensitive = false, has_operand = false, has_else = false, tries = false;
  int height = 1;
};

/// Read one whole expression. Operators bind as in DuckDB (weakest first): or, and, not, is, comparisons,
/// between/in/like, ||, + -, * / // %, unary -, ::.
///
/// `aggregates`: calls may be written `count(*)` and `count(distinct x)`.
Result<SyntaxPtr> ParseSyntax(std::string_view text, bool aggregates = false);

}  // namespace headrace::internal
