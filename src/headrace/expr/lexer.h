#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace::internal {

struct Token {
  enum class Kind : std::uint8_t {
    kEnd,
    kInt,  ///< digits only
    kDouble,
    kDuration,  ///< 7d, 1d12h
    kText,      ///< 'text', `text` holds it with '' resolved
    kWord,      ///< a name or a keyword: a, params.as_of, lift@10%
    kQuoted,    ///< "name", `text` holds it with "" resolved
    kSymbol,    ///< an operator, a parenthesis or a comma
  };
  Kind kind = Kind::kEnd;
  std::string text;
  TextSpan span;
};

/// Cut an expression into tokens, the last of which is kEnd. kInvalid with a span for what no token begins with.
Result<std::vector<Token>> Tokenize(std::string_view text);

}  // namespace headrace::internal
