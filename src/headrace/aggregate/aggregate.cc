// Gather all events as small records, put each entity's in order, then compute rows block by block, in the order in which they go out.
#include "headrace/aggregate/aggregate.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "headrace/aggregate/records_internal.h"
#include "headrace/aggregate/row_internal.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"

namespace headrace {

using internal::AggregateParts;
using internal::EntityEvents;
using internal::Gathered;
using internal::kPartitions;

namespace {

constexpr std::size_t kBlockRows = 32768, kTaskRows = 512;

/// One row to come: whose events, as of which row of the dates.
struct RowRef {
  std::uint32_t entity = 0, date = 0;
  std::uint8_t partition = 0;
};

/// All that rows are computed from; immutable once made.
struct World {
  AggregatePlan plan;
  std::vector<std::int64_t> dates;          ///< microseconds, by row of the dataset of dates
  std::optional<Table> date_rows;
  std::array<EntityEvents, kPartitions> entities;
  std::vector<RowRef> rows;
};

class Builder {
 public:
  Builder(const AggregatePlan& plan, const AggregateOptions& options, AggregateCounts& counts) : parts_(plan.parts()), options_(options), counts_(counts), world_(std::make_shared<World>()) {
    world_->plan = plan;
  }

  Result<std::shared_ptr<const World>> Run(TableStream& events, const std::optional<Table>& dates) {
    RETURN_IF_ERROR(ReadDates(dates));
    if (parts_.entities_given) RETURN_IF_ERROR(GivenRows());
    RETURN_IF_ERROR(Gather(events));
    std::array<std::int64_t, kPartitions> others{};
    RETURN_IF_ERROR(ParallelFor(options_.threads, kPartitions, [&](std::size_t p) {
      internal::Order(parts_, gathered_, p, parts_.entities_given, world_->entities[p], others[p]);
      return Cancelled();
    }));
    gathered_.clear();
    for (const std::int64_t count : others) counts_.of_others += count;
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

  Status Read(Reading& reading, const internal::Encoder& encoder, Gathered& out) const {
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<Table> block, NextBlock(reading));
      if (!block) return Ok();
      Status status = encoder.Encode(*block, out);
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
    RETURN_IF_ERROR(ParallelFor(options_.threads, threads, [&](std::size_t i) { return Read(reading, encoder, *gathered_[i]); }));
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

  /// When the first event of an entity that counts happened, or became known.
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

  /// A row for each entity and each date that it has an event before, by entity, then date.
  void FoundRows() {
    struct Found { std::uint64_t key; RowRef ref; std::int64_t first; };
    std::vector<Found> found;
    for (std::size_t p = 0; p < kPartitions; ++p) {
      const EntityEvents& events = world_->entities[p];
      for (std::uint32_t id = 0; id < events.keys.size(); ++id)
        if (const std::int64_t first = FirstSeen(events, id); first < last_) found.push_back({events.keys.key(id), {id, 0, static_cast<std::uint8_t>(p)}, first});
    }
    if (parts_.entity_type == Type::kText) {
      const auto text = [this](const Found& f) { return world_->entities[f.ref.partition].keys.text(f.ref.entity); };
      std::sort(found.begin(), found.end(), [&](const Found& a, const Found& b) { return text(a) < text(b); });
    } else {
      std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return static_cast<std::int64_t>(a.key) < static_cast<std::int64_t>(b.key); });
    }
    std::vector<std::uint32_t> dates(world_->dates.size());
    for (std::uint32_t i = 0; i < dates.size(); ++i) dates[i] = i;
    std::sort(dates.begin(), dates.end(), [this](std::uint32_t a, std::uint32_t b) { return world_->dates[a] < world_->dates[b]; });
    for (const Found& one : found)
      for (const std::uint32_t date : dates)
        if (one.first < world_->dates[date]) world_->rows.push_back({one.ref.entity, date, one.ref.partition});
    counts_.entities = static_cast<std::int64_t>(found.size());
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
  std::int64_t last_ = std::numeric_limits<std::int64_t>::min();
};

/// Columns of one block while they are filled.
struct BlockColumns {
  std::vector<std::vector<std::int64_t>> ints;
  std::vector<std::vector<double>> doubles;
  std::vector<std::vector<std::uint8_t>> valid;
  std::vector<internal::OutputColumn> outputs;

  BlockColumns(const Schema& schema, std::size_t rows) : ints(schema.size()), doubles(schema.size()), valid(schema.size()), outputs(schema.size()) {
    for (std::size_t i = 0; i < schema.size(); ++i) {
      valid[i].assign(rows, 0);
      if (schema[i].type == Type::kDouble) doubles[i].resize(rows), outputs[i] = {nullptr, doubles[i].data(), valid[i].data()};
      else ints[i].resize(rows), outputs[i] = {ints[i].data(), nullptr, valid[i].data()};
    }
  }

  ColumnPtr Take(std::size_t i, Type type) {
    const bool whole = std::find(valid[i].begin(), valid[i].end(), 0) == valid[i].end();
    std::vector<std::uint8_t> mask = whole ? std::vector<std::uint8_t>() : std::move(valid[i]);
    if (type == Type::kDouble) return std::make_shared<const Column>(std::move(doubles[i]), std::move(mask));
    return std::make_shared<const Column>(type, std::move(ints[i]), std::move(mask));
  }
};

class RowStream final : public TableStream {
 public:
  RowStream(std::shared_ptr<const World> world, const AggregateOptions& options, AggregateCounts& counts)
      : world_(std::move(world)), parts_(world_->plan.parts()), options_(options), counts_(counts) {}

  const Schema& schema() const override { return parts_.output; }

  Result<std::optional<Table>> Next() override {
    if (options_.cancelled && options_.cancelled()) return Error(ErrorCode::kInterrupted, "interrupted");
    if (at_ >= world_->rows.size()) return std::optional<Table>();
    const std::size_t rows = std::min(kBlockRows, world_->rows.size() - at_);
    const std::span<const RowRef> refs(world_->rows.data() + at_, rows);
    std::vector<ColumnPtr> columns = Carried(refs);
    ASSIGN_OR_RETURN(std::vector<ColumnPtr> computed, Computed(refs));
    columns.insert(columns.end(), computed.begin(), computed.end());
    at_ += rows;
    return std::optional<Table>(Table(parts_.output, std::move(columns), rows));
  }

 private:
  std::vector<ColumnPtr> Carried(std::span<const RowRef> refs) const {
    std::vector<ColumnPtr> columns;
    if (!parts_.entities_given) columns.push_back(Entities(refs));
    if (!world_->date_rows) {
      ColumnBuilder as_of(parts_.as_of_type);
      for (std::size_t i = 0; i < refs.size(); ++i) as_of.AppendInt(parts_.spec.as_of->as_int());
      columns.push_back(as_of.Finish());
      return columns;
    }
    std::vector<std::size_t> rows;
    for (const RowRef& ref : refs) rows.push_back(ref.date);
    const Table taken = parts_.entities_given ? world_->date_rows->Slice(at_, refs.size()) : world_->date_rows->Take(rows);
    for (std::size_t i = 0; i < taken.num_columns(); ++i) columns.push_back(taken.column_ptr(i));
    return columns;
  }

  ColumnPtr Entities(std::span<const RowRef> refs) const {
    ColumnBuilder column(parts_.entity_type);
    column.Reserve(refs.size());
    for (const RowRef& ref : refs) {
      const internal::KeyTable& keys = world_->entities[ref.partition].keys;
      if (parts_.entity_type == Type::kText) column.AppendText(keys.text(ref.entity));
      else column.AppendInt(static_cast<std::int64_t>(keys.key(ref.entity)));
    }
    return column.Finish();
  }

  Result<std::vector<ColumnPtr>> Computed(std::span<const RowRef> refs) {
    BlockColumns block(parts_.computed, refs.size());
    RETURN_IF_ERROR(ParallelFor(options_.threads, (refs.size() + kTaskRows - 1) / kTaskRows, [&](std::size_t task) -> Status {
      internal::RowKernel kernel(parts_);
      const std::size_t end = std::min(refs.size(), (task + 1) * kTaskRows);
      for (std::size_t row = task * kTaskRows; row < end; ++row) {
        const EntityEvents& events = world_->entities[refs[row].partition];
        const std::size_t first = events.begin[refs[row].entity], last = events.begin[refs[row].entity + 1];
        kernel.Compute(events.records.data() + first * parts_.words, last - first, world_->dates[refs[row].date], block.outputs, row);
      }
      if (const auto k = kernel.overflowed()) return Error(ErrorCode::kData, "`", parts_.operations[*k].name, "`: a sum of ints passes 64 bits").WithHelp("sum doubles: `sum(cast(x as double))`");
      return Ok();
    }));
    std::vector<ColumnPtr> columns(parts_.computed.size());
    auto next = parts_.derived.begin();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (next != parts_.derived.end() && next->column == i) {
        ASSIGN_OR_RETURN(columns[i], Derive(*next++, columns, refs.size()));
      } else {
        columns[i] = block.Take(i, parts_.computed[i].type);
      }
    }
    return columns;
  }

  Result<ColumnPtr> Derive(const internal::DerivedFeature& feature, const std::vector<ColumnPtr>& columns, std::size_t rows) {
    std::vector<Field> fields;
    std::vector<ColumnPtr> inputs;
    for (const std::string& name : feature.expression.columns()) {
      const std::size_t at = *parts_.computed.IndexOf(name);
      fields.push_back(parts_.computed[at]);
      inputs.push_back(columns[at]);
    }
    ASSIGN_OR_RETURN(BoundExpression::Output out, feature.expression.Evaluate(Table(Schema(std::move(fields)), std::move(inputs), rows), OnError::kNull));
    counts_.raised += out.errors;
    return out.column;
  }

  const std::shared_ptr<const World> world_;
  const AggregateParts& parts_;
  const AggregateOptions options_;
  AggregateCounts& counts_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableStream>> Aggregate(const AggregatePlan& plan, TableStream& events, const std::optional<Table>& dates, const AggregateOptions& options, AggregateCounts& counts) {
  ASSIGN_OR_RETURN(std::shared_ptr<const World> world, Builder(plan, options, counts).Run(events, dates));
  return std::unique_ptr<TableStream>(std::make_unique<RowStream>(std::move(world), options, counts));
}

}  // namespace headrace
