// Rows go out in the order of their entities, block by block. Each is computed from its entity's events when its block is due; when the events did not fit
// into memory, all rows of a partition were computed while its events were there, and are read back from the scratch file.
#include "headrace/aggregate/rows_internal.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "headrace/aggregate/row_internal.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kBlockRows = 30720, kTaskRows = 512;      // a quarter of what becomes a row group of a file

/// Columns of one block while they are filled.
struct BlockColumns {
  std::vector<std::vector<std::int64_t>> ints;
  std::vector<std::vector<double>> doubles;
  std::vector<std::vector<std::uint8_t>> valid;
  std::vector<OutputColumn> outputs;

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

/// A row on disk: a word for each column, then a bit for each column that has a value.
std::size_t WordsOfRow(std::size_t columns) { return columns + (columns + 63) / 64; }

void Pack(const BlockColumns& block, std::size_t row, std::uint64_t* to) {
  const std::size_t columns = block.outputs.size();
  std::uint64_t* bits = to + columns;
  std::fill(bits, to + WordsOfRow(columns), 0);
  for (std::size_t i = 0; i < columns; ++i) {
    const OutputColumn& from = block.outputs[i];
    to[i] = from.doubles != nullptr ? std::bit_cast<std::uint64_t>(from.doubles[row]) : static_cast<std::uint64_t>(from.ints[row]);
    bits[i / 64] |= std::uint64_t{from.valid[row]} << (i % 64);
  }
}

void Unpack(const std::uint64_t* from, std::size_t row, BlockColumns& block) {
  const std::size_t columns = block.outputs.size();
  const std::uint64_t* bits = from + columns;
  for (std::size_t i = 0; i < columns; ++i) {
    const OutputColumn& to = block.outputs[i];
    if (to.doubles != nullptr) to.doubles[row] = std::bit_cast<double>(from[i]);
    else to.ints[row] = static_cast<std::int64_t>(from[i]);
    to.valid[row] = bits[i / 64] >> (i % 64) & 1;
  }
}

/// Compute the rows `refs` into rows 0, 1, ... of `outputs`.
Status Compute(const World& world, std::span<const RowRef> refs, std::span<const OutputColumn> outputs, std::size_t first_row) {
  const AggregateParts& parts = world.plan.parts();
  RowKernel kernel(parts);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const EntityEvents& events = world.entities[refs[i].partition];
    const std::size_t first = events.begin[refs[i].entity], last = events.begin[refs[i].entity + 1];
    kernel.Compute(events.records.data() + first * parts.words, last - first, world.dates[refs[i].date], outputs, first_row + i);
  }
  if (const auto k = kernel.overflowed()) return Error(ErrorCode::kData, "`", parts.operations[*k].name, "`: a sum of ints passes 64 bits").WithHelp("sum doubles: `sum(cast(x as double))`");
  return Ok();
}

/// Reads the rows of one partition back, one after the other.
class ComputedRows {
 public:
  /// Where the next `rows` rows lie, in words of WordsOfRow.
  Result<std::vector<std::uint64_t>> Next(const ScratchFile& scratch, const std::vector<RowExtent>& extents, std::size_t rows, std::size_t row_words) {
    std::vector<std::uint64_t> words(rows * row_words);
    for (std::size_t done = 0; done < rows;) {
      const RowExtent& extent = extents[extent_];
      const std::size_t some = std::min(rows - done, extent.rows - row_);
      RETURN_IF_ERROR(scratch.Read(extent.at + row_ * row_words * sizeof(std::uint64_t), words.data() + done * row_words, some * row_words * sizeof(std::uint64_t)));
      done += some, row_ += some;
      if (row_ == extent.rows) ++extent_, row_ = 0;
    }
    return words;
  }

 private:
  std::size_t extent_ = 0, row_ = 0;      ///< the next one
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
      const KeyTable& keys = world_->entities[ref.partition].keys;
      if (parts_.entity_type == Type::kText) column.AppendText(keys.text(ref.entity));
      else column.AppendInt(static_cast<std::int64_t>(keys.key(ref.entity)));
    }
    return column.Finish();
  }

  Status ComputeNow(std::span<const RowRef> refs, BlockColumns& block) const {
    return ParallelFor(options_.threads, (refs.size() + kTaskRows - 1) / kTaskRows, [&](std::size_t task) {
      const std::size_t first = task * kTaskRows;
      return Compute(*world_, refs.subspan(first, std::min(kTaskRows, refs.size() - first)), block.outputs, first);
    });
  }

  Status ReadBack(std::span<const RowRef> refs, BlockColumns& block) {
    const std::size_t row_words = WordsOfRow(parts_.computed.size());
    std::array<std::vector<std::size_t>, kPartitions> rows;
    for (std::size_t row = 0; row < refs.size(); ++row) rows[refs[row].partition].push_back(row);
    return ParallelFor(options_.threads, kPartitions, [&](std::size_t p) -> Status {
      ASSIGN_OR_RETURN(const std::vector<std::uint64_t> words, computed_[p].Next(*world_->scratch, world_->computed[p], rows[p].size(), row_words));
      for (std::size_t i = 0; i < rows[p].size(); ++i) Unpack(words.data() + i * row_words, rows[p][i], block);
      return Ok();
    });
  }

  Result<std::vector<ColumnPtr>> Computed(std::span<const RowRef> refs) {
    BlockColumns block(parts_.computed, refs.size());
    RETURN_IF_ERROR(world_->ahead ? ReadBack(refs, block) : ComputeNow(refs, block));
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

  Result<ColumnPtr> Derive(const DerivedFeature& feature, const std::vector<ColumnPtr>& columns, std::size_t rows) {
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
  std::array<ComputedRows, kPartitions> computed_;
  std::size_t at_ = 0;
};

}  // namespace

Status ComputeAhead(World& world, std::size_t partition, std::span<const RowRef> refs) {
  const Schema& schema = world.plan.parts().computed;
  const std::size_t row_words = WordsOfRow(schema.size());
  std::vector<std::uint64_t> words;
  for (std::size_t first = 0; first < refs.size(); first += kTaskRows) {
    const std::span<const RowRef> some = refs.subspan(first, std::min(kTaskRows, refs.size() - first));
    BlockColumns block(schema, some.size());
    RETURN_IF_ERROR(Compute(world, some, block.outputs, 0));
    words.resize(some.size() * row_words);
    for (std::size_t row = 0; row < some.size(); ++row) Pack(block, row, words.data() + row * row_words);
    ASSIGN_OR_RETURN(const std::uint64_t at, world.scratch->Append(words.data(), words.size() * sizeof(std::uint64_t)));
    world.computed[partition].push_back({at, some.size()});
  }
  return Ok();
}

std::unique_ptr<TableStream> StreamRows(std::shared_ptr<const World> world, const AggregateOptions& options, AggregateCounts& counts) {
  return std::make_unique<RowStream>(std::move(world), options, counts);
}

}  // namespace headrace::internal
