// The whole text is parsed once to find the aggregate calls; each argument, and what remains when every call is replaced by a name, is then an ordinary
// expression. Arguments are cut out by the span of their call: that of an argument leaves out the parentheses around it.
#include "headrace/expr/aggregate.h"

#include <optional>

#include "headrace/base/text.h"
#include "headrace/expr/syntax.h"

namespace headrace {
namespace {

using Function = AggregateExpression::Function;
using internal::Syntax;

std::optional<Function> FunctionOf(std::string_view name) {
  if (name == "count(*)") return Function::kCountRows;
  if (name == "count(distinct") return Function::kCountDistinct;
  if (name == "count") return Function::kCount;
  if (name == "sum") return Function::kSum;
  if (name == "mean" || name == "avg") return Function::kMean;
  if (name == "min") return Function::kMin;
  if (name == "max") return Function::kMax;
  if (name == "null_share") return Function::kNullShare;
  return std::nullopt;
}

constexpr const char* kHelp = "aggregates are count(*), count(x), count(distinct x), sum(x), mean(x), min(x), max(x), null_share(x)";

/// Find the calls of `node` in the order of the text.
Status Collect(const Syntax& node, bool inside, std::vector<const Syntax*>& calls) {
  const bool aggregate = node.kind == Syntax::Kind::kCall && FunctionOf(node.text);
  if (aggregate && inside) return Error(ErrorCode::kInvalid, "an aggregate cannot stand inside another").WithSpan(node.span);
  if (aggregate && node.args.size() != (node.text == "count(*)" ? 0u : 1u))
    return Error(ErrorCode::kInvalid, "an aggregate takes one argument, got ", node.args.size()).WithSpan(node.span).WithHelp(kHelp);
  if (node.kind == Syntax::Kind::kName && !inside)
    return Error(ErrorCode::kInvalid, "`", node.text, "` stands outside an aggregate").WithSpan(node.span).WithHelp(kHelp);
  if (aggregate) calls.push_back(&node);
  for (const auto& arg : node.args) RETURN_IF_ERROR(Collect(*arg, inside || aggregate, calls));
  return Ok();
}

std::string ArgumentOf(std::string_view text, const Syntax& call) {
  if (call.args.empty()) return "";
  std::string_view inner = text.substr(call.span.offset, call.span.length - 1);
  inner.remove_prefix(inner.find('(') + 1);
  if (call.text == "count(distinct") inner.remove_prefix(ToLower(inner).find("distinct") + 8);
  return std::string(Trim(inner));
}

}  // namespace

Result<AggregateExpression> AggregateExpression::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const internal::SyntaxPtr root, internal::ParseSyntax(text, true));
  std::vector<const Syntax*> found;
  RETURN_IF_ERROR(Collect(*root, false, found));
  if (found.empty()) return Error(ErrorCode::kInvalid, "the expression has no aggregate").WithSpan({0, text.size()}).WithHelp(kHelp);
  AggregateExpression out;
  std::string outer;
  std::size_t done = 0;
  for (const Syntax* call : found) {
    out.calls_.push_back({*FunctionOf(call->text), ArgumentOf(text, *call), call->span});
    outer += StrCat(text.substr(done, call->span.offset - done), "\"", ResultName(out.calls_.size() - 1), "\"");
    done = call->span.offset + call->span.length;
  }
  outer += text.substr(done);
  ASSIGN_OR_RETURN(out.outer_, Expression::Parse(outer));
  return out;
}

}  // namespace headrace
