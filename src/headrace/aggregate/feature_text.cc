#include "headrace/aggregate/feature_text.h"

#include "headrace/base/text.h"
#include "headrace/expr/early_errors.h"
#include "headrace/expr/lexer.h"

namespace headrace {
namespace {

using internal::Token;
using enum FeatureFunction;

constexpr const char* kHelp =
    "functions are count, any, count(x), count(distinct x), sum(x), mean(x), min(x), max(x), std(x), trend(x), recency, tenure, mean_gap, std_gap, "
    "each perhaps followed by `where CONDITION`";

std::optional<FeatureFunction> WithoutArgument(std::string_view word) {
  if (word == "count") return kCount;
  if (word == "any") return kAny;
  if (word == "recency") return kRecency;
  if (word == "tenure") return kTenure;
  if (word == "mean_gap") return kMeanGap;
  if (word == "std_gap") return kStdGap;
  return std::nullopt;
}

std::optional<FeatureFunction> WithArgument(std::string_view word) {
  if (word == "count") return kCountValues;
  if (word == "sum") return kSum;
  if (word == "mean" || word == "avg") return kMean;
  if (word == "min") return kMin;
  if (word == "max") return kMax;
  if (word == "std") return kStd;
  if (word == "trend") return kTrend;
  return std::nullopt;
}

bool IsSymbol(const Token& token, std::string_view symbol) { return token.kind == Token::Kind::kSymbol && token.text == symbol; }
bool IsWord(const Token& token, std::string_view word) { return token.kind == Token::Kind::kWord && ToLower(token.text) == word; }

/// Cuts the text at its tokens, so that a `where` or a parenthesis inside quotes does not count.
class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<FeatureText> Run() {
    if (tokens_.front().kind == Token::Kind::kWord) {
      const std::string word = ToLower(tokens_.front().text);
      const bool called = IsSymbol(tokens_[1], "(");
      if (const auto function = WithArgument(word); function && called) {
        out_.function = function;
        RETURN_IF_ERROR(Argument());
        return Rest();
      }
      if (const auto function = WithoutArgument(word); function && (!called || word != "count")) {
        out_.function = function;
        if (called && IsSymbol(tokens_[2], ")")) return Error(ErrorCode::kInvalid, "`", word, "` stands without parentheses").WithSpan(tokens_[1].span).WithHelp(StrCat("write `", word, "`"));
        if (called) return Error(ErrorCode::kInvalid, "`", word, "` takes no argument").WithSpan(tokens_[1].span).WithHelp(StrCat("write `", word, " where CONDITION`"));
        at_ = 1;
        return Rest();
      }
    }
    out_.argument = std::string(text_);
    Status status = Checked(out_.argument, 0);
    if (!status.ok() && tokens_.front().kind == Token::Kind::kWord && IsSymbol(tokens_[1], "(")) return std::move(status).WithHelp(kHelp);
    if (!status.ok()) return status;
    return std::move(out_);
  }

 private:
  Status Argument() {
    std::size_t first = 2, depth = 1;
    for (at_ = 2; depth > 0; ++at_) {
      if (tokens_[at_].kind == Token::Kind::kEnd) return Error(ErrorCode::kInvalid, "`(` is not closed").WithSpan(tokens_[1].span);
      if (IsSymbol(tokens_[at_], "(")) ++depth;
      if (IsSymbol(tokens_[at_], ")")) --depth;
    }
    const Token& close = tokens_[at_ - 1];
    if (out_.function == kCountValues && at_ == 4 && IsSymbol(tokens_[2], "*")) {
      out_.function = kCount;
      return Ok();
    }
    if (out_.function == kCountValues && IsWord(tokens_[2], "distinct")) {
      out_.function = kCountDistinct;
      ++first;
    }
    if (first + 1 >= at_) return Error(ErrorCode::kInvalid, "`", tokens_.front().text, "(...)` needs an argument").WithSpan(close.span).WithHelp(kHelp);
    out_.argument_at = tokens_[first].span.offset;
    out_.argument = std::string(text_.substr(out_.argument_at, close.span.offset - out_.argument_at));
    return Checked(out_.argument, out_.argument_at);
  }

  /// What follows the function.
  Result<FeatureText> Rest() {
    const Token& next = tokens_[at_];
    if (next.kind == Token::Kind::kEnd) return std::move(out_);
    if (!IsWord(next, "where"))
      return Error(ErrorCode::kInvalid, "expected `where` or the end, got `", next.text, "`").WithSpan(next.span)
          .WithHelp("to compute with features, give this one a name and write an entry of its own: `growth: spend_7d / nullif(spend_90d, 0)`");
    if (tokens_[at_ + 1].kind == Token::Kind::kEnd) return Error(ErrorCode::kInvalid, "`where` needs a condition").WithSpan(next.span).WithHelp("write `count where kind = 'refund'`");
    out_.where_at = tokens_[at_ + 1].span.offset;
    out_.where = std::string(text_.substr(out_.where_at));
    RETURN_IF_ERROR(Checked(out_.where, out_.where_at));
    return std::move(out_);
  }

  static Status Checked(const std::string& expression, std::size_t offset) {
    std::vector<Status> errors = FindEarlyErrors(expression);
    return errors.empty() ? Ok() : Shifted(std::move(errors.front()), offset);
  }

  const std::string_view text_;
  const std::vector<Token> tokens_;
  std::size_t at_ = 0;
  FeatureText out_;
};

}  // namespace

Status Shifted(Status status, std::size_t offset) {
  if (!status.span()) return status;
  const TextSpan span = *status.span();
  return std::move(status).WithSpan({span.offset + offset, span.length});
}

Result<FeatureText> ParseFeature(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, internal::Tokenize(text));
  if (tokens.front().kind == Token::Kind::kEnd) return Error(ErrorCode::kInvalid, "the feature is empty").WithSpan({0, 1}).WithHelp(kHelp);
  return Parser(text, std::move(tokens)).Run();
}

}  // namespace headrace
