// Gather all events as small records, put each entity's in order, then compute rows block by block, in the order in which they go out. Records beyond the
// memory that was given go to disk by partition; then each partition's rows are computed as soon as its events are in order, and wait on disk in their place.
#include "headrace/aggregate/aggregate.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "headrace/aggregate/rows_internal.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"

namespace headrace {

using internal::AggregateParts;
using internal::EntityEvents;
using internal::Gathered;
using internal::kPartitions;
using internal::RowRef;
using internal::World;

namespace {

class Builder {
 public:
  Builder(const AggregatePlan& plan, const AggregateOptions& options, AggregateCounts& counts) : parts_(plan.parts()), options_(options), counts_(counts), world_(std::make_shared<World>()) {
    world_->plan = plan;
    world_->scratch = std::make_unique<ScratchFile>(options.scratch);
  }

  Result<std::shared_ptr<const World>> Run(TableStream& events, const std::optional<Table>& dates) {
    RETURN_IF_ERROR(ReadDates(dates));
    if (parts_.entities_given) RETURN_IF_ERROR(GivenRows());
    RETURN_IF_ERROR(Gather(events));
    RETURN_IF_ERROR(OrderAll());
    if (!parts_.entities_given) FoundRows();
    Count();
    return std::shared_ptr<const World>(world_);
  }

 private:
  Status Cancelled() const { return options_.cancelled && options_.cancelled() ? Error(ErrorCode::kInterrupted, "interrupted") : Ok(); }

  // --- dates

  Status ReadDates(const std::optional<Table>& dates) {
    std::vector<std::int64_t>& out = world_->dates;
    if (!dates) {
      const std::optional<Value>& as_of = parts_.spec.as_of;
      if (!as_of || as_of->is_null()) return Error(ErrorCode::kInvalid, "`as_of` has no value");
      out.push_back(as_of->as_int());
    } else {
      const Column& column = *dates->Find(kAsOf);
      if (column.null_count() > 0) return Error(ErrorCode::kData, Counted(static_cast<std::int64_t>(column.null_count()), "row"), " of the dataset of dates without `as_of`").WithHelp("leave them out there");
      if (dates->num_rows() >= internal::kNone) return Error(ErrorCode::kData, "the dataset of dates has more than 2^32 rows");
      out.assign(column.ints().begin(), column.ints().end());
      world_->date_rows = *dates;
    }
    for (std::int64_t& date : out) {
      if (parts_.as_of_type == Type::kDate) date = internal::DayToMicros(date);
      else if (parts_.time_type == Type::kDate && date % kMicrosPerDay != 0)
        return Error(ErrorCode::kData, "`as_of` has a time of day (", FormatTimestamp(date), "), but `", parts_.time, "` has dates: which events of that day came before is not known").WithHelp("give `as_of` as a date");
      last_ = std::max(last_, date);
    }
    counts_.dates = static_cast<std::int64_t>(out.size());
    if (parts_.entities_given || !dates) return Ok();
    std::vector<std::int64_t> sorted = out;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
      return Error(ErrorCode::kData, "the dataset of dates has ", FormatTimestamp(*twice), " twice").WithHelp("select distinct dates there, or add the entity's column");
    return Ok();
  }

  /// The dataset's own rows, in its order.
  Status GivenRows() {
    const Table& dates = *world_->date_rows;
    const Column& entity = *dates.Find(parts_.spec.entity);
    if (entity.null_count() > 0) return Error(ErrorCode::kData, Counted(static_cast<std::int64_t>(entity.null_count()), "row"), " of the dataset of dates without `", parts_.spec.entity, "`").WithHelp("leave them out there");
    world_->rows.reserve(dates.num_rows());
    for (std::size_t row = 0; row < dates.num_rows(); ++row) {
      const bool text = entity.type() == Type::kText;
      const std::uint64_t hash = text ? internal::HashOf(entity.text(row)) : internal::Mix(static_cast<std::uint64_t>(entity.ints()[row]));
      const std::size_t partition = internal::PartitionOf(hash);
      internal::KeyTable& keys = world_->entities[partition].keys;
      const std::uint32_t id = text ? keys.Insert(entity.text(row), hash) : keys.Insert(static_cast<std::uint64_t>(entity.ints()[row]));
      world_->rows.push_back({id, static_cast<std::uint32_t>(row), static_cast<std::uint8_t>(partition)});
    }
    return RefuseTwice();
  }

  Status RefuseTwice() const {
    std::vector<RowRef> sorted = world_->rows;
    const auto key = [this](const RowRef& r) { return std::tuple(r.partition, r.entity, world_->dates[r.date], r.date); };
    std::sort(sorted.begin(), sorted.end(), [&](const RowRef& a, const RowRef& b) { return key(a) < key(b); });
    std::int64_t twice = 0;
    const RowRef* first = nullptr;
    for (std::size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i].partition == sorted[i - 1].partition && sorted[i].entity == sorted[i - 1].entity && world_->dates[sorted[i].date] == world_->dates[sorted[i - 1].date]) {
        ++twice;
        if (first == nullptr || sorted[i].date < first->date) first = &sorted[i];
      }
    if (twice == 0) return Ok();
    return Error(ErrorCode::kData, Counted(twice, "row"), " of the dataset of dates have `", parts_.spec.entity, "` and `as_of` of an earlier row; the first is row ", FormatCount(first->date + 1)).WithHelp("keep one row of each there: `select distinct`");
  }

  // --- events

  /// Each thread reads a block, lets the next thread read, and encodes.
  struct Reading {
    TableStream& events;
    std::mutex mutex;
    bool ended = false;                     // guarded by mutex
  };

  Result<std::optional<Table>> NextBlock(Reading& reading) const {
    const std::scoped_lock lock(reading.mutex);
    if (reading.ended) return std::optional<Table>();
    RETURN_IF_ERROR(Cancelled());
    Result<std::optional<Table>> block = reading.events.Next();
    reading.ended = !block.ok() || !block->has_value();
    return block;
  }

  Status Read(Reading& reading, const internal::Encoder& encoder, std::size_t most_bytes, Gathered& out) const {
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<Table> block, NextBlock(reading));
      if (!block) return Ok();
      Status status = encoder.Encode(*block, out);
      if (status.ok()) status = out.SpillBeyond(most_bytes, *world_->scratch);
      if (status.ok()) continue;
      const std::scoped_lock lock(reading.mutex);
      reading.ended = true;
      return status;
    }
  }

  Status Gather(TableStream& events) {
    const internal::Encoder encoder(parts_, last_);
    const auto threads = static_cast<std::size_t>(ResolveThreads(options_.threads));
    for (std::size_t i = 0; i < threads; ++i) gathered_.push_back(std::make_unique<Gathered>());
    Reading reading{events, {}, false};
    const std::size_t most_bytes = options_.memory_bytes > 0 ? static_cast<std::size_t>(options_.memory_bytes) / threads : SIZE_MAX;
    RETURN_IF_ERROR(ParallelFor(options_.threads, threads, [&](std::size_t i) { return Read(reading, encoder, most_bytes, *gathered_[i]); }));
    std::int64_t without_time = 0;
    for (const auto& thread : gathered_) {
      const AggregateCounts& more = thread->counts;
      counts_.events += more.events, counts_.without_entity += more.without_entity, counts_.at_or_after += more.at_or_after;
      counts_.known_late += more.known_late, counts_.raised += more.raised;
      counts_.newest_us = std::max(counts_.newest_us, more.newest_us);
      without_time += thread->without_time;
    }
    if (without_time == 0) return Ok();
    return Error(ErrorCode::kData, FormatCount(without_time), " of ", FormatCount(counts_.events), without_time == 1 ? " events has no `" : " events have no `", parts_.time, "`, so nobody can say whether they came before the date")
        .WithHelp(StrCat("leave them out in the step before, or put them aside there: `checks: [{not_null: [", parts_.time, "]}]` with `quarantine`"));
  }

  // --- rows

  /// An entity that gets rows, and when the first of its events that count happened, or became known.
  struct Found { std::uint64_t key; std::int64_t first; std::uint32_t entity; std::uint8_t partition; };

  Status OrderAll() {
    world_->ahead = world_->scratch->size() > 0;
    std::array<std::vector<RowRef>, kPartitions> given;
    if (world_->ahead && parts_.entities_given)
      for (const RowRef& row : world_->rows) given[row.partition].push_back(row);
    std::array<std::int64_t, kPartitions> others{};
    RETURN_IF_ERROR(ParallelFor(options_.threads, kPartitions, [&](std::size_t p) { return OrderOne(p, given[p], others[p]); }));
    gathered_.clear();
    for (const std::int64_t count : others) counts_.of_others += count;
    counts_.spilled_bytes = static_cast<std::int64_t>(world_->scratch->size());
    return Ok();
  }

  Status OrderOne(std::size_t partition, std::span<const RowRef> given, std::int64_t& of_others) {
    RETURN_IF_ERROR(Cancelled());
    EntityEvents& events = world_->entities[partition];
    RETURN_IF_ERROR(internal::Order(parts_, gathered_, *world_->scratch, partition, parts_.entities_given, events, of_others));
    std::vector<Found>& found = found_[partition];
    if (!parts_.entities_given) found = FoundIn(partition);
    if (!world_->ahead) return Ok();
    const std::vector<RowRef> rows = RowsOf(found);
    RETURN_IF_ERROR(internal::ComputeAhead(*world_, partition, parts_.entities_given ? given : rows));
    events.records = {}, events.begin = {};
    return Ok();
  }

  std::int64_t FirstSeen(const EntityEvents& events, std::size_t entity) const {
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = events.begin[entity]; i < events.begin[entity + 1]; ++i) {
      const std::uint64_t* record = events.records.data() + i * parts_.words;
      const auto time = static_cast<std::int64_t>(record[internal::kTimeWord]);
      if (!parts_.known_word) return time;
      first = std::min(first, std::max(time, static_cast<std::int64_t>(record[*parts_.known_word])));
    }
    return first;
  }

  /// The partition's entities that have an event before the last date, in the order of their rows.
  std::vector<Found> FoundIn(std::size_t partition) const {
    const EntityEvents& events = world_->entities[partition];
    std::vector<Found> found;
    for (std::uint32_t id = 0; id < events.keys.size(); ++id)
      if (const std::int64_t first = FirstSeen(events, id); first < last_) found.push_back({events.keys.key(id), first, id, static_cast<std::uint8_t>(partition)});
    Sort(found);
    return found;
  }

  void Sort(std::vector<Found>& found) const {
    if (parts_.entity_type == Type::kText) {
      const auto text = [this](const Found& f) { return world_->entities[f.partition].keys.text(f.entity); };
      std::sort(found.begin(), found.end(), [&](const Found& a, const Found& b) { return text(a) < text(b); });
    } else {
      std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return static_cast<std::int64_t>(a.key) < static_cast<std::int64_t>(b.key); });
    }
  }

  /// A row for each entity and each date that it has an event before, by date within the entity.
  std::vector<RowRef> RowsOf(const std::vector<Found>& found) const {
    std::vector<std::uint32_t> dates(world_->dates.size());
    for (std::uint32_t i = 0; i < dates.size(); ++i) dates[i] = i;
    std::sort(dates.begin(), dates.end(), [this](std::uint32_t a, std::uint32_t b) { return world_->dates[a] < world_->dates[b]; });
    std::vector<RowRef> rows;
    for (const Found& one : found)
      for (const std::uint32_t date : dates)
        if (one.first < world_->dates[date]) rows.push_back({one.entity, date, one.partition});
    return rows;
  }

  void FoundRows() {
    std::vector<Found> all;
    for (std::vector<Found>& found : found_) {
      all.insert(all.end(), found.begin(), found.end());
      found = {};
    }
    Sort(all);
    world_->rows = RowsOf(all);
    counts_.entities = static_cast<std::int64_t>(all.size());
  }

  void Count() {
    counts_.rows = static_cast<std::int64_t>(world_->rows.size());
    if (parts_.entities_given)
      for (const EntityEvents& events : world_->entities) counts_.entities += static_cast<std::int64_t>(events.keys.size());
    if (!parts_.has_labels() || counts_.events == 0) return;
    const std::int64_t through = parts_.time_type == Type::kDate ? internal::AddTimes(counts_.newest_us, kMicrosPerDay) : counts_.newest_us;
    for (const RowRef& row : world_->rows)
      if (internal::AddTimes(world_->dates[row.date], parts_.spec.within_us) > through) ++counts_.labels_open;
  }

  const AggregateParts& parts_;
  const AggregateOptions& options_;
  AggregateCounts& counts_;
  std::shared_ptr<World> world_;
  std::vector<std::unique_ptr<Gathered>> gathered_;
  std::array<std::vector<Found>, kPartitions> found_;
  std::int64_t last_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace

Result<std::unique_ptr<TableStream>> Aggregate(const AggregatePlan& plan, TableStream& events, const std::optional<Table>& dates, const AggregateOptions& options, AggregateCounts& counts) {
  ASSIGN_OR_RETURN(std::shared_ptr<const World> world, Builder(plan, options, counts).Run(events, dates));
  return internal::StreamRows(std::move(world), options, counts);
}

}  // namespace headrace
