// Bad rows go aside: the scan says which rows are bad and why, a second pass over the file writes the good rows to one file and the bad ones to another.
// Rows in = rows out + rows aside is counted from what was written, not from what was meant.
#include <cmath>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step_internal.h"

namespace headrace {
namespace {

/// The rows of `path` that are bad, with their reasons, or those that are not.
class Sieve : public TableStream {
 public:
  Sieve(std::unique_ptr<TableStream> rows, const StepSpec& step, const BadRows& bad, bool aside) : rows_(std::move(rows)), step_(step), bad_(bad), aside_(aside) {
    std::vector<Field> fields = rows_->schema().fields();
    if (aside) fields.push_back({std::string(kReasonColumn), Type::kText});
    schema_ = Schema(std::move(fields));
  }
  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Table>();
    std::vector<std::size_t> taken;
    ColumnBuilder reasons(Type::kText);
    for (std::size_t i = 0; i < block->num_rows(); ++i, ++row_) {
      const bool bad = at_ < bad_.rows.size() && bad_.rows[at_].row == row_;
      if (bad == aside_) taken.push_back(i);
      if (bad && aside_) reasons.AppendText(ReasonOf(bad_.rows[at_]));
      if (bad) ++at_;
    }
    Table out = taken.size() == block->num_rows() ? *block : block->Take(taken);
    if (aside_) out = out.WithColumn(std::string(kReasonColumn), reasons.Finish());
    return std::optional(std::move(out));
  }

 private:
  std::string ReasonOf(const BadRows::Row& row) const {
    std::string text;
    for (const std::uint32_t check : row.checks) text += StrCat(text.empty() ? "" : "; ", step_.checks[check].name);
    return text;
  }

  std::unique_ptr<TableStream> rows_;
  const StepSpec& step_;
  const BadRows& bad_;
  bool aside_;
  Schema schema_;
  std::int64_t row_ = 0;
  std::size_t at_ = 0;
};

Result<StepFiles::File> Write(const StepContext& context, const std::string& from, const BadRows& bad, bool aside) {
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, StreamParquet(from));
  const std::string path = context.store().ScratchPath(".parquet");
  const Result<std::int64_t> written = WriteParquetFile(std::make_unique<Sieve>(std::move(rows), *context.step, bad, aside), path);
  if (written.ok()) return StepFiles::File{path, "dataset", *written};
  static_cast<void>(RemoveFile(path).ok());
  return written.status();
}

}  // namespace

std::int64_t QuarantineLimit(const StepSpec& step, std::int64_t rows) {
  const double most = *step.quarantine_at_most * static_cast<double>(rows);
  return static_cast<std::int64_t>(most + most * 1e-15);
}

Status PutAside(const StepContext& context, const BadRows& bad, StepFiles& files) {
  const StepSpec& step = *context.step;
  StepFiles::File& main = files.files.at("");
  ASSIGN_OR_RETURN(const std::int64_t rows_in, ParquetRowCount(main.path));
  if (bad.count > bad.limit) {
    const CheckVerdict* first = nullptr;
    for (const CheckVerdict& verdict : files.details.checks)
      if (first == nullptr && !verdict.passed && verdict.severity == Severity::kError) first = &verdict;
    const double share = 100.0 * static_cast<double>(bad.count) / static_cast<double>(rows_in);
    return Error(ErrorCode::kData, "`", step.name, "`: ", FormatCount(bad.count), " of ", FormatCount(rows_in), " rows are bad (", FormatDouble(std::ceil(share * 1e3) / 1e3), "%), and at most ",
                 FormatDouble(*step.quarantine_at_most * 100), "% may go to the quarantine; ", first == nullptr ? "" : first->message)
        .WithHelp(first == nullptr ? "" : first->help);
  }
  RETURN_IF_ERROR(ToStatus(step.name, files.details.checks));
  ASSIGN_OR_RETURN(StepFiles::File aside, Write(context, main.path, bad, true));
  files.files[std::string(kQuarantine)] = aside;
  std::int64_t rows_out = rows_in;
  if (bad.count > 0) {
    ASSIGN_OR_RETURN(StepFiles::File good, Write(context, main.path, bad, false));
    static_cast<void>(RemoveFile(main.path).ok());
    rows_out = good.rows;
    main = good;
  }
  if (rows_in != rows_out + aside.rows)
    return Error(ErrorCode::kInternal, "the quarantine of `", step.name, "` lost rows: ", rows_in, " came in, ", rows_out, " went out and ", aside.rows, " aside");
  files.details.quarantine = QuarantineCounts{rows_in, rows_out, aside.rows};
  if (aside.rows > 0)
    files.details.notes.push_back(StrCat(FormatCount(aside.rows), " of ", FormatCount(rows_in), aside.rows == 1 ? " rows is" : " rows are", " put aside; see `headrace data ", context.run->run, " ", step.name, ".", kQuarantine, "`"));
  return Ok();
}

}  // namespace headrace
