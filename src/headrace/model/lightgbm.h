#pragma once

#include <memory>
#include <string>

#include "headrace/base/status.h"
#include "headrace/model/boosting.h"
#include "headrace/model/learner.h"

namespace headrace {

/// A LightGBM training. `train` and `held` (may be null) are copied into LightGBM's own form. The library is loaded by
/// the first call of the process; kInvalid when it is not there.
Result<std::unique_ptr<Booster>> MakeLightGbmBooster(const LearnerSettings& settings, const Vectors& train,
                                                     const Vectors* held, int threads);

/// LightGBM's text of a forest without what only tells how it was trained: its parameters block and its line of monotone constraints.
std::string WithoutTrainingSettings(std::string text);

}  // namespace headrace
