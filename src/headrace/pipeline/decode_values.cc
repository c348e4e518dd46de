#include <algorithm>
#include <filesystem>

#include "headrace/base/text.h"
#include "headrace/expr/early_errors.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"

namespace headrace {
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

BoundValues BindOf(const Node* bind) {
  BoundValues values;
  if (bind != nullptr)
    for (const Node::Entry& entry : bind->entries) values.emplace_back(entry.key, InferValue(entry.value));
  return values;
}

void CheckBinding(const SourcedText& query, const SqlFacts& facts, const Node* bind, Diagnostics& diagnostics) {
  if (bind != nullptr && bind->pending) return;
  std::vector<std::string> bound, wanted;
  if (bind != nullptr)
    for (const Node::Entry& entry : bind->entries) bound.push_back(entry.key);
  for (const SqlFacts::Mention& parameter : facts.parameters) {
    wanted.push_back(parameter.name);
    if (std::find(bound.begin(), bound.end(), parameter.name) != bound.end()) continue;
    const std::string near = NearestName(parameter.name, bound);
    diagnostics.AddError(DiagnosticCode::kBinding, query.origin.At(parameter.span), StrCat("no value is bound for `$", parameter.name, "`"))
        .Help(near.empty() ? StrCat("add `bind: {", parameter.name, ": ...}` beside the query") : StrCat("did you mean `$", near, "`?"));
  }
  if (bind == nullptr) return;
  for (const Node::Entry& entry : bind->entries)
    if (std::find(wanted.begin(), wanted.end(), entry.key) == wanted.end())
      diagnostics.AddError(DiagnosticCode::kBinding, entry.key_place, StrCat("the query does not use `$", entry.key, "`")).Help("remove it");
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
  const std::vector<Status> errors = FindEarlyErrors(node.text);
  for (const Status& status : errors) diagnostics.AddStatus(DiagnosticCode::kExpression, text, status);
  return errors.empty();
}

std::string MissingFileHelp(const std::string& root, const std::string& path) {
  namespace fs = std::filesystem;
  const auto names = [](const fs::path& folder) {
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) found.push_back(it->path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  };
  const fs::path written(path);
  fs::path folder = written.parent_path();
  std::error_code error;
  if (!fs::is_directory(root / folder, error)) folder = folder.parent_path() / NearestName(folder.filename().string(), names(root / folder.parent_path()));
  const std::vector<std::string> there = names(root / folder);
  std::string name = written.filename().string();
  if (!std::binary_search(there.begin(), there.end(), name)) name = NearestName(name, there);
  if (name.empty() || folder.empty() || folder.is_absolute() || folder.lexically_normal().string().starts_with("..")) return "paths stand under the project's folder";
  return StrCat("did you mean `", (folder / name).generic_string(), "`?");
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
