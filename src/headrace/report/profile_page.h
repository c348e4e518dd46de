#pragma once

#include <string>
#include <string_view>

#include "headrace/check/profile.h"

namespace headrace {

/// One self-contained HTML page of a profile: a table of all columns, then a panel each. No script, no network. Equal input gives equal bytes.
std::string RenderHtml(const DataProfile& profile, std::string_view dataset, std::string_view headrace_version);

}  // namespace headrace
