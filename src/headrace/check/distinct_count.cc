#include "headrace/check/distinct_count.h"

namespace headrace::internal {

void DistinctCount::Add(Hash hash) {
  if (!seen_) return sketch_.Add(hash.high);
  seen_->Insert(hash);
  if (seen_->size() <= kExact) return;
  seen_->ForEach([this](Hash known) { sketch_.Add(known.high); });
  seen_.reset();
}

std::int64_t DistinctCount::Count() const { return seen_ ? seen_->size() : sketch_.Estimate(); }

}  // namespace headrace::internal
