#pragma once

#include <string>

#include "headrace/base/status.h"
#include "headrace/report/report.h"
#include "headrace/store/store.h"

namespace headrace {

/// What the page of a recorded run says, read from the store. Everything is there after the run, whatever became of the project's
/// files since. kInvalid when there is no such run.
Result<RunReport> BuildReport(Store& store, const std::string& project, const std::string& run);

}  // namespace headrace
