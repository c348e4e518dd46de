#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
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

namespace internal {
/// kInvalid unless a column of `type` orders rows by time: a date, a timestamp or a number, and no number with a gap. `role` is for messages: "split", "fold".
Status CheckTimeType(Type type, const std::string& name, std::string_view role, std::int64_t gap_us);
/// The column, if it is there and of such a type. kData: nulls or NaN.
Result<const Column*> FindTimeColumn(const Table& table, const std::string& name, std::string_view role, std::int64_t gap_us);
/// Whether the time of row `a` lies before that of row `b`. REQUIRES, as below: FindTimeColumn gave the column.
bool IsBefore(const Column& time, std::size_t a, std::size_t b);
/// Whether `row` lies less than the gap before `first`; days are counted whole, so that a gap is never shorter than asked for. REQUIRES: IsBefore(row, first).
bool InGap(const Column& time, std::size_t row, std::size_t first, std::int64_t gap_us);
/// kInvalid, with the nearest name.
Result<const Column*> FindColumn(const Table& table, const std::string& name, std::string_view role);
}  // namespace internal

}  // namespace headrace
