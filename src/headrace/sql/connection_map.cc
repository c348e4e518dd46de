#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/sql/connection_internal.h"
#include "headrace/sql/duckdb_error_internal.h"
#include "headrace/sql/memory_limit_internal.h"
#include "headrace/sql/missing_file_internal.h"

namespace headrace {

namespace fs = std::filesystem;

namespace {

using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> IdOf(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

// "Could not set lock on file "x": Conflicting lock is held in /usr/bin/python3 (PID 4711). See also ..."
Status Locked(const std::string& message) {
  std::string holder;
  constexpr std::string_view kHeld = "lock is held in ";
  if (const std::size_t at = message.find(kHeld); at != std::string::npos) {
    const std::size_t start = at + kHeld.size(), end = message.find(')', start);
    holder = message.substr(start, end == std::string::npos ? end : end + 1 - start);
  }
  return Error(ErrorCode::kBusy, "it is locked by ", holder.empty() ? "another process" : holder)
      .WithHelp("close it there, or try again later");
}

// SQLite's URI form, so that the mode can be said; the characters that end a path are escaped.
std::string SqliteUri(const std::string& path, bool writable) {
  std::string escaped;
  for (const char c : fs::absolute(path).string())
    escaped += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
  return StrCat("file:", escaped, "?mode=", writable ? "rwc" : "ro");
}

}  // namespace

struct ConnectionMap::State {
  struct Entry {
    std::weak_ptr<void> handle;
    bool writable = false;
    bool open = false;  // until the database is closed, which is later than the last reference's end
  };
  Options options;
  std::mutex mutex;  // guards all below
  std::condition_variable closed;
  std::map<FileId, Entry> databases;
  std::set<FileId> writable_ids;
  std::set<std::string> writable_paths;  // of files that were missing when declared

  bool Writable(const std::string& uri, const std::optional<FileId>& id) const {
    return (id && writable_ids.contains(*id)) || writable_paths.contains(fs::weakly_canonical(uri).string());
  }
};

namespace {

/// A DuckDB database that tells the map when it has been closed.
struct Handle {
  std::shared_ptr<adbc::Database> database;
  std::function<void()> closed;
  ~Handle() {
    database.reset();
    closed();
  }
};

Status OpenFailed(const ConnectionSpec& spec, Status status) {
  if (status.code() == ErrorCode::kFailed) status = std::move(status).WithCode(ErrorCode::kInvalid);
  if (status.help().empty() && status.code() == ErrorCode::kInvalid)
    status = std::move(status).WithHelp(StrCat("is it a ", spec.driver == "duckdb" ? "DuckDB" : "SQLite", " file? look at `driver` and `uri` of the connection"));
  return std::move(status).WithContext(StrCat("cannot open ", spec.uri, " of connection `", spec.name, "`"));
}

/// `open`, tried again with growing pauses while it is kBusy.
template <typename Open>
auto Patiently(const ConnectionMap::Options& options, const Open& open) {
  std::int64_t pause_ms = 100;
  for (int attempt = 1;; ++attempt) {
    auto opened = open();
    if (opened.ok() || opened.status().code() != ErrorCode::kBusy || attempt >= options.attempts) return opened;
    options.sleep(pause_ms);
    pause_ms *= 2;
  }
}

/// A process killed while DuckDB makes a file would leave half of one under its name, which nothing opens again. So a new one is made aside and named
/// when it is whole; where the file system knows no second names DuckDB makes it in place.
void MakeDuckDbFile(const std::string& path, const adbc::Database::Options& settings, const adbc::Translate& translate) {
  static std::atomic<int> counter{0};
  const std::string aside = StrCat(path, ".", ::getpid(), ".", ++counter, ".tmp");
  adbc::Database::Options there = settings;
  there.front().second = aside;
  const auto make = [&]() -> Status {
    ASSIGN_OR_RETURN(std::shared_ptr<adbc::Database> database, adbc::Database::Open("libduckdb.so", "duckdb_adbc_init", there, translate));
    return adbc::Session::Open(std::move(database), translate).status();
  };
  if (make().ok()) MoveFileIfAbsent(aside, path).ok();  // NOLINT: opening it tells what is wrong
}

Result<std::shared_ptr<adbc::Database>> OpenDuckDb(const ConnectionSpec& spec, bool writable,
                                                   const ConnectionMap::Options& options) {
  adbc::Database::Options settings = {{"path", spec.uri},
                                      {"access_mode", writable ? "READ_WRITE" : "READ_ONLY"},
                                      {"autoinstall_known_extensions", "false"},
                                      {"autoload_known_extensions", "false"},
                                      {"threads", StrCat(options.threads)}};
  const std::string memory_limit = options.memory_limit.empty() ? internal::DefaultMemoryLimit() : options.memory_limit;
  if (!memory_limit.empty()) settings.emplace_back("memory_limit", memory_limit);
  const adbc::Translate plain = [](const adbc::DriverError& error) { return DuckDbError(error.message); };
  if (writable && !IdOf(spec.uri)) MakeDuckDbFile(spec.uri, settings, plain);
  Result<std::shared_ptr<adbc::Database>> database = Patiently(
      options, [&] { return adbc::Database::Open("libduckdb.so", "duckdb_adbc_init", settings, plain); });
  if (!database.ok() && database.status().code() == ErrorCode::kBusy) return Locked(database.status().message());
  return database;
}

Status Configure(adbc::Session& session, const ConnectionSpec& spec, const ConnectionMap::Options& options) {
  std::vector<std::string> folders = spec.allowed_directories;
  folders.push_back(fs::absolute(spec.uri).parent_path().string());
  std::string list;
  for (const std::string& folder : folders) list += StrCat(list.empty() ? "" : ", ", QuoteString(folder));
  for (const std::string& statement :
       {std::string("SET GLOBAL TimeZone = 'UTC'"),
        StrCat("SET GLOBAL temp_directory = ", QuoteString(options.temp_directory)),
        StrCat("SET GLOBAL allowed_directories = [", list, "]"),
        std::string("SET GLOBAL enable_external_access = false"), std::string("SET GLOBAL lock_configuration = true")})
    RETURN_IF_ERROR(session.Execute(statement).status());
  return Ok();
}

Status CheckFile(const ConnectionSpec& spec) {
  std::error_code error;
  if (fs::is_directory(spec.uri, error))
    return Error(ErrorCode::kInvalid, "connection `", spec.name, "`: ", spec.uri,
                 " is a folder; expected a database file");
  if (fs::exists(spec.uri, error)) return Ok();
  const fs::path folder = fs::path(spec.uri).parent_path();
  if (spec.writable && (folder.empty() || fs::is_directory(folder, error))) return Ok();
  if (spec.writable)
    return Error(ErrorCode::kInvalid, "connection `", spec.name, "`: there is no folder ", folder.string())
        .WithHelp("make the folder, or correct the uri");
  return MissingFile(spec.uri).WithContext(StrCat("connection `", spec.name, "`"));
}

}  // namespace

ConnectionMap::ConnectionMap(Options options) : state_(std::make_shared<State>()) {
  state_->options = std::move(options);
}
ConnectionMap::~ConnectionMap() = default;

void ConnectionMap::DeclareWritable(const std::string& uri) {
  const std::lock_guard lock(state_->mutex);
  if (const std::optional<FileId> id = IdOf(uri)) state_->writable_ids.insert(*id);
  state_->writable_paths.insert(fs::weakly_canonical(uri).string());
}

Result<std::unique_ptr<Connection>> ConnectionMap::Open(const ConnectionSpec& spec) {
  const std::vector<std::string> known(ConnectionDrivers().begin(), ConnectionDrivers().end());
  if (std::ranges::find(known, spec.driver) == known.end()) {
    const std::string nearest = NearestName(spec.driver, known);
    return Error(ErrorCode::kInvalid, "connection `", spec.name, "` has the unknown driver `", spec.driver, "`")
        .WithHelp(nearest.empty() ? StrCat("the drivers are ", Join(known, ", ")) : StrCat("did you mean ", nearest, "?"));
  }
  if (DialectOf(spec.driver) == SqlDialect::kPostgres) {
    Result<std::shared_ptr<adbc::Session>> session =
        Patiently(state_->options, [&spec] { return OpenPostgres(spec); });
    if (!session.ok())
      return std::move(session).status().WithContext(StrCat("cannot open connection `", spec.name, "`"));
    return MakePostgresConnection(spec.name, std::move(*session));
  }
  RETURN_IF_ERROR(CheckFile(spec));
  if (spec.driver == "sqlite") {
    const adbc::Translate plain = [](const adbc::DriverError& error) { return SqliteError(error.message, ""); };
    const auto open = [&]() -> Result<std::shared_ptr<adbc::Session>> {
      ASSIGN_OR_RETURN(std::shared_ptr<adbc::Database> database,
                       adbc::Database::Open("libadbc_driver_sqlite.so", "AdbcDriverInit",
                                            {{"uri", SqliteUri(spec.uri, spec.writable)}}, plain));
      ASSIGN_OR_RETURN(std::shared_ptr<adbc::Session> session, adbc::Session::Open(std::move(database), plain));
      RETURN_IF_ERROR(session->Execute(StrCat("PRAGMA busy_timeout = ", state_->options.sqlite_busy_ms)).status());
      RETURN_IF_ERROR(
          session->Execute("SELECT count(*) FROM sqlite_schema").status());  // reads the file for the first time
      return session;
    };
    Result<std::shared_ptr<adbc::Session>> session = open();
    if (!session.ok()) return OpenFailed(spec, std::move(session).status());
    return MakeSqliteConnection(spec.name, std::move(*session));
  }

  const adbc::Translate plain = [](const adbc::DriverError& error) { return DuckDbError(error.message); };
  std::unique_lock lock(state_->mutex);
  std::optional<FileId> id = IdOf(spec.uri);
  const bool writable = spec.writable || state_->Writable(spec.uri, id);
  if (id) {
    State::Entry& entry = state_->databases[*id];
    std::shared_ptr<void> handle = entry.handle.lock();
    if (handle == nullptr) state_->closed.wait(lock, [&] { return !state_->databases[*id].open; });
    if (handle != nullptr) {
      const bool fits = entry.writable || !spec.writable;
      lock.unlock();  // letting go of the handle takes the mutex
      if (!fits)
        return Error(ErrorCode::kInternal, "the database ", spec.uri,
                     " is open for reading; its writer was not declared");
      ASSIGN_OR_RETURN(std::shared_ptr<adbc::Session> session,
                       adbc::Session::Open(static_cast<Handle*>(handle.get())->database, plain));
      return MakeDuckDbConnection(spec.name, std::move(session), std::move(handle));
    }
  }
  Result<std::shared_ptr<adbc::Database>> database = OpenDuckDb(spec, writable, state_->options);
  if (!database.ok()) return OpenFailed(spec, std::move(database).status());
  ASSIGN_OR_RETURN(std::shared_ptr<adbc::Session> session, adbc::Session::Open(*database, plain));
  RETURN_IF_ERROR(Configure(*session, spec, state_->options));
  id = IdOf(spec.uri);
  if (!id) return Error(ErrorCode::kFailed, "the database file ", spec.uri, " vanished while it was opened");
  auto handle = std::make_shared<Handle>();
  handle->database = std::move(*database);
  handle->closed = [state = state_, key = *id] {
    const std::lock_guard closing(state->mutex);
    state->databases[key].open = false;
    state->closed.notify_all();
  };
  state_->databases[*id] = {handle, writable, true};
  lock.unlock();
  return MakeDuckDbConnection(spec.name, std::move(session), std::move(handle));
}

}  // namespace headrace
