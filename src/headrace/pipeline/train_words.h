#pragma once

#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

/// What stands under `train` in a pipeline file, as a text of its own (YAML, so JSON too), for programs that train without a project. The keys and their meaning are
/// those of the pipeline's schema, but `data`: the rows are the caller's. kInvalid tells the first thing that is wrong, with its place in `text`.
Result<TrainSpec> ParseTrainWords(std::string_view text);

/// The same where only transforms are fitted: `transform`, and of the others what decides how (`target`, `positive`, `key`, `ignore`, `learner`); no key must be there.
Result<TrainSpec> ParseTransformWords(std::string_view text);

}  // namespace headrace
