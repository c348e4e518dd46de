#include "margins.h"

#include <cstring>
#include <limits>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/forest_plan_internal.h"
#include "target.h"

namespace headrace::fuzz {

namespace {
std::vector<double> OddVectors(std::size_t rows, std::size_t features) {
  const double odd[] = {0, -0.0, 1, -1, 0.5, 3, 1e300, -1e300, 1e-36, std::numeric_limits<double>::quiet_NaN(), 2, 17, 1e9, -5e-324, 31, 32, 64.5};
  std::vector<double> vectors(rows * features);
  for (std::size_t i = 0; i < vectors.size(); ++i) vectors[i] = odd[(i * 7 + i / features) % std::size(odd)];
  return vectors;
}
}  // namespace

std::size_t AnnouncedFeatures(std::string_view text, std::string_view key, std::int64_t more) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return 3;
  const std::string_view rest = text.substr(at + key.size());
  std::int64_t number = 0;
  const bool whole = ParseInt(rest.substr(0, rest.find_first_not_of("0123456789")), &number);
  return whole && number + more >= 1 && number + more <= 64 ? static_cast<std::size_t>(number + more) : 3;
}

void TryMargins(const Forest& forest, std::size_t features) {
  constexpr std::size_t kRows = 70;   // more than a block of every kernel, and not a multiple of one
  const std::vector<double> vectors = OddVectors(kRows, features);
  const std::size_t outputs = forest.num_outputs();
  std::vector<double> plain(kRows * outputs), other(plain.size());
  forest.RawScoresBy(internal::ForestPath::kPlain, vectors.data(), kRows, plain.data());
  for (const auto path : {internal::ForestPath::kBest, internal::ForestPath::kPortable, internal::ForestPath::kAvx2, internal::ForestPath::kRows}) {
    forest.RawScoresBy(path, vectors.data(), kRows, other.data());
    Demand(std::memcmp(plain.data(), other.data(), plain.size() * sizeof(double)) == 0);
  }
  if (forest.num_trees() > 200 || outputs > 20) return;
  std::vector<double> contributions(3 * outputs * (features + 1));
  (void)forest.Contributions(vectors.data(), 3, contributions.data()).ok();
}

}  // namespace headrace::fuzz
