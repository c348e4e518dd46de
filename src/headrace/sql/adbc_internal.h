#pragma once

#include <arrow-adbc/adbc.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

/// ADBC's C handles as owners. Private to this folder: nothing else sees arrow-adbc's names.
namespace headrace::adbc {

/// What a driver said about a failure.
struct DriverError {
  std::string message;
  std::string sqlstate = {};                        ///< five characters, or "" where the driver gives none
  std::map<std::string, std::string> details = {};  ///< further fields by the driver's names
};

/// Turns a driver's error into a Status: each driver says the same things in its own words.
using Translate = std::function<Status(const DriverError& error)>;

/// A column of a query as the driver describes it: its name, the format of its Arrow type, and the field's metadata.
struct DriverColumn {
  std::string name, arrow_format;
  std::map<std::string, std::string> metadata;
};

/// A loaded driver with an open database. The driver's library is loaded by the first Open and stays.
///
/// Threads: Connect may be called from several threads at once.
class Database {
 public:
  using Options = std::vector<std::pair<std::string, std::string>>;
  /// `library` is a file name known to FindSharedLibrary; `entry` its ADBC entry point.
  static Result<std::shared_ptr<Database>> Open(const char* library, const char* entry, const Options& options,
                                                const Translate& translate);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  AdbcDatabase* get() { return &handle_; }

 private:
  Database() = default;
  AdbcDatabase handle_ = {};
};

/// One session with a database; keeps the database open. Threads: one at a time, except Cancel.
class Session {
 public:
  static Result<std::shared_ptr<Session>> Open(std::shared_ptr<Database> database, Translate translate);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Run `sql` (one statement) with the one row of `parameters`, if it has columns, and stream its rows. The stream
  /// owns the statement and keeps the session open. `translate`, if given, knows this statement's text.
  static Result<std::unique_ptr<TableStream>> Query(const std::shared_ptr<Session>& session, const std::string& sql,
                                                    const Table& parameters = {}, const Translate& translate = nullptr);
  /// The columns that Query would give, without running `sql`.
  Result<std::vector<DriverColumn>> Describe(const std::string& sql, const Table& parameters, const Translate& translate);
  /// Run `sql` to its end and throw its rows away. Rows affected, -1 where the driver does not say.
  Result<std::int64_t> Execute(const std::string& sql, const Table& parameters = {},
                               const Translate& translate = nullptr);
  /// Bulk ingest into `table`. `mode` is one of ADBC_INGEST_OPTION_MODE_*. Rows ingested.
  Result<std::int64_t> Ingest(const std::string& table, const std::string& schema, const char* mode,
                              std::unique_ptr<TableStream> rows, bool temporary = false);
  Status SetAutocommit(bool on);
  Status Commit();
  Status Rollback();
  /// From any thread: interrupt what runs.
  void Cancel();

  AdbcConnection* get() { return &handle_; }
  const Translate& translate() const { return translate_; }

 private:
  Session() = default;
  std::shared_ptr<Database> database_;
  Translate translate_;
  AdbcConnection handle_ = {};
};

}  // namespace headrace::adbc
