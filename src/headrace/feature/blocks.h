#pragma once

#include <cstddef>

#include "headrace/base/parallel.h"

namespace headrace {

/// Rows of one partial state when fitting. Part of every result's definition: states of these blocks merge in block order, so the bits
/// do not depend on who computed which block.
inline constexpr std::size_t kFitBlockRows = 65536;

inline std::size_t FitBlocks(std::size_t rows) { return (rows + kFitBlockRows - 1) / kFitBlockRows; }

}  // namespace headrace
