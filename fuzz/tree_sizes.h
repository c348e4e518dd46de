#pragma once

#include <string>
#include <string_view>

namespace headrace::fuzz {

/// A forest's text with the sizes of its trees in `tree_sizes`, and nothing else changed: most damage alters them, and would be refused for that alone.
std::string MendTreeSizes(std::string_view text);

}  // namespace headrace::fuzz
