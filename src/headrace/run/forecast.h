#pragma once

#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/pipeline/project.h"
#include "headrace/store/store.h"

namespace headrace {

/// What a run would do with one step, told without running anything.
struct StepForecast {
  enum class Act : std::uint8_t {
    kRun,               ///< it would run
    kReuse,             ///< its recorded output would be used
    kReuseIfUnchanged,  ///< the same, as long as the live sources above it give what they gave last time
    kSkip,              ///< its `when` is false
  };
  std::string step, kind;
  std::vector<std::string> upstream;
  Act act = Act::kRun;
  std::string reason;
};
std::string_view ActName(StepForecast::Act act);   ///< "run", "reuse", "reuse if unchanged", "skip"

/// One forecast a step, in the pipeline's order. Reads the store and local files, never a database.
Result<std::vector<StepForecast>> Forecast(Store& store, const ResolvedPipeline& pipeline);

}  // namespace headrace
