// Events become small records, spread over 256 partitions by a hash of their entity while blocks come in; so that later each partition fits the
// cache, is put in order alone, and any number of threads can take partitions. Which thread gathered a record leaves no trace: an entity's records are
// sorted by time and then by every word, so equal sets of events give equal sequences.
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>

#include <xxhash.h>

#include "headrace/aggregate/records_internal.h"
#include "headrace/base/text.h"

namespace headrace::internal {

std::uint64_t HashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::int64_t DayToMicros(std::int64_t days) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(days, kMicrosPerDay, &out)) return days < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  return out;
}

std::int64_t AddTimes(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) return b < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  return out;
}

// --- keys

void KeyTable::Grow() {
  const std::size_t room = std::max<std::size_t>(64, slots_.size() * 2);
  slots_.assign(room, 0);
  for (std::uint32_t id = 0; id < size_; ++id) {
    const std::uint64_t spread = texts_ ? keys_[id] : Mix(keys_[id]);
    std::size_t at = spread & (room - 1);
    while (slots_[at] != 0) at = (at + 1) & (room - 1);
    slots_[at] = id + 1;
  }
}

std::uint32_t KeyTable::At(std::uint64_t key, std::uint64_t hash, bool insert) {
  if ((size_ + 1) * 2 > slots_.size()) Grow();
  std::size_t at = hash & (slots_.size() - 1);
  for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1))
    if (keys_[slots_[at] - 1] == key) return slots_[at] - 1;
  if (!insert) return kNone;
  keys_.push_back(key);
  slots_[at] = static_cast<std::uint32_t>(++size_);
  return static_cast<std::uint32_t>(size_ - 1);
}

std::uint32_t KeyTable::At(std::string_view text, std::uint64_t hash, bool insert) {
  texts_ = true;
  if (ends_.empty()) ends_.push_back(0);
  if ((size_ + 1) * 2 > slots_.size()) Grow();
  std::size_t at = hash & (slots_.size() - 1);
  for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    const std::uint32_t id = slots_[at] - 1;
    if (keys_[id] == hash && this->text(id) == text) return id;
  }
  if (!insert) return kNone;
  keys_.push_back(hash);
  bytes_ += text;
  ends_.push_back(bytes_.size());
  slots_[at] = static_cast<std::uint32_t>(++size_);
  return static_cast<std::uint32_t>(size_ - 1);
}

// --- lists

WordArray::WordArray(std::size_t words) : size_(words) {
  if (words == 0) return;
  void* const at = ::mmap(nullptr, words * sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  words_ = static_cast<std::uint64_t*>(at);
}

void WordArray::Free() {
  if (words_ != nullptr) ::munmap(words_, size_ * sizeof(std::uint64_t));
}

std::uint64_t* RecordList::Append(std::size_t words) {
  if (pieces_.empty() || pieces_.back().used + words > pieces_.back().words.size()) {
    constexpr std::size_t kLeast = 2048, kPage = 512;                // words; pieces grow with the list, so that they stay few
    const std::size_t room = std::max({kLeast, 16 * words, in_memory_ / 8});
    pieces_.push_back({WordArray((room + kPage - 1) / kPage * kPage), 0});
  }
  Piece& piece = pieces_.back();
  std::uint64_t* at = piece.words.data() + piece.used;
  piece.used += words;
  in_memory_ += words;
  ++size_;
  return at;
}

Status RecordList::MoveTo(std::uint64_t* out, const ScratchFile& scratch) {
  for (const Extent& extent : spilled_) {
    RETURN_IF_ERROR(scratch.Read(extent.at, out, extent.words * sizeof(std::uint64_t)));
    out += extent.words;
  }
  for (const Piece& piece : pieces_) out = std::copy_n(piece.words.data(), piece.used, out);
  *this = RecordList();
  return Ok();
}

Status RecordList::Spill(ScratchFile& scratch) {
  for (const Piece& piece : pieces_) {
    ASSIGN_OR_RETURN(const std::uint64_t at, scratch.Append(piece.words.data(), piece.used * sizeof(std::uint64_t)));
    spilled_.push_back({at, piece.used});
  }
  pieces_.clear();
  in_memory_ = 0;
  return Ok();
}

Status Gathered::SpillBeyond(std::size_t most_bytes, ScratchFile& scratch) {
  if (bytes <= most_bytes) return Ok();
  for (RecordList& list : records) RETURN_IF_ERROR(list.Spill(scratch));
  bytes = 0;
  return Ok();
}

// --- encoding

Encoder::Encoder(const AggregateParts& parts, std::int64_t last_us) : parts_(parts), last_us_(last_us), end_us_(parts.has_labels() ? AddTimes(last_us, parts.spec.within_us) : last_us) {
  for (const RecordLevels& levels : parts.levels) {
    const Type type = parts.events[*parts.events.IndexOf(levels.column)].type;
    LevelTable table;
    const std::size_t room = std::bit_ceil(levels.levels.size() * 4 + 1);
    table.hashes.assign(room, 0);
    table.codes.assign(room, 0);
    table.texts.assign(room, "");
    for (std::size_t k = 0; k < levels.levels.size(); ++k) {
      const Result<Value> value = type == Type::kText ? Result<Value>(Value::Text(levels.levels[k])) : Value::Parse(levels.levels[k], type);
      const std::uint64_t hash = type == Type::kText ? HashOf(levels.levels[k]) : Mix(static_cast<std::uint64_t>(value->as_int()));
      std::size_t at = hash & (room - 1);
      while (table.codes[at] != 0) at = (at + 1) & (room - 1);
      table.hashes[at] = hash;
      table.codes[at] = static_cast<std::uint8_t>(k + 1);
      table.texts[at] = levels.levels[k];
    }
    levels_.push_back(std::move(table));
  }
}

/// Add the level of each row to the word that holds it.
void Encoder::Codes(std::size_t k, const Column& column, std::vector<std::uint64_t>& words) const {
  const LevelTable& table = levels_[k];
  const std::size_t mask = table.codes.size() - 1;
  const unsigned shift = parts_.levels[k].code.shift;
  const bool text = column.type() == Type::kText;
  for (std::size_t row = 0; row < words.size(); ++row) {
    if (column.IsNull(row)) continue;
    const std::uint64_t hash = text ? HashOf(column.text(row)) : Mix(static_cast<std::uint64_t>(column.ints()[row]));
    for (std::size_t at = hash & mask; table.codes[at] != 0; at = (at + 1) & mask)
      if (table.hashes[at] == hash && (!text || table.texts[at] == column.text(row))) {
        words[row] |= std::uint64_t{table.codes[at]} << shift;
        break;
      }
  }
}

namespace {

std::uint64_t CanonicalBits(double value) {
  if (value != value) return 0x7ff8000000000000ULL;
  return std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
}

/// Values as words; null rows give 0.
std::vector<std::uint64_t> WordsOf(const Column& column) {
  std::vector<std::uint64_t> words(column.size());
  if (HeldAsInt(column.type())) std::transform(column.ints().begin(), column.ints().end(), words.begin(), [](std::int64_t v) { return static_cast<std::uint64_t>(v); });
  else if (column.type() == Type::kDouble) std::transform(column.doubles().begin(), column.doubles().end(), words.begin(), [](double v) { return std::bit_cast<std::uint64_t>(v); });
  else for (std::size_t i = 0; i < words.size(); ++i) words[i] = HashOf(column.text(i));
  return words;
}

std::vector<std::uint64_t> TimesOf(const Column& column) {
  std::vector<std::uint64_t> words = WordsOf(column);
  if (column.type() == Type::kDate)
    for (std::uint64_t& word : words) word = static_cast<std::uint64_t>(DayToMicros(static_cast<std::int64_t>(word)));
  return words;
}

}  // namespace

Status Encoder::Encode(const Table& block, Gathered& out) const {
  const std::size_t rows = block.num_rows(), words = parts_.words;
  std::vector<std::vector<std::uint64_t>> columns(words);        // the words of all rows, but the key
  const Column& time = *block.Find(parts_.time);
  columns[kTimeWord] = TimesOf(time);
  if (parts_.known_word) {
    const Column& known = *block.Find(parts_.spec.known);
    columns[*parts_.known_word] = TimesOf(known);
    for (std::size_t row = 0; row < rows; ++row)                 // never known
      if (known.IsNull(row)) columns[*parts_.known_word][row] = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }
  for (std::size_t word = 2; word < words; ++word)
    if (columns[word].empty()) columns[word].assign(rows, 0);
  const auto evaluate = [&](const BoundExpression& expression) -> Result<ColumnPtr> {
    ASSIGN_OR_RETURN(BoundExpression::Output result, expression.Evaluate(block, OnError::kNull));
    out.counts.raised += result.errors;
    return result.column;
  };
  for (const RecordValue& value : parts_.values) {
    ASSIGN_OR_RETURN(const ColumnPtr column, evaluate(value.expression));
    columns[value.word] = WordsOf(*column);
    if (value.hashed && column->type() == Type::kDouble)
      for (std::uint64_t& word : columns[value.word]) word = CanonicalBits(std::bit_cast<double>(word));
    std::vector<std::uint64_t>& bits = columns[value.valid.word];
    for (std::size_t row = 0; row < rows; ++row)
      if (column->IsNull(row)) columns[value.word][row] = 0;
      else bits[row] |= std::uint64_t{1} << value.valid.shift;
  }
  for (const RecordCondition& condition : parts_.conditions) {
    ASSIGN_OR_RETURN(const ColumnPtr column, evaluate(condition.expression));
    std::vector<std::uint64_t>& bits = columns[condition.bit.word];
    for (std::size_t row = 0; row < rows; ++row)
      if (!column->IsNull(row) && column->ints()[row] != 0) bits[row] |= std::uint64_t{1} << condition.bit.shift;
  }
  for (std::size_t k = 0; k < parts_.levels.size(); ++k) Codes(k, *block.Find(parts_.levels[k].column), columns[parts_.levels[k].code.word]);

  const Column& entity = *block.Find(parts_.spec.entity);
  const bool text = entity.type() == Type::kText;
  out.counts.events += static_cast<std::int64_t>(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    if (time.IsNull(row)) {
      ++out.without_time;
      continue;
    }
    if (entity.IsNull(row)) {
      ++out.counts.without_entity;
      continue;
    }
    const auto at = static_cast<std::int64_t>(columns[kTimeWord][row]);
    out.counts.newest_us = std::max(out.counts.newest_us, at);
    if (at >= last_us_) ++out.counts.at_or_after;
    else if (parts_.known_word && static_cast<std::int64_t>(columns[*parts_.known_word][row]) >= last_us_) ++out.counts.known_late;
    if (at >= end_us_) continue;
    const std::uint64_t hash = text ? HashOf(entity.text(row)) : Mix(static_cast<std::uint64_t>(entity.ints()[row]));
    const std::size_t partition = PartitionOf(hash);
    std::uint64_t* record = out.records[partition].Append(words);
    out.bytes += words * sizeof(std::uint64_t);
    record[kKeyWord] = text ? out.texts[partition].Insert(entity.text(row), hash) : static_cast<std::uint64_t>(entity.ints()[row]);
    for (std::size_t word = 1; word < words; ++word) record[word] = columns[word][row];
  }
  return Ok();
}

// --- order

Status Order(const AggregateParts& parts, std::vector<std::unique_ptr<Gathered>>& gathered, const ScratchFile& scratch, std::size_t partition, bool only_known, EntityEvents& out, std::int64_t& of_others) {
  const std::size_t words = parts.words;
  const bool text = parts.entity_type == Type::kText;
  std::size_t count = 0;
  for (const auto& thread : gathered) count += thread->records[partition].size();
  const WordArray raw(count * words);
  std::vector<std::uint32_t> entity_of(count);
  std::size_t at = 0;
  for (auto& thread : gathered) {
    RecordList& records = thread->records[partition];
    KeyTable& texts = thread->texts[partition];
    const std::size_t end = at + records.size();
    RETURN_IF_ERROR(records.MoveTo(raw.data() + at * words, scratch));
    std::vector<std::uint32_t> ids(texts.size());
    for (std::uint32_t id = 0; id < ids.size(); ++id) ids[id] = only_known ? out.keys.Find(texts.text(id), texts.hash(id)) : out.keys.Insert(texts.text(id), texts.hash(id));
    for (; at < end; ++at) {
      const std::uint64_t key = raw.data()[at * words + kKeyWord];
      entity_of[at] = text ? ids[key] : only_known ? out.keys.Find(key) : out.keys.Insert(key);
    }
    texts = KeyTable();
  }

  // By entity, then time, then the rest.
  std::vector<std::size_t> fill(out.keys.size() + 1, 0);
  for (const std::uint32_t id : entity_of)
    if (id == kNone) ++of_others;
    else ++fill[id + 1];
  for (std::size_t id = 1; id < fill.size(); ++id) fill[id] += fill[id - 1];
  out.begin = fill;
  struct TimeAt { std::int64_t time; std::size_t record; };
  std::vector<TimeAt> order(out.begin.back());
  for (std::size_t i = 0; i < count; ++i)
    if (entity_of[i] != kNone) order[fill[entity_of[i]]++] = {static_cast<std::int64_t>(raw.data()[i * words + kTimeWord]), i};
  const auto before = [&raw, words](const TimeAt& a, const TimeAt& b) {
    if (a.time != b.time) return a.time < b.time;
    return std::lexicographical_compare(raw.data() + a.record * words + 2, raw.data() + (a.record + 1) * words, raw.data() + b.record * words + 2, raw.data() + (b.record + 1) * words);
  };
  for (std::size_t id = 0; id + 1 < out.begin.size(); ++id)
    std::sort(order.begin() + static_cast<std::ptrdiff_t>(out.begin[id]), order.begin() + static_cast<std::ptrdiff_t>(out.begin[id + 1]), before);
  out.records = WordArray(order.size() * words);
  std::uint64_t* to = out.records.data();
  for (const TimeAt& from : order) to = std::copy_n(raw.data() + from.record * words, words, to);
  return Ok();
}

}  // namespace headrace::internal
