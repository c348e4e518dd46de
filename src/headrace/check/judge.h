#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "headrace/check/check.h"
#include "headrace/check/contract_check.h"
#include "headrace/check/measure.h"
#include "headrace/check/row_check.h"
#include "headrace/check/sample.h"

// One check on its way to its verdicts. Private to this room.

namespace headrace::internal {

/// What a check is called that has no name: "sum(amount)".
std::string DefaultName(const CheckSpec& spec);

/// What the contracts among the checks promise of a table, and where it is otherwise.
struct Promises {
  Schema schema;                                     ///< the promised columns as promised, then what else the table has
  std::vector<std::vector<Breach>> breaches;         ///< one list a check, empty but for contracts
  std::map<std::string, Breach> broken;              ///< by column
  std::set<std::string> personal;
  std::set<std::string> masked;                      ///< personal columns and keys
};
Promises GatherPromises(std::span<const CheckSpec> checks, const Schema& schema);

/// The rows of a block that a check looks at.
struct Looked {
  const Table& block;                  ///< whole
  const Table& part;                   ///< the rows looked at, with the columns of the check's schema
  std::span<const std::size_t> rows;   ///< of the block, which make up `part`; empty = all of them
  std::size_t segment = 0;
  std::int64_t before = 0;             ///< rows of the dataset before the block
};

/// Judges one check, on the rows of each segment apart.
///
///   Make -> Add* -> Conclude
///
/// Threads: none; different judges are independent.
class Judge {
 public:
  /// `schema` is that of whole blocks, `part` that of the rows looked at (equal when the check looks at all rows).
  static Result<Judge> Make(const CheckSpec& spec, const Schema& schema, const Schema& part, const Promises& promises, std::vector<Breach> breaches, const CheckContext& context);

  /// Whether single rows are asked of, and their failures are errors.
  bool refuses_rows() const { return check_ != nullptr && spec_.severity == Severity::kError; }
  /// Ask `codes` once a text instead of the rows, where the check allows it.
  Status UseCodes(const std::shared_ptr<TextCodes>& codes, const Schema& schema);
  void TakeCodes(std::span<const std::shared_ptr<TextCodes>> codes) { if (check_) check_->TakeCodes(codes); }
  /// The only column of texts that decides, when there is one.
  std::optional<std::size_t> TextColumn(const Schema& schema) const;

  /// `failed`, zeros, one byte a row of the block, becomes 1 where a row fails. Whether any did.
  Result<bool> Add(const Looked& looked, std::vector<std::uint8_t>& failed);
  /// `segments` are the names of those seen; with none, nothing was looked at.
  Result<std::vector<CheckVerdict>> Conclude(const std::vector<std::string>& segments, const CheckContext& context);

 private:
  /// What is gathered on the rows of one segment.
  struct Tally {
    std::unique_ptr<RowCheck> check, warn_check;
    std::unique_ptr<Measure> measure;
    std::int64_t rows = 0, failed = 0, warn_failed = 0;
    Sample sample, warn_sample;
  };

  Status SetUp(const Schema& schema, const Schema& part, const Promises& promises, const CheckContext& context);
  Status SetUpContract(const Schema& schema, std::vector<Breach> breaches);
  Status Prototype(const Schema& schema, const CheckContext& context);
  void Forget();
  Status MayLook(const Promises& promises) const;
  const std::vector<std::string>& columns() const;
  Tally NewTally() const;
  Result<bool> Ask(RowCheck& check, const Looked& looked, Sample& sample, std::int64_t& count, std::vector<std::uint8_t>& failed);
  Status InDataset(Status status, const Looked& looked) const;

  void ConcludeRows(Tally& tally, const CheckContext& context, CheckVerdict& verdict) const;
  void ConcludeMeasure(Tally& tally, CheckVerdict& verdict) const;
  Status ConcludeQuery(const CheckContext& context, CheckVerdict& verdict) const;

  CheckSpec spec_;
  CheckVerdict verdict_;               ///< of every segment, before its rows
  std::string context_;                ///< in front of the message
  std::vector<Breach> breaches_;       ///< of the schema; the check fails with them
  bool hide_ = false;                  ///< the measured number would tell of personal columns
  std::set<std::string> masked_, known_;   ///< `known_`: kSql, the columns of the dataset
  std::unique_ptr<RowCheck> check_, warn_check_;   ///< null when there is nothing to ask of single rows; `warn_check_`: of the level `warn` where it asks otherwise
  std::unique_ptr<Measure> measure_;
  Sample sample_;
  std::vector<Tally> tallies_;         ///< by segment
  std::vector<std::uint8_t> part_failed_;
};

}  // namespace headrace::internal
