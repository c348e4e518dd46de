#pragma once

#include <optional>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

/// What the room `model` says about names in a file. The task is often not known before training; then a name is fine when any
/// task has it.
Status CheckMetric(std::string_view name, std::optional<Task> task);
Status CheckGate(const GateSpec& gate, std::optional<Task> task);
Status CheckLearner(const LearnerSpec& spec);
Status CheckQueries(const TrainSpec& spec);   ///< `group`, and objectives that rank
Status CheckUplift(const TrainSpec& spec);    ///< `treatment`, and learners of uplift
Status CheckClusters(const TrainSpec& spec);  ///< what a learner of clusters cannot be asked for
Status CheckProgram(const TrainSpec& spec);   ///< what a program that fits cannot be asked for
Status CheckUpliftMetric(std::string_view name);

}  // namespace headrace
