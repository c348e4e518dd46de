#include "headrace/check/check.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <set>

#include "headrace/base/text.h"
#include "headrace/check/contract_check.h"
#include "headrace/check/row_check.h"
#include "headrace/check/sample.h"

namespace headrace {

using internal::Breach;
using internal::RowCheck;
using internal::Sample;
using Kind = CheckSpec::Kind;

namespace {

constexpr std::size_t kBlockRows = 65536;  // larger blocks are cut, so that what is kept for one does not grow with the rows

std::string DefaultName(const CheckSpec& spec) {
  switch (spec.kind) {
    case Kind::kContract: return StrCat("contract ", spec.contract.path);
    case Kind::kRows: return "rows";
    case Kind::kExpect: return spec.expression;
    default: return StrCat(CheckKindName(spec.kind), "(", Join(spec.columns, ", "), ")");
  }
}

/// Whether enough rows pass. The product may be a few units in the last place above what was meant (99.9 / 100), so as much is let go.
bool EnoughPass(std::int64_t failed, std::int64_t rows, double at_least) {
  if (failed == 0) return true;
  if (at_least >= 1) return false;
  const double needed = at_least * static_cast<double>(rows);
  return static_cast<double>(rows - failed) >= needed - needed * 1e-15;
}

/// Rounded down, so that what is not all never reads as 100%.
std::string Percent(double hundredths, int digits) {
  double scale = 1;
  for (int k = 0; k < digits; ++k) scale *= 10;
  return StrCat(FormatDouble(std::floor(hundredths * scale + 1e-9) / scale), "%");
}

/// " (at least 99.9% must pass, 99.7% do)": the second number has as many digits as it takes to be the smaller one.
std::string Tolerance(std::int64_t failed, std::int64_t rows, double at_least) {
  const double passed = 100.0 * static_cast<double>(rows - failed) / static_cast<double>(rows);
  const std::string due = Percent(at_least * 100, 9);
  int digits = 1;
  double due_value = 0, passed_value = 0;
  do {
    const std::string shown = Percent(passed, digits);
    ParseDouble(std::string_view(shown).substr(0, shown.size() - 1), &passed_value);
    ParseDouble(std::string_view(due).substr(0, due.size() - 1), &due_value);
  } while (passed_value >= due_value && ++digits <= 9);
  return StrCat(" (at least ", due, " must pass, ", Percent(passed, std::min(digits, 9)), " do)");
}

/// One check on its way to a verdict.
struct Judge {
  CheckVerdict verdict;
  Kind kind = Kind::kExpect;
  double at_least = 1;
  std::string context;                ///< in front of the message
  std::vector<Breach> breaches;       ///< of the schema; the check fails with them
  std::optional<std::int64_t> min_rows, max_rows;
  std::unique_ptr<RowCheck> rows;     ///< null when there is nothing to ask of single rows
  Sample sample;
};

/// What the contracts among the checks promise of a table, and where it is otherwise.
struct Promises {
  Schema schema;                                     ///< the promised columns as promised, then what else the table has
  std::vector<std::vector<Breach>> breaches;         ///< one list a check, empty but for contracts
  std::map<std::string, Breach> broken;              ///< by column
  std::set<std::string> masked;                      ///< personal columns and keys
};

Promises Gather(std::span<const CheckSpec> checks, const Schema& schema) {
  Promises promises;
  std::vector<Field> fields;
  std::set<std::string> seen;
  for (const CheckSpec& check : checks) {
    std::vector<Breach>& breaches = promises.breaches.emplace_back();
    if (check.kind == Kind::kUnique) promises.masked.insert(check.columns.begin(), check.columns.end());
    if (check.kind != Kind::kContract) continue;
    for (const ContractColumn& column : check.contract.columns) {
      if (column.personal) promises.masked.insert(column.name);
      if (seen.insert(column.name).second) fields.push_back({column.name, column.type});
    }
    breaches = internal::BreachesOf(check.contract, schema);
    for (const Breach& breach : breaches)
      if (!breach.column.empty()) promises.broken.emplace(breach.column, breach);
  }
  for (const Field& field : schema.fields())
    if (seen.insert(field.name).second) fields.push_back(field);
  promises.schema = Schema(std::move(fields));
  return promises;
}

Status SetUpContract(const CheckSpec& spec, const Schema& schema, std::vector<Breach> breaches, Judge& judge) {
  judge.context = StrCat("contract ", spec.contract.path, ": ");
  judge.breaches = std::move(breaches);
  std::vector<std::string> never_null;
  for (const ContractColumn& column : spec.contract.columns)
    if (!column.nullable && schema.IndexOf(column.name)) never_null.push_back(column.name);
  if (never_null.empty()) return Ok();
  ASSIGN_OR_RETURN(judge.rows, internal::MakeNotNull(never_null, schema));
  return Ok();
}

/// A check that the table cannot serve fails with the table where a contract promised better, and is invalid otherwise.
Status SetUpRows(const CheckSpec& spec, const Schema& schema, const Promises& promises, Judge& judge) {
  Result<std::unique_ptr<RowCheck>> rows = internal::MakeRowCheck(spec, schema);
  if (rows.ok()) {
    judge.rows = std::move(rows).value();
    return Ok();
  }
  if (!promises.broken.empty()) {
    const Result<std::unique_ptr<RowCheck>> meant = internal::MakeRowCheck(spec, promises.schema);
    if (meant.ok()) {
      for (const std::string& column : (*meant)->columns()) {
        const auto broken = promises.broken.find(column);
        if (broken == promises.broken.end()) continue;
        judge.context = StrCat("check `", judge.verdict.name, "`: ");
        judge.breaches.push_back(broken->second);
        return Ok();
      }
    }
  }
  return std::move(rows).status().WithContext(StrCat("check `", judge.verdict.name, "`"));
}

Result<Judge> MakeJudge(const CheckSpec& spec, const Schema& schema, const Promises& promises, std::vector<Breach> breaches) {
  Judge judge;
  judge.kind = spec.kind;
  judge.verdict.name = spec.name.empty() ? DefaultName(spec) : spec.name;
  judge.verdict.kind = CheckKindName(spec.kind);
  judge.verdict.severity = spec.severity;
  judge.verdict.measure = MeasureOf(spec);
  judge.at_least = spec.at_least;
  judge.min_rows = spec.min_rows;
  judge.max_rows = spec.max_rows;
  if (spec.kind == Kind::kContract) {
    judge.at_least = 1;
    RETURN_IF_ERROR(SetUpContract(spec, schema, std::move(breaches), judge));
  } else if (spec.kind != Kind::kRows) {
    if (!(spec.at_least >= 0 && spec.at_least <= 1))
      return Error(ErrorCode::kInvalid, "check `", judge.verdict.name, "`: `at_least` should be between 0% and 100%, got ", spec.at_least);
    RETURN_IF_ERROR(SetUpRows(spec, schema, promises, judge));
  }
  if (judge.rows) judge.sample = Sample(judge.rows->columns(), schema, promises.masked);
  return judge;
}

void JudgeRowCount(Judge& judge) {
  CheckVerdict& verdict = judge.verdict;
  verdict.value = static_cast<double>(verdict.rows);
  const auto refuse = [&](std::string_view what, std::int64_t due) {
    verdict.passed = false;
    verdict.message = StrCat("expected ", what, " ", FormatCount(due), due == 1 ? " row, got " : " rows, got ", FormatCount(verdict.rows));
    verdict.help = verdict.rows == 0 ? "look at what the source answered; the data are empty" : "look at what was loaded, or change the bound";
  };
  if (judge.min_rows && verdict.rows < *judge.min_rows) refuse("at least", *judge.min_rows);
  else if (judge.max_rows && verdict.rows > *judge.max_rows) refuse("at most", *judge.max_rows);
}

/// The first thing wrong makes the message; when there are more, the help lists all.
void Conclude(Judge& judge) {
  CheckVerdict& verdict = judge.verdict;
  if (judge.kind == Kind::kRows) return JudgeRowCount(judge);
  const bool rows_fail = judge.rows && !EnoughPass(verdict.failed_rows, verdict.rows, judge.at_least);
  verdict.passed = judge.breaches.empty() && !rows_fail;
  if (verdict.passed) return;
  std::vector<Breach> wrong = std::move(judge.breaches);
  if (rows_fail) {
    std::string message = judge.rows->Complaint(verdict.failed_rows, verdict.rows);
    if (judge.at_least < 1) message += Tolerance(verdict.failed_rows, verdict.rows, judge.at_least);
    const std::string first = StrCat("begin with row ", FormatCount(judge.sample.first_row() + 1));
    wrong.push_back({"", std::move(message), judge.kind == Kind::kContract ? StrCat(first, "; mend the source, or say `nullable: true` in the contract") : first});
    judge.sample.Show(judge.rows->GuiltyColumns(), &verdict);
  }
  verdict.message = judge.context + wrong[0].message;
  verdict.help = wrong[0].help;
  if (wrong.size() == 1) return;
  verdict.message += StrCat("; and ", FormatCount(static_cast<std::int64_t>(wrong.size() - 1)), wrong.size() == 2 ? " more breach" : " more breaches");
  verdict.help += "; all breaches: ";
  for (std::size_t i = 0; i < wrong.size(); ++i) verdict.help += StrCat(i == 0 ? "" : ", ", "(", i + 1, ") ", wrong[i].message);
}

/// An expression counts rows of its block; we count those of the dataset, like the samples.
Status InDataset(Status status, const CheckVerdict& verdict, std::int64_t rows_before) {
  std::string message = status.message();
  std::int64_t row = 0;
  const std::size_t colon = message.find(':');
  if (message.starts_with("row ") && colon != std::string::npos && ParseInt(std::string_view(message).substr(4, colon - 4), &row))
    message = StrCat("row ", FormatCount(rows_before + row), message.substr(colon));
  Status out = Error(status.code(), "check `", verdict.name, "`: ", message);
  if (status.span()) out = std::move(out).WithSpan(*status.span());
  return std::move(out).WithHelp(status.help());
}

}  // namespace

struct CheckScan::Parts {
  Schema schema;
  std::vector<Judge> judges;
  std::int64_t rows = 0;
  std::vector<std::uint8_t> failed;

  Status Add(const Table& block) {
    const std::size_t n = block.num_rows();
    for (Judge& judge : judges) {
      if (!judge.rows) continue;
      failed.assign(n, 0);
      if (Status status = judge.rows->Test(block, failed); !status.ok()) return InDataset(std::move(status), judge.verdict, rows);
      std::int64_t count = 0;
      for (const std::uint8_t f : failed) count += f;
      if (count > 0) judge.sample.Take(block, failed, rows);
      judge.verdict.failed_rows += count;
    }
    rows += static_cast<std::int64_t>(n);
    return Ok();
  }
};

CheckScan::CheckScan() = default;
CheckScan::CheckScan(CheckScan&&) noexcept = default;
CheckScan& CheckScan::operator=(CheckScan&&) noexcept = default;
CheckScan::~CheckScan() = default;

Result<CheckScan> CheckScan::Make(std::span<const CheckSpec> checks, const Schema& schema) {
  CheckScan scan;
  scan.parts_ = std::make_unique<Parts>();
  scan.parts_->schema = schema;
  Promises promises = Gather(checks, schema);
  for (std::size_t k = 0; k < checks.size(); ++k) {
    ASSIGN_OR_RETURN(Judge judge, MakeJudge(checks[k], schema, promises, std::move(promises.breaches[k])));
    scan.parts_->judges.push_back(std::move(judge));
  }
  return scan;
}

Status CheckScan::Add(const Table& block) {
  assert(block.schema() == parts_->schema);
  if (block.num_rows() <= kBlockRows) return parts_->Add(block);
  for (std::size_t begin = 0; begin < block.num_rows(); begin += kBlockRows)
    RETURN_IF_ERROR(parts_->Add(block.Slice(begin, std::min(kBlockRows, block.num_rows() - begin))));
  return Ok();
}

std::vector<CheckVerdict> CheckScan::Finish() {
  std::vector<CheckVerdict> verdicts;
  for (Judge& judge : parts_->judges) {
    judge.verdict.rows = parts_->rows;
    Conclude(judge);
    if (!judge.verdict.value) judge.verdict.measure.clear();
    verdicts.push_back(std::move(judge.verdict));
  }
  parts_->judges.clear();
  return verdicts;
}

std::string MeasureOf(const CheckSpec& check) { return DefaultName(check); }

Result<std::vector<CheckVerdict>> RunChecks(std::span<const CheckSpec> checks, TableStream& rows) {
  ASSIGN_OR_RETURN(CheckScan scan, CheckScan::Make(checks, rows.schema()));
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows.Next());
    if (!block) return scan.Finish();
    RETURN_IF_ERROR(scan.Add(*block));
  }
}

Status ToStatus(std::string_view dataset, std::span<const CheckVerdict> verdicts) {
  const CheckVerdict* first = nullptr;
  std::int64_t more = 0;
  for (const CheckVerdict& verdict : verdicts) {
    if (verdict.passed || verdict.severity != Severity::kError) continue;
    if (first == nullptr) first = &verdict;
    else ++more;
  }
  if (first == nullptr) return Ok();
  const std::string others = more == 0 ? std::string() : StrCat(", and ", FormatCount(more), more == 1 ? " more check failed" : " more checks failed");
  return Error(ErrorCode::kData, "`", dataset, "`: ", first->message, others).WithHelp(first->help);
}

}  // namespace headrace
