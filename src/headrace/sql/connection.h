#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/sql/sql_text.h"
#include "headrace/table/table.h"

namespace headrace {

namespace adbc {
class Session;
}

/// The drivers a connection can have, in the order they are shown. The one list of them.
std::span<const std::string_view> ConnectionDrivers();
/// Whose SQL a driver's database speaks; DuckDB's for an unknown one.
SqlDialect DialectOf(std::string_view driver);
/// What to open for the `uri` of a project at `root`: a file's path stands under the root, a server's uri is as it is.
std::string ConnectionUri(std::string_view driver, std::string_view root, std::string_view uri);
/// Whether a PostgreSQL uri (`postgresql://user:password@host/db`, or `key=value` words) holds a password.
bool HoldsPassword(std::string_view uri);

/// A database of the user's. For duckdb and sqlite `uri` is the file's path, relative to the working folder; for
/// postgresql what libpq takes, which no message repeats.
struct ConnectionSpec {
  std::string name;    ///< what the project calls it; used in messages
  std::string driver;  ///< one of ConnectionDrivers()
  std::string uri;
  bool writable = false;  ///< whether this use writes; the file is then made if it is missing (its folder is not)
  std::vector<std::string> allowed_directories = {};  ///< duckdb: further folders that its views may read files in
};

/// A table of a database, as the database describes it.
struct TableInfo {
  struct Column {
    std::string name;
    std::string declared;      ///< the type in the database's words: DECIMAL(10,2)
    std::optional<Type> type;  ///< ours, as rows are read; nullopt where there is no counterpart
    bool nullable = true;      ///< may be left out of an INSERT: null, or (PostgreSQL) a default takes its place
    std::string cast = {};     ///< PostgreSQL: the type that texts must be cast to before they go in (uuid); else ""
    bool operator==(const Column&) const = default;
  };
  std::vector<Column> columns;                        ///< in order
  std::vector<std::vector<std::string>> unique_keys;  ///< primary key first; names in the key's order

  const Column* Find(std::string_view name) const;
  /// Whether these columns, in any order, are a unique key (what ON CONFLICT needs).
  bool HasUniqueKey(const std::vector<std::string>& columns) const;
  bool operator==(const TableInfo&) const = default;
};

/// What differs between databases when SQL is written for them.
class Dialect {
 public:
  explicit Dialect(SqlDialect kind) : kind_(kind) {}
  SqlDialect kind() const { return kind_; }
  std::string Quote(std::string_view name) const { return QuoteIdentifier(name); }
  /// The temporary table `name` as SQL names it, never a table of the user's that happens to be called so.
  std::string Temporary(std::string_view name) const;
  /// Whether CREATE TABLE is best made inside of the transaction that fills the table, so that nobody sees it empty.
  bool creates_in_transaction() const { return kind_ == SqlDialect::kPostgres; }
  /// The column type that holds `type` without loss (docs/types.md). REQUIRES: not kDuration.
  std::string_view TypeName(Type type) const;
  /// CREATE TABLE with `key` as its primary key, when there is one.
  std::string CreateTable(const QualifiedName& table, const Schema& schema, const std::vector<std::string>& key) const;
  /// The DDL that gives an existing table the unique key that an upsert needs.
  std::string CreateUniqueIndex(const QualifiedName& table, const std::vector<std::string>& key) const;
  /// INSERT the rows of `source` (what stands behind FROM) by column name; a row whose key exists replaces that one's
  /// other columns. With an empty key a plain INSERT.
  std::string Merge(const QualifiedName& table, const std::vector<std::string>& columns,
                    const std::vector<std::string>& key, std::string_view source) const;

 private:
  SqlDialect kind_;
};

/// One session with a user's database.
///
/// Values read are of the house's types (docs/types.md). Errors: kInvalid for wrong SQL (with a span into the text
/// given, where the database tells), kData for constraint breaches and values that do not convert, kBusy when locked,
/// full or out of reach.
///
///   Begin -> LockForDelivery? -> (Execute | Stage | Append | Query)* -> Commit | Rollback
///
/// Outside of Begin and Commit each call is a transaction of its own. After a failed Commit the outcome is unknown: ask
/// the database. A connection that is destroyed inside a transaction rolls back.
///
/// Threads: one at a time, except Cancel. Streams end before the connection runs its next statement.
class Connection {
 public:
  virtual ~Connection() = default;

  /// The rows of `sql`, one SELECT statement with `$name` parameters. SQLite columns get the narrowest type that holds
  /// all their values (an extra pass), never one guessed from the first rows.
  virtual Result<std::unique_ptr<TableStream>> Query(const std::string& sql, const SqlParameters& parameters = {}) = 0;
  /// All rows of a table. kInvalid with the nearest name when it does not exist. SQLite: declared types count where all
  /// values fit them (dates, timestamps, booleans).
  virtual Result<std::unique_ptr<TableStream>> ReadTable(const QualifiedName& table) = 0;

  /// Run a statement that gives no rows. Rows affected, -1 when the driver does not tell.
  virtual Result<std::int64_t> Execute(const std::string& sql, const SqlParameters& parameters = {}) = 0;
  virtual Status Begin() = 0;
  virtual Status Commit() = 0;
  virtual Status Rollback() = 0;
  /// Wait until no other transaction holds this lock on `table`, which need not exist, and hold it to the end of the open
  /// transaction. It outlasts a lost connection: who gets it sees how the transaction before ended. Nothing on DuckDB and
  /// SQLite, whose writers exclude each other in any case. kBusy after waiting as long as the database is told to.
  virtual Status LockForDelivery(const QualifiedName& table) = 0;

  /// Bulk load into an existing table, in the open transaction if there is one. The rows' columns must be the table's,
  /// in its order. Rows loaded.
  virtual Result<std::int64_t> Append(const QualifiedName& table, std::unique_ptr<TableStream> rows) = 0;
  /// Bulk load into a new temporary table called `name`, in the open transaction. Rows loaded.
  virtual Result<std::int64_t> Stage(const std::string& name, std::unique_ptr<TableStream> rows) = 0;

  /// nullopt when there is no such table or view.
  virtual Result<std::optional<TableInfo>> Describe(const QualifiedName& table) = 0;
  /// All tables and views, schema left out for the default one, sorted.
  virtual Result<std::vector<QualifiedName>> ListTables() = 0;

  virtual const Dialect& dialect() const = 0;
  virtual const std::string& name() const = 0;
  /// From another thread: interrupt what runs.
  virtual void Cancel() = 0;
};

/// Opens the databases of one process. A DuckDB file is opened once, whatever names, links or relative paths lead to it
/// (told apart by device and inode), and shared by all connections to it, because two handles in one process lose
/// committed rows; it is closed with its last connection. It is opened read-only unless some use of the run writes.
///
/// Threads: any.
class ConnectionMap {
 public:
  struct Options {
    std::function<void(std::int64_t milliseconds)> sleep;  ///< between tries to open a locked file; must be given
    int attempts = 6;                                      ///< tries (also to reach a server), with pauses of 100, 200, 400, ... ms between them
    std::int64_t sqlite_busy_ms = 5000;                    ///< how long a SQLite statement waits for another's lock
    int threads = 1;                                       ///< DuckDB's, see Engine::Options
    std::string memory_limit = {};
    std::string temp_directory = {};
  };
  explicit ConnectionMap(Options options);
  ~ConnectionMap();

  /// Say that some use in this run writes to the database file at `uri`. Call for all of them before the first Open.
  void DeclareWritable(const std::string& uri);

  /// A session of its own on the database of `spec`.
  /// kInvalid: unknown driver (nearest named), missing file (nearest file named), missing folder, not a database.
  /// kBusy: after all tries still locked by another process (named where DuckDB tells), or the server out of reach.
  /// A PostgreSQL session reads and writes times as UTC, waits 30 s for a lock unless the server or the uri says otherwise,
  /// and is read-only unless `spec.writable`.
  Result<std::unique_ptr<Connection>> Open(const ConnectionSpec& spec);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace headrace
