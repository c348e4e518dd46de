#include "headrace/check/hash_set.h"

#include <sys/mman.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <new>

#include "headrace/check/text_codes.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kRowsAtOnce = 512, kAhead = 16, kLargePage = 2 << 20;

std::uint64_t Bits(double value) {
  return std::isnan(value) ? std::bit_cast<std::uint64_t>(std::nan("")) : std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
}

Hash Marked(Hash hash) { return hash == Hash{} ? Hash{1, 0} : hash; }  // {0, 0} means "free" in a set

template <typename Places>
auto* Find(Places& places, Hash hash) {
  const std::size_t mask = places.size() - 1;
  std::size_t at = hash.low & mask;
  while (places[at] != Hash{} && places[at] != hash) at = (at + 1) & mask;
  return &places[at];
}

std::size_t PartOf(Hash hash) { return hash.high >> 58; }

}  // namespace

/// Memory comes zeroed and begins where a page of 2 MiB does; what lies around it is given back.
void* AllocateLarge(std::size_t bytes) {
  if (bytes < kLargePage) return ::operator new(bytes);
  const std::size_t asked = bytes + kLargePage;
  void* got = ::mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<std::uintptr_t>(got), aligned = (begin + kLargePage - 1) / kLargePage * kLargePage;
  if (aligned > begin) ::munmap(got, aligned - begin);
  const std::uintptr_t end = aligned + (bytes + 4095) / 4096 * 4096;
  if (begin + asked > end) ::munmap(reinterpret_cast<void*>(end), begin + asked - end);
  void* memory = reinterpret_cast<void*>(aligned);
#ifdef MADV_HUGEPAGE
  ::madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void FreeLarge(void* memory, std::size_t bytes) {
  if (bytes < kLargePage) ::operator delete(memory);
  else ::munmap(memory, bytes);
}

inline bool HashSet::InsertInto(Part& part, Hash hash) {
  if (part.count * 4 >= part.places.size() * 3) Grow(part);
  Hash& place = *Find(part.places, hash);
  if (place == hash) return false;
  place = hash;
  ++part.count;
  return true;
}

bool HashSet::Insert(Hash hash) {
  hash = Marked(hash);
  const bool added = InsertInto(parts_[PartOf(hash)], hash);
  size_ += added ? 1 : 0;
  return added;
}

bool HashSet::Contains(Hash hash) const {
  hash = Marked(hash);
  const Part& part = parts_[PartOf(hash)];
  return !part.places.empty() && *Find(part.places, hash) == hash;
}

void HashSet::Grow(Part& part) {
  decltype(part.places) old(std::max<std::size_t>(16, part.places.size() * 2));
  old.swap(part.places);
  for (const Hash& hash : old)
    if (hash != Hash{}) *Find(part.places, hash) = hash;
}

RowHasher::RowHasher(std::vector<std::size_t> at, std::vector<Type> as) : at_(std::move(at)), as_(std::move(as)), coded_(at_.size()) {}

void RowHasher::UseCodes(const std::shared_ptr<const TextCodes>& codes) {
  for (std::size_t k = 0; k < at_.size(); ++k)
    if (at_[k] == codes->at()) coded_[k].codes = codes;
}

/// A null has no text: its words stay 0.
void RowHasher::LearnTexts() {
  for (Coded& coded : coded_) {
    if (!coded.codes || coded.codes->gave_up()) continue;
    const std::vector<std::string>& texts = coded.codes->texts();
    if (coded.hashes.empty()) coded.hashes.emplace_back();
    for (std::size_t k = coded.hashes.size(); k < texts.size(); ++k) {
      const XXH128_hash_t hash = XXH3_128bits(texts[k].data(), texts[k].size());
      coded.hashes.push_back({hash.low64, hash.high64});
    }
  }
}

/// A row becomes words: first which cells are null (one bit each, 64 a word), then one word a cell, two for a text's hash. Some hundred rows at a time, column
/// by column, so that the words stay in cache.
void RowHasher::Run(const Table& block, std::vector<Hash>& out) {
  const std::size_t marks = (at_.size() + 63) / 64;
  std::size_t width = marks;
  for (const std::size_t at : at_) width += block.schema()[at].type == Type::kText ? 2 : 1;
  out.resize(block.num_rows());
  LearnTexts();
  for (std::size_t begin = 0; begin < block.num_rows(); begin += kRowsAtOnce) {
    const std::size_t rows = std::min(kRowsAtOnce, block.num_rows() - begin);
    words_.assign(rows * width, 0);
    std::size_t place = marks;
    for (std::size_t k = 0; k < at_.size(); ++k) {
      const Column& column = block.column(at_[k]);
      Write(k, column, begin, rows, words_.data() + place, width);
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

void RowHasher::Write(std::size_t k, const Column& column, std::size_t begin, std::size_t rows, std::uint64_t* word, std::size_t width) const {
  const auto put = [&](const auto& word_of) {
    for (std::size_t i = begin; i < begin + rows; ++i, word += width) *word = word_of(i);   // a null row holds 0, or ""
  };
  if (column.type() == Type::kDouble) return put([values = column.doubles()](std::size_t i) { return Bits(values[i]); });
  if (column.type() != Type::kText) {
    const auto values = column.ints();
    if (as_[k] == Type::kDouble) return put([values](std::size_t i) { return Bits(static_cast<double>(values[i])); });
    const std::uint64_t unit = column.type() == Type::kDate && as_[k] == Type::kTimestamp ? static_cast<std::uint64_t>(kMicrosPerDay) : 1;
    return put([values, unit](std::size_t i) { return static_cast<std::uint64_t>(values[i]) * unit; });
  }
  const Coded& coded = coded_[k];
  const bool by_code = coded.codes && !coded.codes->gave_up();
  for (std::size_t i = begin; i < begin + rows; ++i, word += width) {
    if (by_code) {
      const Hash hash = coded.hashes[coded.codes->codes()[i]];
      word[0] = hash.low;
      word[1] = hash.high;
    } else if (!column.IsNull(i)) {
      const std::string_view text = column.text(i);
      const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
      word[0] = hash.low64;
      word[1] = hash.high64;
    }
  }
}

/// Laid out part by part first, so that the places of those to come can be fetched from memory in time.
void HashSet::InsertAll(std::span<const Hash> hashes, std::span<std::uint8_t> known) {
  std::array<std::size_t, kParts + 1> begin{};
  for (const Hash hash : hashes) ++begin[PartOf(Marked(hash)) + 1];
  for (std::size_t p = 0; p < kParts; ++p) begin[p + 1] += begin[p];
  std::array<std::size_t, kParts + 1> next = begin;
  by_part_.resize(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const Hash hash = Marked(hashes[i]);
    by_part_[next[PartOf(hash)]++] = {hash, i};
  }
  for (std::size_t p = 0; p < kParts; ++p) {
    Part& part = parts_[p];
    for (std::size_t n = begin[p]; n < begin[p + 1]; ++n) {
      if (n + kAhead < begin[p + 1] && !part.places.empty()) __builtin_prefetch(&part.places[by_part_[n + kAhead].hash.low & (part.places.size() - 1)], 1);
      const bool added = InsertInto(part, by_part_[n].hash);
      known[by_part_[n].at] = added ? 0 : 1;
      size_ += added ? 1 : 0;
    }
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
