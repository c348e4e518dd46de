#include "headrace/run/presentable.h"

#include "headrace/base/files.h"

namespace headrace {

namespace {
constexpr std::string_view kMask = "***";
}  // namespace

std::string Presentable(const RunEnvironment& run, std::string_view text) {
  std::string out(text);
  for (const auto& [name, connection] : run.pipeline->connections) {
    if (connection.uri.secret.empty()) continue;
    const Result<Secret> uri = Load(connection.uri, run.variables);
    if (!uri.ok() || uri->Reveal().empty()) continue;
    out = ReplaceAll(out, uri->Reveal(), kMask);
    if (const std::string folder = ParentPath(uri->Reveal()); folder.size() > 1) out = ReplaceAll(out, folder, kMask);
  }
  return run.pipeline->root.empty() ? out : ReplaceAll(out, run.pipeline->root + "/", "");
}

Status Presentable(const RunEnvironment& run, const Status& status) {
  if (status.ok()) return status;
  Status out = Status(status.code(), Presentable(run, status.message())).WithHelp(Presentable(run, status.help()));
  return status.span() ? std::move(out).WithSpan(*status.span()) : out;
}

}  // namespace headrace
