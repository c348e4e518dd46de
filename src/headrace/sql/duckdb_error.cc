#include <algorithm>
#include <optional>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/sql/duckdb_error_internal.h"

// DuckDB reports errors as text only, in a fixed layout:
//
//   Binder Error: Referenced column "a" not found in FROM clause!
//   Candidate bindings: "x"
//   <blank line>
//   LINE 2: ...select a from t
//                     ^
//
// The excerpt behind LINE may be cut at both ends ("..."), so the caret's place is found by looking for the excerpt in
// that line of the statement.

namespace headrace {
namespace {

struct Parts {
  std::string kind;     // "Binder"
  std::string message;  // the first paragraph without the kind
  std::string hint;     // "Candidate bindings: ...", "Did you mean ..."
  int line = 0;         // 0: no place given
  std::string excerpt;
  std::size_t caret = 0;  // bytes into the excerpt
};

bool StartsWith(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }
bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The byte at which the `column`-th character of `text` starts: the caret is set by characters.
std::size_t ByteOfCharacter(std::string_view text, std::size_t column) {
  std::size_t at = 0;
  for (; column > 0 && at < text.size(); --column) do
      ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void TakeHint(Parts& parts, std::string_view line) {
  if (!parts.hint.empty()) parts.hint += "; ";
  parts.hint += line;
}

Parts Read(const std::string& message) {
  Parts parts;
  std::vector<std::string> lines = Split(message, '\n');
  const std::size_t colon = lines[0].find(" Error: ");
  if (colon != std::string::npos && colon < 40) {
    parts.kind = lines[0].substr(0, colon);
    lines[0] = lines[0].substr(colon + 8);
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string& line = lines[i];
    if (StartsWith(line, "LINE ") && Contains(line, ": ")) {
      const std::size_t text = line.find(": ") + 2;
      std::int64_t number = 0;
      if (!ParseInt(std::string_view(line).substr(5, text - 7), &number)) continue;
      parts.line = static_cast<int>(number);
      parts.excerpt = line.substr(text);
      const std::size_t caret = i + 1 < lines.size() ? lines[i + 1].find('^') : std::string::npos;
      if (caret != std::string::npos && caret >= text) parts.caret = ByteOfCharacter(parts.excerpt, caret - text);
      break;
    }
    if (StartsWith(line, "Stack Trace")) break;
    if (StartsWith(line, "* ") || StartsWith(line, "See also")) continue;   // settings of its own, which no user of ours can reach
    if (StartsWith(line, "Candidate") || StartsWith(line, "Did you mean") || StartsWith(line, "Possible ")) {
      TakeHint(parts, line);
    } else if (!Trim(line).empty()) {
      if (!parts.message.empty()) parts.message += ' ';
      parts.message += Trim(line);
    }
  }
  while (!parts.message.empty() && (parts.message.back() == '!' || parts.message.back() == '.'))
    parts.message.pop_back();
  if (parts.message.size() > 1 && parts.message[0] >= 'A' && parts.message[0] <= 'Z' &&
      (parts.message[1] == ' ' || (parts.message[1] >= 'a' && parts.message[1] <= 'z')))
    parts.message[0] = static_cast<char>(parts.message[0] - 'A' + 'a');
  return parts;
}

// Where in the statement the caret points.
std::optional<std::size_t> Place(const Parts& parts, std::string_view statement) {
  if (parts.line == 0) return std::nullopt;
  std::size_t start = 0;
  for (int line = 1; line < parts.line; ++line) {
    start = statement.find('\n', start);
    if (start == std::string_view::npos) return std::nullopt;
    ++start;
  }
  const std::string_view line = statement.substr(start, statement.find('\n', start) - start);
  std::string_view excerpt = parts.excerpt;
  std::size_t caret = parts.caret;
  if (line.find(excerpt) == std::string_view::npos) {
    if (StartsWith(excerpt, "...") && caret >= 3) {
      excerpt.remove_prefix(3);
      caret -= 3;
    }
    if (excerpt.size() >= 3 && excerpt.substr(excerpt.size() - 3) == "...") excerpt.remove_suffix(3);
  }
  const std::size_t found = line.find(excerpt);
  if (found == std::string_view::npos) return std::nullopt;
  return start + std::min(found + caret, line.size());
}

// The span of the token of the user's text at `place` of the statement.
std::optional<TextSpan> UserSpan(std::size_t place, const SqlContext& context) {
  if (context.user == nullptr || place < context.prefix || place - context.prefix > context.user->text().size())
    return std::nullopt;
  const std::size_t ours = place - context.prefix;
  std::size_t length = 1;
  const Result<std::vector<SqlToken>> tokens = LexSql(context.user->text(), SqlDialect::kDuckDb);
  if (tokens.ok())
    for (const SqlToken& token : *tokens)
      if (token.offset == ours) length = token.length;
  const std::size_t user = context.user->UserOffset(ours);
  const std::size_t end = context.user->UserOffset(ours + length);
  return TextSpan{user, end > user ? end - user : 1};
}

// The Parquet writer takes what zstd answers when it gets no memory for the size of a page.
bool OutOfMemory(const Parts& parts) { return parts.kind == "Out of Memory" || Contains(parts.message, " compressed page size out of range"); }

ErrorCode CodeOf(const Parts& parts, const std::string& whole) {
  const std::string& kind = parts.kind;
  if (Contains(whole, "No space left on device") || Contains(whole, "failed to offload data block") ||
      Contains(whole, "Disk quota exceeded") || Contains(whole, "File too large"))
    return ErrorCode::kBusy;
  if (kind == "INTERRUPT") return ErrorCode::kInterrupted;
  if (OutOfMemory(parts)) return ErrorCode::kBusy;
  if (kind == "TransactionContext" || kind == "Transaction")
    return Contains(whole, "onflict") ? ErrorCode::kBusy : ErrorCode::kFailed;
  if (kind == "IO") {
    if (Contains(whole, "Could not set lock") || Contains(whole, "Conflicting lock")) return ErrorCode::kBusy;
    if (Contains(whole, "No files found") || Contains(whole, "No such file") || Contains(whole, "does not exist") ||
        Contains(whole, "not a valid DuckDB database file"))
      return ErrorCode::kInvalid;
    return ErrorCode::kFailed;
  }
  for (const std::string_view of_query :
       {"Parser", "Syntax", "Binder", "Catalog", "Permission", "Not implemented", "Missing Extension",
        "Parameter Not Resolved", "Parameter Not Allowed", "Expression", "Dependency", "Settings"})
    if (kind == of_query) return ErrorCode::kInvalid;
  for (const std::string_view of_data : {"Conversion", "Out of Range", "Constraint", "Mismatch Type", "Invalid Input",
                                         "Invalid type", "Decimal", "Divide by Zero"})
    if (kind == of_data) return ErrorCode::kData;
  return ErrorCode::kFailed;
}

// "Table with name custmers does not exist": the name, or "".
std::string MissingTable(const Parts& parts) {
  constexpr std::string_view kStart = "able with name ", kEnd = " does not exist";
  const std::size_t start = parts.message.find(kStart), end = parts.message.find(kEnd);
  if (parts.kind != "Catalog" || start == std::string::npos || end == std::string::npos || end < start) return "";
  return parts.message.substr(start + kStart.size(), end - start - kStart.size());
}

// The names in double quotes of `text`; of "t.x" only x.
std::vector<std::string> QuotedNames(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t open = text.find('"'); open != std::string_view::npos; open = text.find('"', open)) {
    const std::size_t close = text.find('"', open + 1);
    if (close == std::string_view::npos) break;
    const std::string_view name = text.substr(open + 1, close - open - 1);
    names.emplace_back(name.substr(name.rfind('.') + 1));
    open = close + 1;
  }
  return names;
}

// What to do about a column that is not there; "" when the error is another.
std::string NearColumn(const Parts& parts) {
  constexpr std::string_view kCandidates = "Candidate bindings: ";
  if (!StartsWith(parts.message, "referenced column \"") || !StartsWith(parts.hint, kCandidates)) return "";
  const std::vector<std::string> wanted = QuotedNames(parts.message), candidates = QuotedNames(parts.hint);
  if (wanted.empty() || candidates.empty()) return "";
  const std::string nearest = NearestName(wanted[0], candidates);
  return nearest.empty() ? StrCat("columns of the tables here: ", Join(candidates, ", ")) : StrCat("did you mean `", nearest, "`?");
}

}  // namespace

Status DuckDbError(const std::string& message, const SqlContext& context) {
  const Parts parts = Read(message);
  const ErrorCode code = CodeOf(parts, message);
  const std::string near = NearColumn(parts);
  std::string help = near.empty() ? parts.hint : near;
  Status status(code, parts.message);
  if (const std::string table = MissingTable(parts); !table.empty()) {
    status = Error(code, "the query reads the table `", table, "`, which does not exist here");
    const std::string nearest = NearestName(table, context.tables);
    const std::vector<std::string> known(context.tables.begin(), context.tables.end());
    help = !nearest.empty() ? StrCat("did you mean `", nearest, "`?")
           : known.empty()  ? ""
                            : StrCat("the tables here are ", Join(known, ", "));
  } else if (code == ErrorCode::kInterrupted) {
    status = Error(code, "the query was interrupted");
  } else if (OutOfMemory(parts)) {
    status = Error(code, "out of memory: ", parts.message);
    help = "give more memory (`--memory`; a tenant: `quotas: {memory: ...}`), let less run at once, or have the query keep fewer rows or columns at a time";
  } else if (Contains(message, "No space left on device") || Contains(message, "File too large")) {
    help = "free space on that disk, then run again";
  }
  if (!help.empty()) status = std::move(status).WithHelp(help);
  if (const std::optional<std::size_t> place = Place(parts, context.full)) {
    if (const std::optional<TextSpan> span = UserSpan(*place, context)) status = std::move(status).WithSpan(*span);
  }
  return status;
}

}  // namespace headrace
