// LightGBM's text from a stranger. What Forest::Parse accepts must evaluate, by every kernel, to the same bits; what it refuses it refuses as invalid.

#include <string>

#include "headrace/model/forest.h"
#include "margins.h"
#include "target.h"
#include "tree_sizes.h"

namespace headrace::fuzz {
namespace {

void TryForest(std::string_view text) {
  const std::size_t features = AnnouncedFeatures(text, "\nmax_feature_idx=", 1);
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
