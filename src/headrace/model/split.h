#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/model/target.h"
#include "headrace/table/table.h"

namespace headrace {

/// Hashes rows by their key, the same on every machine, so that a row falls on the same side of a split in every run and in
/// every other table that has the same key.
///
/// The bytes hashed by XXH64 are, for each key column in turn, a tag and the value:
///   'b' bool, 'i' int, 'd' date, 't' timestamp   64 bit little-endian (0 or 1; the number; days; microseconds)
///   'f' double                                   its 64 bits, little-endian; -0 as +0, every NaN as 0x7FF8000000000000
///   's' text                                     length in bytes as 64 bit little-endian, then UTF-8
///   'n' null                                     nothing more
/// Without a key they are 'i' and the row's number, from 0.
///
/// Threads: immutable; any number may hash at once. The table must outlive the hasher.
class KeyHasher {
 public:
  /// kInvalid: a column that is not in `table`.
  static Result<KeyHasher> Make(const Table& table, std::span<const std::string> columns);
  std::uint64_t Hash(std::size_t row, std::uint64_t seed) const;
  /// The top 53 bits of Hash over 2^53: in [0, 1).
  double Fraction(std::size_t row, std::uint64_t seed) const;

 private:
  std::vector<const Column*> columns_;
};

/// Rows of a table by the part they play, ascending.
struct DataSplit {
  std::vector<std::size_t> train, test;
  std::int64_t dropped = 0;          ///< rows inside the gap, in neither part
  std::vector<std::string> notes;    ///< for people: where time was cut, how many rows the gap dropped
};

/// Divide the rows of `table` (already ordered by key) as `spec` says:
///   none    all rows train
///   hash    test when the fraction of the key's hash under seed 0 is below spec.test; the key is spec.columns, else `key`,
///           else the row's number
///   time    test are the newest rows by a date, timestamp or number, cut between two distinct values so that the test
///           part is as near to spec.test of the rows as whole values allow (of two equally near cuts the later); training
///           rows lie at least the gap before the first test value, those in between are dropped
///   column  a bool (true = test), an int (1 = test, 0 = training) or a text ("test", "train")
/// kInvalid: no such column; a gap on a column that is no time; as CheckSplit. kData: nulls or other values in a time or split
/// column; an empty part.
Result<DataSplit> MakeSplit(const Table& table, const SplitSpec& spec, std::span<const std::string> key);

/// kInvalid: a share outside (0, 1), a negative gap, a number of columns that the kind cannot use.
Status CheckSplit(const SplitSpec& spec);

/// How calibration, threshold and stopping point get scores of rows that the learner did not see.
struct FoldPlan {
  int folds = 5;                ///< out-of-fold; 0: rows held aside
  bool held_aside() const { return folds == 0; }
  std::string Describe() const; ///< "out-of-fold 5", "held aside 10%"
};
inline constexpr std::int64_t kHoldAsideFromRows = 100'000;
inline constexpr int kAutoFolds = 5;
inline constexpr int kHeldAsideFolds = 10;    ///< held aside: the rows of fold 0 of MakeFolds(..., kHeldAsideFolds)

/// `spec_folds` as in TrainSpec::folds: 0 decides by the number of training rows (five folds below kHoldAsideFromRows, a
/// tenth held aside from there on). kInvalid: negative, 1, or above 100.
Result<FoldPlan> PlanFolds(std::int64_t spec_folds, std::int64_t train_rows);

/// The fold, in [0, folds), of each of `rows`: the whole part of folds x the fraction of the key's hash under seed 1 (not the
/// seed of the split, so folds cut across it). Rows with equal key share a fold. Without a key the row's number is hashed.
/// kInvalid: a key column that is not there. kData: fewer rows than folds; an empty fold.
Result<std::vector<int>> MakeFolds(const Table& table, std::span<const std::string> key, std::span<const std::size_t> rows,
                                   int folds);

/// kData when the rows outside one fold lack a class (CheckClasses). `fold_of` goes with `rows`.
Status CheckFoldClasses(const Target& target, std::span<const std::size_t> rows, std::span<const int> fold_of, int folds);

}  // namespace headrace
