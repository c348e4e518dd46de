#pragma once

#include <string>

namespace headrace::internal {

/// The id of this boot of the machine; "" when the kernel does not say.
std::string BootId();

}  // namespace headrace::internal
