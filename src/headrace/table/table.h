#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/value.h"

struct ArrowArrayStream;

namespace headrace {

struct Field {
  std::string name;
  Type type = Type::kText;
  bool operator==(const Field&) const = default;
};

/// Names and types of a table's columns, in order. Names are unique (compared byte for byte).
class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<Field> fields);
  const std::vector<Field>& fields() const { return fields_; }
  std::size_t size() const { return fields_.size(); }
  const Field& operator[](std::size_t i) const { return fields_[i]; }
  /// The first field of that name.
  std::optional<std::size_t> IndexOf(std::string_view name) const;
  std::vector<std::string> Names() const;
  bool operator==(const Schema&) const = default;

 private:
  std::vector<Field> fields_;
  std::vector<std::uint32_t> by_name_;   ///< fields sorted by name; empty when there are few
};

/// One immutable column. Held as int64, double or bytes (see HeldAsInt); a row that is null holds
/// 0, 0.0 or "" there, so kernels may compute first and mask later. NaN is a value, not a null. Copies share what is held.
///
/// Threads: immutable; any number may read.
class Column {
 public:
  Column(Type type, std::vector<std::int64_t> ints, std::vector<std::uint8_t> valid);
  Column(std::vector<double> doubles, std::vector<std::uint8_t> valid);
  Column(std::vector<std::int64_t> offsets, std::string bytes, std::vector<std::uint8_t> valid);

  Type type() const { return type_; }
  std::size_t size() const { return size_; }
  std::size_t null_count() const { return null_count_; }
  bool IsNull(std::size_t i) const { return !valid_.empty() && valid_[i] == 0; }

  /// One byte a row, 1 = has a value; empty when no row is null.
  std::span<const std::uint8_t> valid() const { return valid_; }
  std::span<const std::int64_t> ints() const { return ints_; }     ///< REQUIRES: HeldAsInt(type())
  std::span<const double> doubles() const { return doubles_; }     ///< REQUIRES: type() == kDouble
  std::string_view text(std::size_t i) const {                     ///< REQUIRES: type() == kText
    return bytes_.substr(static_cast<std::size_t>(offsets_[i]), static_cast<std::size_t>(offsets_[i + 1] - offsets_[i]));
  }
  std::span<const std::int64_t> offsets() const { return offsets_; }  ///< size() + 1 entries
  std::string_view bytes() const { return bytes_; }

  Value At(std::size_t i) const;
  /// Rows [offset, offset + length). Numbers are those of this column, which stay as long as either is there; texts are copied.
  std::shared_ptr<const Column> Slice(std::size_t offset, std::size_t length) const;

 private:
  struct Held {
    std::vector<std::int64_t> ints;
    std::vector<double> doubles;
    std::vector<std::int64_t> offsets;
    std::string bytes;
    std::vector<std::uint8_t> valid;
  };
  Column(Type type, std::shared_ptr<const Held> held);

  Type type_;
  std::size_t size_ = 0, null_count_ = 0;
  std::shared_ptr<const Held> held_;
  std::span<const std::int64_t> ints_;
  std::span<const double> doubles_;
  std::span<const std::int64_t> offsets_;
  std::string_view bytes_;
  std::span<const std::uint8_t> valid_;
};
using ColumnPtr = std::shared_ptr<const Column>;

/// Gathers one column row by row. `type` decides which Append calls are allowed.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type);
  void Reserve(std::size_t rows);
  void AppendNull();
  void AppendInt(std::int64_t v);        ///< any type that is HeldAsInt
  void AppendDouble(double v);
  void AppendText(std::string_view v);
  void Append(const Value& v);           ///< REQUIRES: v.type() is this type
  std::size_t size() const { return size_; }
  ColumnPtr Finish();                    ///< leaves the builder empty

 private:
  Type type_;
  std::size_t size_ = 0;
  bool any_null_ = false;
  std::vector<std::int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<std::int64_t> offsets_;
  std::string bytes_;
  std::vector<std::uint8_t> valid_;
};

/// An immutable table in memory: columns of equal length under a schema. Copies share the columns.
class Table {
 public:
  Table() = default;
  /// REQUIRES: as many columns as fields, of the fields' types, all of `num_rows` rows.
  Table(Schema schema, std::vector<ColumnPtr> columns, std::size_t num_rows);

  const Schema& schema() const { return schema_; }
  std::size_t num_rows() const { return num_rows_; }
  std::size_t num_columns() const { return columns_.size(); }
  const Column& column(std::size_t i) const { return *columns_[i]; }
  const ColumnPtr& column_ptr(std::size_t i) const { return columns_[i]; }
  /// The column called `name`, or nullptr.
  const Column* Find(std::string_view name) const;

  /// Copies no numbers (Column::Slice).
  Table Slice(std::size_t offset, std::size_t length) const;
  /// The given rows in the given order; a row may come more than once. Columns go side by side on up to `threads` threads (0 = all cores). Rows that
  /// follow each other are a Slice.
  Table Take(std::span<const std::size_t> rows, int threads = 1) const&;
  /// The same, and each column of this table is let go as soon as its rows are taken.
  Table Take(std::span<const std::size_t> rows, int threads = 1) &&;
  /// The named columns in the given order; kData names the first that is missing.
  Result<Table> Select(std::span<const std::string> names) const;
  /// With one more column at the end, or in place of the one of that name.
  Table WithColumn(std::string name, ColumnPtr column) const;

 private:
  Schema schema_;
  std::vector<ColumnPtr> columns_;
  std::size_t num_rows_ = 0;
};

/// Blocks of one table, in order, read once. Blocks may be of any size, also empty.
///
/// Threads: none. One reader.
class TableStream {
 public:
  virtual ~TableStream() = default;
  virtual const Schema& schema() const = 0;
  /// The next block; nullopt at the end. After an error the stream is over.
  virtual Result<std::optional<Table>> Next() = 0;
};

/// A table as a stream of blocks of at most `block_rows` rows.
std::unique_ptr<TableStream> StreamOf(Table table, std::size_t block_rows = 65536);
/// Drain `stream` into one table. Memory: the table, and a column more for each of up to `threads` threads (0 = all cores).
Result<Table> ReadAll(TableStream& stream, int threads = 1);
/// Blocks laid end to end; a block that nobody else holds is freed column by column. REQUIRES: equal schemas, at least one.
Table Concat(std::vector<Table> blocks, int threads = 1);

/// Take over an Arrow C stream (ownership moves; `*stream` is released state afterwards). Integers of any width
/// become kInt (kData for an unsigned value above 2^63 - 1), float and decimal become kDouble,
/// dictionaries are decoded, timestamps of any unit become microseconds (nanoseconds are floored);
/// kData names a column whose type has no counterpart here (lists, structs, binary, intervals).
Result<std::unique_ptr<TableStream>> ImportStream(ArrowArrayStream* stream);
/// Give `stream` away as an Arrow C stream: bool, int64, double, utf8 (large_utf8 beyond 2 GiB a block),
/// date32, timestamp[us]. Errors of the stream arrive as get_next errors with our message, want of memory as ENOMEM.
void ExportStream(std::unique_ptr<TableStream> stream, ArrowArrayStream* out);

}  // namespace headrace
