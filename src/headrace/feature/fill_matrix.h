#pragma once

// Private to this room.

#include <cstddef>
#include <optional>
#include <span>

#include "headrace/base/status.h"
#include "headrace/feature/matrix.h"
#include "headrace/feature/parts.h"

namespace headrace::internal {

/// An output whose numbers for the training rows are not what the steps give (cross-fitting).
struct GivenOutput {
  std::size_t output;
  std::span<const double> values;          ///< one a row
};

/// All rows of inputs and derived columns through the steps. A block is run as for scoring and, if the matrix shall be compressed, is so at once: what is not held
/// are all rows with their zeros. `compress`: nothing decides by kMostNumbers.
Result<Matrix> FillMatrix(const TransformParts& parts, std::span<const ColumnPtr> columns, std::size_t rows, std::optional<bool> compress, int threads,
                          std::span<const GivenOutput> given = {});

/// Of a matrix's numbers, the share up to which they are compressed: a number takes 12 bytes with its column, and 8 beside its zeros.
inline constexpr double kMostNumbers = 0.25;

}  // namespace headrace::internal
