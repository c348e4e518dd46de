// Parquet files of ours as rows. What the engine reads it hands over on one thread, so a large file of many columns is read by several engines, each of them some of
// the columns, which are put side by side again.
#include <algorithm>
#include <utility>

#include "headrace/base/files.h"
#include "headrace/base/parallel.h"
#include "headrace/sql/ahead_by_one_internal.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/parameters_internal.h"

namespace headrace {
namespace {

Result<std::unique_ptr<Engine>> OpenFor(const std::string& path, int threads) {
  Engine::Options options;
  options.any_file = true;
  options.threads = threads;
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(engine->AddParquet("rows", path));
  return engine;
}

/// A stream that keeps the engine it reads from.
class OwningStream final : public TableStream {
 public:
  static Result<std::unique_ptr<TableStream>> Open(const std::string& path, const std::string& columns, int threads) {
    ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, OpenFor(path, threads));
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, engine->Query(StrCat("SELECT ", columns, " FROM rows")));
    return std::unique_ptr<TableStream>(new OwningStream(std::move(engine), std::move(rows)));
  }
  const Schema& schema() const override { return rows_->schema(); }
  Result<std::optional<Table>> Next() override { return rows_->Next(); }

 private:
  OwningStream(std::unique_ptr<Engine> engine, std::unique_ptr<TableStream> rows) : engine_(std::move(engine)), rows_(std::move(rows)) {}
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<TableStream> rows_;
};

/// Streams of the same rows with other columns each: all columns, in blocks as long as all of them have rows for.
class SideBySide final : public TableStream {
 public:
  SideBySide(Schema schema, std::vector<std::unique_ptr<TableStream>> parts) : schema_(std::move(schema)), parts_(std::move(parts)), blocks_(parts_.size(), Table()) {}
  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    for (std::size_t part = 0; part < parts_.size(); ++part)
      while (blocks_[part] && blocks_[part]->num_rows() == 0) { ASSIGN_OR_RETURN(blocks_[part], parts_[part]->Next()); }
    std::size_t rows = blocks_[0] ? blocks_[0]->num_rows() : 0;
    for (const std::optional<Table>& block : blocks_) {
      if (block.has_value() != blocks_[0].has_value()) return Error(ErrorCode::kInternal, "the columns of a Parquet file differ in length");
      if (block) rows = std::min(rows, block->num_rows());
    }
    if (rows == 0) return std::optional<Table>();
    std::vector<ColumnPtr> columns;
    for (std::optional<Table>& block : blocks_) {
      const Table first = block->Slice(0, rows);
      for (std::size_t c = 0; c < first.num_columns(); ++c) columns.push_back(first.column_ptr(c));
      block = block->Slice(rows, block->num_rows() - rows);
    }
    return std::optional(Table(schema_, std::move(columns), rows));
  }

 private:
  Schema schema_;
  std::vector<std::unique_ptr<TableStream>> parts_;
  std::vector<std::optional<Table>> blocks_;      // what is left of the last one; nullopt: over
};

}  // namespace

Result<std::unique_ptr<TableStream>> StreamParquet(const std::string& path, int threads) {
  constexpr std::int64_t kLarge = 4 << 20;
  constexpr std::size_t kColumns = 8;             // of a part, at least
  threads = ResolveThreads(threads);
  if (const Result<std::int64_t> bytes = FileSize(path); threads == 1 || !bytes.ok() || *bytes < kLarge) return OwningStream::Open(path, "*", threads);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenFor(path, 1));
  ASSIGN_OR_RETURN(Schema schema, engine->Describe("SELECT * FROM rows"));
  const std::size_t parts = std::clamp<std::size_t>(schema.size() / kColumns, 1, static_cast<std::size_t>(threads));
  if (parts == 1) return OwningStream::Open(path, "*", threads);
  std::vector<std::unique_ptr<TableStream>> streams;
  for (std::size_t part = 0; part < parts; ++part) {
    std::string columns;
    for (std::size_t c = schema.size() * part / parts; c < schema.size() * (part + 1) / parts; ++c) columns += StrCat(columns.empty() ? "" : ", ", QuoteIdentifier(schema[c].name));
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> stream, OwningStream::Open(path, columns, 1));
    streams.push_back(std::make_unique<AheadByOne>(std::move(stream)));
  }
  return std::unique_ptr<TableStream>(std::make_unique<SideBySide>(std::move(schema), std::move(streams)));
}

Result<Table> ReadParquet(const std::string& path, int threads) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, StreamParquet(path, threads));
  return ReadAll(*rows, threads);
}

Result<std::int64_t> ParquetRowCount(const std::string& path) {
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine->Query("SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata($path)", {{"path", Value::Text(path)}}));
  ASSIGN_OR_RETURN(const Table answer, ReadAll(*rows));
  if (answer.num_rows() != 1 || answer.column(0).IsNull(0)) return Error(ErrorCode::kInternal, "expected one number of rows from the engine");
  return answer.column(0).ints()[0];
}

}  // namespace headrace
