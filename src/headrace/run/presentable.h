#pragma once

#include "headrace/step/step.h"

namespace headrace {

/// `text` as people may see and we may record it: files of the project by their path within it, so that a message reads the same on every
/// machine, and `***` in place of every connection's uri that is a secret (of its folder too).
std::string Presentable(const RunEnvironment& run, std::string_view text);
/// The same for message and help of an error.
Status Presentable(const RunEnvironment& run, const Status& status);

}  // namespace headrace
