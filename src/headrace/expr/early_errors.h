#pragma once

#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// What is wrong with an expression whatever columns and names it will be bound to, so that a file can be refused before any data are there: broken
/// syntax (then nothing else), functions that the language does not have, calls with a number of arguments that no form of the function takes, and parts
/// that mention no name and cannot be typed (`'a' + 1`). Each is kInvalid with a span into `text`; empty when nothing is.
///
/// Threads: any.
std::vector<Status> FindEarlyErrors(std::string_view text);

}  // namespace headrace
