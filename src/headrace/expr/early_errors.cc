// The largest parts without a name are typed by the binder, which then says what it would say of them at the end. Above them only calls are looked at.
#include "headrace/expr/early_errors.h"

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/expr/binder.h"
#include "headrace/expr/functions.h"
#include "headrace/expr/syntax.h"

namespace headrace {
namespace {

using internal::Syntax;

bool HasName(const Syntax& syntax) {
  return syntax.kind == Syntax::Kind::kName || std::ranges::any_of(syntax.args, [](const internal::SyntaxPtr& arg) { return HasName(*arg); });
}

void CheckCall(const Syntax& call, std::vector<Status>& errors) {
  const std::vector<const internal::Overload*> overloads = internal::OverloadsOf(call.text);
  const bool takes = std::ranges::any_of(overloads, [&](const internal::Overload* one) { return one->params.size() == call.args.size(); });
  if (overloads.empty() && !std::ranges::binary_search(internal::FunctionNames(), call.text)) {
    errors.push_back(internal::UnknownFunction(call));
  } else if (!overloads.empty() && !takes) {
    errors.push_back(Error(ErrorCode::kInvalid, "`", call.text, "` cannot be called with ", Counted(std::ssize(call.args), "argument"))
                         .WithSpan(call.span).WithHelp(StrCat("it is called as ", internal::Signature(call.text))));
  }
}

void Walk(const Syntax& syntax, std::vector<Status>& errors) {
  if (!HasName(syntax)) {
    if (Result<internal::Bound> bound = internal::BindSyntax(syntax, Schema(), {}); !bound.ok()) errors.push_back(std::move(bound).status());
    return;
  }
  if (syntax.kind == Syntax::Kind::kCall) CheckCall(syntax, errors);
  for (const internal::SyntaxPtr& arg : syntax.args) Walk(*arg, errors);
}

}  // namespace

std::vector<Status> FindEarlyErrors(std::string_view text) {
  Result<internal::SyntaxPtr> syntax = internal::ParseSyntax(text);
  if (!syntax.ok()) return {std::move(syntax).status()};
  std::vector<Status> errors;
  Walk(**syntax, errors);
  return errors;
}

}  // namespace headrace
