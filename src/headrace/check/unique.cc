// `unique` keeps a 128 bit hash (XXH3) of every key, 16 bytes a row before the spare room of a hash table. Two
// different keys among n rows share a hash with probability below n^2 / 2^129, for 1e9 rows below 2e-21.
// The table is cut into 64 by the top bits of the hash, so that growing one part needs little memory at once.

#include <xxhash.h>

#include <array>
#include <bit>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

struct Hash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Hash&) const = default;
};

/// A set of hashes with open addressing; {0, 0} marks a free place.
class HashSet {
 public:
  /// Whether `hash` is new. REQUIRES: not {0, 0}.
  bool Insert(Hash hash) {
    if (count_ * 4 >= places_.size() * 3) Grow();
    Hash& place = *Find(hash);
    if (place == hash) return false;
    place = hash;
    ++count_;
    return true;
  }

 private:
  Hash* Find(Hash hash) {
    const std::size_t mask = places_.size() - 1;
    std::size_t at = hash.low & mask;
    while (places_[at] != Hash{} && places_[at] != hash) at = (at + 1) & mask;
    return &places_[at];
  }

  void Grow() {
    std::vector<Hash> old(std::max<std::size_t>(16, places_.size() * 2));
    old.swap(places_);
    for (const Hash& hash : old)
      if (hash != Hash{}) *Find(hash) = hash;
  }

  std::vector<Hash> places_;
  std::size_t count_ = 0;
};

/// Write a key part such that different keys never give the same bytes: a byte for null or not, then eight bytes, or the length and the text.
void AppendKey(const Column& column, std::size_t row, std::string& key) {
  const auto append = [&key](std::uint64_t bits) {
    char bytes[8];
    for (int k = 0; k < 8; ++k) bytes[k] = static_cast<char>(bits >> (8 * k));
    key.append(bytes, 8);
  };
  if (column.IsNull(row)) {
    key.push_back('\0');
    return;
  }
  key.push_back('\1');
  if (column.type() == Type::kText) {
    const std::string_view text = column.text(row);
    append(text.size());
    key.append(text);
  } else if (column.type() == Type::kDouble) {
    const double value = column.doubles()[row];
    append(std::isnan(value) ? std::bit_cast<std::uint64_t>(std::nan("")) : std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));
  } else {
    append(static_cast<std::uint64_t>(column.ints()[row]));
  }
}

class Unique : public RowCheck {
 public:
  Unique(std::vector<std::string> names, std::vector<std::size_t> at) : RowCheck(std::move(names)), at_(std::move(at)) {}

  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    std::string key;
    for (std::size_t i = 0; i < failed.size(); ++i) {
      key.clear();
      for (const std::size_t at : at_) AppendKey(block.column(at), i, key);
      const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
      const bool zero = hash.low64 == 0 && hash.high64 == 0;
      failed[i] = seen_[hash.high64 >> 58].Insert({zero ? 1 : hash.low64, hash.high64}) ? 0 : 1;
    }
    return Ok();
  }

  std::string Complaint(std::int64_t failed, std::int64_t) const override {
    return StrCat(FormatCount(failed), failed == 1 ? " row repeats" : " rows repeat", " a key of (", Join(columns(), ", "), ")");
  }

 private:
  std::vector<std::size_t> at_;
  std::array<HashSet, 64> seen_;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeUnique(const CheckSpec& spec, const Schema& schema) {
  std::vector<std::size_t> at;
  for (const std::string& name : spec.columns) {
    ASSIGN_OR_RETURN(const std::size_t index, ColumnAt(schema, name));
    at.push_back(index);
  }
  if (at.empty()) return Error(ErrorCode::kInvalid, "`unique` names no column");
  return std::unique_ptr<RowCheck>(std::make_unique<Unique>(spec.columns, std::move(at)));
}

}  // namespace headrace::internal
