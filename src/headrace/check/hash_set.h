#pragma once

#include <array>
#include <cstdint>
#include <memory>
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

/// Memory for tables that are looked at in no order: in pages of 2 MiB where the system has them, so that finding a page costs less than reading it.
void* AllocateLarge(std::size_t bytes);
void FreeLarge(void* memory, std::size_t bytes);
template <typename T>
struct LargePages {
  using value_type = T;
  T* allocate(std::size_t count) { return static_cast<T*>(AllocateLarge(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { FreeLarge(memory, count * sizeof(T)); }
  bool operator==(const LargePages&) const = default;
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
    std::vector<Hash, LargePages<Hash>> places;   ///< open addressing; {0, 0} marks a free place
    std::size_t count = 0;
  };
  struct Numbered { Hash hash; std::size_t at = 0; };
  static constexpr std::size_t kParts = 64;
  static void Grow(Part& part);
  static bool InsertInto(Part& part, Hash hash);

  std::array<Part, kParts> parts_;
  std::int64_t size_ = 0;
  std::vector<Numbered> by_part_;   ///< of the hashes being inserted
};

class TextCodes;

/// Hashes of the rows of blocks by some of their columns, such that rows have equal hashes when these columns are equal. Nulls are equal to each
/// other, as are NaNs, and 0 to -0. `as` says for each column as what type its values are taken: its own, kDouble for ints and kTimestamp for dates.
class RowHasher {
 public:
  RowHasher(std::vector<std::size_t> at, std::vector<Type> as);
  /// Take the texts of a column from `codes`, which number them in every block before Run is given it: then a text is hashed once, not once a row.
  void UseCodes(const std::shared_ptr<const TextCodes>& codes);
  /// One hash a row.
  void Run(const Table& block, std::vector<Hash>& out);

 private:
  struct Coded { std::shared_ptr<const TextCodes> codes; std::vector<Hash> hashes; };   // hashes by code
  void Write(std::size_t k, const Column& column, std::size_t begin, std::size_t rows, std::uint64_t* word, std::size_t width) const;
  void LearnTexts();

  std::vector<std::size_t> at_;
  std::vector<Type> as_;
  std::vector<Coded> coded_;      ///< by column; no codes: hash the row's text
  std::vector<std::uint64_t> words_;
};

/// Append what stands for a cell in a key, such that different keys never give the same bytes: a byte for null or not, then eight bytes, or the length
/// and the text.
void AppendKey(const Column& column, std::size_t row, std::string& key);

}  // namespace headrace::internal
