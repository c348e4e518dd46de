#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/check/spec.h"
#include "headrace/table/table.h"

namespace headrace {

/// The rows that checks of single rows with severity error refuse, for who puts them aside.
struct BadRows {
  std::int64_t limit = 0;                  ///< given: beyond so many rows only the number is kept
  struct Row { std::int64_t row = 0; std::vector<std::uint32_t> checks; };   ///< from 0; the positions of the checks that it fails
  std::vector<Row> rows;                   ///< ascending; empty when there are more than `limit`
  std::int64_t count = 0;
};

/// What judging may need besides the rows.
struct CheckContext {
  std::int64_t until_us = 0;               ///< what `fresh` counts back from: the end of the run's interval
  /// The rows of another dataset, by the name that a check gives it; empty where there is none.
  std::function<Result<std::unique_ptr<TableStream>>(const std::string& dataset)> open = {};
  /// The rows that the query of a `sql` check gives.
  std::function<Result<std::unique_ptr<TableStream>>(const CheckSpec& check)> query = {};
  int threads = 0;                         ///< that judge at once, 0 = all cores; verdicts are the same for any number
  /// Not null: the rows that single-row checks of severity error refuse are put aside. As long as there are no more than its limit, these checks warn.
  BadRows* bad_rows = nullptr;
};

/// Judges all checks of one dataset in one scan, block by block, in memory that does not grow with the rows, but for `unique` (a hash a row),
/// `foreign_key` (a hash for each different key of the other dataset) and `ordered` with a key (the last row of each).
///
///   Make -> Add* -> Finish
///
/// A contract that the schema breaks (a column missing, of another type, one too many) is judged by Make alone: its verdict says
/// so, and checks on a missing column are judged failed with it.
///
/// Threads: one at a time; Add uses up to CheckContext::threads of its own.
class CheckScan {
 public:
  /// kInvalid: a check names a column that neither the schema nor a contract has, an expression or pattern that does not parse.
  static Result<CheckScan> Make(std::span<const CheckSpec> checks, const Schema& schema, const CheckContext& context = {});
  /// kData when an expression raises, or `by` finds more than 1,000 segments.
  Status Add(const Table& block);
  /// One verdict a check, in the order given (a contract gives one), or one a segment of it, by name. Errors are those of a query of `sql`.
  Result<std::vector<CheckVerdict>> Finish();

  CheckScan(CheckScan&&) noexcept;
  CheckScan& operator=(CheckScan&&) noexcept;
  ~CheckScan();

 private:
  CheckScan();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Drain `rows` through a CheckScan, reading ahead on another thread.
Result<std::vector<CheckVerdict>> RunChecks(std::span<const CheckSpec> checks, TableStream& rows, const CheckContext& context = {});

/// What a check measures, in words that do not change with its bounds: "rows", "metric(sum(dollars))". The name of its history.
std::string MeasureOf(const CheckSpec& check);

/// Ok when every check of severity error passed; else kData with the first failed one's message, how many more failed, and its help.
Status ToStatus(std::string_view dataset, std::span<const CheckVerdict> verdicts);

/// The column of `found` that most likely is the missing `wanted` under a new name: a near name, or the only
/// column of the same type that `expected` does not know; "" when nothing speaks for one.
std::string LikelyNewName(const Field& wanted, const Schema& expected, const Schema& found);

}  // namespace headrace
