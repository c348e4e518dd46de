#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/model/split.h"
#include "headrace/model/target.h"
#include "headrace/table/table.h"

namespace headrace {

/// What can be said without data: `group` and an objective that ranks ask for each other, and a split by hash goes by the
/// query. kInvalid.
Status CheckRanking(const TrainSpec& spec);

/// The query of each row, numbered from 0 in the order of the rows. kInvalid: no such column, or one of doubles. kData:
/// nulls. REQUIRES: the rows of a query stand together.
Result<std::vector<std::int64_t>> ReadQueries(const Table& table, const std::string& column);

/// How many rows each query has, in order.
std::vector<std::int32_t> QuerySizes(std::span<const std::int64_t> groups);

/// kData: a query with test rows and training rows; a target that is no grade (a whole number from 0 to 30).
Status CheckQueries(const Table& table, const std::string& column, std::span<const std::int64_t> groups,
                    const DataSplit& split, const Target& target);

}  // namespace headrace
