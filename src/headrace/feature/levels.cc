#include "headrace/feature/levels.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "headrace/feature/blocks.h"

namespace headrace {
namespace {

constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;    // 2^64 / golden ratio: Knuth's multiplicative hashing

std::uint64_t Mix(std::uint64_t h) {
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93;
  h ^= h >> 32;
  return h;
}

std::uint64_t Hash(std::uint64_t key) { return Mix(key * kMultiplier); }

std::uint64_t Word(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, 8);
  return word;
}

std::uint64_t Hash(std::string_view key) {
  std::uint64_t h = key.size() * kMultiplier;
  const char* at = key.data();
  std::size_t n = key.size();
  if (n >= 8) {
    for (; n > 8; n -= 8, at += 8) h = std::rotl(h ^ Word(at), 29) * kMultiplier;
    return Mix((h ^ Word(at + n - 8)) * kMultiplier);   // the last eight bytes, some of them perhaps again
  }
  std::uint64_t rest = 0;
  if (n >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + n - 4, 4);
    rest = std::uint64_t{first} << 32 | last;
  } else {
    for (std::size_t i = 0; i < n; ++i) rest = rest << 8 | static_cast<unsigned char>(at[i]);
  }
  return Mix((h ^ rest) * kMultiplier);
}

}  // namespace

template <typename Key>
void KeyIndex<Key>::Grow(std::size_t slots) {
  slots_.assign(slots, Slot{});
  const std::size_t mask = slots - 1;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const std::uint64_t h = Hash(keys_[i]);
    std::size_t at = h & mask;
    while (slots_[at].position >= 0) at = (at + 1) & mask;
    slots_[at] = {static_cast<std::uint32_t>(h >> 32), static_cast<std::int32_t>(i)};
  }
}

template <typename Key>
void KeyIndex<Key>::Reserve(std::size_t keys) {
  keys_.reserve(keys);
  if (keys * 2 > slots_.size()) Grow(std::bit_ceil(std::max<std::size_t>(16, keys * 2)));
}

template <typename Key>
std::int32_t KeyIndex<Key>::Insert(Key key) {
  if ((keys_.size() + 1) * 2 > slots_.size()) Grow(std::max<std::size_t>(16, slots_.size() * 2));
  const std::uint64_t h = Hash(key);
  const auto tag = static_cast<std::uint32_t>(h >> 32);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = h & mask;
  for (; slots_[at].position >= 0; at = (at + 1) & mask)
    if (slots_[at].tag == tag && keys_[static_cast<std::size_t>(slots_[at].position)] == key) return slots_[at].position;
  slots_[at] = {tag, static_cast<std::int32_t>(keys_.size())};
  keys_.push_back(key);
  return slots_[at].position;
}

template <typename Key>
std::int32_t KeyIndex<Key>::Find(Key key) const {
  if (slots_.empty()) return -1;
  const std::uint64_t h = Hash(key);
  const auto tag = static_cast<std::uint32_t>(h >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = h & mask; slots_[at].position >= 0; at = (at + 1) & mask)
    if (slots_[at].tag == tag && keys_[static_cast<std::size_t>(slots_[at].position)] == key) return slots_[at].position;
  return -1;
}

template class KeyIndex<std::string_view>;
template class KeyIndex<std::uint64_t>;

std::uint64_t LevelBits(double x) { return std::bit_cast<std::uint64_t>(x + 0.0); }

template <typename Key>
std::int32_t LevelCounts<Key>::Add(Key key, std::int64_t times) {
  const std::int32_t place = index_.Insert(key);
  const auto at = static_cast<std::size_t>(place);
  if (at == counts_.size()) counts_.push_back(0);
  counts_[at] += times;
  return place;
}

template <typename Key>
void LevelCounts<Key>::Merge(const LevelCounts& other) {
  for (std::size_t i = 0; i < other.size(); ++i) Add(other.keys()[i], other.counts()[i]);
}

template class LevelCounts<std::string_view>;
template class LevelCounts<std::uint64_t>;

namespace {

/// Count block by block, in waves of as many blocks as there are threads: that many partial counts are held at once.
template <typename Key, typename AddBlock>
LevelCounts<Key> CountBlocks(std::size_t rows, int threads, const AddBlock& add_block) {
  const std::size_t blocks = FitBlocks(rows);
  const auto wave = static_cast<std::size_t>(ResolveThreads(threads));
  LevelCounts<Key> all;
  for (std::size_t first = 0; first < blocks; first += wave) {
    std::vector<LevelCounts<Key>> counts(std::min(wave, blocks - first));
    ForEach(threads, counts.size(), [&](std::size_t i) {
      const std::size_t begin = (first + i) * kFitBlockRows;
      add_block(begin, std::min(rows, begin + kFitBlockRows), counts[i]);
    });
    for (const LevelCounts<Key>& block : counts) all.Merge(block);
  }
  return all;
}

}  // namespace

LevelCounts<std::string_view> CountLevels(const Column& column, int threads) {
  return CountBlocks<std::string_view>(column.size(), threads, [&](std::size_t begin, std::size_t end, auto& counts) {
    for (std::size_t i = begin; i < end; ++i)
      if (!column.IsNull(i)) counts.Add(column.text(i));
  });
}

LevelCounts<std::uint64_t> CountLevels(std::span<const double> values, int threads) {
  return CountBlocks<std::uint64_t>(values.size(), threads, [&](std::size_t begin, std::size_t end, auto& counts) {
    for (std::size_t i = begin; i < end; ++i)
      if (values[i] == values[i]) counts.Add(LevelBits(values[i]));
  });
}

namespace {

template <typename Key, typename KeyOf>
RowLevels<Key> FindInBlocks(std::size_t rows, int threads, const KeyOf& key_of) {
  const std::size_t blocks = FitBlocks(rows);
  RowLevels<Key> out;
  out.places.resize(rows);
  std::vector<LevelCounts<Key>> levels(blocks);
  ForEach(threads, blocks, [&](std::size_t b) {
    const std::size_t end = std::min(rows, (b + 1) * kFitBlockRows);
    for (std::size_t i = b * kFitBlockRows; i < end; ++i) {
      const std::optional<Key> key = key_of(i);
      out.places[i] = key ? levels[b].Add(*key) : -1;
    }
  });
  std::vector<std::vector<std::int32_t>> moved(blocks);
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t k = 0; k < levels[b].size(); ++k) moved[b].push_back(out.levels.Add(levels[b].keys()[k], levels[b].counts()[k]));
  ForEach(threads, blocks, [&](std::size_t b) {
    const std::size_t end = std::min(rows, (b + 1) * kFitBlockRows);
    for (std::size_t i = b * kFitBlockRows; i < end; ++i)
      if (out.places[i] >= 0) out.places[i] = moved[b][static_cast<std::size_t>(out.places[i])];
  });
  return out;
}

}  // namespace

RowLevels<std::string_view> FindLevels(const Column& column, int threads) {
  return FindInBlocks<std::string_view>(column.size(), threads, [&](std::size_t i) { return column.IsNull(i) ? std::nullopt : std::optional(column.text(i)); });
}

RowLevels<std::uint64_t> FindLevels(std::span<const double> values, int threads) {
  return FindInBlocks<std::uint64_t>(values.size(), threads, [&](std::size_t i) { return values[i] == values[i] ? std::optional(LevelBits(values[i])) : std::nullopt; });
}

Levels Levels::OfText(std::vector<std::string> sorted) {
  Levels levels;
  levels.texts_ = std::move(sorted);
  levels.text_index_.Reserve(levels.texts_.size());
  for (const std::string& text : levels.texts_) levels.text_index_.Insert(text);
  return levels;
}

Levels Levels::OfNumbers(std::vector<double> sorted) {
  Levels levels;
  levels.is_text_ = false;
  levels.numbers_ = std::move(sorted);
  levels.number_index_.Reserve(levels.numbers_.size());
  for (const double x : levels.numbers_) levels.number_index_.Insert(LevelBits(x));
  return levels;
}

}  // namespace headrace
