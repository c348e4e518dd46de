#include <optional>
#include <utility>

#include "headrace/base/text.h"
#include "headrace/expr/lexer.h"
#include "headrace/expr/syntax.h"

// Precedence climbing: ParseExpression(level) reads a prefix and then every operator that binds at least as
// strongly as `level`. Depth is counted twice: the parser's own recursion, and the height of what it builds
// (a long chain a + b + c ... is built without recursion but walked with it later).

namespace headrace::internal {
namespace {

enum Level {
  kOrLevel = 1,
  kAndLevel,
  kNotLevel,
  kIsLevel,
  kCompareLevel,
  kInLevel,
  kConcatLevel,
  kAddLevel,
  kMultiplyLevel,
  kMinusLevel,
  kCastLevel
};

using Kind = Syntax::Kind;

Status Bad(TextSpan span, std::string message, std::string help = "") {
  return Status(ErrorCode::kInvalid, std::move(message)).WithSpan(span).WithHelp(std::move(help));
}

TextSpan Cover(TextSpan a, TextSpan b) {
  const std::size_t begin = std::min(a.offset, b.offset);
  return {begin, std::max(a.offset + a.length, b.offset + b.length) - begin};
}

int BinaryLevel(std::string_view symbol) {
  if (symbol == "+" || symbol == "-") return kAddLevel;
  if (symbol == "*" || symbol == "/" || symbol == "//" || symbol == "%") return kMultiplyLevel;
  if (symbol == "||") return kConcatLevel;
  if (symbol == "=" || symbol == "==" || symbol == "<>" || symbol == "!=" || symbol == "<" || symbol == "<=" ||
      symbol == ">" || symbol == ">=")
    return kCompareLevel;
  return 0;
}

constexpr std::string_view kReserved[] = {"and",  "or",   "not", "between", "in",    "is",     "null", "case", "when",
                                          "then", "else", "end", "like",    "ilike", "escape", "true", "false"};

class Parser {
 public:
  Parser(std::vector<Token> tokens, bool aggregates) : tokens_(std::move(tokens)), aggregates_(aggregates) {}

  Result<SyntaxPtr> Run() {
    if (Peek().kind == Token::Kind::kEnd)
      return Bad({0, 0}, "the expression is empty", "write a value, such as amount * 2 or score between 0 and 1");
    ASSIGN_OR_RETURN(SyntaxPtr root, ParseExpression(kOrLevel));
    if (Peek().kind == Token::Kind::kEnd) return root;
    if (IsWord("as")) return Bad(Peek().span, "an expression has no `as`", "names are given outside it");
    return Bad(Peek().span, StrCat("expected an operator or the end, got ", Show(Peek())),
               Peek().kind == Token::Kind::kWord ? "text stands in single quotes: 'text'" : "");
  }

 private:
  const Token& Peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  Token Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool IsSymbol(std::string_view s, std::size_t ahead = 0) const {
    return Peek(ahead).kind == Token::Kind::kSymbol && Peek(ahead).text == s;
  }
  bool IsWord(std::string_view w, std::size_t ahead = 0) const {
    return Peek(ahead).kind == Token::Kind::kWord && Peek(ahead).text.size() == w.size() &&
           ToLower(Peek(ahead).text) == w;
  }
  bool TakeSymbol(std::string_view s) { return IsSymbol(s) && (Take(), true); }
  bool TakeWord(std::string_view w) { return IsWord(w) && (Take(), true); }

  static std::string Show(const Token& t) {
    switch (t.kind) {
      case Token::Kind::kEnd:
        return "the end";
      case Token::Kind::kText:
        return StrCat("the text '", t.text, "'");
      default:
        return StrCat("`", t.text, "`");
    }
  }
  Status Expected(std::string_view what, std::string help = "") const {
    return Bad(Peek().span, StrCat("expected ", what, ", got ", Show(Peek())), std::move(help));
  }

  Result<SyntaxPtr> Build(Syntax node) const {
    for (const SyntaxPtr& arg : node.args) node.height = std::max(node.height, arg->height + 1);
    if (node.height > kMaxDepth)
      return Bad(node.span, StrCat("the expression is more than ", kMaxDepth, " levels deep"),
                 "split it into several, or use parentheses to balance a long chain");
    return SyntaxPtr(std::make_shared<const Syntax>(std::move(node)));
  }
  Result<SyntaxPtr> Build(Kind kind, TextSpan span, std::vector<SyntaxPtr> args, std::string text = "") const {
    Syntax node;
    node.kind = kind;
    node.span = span;
    node.args = std::move(args);
    node.text = std::move(text);
    return Build(std::move(node));
  }
  Result<SyntaxPtr> Literal(Value value, TextSpan span) const {
    Syntax node;
    node.kind = Kind::kLiteral;
    node.span = span;
    node.value = std::move(value);
    return Build(std::move(node));
  }
  TextSpan Since(TextSpan first) const { return Cover(first, tokens_[at_ > 0 ? at_ - 1 : 0].span); }

  Result<SyntaxPtr> ParseExpression(int level) {
    if (depth_ >= kMaxDepth)
      return Bad(Peek().span, StrCat("the expression is more than ", kMaxDepth, " levels deep"),
                 "split it into several");
    ++depth_;
    Result<SyntaxPtr> left = ParsePrefix();
    while (left.ok()) {
      Result<std::optional<SyntaxPtr>> next = ParseOperator(*left, level);
      if (!next.ok())
        left = std::move(next).status();
      else if (!next->has_value())
        break;
      else
        left = **next;
    }
    --depth_;
    return left;
  }

  /// `left` with the operator that follows it, when that binds at least as strongly as `level`.
  Result<std::optional<SyntaxPtr>> ParseOperator(const SyntaxPtr& left, int level) {
    using Maybe = std::optional<SyntaxPtr>;
    const Token& token = Peek();
    Result<SyntaxPtr> built = SyntaxPtr();
    if (token.kind == Token::Kind::kSymbol) {
      if (token.text == "::" && level <= kCastLevel) {
        built = ParseCastSuffix(left);
      } else {
        const int binds = BinaryLevel(token.text);
        if (binds == 0 || binds < level) return Maybe();
        built = ParseBinary(left, binds);
      }
    } else if (IsWord("and") || IsWord("or")) {
      if ((IsWord("and") ? kAndLevel : kOrLevel) < level) return Maybe();
      built = ParseConjunction(left);
    } else if (IsWord("is")) {
      if (kIsLevel < level) return Maybe();
      built = ParseIs(left);
    } else {
      const bool negated = IsWord("not");
      const std::size_t ahead = negated ? 1 : 0;
      const bool known =
          IsWord("between", ahead) || IsWord("in", ahead) || IsWord("like", ahead) || IsWord("ilike", ahead);
      if (!known || kInLevel < level) return Maybe();
      if (negated) Take();
      built = ParseMembership(left, negated);
    }
    if (!built.ok()) return std::move(built).status();
    return Maybe(std::move(*built));
  }

  Result<SyntaxPtr> ParseBinary(const SyntaxPtr& left, int level) {
    Token op = Take();
    if (op.text == "==") op.text = "=";
    if (op.text == "!=") op.text = "<>";
    if (op.text == "%" && Peek().kind == Token::Kind::kEnd)
      return Bad(op.span, "`%` gives the remainder of a division and needs a number after it",
                 "write ten per cent as 0.1");
    ASSIGN_OR_RETURN(SyntaxPtr right, ParseExpression(level + 1));
    if (level == kCompareLevel && Peek().kind == Token::Kind::kSymbol && BinaryLevel(Peek().text) == kCompareLevel)
      return Bad(Peek().span, "comparisons do not chain", "write `a < b and b < c`, or `b between a and c`");
    return Build(Kind::kBinary, Cover(left->span, right->span), {left, right}, op.text);
  }

  /// All operands of a chain of one word become one node, so that long chains are not deep.
  Result<SyntaxPtr> ParseConjunction(const SyntaxPtr& left) {
    const bool is_and = IsWord("and");
    std::vector<SyntaxPtr> args = {left};
    while (TakeWord(is_and ? "and" : "or")) {
      ASSIGN_OR_RETURN(SyntaxPtr right, ParseExpression(is_and ? kNotLevel : kAndLevel));
      args.push_back(std::move(right));
    }
    const TextSpan span = Cover(args.front()->span, args.back()->span);
    return Build(is_and ? Kind::kAnd : Kind::kOr, span, std::move(args));
  }

  Result<SyntaxPtr> ParseIs(const SyntaxPtr& left) {
    Take();
    Syntax node;
    node.kind = Kind::kIsNull;
    node.negated = TakeWord("not");
    if (!TakeWord("null")) return Expected("`null` or `not null` after `is`", "compare values with = or <>");
    node.args = {left};
    node.span = Since(left->span);
    return Build(std::move(node));
  }

  Result<SyntaxPtr> ParseMembership(const SyntaxPtr& left, bool negated) {
    Syntax node;
    node.negated = negated;
    node.args = {left};
    if (TakeWord("between")) {
      node.kind = Kind::kBetween;
      ASSIGN_OR_RETURN(SyntaxPtr low, ParseExpression(kConcatLevel));
      if (!TakeWord("and")) return Expected("`and` and the upper bound", "write x between low and high");
      ASSIGN_OR_RETURN(SyntaxPtr high, ParseExpression(kConcatLevel));
      node.args.insert(node.args.end(), {low, high});
    } else if (TakeWord("in")) {
      node.kind = Kind::kIn;
      if (!TakeSymbol("(")) return Expected("`(` and a list", "write x in (1, 2, 3)");
      if (IsSymbol(")")) return Expected("at least one value");
      RETURN_IF_ERROR(ParseList(&node.args));
    } else {
      node.kind = Kind::kLike;
      node.insensitive = ToLower(Take().text) == "ilike";
      ASSIGN_OR_RETURN(SyntaxPtr pattern, ParseExpression(kConcatLevel));
      node.args.push_back(std::move(pattern));
      if (TakeWord("escape")) {
        ASSIGN_OR_RETURN(SyntaxPtr escape, ParseExpression(kConcatLevel));
        node.args.push_back(std::move(escape));
      }
    }
    node.span = Since(left->span);
    return Build(std::move(node));
  }

  /// Values with commas between them and the closing parenthesis.
  Status ParseList(std::vector<SyntaxPtr>* out) {
    do {
      ASSIGN_OR_RETURN(SyntaxPtr item, ParseExpression(kOrLevel));
      out->push_back(std::move(item));
    } while (TakeSymbol(","));
    return TakeSymbol(")") ? Ok() : Expected("`,` or `)`");
  }

  Result<Type> ParseType() {
    if (Peek().kind != Token::Kind::kWord)
      return Expected("a type", "the types are bool, int, double, text, date, timestamp, duration");
    const Token token = Take();
    const std::string name = ToLower(token.text);
    if (name == "bigint" || name == "int8") return Type::kInt;
    if (name == "varchar" || name == "string") return Type::kText;
    if (name == "boolean") return Type::kBool;
    if (name == "float8") return Type::kDouble;
    Result<Type> type = TypeFromName(name);
    if (type.ok()) return type;
    Status status = std::move(type).status();
    if (name == "integer" || name == "smallint" || name == "tinyint" || name == "hugeint")
      status = std::move(status).WithHelp("whole numbers are `int`, of 64 bits");
    if (name == "float" || name == "real" || name == "decimal" || name == "numeric")
      status = std::move(status).WithHelp("numbers with a fraction are `double`");
    return std::move(status).WithSpan(token.span);
  }

  Result<SyntaxPtr> BuildCast(SyntaxPtr operand, Type type, bool tries, TextSpan span) const {
    Syntax node;
    node.kind = Kind::kCast;
    node.args = {std::move(operand)};
    node.type = type;
    node.tries = tries;
    node.span = span;
    return Build(std::move(node));
  }

  Result<SyntaxPtr> ParseCastSuffix(const SyntaxPtr& left) {
    Take();
    ASSIGN_OR_RETURN(Type type, ParseType());
    return BuildCast(left, type, false, Since(left->span));
  }

  Result<SyntaxPtr> ParsePrefix() {
    const Token& token = Peek();
    switch (token.kind) {
      case Token::Kind::kEnd:
        return Expected("a value");
      case Token::Kind::kInt:
      case Token::Kind::kDouble:
        return ParseNumber("");
      case Token::Kind::kDuration: {
        Result<std::int64_t> micros = ParseDuration(token.text);
        if (!micros.ok()) return std::move(micros).status().WithSpan(token.span);
        return Literal(Value::Duration(*micros), Take().span);
      }
      case Token::Kind::kText: {
        if (!IsUtf8(token.text)) return Bad(token.span, "this text is not UTF-8");
        const Token text = Take();
        return Literal(Value::Text(text.text), text.span);
      }
      case Token::Kind::kQuoted: {
        const Token name = Take();
        return Build(Kind::kName, name.span, {}, name.text);
      }
      case Token::Kind::kSymbol:
        return ParseSymbolPrefix();
      case Token::Kind::kWord:
        return ParseWordPrefix();
    }
    return Expected("a value");
  }

  Result<SyntaxPtr> ParseNumber(std::string_view sign) {
    const Token token = Take();
    const std::string text = StrCat(sign, token.text);
    const TextSpan span = sign.empty() ? token.span : Since({token.span.offset - 1, 1});
    if (token.kind == Token::Kind::kInt) {
      std::int64_t value = 0;
      if (ParseInt(text, &value)) return Literal(Value::Int(value), span);
      return Bad(span, StrCat("`", text, "` does not fit into an int of 64 bits"),
                 StrCat("for a double, write ", text, ".0"));
    }
    double value = 0;
    if (ParseDouble(text, &value)) return Literal(Value::Double(value), span);
    return Bad(span, StrCat("`", text, "` does not fit into a double"));
  }

  Result<SyntaxPtr> ParseSymbolPrefix() {
    const Token token = Take();
    if (token.text == "(") {
      ASSIGN_OR_RETURN(SyntaxPtr inner, ParseExpression(kOrLevel));
      if (!TakeSymbol(")")) return Expected(IsSymbol(",") ? "`)`" : "an operator or `)`");
      return inner;
    }
    if (token.text == "-" || token.text == "+") {
      const bool number = Peek().kind == Token::Kind::kInt || Peek().kind == Token::Kind::kDouble;
      if (token.text == "-" && number && !IsSymbol("::", 1) && Peek().span.offset == token.span.offset + 1)
        return ParseNumber("-");
      ASSIGN_OR_RETURN(SyntaxPtr operand, ParseExpression(kMinusLevel));
      if (token.text == "+") return operand;
      return Build(Kind::kNegate, Cover(token.span, operand->span), {operand});
    }
    --at_;
    return Expected("a value");
  }

  Result<SyntaxPtr> ParseWordPrefix() {
    const Token word = Take();
    const std::string lower = ToLower(word.text);
    if (lower == "not") {
      ASSIGN_OR_RETURN(SyntaxPtr operand, ParseExpression(kIsLevel));
      return Build(Kind::kNot, Cover(word.span, operand->span), {operand});
    }
    if (lower == "null") return Build(Kind::kNull, word.span, {});
    if (lower == "true" || lower == "false") return Literal(Value::Bool(lower == "true"), word.span);
    if (lower == "case") return ParseCase(word.span);
    if (Peek().kind == Token::Kind::kText &&
        (lower == "date" || lower == "timestamp" || lower == "duration" || lower == "interval"))
      return ParseTypedText(lower, word.span);
    if (IsSymbol("(") && (lower == "cast" || lower == "try_cast")) return ParseCast(lower == "try_cast", word.span);
    for (std::string_view reserved : kReserved) {
      if (lower == reserved) {
        --at_;
        return Expected("a value", lower == "end" || lower == "like" || lower == "in" || lower == "is"
                                       ? StrCat("a column called ", word.text, " is written \"", word.text, "\"")
                                       : "");
      }
    }
    if (TakeSymbol("(")) {
      std::vector<SyntaxPtr> args;
      if (aggregates_ && lower == "count" && TakeSymbol("*")) {
        if (!TakeSymbol(")")) return Expected("`)`");
        return Build(Kind::kCall, Since(word.span), {}, "count(*)");
      }
      if (aggregates_ && lower == "count" && TakeWord("distinct")) {
        RETURN_IF_ERROR(ParseList(&args));
        return Build(Kind::kCall, Since(word.span), std::move(args), "count(distinct");
      }
      if (IsSymbol("*"))
        return Bad(Peek().span, StrCat("`", lower, "(*)` counts rows, and an expression sees one row"));
      if (!TakeSymbol(")")) RETURN_IF_ERROR(ParseList(&args));
      return Build(Kind::kCall, Since(word.span), std::move(args), lower);
    }
    return Build(Kind::kName, word.span, {}, word.text);
  }

  /// date '2026-01-01' and its like.
  Result<SyntaxPtr> ParseTypedText(std::string_view type_name, TextSpan first) {
    const Token text = Take();
    const Type type = type_name == "date" ? Type::kDate : type_name == "timestamp" ? Type::kTimestamp : Type::kDuration;
    Result<Value> value = Value::Parse(text.text, type);
    if (!value.ok()) return std::move(value).status().WithSpan(text.span);
    return Literal(std::move(*value), Since(first));
  }

  Result<SyntaxPtr> ParseCast(bool tries, TextSpan first) {
    Take();
    ASSIGN_OR_RETURN(SyntaxPtr operand, ParseExpression(kOrLevel));
    if (!TakeWord("as")) return Expected("`as` and a type", "write cast(x as int)");
    ASSIGN_OR_RETURN(Type type, ParseType());
    if (!TakeSymbol(")")) return Expected("`)`");
    return BuildCast(std::move(operand), type, tries, Since(first));
  }

  Result<SyntaxPtr> ParseCase(TextSpan first) {
    Syntax node;
    node.kind = Kind::kCase;
    if (!IsWord("when")) {
      ASSIGN_OR_RETURN(SyntaxPtr operand, ParseExpression(kOrLevel));
      node.args.push_back(std::move(operand));
      node.has_operand = true;
    }
    if (!IsWord("when")) return Expected("`when`", "write case when condition then value else value end");
    while (TakeWord("when")) {
      ASSIGN_OR_RETURN(SyntaxPtr when, ParseExpression(kOrLevel));
      if (!TakeWord("then")) return Expected("`then`");
      ASSIGN_OR_RETURN(SyntaxPtr then, ParseExpression(kOrLevel));
      node.args.insert(node.args.end(), {when, then});
    }
    if (TakeWord("else")) {
      ASSIGN_OR_RETURN(SyntaxPtr otherwise, ParseExpression(kOrLevel));
      node.args.push_back(std::move(otherwise));
      node.has_else = true;
    }
    if (!TakeWord("end")) return Expected("`when`, `else` or `end`", "a case is closed by `end`");
    node.span = Since(first);
    return Build(std::move(node));
  }

  std::vector<Token> tokens_;
  bool aggregates_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<SyntaxPtr> ParseSyntax(std::string_view text, bool aggregates) {
  if (text.size() > kMaxTextBytes)
    return Bad({kMaxTextBytes, 1},
               StrCat("the expression has ", text.size(), " bytes; at most ", kMaxTextBytes, " are allowed"));
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens), aggregates).Run();
}

}  // namespace headrace::internal
