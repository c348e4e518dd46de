#include "headrace/check/judge.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/text_codes.h"

namespace headrace::internal {

std::string DefaultName(const CheckSpec& spec) {
  using Kind = CheckSpec::Kind;
  switch (spec.kind) {
    case Kind::kContract: return StrCat("contract ", spec.contract.path);
    case Kind::kRows: return "rows";
    case Kind::kExpect: return spec.expression;
    case Kind::kMetric: return StrCat("metric(", spec.expression, ")");
    case Kind::kQuantile: return StrCat("quantile(", Join(spec.columns, ", "), ", ", spec.quantile, ")");
    case Kind::kSql: return "sql";
    case Kind::kSameAs: return StrCat("same_as(", spec.dataset, ")");
    default: return StrCat(CheckKindName(spec.kind), "(", Join(spec.columns, ", "), ")");
  }
}

namespace {

using Kind = CheckSpec::Kind;

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

std::optional<double> NumberOf(const std::optional<Value>& value) {
  if (!value || value->is_null() || !IsNumeric(value->type())) return std::nullopt;
  return value->type() == Type::kInt ? static_cast<double>(value->as_int()) : value->as_double();
}

/// The bounds of the level error.
Bounds BoundsOf(const CheckSpec& spec, const Measure& measure) {
  Bounds bounds = measure.own_bounds();
  if (spec.kind == Kind::kRows) {
    if (spec.min_rows) bounds.min = static_cast<double>(*spec.min_rows);
    if (spec.max_rows) bounds.max = static_cast<double>(*spec.max_rows);
  }
  if (const auto min = NumberOf(spec.min)) bounds.min = min;
  if (const auto max = NumberOf(spec.max)) bounds.max = max;
  return bounds;
}

Bounds BoundsOf(const WarnBounds& warn) {
  Bounds bounds{NumberOf(warn.min), NumberOf(warn.max)};
  if (warn.within_us) bounds.max = static_cast<double>(*warn.within_us) / 1e6;
  return bounds;
}

/// The range as the level `warn` has it, where that is another one.
std::optional<CheckSpec> WarnRange(const CheckSpec& spec) {
  if (spec.kind != Kind::kRange || !spec.warn || (!spec.warn->min && !spec.warn->max)) return std::nullopt;
  CheckSpec warn = spec;
  warn.min = spec.warn->min;
  warn.max = spec.warn->max;
  return warn;
}

}  // namespace

Promises GatherPromises(std::span<const CheckSpec> checks, const Schema& schema) {
  Promises promises;
  std::vector<Field> fields;
  std::set<std::string> seen;
  for (const CheckSpec& check : checks) {
    std::vector<Breach>& breaches = promises.breaches.emplace_back();
    if (check.kind == Kind::kUnique) promises.masked.insert(check.columns.begin(), check.columns.end());
    if (check.kind != Kind::kContract) continue;
    for (const ContractColumn& column : check.contract.columns) {
      if (column.personal) promises.personal.insert(column.name);
      if (seen.insert(column.name).second) fields.push_back({column.name, column.type});
    }
    breaches = BreachesOf(check.contract, schema);
    for (const Breach& breach : breaches)
      if (!breach.column.empty()) promises.broken.emplace(breach.column, breach);
  }
  promises.masked.insert(promises.personal.begin(), promises.personal.end());
  for (const Field& field : schema.fields())
    if (seen.insert(field.name).second) fields.push_back(field);
  promises.schema = Schema(std::move(fields));
  return promises;
}

Status Judge::SetUpContract(const Schema& schema, std::vector<Breach> breaches) {
  context_ = StrCat("contract ", spec_.contract.path, ": ");
  breaches_ = std::move(breaches);
  std::vector<std::string> never_null;
  for (const ContractColumn& column : spec_.contract.columns)
    if (!column.nullable && schema.IndexOf(column.name)) never_null.push_back(column.name);
  if (never_null.empty()) return Ok();
  ASSIGN_OR_RETURN(check_, MakeNotNull(never_null, schema));
  return Ok();
}

Status Judge::Prototype(const Schema& schema, const CheckContext& context) {
  if (spec_.of_a_number()) {
    ASSIGN_OR_RETURN(measure_, MakeMeasure(spec_, schema, context));
    return Ok();
  }
  ASSIGN_OR_RETURN(check_, MakeRowCheck(spec_, schema, context));
  if (const auto warn = WarnRange(spec_)) {
    ASSIGN_OR_RETURN(warn_check_, MakeRowCheck(*warn, schema, context));
  }
  return Ok();
}

const std::vector<std::string>& Judge::columns() const {
  static const std::vector<std::string> kNone;
  return check_ ? check_->columns() : measure_ ? measure_->columns() : kNone;
}

void Judge::Forget() {
  check_.reset();
  warn_check_.reset();
  measure_.reset();
}

/// A check that the table cannot serve fails with the table where a contract promised better, and is invalid otherwise.
Status Judge::SetUp(const Schema& schema, const Schema& part, const Promises& promises, const CheckContext& context) {
  Status status = Prototype(part, context);
  if (status.ok()) return status;
  if (!(part == schema))
    if (Status whole = Prototype(schema, context); !whole.ok()) status = std::move(whole);   // it knows more names to suggest
  Forget();
  if (!promises.broken.empty() && Prototype(promises.schema, context).ok()) {
    const std::vector<std::string> names = columns();
    Forget();
    for (const std::string& column : names) {
      const auto broken = promises.broken.find(column);
      if (broken == promises.broken.end()) continue;
      context_ = StrCat("check `", verdict_.name, "`: ");
      breaches_.push_back(broken->second);
      return Ok();
    }
  }
  return std::move(status).WithContext(StrCat("check `", verdict_.name, "`"));
}

/// Segments are named by values, so no personal column may make them.
Status Judge::MayLook(const Promises& promises) const {
  const auto refuse = [this](std::string_view why) { return Error(ErrorCode::kInvalid, "check `", verdict_.name, "`: ", why); };
  if (spec_.kind == Kind::kContract && (!spec_.by.empty() || !spec_.where.empty())) return refuse("a contract holds for all rows; it takes neither `where` nor `by`");
  if (spec_.kind == Kind::kSameAs && !spec_.by.empty()) return refuse("`same_as` compares whole datasets; it takes no `by`");
  if (spec_.kind == Kind::kSql && (!spec_.by.empty() || !spec_.where.empty())) return refuse("the query says which rows it looks at; it takes neither `where` nor `by`");
  for (const std::string& column : spec_.by)
    if (promises.personal.contains(column)) return refuse(StrCat("`by` would show values of `", column, "`, which the contract calls personal"));
  return Ok();
}

Result<Judge> Judge::Make(const CheckSpec& spec, const Schema& schema, const Schema& part, const Promises& promises, std::vector<Breach> breaches, const CheckContext& context) {
  Judge judge;
  judge.spec_ = spec;
  CheckVerdict& verdict = judge.verdict_;
  verdict.name = spec.name.empty() ? DefaultName(spec) : spec.name;
  verdict.kind = CheckKindName(spec.kind);
  verdict.severity = spec.severity;
  verdict.tags = spec.tags;
  if (spec.of_a_number()) verdict.measure = MeasureOf(spec);
  judge.masked_ = promises.masked;
  RETURN_IF_ERROR(judge.MayLook(promises));
  if (spec.kind == Kind::kContract) {
    judge.spec_.at_least = 1;
    RETURN_IF_ERROR(judge.SetUpContract(schema, std::move(breaches)));
  } else if (spec.kind == Kind::kSql) {
    for (const std::string& name : schema.Names()) judge.known_.insert(name);
  } else {
    if (spec.of_single_rows() && !(spec.at_least >= 0 && spec.at_least <= 1))
      return Error(ErrorCode::kInvalid, "check `", verdict.name, "`: `at_least` should be between 0% and 100%, got ", spec.at_least);
    RETURN_IF_ERROR(judge.SetUp(schema, part, promises, context));
  }
  if (judge.check_) judge.sample_ = Sample(judge.check_->columns(), schema, promises.masked);
  if (judge.measure_ && !judge.measure_->only_counts())
    judge.hide_ = std::any_of(judge.columns().begin(), judge.columns().end(), [&](const std::string& column) { return promises.personal.contains(column); });
  return judge;
}

std::optional<std::size_t> Judge::TextColumn(const Schema& schema) const {
  if (!check_ || !check_->by_value() || check_->columns().size() != 1) return std::nullopt;
  const auto at = schema.IndexOf(check_->columns()[0]);
  return at && schema[*at].type == Type::kText ? at : std::nullopt;
}

Status Judge::UseCodes(const std::shared_ptr<TextCodes>& codes, const Schema& schema) {
  ASSIGN_OR_RETURN(std::unique_ptr<RowCheck> by_text, MakeRowCheck(spec_, Schema({schema[codes->at()]}), {}));
  check_ = OncePerText(std::move(check_), std::move(by_text), codes);
  return Ok();
}

Judge::Tally Judge::NewTally() const {
  Tally tally;
  if (check_) tally.check = check_->Clone();
  if (warn_check_) tally.warn_check = warn_check_->Clone();
  if (measure_) tally.measure = measure_->Clone();
  tally.sample = tally.warn_sample = sample_;
  return tally;
}

Result<bool> Judge::Ask(RowCheck& check, const Looked& looked, Sample& sample, std::int64_t& count, std::vector<std::uint8_t>& failed) {
  std::vector<std::uint8_t>& out = looked.rows.empty() ? failed : part_failed_;
  if (!looked.rows.empty()) part_failed_.assign(looked.part.num_rows(), 0);
  if (Status status = check.Test(looked.part, out); !status.ok()) return InDataset(std::move(status), looked);
  std::int64_t failures = 0;
  for (const std::uint8_t f : out) failures += f;
  if (failures == 0) return false;
  for (std::size_t k = 0; k < looked.rows.size(); ++k) failed[looked.rows[k]] = part_failed_[k];
  sample.Take(looked.block, failed, looked.before);
  count += failures;
  return true;
}

Result<bool> Judge::Add(const Looked& looked, std::vector<std::uint8_t>& failed) {
  while (tallies_.size() <= looked.segment) tallies_.push_back(NewTally());
  Tally& tally = tallies_[looked.segment];
  tally.rows += static_cast<std::int64_t>(looked.part.num_rows());
  if (tally.measure) {
    if (Status status = tally.measure->Add(looked.part); !status.ok()) return InDataset(std::move(status), looked);
    return false;
  }
  if (!tally.check) return false;
  if (tally.warn_check) {
    ASSIGN_OR_RETURN(const bool any, Ask(*tally.warn_check, looked, tally.warn_sample, tally.warn_failed, failed));
    if (any) std::fill(failed.begin(), failed.end(), std::uint8_t{0});
  }
  return Ask(*tally.check, looked, tally.sample, tally.failed, failed);
}

/// An expression counts the rows it was given; we count those of the dataset, like the samples.
Status Judge::InDataset(Status status, const Looked& looked) const {
  std::string message = status.message();
  std::int64_t row = 0;
  const std::size_t colon = message.find(':');
  if (message.starts_with("row ") && colon != std::string::npos && ParseInt(std::string_view(message).substr(4, colon - 4), &row)) {
    if (!looked.rows.empty()) row = static_cast<std::int64_t>(looked.rows[static_cast<std::size_t>(row - 1)]) + 1;
    message = StrCat("row ", FormatCount(looked.before + row), message.substr(colon));
  }
  Status out = Error(status.code(), "check `", verdict_.name, "`: ", message);
  if (status.span()) out = std::move(out).WithSpan(*status.span());
  return std::move(out).WithHelp(status.help());
}

/// The first thing wrong makes the message; when there are more, the help lists all.
void Judge::ConcludeRows(Tally& tally, const CheckContext& context, CheckVerdict& verdict) const {
  verdict.failed_rows = tally.failed;
  const bool asked = tally.check != nullptr;
  const bool rows_fail = asked && !EnoughPass(tally.failed, tally.rows, spec_.at_least);
  const RowCheck* check = tally.check.get();
  const Sample* sample = &tally.sample;
  std::int64_t failed = tally.failed;
  double at_least = spec_.at_least;
  bool warns = false;
  if (breaches_.empty() && !rows_fail && asked && spec_.warn) {
    if (tally.warn_check) {
      check = tally.warn_check.get();
      sample = &tally.warn_sample;
      failed = tally.warn_failed;
    }
    at_least = spec_.warn->at_least.value_or(1.0);
    warns = !EnoughPass(failed, tally.rows, at_least);
  }
  verdict.passed = breaches_.empty() && !rows_fail && !warns;
  if (verdict.passed) return;
  if (warns) {
    verdict.severity = Severity::kWarn;
    verdict.failed_rows = failed;
  }
  std::vector<Breach> wrong = breaches_;
  if (rows_fail || warns) {
    std::string message = check->Complaint(failed, tally.rows);
    if (at_least < 1) message += Tolerance(failed, tally.rows, at_least);
    const std::string first = StrCat("begin with row ", FormatCount(sample->first_row() + 1));
    wrong.push_back({"", std::move(message), spec_.kind == Kind::kContract ? StrCat(first, "; mend the source, or say `nullable: true` in the contract") : first});
    sample->Show(check->GuiltyColumns(), &verdict);
    const bool aside = context.bad_rows != nullptr && context.bad_rows->count <= context.bad_rows->limit && refuses_rows();
    if (rows_fail && aside) {
      wrong.back().message += "; put aside";
      if (breaches_.empty()) verdict.severity = Severity::kWarn;
    }
  }
  verdict.message = wrong[0].message;
  verdict.help = wrong[0].help;
  if (wrong.size() == 1) return;
  verdict.message += StrCat("; and ", FormatCount(static_cast<std::int64_t>(wrong.size() - 1)), wrong.size() == 2 ? " more breach" : " more breaches");
  verdict.help += "; all breaches: ";
  for (std::size_t i = 0; i < wrong.size(); ++i) verdict.help += StrCat(i == 0 ? "" : ", ", "(", i + 1, ") ", wrong[i].message);
}

void Judge::ConcludeMeasure(Tally& tally, CheckVerdict& verdict) const {
  const std::optional<double> value = tally.measure->Finish();
  if (!hide_) verdict.value = value;
  const Bounds bounds = BoundsOf(spec_, *tally.measure);
  const auto keeps = [&](const Bounds& level) { return (!level.min && !level.max) || (value && level.Hold(*value)); };
  const auto complain = [&](const Bounds& level) {
    verdict.passed = false;
    verdict.message = tally.measure->Complaint(value, level, hide_);
    verdict.help = tally.measure->Help();
  };
  if (!keeps(bounds)) return complain(bounds);
  if (!spec_.warn || keeps(BoundsOf(*spec_.warn))) return;
  complain(BoundsOf(*spec_.warn));
  verdict.severity = Severity::kWarn;
}

/// Of the answer only columns that bear the name of one of the dataset's that is not personal are shown: what an expression made of others cannot be known.
Status Judge::ConcludeQuery(const CheckContext& context, CheckVerdict& verdict) const {
  if (!context.query) return Error(ErrorCode::kInvalid, "`sql` needs an engine, and there is none here").WithContext(StrCat("check `", verdict.name, "`"));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, context.query(spec_));
  std::set<std::string> masked = masked_;
  for (const std::string& name : rows->schema().Names())
    if (!known_.contains(name)) masked.insert(name);
  Sample sample(rows->schema().Names(), rows->schema(), masked);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows->Next());
    if (!block) break;
    sample.Take(*block, std::vector<std::uint8_t>(block->num_rows(), 1), verdict.failed_rows);
    verdict.failed_rows += static_cast<std::int64_t>(block->num_rows());
  }
  verdict.rows = verdict.failed_rows;
  verdict.value = static_cast<double>(verdict.failed_rows);
  if (verdict.failed_rows == 0) return Ok();
  verdict.passed = false;
  verdict.message = StrCat("the query should give no row, but gives ", FormatCount(verdict.failed_rows));
  verdict.help = "look at the rows that it gives";
  sample.Show(rows->schema().Names(), &verdict);
  return Ok();
}

Result<std::vector<CheckVerdict>> Judge::Conclude(const std::vector<std::string>& segments, const CheckContext& context) {
  std::vector<CheckVerdict> verdicts;
  const std::size_t count = std::max<std::size_t>(1, segments.size());
  while (tallies_.size() < count) tallies_.push_back(NewTally());
  for (std::size_t k = 0; k < count; ++k) {
    CheckVerdict& verdict = verdicts.emplace_back(verdict_);
    if (k < segments.size()) verdict.segment = segments[k];
    verdict.rows = tallies_[k].rows;
    if (spec_.kind == Kind::kSql) RETURN_IF_ERROR(ConcludeQuery(context, verdict));
    else if (tallies_[k].measure) ConcludeMeasure(tallies_[k], verdict);
    else ConcludeRows(tallies_[k], context, verdict);
    if (!verdict.passed) verdict.message = StrCat(verdict.segment.empty() ? "" : StrCat("[", verdict.segment, "] "), context_, verdict.message);
  }
  std::sort(verdicts.begin(), verdicts.end(), [](const CheckVerdict& a, const CheckVerdict& b) { return a.segment < b.segment; });
  return verdicts;
}

}  // namespace headrace::internal
