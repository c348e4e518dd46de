#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/check/spec.h"
#include "headrace/table/table.h"

namespace headrace {

/// Judges all checks of one dataset in one scan, block by block, in memory that does not grow with the rows (but for
/// `unique`, which keeps one hash a row).
///
///   Make -> Add* -> Finish
///
/// A contract that the schema breaks (a column missing, of another type, one too many) is judged by Make alone: its verdict says
/// so, and checks on a missing column are judged failed with it.
///
/// Threads: none.
class CheckScan {
 public:
  /// kInvalid: a check names a column that neither the schema nor a contract has, an expression or pattern that does not parse.
  static Result<CheckScan> Make(std::span<const CheckSpec> checks, const Schema& schema);
  /// kData when an `expect` raises.
  Status Add(const Table& block);
  /// One verdict a check, in the order given (a contract gives one).
  std::vector<CheckVerdict> Finish();

  CheckScan(CheckScan&&) noexcept;
  CheckScan& operator=(CheckScan&&) noexcept;
  ~CheckScan();

 private:
  CheckScan();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Drain `rows` through a CheckScan.
Result<std::vector<CheckVerdict>> RunChecks(std::span<const CheckSpec> checks, TableStream& rows);

/// What a check measures, in words that do not change with its bounds: "rows", "metric(sum(dollars))". The name of its history.
std::string MeasureOf(const CheckSpec& check);

/// Ok when every check of severity error passed; else kData with the first failed one's message, how many more failed, and its help.
Status ToStatus(std::string_view dataset, std::span<const CheckVerdict> verdicts);

/// The column of `found` that most likely is the missing `wanted` under a new name: a near name, or the only
/// column of the same type that `expected` does not know; "" when nothing speaks for one.
std::string LikelyNewName(const Field& wanted, const Schema& expected, const Schema& found);

}  // namespace headrace
