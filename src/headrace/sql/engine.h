#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/sql/sql_text.h"
#include "headrace/table/table.h"

namespace headrace {

namespace adbc {
class Database;
class Session;
}  // namespace adbc

/// How a file of rows is laid out on disk.
struct FileFormat {
  enum class Kind : std::uint8_t { kCsv, kTsv, kParquet, kJsonLines };
  enum class Compression : std::uint8_t { kNone, kGzip, kZstd };
  Kind kind = Kind::kCsv;
  Compression compression = Compression::kNone;

  /// By the extension: .csv .tsv .jsonl .ndjson (each also with .gz or .zst) .parquet. kInvalid, listing these,
  /// otherwise.
  static Result<FileFormat> OfPath(std::string_view path);
  /// By name: csv, tsv, parquet, jsonl. The compression is none.
  static Result<FileFormat> OfName(std::string_view name);
  bool operator==(const FileFormat&) const = default;
};

/// The embedded DuckDB: an in-memory database of its own, one for each step that runs SQL.
///
///   Open -> (AddParquet | AddTable)* -> (Describe | Query | WriteFile)*
///
/// The session runs in UTC, with extensions neither installed nor loaded by themselves, file access confined to the
/// allowed folders, and its settings locked: SQL from a user cannot undo any of it. Row order is kept (no ORDER BY
/// needed for a plain scan), and on one thread results are the same to the last bit each time (DESIGN: "same bits").
///
/// Errors of Describe, Query and WriteFile. kInvalid: the SQL is wrong (syntax, names, types); the span is a place in
/// the text as the user wrote it. kData: a value that cannot be converted, is out of range or breaks a constraint.
/// kBusy: memory or disk full. kInterrupted: Cancel was called. kFailed: anything else.
///
/// Threads: one at a time, except Cancel. Engines are independent of each other. The library is loaded by the first
/// Open.
class Engine {
 public:
  struct Options {
    int threads = 1;             ///< more than one: sums of doubles may change in the last bit between runs
    std::string memory_limit;    ///< "2GB"; "": DuckDB's default (80 % of memory)
    std::string temp_directory;  ///< where data larger than memory goes; "": nowhere
    std::vector<std::string> allowed_directories;  ///< the only folders SQL may read and write files in,
    std::vector<std::string> allowed_files;        ///< and the only files elsewhere (those given to AddParquet, and outputs)
    /// Leave all files reachable. For reading what the user named (files.h), never for a user's SQL.
    bool any_file = false;
  };
  static Result<std::unique_ptr<Engine>> Open(const Options& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Make the Parquet file at `path` readable under `name`. kInvalid when it is missing or no Parquet file.
  Status AddParquet(std::string_view name, const std::string& path);
  /// Copy `rows` into a table called `name`.
  Status AddTable(std::string_view name, std::unique_ptr<TableStream> rows);
  /// A table without rows, for Describe. REQUIRES: a column.
  Status AddColumns(std::string_view name, const Schema& schema);
  /// Make the rows of `select` (ours, never a user's) readable under `name`: copied now, or as a view. What had the name before
  /// is replaced.
  Status AddSelect(std::string_view name, const std::string& select, bool copy);
  /// The names added so far, in order.
  const std::vector<std::string>& tables() const { return tables_; }

  using Parameters = SqlParameters;
  /// The rows of `sql`, one SELECT statement with `$name` parameters. The stream may outlive later calls, not the
  /// engine.
  Result<std::unique_ptr<TableStream>> Query(const std::string& sql, const Parameters& parameters = {});
  /// The columns that Query would give; runs nothing. kInvalid for two columns of one name and for a column whose type
  /// has no counterpart (lists, structs, intervals, ...).
  Result<Schema> Describe(const std::string& sql, const Parameters& parameters = {});

  /// Write the rows of `sql` to `path` and return how many there were. Every column is stored as one of our types
  /// (docs/types.md), so that what is read back has the schema of Describe. Equal rows give equal bytes. Parquet is
  /// compressed by zstd. CSV: RFC 4180 with a header, UTF-8, null is an empty cell, an empty text is "". Writes in
  /// place: writing aside and renaming is the caller's. WriteParquet writes by WriteParquetFile, so that `threads` pack what the engine's threads compute.
  Result<std::int64_t> WriteFile(const std::string& sql, const Parameters& parameters, const std::string& path,
                                 FileFormat format);
  Result<std::int64_t> WriteParquet(const std::string& sql, const Parameters& parameters, const std::string& path, int threads = 1);

  /// Run a statement of ours (never a user's): DDL on the in-memory database.
  Status Execute(const std::string& sql);

  /// From another thread: interrupt what runs; it and all later calls fail with kInterrupted. Repeat until the query
  /// has answered: an interrupt that arrives between two acts of it is lost.
  void Cancel();

 private:
  Engine() = default;
  Result<std::shared_ptr<adbc::Session>> NewSession();
  Result<std::unique_ptr<TableStream>> Run(std::string_view before, const std::string& sql, std::string_view after,
                                           const Parameters& parameters);

  std::shared_ptr<adbc::Database> database_;
  std::shared_ptr<adbc::Session> session_;
  std::vector<std::string> tables_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::vector<std::weak_ptr<adbc::Session>> running_;  // guarded by mutex_
};

/// A whole Parquet file in memory; its rows block by block (both in the file's order on any number of threads; 0 = all cores); its number of rows (read from its footer). kInvalid when
/// the file is missing or no Parquet file. Each call opens an engine of its own, and for a large file of many columns one for each thread.
Result<Table> ReadParquet(const std::string& path, int threads = 1);
Result<std::unique_ptr<TableStream>> StreamParquet(const std::string& path, int threads = 1);
Result<std::int64_t> ParquetRowCount(const std::string& path);
/// Write `rows` as a Parquet file with the bytes of WriteParquet, on `threads` threads (0 = all cores), with a few row groups in memory at a time (122,880 rows, of
/// more than 32 columns a quarter of that); `rows` is read by any of the threads, one at a time. Rows written. An error of `rows` comes back as it is.
Result<std::int64_t> WriteParquetFile(std::unique_ptr<TableStream> rows, const std::string& path, int threads = 1);

}  // namespace headrace
