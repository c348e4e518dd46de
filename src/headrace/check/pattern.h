#pragma once

#include <string>

#include "headrace/base/status.h"

namespace headrace {

/// Whether `matches` takes the pattern: a POSIX extended regular expression without references back to a group. kInvalid says why not, with a span into
/// `pattern`. What passes here compiles in a run too.
///
/// Threads: any.
Status CheckPattern(const std::string& pattern);

}  // namespace headrace
