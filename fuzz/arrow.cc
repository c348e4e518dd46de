// Arrow data of a stranger, in two forms. An IPC stream, as in a model file's proof: any bytes. A C stream, whose first byte is 'C': a schema and arrays
// made of the rest of the input, wrong in every way in which a buggy producer in the same process can be wrong; only the sizes of its buffers are what its
// lengths and last offsets announce, because the C data interface has no other way to tell them.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/ipc.h"
#include "headrace/table/table.h"
#include "nanoarrow/nanoarrow.h"
#include "target.h"

namespace headrace::fuzz {
namespace {

constexpr std::size_t kMostRows = 1000;

/// Touch every value, and hand the rows out and in again: they must come back as they were.
void UseTable(const Table& table) {
  for (std::size_t c = 0; c < table.num_columns(); ++c) {
    const Column& column = table.column(c);
    Demand(column.size() == table.num_rows());
    std::size_t nulls = 0;
    for (std::size_t row = 0; row < column.size(); ++row) {
      nulls += column.IsNull(row) ? 1 : 0;
      (void)column.At(row).ToString();
    }
    Demand(nulls == column.null_count());
  }
  ArrowArrayStream stream;
  ExportStream(StreamOf(table), &stream);
  const auto again = ImportStream(&stream);
  Demand(again.ok());
  const Result<Table> read = ReadAll(**again);
  Demand(read.ok() && read->num_rows() == table.num_rows());
  for (std::size_t c = 0; c < table.num_columns(); ++c)
    for (std::size_t row = 0; row < table.num_rows(); ++row) Demand(read->column(c).At(row).ToString() == table.column(c).At(row).ToString());
}

/// All that the arrays of one stream own.
struct Producer {
  Bytes bytes{std::string_view()};
  std::deque<std::string> texts;           // names and formats, pointed at
  std::vector<std::unique_ptr<ArrowSchema>> schemas;
  std::vector<std::unique_ptr<ArrowArray>> arrays;
  std::vector<std::unique_ptr<void*[]>> pointers;
  std::vector<std::unique_ptr<std::uint8_t[]>> buffers;
  int batches = 0;
};

void ReleaseSchema(ArrowSchema* schema) { schema->release = nullptr; }
void ReleaseArray(ArrowArray* array) { array->release = nullptr; }

constexpr const char* kFormats[] = {"n", "b", "c", "C", "s", "S", "i", "I", "l", "L", "e", "f", "g", "u", "U", "vu", "z", "Z", "vz", "tdD", "tdm", "tts", "ttu", "tss:", "tsm:UTC", "tsu:", "tsn:Europe/Berlin",
                                    "tDu", "tiM", "tin", "d:10,2", "d:38,0", "d:19,10,32", "d:18,4,64", "d:76,38,256", "w:5", "+l", "+s", "+r", "d:38,-3"};

/// Bytes of one value in the first data buffer; 0: bits.
std::size_t Width(std::string_view format) {
  if (format == "b") return 0;
  if (format.starts_with("d:")) return format.ends_with(",32") ? 4 : format.ends_with(",64") ? 8 : format.ends_with(",256") ? 32 : 16;
  if (format == "c" || format == "C") return 1;
  if (format == "s" || format == "S" || format == "e") return 2;
  if (format == "i" || format == "I" || format == "f" || format == "tdD" || format == "tts" || format == "tiM") return 4;
  if (format == "vu" || format == "vz" || format == "tin") return 16;
  if (format.starts_with("w:")) return 5;
  return 8;
}

class Maker {
 public:
  explicit Maker(Producer* producer) : p_(producer) {}

  ArrowSchema* Schema(int depth) {
    p_->schemas.push_back(std::make_unique<ArrowSchema>());
    ArrowSchema* schema = p_->schemas.back().get();
    std::memset(schema, 0, sizeof *schema);
    const std::uint8_t kind = p_->bytes.Byte();
    schema->format = kind < 250 ? kFormats[kind % std::size(kFormats)] : Keep(p_->bytes.Text(6));
    schema->name = kind % 31 == 30 ? nullptr : Keep(StrCat("c", p_->schemas.size(), p_->bytes.Text(kind % 3)));
    schema->flags = kind % 2 == 0 ? ARROW_FLAG_NULLABLE : p_->bytes.Byte();
    schema->release = &ReleaseSchema;
    if (depth < 2 && p_->bytes.Byte() % 5 == 0) schema->dictionary = Schema(depth + 1);
    return schema;
  }

  /// An array for a column of this schema; `rows` is what an honest producer would give.
  ArrowArray* Array(const ArrowSchema& schema, std::int64_t rows) {
    p_->arrays.push_back(std::make_unique<ArrowArray>());
    ArrowArray* array = p_->arrays.back().get();
    std::memset(array, 0, sizeof *array);
    array->release = &ReleaseArray;
    const std::string_view format = schema.format;
    const std::uint8_t odd = p_->bytes.Byte();
    array->length = odd % 16 == 15 ? p_->bytes.Number() : rows;
    array->offset = odd % 8 == 7 ? p_->bytes.Number() % 9 : 0;
    array->null_count = odd % 4 == 3 ? p_->bytes.Number() : -1;
    const std::int64_t honest = std::clamp<std::int64_t>(array->length, 0, 64) + std::clamp<std::int64_t>(array->offset, 0, 64);
    if (format == "n") {
      // A column of nulls has no buffers, so nothing but its length tells how long it is.
    } else if (format == "u" || format == "U" || format == "z" || format == "Z") {
      if (array->length > 64) array->length = 64;
      Texts(array, static_cast<std::size_t>(honest), format == "U" || format == "Z");
    } else {
      if (array->length > 64) array->length = 64;
      const std::size_t width = Width(format);
      const bool views = format == "vu" || format == "vz";
      Place(array, views ? 3 : 2);
      Buffer(array, 0, static_cast<std::size_t>(honest) / 8 + 1);
      Buffer(array, 1, width == 0 ? static_cast<std::size_t>(honest) / 8 + 1 : static_cast<std::size_t>(honest) * width);
      if (views) {   // without further buffers: every text that does not fit into its view lies
        p_->buffers.push_back(std::make_unique<std::uint8_t[]>(8));
        array->buffers[2] = p_->buffers.back().get();
      }
    }
    if (schema.dictionary != nullptr && odd % 32 != 31) array->dictionary = Array(*schema.dictionary, 3);
    if (odd % 64 == 62 && array->n_buffers > 0) array->buffers[array->n_buffers - 1] = nullptr;
    if (odd == 191) --array->n_buffers;
    return array;
  }

  const char* Keep(std::string_view text) {
    p_->texts.emplace_back(text);
    return p_->texts.back().c_str();
  }

 private:
  void Place(ArrowArray* array, std::size_t buffers) {
    p_->pointers.push_back(std::make_unique<void*[]>(buffers + 1));
    array->buffers = const_cast<const void**>(p_->pointers.back().get());
    array->n_buffers = static_cast<std::int64_t>(buffers);
  }
  std::uint8_t* Buffer(ArrowArray* array, std::size_t which, std::size_t size) {
    p_->buffers.push_back(std::make_unique<std::uint8_t[]>(size));
    std::uint8_t* buffer = p_->buffers.back().get();
    const std::string_view from = p_->bytes.Text(size);
    if (!from.empty()) std::memcpy(buffer, from.data(), from.size());
    array->buffers[which] = buffer;
    if (which == 0 && p_->bytes.Byte() % 2 == 0) array->buffers[0] = nullptr;   // no validity bits: no nulls
    return buffer;
  }
  /// Offsets as they come; a data buffer as long as the last one says.
  void Texts(ArrowArray* array, std::size_t rows, bool large) {
    constexpr std::int64_t kMost = 4096;
    Place(array, 3);
    Buffer(array, 0, rows / 8 + 1);
    p_->buffers.push_back(std::make_unique<std::uint8_t[]>((rows + 1) * (large ? 8 : 4)));
    std::uint8_t* offsets = p_->buffers.back().get();
    std::int64_t at = 0;
    for (std::size_t i = 0; i <= rows; ++i) {
      const std::int64_t step = p_->bytes.Number();
      at = step < 200 ? at + step % 20 : step;
      if (i == rows && at > kMost) at = kMost;
      if (large) std::memcpy(offsets + i * 8, &at, 8);
      const auto narrow = static_cast<std::int32_t>(at);
      if (!large) std::memcpy(offsets + i * 4, &narrow, 4);
      at = std::clamp<std::int64_t>(at, 0, kMost);
    }
    array->buffers[1] = offsets;
    const std::int64_t used = array->offset + array->length;
    std::int64_t announced = 0;
    if (used >= 0 && static_cast<std::size_t>(used) <= rows) {
      if (large) std::memcpy(&announced, offsets + used * 8, 8);
      else announced = reinterpret_cast<const std::int32_t*>(offsets)[used];
    }
    if (announced > kMost) {
      announced = 0;
      std::memset(offsets, 0, (rows + 1) * (large ? 8 : 4));
    }
    p_->buffers.push_back(std::make_unique<std::uint8_t[]>(static_cast<std::size_t>(std::max<std::int64_t>(announced, 0))));
    const std::string_view from = p_->bytes.Text(static_cast<std::size_t>(std::max<std::int64_t>(announced, 0)));
    if (!from.empty()) std::memcpy(p_->buffers.back().get(), from.data(), from.size());
    array->buffers[2] = p_->buffers.back().get();
  }
  Producer* p_;
};

int GetSchema(ArrowArrayStream* self, ArrowSchema* out) {
  auto* producer = static_cast<Producer*>(self->private_data);
  Maker maker(producer);
  std::memset(out, 0, sizeof *out);
  const std::uint8_t columns = producer->bytes.Byte() % 5;
  out->format = producer->bytes.Byte() == 255 ? "i" : "+s";
  out->name = "";
  out->release = &ReleaseSchema;
  producer->pointers.push_back(std::make_unique<void*[]>(columns + std::size_t{1}));
  out->children = reinterpret_cast<ArrowSchema**>(producer->pointers.back().get());
  out->n_children = columns;
  for (std::uint8_t c = 0; c < columns; ++c) out->children[c] = maker.Schema(0);
  return 0;
}

int GetNext(ArrowArrayStream* self, ArrowArray* out) {
  auto* producer = static_cast<Producer*>(self->private_data);
  std::memset(out, 0, sizeof *out);
  if (producer->bytes.empty() || ++producer->batches > 3) return 0;
  const std::uint8_t odd = producer->bytes.Byte();
  if (odd == 254) return EIO;
  Maker maker(producer);
  out->release = &ReleaseArray;
  out->length = odd % 16 == 15 ? std::clamp<std::int64_t>(producer->bytes.Number(), -5, 2000) : odd % 20;
  out->offset = odd % 32 == 31 ? producer->bytes.Number() % 5 : 0;
  out->null_count = odd % 64 == 63 ? 1 : 0;
  std::vector<ArrowSchema*> columns;
  for (const auto& schema : producer->schemas) {
    // Only those at the top: a dictionary's schema is another's child.
    const bool inside = std::any_of(producer->schemas.begin(), producer->schemas.end(), [&](const auto& other) { return other->dictionary == schema.get(); });
    if (!inside) columns.push_back(schema.get());
  }
  producer->pointers.push_back(std::make_unique<void*[]>(columns.size() + 1));
  out->children = reinterpret_cast<ArrowArray**>(producer->pointers.back().get());
  out->n_children = static_cast<std::int64_t>(columns.size()) - (odd == 253 ? 1 : 0);
  for (std::size_t c = 0; c < columns.size(); ++c) out->children[c] = maker.Array(*columns[c], std::max<std::int64_t>(out->length, 0));
  producer->pointers.push_back(std::make_unique<void*[]>(1));
  out->buffers = const_cast<const void**>(producer->pointers.back().get());
  out->n_buffers = 1;
  return 0;
}

const char* LastError(ArrowArrayStream*) { return nullptr; }
void ReleaseStream(ArrowArrayStream* self) { self->release = nullptr; }

void TryStream(std::string_view input) {
  Producer producer;
  producer.bytes = Bytes(input);
  ArrowArrayStream stream{};
  stream.private_data = &producer;
  stream.get_schema = &GetSchema;
  stream.get_next = &GetNext;
  stream.get_last_error = &LastError;
  stream.release = &ReleaseStream;
  const auto imported = ImportStream(&stream);
  if (!imported.ok()) return;
  const Result<Table> table = ReadAll(**imported);
  if (table.ok()) UseTable(*table);
}

}  // namespace
}  // namespace headrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('C')) {
    if (size <= 8192) fuzz::TryStream(input.substr(1));
    return 0;
  }
  const Result<Table> table = ReadArrowStream(input, fuzz::kMostRows);
  if (table.ok()) fuzz::UseTable(*table);
  else fuzz::Demand(table.status().code() == ErrorCode::kInvalid);
  return 0;
}
