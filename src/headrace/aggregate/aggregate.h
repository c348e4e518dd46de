#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "headrace/aggregate/plan.h"
#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

struct AggregateOptions {
  int threads = 0;                          ///< 0 = all cores; the result has the same bits for any number
  std::function<bool()> cancelled = {};     ///< asked between blocks; true = kInterrupted
  std::int64_t memory_bytes = 0;            ///< events beyond it wait on disk; 0 = all in memory
  std::string scratch = {};                 ///< where a file for them can be made
};

/// What was done with the events and dates. Complete when the stream of rows has ended.
struct AggregateCounts {
  std::int64_t events = 0;                  ///< read
  std::int64_t without_entity = 0;          ///< left out: the entity is null
  std::int64_t at_or_after = 0;             ///< at or after the last of all dates: only labels may have read them
  std::int64_t of_others = 0;               ///< of entities that the dataset of dates does not have
  std::int64_t known_late = 0;              ///< before the last date, but known only after it
  std::int64_t raised = 0;                  ///< expressions that raised (overflow, a cast that cannot be done): null there
  std::int64_t entities = 0, dates = 0, rows = 0;
  std::int64_t newest_us = INT64_MIN;       ///< time of the newest event
  std::int64_t spilled_bytes = 0;           ///< written to disk, because events did not fit
  std::int64_t labels_open = 0;             ///< rows whose labels look beyond the newest event
};

/// Features of entities as of dates: for each row of AggregatePlan::output, what the entity's events before the date say, and its labels,
/// what those from the date on do.
///
/// Point in time. A feature reads events with time < date, in a window those with date - length <= time < date. A label reads date <= time < date + within.
/// Dates and timestamps without a zone are UTC; a date stands for its midnight. With `known`, a feature reads only events that were known before the date.
///
/// Same bits. Rows do not depend on each other, on the order of the events, on the number of threads or on how they are cut into blocks: the events of an entity are
/// sorted by time, then by all that is read of them, and every sum runs from the newest to the oldest. Texts that `count(distinct x)`
/// counts are told apart by a hash of 64 bits.
///
/// Memory: 8 bytes times (3 + different values read) for each event before the last date, 20 for each row, 30 for each entity (a text: itself, in each thread), and a block of rows
/// at a time; while events are put in order a second copy of those being ordered. Events beyond `memory_bytes` go to a file without a name, spread by entity into 256 parts, of which each
/// thread then takes one at a time: twice a part, or the events of one entity if they are more, must fit. The rows of a part follow it there, with the same bits as in memory.
///
/// kData: an event without a time, an `as_of` or entity that is null, two rows of one entity and date, a time of day where events have dates, a sum of ints
/// beyond 64 bits. kBusy: the disk is full. `events` must have the plan's event_columns(), `dates` its columns; `counts` must outlive the stream. All events are read before this returns.
Result<std::unique_ptr<TableStream>> Aggregate(const AggregatePlan& plan, TableStream& events, const std::optional<Table>& dates, const AggregateOptions& options, AggregateCounts& counts);

}  // namespace headrace
