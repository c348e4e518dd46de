// Rows of ours into a Parquet file. ADBC can only ingest rows into a table, which costs a copy of everything in memory and its statistics; DuckDB's C
// interface scans an Arrow stream, so that rows are packed on all cores as they come and no more than a few row groups are held.
#include <dlfcn.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "headrace/base/libraries.h"
#include "headrace/base/memory.h"
#include "headrace/base/parallel.h"
#include "headrace/sql/ahead_by_one_internal.h"
#include "headrace/sql/duckdb_error_internal.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/memory_limit_internal.h"
#include "headrace/sql/parameters_internal.h"
#include "nanoarrow/nanoarrow.h"

namespace headrace {
namespace {

/// Rows of a row group: DuckDB's own number, and of a wide table a quarter of it. Blocks of this size make the file's bytes the same however the rows came, on
/// any number of threads.
std::size_t RowGroup(std::size_t columns) {
  constexpr std::size_t kRows = 122'880, kWide = 32;
  return columns <= kWide ? kRows : kRows / 4;
}

/// What is needed of duckdb.h (stable since 1.0), found in libduckdb.so when first asked for.
struct DuckDbApi {
  struct Answer {
    std::uint64_t columns, rows, changed;
    void* column_data;
    char* error;
    void* internal;
  };
  int (*create_config)(void** config) = nullptr;
  int (*set_config)(void* config, const char* name, const char* value) = nullptr;
  void (*destroy_config)(void** config) = nullptr;
  int (*open_ext)(const char* path, void** database, void* config, char** error) = nullptr;
  int (*connect)(void* database, void** connection) = nullptr;
  int (*query)(void* connection, const char* sql, Answer* answer) = nullptr;
  const char* (*result_error)(Answer* answer) = nullptr;
  void (*destroy_result)(Answer* answer) = nullptr;
  int (*arrow_scan)(void* connection, const char* view, ArrowArrayStream* stream) = nullptr;
  void (*disconnect)(void** connection) = nullptr;
  void (*close)(void** database) = nullptr;
  void (*free)(void* pointer) = nullptr;

  static Result<const DuckDbApi*> Get() {
    static const Result<DuckDbApi> kApi = LoadLibrary();
    if (!kApi.ok()) return kApi.status();
    return &*kApi;
  }

 private:
  static Result<DuckDbApi> LoadLibrary() {
    ASSIGN_OR_RETURN(const std::string path, FindSharedLibrary("libduckdb.so"));
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return Error(ErrorCode::kInvalid, "cannot load DuckDB: ", dlerror());
    DuckDbApi api;
    const bool ok = LoadFunction(library, "duckdb_create_config", &api.create_config) && LoadFunction(library, "duckdb_set_config", &api.set_config) &&
                    LoadFunction(library, "duckdb_destroy_config", &api.destroy_config) && LoadFunction(library, "duckdb_open_ext", &api.open_ext) &&
                    LoadFunction(library, "duckdb_connect", &api.connect) && LoadFunction(library, "duckdb_query", &api.query) &&
                    LoadFunction(library, "duckdb_result_error", &api.result_error) && LoadFunction(library, "duckdb_destroy_result", &api.destroy_result) &&
                    LoadFunction(library, "duckdb_arrow_scan", &api.arrow_scan) && LoadFunction(library, "duckdb_disconnect", &api.disconnect) &&
                    LoadFunction(library, "duckdb_close", &api.close) && LoadFunction(library, "duckdb_free", &api.free);
    if (!ok) return Error(ErrorCode::kInvalid, "DuckDB's library ", path, " lacks a function that is needed");
    return api;
  }
};

/// The rows in blocks of equal size, counted; an error of their source is kept.
class EvenBlocks final : public TableStream {
 public:
  struct Seen {
    std::int64_t rows = 0;
    Status error;
  };
  EvenBlocks(std::unique_ptr<TableStream> rows, std::size_t block_rows, Seen* seen) : rows_(std::move(rows)), block_rows_(block_rows), seen_(seen) {}
  const Schema& schema() const override { return rows_->schema(); }

  Result<std::optional<Table>> Next() override {
    while (held_ < block_rows_ && !over_) {
      Result<std::optional<Table>> block = rows_->Next();
      if (!block.ok()) {
        seen_->error = block.status();
        return block;
      }
      over_ = !block->has_value();
      if (over_ || (*block)->num_rows() == 0) continue;
      held_ += (*block)->num_rows();
      blocks_.push_back(**std::move(block));
    }
    if (held_ == 0) return std::optional<Table>();
    const Table all = Concat(std::move(blocks_));
    Table out = all.Slice(0, block_rows_);
    held_ -= out.num_rows();
    blocks_.clear();
    if (held_ > 0) blocks_.push_back(all.Slice(out.num_rows(), held_));
    seen_->rows += static_cast<std::int64_t>(out.num_rows());
    return std::optional<Table>(std::move(out));
  }

 private:
  std::unique_ptr<TableStream> rows_;
  std::size_t block_rows_;
  Seen* seen_;
  std::vector<Table> blocks_;
  std::size_t held_ = 0;
  bool over_ = false;
};

/// On several threads DuckDB gathers four row groups a thread (a MiB a column for 30,720 rows) before it writes anything, and takes what it can get beyond that.
int WriterThreads(int threads, std::size_t columns) {
  constexpr std::size_t kMostBytes = 256 << 20, kCellBytes = 34;
  return static_cast<int>(std::clamp<std::size_t>(kMostBytes / kCellBytes / RowGroup(columns) / std::max<std::size_t>(columns, 1), 1, static_cast<std::size_t>(ResolveThreads(threads))));
}

/// An Arrow stream as DuckDB's scan takes it: it asks for the schema several times and never releases it, so it gets the same one each time.
class Scanned {
 public:
  explicit Scanned(std::unique_ptr<TableStream> rows) {
    ExportStream(std::move(rows), &inner_);
    stream_.private_data = this;
    stream_.get_schema = [](ArrowArrayStream* self, ArrowSchema* out) {
      auto& scanned = *static_cast<Scanned*>(self->private_data);
      if (scanned.schema_.release == nullptr)
        if (const int code = scanned.inner_.get_schema(&scanned.inner_, &scanned.schema_); code != 0) return code;
      *out = scanned.schema_;
      out->release = [](ArrowSchema*) {};
      return 0;
    };
    stream_.get_next = [](ArrowArrayStream* self, ArrowArray* out) {
      auto& scanned = *static_cast<Scanned*>(self->private_data);
      const int code = scanned.inner_.get_next(&scanned.inner_, out);
      scanned.out_of_memory_ = scanned.out_of_memory_ || code == ENOMEM;
      return code;
    };
    stream_.get_last_error = [](ArrowArrayStream* self) {
      auto& inner = static_cast<Scanned*>(self->private_data)->inner_;
      return inner.get_last_error(&inner);
    };
    stream_.release = [](ArrowArrayStream* self) { self->release = nullptr; };
  }
  ~Scanned() {
    if (schema_.release != nullptr) schema_.release(&schema_);
    if (inner_.release != nullptr) inner_.release(&inner_);
  }
  Scanned(const Scanned&) = delete;
  Scanned& operator=(const Scanned&) = delete;
  ArrowArrayStream* get() { return &stream_; }
  bool out_of_memory() const { return out_of_memory_; }     ///< there was none for a block of rows

 private:
  ArrowArrayStream inner_ = {}, stream_ = {};
  ArrowSchema schema_ = {};
  bool out_of_memory_ = false;
};

/// An in-memory DuckDB with one connection.
class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const DuckDbApi& api, int threads) {
    std::unique_ptr<Database> database(new Database(api));
    void* config = nullptr;
    if (api.create_config(&config) != 0) return Error(ErrorCode::kInternal, "DuckDB makes no configuration");
    bool set = true;
    const std::string memory_limit = internal::DefaultMemoryLimit();
    for (const auto& [name, value] : {std::pair<const char*, std::string>{"threads", StrCat(threads)}, {"memory_limit", memory_limit},
                                      {"autoinstall_known_extensions", "false"}, {"autoload_known_extensions", "false"}})
      set = set && (value.empty() || api.set_config(config, name, value.c_str()) == 0);
    char* error = nullptr;
    const bool opened = set && api.open_ext(":memory:", &database->database_, config, &error) == 0;
    api.destroy_config(&config);
    const Status failed = opened ? Ok() : DuckDbError(error != nullptr ? error : "DuckDB refuses its settings");
    if (error != nullptr) api.free(error);
    RETURN_IF_ERROR(failed);
    if (api.connect(database->database_, &database->connection_) != 0) return Error(ErrorCode::kInternal, "DuckDB gives no connection");
    RETURN_IF_ERROR(database->Execute("SET GLOBAL temp_directory = ''"));  // nothing here outgrows memory, and its default is a folder where the user stands
    return database;
  }
  ~Database() {
    if (connection_ != nullptr) api_.disconnect(&connection_);
    if (database_ != nullptr) api_.close(&database_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void* connection() const { return connection_; }
  Status Execute(const std::string& sql) const {
    DuckDbApi::Answer answer = {};
    const bool ok = api_.query(connection_, sql.c_str(), &answer) == 0;
    const char* error = ok ? nullptr : api_.result_error(&answer);
    Status status = ok ? Ok() : DuckDbError(error != nullptr ? error : "DuckDB gave no reason");
    api_.destroy_result(&answer);
    return status;
  }

 private:
  explicit Database(const DuckDbApi& api) : api_(api) {}
  const DuckDbApi& api_;
  void* database_ = nullptr;
  void* connection_ = nullptr;
};

}  // namespace

Result<std::int64_t> WriteParquetFile(std::unique_ptr<TableStream> rows, const std::string& path, int threads) {
  RETURN_IF_ERROR(CheckUniqueNames(rows->schema()));
  const std::string select = CastList(rows->schema());
  ASSIGN_OR_RETURN(const DuckDbApi* const api, DuckDbApi::Get());
  // One thread writes as rows come; of several each takes a row group, so that groups are the same for any number of them.
  const std::size_t group = RowGroup(rows->schema().size());
  const int writers = WriterThreads(threads, rows->schema().size());
  if (writers == 1 && ResolveThreads(threads) > 1) rows = std::make_unique<AheadByOne>(std::move(rows));
  EvenBlocks::Seen seen;
  Scanned scanned(std::make_unique<EvenBlocks>(std::move(rows), writers == 1 ? group / 4 : group, &seen));
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(*api, writers));
  if (api->arrow_scan(database->connection(), "rows", scanned.get()) != 0) return Error(ErrorCode::kInternal, "DuckDB does not take the rows");
  Status written = database->Execute(StrCat("COPY (SELECT ", select, " FROM rows) TO ", QuoteString(path), " (", kParquetOptions, ", ROW_GROUP_SIZE ", group, ")"));
  if (!seen.error.ok()) return seen.error;
  if (scanned.out_of_memory()) return OutOfMemory();
  RETURN_IF_ERROR(std::move(written));
  return seen.rows;
}

}  // namespace headrace
