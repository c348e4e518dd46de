#pragma once

#include <cstddef>

#include "headrace/model/forest.h"

namespace headrace::fuzz {

/// Evaluate a forest that was accepted on odd vectors: by every kernel, to the same bits; and its contributions, unless it is large.
void TryMargins(const Forest& forest, std::size_t features);

}  // namespace headrace::fuzz
