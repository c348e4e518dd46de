#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/pipeline/project.h"
#include "headrace/step/step.h"

namespace headrace {

/// All that determines the output of a step, as a JSON object with sorted keys: its resolved spec, its checks, the digests of
/// its inputs, the version of the program. Retries, timeouts and places in files are left out: they cannot alter the output.
/// `sources` are digests of outside files an extract reads, or of a command's code, by path. The interval counts for commands alone: they are told it
/// whether they ask or not.
std::string FingerprintParts(const StepSpec& step, const std::map<std::string, StepInputFile>& inputs,
                             const std::map<std::string, std::string>& sources, const Interval& interval);

/// SHA-256 of the parts.
std::string FingerprintOf(std::string_view parts);

/// SHA-256 of what the files say about every step of a run: when it is unchanged and the data are too, the run would give the same. Reads nothing.
std::string DefinitionOf(const ResolvedPipeline& pipeline);

/// One difference between two sets of parts.
struct PartChange {
  std::string part;          ///< "spec/query", "inputs/events"
  std::string before, now;   ///< as text; "" = was not there
};
/// What differs between two FingerprintParts, by part, sorted. kInvalid when one does not read.
Result<std::vector<PartChange>> CompareParts(std::string_view before, std::string_view now);

}  // namespace headrace
