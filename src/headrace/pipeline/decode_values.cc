#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/expr/functions.h"
#include "headrace/expr/syntax.h"
#include "headrace/pipeline/decode.h"

namespace headrace {
namespace {

/// Functions that the language does not have, anywhere in the expression. Binding would find them too, but not before
/// the columns are known.
bool CheckFunctions(const internal::Syntax& syntax, const SourcedText& text, Diagnostics& diagnostics) {
  const std::span<const std::string> known = internal::FunctionNames();
  bool fine = true;
  if (syntax.kind == internal::Syntax::Kind::kCall && !std::binary_search(known.begin(), known.end(), syntax.text)) {
    fine = false;
    const std::string near = NearestName(syntax.text, known);
    std::string help(internal::InsteadOf(syntax.text));
    if (help.empty() && !near.empty()) help = StrCat("did you mean `", near, "`?");
    diagnostics.AddError(DiagnosticCode::kExpression, text.origin.At({syntax.span.offset, syntax.text.size()}), StrCat("there is no function `", syntax.text, "`")).Help(std::move(help));
  }
  for (const internal::SyntaxPtr& argument : syntax.args) fine = CheckFunctions(*argument, text, diagnostics) && fine;
  return fine;
}

}  // namespace

std::string TextOf(const Node* node) { return node == nullptr || node->pending ? std::string() : node->text; }

std::vector<std::string> TextsOf(const Node* node) {
  std::vector<std::string> out;
  if (node == nullptr) return out;
  if (node->is_list()) {
    for (const Node& item : node->items) out.push_back(TextOf(&item));
  } else if (node->is_scalar() && !node->pending) {
    out.push_back(node->text);
  }
  return out;
}

std::int64_t IntOf(const Node* node, std::int64_t otherwise) {
  std::int64_t value = otherwise;
  if (node != nullptr && !node->pending && ParseInt(node->text, &value)) return value;
  return otherwise;
}

double DoubleOf(const Node* node, double otherwise) {
  double value = otherwise;
  if (node != nullptr && !node->pending && ParseDouble(node->text, &value)) return value;
  return otherwise;
}

std::int64_t SizeOf(const Node* node, std::int64_t otherwise) {
  std::int64_t bytes = otherwise;
  return node != nullptr && !node->pending && ParseSize(node->text, &bytes) ? bytes : otherwise;
}

TextOrSecret TextOrSecretOf(const Node* node) {
  TextOrSecret out;
  if (node == nullptr) return out;
  if (node->is_map()) out.secret = TextOf(node->Find("secret"));
  else out.text = TextOf(node);
  return out;
}

bool BoolOf(const Node* node, bool otherwise) {
  return node == nullptr || node->pending ? otherwise : node->text == "true";
}

std::int64_t DurationOf(const Node* node, std::int64_t otherwise) {
  if (node == nullptr || node->pending) return otherwise;
  const Result<std::int64_t> value = ParseLongDuration(node->text);
  return value.ok() ? *value : otherwise;
}

double ShareOf(const Node* node, double otherwise) {
  double value = otherwise;
  if (node != nullptr && !node->pending && ParseShare(node->text, &value)) return value;
  return otherwise;
}

Place StartOf(const Node& node) { return {node.place.source, node.place.offset, node.is_scalar() ? node.place.length : 1}; }

std::vector<std::string> ColumnsOf(const Node* node, Diagnostics& diagnostics) {
  std::vector<std::string> columns = TextsOf(node);
  if (node == nullptr || !node->is_list()) return columns;
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (columns[i] == columns[j] && !node->items[i].pending) {
        diagnostics.AddError(DiagnosticCode::kBadValue, node->items[i].place, StrCat("column `", columns[i], "` stands here a second time")).Help("remove one of the two");
        break;
      }
  return columns;
}

bool CheckExpressionSyntax(const Node& node, Diagnostics& diagnostics) {
  if (node.pending) return true;
  const SourcedText text = node.Sourced();
  const Result<internal::SyntaxPtr> syntax = internal::ParseSyntax(node.text);
  if (syntax.ok()) return CheckFunctions(**syntax, text, diagnostics);
  diagnostics.AddStatus(DiagnosticCode::kExpression, text, syntax.status());
  return false;
}

RetrySpec DecodeRetry(const Node& node, RetrySpec base) {
  if (node.is_scalar()) {
    base.attempts = IntOf(&node, base.attempts);
    return base;
  }
  base.attempts = IntOf(node.Find("attempts"), base.attempts);
  base.backoff_us = DurationOf(node.Find("backoff"), base.backoff_us);
  base.max_us = DurationOf(node.Find("max"), base.max_us);
  if (const Node* on = node.Find("on")) base.all = TextOf(on) == "all";
  base.deadline_us = DurationOf(node.Find("deadline"), base.deadline_us);
  return base;
}

}  // namespace headrace
