#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/check/check.h"
#include "headrace/check/spec.h"
#include "headrace/table/table.h"

// The checks that look at rows, one class a kind, behind one interface. Private to this room.

namespace headrace::internal {

class TextCodes;

/// Says of each row whether it fails. Blocks come in order and all have the schema given to MakeRowCheck.
///
/// Threads: none.
class RowCheck {
 public:
  virtual ~RowCheck() = default;

  /// Set failed[i] to 1 where row i fails. REQUIRES: `failed` is zeros, one byte a row of `block`.
  virtual Status Test(const Table& block, std::span<std::uint8_t> failed) = 0;

  /// Whether a row fails by the values of its columns alone, whatever rows came before: then rows with equal values need one look.
  virtual bool by_value() const { return false; }

  /// Columns of texts that are numbered before every Test, when whole blocks are asked about; a check may take its texts from there.
  virtual void TakeCodes(std::span<const std::shared_ptr<TextCodes>>) {}

  /// One that has seen no row. REQUIRES: this one has not.
  virtual std::unique_ptr<RowCheck> Clone() const = 0;

  /// "column `amount`: 12 of 4,712 rows are below 0", given the counts over all blocks. Holds no value of the data.
  virtual std::string Complaint(std::int64_t failed, std::int64_t rows) const = 0;

  /// The columns it looks at, each once.
  const std::vector<std::string>& columns() const { return columns_; }
  /// Those of columns() that a sample must show: all, but of a long list only those that had to do with a failure.
  virtual std::vector<std::string> GuiltyColumns() const { return columns_; }

 protected:
  explicit RowCheck(std::vector<std::string> columns);

 private:
  std::vector<std::string> columns_;
};

/// The check that `spec` describes. kInvalid: a column that `schema` lacks or whose type the check cannot take, a bound or value that does not
/// read as the column's type, a pattern or expression that does not parse. REQUIRES: a kind of single rows.
/// Errors of reading another dataset are passed on.
Result<std::unique_ptr<RowCheck>> MakeRowCheck(const CheckSpec& spec, const Schema& schema, const CheckContext& context);

/// Rows with a null in any of `columns`, all of which `schema` has.
Result<std::unique_ptr<RowCheck>> MakeNotNull(const std::vector<std::string>& columns, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeRange(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeOneOf(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeMatches(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeUnique(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeExpect(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeTypeOfText(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeOrdered(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<RowCheck>> MakeForeignKey(const CheckSpec& spec, const Schema& schema, const CheckContext& context);

/// The position of `name`; kInvalid with the nearest name when there is none.
Result<std::size_t> ColumnAt(const Schema& schema, const std::string& name);
/// The only column of a check of one column.
Result<std::size_t> OnlyColumn(const CheckSpec& spec, const Schema& schema);

/// "12 of 4,712 rows are" or "1 of 1 row is", with other verbs alike.
std::string RowsThat(std::int64_t failed, std::int64_t rows, std::string_view singular, std::string_view plural);

}  // namespace headrace::internal
