#pragma once

#include <string>
#include <utility>
#include <vector>

#include "headrace/report/report.h"

namespace headrace {

/// Runs as they happen to people, for the tests of the page and for looking at it.
RunReport SampleTrainRun();        ///< succeeded, one model promoted
RunReport SampleScoreRun();        ///< succeeded, 4,712 scores delivered, one warning
RunReport SampleStoppedRun();      ///< a contract stopped it: a column was renamed
RunReport SampleReusedRun();       ///< nothing had changed, the delivery was a no-op
RunReport SampleRefusedRun();      ///< a gate refused the new model
/// All of them with the names of their files.
std::vector<std::pair<std::string, RunReport>> SampleRuns();

}  // namespace headrace
