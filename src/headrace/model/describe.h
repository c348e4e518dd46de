#pragma once

#include <string>
#include <string_view>

#include "headrace/model/model.h"

namespace headrace {

/// What a model says of itself as JSON, two spaces deep: `headrace --json inspect`, the C ABI, Python's `describe()`.
std::string DescribeAsJson(const Model& model);
/// For people: "spend, visits: from a KLL sketch, ranks within 0.1 %"; "" where all percentiles are exact.
std::string DescribeSketches(const Model& model);
/// What the model is for, in a word: "binary", "multiclass", "regression", "uplift".
std::string_view KindOf(const ModelInfo& info);
/// For people: "mailed: yes instead of no; of the probability of 1"; "" of a model that is none of uplift.
std::string DescribeTreatment(const TreatmentFacts& facts);

}  // namespace headrace
