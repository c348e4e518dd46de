// LightGBM's text from a stranger. What Forest::Parse accepts must evaluate, by every kernel, to the same bits; what it refuses it refuses as invalid.

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "headrace/model/forest_plan_internal.h"
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

std::vector<double> OddVectors(std::size_t rows, std::size_t features) {
  const double odd[] = {0, -0.0, 1, -1, 0.5, 3, 1e300, -1e300, 1e-36, std::numeric_limits<double>::quiet_NaN(), 2, 17, 1e9, -5e-324, 31, 32, 64.5};
  std::vector<double> vectors(rows * features);
  for (std::size_t i = 0; i < vectors.size(); ++i) vectors[i] = odd[(i * 7 + i / features) % std::size(odd)];
  return vectors;
}

void TryForest(std::string_view text) {
  const std::size_t features = AnnouncedFeatures(text);
  const Result<Forest> forest = Forest::Parse(text, features);
  if (!forest.ok()) {
    Demand(forest.status().code() == ErrorCode::kInvalid);
    return;
  }
  constexpr std::size_t kRows = 70;   // more than a block of every kernel, and not a multiple of one
  const std::vector<double> vectors = OddVectors(kRows, features);
  const std::size_t outputs = forest->num_outputs();
  std::vector<double> plain(kRows * outputs), other(plain.size());
  forest->RawScoresBy(internal::ForestPath::kPlain, vectors.data(), kRows, plain.data());
  for (const auto path : {internal::ForestPath::kBest, internal::ForestPath::kPortable, internal::ForestPath::kAvx2, internal::ForestPath::kRows}) {
    forest->RawScoresBy(path, vectors.data(), kRows, other.data());
    Demand(std::memcmp(plain.data(), other.data(), plain.size() * sizeof(double)) == 0);
  }
  if (forest->num_trees() > 200 || outputs > 20) return;
  std::vector<double> contributions(3 * outputs * (features + 1));
  (void)forest->Contributions(vectors.data(), 3, contributions.data()).ok();
}

}  // namespace
}  // namespace headrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  headrace::fuzz::TryForest(text);
  if (const std::string mended = headrace::fuzz::MendTreeSizes(text); mended != text) headrace::fuzz::TryForest(mended);
  return 0;
}
