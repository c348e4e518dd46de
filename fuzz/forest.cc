// LightGBM's text from a stranger. What Forest::Parse accepts must evaluate, by every kernel, to the same bits; what it refuses it refuses as invalid.

#include <string>

#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "margins.h"
#include "target.h"
#include "tree_sizes.h"

namespace headrace::fuzz {
namespace {

/// The width that the text itself announces, so that most inputs come past the first check.
std::size_t AnnouncedFeatures(std::string_view text) {
  constexpr std::string_view kLine = "\nmax_feature_idx=";
  const std::size_t at = text.find(kLine);
  if (at == std::string_view::npos) return 3;
  const std::string_view rest = text.substr(at + kLine.size());
  std::int64_t most = 0;
  return ParseInt(rest.substr(0, rest.find('\n')), &most) && most >= 0 && most < 64 ? static_cast<std::size_t>(most) + 1 : 3;
}

void TryForest(std::string_view text) {
  const std::size_t features = AnnouncedFeatures(text);
  const Result<Forest> forest = Forest::Parse(text, features);
  if (!forest.ok()) {
    Demand(forest.status().code() == ErrorCode::kInvalid);
    return;
  }
  TryMargins(*forest, features);
}

}  // namespace
}  // namespace headrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  headrace::fuzz::TryForest(text);
  if (const std::string mended = headrace::fuzz::MendTreeSizes(text); mended != text) headrace::fuzz::TryForest(mended);
  return 0;
}
