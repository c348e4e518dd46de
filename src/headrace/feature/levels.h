#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/table/table.h"

namespace headrace {

/// Positions of distinct keys in the order of their first Insert: an open-addressing hash table with linear probing, at most half
/// full. Keys are views; what they point to must live as long as the index. Nothing is ever iterated in hash order.
template <typename Key>
class KeyIndex {
 public:
  /// The position of `key`, added at the end if it is new.
  std::int32_t Insert(Key key);
  /// The position of `key`, or -1.
  std::int32_t Find(Key key) const;
  const std::vector<Key>& keys() const { return keys_; }
  std::size_t size() const { return keys_.size(); }
  void Reserve(std::size_t keys);

 private:
  void Grow(std::size_t slots);
  struct Slot { std::uint32_t tag = 0; std::int32_t position = -1; };   ///< tag: upper half of the hash
  std::vector<Slot> slots_;
  std::vector<Key> keys_;
};
extern template class KeyIndex<std::string_view>;
extern template class KeyIndex<std::uint64_t>;

/// The bits under which a number is a level: -0 is 0. REQUIRES: not NaN.
std::uint64_t LevelBits(double x);

/// How often each level comes, gathered block by block, merged in block order.
template <typename Key>
class LevelCounts {
 public:
  std::int32_t Add(Key key, std::int64_t times = 1);   ///< its place in keys()
  void Merge(const LevelCounts& other);
  const std::vector<Key>& keys() const { return index_.keys(); }
  const std::vector<std::int64_t>& counts() const { return counts_; }
  std::size_t size() const { return counts_.size(); }

 private:
  KeyIndex<Key> index_;
  std::vector<std::int64_t> counts_;
};
extern template class LevelCounts<std::string_view>;
extern template class LevelCounts<std::uint64_t>;

/// Count the levels of a text column that are not null; `threads` blocks at once. Views point into `column`.
LevelCounts<std::string_view> CountLevels(const Column& column, int threads);
/// Count the numbers that are not NaN.
LevelCounts<std::uint64_t> CountLevels(std::span<const double> values, int threads);

/// The levels of a column, with the place among them of each row; -1 where a row has none.
template <typename Key>
struct RowLevels {
  LevelCounts<Key> levels;
  std::vector<std::int32_t> places;
};
/// Each row is hashed once; `threads` blocks at once. Views point into `column`.
RowLevels<std::string_view> FindLevels(const Column& column, int threads);
RowLevels<std::uint64_t> FindLevels(std::span<const double> values, int threads);

/// The levels of an encoded column, sorted: text in byte order, numbers by value. Looking one up needs no allocation.
///
/// Threads: immutable once made.
class Levels {
 public:
  Levels() = default;
  /// REQUIRES: sorted, distinct.
  static Levels OfText(std::vector<std::string> sorted);
  static Levels OfNumbers(std::vector<double> sorted);
  Levels(Levels&&) = default;
  Levels& operator=(Levels&&) = default;
  Levels(const Levels&) = delete;
  Levels& operator=(const Levels&) = delete;

  bool is_text() const { return is_text_; }
  std::size_t size() const { return is_text_ ? texts_.size() : numbers_.size(); }
  const std::vector<std::string>& texts() const { return texts_; }
  const std::vector<double>& numbers() const { return numbers_; }
  /// The place of a level in the sorted order, or -1.
  std::int32_t Find(std::string_view text) const { return text_index_.Find(text); }
  std::int32_t Find(double x) const { return number_index_.Find(LevelBits(x)); }

 private:
  bool is_text_ = true;
  std::vector<std::string> texts_;     // text_index_ points into these; moving the vector leaves them in place
  std::vector<double> numbers_;
  KeyIndex<std::string_view> text_index_;
  KeyIndex<std::uint64_t> number_index_;
};

}  // namespace headrace
