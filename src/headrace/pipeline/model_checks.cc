#include "headrace/pipeline/model_checks.h"

#include <array>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/clusters.h"
#include "headrace/model/gate.h"
#include "headrace/model/learner.h"
#include "headrace/model/metrics.h"
#include "headrace/model/program_learner.h"
#include "headrace/model/queries.h"
#include "headrace/model/treatment.h"

namespace headrace {
namespace {

constexpr std::array kTasks = {Task::kBinary, Task::kMulticlass, Task::kRegression};   // those that a target may have

/// Ok when `check` accepts the task, or any task when it is not known; else the error that helps most.
template <typename Check>
Status ForTask(std::optional<Task> task, Check check) {
  if (task) return check(*task);
  Status best;
  for (const Task candidate : kTasks) {
    Status status = check(candidate);
    if (status.ok()) return status;
    if (best.ok() || (best.help().empty() && !status.help().empty())) best = std::move(status);
  }
  return best;
}

}  // namespace

Status CheckMetric(std::string_view name, std::optional<Task> task) {
  return ForTask(task, [&](Task candidate) { return CheckMetricName(name, candidate); });
}

Status CheckGate(const GateSpec& gate, std::optional<Task> task) {
  return ForTask(task, [&](Task candidate) { return ValidateGates({&gate, 1}, candidate); });
}

Status CheckLearner(const LearnerSpec& spec) { return CheckLearnerParameters(spec); }

Status CheckQueries(const TrainSpec& spec) { return CheckRanking(spec); }

Status CheckUplift(const TrainSpec& spec) { return CheckTreatment(spec); }

Status CheckClusters(const TrainSpec& spec) { return CheckClustering(spec); }

Status CheckProgram(const TrainSpec& spec) { return CheckProgramLearner(spec); }

Status CheckUpliftMetric(std::string_view name) {
  if (NeedsTreatment(name)) return CheckMetricName(name, Task::kRegression);
  const std::vector<std::string> of_uplift{"qini", "auuc", "uplift@10%"};
  const std::string near = NearestName(name, of_uplift);
  return Error(ErrorCode::kInvalid, "metric \"", name, "\" is none of uplift").WithHelp(near.empty() ? "use qini, auuc or uplift@10%" : StrCat("did you mean \"", near, "\"?"));
}

}  // namespace headrace
