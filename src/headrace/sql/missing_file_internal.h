#pragma once

#include <string>

#include "headrace/base/status.h"

namespace headrace {

/// The error for a path or glob that leads to no file: kInvalid, with the nearest name in its folder, or some of those
/// there.
Status MissingFile(const std::string& pattern);

}  // namespace headrace
