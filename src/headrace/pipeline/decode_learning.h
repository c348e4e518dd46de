#pragma once

#include <map>
#include <string>

#include "headrace/model/spec.h"
#include "headrace/pipeline/diagnostics.h"
#include "headrace/pipeline/yaml.h"

/// The keys of `train` that say how a model learns and is judged. REQUIRE: nodes that passed their shape.
/// Private to decoding.
namespace headrace {

ThresholdSpec DecodeThreshold(const Node& node);
void DecodeClassWeight(const Node& node, TrainSpec* spec);
std::map<std::string, int> DecodeMonotone(const Node& node);
/// The values that a list gives, or the range of a map; a number may end in "%".
TuneSpec::Dimension DecodeDimension(const std::string& name, const Node& node);
/// Whether only a run knows some of it.
bool HasPending(const Node& node);
/// Also checks the space against `learner`, which must be decoded by then.
TuneSpec DecodeTune(const Node& node, const LearnerSpec& learner, Diagnostics& diagnostics);

}  // namespace headrace
