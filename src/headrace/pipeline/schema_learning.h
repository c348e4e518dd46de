#pragma once

#include "headrace/pipeline/schema.h"

/// Private to the schema: the parts of `train` that say how a model learns and is judged.
namespace headrace::internal {

/// How a program is run, whatever it gets and leaves: of `command` steps, and of learners.
Key ProgramRun();
std::vector<Key> ProgramKeys();

Shape FoldsShape();
Shape LearnerShape();
Shape CalibrateShape();
Shape ThresholdShape();
Shape ClassWeightShape();
Shape MonotoneShape();
Shape TuneShape();

}  // namespace headrace::internal
