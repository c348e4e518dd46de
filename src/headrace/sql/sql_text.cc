#include "headrace/sql/sql_text.h"

#include <algorithm>

#include "headrace/base/text.h"

// A hand-written lexer, because all that must be known of a user's SQL here is where its strings, names and comments
// begin and end. What the words mean is left to the engine's own parser (find_tables.h).

namespace headrace {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }

using Kind = SqlToken::Kind;

class Lexer {
 public:
  Lexer(std::string_view sql, SqlDialect dialect)
      : sql_(sql), sqlite_(dialect == SqlDialect::kSqlite), question_marks_(dialect != SqlDialect::kPostgres) {}

  Result<std::vector<SqlToken>> Run() {
    std::vector<SqlToken> tokens;
    while (true) {
      while (at_ < sql_.size() && IsBlank(sql_[at_])) ++at_;
      if (at_ == sql_.size()) return tokens;
      const std::size_t start = at_;
      ASSIGN_OR_RETURN(const Kind kind, One());
      tokens.push_back({kind, start, at_ - start});
    }
  }

 private:
  char Peek(std::size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  Result<Kind> One() {
    const char c = Peek();
    if (c == '\0') return Fail(at_, "a NUL byte in the query");
    if (c == '-' && Peek(1) == '-') return LineComment();
    if (c == '/' && Peek(1) == '*') return BlockComment();
    if (c == '\'') return Quoted('\'', false, Kind::kString, "string");
    if (!sqlite_ && (c == 'e' || c == 'E') && Peek(1) == '\'') {
      ++at_;
      return Quoted('\'', true, Kind::kString, "string");
    }
    if (c == '"') return Quoted('"', false, Kind::kQuotedName, "quoted name");
    if (sqlite_ && c == '`') return Quoted('`', false, Kind::kQuotedName, "quoted name");
    if (sqlite_ && c == '[') return Bracketed();
    if (c == '$') return Dollar();
    if (c == '?' && question_marks_) return Marker();
    if (sqlite_ && (c == ':' || c == '@') && IsWordStart(Peek(1))) return Marker();
    if (IsWordStart(c)) return Word();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    ++at_;
    return c == ';' ? Kind::kSemicolon : Kind::kSymbol;
  }

  Result<Kind> LineComment() {
    while (at_ < sql_.size() && sql_[at_] != '\n') ++at_;
    return Kind::kComment;
  }

  Result<Kind> BlockComment() {
    const std::size_t start = at_;
    int depth = 0;
    while (at_ < sql_.size()) {
      if (sql_[at_] == '/' && Peek(1) == '*' && (depth == 0 || !sqlite_)) {
        ++depth;
        at_ += 2;
      } else if (sql_[at_] == '*' && Peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return Kind::kComment;
      } else {
        ++at_;
      }
    }
    return Fail(start, "a comment that starts with /* does not end");
  }

  // A doubled quote stands for itself; with `escapes` a backslash takes the next character along.
  Result<Kind> Quoted(char quote, bool escapes, Kind kind, std::string_view what) {
    const std::size_t start = at_++;
    while (at_ < sql_.size()) {
      if (escapes && sql_[at_] == '\\') {
        at_ += 2;
      } else if (sql_[at_] != quote) {
        ++at_;
      } else if (Peek(1) == quote) {
        at_ += 2;
      } else {
        ++at_;
        return kind;
      }
    }
    return Fail(start, StrCat("a ", what, " that starts with ", quote, " does not end"));
  }

  Result<Kind> Bracketed() {
    const std::size_t end = sql_.find(']', at_);
    if (end == std::string_view::npos) return Fail(at_, "a quoted name that starts with [ does not end");
    at_ = end + 1;
    return Kind::kQuotedName;
  }

  // $1 is a marker, $$ and $tag$ open a dollar quote, $name is a parameter.
  Result<Kind> Dollar() {
    const std::size_t start = at_++;
    if (IsDigit(Peek())) {
      while (IsDigit(Peek())) ++at_;
      return Kind::kPositional;
    }
    while (IsWordPart(Peek())) ++at_;
    if (!sqlite_ && Peek() == '$') {
      ++at_;
      const std::string_view tag = sql_.substr(start, at_ - start);
      const std::size_t end = sql_.find(tag, at_);
      if (end == std::string_view::npos) return Fail(start, StrCat("a string that starts with ", tag, " does not end"));
      at_ = end + tag.size();
      return Kind::kString;
    }
    return at_ == start + 1 ? Kind::kSymbol : Kind::kParameter;
  }

  Result<Kind> Marker() {
    ++at_;
    while (IsWordPart(Peek())) ++at_;
    return Kind::kPositional;
  }

  Result<Kind> Word() {
    while (IsWordPart(Peek()) || Peek() == '$') ++at_;
    return Kind::kWord;
  }

  Result<Kind> Number() {
    while (IsWordPart(Peek()) || Peek() == '.' || ((Peek() == '+' || Peek() == '-') && Exponent())) ++at_;
    return Kind::kNumber;
  }
  // Whether a sign at the current place belongs to an exponent: 1e-5.
  bool Exponent() const { return (sql_[at_ - 1] == 'e' || sql_[at_ - 1] == 'E') && IsDigit(Peek(1)); }

  Status Fail(std::size_t start, std::string message) const {
    return Status(ErrorCode::kInvalid, std::move(message)).WithSpan({start, 1});
  }

  std::string_view sql_;
  bool sqlite_;
  bool question_marks_;  // ? is a marker, not an operator
  std::size_t at_ = 0;
};

std::vector<std::string> NamesOf(const SqlParameters& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, value] : parameters) names.push_back(name);
  return names;
}

Status UnknownParameter(const SqlToken& token, const std::string& name, const SqlParameters& parameters) {
  const std::vector<std::string> given = NamesOf(parameters);
  Status status = Error(ErrorCode::kInvalid, "the query uses the parameter $", name, ", which is not bound")
                      .WithSpan({token.offset, token.length});
  const std::string nearest = NearestName(name, given);
  if (!nearest.empty()) return std::move(status).WithHelp(StrCat("did you mean $", nearest, "?"));
  if (given.empty()) return std::move(status).WithHelp(StrCat("add it: bind: {", name, ": ...}"));
  return std::move(status).WithHelp(StrCat("add it to bind:, which has ", Join(given, ", ")));
}

Status PositionalMarker(const SqlToken& token, std::string_view sql) {
  return Error(ErrorCode::kInvalid, "the query uses the positional marker ", sql.substr(token.offset, token.length))
      .WithSpan({token.offset, token.length})
      .WithHelp("give the value a name, as in $since, and bind it by that name");
}

// A query is run as a part of ours, in parentheses; one that closes them early would become another query.
Status CheckParentheses(const std::vector<SqlToken>& tokens, std::string_view sql) {
  std::vector<std::size_t> open;
  for (const SqlToken& token : tokens) {
    if (token.kind != Kind::kSymbol) continue;
    if (sql[token.offset] == '(') open.push_back(token.offset);
    if (sql[token.offset] != ')') continue;
    if (open.empty()) return Error(ErrorCode::kInvalid, "a ) closes nothing").WithSpan({token.offset, 1});
    open.pop_back();
  }
  if (!open.empty()) return Error(ErrorCode::kInvalid, "a ( is not closed").WithSpan({open.back(), 1});
  return Ok();
}

// The tokens of the one statement of `sql`, without comments and the final semicolon.
Result<std::vector<SqlToken>> OneStatement(std::string_view sql, SqlDialect dialect) {
  ASSIGN_OR_RETURN(std::vector<SqlToken> tokens, LexSql(sql, dialect));
  std::erase_if(tokens, [](const SqlToken& t) { return t.kind == Kind::kComment; });
  while (!tokens.empty() && tokens.back().kind == Kind::kSemicolon) tokens.pop_back();
  if (tokens.empty())
    return Error(ErrorCode::kInvalid, "the query is empty").WithSpan({0, std::max<std::size_t>(sql.size(), 1)});
  const auto semicolon =
      std::find_if(tokens.begin(), tokens.end(), [](const SqlToken& t) { return t.kind == Kind::kSemicolon; });
  if (semicolon != tokens.end()) {
    if (semicolon == tokens.begin())
      return Error(ErrorCode::kInvalid, "the query begins with a semicolon").WithSpan({semicolon->offset, 1});
    const SqlToken& second =
        *std::find_if(semicolon, tokens.end(), [](const SqlToken& t) { return t.kind != Kind::kSemicolon; });
    return Error(ErrorCode::kInvalid, "a second statement follows the first; one query is one statement")
        .WithSpan({second.offset, second.length})
        .WithHelp("give each statement a step of its own");
  }
  RETURN_IF_ERROR(CheckParentheses(tokens, sql));
  return tokens;
}

}  // namespace

Result<std::vector<SqlToken>> LexSql(std::string_view sql, SqlDialect dialect) { return Lexer(sql, dialect).Run(); }

Result<BoundSql> BoundSql::Make(std::string_view sql, SqlDialect dialect, const SqlParameters& parameters) {
  ASSIGN_OR_RETURN(const std::vector<SqlToken> tokens, OneStatement(sql, dialect));
  BoundSql bound;
  std::size_t copied = 0;
  const std::size_t end = tokens.back().offset + tokens.back().length;
  bound.pieces_.push_back({0, 0});
  for (const SqlToken& token : tokens) {
    if (token.kind == Kind::kPositional) return PositionalMarker(token, sql);
    if (token.kind != Kind::kParameter) continue;
    const std::string name(sql.substr(token.offset + 1, token.length - 1));
    const auto given = parameters.find(name);
    if (given == parameters.end()) return UnknownParameter(token, name, parameters);
    auto known = std::find(bound.names_.begin(), bound.names_.end(), name);
    if (known == bound.names_.end()) known = bound.names_.insert(known, name);
    const std::string marker = StrCat(dialect == SqlDialect::kSqlite ? "?" : "$", known - bound.names_.begin() + 1);
    bound.text_ += sql.substr(copied, token.offset - copied);
    bound.pieces_.push_back({token.offset, bound.text_.size()});
    // DuckDB has no Arrow type that arrives as an interval of exact microseconds, so a duration travels as text there.
    const bool duration = dialect != SqlDialect::kSqlite && given->second.type() == Type::kDuration;
    bound.text_ += duration ? StrCat("CAST(", marker, " AS INTERVAL)") : marker;
    copied = token.offset + token.length;
    bound.pieces_.push_back({copied, bound.text_.size()});
  }
  bound.text_ += sql.substr(copied, end - copied);
  for (const auto& [name, value] : parameters) {
    if (std::find(bound.names_.begin(), bound.names_.end(), name) != bound.names_.end()) continue;
    Status unused =
        Error(ErrorCode::kInvalid, "the parameter `", name, "` is bound, but the query does not use $", name);
    const std::string nearest = NearestName(name, bound.names_);
    return std::move(unused).WithHelp(nearest.empty() ? "take it out of bind:, or use it in the query"
                                                      : StrCat("the query uses $", nearest));
  }
  return bound;
}

std::size_t BoundSql::UserOffset(std::size_t offset) const {
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), offset,
                                [](std::size_t o, const Piece& p) { return o < p.ours; });
  --piece;  // pieces_[0].ours is 0
  const std::size_t user = piece->user + (offset - piece->ours);
  // A place inside a marker is the parameter's own start.
  const auto next = piece + 1;
  if (next != pieces_.end() && user > next->user) return piece->user;
  return user;
}

Result<std::vector<std::string>> SqlParameterNames(std::string_view sql, SqlDialect dialect) {
  ASSIGN_OR_RETURN(const std::vector<SqlToken> tokens, OneStatement(sql, dialect));
  std::vector<std::string> names;
  for (const SqlToken& token : tokens) {
    if (token.kind != Kind::kParameter) continue;
    std::string name(sql.substr(token.offset + 1, token.length - 1));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

Result<std::string> NormalizeSql(std::string_view sql, SqlDialect dialect) {
  ASSIGN_OR_RETURN(const std::vector<SqlToken> tokens, OneStatement(sql, dialect));
  std::string out;
  std::size_t end = 0;
  for (const SqlToken& token : tokens) {
    if (!out.empty() && token.offset > end) out += ' ';  // blanks or a comment stood between
    out += sql.substr(token.offset, token.length);
    end = token.offset + token.length;
  }
  return out;
}

std::string QuoteIdentifier(std::string_view name) { return StrCat("\"", ReplaceAll(name, "\"", "\"\""), "\""); }
std::string QuoteString(std::string_view text) { return StrCat("'", ReplaceAll(text, "'", "''"), "'"); }

Result<QualifiedName> QualifiedName::Parse(std::string_view text) {
  const Status bad = Error(ErrorCode::kInvalid, "`", text, "` is not a table name; expected table or schema.table")
                         .WithHelp("put double quotes around a part with blanks, dots or signs");
  const Result<std::vector<SqlToken>> lexed = LexSql(text, SqlDialect::kDuckDb);
  if (!lexed.ok()) return bad;
  std::vector<std::string> parts;
  std::size_t end = 0;
  for (std::size_t i = 0; i < lexed->size(); ++i) {
    const SqlToken& token = (*lexed)[i];
    const std::string_view piece = text.substr(token.offset, token.length);
    if (i > 0 && token.offset != end) return bad;
    end = token.offset + token.length;
    if (i % 2 == 1) {
      if (piece != ".") return bad;
    } else if (token.kind == Kind::kWord) {
      parts.emplace_back(piece);
    } else if (token.kind == Kind::kQuotedName && piece.size() > 2) {
      parts.push_back(ReplaceAll(piece.substr(1, piece.size() - 2), "\"\"", "\""));
    } else {
      return bad;
    }
  }
  if (lexed->size() % 2 == 0 || parts.size() > 2) return bad;
  if (parts.size() == 1) return QualifiedName{"", parts[0]};
  return QualifiedName{parts[0], parts[1]};
}

std::string QualifiedName::Quoted() const {
  return schema.empty() ? QuoteIdentifier(name) : StrCat(QuoteIdentifier(schema), ".", QuoteIdentifier(name));
}

std::string QualifiedName::ToString() const {
  const auto plain = [](const std::string& part) { return IsIdentifier(part) ? part : QuoteIdentifier(part); };
  return schema.empty() ? plain(name) : StrCat(plain(schema), ".", plain(name));
}

std::string SqlPlace(std::string_view sql, std::size_t offset) {
  const std::string_view before = sql.substr(0, std::min(offset, sql.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n');
  return StrCat("line ", line, ", column ", before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1);
}

}  // namespace headrace
