#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "headrace/check/spec.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// The first ten offending rows of one check, as text: their number in the dataset, the columns that the check looks at, and up to three
/// others by which a person may know the row. Values of masked columns are "***" from the start, so they are kept nowhere.
class Sample {
 public:
  Sample() = default;
  Sample(const std::vector<std::string>& looked_at, const Schema& schema, const std::set<std::string>& masked);

  /// Keep the rows of `block` that failed, as long as there is room. The block begins at row `rows_before` of the dataset.
  void Take(const Table& block, std::span<const std::uint8_t> failed, std::int64_t rows_before);

  /// Fill sample_columns and sample_rows; of the columns looked at only those in `guilty`, of which at most a dozen.
  void Show(const std::vector<std::string>& guilty, CheckVerdict* verdict) const;

  /// REQUIRES: a row was taken.
  std::int64_t first_row() const { return numbers_.front(); }

 private:
  struct Shown { std::size_t at; std::string name; bool masked; };
  std::vector<Shown> columns_;
  std::size_t looked_at_ = 0;  ///< so many of columns_; the others identify
  std::vector<std::int64_t> numbers_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace headrace::internal
