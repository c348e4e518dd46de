#include "headrace/model/ipc.h"

#include <nanoarrow/nanoarrow_ipc.h>

#include <memory>

#include "headrace/base/text.h"

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
  Result<std::unique_ptr<TableStream>> reader = ImportStream(&stream.stream);
  if (!reader.ok()) return std::move(reader).status().WithCode(ErrorCode::kInvalid);
  std::vector<Table> blocks;
  std::size_t rows = 0;
  for (;;) {
    Result<std::optional<Table>> block = (*reader)->Next();
    if (!block.ok()) return std::move(block).status().WithCode(ErrorCode::kInvalid);
    if (!block->has_value()) break;
    rows += (**block).num_rows();
    if (rows > max_rows) return Error(ErrorCode::kInvalid, "an Arrow stream has more than ", max_rows, " rows");
    blocks.push_back(std::move(**block));
  }
  if (blocks.empty()) return Error(ErrorCode::kInvalid, "an Arrow stream has no rows");
  return Concat(blocks);
}

}  // namespace headrace
