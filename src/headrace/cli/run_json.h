#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "headrace/base/status.h"
#include "headrace/store/store.h"

namespace headrace {

/// One run as `run --json`, `show --json` and `runs --json` print it:
/// {run, pipeline, tenant, environment, interval: {start, end}, state, exit_code, message, started, seconds, rows_delivered,
///  steps: [{step, kind, state, seconds, rows, attempt, reason, error, message, help, digest, delivery, model}]}.
Result<std::string> RunJson(Store& store, const RunRecord& run, bool with_steps);

/// {start, end}, as every JSON output says an interval.
nlohmann::ordered_json IntervalJson(std::int64_t start_us, std::int64_t end_us);

/// Rows that the deliveries of a run sent: inserted, updated and found unchanged. One that found its rows delivered sent none.
Result<std::int64_t> RowsDelivered(Store& store, const std::string& run);

}  // namespace headrace
