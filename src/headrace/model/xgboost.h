#pragma once

#include <memory>

#include "headrace/base/status.h"
#include "headrace/model/boosting.h"
#include "headrace/model/learner.h"

namespace headrace {

/// An XGBoost training, on one thread: XGBoost adds up gradients in an order that follows the number of its threads.
/// `train` and `held` (may be null) are copied into XGBoost's own form, as floats; of compressed ones `train` is as bins of
/// floats, and `held->matrix` is read again for each loss: it must outlive the booster. The library is loaded by the first call
/// of the process; kInvalid when it is not there.
///
/// Its text is XGBoost's JSON with one attribute of ours, `base_margin`: the margins before the first tree, which
/// XGBoost works out of base_score with the logarithm of the machine it runs on.
Result<std::unique_ptr<Booster>> MakeXgboostBooster(const LearnerSettings& settings, const Vectors& train,
                                                    const Vectors* held);

}  // namespace headrace
