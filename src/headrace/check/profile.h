#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

/// Rows in neighbouring bins. A bin holds its lower edge and not its upper one; the last one holds both.
struct BinnedRows {
  std::vector<double> edges;               ///< ascending, one more than counts; empty = no rows
  std::vector<std::int64_t> counts;
  std::int64_t below = 0, above = 0;       ///< rows outside, where a few far values would leave all others in one bin
};

/// How long the texts of a column are, in characters (code points). Exact up to kLongText; longer ones count as that long.
struct TextLengths {
  static constexpr std::int64_t kLongText = 4096;
  std::int64_t min = 0, max = 0, empty = 0;
  double mean = 0;
  std::vector<std::pair<double, std::int64_t>> quantiles;
  BinnedRows histogram;
};

/// What was measured of one column. Of a personal column only rows, nulls and distinct are told: nothing that holds a value.
struct ColumnMeasures {
  Field field;
  bool personal = false;
  std::int64_t rows = 0, nulls = 0, nans = 0, infinities = 0;
  std::int64_t distinct = 0;               ///< different values, nulls and NaN apart
  bool distinct_exact = true;              ///< false: HyperLogLog, standard error 0.8 %

  Value min, max;                          ///< int, double, date, timestamp; null for other types and without values. Finite values, as all below
  std::optional<double> mean, sd;          ///< int and double; sd is that of a sample
  bool quantiles_exact = true;             ///< false: ranks are off by less than 0.2 % of the rows
  std::vector<std::pair<double, double>> quantiles;   ///< probability and value (dates in days, timestamps in microseconds)
  BinnedRows histogram;                    ///< in the same units; counts as exact as the quantiles
  std::vector<std::pair<std::string, std::int64_t>> top;   ///< values as text and their rows, most rows first
  std::int64_t top_slack = 0;              ///< a count in `top` may be too small by this much
  bool top_known = true;                   ///< false: there are too many different values to count them
  std::optional<TextLengths> lengths;      ///< text
};

/// How the values of a dataset are spread.
struct DataProfile {
  std::int64_t rows = 0;
  std::vector<ColumnMeasures> columns;

  const ColumnMeasures* Find(std::string_view column) const;
  /// One JSON document (docs/profile.md).
  std::string ToJson() const;
};

inline constexpr std::size_t kTopValues = 12;

/// Profiles a dataset in one scan, in memory that does not grow with the rows. Blocks of any size give the same bits.
///
///   ProfileScan(schema, personal) -> (Add | Merge)* -> Finish
///
/// Threads: none. Scans of parts of a dataset may go on side by side and merge afterwards, in the order of the parts.
class ProfileScan {
 public:
  ProfileScan(const Schema& schema, const std::set<std::string>& personal);
  void Add(const Table& block);            ///< REQUIRES: the schema given
  void Merge(const ProfileScan& other);    ///< REQUIRES: equal schemas and personal columns
  DataProfile Finish() const;

  ProfileScan(ProfileScan&&) noexcept;
  ProfileScan& operator=(ProfileScan&&) noexcept;
  ~ProfileScan();

 private:
  struct ColumnState;
  std::vector<ColumnState> columns_;
  std::int64_t rows_ = 0;
};

/// Drain `rows` through a ProfileScan.
Result<DataProfile> ProfileRows(TableStream& rows, const std::set<std::string>& personal);

/// `value` of a quantile or an edge of a column of `type` as people write it: a date, a moment, a number.
std::string ShowMeasure(Type type, double value);

}  // namespace headrace
