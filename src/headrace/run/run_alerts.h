#pragma once

#include <map>
#include <string>
#include <vector>

#include "headrace/notify/alert.h"
#include "headrace/step/step.h"
#include "headrace/store/run_queue.h"

namespace headrace {

/// What there is to tell of a run that ends now: that it failed, has recovered, was warned by checks, or that a gate refused a model. Only what somebody `rules`
/// knows wants to hear; the history of the pipeline is read only when it failed, or when somebody wants to hear of a recovery. `steps`: in the pipeline's order, as they ended.
Result<std::vector<Alert>> AlertsOfRun(const AlertRules& rules, Store& store, const RunRecord& run, const std::vector<StepRecord>& steps, const std::map<std::string, StepDetails>& details, std::int64_t now_us);

/// A request that should have ended by now, or that ended without a run.
Alert AlertOfRequest(const AlertRules& rules, AlertEvent event, const RunRequest& request, const std::string& message, std::int64_t now_us);

}  // namespace headrace
