#pragma once

#include <optional>
#include <string>

#include "headrace/check/spec.h"
#include "headrace/pipeline/diagnostics.h"

namespace headrace {

/// The rule that `text` states as it would stand under `baseline:` in a pipeline file, for trying it before it stands there: "{window: 12, within: 4}", "auto".
/// nullopt after reporting; `shown` is what messages call the text, for example "--rule".
std::optional<BaselineSpec> ReadBaselineRule(const std::string& text, const std::string& shown, Diagnostics& diagnostics);

}  // namespace headrace
