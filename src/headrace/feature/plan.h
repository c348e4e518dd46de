#pragma once

// Private to this room: from what the user declared to the steps of each column.

#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/feature/fitted_column.h"
#include "headrace/feature/spec.h"
#include "headrace/feature/transform.h"
#include "headrace/table/table.h"

namespace headrace::internal {

struct ColumnPlan {
  std::string column;
  std::vector<TransformStep> steps;
  bool by_default = false;          ///< no group names the column
};

struct FitPlan {
  Table all;                        ///< the training table with derived columns at the end
  std::vector<DerivedColumn> derived;
  std::vector<ColumnPlan> columns;  ///< groups in file order, then columns by default in the table's order
  std::vector<std::string> notes;
};

/// Evaluate `derive`, check every group against the table, and choose steps for the columns that no group names (docs/transforms.md,
/// "Defaults"). Errors as FitTransform.
Result<FitPlan> PlanTransform(const Table& data, const std::vector<TransformSpec>& specs, const FitContext& context);

/// The constant of an `impute` for a column of `type` (bool, int or double) as a number.
Result<double> NumberConstant(const std::string& text, Type type);

}  // namespace headrace::internal
