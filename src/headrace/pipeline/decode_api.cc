// `api:` of an extract.
#include "headrace/base/text.h"
#include "headrace/http/json_rows.h"
#include "headrace/pipeline/decode.h"

namespace headrace {

ApiSpec DecodeApi(const Node& node, const DecodeContext& context) {
  ApiSpec spec;
  if (!node.is_map()) return spec;   // it was refused
  const Node& url = *node.Find("url");
  spec.url = TextOrSecretOf(&url);
  spec.allow_private = BoolOf(node.Find("allow_private"), false);
  if (const Node* headers = node.Find("headers"))
    for (const Node::Entry& entry : headers->entries) spec.headers.emplace_back(entry.key, TextOrSecretOf(&entry.value));
  const bool known = url.is_scalar() && !url.pending;
  if (known && !url.text.starts_with("https://") && !url.text.starts_with("http://"))
    context.diagnostics.AddError(DiagnosticCode::kBadValue, url.place, StrCat("`url` of `api` begins with https:// or http://, got ", Describe(url)));
  if (const Node* rows = node.Find("rows"); rows != nullptr && !rows->pending) {
    spec.rows = rows->text;
    if (const Result<JsonPath> path = JsonPath::Parse(spec.rows); !path.ok())
      context.diagnostics.AddError(DiagnosticCode::kBadValue, rows->place, path.status().message()).Help(path.status().help());
  }
  return spec;
}

}  // namespace headrace
