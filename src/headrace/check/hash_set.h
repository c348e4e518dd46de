#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "headrace/table/table.h"

// Sets of 128 bit hashes (XXH3) of values. Two different values among n share a hash with probability below n^2 / 2^129, for 1e9 values below 2e-21.
// A set is cut into 64 by the top bits of the hash, so that growing one part needs little memory at once.

namespace headrace::internal {

struct Hash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Hash&) const = default;
};

/// Hashes, each once: 16 bytes a place, between 3/8 and 3/4 of the places taken.
class HashSet {
 public:
  /// Whether `hash` is new.
  bool Insert(Hash hash);
  bool Contains(Hash hash) const;
  /// Insert one after the other; known[i] becomes 1 where hashes[i] was in the set already, 0 where not. Goes part by part, which finds memory faster.
  void InsertAll(std::span<const Hash> hashes, std::span<std::uint8_t> known);
  std::int64_t size() const { return size_; }
  /// Call `act` with every hash, in no order.
  template <typename Act>
  void ForEach(Act act) const {
    for (const Part& part : parts_)
      for (const Hash& hash : part.places)
        if (hash != Hash{}) act(hash);
  }

 private:
  struct Part {
    std::vector<Hash> places;   ///< open addressing; {0, 0} marks a free place
    std::size_t count = 0;
  };
  static constexpr std::size_t kParts = 64;
  static void Grow(Part& part);
  /// The place of `hash` will be wanted soon.
  void Prefetch(Hash hash) const;

  std::array<Part, kParts> parts_;
  std::int64_t size_ = 0;
  std::vector<std::uint32_t> order_;
};

/// Hashes of the rows of blocks by some of their columns, such that rows have equal hashes when these columns are equal. Nulls are equal to each
/// other, as are NaNs, and 0 to -0. `as` says for each column as what type its values are taken: its own, kDouble for ints and kTimestamp for dates.
class RowHasher {
 public:
  RowHasher(std::vector<std::size_t> at, std::vector<Type> as);
  /// One hash a row.
  void Run(const Table& block, std::vector<Hash>& out);

 private:
  static void Write(const Column& column, Type as, std::size_t begin, std::size_t rows, std::uint64_t* word, std::size_t width);

  std::vector<std::size_t> at_;
  std::vector<Type> as_;
  std::vector<std::uint64_t> words_;
};

/// Append what stands for a cell in a key, such that different keys never give the same bytes: a byte for null or not, then eight bytes, or the length
/// and the text.
void AppendKey(const Column& column, std::size_t row, std::string& key);

}  // namespace headrace::internal
