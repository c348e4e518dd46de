#pragma once

#include "headrace/pipeline/schema.h"

/// Private to the schema: the parts of `train` that say how a model learns and is judged.
namespace headrace::internal {

Shape FoldsShape();
Shape LearnerShape();
Shape CalibrateShape();
Shape ThresholdShape();
Shape ClassWeightShape();
Shape MonotoneShape();
Shape TuneShape();

}  // namespace headrace::internal
