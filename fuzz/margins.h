#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "headrace/model/forest.h"

namespace headrace::fuzz {

/// The whole number behind `key` in `text`, plus `more`, if it is a width from 1 to 64; else 3. What a text itself announces, so that most inputs come past the first check.
std::size_t AnnouncedFeatures(std::string_view text, std::string_view key, std::int64_t more);

/// Evaluate a forest that was accepted on odd vectors: by every kernel, to the same bits; and its contributions, unless it is large.
void TryMargins(const Forest& forest, std::size_t features);

}  // namespace headrace::fuzz
