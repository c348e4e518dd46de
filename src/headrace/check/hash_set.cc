#include "headrace/check/hash_set.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace headrace::internal {
namespace {

constexpr std::size_t kRowsAtOnce = 512, kAhead = 16;

std::uint64_t Bits(double value) {
  return std::isnan(value) ? std::bit_cast<std::uint64_t>(std::nan("")) : std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
}

Hash Marked(Hash hash) { return hash == Hash{} ? Hash{1, 0} : hash; }  // {0, 0} means "free" in a set

const Hash* Find(const std::vector<Hash>& places, Hash hash) {
  const std::size_t mask = places.size() - 1;
  std::size_t at = hash.low & mask;
  while (places[at] != Hash{} && places[at] != hash) at = (at + 1) & mask;
  return &places[at];
}

std::size_t PartOf(Hash hash) { return hash.high >> 58; }

}  // namespace

bool HashSet::Insert(Hash hash) {
  hash = Marked(hash);
  Part& part = parts_[PartOf(hash)];
  if (part.count * 4 >= part.places.size() * 3) Grow(part);
  Hash& place = part.places[static_cast<std::size_t>(Find(part.places, hash) - part.places.data())];
  if (place == hash) return false;
  place = hash;
  ++part.count;
  ++size_;
  return true;
}

bool HashSet::Contains(Hash hash) const {
  hash = Marked(hash);
  const Part& part = parts_[PartOf(hash)];
  return !part.places.empty() && *Find(part.places, hash) == hash;
}

void HashSet::Grow(Part& part) {
  std::vector<Hash> old(std::max<std::size_t>(16, part.places.size() * 2));
  old.swap(part.places);
  for (const Hash& hash : old)
    if (hash != Hash{}) part.places[static_cast<std::size_t>(Find(part.places, hash) - part.places.data())] = hash;
}

RowHasher::RowHasher(std::vector<std::size_t> at, std::vector<Type> as) : at_(std::move(at)), as_(std::move(as)) {}

/// A row becomes words: first which cells are null (one bit each, 64 a word), then one word a cell, two for a text's hash. Some hundred rows at a time, column
/// by column, so that the words stay in cache.
void RowHasher::Run(const Table& block, std::vector<Hash>& out) {
  const std::size_t marks = (at_.size() + 63) / 64;
  std::size_t width = marks;
  for (const std::size_t at : at_) width += block.schema()[at].type == Type::kText ? 2 : 1;
  out.resize(block.num_rows());
  for (std::size_t begin = 0; begin < block.num_rows(); begin += kRowsAtOnce) {
    const std::size_t rows = std::min(kRowsAtOnce, block.num_rows() - begin);
    words_.assign(rows * width, 0);
    std::size_t place = marks;
    for (std::size_t k = 0; k < at_.size(); ++k) {
      const Column& column = block.column(at_[k]);
      Write(column, as_[k], begin, rows, words_.data() + place, width);
      place += column.type() == Type::kText ? 2 : 1;
      if (column.null_count() == 0) continue;
      for (std::size_t i = 0; i < rows; ++i)
        if (column.IsNull(begin + i)) words_[i * width + k / 64] |= std::uint64_t{1} << (k % 64);
    }
    for (std::size_t i = 0; i < rows; ++i) {
      const XXH128_hash_t hash = XXH3_128bits(words_.data() + i * width, width * sizeof(std::uint64_t));
      out[begin + i] = {hash.low64, hash.high64};
    }
  }
}

void RowHasher::Write(const Column& column, Type as, std::size_t begin, std::size_t rows, std::uint64_t* word, std::size_t width) {
  const bool any_null = column.null_count() > 0;
  for (std::size_t i = begin; i < begin + rows; ++i, word += width) {
    if (any_null && column.IsNull(i)) continue;
    if (column.type() == Type::kText) {
      const std::string_view text = column.text(i);
      const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
      word[0] = hash.low64;
      word[1] = hash.high64;
    } else if (column.type() == Type::kDouble) {
      word[0] = Bits(column.doubles()[i]);
    } else if (as == Type::kDouble) {
      word[0] = Bits(static_cast<double>(column.ints()[i]));
    } else {
      const bool day = column.type() == Type::kDate && as == Type::kTimestamp;
      word[0] = static_cast<std::uint64_t>(column.ints()[i]) * (day ? static_cast<std::uint64_t>(kMicrosPerDay) : 1);
    }
  }
}

void HashSet::InsertAll(std::span<const Hash> hashes, std::span<std::uint8_t> known) {
  std::array<std::uint32_t, kParts + 1> begin{};
  for (const Hash hash : hashes) ++begin[PartOf(hash) + 1];
  for (std::size_t p = 0; p < kParts; ++p) begin[p + 1] += begin[p];
  order_.resize(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) order_[begin[PartOf(hashes[i])]++] = static_cast<std::uint32_t>(i);
  for (std::size_t n = 0; n < order_.size(); ++n) {
    if (n + kAhead < order_.size()) Prefetch(hashes[order_[n + kAhead]]);
    known[order_[n]] = Insert(hashes[order_[n]]) ? 0 : 1;
  }
}

void HashSet::Prefetch(Hash hash) const {
  const Part& part = parts_[PartOf(hash)];
  if (!part.places.empty()) __builtin_prefetch(&part.places[hash.low & (part.places.size() - 1)], 1);
}

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
    append(column.text(row).size());
    key.append(column.text(row));
  } else {
    append(column.type() == Type::kDouble ? Bits(column.doubles()[row]) : static_cast<std::uint64_t>(column.ints()[row]));
  }
}

}  // namespace headrace::internal
