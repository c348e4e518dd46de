#pragma once

#include <cstdint>
#include <optional>

#include "headrace/check/hash_set.h"
#include "headrace/check/summaries.h"

namespace headrace::internal {

/// How many different values. Up to kExact they are counted by their hashes, then estimated by a DistinctSketch. What it says depends on the values alone.
class DistinctCount {
 public:
  static constexpr std::int64_t kExact = 1'000'000;

  void Add(Hash hash);
  bool exact() const { return seen_.has_value(); }
  std::int64_t Count() const;

 private:
  std::optional<HashSet> seen_ = HashSet();
  DistinctSketch sketch_;               ///< from when there are too many to keep
};

}  // namespace headrace::internal
