// Tables in and out of the Arrow C data interface. nanoarrow owns the layout rules (offsets, dictionaries, bit-packed
// validity, views); this file maps the many Arrow types onto the six of the house.

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

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

/// Values of one column of one batch into a builder.
class Importer {
 public:
  Importer(const ImportedColumn& column, const std::string& name) : column_(column), name_(name) {}

  Status Append(const ArrowArrayView& view, ColumnBuilder& out) const {
    const bool dictionary = view.dictionary != nullptr;
    for (std::int64_t i = 0; i < view.length; ++i) {
      if (ArrowArrayViewIsNull(&view, i)) {
        out.AppendNull();
      } else if (!dictionary) {
        RETURN_IF_ERROR(AppendValue(view, i, out));
      } else {
        const std::int64_t code = ArrowArrayViewGetIntUnsafe(&view, i);
        if (code < 0 || code >= view.dictionary->length) return Error(ErrorCode::kData, "column `", name_, "`: a dictionary code is out of range");
        if (ArrowArrayViewIsNull(view.dictionary, code)) out.AppendNull();
        else RETURN_IF_ERROR(AppendValue(*view.dictionary, code, out));
      }
    }
    return Ok();
  }

 private:
  Status AppendValue(const ArrowArrayView& view, std::int64_t i, ColumnBuilder& out) const {
    switch (column_.type) {
      case Type::kText: {
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
        out.AppendInt(column_.storage == NANOARROW_TYPE_DATE64 ? FloorDivide(raw, 86'400'000) : raw);
        return Ok();
      }
      case Type::kTimestamp: return AppendTimestamp(ArrowArrayViewGetIntUnsafe(&view, i), out);
      case Type::kDuration: break;
    }
    return Error(ErrorCode::kInternal, "unknown type");
  }

  Status AppendInteger(const ArrowArrayView& view, std::int64_t i, ColumnBuilder& out) const {
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

  Status AppendDecimal(const ArrowArrayView& view, std::int64_t i, ColumnBuilder& out) const {
    double v = 0;
    if (!ParseDouble(StrCat(Digits(view, i), "e", -column_.scale), &v)) return OutOfRange(Digits(view, i));
    out.AppendDouble(v);
    return Ok();
  }

  Status AppendTimestamp(std::int64_t raw, ColumnBuilder& out) const {
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
    ArrowArray array;
    array.release = nullptr;
    if (stream_.get_next(&stream_, &array) != 0) return StreamError();
    if (array.release == nullptr) return std::optional<Table>();
    Result<Table> block = Import(array);
    array.release(&array);
    if (!block.ok()) return std::move(block).status();
    return std::optional<Table>(std::move(block).value());
  }

 private:
  Result<Table> Import(const ArrowArray& array) {
    ArrowArrayView view;
    ArrowError error;
    if (ArrowArrayViewInitFromSchema(&view, &arrow_schema_, &error) != NANOARROW_OK ||
        ArrowArrayViewSetArray(&view, &array, &error) != NANOARROW_OK) {
      ArrowArrayViewReset(&view);
      return Error(ErrorCode::kData, "a block of rows is not valid Arrow data: ", error.message);
    }
    std::vector<ColumnPtr> columns;
    Status status;
    for (std::size_t i = 0; i < columns_.size() && status.ok(); ++i) {
      ColumnBuilder builder(columns_[i].type);
      builder.Reserve(static_cast<std::size_t>(array.length));
      ArrowArrayView child = *view.children[i];
      child.offset += view.offset;  // a sliced struct slices its children
      child.length = array.length;
      status = Importer(columns_[i], schema_[i].name).Append(child, builder);
      columns.push_back(builder.Finish());
    }
    ArrowArrayViewReset(&view);
    RETURN_IF_ERROR(status);
    return Table(schema_, std::move(columns), static_cast<std::size_t>(array.length));
  }

  Status StreamError() {
    const char* message = stream_.get_last_error == nullptr ? nullptr : stream_.get_last_error(&stream_);
    return Error(ErrorCode::kFailed, message == nullptr ? "reading rows failed without a message" : message);
  }

  ArrowArrayStream stream_{};
  ArrowSchema arrow_schema_{};
  Schema schema_;
  std::vector<ImportedColumn> columns_;
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
    Result<std::optional<Table>> block = exported->stream->Next();
    if (!block.ok()) {
      exported->error = block.status().ToString();
      return EIO;
    }
    if (!block->has_value()) return 0;
    const int code = Build(**block, out);
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
