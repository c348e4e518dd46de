#pragma once

#include <string>
#include <vector>

#include "headrace/check/spec.h"
#include "headrace/table/table.h"

// What a contract demands of a schema. Private to this room.

namespace headrace::internal {

/// One way in which a schema breaks a contract.
struct Breach {
  std::string column;   ///< the promised column that is missing or of another type; "" for a column too many
  std::string message;  ///< "table has no column `a`; likely now `b`"
  std::string help;     ///< what to do about it
};

/// Whether values of `found` may stand where `declared` is due: the same type, int for double, date for timestamp.
bool MayStandFor(Type found, Type declared);

/// All breaches: missing columns and wrong types in the contract's order, then columns too many in the table's. New names are guessed for the first
/// few missing columns only: where many are gone, it is another table, and guessing takes time that grows with the square of the columns.
std::vector<Breach> BreachesOf(const Contract& contract, const Schema& found);

}  // namespace headrace::internal
