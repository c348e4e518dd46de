#include <algorithm>
#include <array>

#include "headrace/base/text.h"
#include "headrace/sql/connection.h"
#include "headrace/sql/postgres_internal.h"

namespace headrace {
namespace {

std::string Detail(const adbc::DriverError& error, const char* key) {
  const auto found = error.details.find(key);
  return found == error.details.end() ? std::string() : found->second;
}

// "[libpq] Failed to execute query: ERROR:  division by zero\n\nQuery was: ...": what stands behind ERROR, one line.
std::string SentenceOf(const adbc::DriverError& error) {
  if (const std::string primary = Detail(error, "PG_DIAG_MESSAGE_PRIMARY"); !primary.empty()) return primary;
  std::string text = error.message.substr(0, error.message.find("\n\nQuery was"));
  for (const std::string_view severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "})
    if (const std::size_t at = text.find(severity); at != std::string::npos) text.erase(0, at + severity.size());
  text = text.substr(0, text.find('\n'));
  return std::string(Trim(text.substr(0, text.find(". SQLSTATE: "))));
}

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool Lost(std::string_view message) {
  return Contains(message, "server closed the connection") || Contains(message, "no connection to the server") ||
         Contains(message, "could not receive data from server") || Contains(message, "could not send data to server") ||
         Contains(message, "connection not open") || Contains(message, "SSL connection has been closed");
}

ErrorCode CodeOf(const std::string& state, const std::string& message) {
  const auto is = [&state](std::initializer_list<std::string_view> starts) {
    return std::ranges::any_of(starts, [&state](std::string_view start) { return state.starts_with(start); });
  };
  if (state == "57014") return Contains(message, "timeout") ? ErrorCode::kBusy : ErrorCode::kInterrupted;
  if (is({"08", "40", "53", "55P03", "55006", "57P"})) return ErrorCode::kBusy;
  if (is({"22", "23", "44"})) return ErrorCode::kData;
  if (is({"28", "3D", "3F", "42", "0A", "25006", "21"})) return ErrorCode::kInvalid;
  return state.empty() && Lost(message) ? ErrorCode::kBusy : ErrorCode::kFailed;
}

std::string HelpFor(const std::string& state, ErrorCode code) {
  if (state == "55P03") return "another session holds the table; try again when it is done";
  if (state.starts_with("40")) return "another session changed the same rows; run again";
  if (state == "42501") return "have the database's owner grant it";
  if (state == "25006") return "write to the primary, and where the session's default lets it";
  if (code == ErrorCode::kBusy) return "run again when the server can be reached and has room";
  return "";
}

// The place of the `position`-th character (from 1) of `text`, in bytes.
std::size_t ByteOf(std::string_view text, std::int64_t position) {
  std::size_t at = 0;
  for (; position > 1 && at < text.size(); --position) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

std::optional<TextSpan> UserSpan(const adbc::DriverError& error, const PostgresContext& context) {
  std::int64_t position = 0;
  if (context.user == nullptr || !ParseInt(Detail(error, "PG_DIAG_STATEMENT_POSITION"), &position)) return std::nullopt;
  const std::size_t place = ByteOf(context.full, position);
  const std::string& text = context.user->text();
  if (place < context.prefix || place - context.prefix > text.size()) return std::nullopt;
  const std::size_t ours = place - context.prefix;
  std::size_t length = 1;
  if (const Result<std::vector<SqlToken>> tokens = LexSql(text, SqlDialect::kPostgres); tokens.ok())
    for (const SqlToken& token : *tokens)
      if (token.offset == ours) length = token.length;
  const std::size_t user = context.user->UserOffset(ours), end = context.user->UserOffset(ours + length);
  return TextSpan{user, end > user ? end - user : 1};
}

// Behind the last "failed: " of libpq's text, which tries every host and address in turn; without severity and advice.
std::string LastReason(const std::string& message) {
  const std::size_t at = message.rfind(" failed: ");
  std::string reason = at == std::string::npos ? "" : message.substr(at + 9);
  reason = reason.substr(0, reason.find('\n'));
  if (const std::size_t fatal = reason.find("FATAL:  "); fatal != std::string::npos) reason.erase(0, fatal + 8);
  return reason;
}

}  // namespace

Status PostgresError(const adbc::DriverError& error, const PostgresContext& context) {
  const std::string &state = error.sqlstate, sentence = SentenceOf(error);
  const ErrorCode code = CodeOf(state, error.message);
  if (code == ErrorCode::kInterrupted) return Error(code, "the query was interrupted");
  if (state.empty() && code == ErrorCode::kBusy)
    return Error(code, "the connection to the server was lost").WithHelp("run again when the server can be reached");
  std::string help = HelpFor(state, code);
  if (const std::string hint = Detail(error, "PG_DIAG_MESSAGE_HINT"); !hint.empty()) help = hint;
  Status status(code, sentence);
  if (!help.empty()) status = std::move(status).WithHelp(help);
  if (const std::optional<TextSpan> span = UserSpan(error, context)) status = std::move(status).WithSpan(*span);
  return status;
}

Status PostgresOpenError(const adbc::DriverError& error) {
  const std::string& text = error.message;
  if (Contains(text, "could not translate host name")) {  // libpq names the host, which may hold a badly quoted password
    const bool passes = Contains(text, "Temporary failure");
    return Error(passes ? ErrorCode::kBusy : ErrorCode::kInvalid, "the server's host name is not known")
        .WithHelp("look at the host in the uri; signs like @ / : in a password are written %40 %2F %3A");
  }
  const std::string reason = LastReason(text);
  if (reason.empty() && !Lost(text))
    return Error(ErrorCode::kInvalid, "its uri is not one that PostgreSQL's client understands")
        .WithHelp("write postgresql://user@host:5432/database, with signs like @ / : in a password as %40 %2F %3A");
  constexpr std::array<std::string_view, 12> kPasses = {
      "Connection refused", "No such file", "timeout", "timed out", "starting up", "shutting down", "recovery mode",
      "too many clients", "connection slots", "closed the connection", "unreachable", "reset by peer"};
  if (reason.empty() || std::ranges::any_of(kPasses, [&reason](std::string_view part) { return Contains(reason, part); }))
    return Error(ErrorCode::kBusy, "the server cannot be reached: ", reason.empty() ? "the connection was lost" : reason)
        .WithHelp("is it running, and do host and port in the uri name it? try again when it is up");
  return Error(ErrorCode::kInvalid, reason).WithHelp("look at user, password and database in the uri");
}

}  // namespace headrace
