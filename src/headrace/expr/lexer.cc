#include "headrace/expr/lexer.h"

#include <array>

#include "headrace/base/text.h"

namespace headrace::internal {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool StartsName(char c) { return IsLetter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool IsNamePart(char c) { return StartsName(c) || IsDigit(c); }

Status Bad(std::size_t offset, std::size_t length, std::string message, std::string help) {
  return Status(ErrorCode::kInvalid, std::move(message)).WithSpan({offset, length}).WithHelp(std::move(help));
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> Run() {
    while (true) {
      while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
      begin_ = at_;
      if (at_ == text_.size()) {
        Add(Token::Kind::kEnd, "");
        tokens_.back().span = {at_, 0};
        return std::move(tokens_);
      }
      RETURN_IF_ERROR(Next());
    }
  }

 private:
  char Peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void Add(Token::Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), {begin_, at_ - begin_}}); }

  Status Next() {
    const char c = Peek();
    if (c == '\'') return Delimited(Token::Kind::kText, '\'', "text");
    if (c == '"') return Delimited(Token::Kind::kQuoted, '"', "quoted name");
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (StartsName(c)) return Word();
    return Symbol();
  }

  Status Delimited(Token::Kind kind, char delimiter, std::string_view what) {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == delimiter) {
        if (Peek(1) != delimiter) {
          ++at_;
          if (kind == Token::Kind::kQuoted && out.empty())
            return Bad(begin_, 2, "a quoted name is empty", "text stands in single quotes: ''");
          Add(kind, std::move(out));
          return Ok();
        }
        ++at_;
      }
      out += text_[at_];
    }
    return Bad(begin_, text_.size() - begin_, StrCat("this ", what, " is not closed"),
               StrCat("end it with ", delimiter, "; a ", delimiter, " inside is written twice"));
  }

  void Digits() {
    while (IsDigit(Peek())) ++at_;
  }

  Status Number() {
    bool whole = true;
    Digits();
    if (Peek() == '.' && !StartsName(Peek(1))) {
      whole = false;
      ++at_;
      Digits();
    }
    if (Peek() == 'e' || Peek() == 'E') {
      const std::size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 1 : 0;
      if (IsDigit(Peek(1 + sign))) {
        whole = false;
        at_ += 1 + sign;
        Digits();
      }
    }
    Token::Kind kind = whole ? Token::Kind::kInt : Token::Kind::kDouble;
    if (IsNamePart(Peek())) {
      while (IsNamePart(Peek())) ++at_;
      kind = Token::Kind::kDuration;
      if (!whole || !IsLetter(text_[at_ - 1]))
        return Bad(begin_, at_ - begin_, StrCat("`", text_.substr(begin_, at_ - begin_), "` is not a number"),
                   "numbers are written 12, 0.5 or 1e-3, durations 7d, 12h or 1d12h");
    }
    Add(kind, std::string(text_.substr(begin_, at_ - begin_)));
    return Ok();
  }

  /// name(.name)*, then perhaps @10% as in lift@10%.
  Status Word() {
    while (IsNamePart(Peek()) || (Peek() == '.' && StartsName(Peek(1)))) ++at_;
    if (Peek() == '@' && IsDigit(Peek(1))) {
      ++at_;
      Digits();
      if (Peek() == '.' && IsDigit(Peek(1))) {
        ++at_;
        Digits();
      }
      if (Peek() == '%') ++at_;
    }
    Add(Token::Kind::kWord, std::string(text_.substr(begin_, at_ - begin_)));
    return Ok();
  }

  Status Symbol() {
    constexpr std::array<std::string_view, 8> kPairs = {"==", "!=", "<>", "<=", ">=", "||", "//", "::"};
    constexpr std::string_view kSingle = "+-*/%=<>(),";
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("--") || rest.starts_with("/*"))
      return Bad(begin_, 2, "an expression has no comments", rest[0] == '-' ? "for two minus signs write `- -`" : "");
    for (std::string_view pair : kPairs) {
      if (rest.starts_with(pair)) {
        at_ += 2;
        Add(Token::Kind::kSymbol, std::string(pair));
        return Ok();
      }
    }
    if (kSingle.find(rest[0]) != std::string_view::npos) {
      ++at_;
      Add(Token::Kind::kSymbol, std::string(1, rest[0]));
      return Ok();
    }
    std::string help;
    switch (rest[0]) {
      case '&':
        help = "write `and`";
        break;
      case '|':
        help = "write `or`; two bars `||` join texts";
        break;
      case '!':
        help = "write `not`";
        break;
      case '^':
        help = "write power(x, y)";
        break;
      case '$':
        help = "inside `${...}` and in expressions names stand bare: params.as_of";
        break;
      case '[':
        help = "a list stands in parentheses: x in ('a', 'b')";
        break;
      case ';':
        help = "an expression is one value, not a statement";
        break;
      default:
        break;
    }
    return Bad(begin_, 1, StrCat("`", rest.substr(0, 1), "` means nothing in an expression"), std::move(help));
  }

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view text) { return Lexer(text).Run(); }

}  // namespace headrace::internal
