// One pass over an entity's events for all windows: the sum over 30 days goes on where the sum over 7 days paused. A prefix sum would be cheaper for many dates, but its
// differences round otherwise and let an old infinity spoil a young window; here a window's bits follow from its own events.
#include <algorithm>
#include <bit>
#include <cmath>

#include "headrace/aggregate/records_internal.h"
#include "headrace/aggregate/row_internal.h"

namespace headrace::internal {

using enum FeatureFunction;

namespace {
constexpr double kDay = static_cast<double>(kMicrosPerDay);

double AsDouble(std::uint64_t word) { return std::bit_cast<double>(word); }
std::uint64_t AsWord(double value) { return std::bit_cast<std::uint64_t>(value); }
std::int64_t AsInt(std::uint64_t word) { return static_cast<std::int64_t>(word); }
std::uint64_t AsWord(std::int64_t value) { return static_cast<std::uint64_t>(value); }

double Number(const Operation& operation, std::uint64_t word) { return operation.is_double ? AsDouble(word) : static_cast<double>(AsInt(word)); }

/// NaN is the greatest number, as in DuckDB.
bool Less(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

/// Mean and sum of squared differences of what is added (Welford 1962): state is n, mean, squares.
void AddTo(std::uint64_t& n, std::uint64_t& mean, std::uint64_t& squares, double x) {
  ++n;
  const double difference = x - AsDouble(mean);
  const double moved = AsDouble(mean) + difference / static_cast<double>(n);
  squares = AsWord(AsDouble(squares) + difference * (x - moved));
  mean = AsWord(moved);
}
}  // namespace

bool DistinctSet::Insert(std::uint64_t value, std::uint32_t level) {
  if ((size_ + 1) * 2 > slots_.size()) Grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = Mix(value + level * 0x9e3779b97f4a7c15ULL) & mask;
  for (; slots_[at].stamp == stamp_; at = (at + 1) & mask)
    if (slots_[at].value == value && slots_[at].level == level) return false;
  slots_[at] = {value, level, stamp_};
  ++size_;
  return true;
}

void DistinctSet::Grow() {
  std::vector<Slot> old(std::max<std::size_t>(64, slots_.size() * 2));
  old.swap(slots_);
  size_ = 0;
  for (const Slot& slot : old)
    if (slot.stamp == stamp_) Insert(slot.value, slot.level);
}

RowKernel::RowKernel(const AggregateParts& parts) : parts_(parts), words_(parts.words), states_(parts.state_words), set_of_(parts.operations.size()), sets_(parts.distinct_sets) {
  std::size_t next = 0;
  for (std::size_t k = 0; k < parts.operations.size(); ++k)
    if (parts.operations[k].function == kCountDistinct) set_of_[k] = next++;
}

void RowKernel::Compute(const std::uint64_t* records, std::size_t count, std::int64_t date, std::span<const OutputColumn> columns, std::size_t row) {
  records_ = records;
  date_ = date;
  std::fill(states_.begin(), states_.end(), 0);
  for (DistinctSet& set : sets_) set.Clear();
  const auto first_from = [&](std::int64_t time) {   // the first event at or after `time`
    std::size_t low = 0, high = count;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (TimeOf(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const std::size_t end = first_from(date);
  ahead_ = false;
  std::size_t high = end;
  for (const Stage& stage : parts_.stages) {
    if (stage.operations.empty() && stage.emissions.empty()) continue;
    const std::size_t low = stage.length_us == 0 ? 0 : std::min(high, first_from(AddTimes(date, -stage.length_us)));
    if (low < high)
      for (const std::size_t k : stage.operations) Run(parts_.operations[k], k, low, high);
    for (const Emission& emission : stage.emissions) Emit(emission, columns, row);
    high = low;
  }
  if (!parts_.has_labels()) return;
  ahead_ = true;
  const std::size_t last = first_from(AddTimes(date, parts_.spec.within_us));
  for (const Emission& emission : parts_.label_emissions) {
    if (end < last) Run(parts_.operations[emission.operation], emission.operation, end, last);
    Emit(emission, columns, row);
  }
}

/// Call act(state, record, level) for the events that count, newest first.
template <typename Act>
void RowKernel::Each(const Operation& operation, std::size_t low, std::size_t high, const Act& act) {
  const bool known = parts_.known_word && !ahead_;
  std::uint64_t* const states = states_.data() + operation.state;
  for (std::size_t i = high; i-- > low;) {
    const std::uint64_t* record = records_ + i * words_;
    if ((record[operation.test_word[0]] & operation.test_mask[0]) != operation.test_mask[0]) continue;
    if ((record[operation.test_word[1]] & operation.test_mask[1]) != operation.test_mask[1]) continue;
    if (known && AsInt(record[*parts_.known_word]) >= date_) continue;
    std::uint32_t level = 0;
    if (operation.by_level) {
      level = static_cast<std::uint32_t>(record[operation.code.word] >> operation.code.shift) & 0xff;
      if (level-- == 0) continue;
    }
    act(states + level * operation.state_words, record, level);
  }
}

void RowKernel::Run(const Operation& operation, std::size_t index, std::size_t low, std::size_t high) {
  const std::size_t value = operation.value;
  switch (operation.function) {
    case kCount: case kCountValues: case kAny:
      if ((operation.test_mask[0] | operation.test_mask[1]) == 0 && !operation.by_level && (ahead_ || !parts_.known_word)) {
        states_[operation.state] += high - low;
        return;
      }
      return Each(operation, low, high, [](std::uint64_t* state, const std::uint64_t*, std::uint32_t) { ++state[0]; });
    case kCountDistinct:
      return Each(operation, low, high, [&set = sets_[set_of_[index]], value](std::uint64_t* state, const std::uint64_t* record, std::uint32_t level) {
        if (set.Insert(record[value], level)) ++state[0];
      });
    case kSum: return Sum(operation, index, low, high, 0);
    case kMean:
      Each(operation, low, high, [](std::uint64_t* state, const std::uint64_t*, std::uint32_t) { ++state[0]; });
      return Sum(operation, index, low, high, 1);
    case kMin: case kMax: return Extreme(operation, low, high);
    case kStd:
      return Each(operation, low, high, [&](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) { AddTo(state[0], state[1], state[2], Number(operation, record[value])); });
    case kTrend:
      return Each(operation, low, high, [&](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) {
        const double t = static_cast<double>(AsInt(record[kTimeWord]) - date_) / kDay, x = Number(operation, record[value]);
        const double t_before = t - AsDouble(state[1]);
        AddTo(state[0], state[1], state[2], t);
        state[3] = AsWord(AsDouble(state[3]) + (x - AsDouble(state[3])) / static_cast<double>(state[0]));
        state[4] = AsWord(AsDouble(state[4]) + t_before * (x - AsDouble(state[3])));
      });
    case kRecency: case kTenure: return Ends(operation, low, high);
    case kMeanGap:
      return Each(operation, low, high, [](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) {
        if (state[0]++ == 0) state[1] = record[kTimeWord];
        state[2] = record[kTimeWord];
      });
    case kStdGap:   // events, time of the last one, mean and squares of the gaps so far
      return Each(operation, low, high, [](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) {
        std::uint64_t gaps = state[0]++;
        if (gaps > 0) AddTo(--gaps, state[2], state[3], static_cast<double>(AsInt(state[1]) - AsInt(record[kTimeWord])) / kDay);
        state[1] = record[kTimeWord];
      });
  }
}

/// Add to the sum in word `at` of the state.
void RowKernel::Sum(const Operation& operation, std::size_t index, std::size_t low, std::size_t high, std::size_t at) {
  const std::size_t value = operation.value;
  if (operation.is_double)
    return Each(operation, low, high, [at, value](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) { state[at] = AsWord(AsDouble(state[at]) + AsDouble(record[value])); });
  Each(operation, low, high, [&](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(AsInt(state[at]), AsInt(record[value]), &sum)) overflowed_ = index;
    state[at] = AsWord(sum);
  });
}

void RowKernel::Extreme(const Operation& operation, std::size_t low, std::size_t high) {
  const bool least = operation.function == kMin;
  const std::size_t value = operation.value;
  Each(operation, low, high, [&](std::uint64_t* state, const std::uint64_t* record, std::uint32_t) {
    const std::uint64_t x = record[value];
    const std::uint64_t small = least ? x : state[1], large = least ? state[1] : x;
    const bool better = operation.is_double ? Less(AsDouble(small), AsDouble(large)) : AsInt(small) < AsInt(large);
    if (state[0] == 0 || better) state[1] = x;
    state[0] = 1;
  });
}

/// The newest event that counts, or the oldest.
void RowKernel::Ends(const Operation& operation, std::size_t low, std::size_t high) {
  const bool newest = operation.function == kRecency;
  const std::uint64_t* state = states_.data() + operation.state;
  if (newest && !operation.by_level) {   // the first that counts is it
    for (std::size_t i = high; i-- > low && state[0] == 0;)
      Each(operation, i, i + 1, [](std::uint64_t* mine, const std::uint64_t* record, std::uint32_t) { mine[0] = 1, mine[1] = record[kTimeWord]; });
    return;
  }
  Each(operation, low, high, [newest](std::uint64_t* mine, const std::uint64_t* record, std::uint32_t) {
    if (mine[0] == 0 || !newest) mine[1] = record[kTimeWord];
    mine[0] = 1;
  });
}

void RowKernel::Emit(const Emission& emission, std::span<const OutputColumn> columns, std::size_t row) const {
  const Operation& operation = parts_.operations[emission.operation];
  for (std::size_t level = 0; level < operation.levels; ++level) {
    const std::uint64_t* state = states_.data() + operation.state + level * operation.state_words;
    const OutputColumn& out = columns[emission.first + level];
    const std::uint64_t n = state[0];
    bool there = true;
    double number = 0;
    std::uint64_t word = n;
    switch (operation.function) {
      case kCount: case kCountValues: case kCountDistinct: break;
      case kAny: word = n > 0; break;
      case kSum: number = AsDouble(n); break;
      case kMean:
        there = n > 0;
        if (there) number = Number(operation, state[1]) / static_cast<double>(n);
        break;
      case kMin: case kMax:
        there = n > 0;
        word = state[1];
        number = AsDouble(word);
        break;
      case kStd:
        there = n > 1;
        if (there) number = std::sqrt(AsDouble(state[2]) / static_cast<double>(n - 1));
        break;
      case kTrend:
        there = n > 1 && AsDouble(state[2]) > 0;
        if (there) number = AsDouble(state[4]) / AsDouble(state[2]);
        break;
      case kRecency: case kTenure:
        there = n > 0;
        if (there) number = static_cast<double>(date_ - AsInt(state[1])) / kDay;
        break;
      case kMeanGap:
        there = n > 1;
        if (there) number = static_cast<double>(AsInt(state[1]) - AsInt(state[2])) / kDay / static_cast<double>(n - 1);
        break;
      case kStdGap:
        there = n > 2;
        if (there) number = std::sqrt(AsDouble(state[3]) / static_cast<double>(n - 2));
        break;
    }
    if (out.doubles != nullptr) out.doubles[row] = there ? number : 0;
    else out.ints[row] = there ? AsInt(word) : 0;
    out.valid[row] = there ? 1 : 0;
  }
}

}  // namespace headrace::internal
