#pragma once

#include <string>

namespace headrace::internal {

/// The id of this boot of the machine; "" when the kernel does not say.
std::string BootId();

/// Eight letters that tell the processes of this host from those of others that share its folders; the same after a restart.
const std::string& HostTag();

}  // namespace headrace::internal
