#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/model/target.h"
#include "headrace/table/table.h"

namespace headrace {

/// Who was treated: got the offer, the mail, the medicine.
struct Treatment {
  std::vector<std::uint8_t> treated;  ///< 1 or 0 for each row
  std::string value, control;         ///< the two values of the column, as text
};

/// What can be said without data: `treatment` and a learner of uplift ask for each other, and nothing is asked for that a
/// difference of two predictions cannot have. kInvalid.
Status CheckTreatment(const TrainSpec& spec);

/// Read the treatment column; which value means treated is told as for the positive class. kInvalid: no such column, a
/// `treated` that is not one of its values. kData: nulls, other than two values.
Result<Treatment> ReadTreatment(const Table& table, const TrainSpec& spec);

/// kData unless `rows` hold both treated rows and others; `whole` asks that each side can be learnt from: both classes of a
/// binary `outcome`. `part` as in CheckClasses.
Status CheckArms(const Target& target, Task outcome, const Treatment& treatment, std::span<const std::size_t> rows, bool whole,
                 std::string_view part);

}  // namespace headrace
