#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/expr/kernels.h"
#include "headrace/expr/syntax.h"

namespace headrace::internal {

/// One way to call a function or an operator with arguments of certain types.
///
/// `params` has a letter for each argument: b bool, i int, d double, t text, D date, T timestamp, U duration,
/// and u for a unit of time in quotes. Among those of one name, the one that needs the fewest conversions is
/// taken, the first of equals.
struct Overload {
  std::string_view name, params;
  Type result;
  Kernel kernel;
  bool swaps = false;  ///< the kernel takes the two arguments in the other order
};

/// Those of `name`, which is lower case or an operator; empty when there are none.
std::vector<const Overload*> OverloadsOf(std::string_view name);
/// How a function is called, for messages: "round(x: int or double[, digits: int])"; "" for an operator.
std::string_view Signature(std::string_view name);
/// Every function's name, sorted; also those that the binder treats by itself (coalesce, concat, ...).
std::span<const std::string> FunctionNames();
/// What to use instead of a function that other dialects have and this language has not; "" if unknown.
std::string_view InsteadOf(std::string_view name);

Type TypeOfLetter(char letter);
/// "year", "years", ... in any case; nullopt for an unknown unit or one that `function` does not know.
std::optional<TimeUnit> UnitFromName(std::string_view name, std::string_view function);
/// The units that `function` knows, for messages.
std::string UnitNames(std::string_view function);

/// The kernel that casts, or nullptr when there is no such cast. REQUIRES: from != to.
Kernel CastKernel(Type from, Type to);

}  // namespace headrace::internal
