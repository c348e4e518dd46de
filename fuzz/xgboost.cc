// XGBoost's JSON from a stranger. What Forest::ParseXgboost accepts must evaluate, by every kernel, to the same bits; what it refuses it refuses as invalid.

#include <string_view>

#include "headrace/model/forest.h"
#include "margins.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t features = fuzz::AnnouncedFeatures(text, "\"num_feature\":\"", 0);
  const Result<Forest> forest = Forest::ParseXgboost(text, features);
  if (forest.ok()) fuzz::TryMargins(*forest, features);
  else fuzz::Demand(forest.status().code() == ErrorCode::kInvalid);
  return 0;
}
