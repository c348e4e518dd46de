#pragma once

#include <string>

#include "headrace/model/model.h"

namespace headrace {

/// What a model says of itself as JSON, two spaces deep: `headrace --json inspect`, the C ABI, Python's `describe()`.
std::string DescribeAsJson(const ModelInfo& info);

}  // namespace headrace
