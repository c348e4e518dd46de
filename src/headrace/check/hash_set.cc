#include "headrace/check/hash_set.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace headrace::internal {
namespace {

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

void HashSet::Prefetch(Hash hash) const {
  const Part& part = parts_[PartOf(hash)];
  if (!part.places.empty()) __builtin_prefetch(&part.places[hash.low & (part.places.size() - 1)], 1);
}

void HashSet::Grow(Part& part) {
  std::vector<Hash> old(std::max<std::size_t>(16, part.places.size() * 2));
  old.swap(part.places);
  for (const Hash& hash : old)
    if (hash != Hash{}) part.places[static_cast<std::size_t>(Find(part.places, hash) - part.places.data())] = hash;
}

/// Every cell becomes three words: null or not, and 128 bits that stand for the value. Columns are gone through one after the other, rows last.
void RowHasher::Run(const Table& block, std::vector<Hash>& out) {
  const std::size_t rows = block.num_rows(), width = at_.size() * 3;
  words_.assign(rows * width, 0);
  for (std::size_t k = 0; k < at_.size(); ++k) {
    const Column& column = block.column(at_[k]);
    std::uint64_t* word = words_.data() + k * 3;
    for (std::size_t i = 0; i < rows; ++i, word += width) {
      if (column.IsNull(i)) continue;
      word[0] = 1;
      if (column.type() == Type::kText) {
        const std::string_view text = column.text(i);
        const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
        word[1] = hash.low64;
        word[2] = hash.high64;
      } else if (column.type() == Type::kDouble) {
        word[1] = Bits(column.doubles()[i]);
      } else if (as_[k] == Type::kDouble) {
        word[1] = Bits(static_cast<double>(column.ints()[i]));
      } else {
        const bool day = column.type() == Type::kDate && as_[k] == Type::kTimestamp;
        word[1] = static_cast<std::uint64_t>(column.ints()[i]) * (day ? static_cast<std::uint64_t>(kMicrosPerDay) : 1);
      }
    }
  }
  out.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const XXH128_hash_t hash = XXH3_128bits(words_.data() + i * width, width * sizeof(std::uint64_t));
    out[i] = {hash.low64, hash.high64};
  }
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
