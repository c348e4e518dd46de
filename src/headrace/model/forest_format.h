#pragma once

#include <cstdint>

/// The bits of `decision_type` in LightGBM's text.
namespace headrace::forest_format {

inline constexpr std::uint32_t kCategorical = 1, kDefaultLeft = 2;
inline constexpr std::uint32_t kMissingMask = 12, kMissingZero = 4, kMissingNaN = 8;

}  // namespace headrace::forest_format
