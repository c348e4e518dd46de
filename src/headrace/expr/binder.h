#pragma once

#include <string>
#include <vector>

#include "headrace/expr/expr.h"
#include "headrace/expr/node.h"
#include "headrace/expr/syntax.h"

namespace headrace::internal {

struct Bound {
  NodePtr root;
  std::vector<std::string> columns;
  std::size_t slots = 0;
};

/// Resolve names and types below `root` and compute what depends on no column (see Expression::Bind).
Result<Bound> BindSyntax(const Syntax& root, const Schema& columns, const Expression::Names& names);

/// The error for a call of a function that the language does not have, with the nearest one or what to use instead.
Status UnknownFunction(const Syntax& call);

}  // namespace headrace::internal
