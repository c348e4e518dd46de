#pragma once

#include <string>
#include <vector>

#include "headrace/check/drift.h"
#include "headrace/check/spec.h"

namespace headrace {

/// Hold what was measured against the limits of a check of kind kDrift. `against` is how people call the reference: "the training rows of propensity@4".
/// A column that cannot be compared fails the check when the check names it. No value of the data gets into its texts;
/// the bins that it shows name levels with at least 20 rows.
CheckVerdict JudgeDrift(const CheckSpec& check, const std::vector<ColumnDrift>& columns, const std::string& against);

/// The limit that `column` breaks, as words: "PSI 0.31 is above 0.2"; "" = none.
std::string BrokenLimit(const DriftLimits& limits, const ColumnDrift& column);

}  // namespace headrace
