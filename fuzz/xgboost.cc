// XGBoost's JSON from a stranger. What Forest::ParseXgboost accepts must evaluate, by every kernel, to the same bits; what it refuses it refuses as invalid.

#include <string_view>

#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "margins.h"
#include "target.h"

namespace headrace::fuzz {
namespace {

/// The width that the text itself announces, so that most inputs come past the first check.
std::size_t AnnouncedFeatures(std::string_view text) {
  constexpr std::string_view kKey = "\"num_feature\":\"";
  const std::size_t at = text.find(kKey);
  if (at == std::string_view::npos) return 3;
  const std::string_view rest = text.substr(at + kKey.size());
  std::int64_t features = 0;
  return ParseInt(rest.substr(0, rest.find('"')), &features) && features > 0 && features <= 64 ? static_cast<std::size_t>(features) : 3;
}

}  // namespace
}  // namespace headrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t features = fuzz::AnnouncedFeatures(text);
  const Result<Forest> forest = Forest::ParseXgboost(text, features);
  if (forest.ok()) fuzz::TryMargins(*forest, features);
  else fuzz::Demand(forest.status().code() == ErrorCode::kInvalid);
  return 0;
}
