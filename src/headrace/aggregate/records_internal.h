#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/aggregate/aggregate.h"
#include "headrace/aggregate/parts_internal.h"
#include "headrace/base/scratch_file.h"

namespace headrace::internal {

inline constexpr std::size_t kPartitions = 256;
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

/// Spreads keys evenly over partitions and slots (the finalizer of MurmurHash3).
inline std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 33, x *= 0xff51afd7ed558ccdULL, x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}
std::uint64_t HashOf(std::string_view text);
inline std::size_t PartitionOf(std::uint64_t hash) { return static_cast<std::size_t>(hash >> 56); }

/// Numbers keys in the order they come: int64 keys, or texts.
class KeyTable {
 public:
  std::uint32_t Insert(std::uint64_t key) { return At(key, Mix(key), true); }
  std::uint32_t Find(std::uint64_t key) { return At(key, Mix(key), false); }         ///< kNone when it is not there
  std::uint32_t Insert(std::string_view text, std::uint64_t hash) { return At(text, hash, true); }
  std::uint32_t Find(std::string_view text, std::uint64_t hash) { return At(text, hash, false); }

  std::size_t size() const { return size_; }
  std::uint64_t key(std::uint32_t id) const { return keys_[id]; }
  std::string_view text(std::uint32_t id) const { return std::string_view(bytes_).substr(ends_[id], ends_[id + 1] - ends_[id]); }
  std::uint64_t hash(std::uint32_t id) const { return keys_[id]; }                    ///< of a text

 private:
  std::uint32_t At(std::uint64_t key, std::uint64_t hash, bool insert);
  std::uint32_t At(std::string_view text, std::uint64_t hash, bool insert);
  void Grow();

  std::vector<std::uint32_t> slots_;      ///< id + 1; 0 = free
  std::vector<std::uint64_t> keys_;       ///< the keys; of texts the hashes
  std::vector<std::size_t> ends_;         ///< texts: size + 1 ends in bytes_
  std::string bytes_;
  std::size_t size_ = 0;
  bool texts_ = false;
};

/// Words in pages of their own, which go back to the system with it: what malloc keeps for later would be a second copy of all events. Not set to anything.
class WordArray {
 public:
  WordArray() = default;
  explicit WordArray(std::size_t words);
  ~WordArray() { Free(); }
  WordArray(WordArray&& other) noexcept : words_(std::exchange(other.words_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  WordArray& operator=(WordArray&& other) noexcept {
    if (this != &other) Free(), words_ = std::exchange(other.words_, nullptr), size_ = std::exchange(other.size_, 0);
    return *this;
  }

  std::uint64_t* data() const { return words_; }
  std::size_t size() const { return size_; }

 private:
  void Free();
  std::uint64_t* words_ = nullptr;
  std::size_t size_ = 0;
};

/// Records of one partition as they come, in pieces that are never moved.
class RecordList {
 public:
  /// Room for one more record of `words` words.
  std::uint64_t* Append(std::size_t words);
  std::size_t size() const { return size_; }                                          ///< records, those on disk among them
  /// Lay all records end to end at `out` and let go of them.
  Status MoveTo(std::uint64_t* out, const ScratchFile& scratch);
  /// Write what lies in memory behind `scratch`.
  Status Spill(ScratchFile& scratch);

 private:
  struct Piece { WordArray words; std::size_t used = 0; };
  struct Extent { std::uint64_t at = 0; std::size_t words = 0; };
  std::vector<Piece> pieces_;
  std::vector<Extent> spilled_;
  std::size_t size_ = 0, in_memory_ = 0;         ///< records; words
};

/// What one thread has gathered. When its records reach `most_bytes`, they go to disk; the texts of keys stay.
struct Gathered {
  std::array<RecordList, kPartitions> records;
  std::array<KeyTable, kPartitions> texts;     ///< text keys: a record holds the number of its key here
  AggregateCounts counts;
  std::int64_t without_time = 0;
  std::size_t bytes = 0;                       ///< of records in memory

  Status SpillBeyond(std::size_t most_bytes, ScratchFile& scratch);
};

/// Turns blocks of events into records. Threads: immutable; each thread has a Gathered of its own.
class Encoder {
 public:
  /// Events at or after `last_us` are dropped, or with labels those at or after `last_us` + within.
  Encoder(const AggregateParts& parts, std::int64_t last_us);
  Status Encode(const Table& block, Gathered& out) const;

 private:
  struct LevelTable { std::vector<std::uint64_t> hashes; std::vector<std::uint8_t> codes; std::vector<std::string> texts; };
  void Codes(std::size_t k, const Column& column, std::vector<std::uint64_t>& words) const;
  const AggregateParts& parts_;
  std::int64_t last_us_, end_us_;
  std::vector<LevelTable> levels_;
};

/// The events of the entities of one partition: each entity's end to end, oldest first, ties by all their words.
struct EntityEvents {
  KeyTable keys;
  WordArray records;
  std::vector<std::size_t> begin;           ///< of each entity, in records; size + 1 entries
};

/// Put the partition's records in order. `out.keys` may hold the only entities that are wanted (`only_known`); others are counted and let go.
Status Order(const AggregateParts& parts, std::vector<std::unique_ptr<Gathered>>& gathered, const ScratchFile& scratch, std::size_t partition, bool only_known, EntityEvents& out, std::int64_t& of_others);

/// A date in days as microseconds, at the ends of int64 for those beyond.
std::int64_t DayToMicros(std::int64_t days);
/// a + b, at the ends of int64 for sums beyond.
std::int64_t AddTimes(std::int64_t a, std::int64_t b);

}  // namespace headrace::internal
