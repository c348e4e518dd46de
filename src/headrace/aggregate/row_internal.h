#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "headrace/aggregate/parts_internal.h"

namespace headrace::internal {

/// Where one computed column's rows go; either `ints` or `doubles` is set.
struct OutputColumn {
  std::int64_t* ints = nullptr;
  double* doubles = nullptr;
  std::uint8_t* valid = nullptr;
};

/// Values seen in one row, emptied in constant time.
class DistinctSet {
 public:
  void Clear() { ++stamp_, size_ = 0; }
  /// Whether it was not there.
  bool Insert(std::uint64_t value, std::uint32_t level);

 private:
  struct Slot { std::uint64_t value = 0; std::uint32_t level = 0, stamp = 0; };
  void Grow();
  std::vector<Slot> slots_;
  std::uint32_t stamp_ = 1;
  std::size_t size_ = 0;
};

/// Computes one row at a time: from the newest event before the date to the oldest, pausing where a window begins to write what was gathered.
///
/// Threads: none; each thread has its own.
class RowKernel {
 public:
  explicit RowKernel(const AggregateParts& parts);

  /// `records`: `count` events of one entity, oldest first. Writes row `row` of all columns but derived ones.
  void Compute(const std::uint64_t* records, std::size_t count, std::int64_t date, std::span<const OutputColumn> columns, std::size_t row);

  /// The operation whose sum of ints passed 64 bits, if one did.
  std::optional<std::size_t> overflowed() const { return overflowed_; }

 private:
  void Run(const Operation& operation, std::size_t index, std::size_t low, std::size_t high);
  void Emit(const Emission& emission, std::span<const OutputColumn> columns, std::size_t row) const;
  template <typename Act> void Each(const Operation& operation, std::size_t low, std::size_t high, const Act& act);
  void Sum(const Operation& operation, std::size_t index, std::size_t low, std::size_t high, std::size_t at);
  void Extreme(const Operation& operation, std::size_t low, std::size_t high);
  void Ends(const Operation& operation, std::size_t low, std::size_t high);

  std::int64_t TimeOf(std::size_t i) const { return static_cast<std::int64_t>(records_[i * words_ + kTimeWord]); }

  const AggregateParts& parts_;
  const std::size_t words_;
  std::vector<std::uint64_t> states_;
  std::vector<std::size_t> set_of_;              ///< by operation
  std::vector<DistinctSet> sets_;
  std::optional<std::size_t> overflowed_;
  // The row at hand.
  const std::uint64_t* records_ = nullptr;
  std::int64_t date_ = 0;
  bool ahead_ = false;                           ///< labels: what was known when does not matter
};

}  // namespace headrace::internal
