#pragma once

// Private to this room: from what the user declared to the steps of each column.

#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/parts.h"
#include "headrace/feature/spec.h"
#include "headrace/feature/transform.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// Columns that have the same steps; each alone, unless steps on the whole group follow.
struct GroupPlan {
  std::vector<std::string> columns;
  std::vector<TransformStep> steps;         ///< of each column
  std::vector<TransformStep> group_steps;   ///< then of all together; if there are none, the group has one column
  bool by_default = false;                  ///< no entry names the column
};

struct FitPlan {
  Table all;                        ///< the training table with derived columns at the end
  std::vector<DerivedColumn> derived;
  std::vector<GroupPlan> groups;    ///< entries in file order, then columns by default in the table's order
  std::vector<std::string> notes;
};

/// Evaluate `derive`, check every entry against the table, and choose steps for the columns that no entry takes (docs/transforms.md,
/// "Defaults"). Errors as FitTransform.
Result<FitPlan> PlanTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context);

}  // namespace headrace::internal
