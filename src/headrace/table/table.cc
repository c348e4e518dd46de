#include "headrace/table/table.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>

#include "headrace/base/parallel.h"

namespace headrace {

namespace {
std::size_t CountNulls(std::span<const std::uint8_t> valid) {
  return static_cast<std::size_t>(std::count(valid.begin(), valid.end(), std::uint8_t{0}));
}
}  // namespace

Schema::Schema(std::vector<Field> fields) : fields_(std::move(fields)) {
  constexpr std::size_t kFew = 16;   // a walk is as fast
  if (fields_.size() <= kFew) return;
  by_name_.resize(fields_.size());
  std::iota(by_name_.begin(), by_name_.end(), std::uint32_t{0});
  std::sort(by_name_.begin(), by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int order = fields_[a].name.compare(fields_[b].name);
    return order != 0 ? order < 0 : a < b;
  });
}

std::optional<std::size_t> Schema::IndexOf(std::string_view name) const {
  if (by_name_.empty()) {
    for (std::size_t i = 0; i < fields_.size(); ++i)
      if (fields_[i].name == name) return i;
    return std::nullopt;
  }
  const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name, [&](std::uint32_t i, std::string_view wanted) { return fields_[i].name < wanted; });
  if (at == by_name_.end() || fields_[*at].name != name) return std::nullopt;
  return *at;
}

std::vector<std::string> Schema::Names() const {
  std::vector<std::string> names;
  names.reserve(fields_.size());
  for (const Field& field : fields_) names.push_back(field.name);
  return names;
}

Column::Column(Type type, std::shared_ptr<const Held> held)
    : type_(type), held_(std::move(held)), ints_(held_->ints), doubles_(held_->doubles), offsets_(held_->offsets), bytes_(held_->bytes), valid_(held_->valid) {
  size_ = type == Type::kDouble ? doubles_.size() : type == Type::kText ? offsets_.size() - 1 : ints_.size();
  assert(valid_.empty() || valid_.size() == size_);
  null_count_ = CountNulls(valid_);
  if (null_count_ == 0) valid_ = {};
}

Column::Column(Type type, std::vector<std::int64_t> ints, std::vector<std::uint8_t> valid)
    : Column(type, std::make_shared<const Held>(Held{std::move(ints), {}, {}, {}, std::move(valid)})) {
  assert(HeldAsInt(type));
}

Column::Column(std::vector<double> doubles, std::vector<std::uint8_t> valid)
    : Column(Type::kDouble, std::make_shared<const Held>(Held{{}, std::move(doubles), {}, {}, std::move(valid)})) {}

Column::Column(std::vector<std::int64_t> offsets, std::string bytes, std::vector<std::uint8_t> valid)
    : Column(Type::kText, std::make_shared<const Held>(Held{{}, {}, std::move(offsets), std::move(bytes), std::move(valid)})) {}

ColumnPtr Column::Slice(std::size_t offset, std::size_t length) const {
  if (type_ == Type::kText) {
    std::vector<std::int64_t> offsets(offsets_.begin() + static_cast<std::ptrdiff_t>(offset), offsets_.begin() + static_cast<std::ptrdiff_t>(offset + length + 1));
    const std::int64_t begin = offsets.front();
    std::string bytes(bytes_.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(offsets.back() - begin)));
    for (std::int64_t& at : offsets) at -= begin;
    std::vector<std::uint8_t> valid;
    if (null_count_ > 0) valid.assign(valid_.begin() + static_cast<std::ptrdiff_t>(offset), valid_.begin() + static_cast<std::ptrdiff_t>(offset + length));
    return std::make_shared<const Column>(std::move(offsets), std::move(bytes), std::move(valid));
  }
  auto part = std::make_shared<Column>(*this);
  part->size_ = length;
  if (type_ == Type::kDouble) part->doubles_ = doubles_.subspan(offset, length);
  else part->ints_ = ints_.subspan(offset, length);
  if (null_count_ == 0) return part;
  part->valid_ = valid_.subspan(offset, length);
  part->null_count_ = CountNulls(part->valid_);
  if (part->null_count_ == 0) part->valid_ = {};
  return part;
}

Value Column::At(std::size_t i) const {
  if (IsNull(i)) return Value::Null(type_);
  if (type_ == Type::kDouble) return Value::Double(doubles_[i]);
  if (type_ == Type::kText) return Value::Text(std::string(text(i)));
  return Value::Int64(type_, ints_[i]);
}

ColumnBuilder::ColumnBuilder(Type type) : type_(type) {
  if (type_ == Type::kText) offsets_.push_back(0);
}

void ColumnBuilder::Reserve(std::size_t rows) {
  valid_.reserve(rows);
  if (type_ == Type::kDouble) doubles_.reserve(rows);
  else if (type_ == Type::kText) offsets_.reserve(rows + 1);
  else ints_.reserve(rows);
}

void ColumnBuilder::AppendNull() {
  if (type_ == Type::kDouble) doubles_.push_back(0);
  else if (type_ == Type::kText) offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  else ints_.push_back(0);
  valid_.push_back(0);
  any_null_ = true;
  ++size_;
}

void ColumnBuilder::AppendInt(std::int64_t v) {
  assert(HeldAsInt(type_));
  ints_.push_back(v);
  valid_.push_back(1);
  ++size_;
}

void ColumnBuilder::AppendDouble(double v) {
  assert(type_ == Type::kDouble);
  doubles_.push_back(v);
  valid_.push_back(1);
  ++size_;
}

void ColumnBuilder::AppendText(std::string_view v) {
  assert(type_ == Type::kText);
  bytes_ += v;
  offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  valid_.push_back(1);
  ++size_;
}

void ColumnBuilder::Append(const Value& v) {
  assert(v.type() == type_);
  if (v.is_null()) AppendNull();
  else if (type_ == Type::kDouble) AppendDouble(v.as_double());
  else if (type_ == Type::kText) AppendText(v.as_text());
  else AppendInt(v.as_int());
}

ColumnPtr ColumnBuilder::Finish() {
  if (!any_null_) valid_.clear();
  ColumnPtr column;
  if (type_ == Type::kDouble) column = std::make_shared<Column>(std::move(doubles_), std::move(valid_));
  else if (type_ == Type::kText) column = std::make_shared<Column>(std::move(offsets_), std::move(bytes_), std::move(valid_));
  else column = std::make_shared<Column>(type_, std::move(ints_), std::move(valid_));
  *this = ColumnBuilder(type_);
  return column;
}

Table::Table(Schema schema, std::vector<ColumnPtr> columns, std::size_t num_rows)
    : schema_(std::move(schema)), columns_(std::move(columns)), num_rows_(num_rows) {
  assert(schema_.size() == columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i)
    assert(columns_[i]->size() == num_rows_ && columns_[i]->type() == schema_[i].type);
}

const Column* Table::Find(std::string_view name) const {
  const auto index = schema_.IndexOf(name);
  return index ? columns_[*index].get() : nullptr;
}

Table Table::Slice(std::size_t offset, std::size_t length) const {
  offset = std::min(offset, num_rows_);
  length = std::min(length, num_rows_ - offset);
  if (offset == 0 && length == num_rows_) return *this;
  std::vector<ColumnPtr> columns;
  columns.reserve(columns_.size());
  for (const ColumnPtr& column : columns_) columns.push_back(column->Slice(offset, length));
  return Table(schema_, std::move(columns), length);
}

namespace {
/// Call `work` for each column, on several threads where the rows are worth starting them.
void ForEachColumn(int threads, std::size_t rows, std::size_t columns, const std::function<void(std::size_t)>& work) {
  constexpr std::size_t kWorthThreads = 10'000;
  ForEach(rows < kWorthThreads ? 1 : threads, columns, work);
}

bool FollowEachOther(std::span<const std::size_t> rows) {
  for (std::size_t i = 1; i < rows.size(); ++i)
    if (rows[i] != rows[0] + i) return false;
  return true;
}

ColumnPtr TakeColumn(const Column& from, std::span<const std::size_t> rows) {
  std::vector<std::uint8_t> valid;
  if (from.null_count() > 0) {
    valid.reserve(rows.size());
    for (const std::size_t r : rows) valid.push_back(from.valid()[r]);
  }
  if (from.type() == Type::kDouble) {
    std::vector<double> doubles;
    doubles.reserve(rows.size());
    for (const std::size_t r : rows) doubles.push_back(from.doubles()[r]);
    return std::make_shared<Column>(std::move(doubles), std::move(valid));
  }
  if (from.type() == Type::kText) {
    std::vector<std::int64_t> offsets;
    offsets.reserve(rows.size() + 1);
    offsets.push_back(0);
    std::string bytes;
    for (const std::size_t r : rows) {
      bytes += from.text(r);
      offsets.push_back(static_cast<std::int64_t>(bytes.size()));
    }
    return std::make_shared<Column>(std::move(offsets), std::move(bytes), std::move(valid));
  }
  std::vector<std::int64_t> ints;
  ints.reserve(rows.size());
  for (const std::size_t r : rows) ints.push_back(from.ints()[r]);
  return std::make_shared<Column>(from.type(), std::move(ints), std::move(valid));
}
}  // namespace

Table Table::Take(std::span<const std::size_t> rows, int threads) const& { return Table(*this).Take(rows, threads); }

Table Table::Take(std::span<const std::size_t> rows, int threads) && {
  if (FollowEachOther(rows)) return Slice(rows.empty() ? 0 : rows.front(), rows.size());
  std::vector<ColumnPtr> columns(columns_.size());
  ForEachColumn(threads, rows.size(), columns.size(), [&](std::size_t i) {
    columns[i] = TakeColumn(*columns_[i], rows);
    columns_[i].reset();
  });
  return Table(schema_, std::move(columns), rows.size());
}

Result<Table> Table::Select(std::span<const std::string> names) const {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (const std::string& name : names) {
    const auto index = schema_.IndexOf(name);
    if (!index) {
      const std::vector<std::string> known = schema_.Names();
      const std::string near = NearestName(name, known);
      return Error(ErrorCode::kData, "there is no column `", name, "`")
          .WithHelp(near.empty() ? StrCat("the columns are ", Join(known, ", ")) : StrCat("did you mean `", near, "`?"));
    }
    fields.push_back(schema_[*index]);
    columns.push_back(columns_[*index]);
  }
  return Table(Schema(std::move(fields)), std::move(columns), num_rows_);
}

Table Table::WithColumn(std::string name, ColumnPtr column) const {
  std::vector<Field> fields = schema_.fields();
  std::vector<ColumnPtr> columns = columns_;
  const std::size_t rows = columns.empty() ? column->size() : num_rows_;
  if (const auto index = schema_.IndexOf(name)) {
    fields[*index].type = column->type();
    columns[*index] = std::move(column);
  } else {
    fields.push_back({std::move(name), column->type()});
    columns.push_back(std::move(column));
  }
  return Table(Schema(std::move(fields)), std::move(columns), rows);
}

namespace {
class TableAsStream final : public TableStream {
 public:
  TableAsStream(Table table, std::size_t block_rows) : table_(std::move(table)), block_rows_(block_rows) {}
  const Schema& schema() const override { return table_.schema(); }
  Result<std::optional<Table>> Next() override {
    if (at_ >= table_.num_rows()) return std::optional<Table>();
    Table block = table_.Slice(at_, block_rows_);
    at_ += block.num_rows();
    return std::optional<Table>(std::move(block));
  }

 private:
  Table table_;
  std::size_t block_rows_, at_ = 0;
};

ColumnPtr ConcatColumns(Type type, std::span<const ColumnPtr> pieces, std::size_t rows) {
  std::vector<std::uint8_t> valid;
  if (std::any_of(pieces.begin(), pieces.end(), [](const ColumnPtr& piece) { return piece->null_count() > 0; })) {
    valid.reserve(rows);
    for (const ColumnPtr& piece : pieces) {
      if (piece->null_count() == 0) valid.insert(valid.end(), piece->size(), 1);
      else valid.insert(valid.end(), piece->valid().begin(), piece->valid().end());
    }
  }
  const auto append = [&pieces, rows](auto values_of, auto& all) {
    all.reserve(rows);
    for (const ColumnPtr& piece : pieces) {
      const auto values = values_of(*piece);
      all.insert(all.end(), values.begin(), values.end());
    }
  };
  if (type == Type::kDouble) {
    std::vector<double> doubles;
    append([](const Column& piece) { return piece.doubles(); }, doubles);
    return std::make_shared<Column>(std::move(doubles), std::move(valid));
  }
  if (type != Type::kText) {
    std::vector<std::int64_t> ints;
    append([](const Column& piece) { return piece.ints(); }, ints);
    return std::make_shared<Column>(type, std::move(ints), std::move(valid));
  }
  std::vector<std::int64_t> offsets{0};
  std::string bytes;
  std::size_t length = 0;
  for (const ColumnPtr& piece : pieces) length += piece->bytes().size();
  offsets.reserve(rows + 1);
  bytes.reserve(length);
  for (const ColumnPtr& piece : pieces) {
    const std::int64_t base = static_cast<std::int64_t>(bytes.size()) - piece->offsets()[0];
    bytes += piece->bytes();
    for (std::size_t i = 1; i <= piece->size(); ++i) offsets.push_back(base + piece->offsets()[i]);
  }
  return std::make_shared<Column>(std::move(offsets), std::move(bytes), std::move(valid));
}
}  // namespace

std::unique_ptr<TableStream> StreamOf(Table table, std::size_t block_rows) {
  return std::make_unique<TableAsStream>(std::move(table), block_rows);
}

Table Concat(std::vector<Table> blocks, int threads) {
  assert(!blocks.empty());
  if (blocks.size() == 1) return std::move(blocks.front());
  const Schema schema = blocks.front().schema();
  std::size_t rows = 0;
  std::vector<std::vector<ColumnPtr>> pieces(schema.size());
  for (const Table& block : blocks) {
    rows += block.num_rows();
    for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i].push_back(block.column_ptr(i));
  }
  blocks.clear();
  std::vector<ColumnPtr> columns(pieces.size());
  ForEachColumn(threads, rows, pieces.size(), [&](std::size_t i) {
    columns[i] = ConcatColumns(schema[i].type, pieces[i], rows);
    pieces[i].clear();
  });
  return Table(schema, std::move(columns), rows);
}

Result<Table> ReadAll(TableStream& stream, int threads) {
  std::vector<Table> blocks;
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Table> block, stream.Next());
    if (!block) break;
    blocks.push_back(std::move(*block));
  }
  if (blocks.empty()) {
    std::vector<ColumnPtr> columns;
    for (const Field& field : stream.schema().fields()) columns.push_back(ColumnBuilder(field.type).Finish());
    return Table(stream.schema(), std::move(columns), 0);
  }
  return Concat(std::move(blocks), threads);
}

}  // namespace headrace
