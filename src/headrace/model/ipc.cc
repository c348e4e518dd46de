#include "headrace/model/ipc.h"

#include <nanoarrow/nanoarrow_ipc.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "headrace/base/text.h"
#include "headrace/model/ipc_messages_internal.h"

namespace headrace {
namespace {

Status NanoarrowError(const char* what, int code, const ArrowError& error) {
  return Error(ErrorCode::kInvalid, what, ": ",
               error.message[0] != '\0' ? StrCat(error.message) : StrCat("error ", code));
}

struct OwnedBuffer {
  ArrowBuffer buffer;
  OwnedBuffer() { ArrowBufferInit(&buffer); }
  ~OwnedBuffer() { ArrowBufferReset(&buffer); }
  OwnedBuffer(const OwnedBuffer&) = delete;
  OwnedBuffer& operator=(const OwnedBuffer&) = delete;
};

struct OwnedStream {
  ArrowArrayStream stream{};
  OwnedStream() = default;
  ~OwnedStream() {
    if (stream.release != nullptr) stream.release(&stream);
  }
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
};

/// Passes a stream on until a batch announces more than `max_rows` rows. Nothing else would stop it: a column of nulls has no buffer whose size tells how long
/// it is, so that a file of some hundred bytes could ask for all memory.
struct CappedStream {
  ArrowArrayStream inner{};
  std::int64_t max_rows = 0;
  bool stopped = false;

  static void Wrap(ArrowArrayStream* inner, std::size_t max_rows, ArrowArrayStream* out) {
    auto* capped = new CappedStream;
    std::swap(capped->inner, *inner);
    capped->max_rows = static_cast<std::int64_t>(max_rows);
    out->private_data = capped;
    out->get_schema = [](ArrowArrayStream* self, ArrowSchema* schema) { return Of(self).inner.get_schema(&Of(self).inner, schema); };
    out->get_next = &Next;
    out->get_last_error = [](ArrowArrayStream* self) { return Of(self).stopped ? "it has more rows than it may" : Of(self).inner.get_last_error(&Of(self).inner); };
    out->release = [](ArrowArrayStream* self) {
      if (Of(self).inner.release != nullptr) Of(self).inner.release(&Of(self).inner);
      delete &Of(self);
      self->release = nullptr;
    };
  }

 private:
  static CappedStream& Of(ArrowArrayStream* self) { return *static_cast<CappedStream*>(self->private_data); }
  static int Next(ArrowArrayStream* self, ArrowArray* out) {
    CappedStream& capped = Of(self);
    const int code = capped.inner.get_next(&capped.inner, out);
    if (code != 0 || out->release == nullptr) return code;
    if (out->length <= capped.max_rows) {
      capped.max_rows -= std::max<std::int64_t>(out->length, 0);
      return 0;
    }
    capped.stopped = true;
    out->release(out);
    out->release = nullptr;
    return EINVAL;
  }
};

/// kInvalid names the first text that is not UTF-8.
Status CheckTexts(const Table& table) {
  for (std::size_t c = 0; c < table.num_columns(); ++c) {
    const Column& column = table.column(c);
    for (std::size_t row = 0; column.type() == Type::kText && row < column.size(); ++row)
      if (!IsUtf8(column.text(row))) return Error(ErrorCode::kInvalid, "an Arrow stream has a text that is not UTF-8 in column `", table.schema()[c].name, "`, row ", row + 1);
  }
  return Ok();
}

}  // namespace

Result<std::string> WriteArrowStream(const Table& table) {
  OwnedBuffer out;
  ArrowIpcOutputStream sink;
  ArrowError error{};
  if (const int code = ArrowIpcOutputStreamInitBuffer(&sink, &out.buffer); code != NANOARROW_OK)
    return NanoarrowError("cannot open an Arrow stream", code, error);
  ArrowIpcWriter writer;
  if (const int code = ArrowIpcWriterInit(&writer, &sink); code != NANOARROW_OK) {
    sink.release(&sink);
    return NanoarrowError("cannot open an Arrow stream", code, error);
  }
  OwnedStream in;
  ExportStream(StreamOf(table, std::max<std::size_t>(table.num_rows(), 1)), &in.stream);
  const int code = ArrowIpcWriterWriteArrayStream(&writer, &in.stream, &error);
  ArrowIpcWriterReset(&writer);
  if (code != NANOARROW_OK) return NanoarrowError("cannot write an Arrow stream", code, error);
  return std::string(reinterpret_cast<const char*>(out.buffer.data), static_cast<std::size_t>(out.buffer.size_bytes));
}

Result<Table> ReadArrowStream(std::string_view bytes, std::size_t max_rows) {
  RETURN_IF_ERROR(internal::CheckIpcMessages(bytes));
  OwnedBuffer in;
  ArrowError error{};
  if (const int code = ArrowBufferAppend(&in.buffer, bytes.data(), static_cast<std::int64_t>(bytes.size()));
      code != NANOARROW_OK)
    return NanoarrowError("no memory for an Arrow stream", code, error);
  ArrowIpcInputStream source;
  if (const int code = ArrowIpcInputStreamInitBuffer(&source, &in.buffer); code != NANOARROW_OK)
    return NanoarrowError("cannot read an Arrow stream", code, error);
  OwnedStream stream;
  if (const int code = ArrowIpcArrayStreamReaderInit(&stream.stream, &source, nullptr); code != NANOARROW_OK) {
    source.release(&source);
    return NanoarrowError("cannot read an Arrow stream", code, error);
  }
  OwnedStream capped;
  CappedStream::Wrap(&stream.stream, max_rows, &capped.stream);
  Result<std::unique_ptr<TableStream>> reader = ImportStream(&capped.stream);
  if (!reader.ok()) return std::move(reader).status().WithCode(ErrorCode::kInvalid);
  std::vector<Table> blocks;
  for (;;) {
    Result<std::optional<Table>> block = (*reader)->Next();
    if (!block.ok()) return std::move(block).status().WithCode(ErrorCode::kInvalid);
    if (!block->has_value()) break;
    RETURN_IF_ERROR(CheckTexts(**block));
    blocks.push_back(std::move(**block));
  }
  if (blocks.empty()) return Error(ErrorCode::kInvalid, "an Arrow stream has no rows");
  return Concat(std::move(blocks));
}

}  // namespace headrace
