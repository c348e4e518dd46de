// nanoarrow's verifier keeps every offset of a message within it, but lets a union say which kind of value it has and have none; its reader then follows that value to
// address 0; and it computes with any length and reads numbers from any offset. So what is read here is read again: every message has a header, every column a type, every note a key and a text,
// every length is one that rows can have, every buffer begins at a multiple of 8 as the format asks. Format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
// and https://flatbuffers.dev/internals/.

#include <cstring>
#include <optional>

#include "headrace/model/ipc_messages_internal.h"

namespace headrace::internal {
namespace {

Status Damaged(std::string_view what) { return Error(ErrorCode::kInvalid, "an Arrow stream is damaged: ", what); }

template <typename T>
std::optional<T> ReadAt(std::string_view bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

/// A table of a flatbuffer: its fields by number, absent where anything leads outside the bytes.
struct FlatTable {
  std::string_view bytes;
  std::size_t at = 0;

  std::optional<std::size_t> Field(std::size_t number) const {
    const auto back = ReadAt<std::int32_t>(bytes, at);
    if (!back) return std::nullopt;
    const std::int64_t vtable = static_cast<std::int64_t>(at) - *back;
    if (vtable < 0) return std::nullopt;
    const std::size_t from = static_cast<std::size_t>(vtable), entry = 4 + 2 * number;
    const auto size = ReadAt<std::uint16_t>(bytes, from);
    if (!size || *size < entry + 2) return std::nullopt;
    const auto offset = ReadAt<std::uint16_t>(bytes, from + entry);
    return !offset || *offset == 0 ? std::nullopt : std::optional<std::size_t>(at + *offset);
  }
  /// Where an offset field leads.
  std::optional<std::size_t> Follow(std::optional<std::size_t> field) const {
    const auto offset = field ? ReadAt<std::uint32_t>(bytes, *field) : std::nullopt;
    return offset && *offset > 0 && *field + *offset < bytes.size() ? std::optional<std::size_t>(*field + *offset) : std::nullopt;
  }
};

/// What is noted beside a schema or column, by key. Either text may be missing; its reader would measure it all the same.
Status CheckNotes(const FlatTable& table, std::size_t field) {
  constexpr std::size_t kKey = 0, kValue = 1;
  const auto notes = table.Follow(table.Field(field));
  if (!notes) return Ok();
  const std::uint32_t count = ReadAt<std::uint32_t>(table.bytes, *notes).value_or(1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = table.Follow(*notes + 4 + 4 * i);
    if (!at) return Damaged("a note that is not there");
    const FlatTable note{table.bytes, *at};
    if (!note.Follow(note.Field(kKey)) || !note.Follow(note.Field(kValue))) return Damaged("a note without a key or a text");
  }
  return Ok();
}

/// The columns of a schema: we write no nested ones.
Status CheckSchema(const FlatTable& schema) {
  constexpr std::size_t kFields = 1, kSchemaNotes = 2, kTypeKind = 2, kType = 3, kChildren = 5, kNotes = 6;
  RETURN_IF_ERROR(CheckNotes(schema, kSchemaNotes));
  const auto fields = schema.Follow(schema.Field(kFields));
  const auto count = fields ? ReadAt<std::uint32_t>(schema.bytes, *fields) : std::nullopt;
  if (!count) return Damaged("a schema without columns");
  for (std::size_t i = 0; i < *count; ++i) {
    const auto at = schema.Follow(*fields + 4 + 4 * i);
    if (!at) return Damaged("a column that is not there");
    const FlatTable field{schema.bytes, *at};
    if (!field.Field(kTypeKind) || !field.Follow(field.Field(kType))) return Damaged("a column without a type");
    const auto children = field.Follow(field.Field(kChildren));
    if (children && ReadAt<std::uint32_t>(schema.bytes, *children).value_or(1) != 0) return Damaged("a column of columns");
    RETURN_IF_ERROR(CheckNotes(field, kNotes));
  }
  return Ok();
}

/// The two numbers of each entry of a vector of pairs: a node's length and nulls, a buffer's offset and length. None is negative or so large that
/// arithmetic on it overflows.
Status CheckPairs(const FlatTable& batch, std::size_t field, bool offsets) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  const auto pairs = batch.Follow(batch.Field(field));
  const auto count = pairs ? ReadAt<std::uint32_t>(batch.bytes, *pairs) : std::nullopt;
  if (!count) return Damaged("rows without columns");
  for (std::size_t i = 0; i < *count; ++i) {
    const auto first = ReadAt<std::int64_t>(batch.bytes, *pairs + 4 + 16 * i), second = ReadAt<std::int64_t>(batch.bytes, *pairs + 12 + 16 * i);
    if (!first || !second) return Damaged("a column that is not there");
    if (*first < 0 || *first > kMost || *second < 0 || *second > kMost) return Damaged("a length or offset that no column has");
    if (offsets && *first % 8 != 0) return Damaged("a buffer does not begin at a multiple of 8");
  }
  return Ok();
}

Status CheckBatch(const FlatTable& batch) {
  constexpr std::size_t kNodes = 1, kBuffers = 2;
  RETURN_IF_ERROR(CheckPairs(batch, kNodes, false));
  return CheckPairs(batch, kBuffers, true);
}

}  // namespace

Status CheckIpcMessages(std::string_view bytes) {
  constexpr std::uint32_t kContinuation = 0xffffffff;
  constexpr std::size_t kHeaderKind = 1, kHeader = 2, kBodyLength = 3;
  constexpr std::uint8_t kSchema = 1, kRecordBatch = 3;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto marker = ReadAt<std::uint32_t>(bytes, at);
    const auto size = ReadAt<std::int32_t>(bytes, at + 4);
    if (!marker || *marker != kContinuation || !size || *size < 0) return Damaged("a message does not begin where one should");
    at += 8;
    if (*size == 0) return Ok();
    const auto length = static_cast<std::size_t>(*size);
    if (length > bytes.size() - at) return Damaged("a message is cut short");
    const std::string_view metadata = bytes.substr(at, length);
    at += length;
    const FlatTable message{metadata, ReadAt<std::uint32_t>(metadata, 0).value_or(0)};
    const auto kind = message.Field(kHeaderKind), header = message.Follow(message.Field(kHeader)), body = message.Field(kBodyLength);
    if (!kind || !header) return Damaged("a message without a header");
    const std::optional<std::uint8_t> says = ReadAt<std::uint8_t>(metadata, *kind);
    if (says != kSchema && says != kRecordBatch) return Damaged("a message that is neither schema nor rows");
    RETURN_IF_ERROR(says == kSchema ? CheckSchema({metadata, *header}) : CheckBatch({metadata, *header}));
    const std::int64_t skip = body ? ReadAt<std::int64_t>(metadata, *body).value_or(-1) : 0;
    if (skip < 0 || static_cast<std::size_t>(skip) > bytes.size() - at) return Damaged("the rows of a message are cut short");
    at += static_cast<std::size_t>(skip);
  }
  return Ok();
}

}  // namespace headrace::internal
