#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/model/target.h"
#include "headrace/table/table.h"

namespace headrace {

inline constexpr std::int64_t kHoldAsideFromRows = 100'000;
inline constexpr int kAutoFolds = 5;
inline constexpr int kHeldAsideParts = 10;    ///< held aside: one of so many parts of the rows

/// Which training rows each fold holds out, and which it learns from. Entries go with the rows that MakeFolds was given.
struct Folds {
  int count = 0;
  std::vector<int> held;            ///< the fold that holds the row out; -1: none does
  std::vector<int> from;            ///< by time: the first fold that learns from the row, `count` when none does; empty: every fold may
  std::string described;            ///< "out-of-fold 5", "held aside 10%", "forward in time by as_of, 5 blocks, gap 1w"
  std::vector<std::string> notes;   ///< for people: where time was cut

  /// A tenth, not by time: what learnt from the others is kept (by time the newest rows are worth another fit).
  bool held_aside() const { return count == 1 && from.empty(); }
  bool Learns(std::size_t i, int fold) const { return held[i] != fold && (from.empty() || from[i] <= fold); }
};

/// kInvalid: a count that is 1, negative or above 100; a negative gap, or one without a time; by time, not one column.
Status CheckFolds(const FoldSpec& spec);

/// Divide `rows` of `table` into folds:
///   hash   the row's fold is the whole part of folds x the fraction of the hash of spec.columns, else of `key`, else of its number, under seed 1 (not the
///          seed of the split, so folds cut across it). Rows with equal key share a fold. A fold learns from all rows of the others
///   time   forward chaining, as scikit-learn's TimeSeriesSplit: with n rows in the order of the column and k folds, each holds out a block of n / (k + 1)
///          rows, the last block being the newest rows, and learns from all rows before its block that lie at least the gap before the block's first
///          value. Each cut is moved to the nearest place between two distinct values (of two equally near the later), so no instant is on both sides
/// With spec.count = 0 there are five folds below kHoldAsideFromRows rows, from there on one, which holds a tenth aside: fold 0 of ten, or the newest tenth.
/// kInvalid: CheckFolds, a column that is not there or is no time. kData: fewer rows than folds, an empty fold, one without a row to learn from.
Result<Folds> MakeFolds(const Table& table, const FoldSpec& spec, std::span<const std::string> key, std::span<const std::size_t> rows);

/// kData when the rows that one fold learns from lack a class (CheckClasses).
Status CheckFoldClasses(const Target& target, std::span<const std::size_t> rows, const Folds& folds);

}  // namespace headrace
