// State on PostgreSQL.
//
// Isolation: READ COMMITTED, and the first act of each transaction is an advisory lock on the project's schema, held to its end. So changes to
// one project come one at a time, as they do on SQLite, and the code above needs one way of thinking for both. SERIALIZABLE would let them
// run side by side and then repeat those that met; a transition takes some 0.2 ms, a step some minutes, and there is nothing to gain.
//
// A connection that breaks before COMMIT was sent took the transaction with it: it is done again. When it breaks at COMMIT nobody knows the
// outcome, so the server is asked what became of the transaction's number (pg_xact_status). Nothing is done twice, and nothing that
// was lost is called done.

#include <array>
#include <optional>
#include <unordered_map>

#include "headrace/base/crash.h"
#include "headrace/base/digest.h"
#include "headrace/store/database_internal.h"
#include "headrace/store/libpq_internal.h"
#include "headrace/store/schema_internal.h"

namespace headrace::internal {

namespace {
constexpr int kAttempts = 5;                       // of a transaction whose connection broke
constexpr std::int64_t kPauseMicros = 250'000;     // doubles with each attempt
constexpr int kAsks = 60;                          // after a lost answer to COMMIT: half a minute
constexpr unsigned kInt8 = 20, kText = 25;         // type numbers of PostgreSQL's catalog, the same in every release

/// PostgreSQL's text takes neither NUL nor bytes that are not UTF-8; a message of a library may hold both.
std::string Storable(const std::string& text) {
  if (text.find('\0') == std::string::npos && IsUtf8(text)) return text;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    for (std::size_t n = 1; n <= 4 && length == 0 && i + n <= text.size(); ++n)
      if (text[i] != '\0' && IsUtf8(std::string_view(text).substr(i, n))) length = n;
    out += length == 0 ? "\xEF\xBF\xBD" : text.substr(i, length);
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

/// ?1 -> $1, and ? -> the next number. Our statements hold no other question mark.
std::string WithDollars(std::string_view sql) {
  std::string out;
  int next = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] != '?') out += sql[i];
    else if (i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9') out += '$';
    else out += StrCat("$", ++next);
  }
  return out;
}

std::string QuotedName(std::string_view name) { return StrCat("\"", ReplaceAll(name, "\"", "\"\""), "\""); }

/// A malformed URI must not be explained by libpq: its words would quote pieces of the password.
Status CheckUri(const LibPq& pq, std::string_view uri) {
  const Status malformed = Error(ErrorCode::kInvalid, "`state` is not a URI that PostgreSQL understands (its text is not shown: it may hold a password)")
                               .WithHelp("write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with % and two hex digits for each of : / ? # @ % in user and password");
  const std::size_t scheme = uri.starts_with("postgresql://") ? 13 : uri.starts_with("postgres://") ? 11 : 0;
  if (scheme == 0 || uri.find('\0') != std::string_view::npos) return malformed;
  const std::string_view rest = uri.substr(scheme);
  const std::size_t at = rest.find('@');
  if (at != std::string_view::npos && (rest.find('@', at + 1) != std::string_view::npos || rest.find_first_of("/?#") < at)) return malformed;
  char* words = nullptr;
  PQconninfoOption* options = pq.conninfo_parse(std::string(uri).c_str(), &words);
  if (words != nullptr) pq.free_memory(words);
  if (options == nullptr) return malformed;
  bool ok = true;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option)
    if (std::string_view(option->keyword) == "port" && option->val != nullptr)
      for (const std::string& port : Split(option->val, ',')) {
        std::int64_t number = 0;
        ok = ok && (port.empty() || (ParseInt(port, &number) && number > 0 && number < 65536));
      }
  pq.conninfo_free(options);
  return ok ? Ok() : malformed;
}

std::string PasswordIn(const LibPq& pq, const std::string& uri) {
  std::string password;
  PQconninfoOption* options = pq.conninfo_parse(uri.c_str(), nullptr);
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option)
    if (std::string_view(option->keyword) == "password" && option->val != nullptr) password = option->val;
  pq.conninfo_free(options);
  return password;
}

class PostgresDatabase final : public Database {
 public:
  PostgresDatabase(const LibPq& pq, Secret uri, std::string schema, Clock& clock, bool own_clock)
      : pq_(pq), uri_(std::move(uri)), password_(PasswordIn(pq, uri_.Reveal())), schema_(std::move(schema)), clock_(clock), own_clock_(own_clock) {
    std::int64_t key = 0;
    for (const char c : Sha256Hex(schema_).substr(0, 15)) key = key * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    lock_ = StrCat("SELECT pg_advisory_xact_lock(", key, "), pg_current_xact_id()");
  }
  ~PostgresDatabase() override { Disconnect(); }

  Status Connect() {
    if (connection_ != nullptr && pq_.status(connection_) == CONNECTION_OK) return Ok();
    Disconnect();
    const std::array<const char*, 7> names = {"connect_timeout", "fallback_application_name", "tcp_user_timeout", "keepalives_idle", "dbname", "client_encoding", nullptr};
    const std::array<const char*, 7> values = {"10", "headrace", "30000", "30", uri_.Reveal().c_str(), "UTF8", nullptr};   // the URI's own words win over those before it
    connection_ = pq_.connect(names.data(), values.data(), 1);
    if (connection_ == nullptr || pq_.status(connection_) != CONNECTION_OK) return ConnectError(names.data(), values.data());
    pq_.set_notice_processor(connection_, [](void*, const char*) {}, nullptr);
    if (pq_.server_version(connection_) < 130000)
      return Refuse("state on PostgreSQL needs version 13 or later of the server", "upgrade it, or keep the state elsewhere");
    const char* encoding = pq_.parameter_status(connection_, "server_encoding");
    if (encoding == nullptr || std::string_view(encoding) != "UTF8")
      return Refuse("the database that holds the state is not encoded in UTF-8", "make one with: create database NAME encoding 'UTF8' template template0");
    const std::string settings = StrCat("SET search_path TO ", QuotedName(schema_),
                                        "; SET synchronous_commit TO off; SET lock_timeout TO '10s'; SET statement_timeout TO '60s'; "
                                        "SET idle_in_transaction_session_timeout TO '30s'; SET client_min_messages TO warning; SET standard_conforming_strings TO on");
    const Status set = Execute(settings);
    if (!set.ok()) Disconnect();
    return set;
  }

  Result<Answer> Query(std::string_view sql, std::span<const Parameter> parameters) override {
    for (int attempt = 1;; ++attempt) {
      if (!in_transaction_) RETURN_IF_ERROR(Connect());
      Result<Answer> answer = QueryOnce(sql, parameters);
      if (answer.ok() || in_transaction_ || trouble_ != Trouble::kLost || attempt == kAttempts) return answer;
      Pause(attempt);
    }
  }

  Status Script(std::string_view sql) override { return Execute(ForPostgres(sql)); }

  Status Transact(bool durable, const std::function<Status()>& body) override {
    CrashPoint("state.before_begin");
    for (int attempt = 1;; ++attempt) {
      Status status = Attempt(durable, body);
      if (status.ok() || trouble_ == Trouble::kNone || attempt == kAttempts) return status;
      Pause(attempt);
    }
  }

  Result<std::int64_t> Version() override {
    const std::array<Parameter, 1> name = {StrCat(QuotedName(schema_), ".headrace_layout")};
    ASSIGN_OR_RETURN(const Answer there, Query("SELECT to_regclass(?) IS NOT NULL", name));
    if (there.cells.at(0) != "t") return 0;
    ASSIGN_OR_RETURN(const Answer answer, Query("SELECT max(version) FROM headrace_layout", {}));
    std::int64_t version = 0;
    ParseInt(answer.cells.at(0), &version);
    return version;
  }
  Status SetVersion(std::int64_t version) override {
    const std::array<Parameter, 1> value = {version};
    return Query("INSERT INTO headrace_layout(version) VALUES (?)", value).status();
  }
  Result<LeaseTime> Now() override {
    if (own_clock_) return LeaseTime{clock_.MonotonicMicros(), "handed in"};
    ASSIGN_OR_RETURN(const Answer answer, Query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", {}));
    LeaseTime time{0, "database"};
    ParseInt(answer.cells.at(0), &time.now_us);
    return time;
  }
  std::string Name() const override { return StrCat("the state in PostgreSQL (schema `", schema_, "`)"); }

 private:
  enum class Trouble { kNone, kLost, kConflict };   // what makes it worth trying again
  struct Clear {
    const LibPq& pq;
    void operator()(PGresult* result) const { pq.clear(result); }
  };
  using Answered = std::unique_ptr<PGresult, Clear>;

  void Disconnect() {
    if (connection_ != nullptr) pq_.finish(connection_);
    connection_ = nullptr;
    prepared_.clear();
  }
  void Pause(int attempt) { clock_.Sleep(kPauseMicros << (attempt - 1)); }

  std::string Masked(std::string text) const {
    text = ReplaceAll(text, uri_.Reveal(), "***");
    if (!password_.empty()) text = ReplaceAll(text, password_, "***");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return ReplaceAll(text, "\n", " ");
  }

  Status Refuse(std::string_view message, std::string_view help) {
    Disconnect();
    return Error(ErrorCode::kInvalid, message).WithHelp(std::string(help));
  }

  Status ConnectError(const char* const* names, const char* const* values) {
    const std::string text = connection_ == nullptr ? "out of memory" : Masked(pq_.error_message(connection_));
    const PGPing ping = pq_.ping(names, values, 1);
    Disconnect();
    // The server answers others: it refused us. Unless only because too many are there.
    if ((ping == PQPING_OK || ping == PQPING_NO_ATTEMPT) && text.find("too many") == std::string::npos && text.find("connection slots") == std::string::npos)
      return Error(ErrorCode::kInvalid, "cannot open ", Name(), ": ", text).WithHelp("look at `state` of the environment, and at the rights of its user");
    trouble_ = Trouble::kLost;
    return Error(ErrorCode::kBusy, "cannot reach ", Name(), ": ", text).WithHelp("try again when the server answers; nothing was recorded or changed meanwhile");
  }

  /// The error of `result`; notes whether trying again may help.
  Status Failed(const PGresult* result) {
    const auto field = [&](int code) {
      const char* text = result == nullptr ? nullptr : pq_.error_field(result, code);
      return std::string(text == nullptr ? "" : text);
    };
    const std::string code = field(PG_DIAG_SQLSTATE);
    const std::string text = Masked(field(PG_DIAG_MESSAGE_PRIMARY).empty() ? pq_.error_message(connection_) : field(PG_DIAG_MESSAGE_PRIMARY));
    if (pq_.status(connection_) != CONNECTION_OK) {
      trouble_ = Trouble::kLost;
      return Error(ErrorCode::kBusy, "the connection to ", Name(), " broke: ", text).WithHelp("try again when the server answers");
    }
    if (code == "40001" || code == "40P01") trouble_ = Trouble::kConflict;
    if (trouble_ == Trouble::kConflict || code == "55P03" || code == "57014")
      return Error(ErrorCode::kBusy, Name(), " stayed locked by another process: ", text).WithHelp("try again in a moment");
    if (code.starts_with("53") || code == "25006")   // disk or memory full; a server that only reads
      return Error(ErrorCode::kBusy, Name(), " cannot be written: ", text).WithHelp("nothing half-written was left; run again when the server has room");
    if (code == "42501" || code == "3F000")
      return Error(ErrorCode::kInvalid, "the user of `state` may not use ", Name(), ": ", text)
          .WithHelp(StrCat("grant create on the database, or make the schema for that user: create schema ", QuotedName(schema_), " authorization USER"));
    if (code == "26000" || code == "42P05")
      return Error(ErrorCode::kInvalid, Name(), " is behind a pooler that loses prepared statements: ", text).WithHelp("use a session pool, or connect to the server itself");
    return Error(ErrorCode::kFailed, "cannot use ", Name(), ": ", text, code.empty() ? "" : StrCat(" (SQLSTATE ", code, ")"));
  }

  Answered Exec(const std::string& sql) { return {pq_.exec(connection_, sql.c_str()), Clear{pq_}}; }
  Status Execute(const std::string& sql) {
    const Answered result = Exec(sql);
    const ExecStatusType status = pq_.result_status(result.get());
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? Ok() : Failed(result.get());
  }

  Result<Answer> QueryOnce(std::string_view sql, std::span<const Parameter> parameters) {
    trouble_ = Trouble::kNone;
    std::vector<std::string> texts;
    std::vector<const char*> values;
    for (const Parameter& parameter : parameters)
      texts.push_back(std::holds_alternative<std::int64_t>(parameter) ? StrCat(std::get<std::int64_t>(parameter)) : Storable(std::get<std::string>(parameter)));
    for (const std::string& text : texts) values.push_back(text.c_str());

    std::string& name = prepared_[std::string(sql)];
    if (name.empty()) {
      std::vector<unsigned> types;
      for (const Parameter& parameter : parameters) types.push_back(std::holds_alternative<std::int64_t>(parameter) ? kInt8 : kText);
      const std::string wanted = StrCat("h", prepared_.size());
      const Answered made(pq_.prepare(connection_, wanted.c_str(), WithDollars(sql).c_str(), static_cast<int>(types.size()), types.data()), Clear{pq_});
      if (pq_.result_status(made.get()) != PGRES_COMMAND_OK) {
        Status failed = Failed(made.get());
        prepared_.erase(std::string(sql));
        return failed;
      }
      name = wanted;
    }
    const Answered result(pq_.exec_prepared(connection_, name.c_str(), static_cast<int>(values.size()), values.data(), nullptr, nullptr, 0), Clear{pq_});
    const ExecStatusType status = pq_.result_status(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return Failed(result.get());
    Answer answer;
    const int rows = pq_.rows(result.get()), columns = pq_.columns(result.get());
    answer.columns = static_cast<std::size_t>(columns);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) answer.cells.emplace_back(pq_.value(result.get(), r, c), static_cast<std::size_t>(pq_.length(result.get(), r, c)));
    ParseInt(pq_.command_rows(result.get()), &answer.changed);
    return answer;
  }

  Status Attempt(bool durable, const std::function<Status()>& body) {
    trouble_ = Trouble::kNone;
    RETURN_IF_ERROR(Connect());
    std::string number;   // of the transaction, for Settle
    {
      const Answered begun = Exec(StrCat("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ", durable ? "SET LOCAL synchronous_commit TO on; " : "", lock_));
      if (pq_.result_status(begun.get()) != PGRES_TUPLES_OK) {
        Status failed = Failed(begun.get());
        Rollback();
        return failed;
      }
      number = pq_.value(begun.get(), 0, 1);
    }
    in_transaction_ = true;
    Status status = EnsureLayoutTable();
    if (status.ok()) status = body();
    in_transaction_ = false;
    if (!status.ok()) {
      const Trouble trouble = trouble_;
      Rollback();
      trouble_ = trouble;
      return status;
    }
    trouble_ = Trouble::kNone;
    const Answered committed = Exec("COMMIT");
    if (pq_.result_status(committed.get()) == PGRES_COMMAND_OK) {
      if (std::string_view(pq_.command_status(committed.get())) == "COMMIT") return Ok();
      return Error(ErrorCode::kInternal, "a transaction of ", Name(), " was rolled back without a word");
    }
    status = Failed(committed.get());
    if (trouble_ != Trouble::kLost) {
      Rollback();
      return status;
    }
    return Settle(number);
  }

  /// The schema and the table of versions, before the first step of the layout. Seen once per connection.
  Status EnsureLayoutTable() {
    if (laid_out_) return Ok();
    ASSIGN_OR_RETURN(const std::int64_t version, Version());
    if (version == 0) {
      const std::array<Parameter, 1> name = {schema_};
      ASSIGN_OR_RETURN(const Answer there, Query("SELECT 1 FROM pg_namespace WHERE nspname = ?", name));
      if (there.cells.empty()) RETURN_IF_ERROR(Execute(StrCat("CREATE SCHEMA ", QuotedName(schema_))));
      RETURN_IF_ERROR(Execute("CREATE TABLE IF NOT EXISTS headrace_layout(version BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now())"));
    }
    laid_out_ = version > 0;
    return Ok();
  }

  void Rollback() {
    if (connection_ == nullptr || !Execute("ROLLBACK").ok()) Disconnect();   // the server rolls back what its client leaves
  }

  /// The answer to COMMIT was lost. Asks what became of the transaction until the server knows.
  Status Settle(const std::string& number) {
    const std::array<Parameter, 1> parameter = {number};
    for (int ask = 0; ask < kAsks; ++ask, clock_.Sleep(2 * kPauseMicros)) {
      if (const Status connected = Connect(); !connected.ok()) {
        if (connected.code() != ErrorCode::kBusy) break;
        continue;
      }
      const Result<Answer> state = QueryOnce("SELECT coalesce(pg_xact_status(?::xid8), 'forgotten')", parameter);
      if (!state.ok()) continue;
      const std::string& word = state->cells.at(0);
      if (word == "committed") return Ok();
      if (word == "aborted") {
        trouble_ = Trouble::kLost;   // it did not happen: once more
        return Error(ErrorCode::kBusy, "the connection to ", Name(), " broke, and again with each attempt").WithHelp("try again when the server answers");
      }
      if (word != "in progress") break;
    }
    trouble_ = Trouble::kNone;
    return Error(ErrorCode::kBusy, "the connection to ", Name(), " broke at a commit, and the server cannot say whether it took place")
        .WithHelp("run again when the server answers: what was recorded is found, the rest is done");
  }

  const LibPq& pq_;
  const Secret uri_;
  const std::string password_;
  const std::string schema_;
  Clock& clock_;
  const bool own_clock_;
  std::string lock_;                                        // the first act of each transaction
  PGconn* connection_ = nullptr;
  std::unordered_map<std::string, std::string> prepared_;   // text -> name on this connection
  bool in_transaction_ = false, laid_out_ = false;
  Trouble trouble_ = Trouble::kNone;                        // of the last call
};
}  // namespace

Result<std::unique_ptr<Database>> OpenPostgres(const Secret& uri, const std::string& schema, Clock& clock, bool own_clock) {
  ASSIGN_OR_RETURN(const LibPq* const pq, LibPq::Get());
  RETURN_IF_ERROR(CheckUri(*pq, uri.Reveal()));
  auto db = std::make_unique<PostgresDatabase>(*pq, uri, schema, clock, own_clock);
  RETURN_IF_ERROR(db->Connect());
  return std::unique_ptr<Database>(std::move(db));
}

}  // namespace headrace::internal
