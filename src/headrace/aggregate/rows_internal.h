#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "headrace/aggregate/aggregate.h"
#include "headrace/aggregate/records_internal.h"
#include "headrace/base/scratch_file.h"

namespace headrace::internal {

/// One row to come: whose events, as of which row of the dates.
struct RowRef {
  std::uint32_t entity = 0, date = 0;
  std::uint8_t partition = 0;
};

/// Rows that were computed ahead and lie in the scratch file, end to end.
struct RowExtent { std::uint64_t at = 0; std::size_t rows = 0; };

/// All that rows are computed from; immutable once made.
struct World {
  AggregatePlan plan;
  std::vector<std::int64_t> dates;                        ///< microseconds, by row of the dataset of dates
  std::optional<Table> date_rows;
  std::array<EntityEvents, kPartitions> entities;         ///< without the events when rows were computed ahead
  std::vector<RowRef> rows;                               ///< in the order in which they go out
  std::unique_ptr<ScratchFile> scratch;
  bool ahead = false;                                     ///< events did not fit into memory: all rows lie in `computed`
  std::array<std::vector<RowExtent>, kPartitions> computed;   ///< a partition's rows, in the order of `rows`
};

/// Compute the rows of one partition, `refs`, and write them to the scratch file. kData: a sum of ints beyond 64 bits; kBusy: the disk is full.
Status ComputeAhead(World& world, std::size_t partition, std::span<const RowRef> refs);

/// The rows of `world`, block by block.
std::unique_ptr<TableStream> StreamRows(std::shared_ptr<const World> world, const AggregateOptions& options, AggregateCounts& counts);

}  // namespace headrace::internal
