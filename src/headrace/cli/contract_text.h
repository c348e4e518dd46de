#pragma once

#include <set>
#include <string>

#include "headrace/check/drift.h"
#include "headrace/check/profile.h"
#include "headrace/check/spec.h"

namespace headrace {

/// One line of a contract's `columns:`, as YAML.
std::string ContractLine(const ContractColumn& column);
/// A whole contract file, without its schema line.
std::string ContractText(const Contract& contract);

/// What holds of a table today, as a contract: types, nulls, bounds as measured (of dates the earliest only: later ones will come), all values of texts
/// that come up again and again, and which columns of `keys` are unique. Personal columns get no bounds.
Contract ProposeContract(const DataProfile& profile, const std::set<std::string>& keys);

/// The int and text columns without nulls whose name ends with "id" (any case) and in which no value comes twice; reads the rows once more to be sure.
Result<std::set<std::string>> FindKeys(const DataProfile& profile, const OpenRows& open);

}  // namespace headrace
