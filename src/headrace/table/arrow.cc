// Tables in and out of the Arrow C data interface. nanoarrow owns the layout rules (offsets, dictionaries, bit-packed
// validity, views); this file maps the many Arrow types onto the six of the house.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "headrace/table/table.h"
#include "nanoarrow/nanoarrow.h"

namespace headrace {

namespace {

struct ImportedColumn {
  Type type = Type::kText;
  enum ArrowType storage = NANOARROW_TYPE_UNINITIALIZED;  // of the values (a dictionary's own are decoded)
  enum ArrowTimeUnit unit = NANOARROW_TIME_UNIT_MICRO;
  int scale = 0;
};

Status NoCounterpart(std::string_view name, const ArrowSchema& schema) {
  std::array<char, 128> text;
  ArrowSchemaToString(&schema, text.data(), static_cast<std::int64_t>(text.size()), 0);
  return Error(ErrorCode::kData, "column `", name, "` has the type ", text.data(), ", which has no counterpart here")
      .WithHelp("cast it in the query, for example to text, a number, a date or a timestamp");
}

Result<ImportedColumn> MapType(const ArrowSchema& schema, std::string_view name) {
  const ArrowSchema& values = schema.dictionary != nullptr ? *schema.dictionary : schema;
  ArrowSchemaView view;
  ArrowError error;
  if (ArrowSchemaViewInit(&view, &values, &error) != NANOARROW_OK)
    return Error(ErrorCode::kData, "column `", name, "`: ", error.message);
  ImportedColumn column;
  column.storage = view.type;
  switch (view.type) {
    case NANOARROW_TYPE_BOOL: column.type = Type::kBool; break;
    case NANOARROW_TYPE_INT8: case NANOARROW_TYPE_INT16: case NANOARROW_TYPE_INT32: case NANOARROW_TYPE_INT64:
    case NANOARROW_TYPE_UINT8: case NANOARROW_TYPE_UINT16: case NANOARROW_TYPE_UINT32: case NANOARROW_TYPE_UINT64:
      column.type = Type::kInt;
      break;
    case NANOARROW_TYPE_HALF_FLOAT: case NANOARROW_TYPE_FLOAT: case NANOARROW_TYPE_DOUBLE: column.type = Type::kDouble; break;
    case NANOARROW_TYPE_DECIMAL32: case NANOARROW_TYPE_DECIMAL64: case NANOARROW_TYPE_DECIMAL128: case NANOARROW_TYPE_DECIMAL256:
      column.type = view.decimal_scale == 0 ? Type::kInt : Type::kDouble;
      column.scale = view.decimal_scale;
      break;
    case NANOARROW_TYPE_STRING: case NANOARROW_TYPE_LARGE_STRING: case NANOARROW_TYPE_STRING_VIEW: case NANOARROW_TYPE_NA:
      column.type = Type::kText;
      break;
    case NANOARROW_TYPE_DATE32: case NANOARROW_TYPE_DATE64: column.type = Type::kDate; break;
    case NANOARROW_TYPE_TIMESTAMP:
      column.type = Type::kTimestamp;
      column.unit = view.time_unit;
      break;
    default: return NoCounterpart(name, schema);
  }
  return column;
}

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0); }

/// What has been read of one column, in the form of Column, until there is enough for a block.
class Gathered {
 public:
  void Reserve(Type type, std::size_t rows) {
    if (type == Type::kDouble) doubles_.reserve(rows);
    else if (type == Type::kText) offsets_.reserve(rows + 1);
    else ints_.reserve(rows);
  }

  void AppendNull(Type type) {
    if (valid_.empty()) valid_.assign(rows_, 1);
    if (type == Type::kDouble) doubles_.push_back(0);
    else if (type == Type::kText) EndText();
    else ints_.push_back(0);
    valid_.push_back(0);
    ++rows_;
  }
  void AppendInt(std::int64_t v) { ints_.push_back(v), Counted(1); }
  void AppendDouble(double v) { doubles_.push_back(v), Counted(1); }
  void AppendText(std::string_view v) { bytes_ += v, EndText(), Counted(1); }

  /// A column that lies in Arrow's buffers as it does in ours, or nearly: taken buffer by buffer. False, and nothing taken, for others.
  bool AppendWhole(const ImportedColumn& column, const ArrowArrayView& view) {
    if (view.dictionary != nullptr) return false;
    const bool whole_micros = column.type == Type::kTimestamp && column.unit == NANOARROW_TIME_UNIT_MICRO;
    const bool whole_days = column.type == Type::kDate && column.storage != NANOARROW_TYPE_DATE64;
    const ArrowBufferViewData& data = view.buffer_views[1].data;
    switch (view.storage_type) {
      case NANOARROW_TYPE_INT64:
        if (column.type != Type::kInt && !whole_micros) return false;
        return AppendNumbers(data.as_int64, view, ints_);
      case NANOARROW_TYPE_INT32:
        if (column.type != Type::kInt && !whole_days) return false;
        return AppendNumbers(data.as_int32, view, ints_);
      case NANOARROW_TYPE_DOUBLE: return AppendNumbers(data.as_double, view, doubles_);
      case NANOARROW_TYPE_STRING: return AppendTexts(data.as_int32, view);
      case NANOARROW_TYPE_LARGE_STRING: return AppendTexts(data.as_int64, view);
      default: return false;
    }
  }

  std::size_t num_bytes() const { return (ints_.size() + doubles_.size() + offsets_.size()) * 8 + bytes_.size() + valid_.size(); }

  ColumnPtr Finish(Type type) && {
    if (type == Type::kDouble) return std::make_shared<const Column>(std::move(doubles_), std::move(valid_));
    if (type != Type::kText) return std::make_shared<const Column>(type, std::move(ints_), std::move(valid_));
    if (offsets_.empty()) offsets_.push_back(0);
    return std::make_shared<const Column>(std::move(offsets_), std::move(bytes_), std::move(valid_));
  }

 private:
  void Counted(std::size_t rows) {
    if (!valid_.empty()) valid_.insert(valid_.end(), rows, 1);
    rows_ += rows;
  }
  void EndText() {
    if (offsets_.empty()) offsets_.push_back(0);
    offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
  }

  /// The rows' validity; that of the rows just read, empty when none of them is null.
  std::span<const std::uint8_t> CountValid(const ArrowArrayView& view) {
    const auto rows = static_cast<std::size_t>(view.length);
    const std::uint8_t* bits = view.buffer_views[0].data.as_uint8;
    const bool any_null = bits != nullptr && ArrowBitCountSet(bits, view.offset, view.length) < view.length;
    if (!any_null) {
      Counted(rows);
      return {};
    }
    if (valid_.empty()) valid_.assign(rows_, 1);
    valid_.resize(rows_ + rows);
    ArrowBitsUnpackInt8(bits, view.offset, view.length, reinterpret_cast<std::int8_t*>(valid_.data() + rows_));
    rows_ += rows;
    return std::span(valid_).last(rows);
  }

  /// What stands in null rows becomes 0.
  template <typename From, typename To>
  bool AppendNumbers(const From* data, const ArrowArrayView& view, std::vector<To>& out) {
    const std::size_t begin = out.size();
    out.insert(out.end(), data + view.offset, data + view.offset + view.length);
    const auto valid = CountValid(view);
    for (std::size_t i = 0; i < valid.size(); ++i)
      if (valid[i] == 0) out[begin + i] = 0;
    return true;
  }

  /// The bytes in one piece, unless a null row has some.
  template <typename Offset>
  bool AppendTexts(const Offset* offsets, const ArrowArrayView& view) {
    if (view.length == 0) return true;
    const auto rows = static_cast<std::size_t>(view.length);
    const Offset* at = offsets + view.offset;
    const char* data = view.buffer_views[2].data.as_char;
    const auto valid = CountValid(view);
    bool one_piece = true;
    for (std::size_t i = 0; i < valid.size(); ++i) one_piece = one_piece && (valid[i] != 0 || at[i] == at[i + 1]);
    if (offsets_.empty()) offsets_.push_back(0);
    if (!one_piece) {
      for (std::size_t i = 0; i < rows; ++i) {
        if (valid[i] != 0) bytes_.append(data + at[i], static_cast<std::size_t>(at[i + 1] - at[i]));
        EndText();
      }
      return true;
    }
    const std::size_t begin = offsets_.size();
    const std::int64_t shift = static_cast<std::int64_t>(bytes_.size()) - static_cast<std::int64_t>(at[0]);
    if (at[rows] > at[0]) bytes_.append(data + at[0], static_cast<std::size_t>(at[rows] - at[0]));
    offsets_.resize(begin + rows);
    for (std::size_t i = 0; i < rows; ++i) offsets_[begin + i] = static_cast<std::int64_t>(at[i + 1]) + shift;
    return true;
  }

  std::size_t rows_ = 0;
  std::vector<std::int64_t> ints_, offsets_;
  std::vector<double> doubles_;
  std::string bytes_;
  std::vector<std::uint8_t> valid_;   ///< empty until a null comes
};

/// Values of one column of one batch, one by one where they do not lie as ours do.
class Importer {
 public:
  Importer(const ImportedColumn& column, const std::string& name) : column_(column), name_(name) {}

  Status Append(const ArrowArrayView& view, Gathered& out) const {
    if (out.AppendWhole(column_, view)) return Ok();
    const bool dictionary = view.dictionary != nullptr;
    for (std::int64_t i = 0; i < view.length; ++i) {
      if (ArrowArrayViewIsNull(&view, i)) {
        out.AppendNull(column_.type);
      } else if (!dictionary) {
        RETURN_IF_ERROR(AppendValue(view, i, out));
      } else {
        const std::int64_t code = ArrowArrayViewGetIntUnsafe(&view, i);
        if (code < 0 || code >= view.dictionary->length) return Error(ErrorCode::kData, "column `", name_, "`: a dictionary code is out of range");
        if (ArrowArrayViewIsNull(view.dictionary, code)) out.AppendNull(column_.type);
        else RETURN_IF_ERROR(AppendValue(*view.dictionary, code, out));
      }
    }
    return Ok();
  }

 private:
  Status AppendValue(const ArrowArrayView& view, std::int64_t i, Gathered& out) const {
    switch (column_.type) {
      case Type::kText: {
        if (view.storage_type == NANOARROW_TYPE_STRING_VIEW) RETURN_IF_ERROR(CheckView(view, i));
        const ArrowStringView text = ArrowArrayViewGetStringUnsafe(&view, i);
        out.AppendText({text.data, static_cast<std::size_t>(text.size_bytes)});
        return Ok();
      }
      case Type::kDouble:
        if (column_.scale != 0) return AppendDecimal(view, i, out);
        out.AppendDouble(ArrowArrayViewGetDoubleUnsafe(&view, i));
        return Ok();
      case Type::kInt: return AppendInteger(view, i, out);
      case Type::kBool: out.AppendInt(ArrowArrayViewGetIntUnsafe(&view, i) != 0 ? 1 : 0); return Ok();
      case Type::kDate: {
        const std::int64_t raw = ArrowArrayViewGetIntUnsafe(&view, i);
        const std::int64_t days = column_.storage == NANOARROW_TYPE_DATE64 ? FloorDivide(raw, 86'400'000) : raw;
        if (days != static_cast<std::int32_t>(days)) return OutOfRange(StrCat("day ", days));
        out.AppendInt(days);
        return Ok();
      }
      case Type::kTimestamp: return AppendTimestamp(ArrowArrayViewGetIntUnsafe(&view, i), out);
      case Type::kDuration: break;
    }
    return Error(ErrorCode::kInternal, "unknown type");
  }

  /// nanoarrow's validation does not look into views: a text of more than 12 bytes lies where its view says, or nowhere.
  Status CheckView(const ArrowArrayView& view, std::int64_t i) const {
    const ArrowBinaryView& text = view.buffer_views[1].data.as_binary_view[view.offset + i];
    const std::int64_t size = text.inlined.size;
    const bool fits = size >= 0 && (size <= NANOARROW_BINARY_VIEW_INLINE_SIZE ||
                                    (text.ref.buffer_index >= 0 && text.ref.buffer_index < view.n_variadic_buffers && text.ref.offset >= 0 &&
                                     text.ref.offset + size <= view.variadic_buffer_sizes[text.ref.buffer_index]));
    return fits ? Ok() : Error(ErrorCode::kData, "column `", name_, "`: a text lies outside its buffers");
  }

  Status AppendInteger(const ArrowArrayView& view, std::int64_t i, Gathered& out) const {
    if (column_.storage == NANOARROW_TYPE_UINT64) {
      const std::uint64_t v = ArrowArrayViewGetUIntUnsafe(&view, i);
      if (v > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return OutOfRange(StrCat(v));
      out.AppendInt(static_cast<std::int64_t>(v));
      return Ok();
    }
    if (IsDecimal()) {
      const std::string digits = Digits(view, i);
      std::int64_t v = 0;
      if (!ParseInt(digits, &v)) return OutOfRange(digits);
      out.AppendInt(v);
      return Ok();
    }
    out.AppendInt(ArrowArrayViewGetIntUnsafe(&view, i));
    return Ok();
  }

  Status AppendDecimal(const ArrowArrayView& view, std::int64_t i, Gathered& out) const {
    double v = 0;
    if (!ParseDouble(StrCat(Digits(view, i), "e", -static_cast<std::int64_t>(column_.scale)), &v)) return OutOfRange(Digits(view, i));
    out.AppendDouble(v);
    return Ok();
  }

  Status AppendTimestamp(std::int64_t raw, Gathered& out) const {
    std::int64_t micros = raw;
    bool overflow = false;
    switch (column_.unit) {
      case NANOARROW_TIME_UNIT_SECOND: overflow = __builtin_mul_overflow(raw, std::int64_t{1'000'000}, &micros); break;
      case NANOARROW_TIME_UNIT_MILLI: overflow = __builtin_mul_overflow(raw, std::int64_t{1'000}, &micros); break;
      case NANOARROW_TIME_UNIT_MICRO: break;
      case NANOARROW_TIME_UNIT_NANO: micros = FloorDivide(raw, 1'000); break;
    }
    if (overflow) return OutOfRange(StrCat(raw));
    out.AppendInt(micros);
    return Ok();
  }

  bool IsDecimal() const {
    return column_.storage == NANOARROW_TYPE_DECIMAL32 || column_.storage == NANOARROW_TYPE_DECIMAL64 ||
           column_.storage == NANOARROW_TYPE_DECIMAL128 || column_.storage == NANOARROW_TYPE_DECIMAL256;
  }

  /// The unscaled value in decimal.
  std::string Digits(const ArrowArrayView& view, std::int64_t i) const {
    const std::int32_t bits = column_.storage == NANOARROW_TYPE_DECIMAL32   ? 32
                              : column_.storage == NANOARROW_TYPE_DECIMAL64 ? 64
                              : column_.storage == NANOARROW_TYPE_DECIMAL128 ? 128 : 256;
    ArrowDecimal decimal;
    ArrowDecimalInit(&decimal, bits, 38, column_.scale);
    ArrowArrayViewGetDecimalUnsafe(&view, i, &decimal);
    ArrowBuffer buffer;
    ArrowBufferInit(&buffer);
    std::string digits;
    if (ArrowDecimalAppendDigitsToBuffer(&decimal, &buffer) == NANOARROW_OK)
      digits.assign(reinterpret_cast<const char*>(buffer.data), static_cast<std::size_t>(buffer.size_bytes));
    ArrowBufferReset(&buffer);
    return digits;
  }

  Status OutOfRange(std::string_view value) const {
    return Error(ErrorCode::kData, "column `", name_, "` holds ", value, ", which does not fit ", TypeName(column_.type));
  }

  const ImportedColumn& column_;
  const std::string& name_;
};

/// That an array has the buffers, children and dictionary of its type: nanoarrow counts them only after it has followed the pointers.
bool HasParts(const ArrowArrayView& view, const ArrowArray* array) {
  if (array == nullptr) return false;
  std::int64_t fixed = 0;
  while (fixed < NANOARROW_MAX_FIXED_BUFFERS && view.layout.buffer_type[fixed] != NANOARROW_BUFFER_TYPE_NONE) ++fixed;
  if (view.storage_type == NANOARROW_TYPE_STRING_VIEW) fixed = NANOARROW_BINARY_VIEW_FIXED_BUFFERS + 1;   // and the sizes of further ones
  if (array->n_buffers < fixed || (fixed > 0 && array->buffers == nullptr)) return false;
  if (array->n_children != view.n_children || (view.n_children > 0 && array->children == nullptr)) return false;
  for (std::int64_t i = 0; i < view.n_children; ++i)
    if (!HasParts(*view.children[i], array->children[i])) return false;
  return (view.dictionary == nullptr) == (array->dictionary == nullptr) && (view.dictionary == nullptr || HasParts(*view.dictionary, array->dictionary));
}

class ArrowImport final : public TableStream {
 public:
  explicit ArrowImport(ArrowArrayStream* stream) {
    std::memcpy(&stream_, stream, sizeof(stream_));
    stream->release = nullptr;
  }
  ArrowImport(const ArrowImport&) = delete;
  ArrowImport& operator=(const ArrowImport&) = delete;
  ~ArrowImport() override {
    if (arrow_schema_.release != nullptr) arrow_schema_.release(&arrow_schema_);
    if (stream_.release != nullptr) stream_.release(&stream_);
  }

  Status ReadSchema() {
    if (stream_.get_schema(&stream_, &arrow_schema_) != 0) return StreamError();
    if (arrow_schema_.format == nullptr || std::string_view(arrow_schema_.format) != "+s")
      return Error(ErrorCode::kData, "the stream's rows are not a struct of columns").WithHelp("hand over a table, not a single array");
    std::vector<Field> fields;
    for (std::int64_t i = 0; i < arrow_schema_.n_children; ++i) {
      const ArrowSchema& child = *arrow_schema_.children[i];
      const std::string name = child.name == nullptr ? "" : child.name;
      ASSIGN_OR_RETURN(ImportedColumn column, MapType(child, name));
      for (const Field& field : fields)
        if (field.name == name)
          return Error(ErrorCode::kData, "two columns are called `", name, "`").WithHelp("give one of them another name in the query");
      columns_.push_back(column);
      fields.push_back({name, column.type});
    }
    schema_ = Schema(std::move(fields));
    return Ok();
  }

  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    std::vector<Gathered> gathered(columns_.size());
    std::size_t rows = 0, bytes = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) gathered[i].Reserve(columns_[i].type, rows_before_);
    while (!over_ && rows < kBlockRows && bytes < kBlockBytes) {
      ArrowArray array;
      array.release = nullptr;
      if (stream_.get_next(&stream_, &array) != 0) return StreamError();
      over_ = array.release == nullptr;
      if (over_) break;
      const Status status = Gather(array, gathered);
      rows += static_cast<std::size_t>(array.length);
      array.release(&array);
      RETURN_IF_ERROR(status);
      bytes = 0;
      for (const Gathered& column : gathered) bytes += column.num_bytes();
    }
    if (rows == 0 && over_) return std::optional<Table>();
    rows_before_ = std::min(rows, kBlockRows);
    std::vector<ColumnPtr> columns;
    for (std::size_t i = 0; i < columns_.size(); ++i) columns.push_back(std::move(gathered[i]).Finish(columns_[i].type));
    return std::optional(Table(schema_, std::move(columns), rows));
  }

 private:
  /// The embedded engine hands over two thousand rows at a time, too few to be worth the turn through all that looks at blocks. So arrays are gathered until
  /// there are so many rows, or so much of them.
  static constexpr std::size_t kBlockRows = 65'536, kBlockBytes = 8 << 20;

  Status Gather(const ArrowArray& array, std::vector<Gathered>& gathered) {
    ArrowArrayView view;
    ArrowError error;
    ArrowErrorSet(&error, "it has other parts than its schema says");
    if (ArrowArrayViewInitFromSchema(&view, &arrow_schema_, &error) != NANOARROW_OK || !HasParts(view, &array) ||
        ArrowArrayViewSetArray(&view, &array, &error) != NANOARROW_OK ||
        ArrowArrayViewValidate(&view, NANOARROW_VALIDATION_LEVEL_FULL, &error) != NANOARROW_OK) {
      ArrowArrayViewReset(&view);
      return Error(ErrorCode::kData, "a block of rows is not valid Arrow data: ", error.message);
    }
    Status status;
    for (std::size_t i = 0; i < columns_.size() && status.ok(); ++i) {
      ArrowArrayView child = *view.children[i];
      child.offset += view.offset;  // a sliced struct slices its children
      child.length = array.length;
      status = Importer(columns_[i], schema_[i].name).Append(child, gathered[i]);
    }
    ArrowArrayViewReset(&view);
    return status;
  }

  Status StreamError() {
    const char* message = stream_.get_last_error == nullptr ? nullptr : stream_.get_last_error(&stream_);
    return Error(ErrorCode::kFailed, message == nullptr ? "reading rows failed without a message" : message);
  }

  ArrowArrayStream stream_{};
  ArrowSchema arrow_schema_{};
  Schema schema_;
  std::vector<ImportedColumn> columns_;
  bool over_ = false;
  std::size_t rows_before_ = 0;   ///< of the last block
};

/// `ArrowArrayStream` whose private data is one of these.
struct Exported {
  std::unique_ptr<TableStream> stream;
  std::string error;

  static int GetSchema(ArrowArrayStream* self, ArrowSchema* out) {
    auto* exported = static_cast<Exported*>(self->private_data);
    const Schema& schema = exported->stream->schema();
    ArrowSchemaInit(out);
    if (ArrowSchemaSetTypeStruct(out, static_cast<std::int64_t>(schema.size())) != NANOARROW_OK) return EINVAL;
    for (std::size_t i = 0; i < schema.size(); ++i) {
      ArrowSchema* child = out->children[i];
      if (ArrowSchemaSetName(child, schema[i].name.c_str()) != NANOARROW_OK || SetType(child, schema[i].type) != NANOARROW_OK) return EINVAL;
    }
    return 0;
  }

  static int GetNext(ArrowArrayStream* self, ArrowArray* out) {
    auto* exported = static_cast<Exported*>(self->private_data);
    out->release = nullptr;
    int code = ENOMEM;
    try {
      Result<std::optional<Table>> block = exported->stream->Next();
      if (!block.ok()) {
        exported->error = block.status().ToString();
        return EIO;
      }
      if (!block->has_value()) return 0;
      code = Build(**block, out);
    } catch (const std::bad_alloc&) {   // no exception may leave a C function
    }
    if (code != NANOARROW_OK) {
      exported->error = "out of memory while handing rows over";
      if (out->release != nullptr) out->release(out);
      out->release = nullptr;
    }
    return code;
  }

  static const char* LastError(ArrowArrayStream* self) { return static_cast<Exported*>(self->private_data)->error.c_str(); }

  static void Release(ArrowArrayStream* self) {
    delete static_cast<Exported*>(self->private_data);
    self->private_data = nullptr;
    self->release = nullptr;
  }

  static int SetType(ArrowSchema* schema, Type type) {
    switch (type) {
      case Type::kBool: return ArrowSchemaSetType(schema, NANOARROW_TYPE_BOOL);
      case Type::kInt: case Type::kDuration: return ArrowSchemaSetType(schema, NANOARROW_TYPE_INT64);
      case Type::kDouble: return ArrowSchemaSetType(schema, NANOARROW_TYPE_DOUBLE);
      case Type::kText: return ArrowSchemaSetType(schema, NANOARROW_TYPE_LARGE_STRING);
      case Type::kDate: return ArrowSchemaSetType(schema, NANOARROW_TYPE_DATE32);
      case Type::kTimestamp: return ArrowSchemaSetTypeDateTime(schema, NANOARROW_TYPE_TIMESTAMP, NANOARROW_TIME_UNIT_MICRO, nullptr);
    }
    return EINVAL;
  }

  static int Build(const Table& block, ArrowArray* out) {
    NANOARROW_RETURN_NOT_OK(ArrowArrayInitFromType(out, NANOARROW_TYPE_STRUCT));
    NANOARROW_RETURN_NOT_OK(ArrowArrayAllocateChildren(out, static_cast<std::int64_t>(block.num_columns())));
    for (std::size_t i = 0; i < block.num_columns(); ++i) NANOARROW_RETURN_NOT_OK(BuildColumn(block.column(i), out->children[i]));
    out->length = static_cast<std::int64_t>(block.num_rows());
    out->null_count = 0;
    return ArrowArrayFinishBuildingDefault(out, nullptr);
  }

  static int BuildColumn(const Column& column, ArrowArray* out) {
    ArrowSchema schema;
    ArrowSchemaInit(&schema);
    int code = SetType(&schema, column.type());
    if (code == NANOARROW_OK) code = ArrowArrayInitFromSchema(out, &schema, nullptr);
    schema.release(&schema);
    NANOARROW_RETURN_NOT_OK(code);
    NANOARROW_RETURN_NOT_OK(AppendValidity(column, out));
    const auto rows = static_cast<std::int64_t>(column.size());
    switch (column.type()) {
      case Type::kDouble:
        NANOARROW_RETURN_NOT_OK(ArrowBufferAppend(ArrowArrayBuffer(out, 1), column.doubles().data(), rows * 8));
        break;
      case Type::kInt: case Type::kTimestamp: case Type::kDuration:
        NANOARROW_RETURN_NOT_OK(ArrowBufferAppend(ArrowArrayBuffer(out, 1), column.ints().data(), rows * 8));
        break;
      case Type::kText:
        NANOARROW_RETURN_NOT_OK(ArrowBufferAppend(ArrowArrayBuffer(out, 1), column.offsets().data(), (rows + 1) * 8));
        NANOARROW_RETURN_NOT_OK(ArrowBufferAppend(ArrowArrayBuffer(out, 2), column.bytes().data(), static_cast<std::int64_t>(column.bytes().size())));
        break;
      case Type::kDate:
        NANOARROW_RETURN_NOT_OK(ArrowBufferReserve(ArrowArrayBuffer(out, 1), rows * 4));
        for (const std::int64_t v : column.ints()) {
          const auto days = static_cast<std::int32_t>(v);
          ArrowBufferAppendUnsafe(ArrowArrayBuffer(out, 1), &days, 4);
        }
        break;
      case Type::kBool: {
        ArrowBitmap bits;
        ArrowBitmapInit(&bits);
        NANOARROW_RETURN_NOT_OK(ArrowBitmapReserve(&bits, rows));
        for (const std::int64_t v : column.ints()) ArrowBitmapAppendUnsafe(&bits, v != 0 ? 1 : 0, 1);
        NANOARROW_RETURN_NOT_OK(ArrowArraySetBuffer(out, 1, &bits.buffer));
        break;
      }
    }
    out->length = rows;
    out->null_count = static_cast<std::int64_t>(column.null_count());
    return NANOARROW_OK;
  }

  static int AppendValidity(const Column& column, ArrowArray* out) {
    if (column.null_count() == 0) return NANOARROW_OK;
    ArrowBitmap* bits = ArrowArrayValidityBitmap(out);
    NANOARROW_RETURN_NOT_OK(ArrowBitmapReserve(bits, static_cast<std::int64_t>(column.size())));
    for (const std::uint8_t v : column.valid()) ArrowBitmapAppendUnsafe(bits, v, 1);
    return NANOARROW_OK;
  }
};

}  // namespace

Result<std::unique_ptr<TableStream>> ImportStream(ArrowArrayStream* stream) {
  auto import = std::make_unique<ArrowImport>(stream);
  RETURN_IF_ERROR(import->ReadSchema());
  return std::unique_ptr<TableStream>(std::move(import));
}

void ExportStream(std::unique_ptr<TableStream> stream, ArrowArrayStream* out) {
  out->private_data = new Exported{std::move(stream), {}};
  out->get_schema = &Exported::GetSchema;
  out->get_next = &Exported::GetNext;
  out->get_last_error = &Exported::LastError;
  out->release = &Exported::Release;
}

}  // namespace headrace
