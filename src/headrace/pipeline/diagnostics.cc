#include "headrace/pipeline/diagnostics.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "headrace/base/text.h"

namespace headrace {
namespace {

using enum DiagnosticCode;

constexpr auto kCodes = std::to_array<CodeExplanation>({
    {kUnreadable, "file cannot be read", "The file is not there or may not be read. Check the path and its permissions."},
    {kEncoding, "file is not plain UTF-8 text", "Project files are UTF-8 with line feeds (CRLF is read as LF, a byte order mark is skipped). Save the file as UTF-8."},
    {kTooLarge, "file is too large", "A project file may have 1 MiB. Move data out of it."},
    {kSyntax, "not valid YAML", "The file breaks YAML's grammar. Most often a value with `{`, `[`, `: ` or `#` needs quotes, or a bracket is not closed."},
    {kTooDeep, "nested too deep", "Project files may nest 64 levels."},
    {kTooManyNodes, "too many values", "A project file may hold 50,000 values."},
    {kAliasOrTag, "alias, anchor or tag", "`*name`, `&name` and `!name` are not allowed. Share steps with `use:`; quote a value that begins with such a character."},
    {kDuplicateKey, "key given twice", "A map holds one key twice. Remove one of the two."},
    {kSeveralDocuments, "several documents", "A project file holds one YAML document. Put the second into a file of its own."},
    {kTabIndentation, "tab used to indent", "YAML indents with blanks only. Replace tabs at the beginning of lines."},
    {kUnknownKey, "unknown key", "The key is not one of those allowed at this place. The message names the nearest one; docs/pipeline-files.md lists all."},
    {kWrongType, "wrong type of value", "The key takes another kind of value, as the message says."},
    {kMissingKey, "missing key", "A key that must be given at this place is not there."},
    {kNotYet, "not available in this version", "The key or step kind is planned but this version cannot act on it. Remove it."},
    {kBadName, "not a valid name", "Names of steps, parameters and pipelines begin with a letter and go on with letters, digits and `_` (pipelines and tenants also `-`)."},
    {kConflict, "keys that exclude each other", "Two keys of which only one may stand, or a choice that misses its partner."},
    {kBadValue, "value out of range", "The value has the right type but cannot be used here, as the message says."},
    {kUnknownParameter, "unknown parameter", "A value is given for a parameter that is not declared. Declare it under `params:` or correct the name."},
    {kMissingParameter, "missing parameter", "A parameter without a default got no value. Give it with `-p NAME=VALUE`, in the tenant file, or declare a `default:`."},
    {kParameterValue, "parameter of a wrong type", "The value does not read as the parameter's declared type."},
    {kExpression, "error in an expression", "The expression cannot be parsed or typed. docs/expressions.md has the grammar."},
    {kSubstitution, "`${...}` cannot stand here", "A `${...}` is not closed, gives another type than the key takes, or stands where text must be literal (SQL, names)."},
    {kUnknownStep, "no such step", "A step reads another one that nobody defines. The message names the nearest one."},
    {kCycle, "steps wait for each other", "The steps form a loop, which the message lists. Break it at one edge."},
    {kDuplicateName, "name used twice", "Two things of one kind have the same name."},
    {kUnknownOutput, "no such output", "The step has no output of that name."},
    {kWrongInput, "step reads the wrong kind of thing", "`data:` takes a dataset, `model:` a model. A test gives rows or a model file for whatever its steps would read outside (docs/testing.md)."},
    {kUse, "`use:` cannot be followed", "The group of steps is missing, uses itself, or lacks a parameter."},
    {kStepKind, "not exactly one kind", "A step has exactly one key that names its kind: extract, sql, aggregate, fill, train, score, deliver, command, pipeline or use."},
    {kCode, "script that `code` does not name", "A command runs a file of the project that no entry of its `code` matches. Name all files that decide what it does, so that the step runs again when one of them changes."},
    {kColumns, "columns do not fit", "A query, check or `train` names a column that what it reads does not have, or uses one in a way its type does not allow. Columns are known without a run where a contract stands at the beginning of the way."},
    {kSql, "error in SQL", "The query cannot be parsed. The place is in the .sql file, or in the YAML file for an inline query."},
    {kUnknownTable, "table that no step makes", "A `sql` step reads the outputs of other steps by name. The table is neither a step nor a CTE of the query. Or a tenant's `tables` renames one that no step reads or writes."},
    {kBinding, "bound values and query differ", "Each `$name` of a query needs a value under `bind:`, and each value must be used."},
    {kMetric, "unknown metric", "The metric does not exist or does not fit. docs/metrics.md lists all."},
    {kLearner, "wrong learner or parameter", "The learner or one of its parameters is unknown or out of range."},
    {kCheck, "wrong check", "The check is not one of those known, or lacks what it needs."},
    {kUnknownPipeline, "no such pipeline", "No file under pipelines/ has that name."},
    {kUnknownTenant, "no such tenant", "No file under tenants/ has that name."},
    {kUnknownEnvironment, "no such environment", "headrace.yaml has no environment of that name."},
    {kUnknownConnection, "no such connection", "Neither headrace.yaml nor the tenant defines the connection."},
    {kMissingFile, "file that is not there", "A query, contract or group of steps names a file that does not exist."},
    {kSchedule, "wrong schedule", "The cron expression, distance, zone or time under `schedule:` does not read, or fits nothing. docs/schedules.md has the syntax."},
});

bool SameFinding(const Diagnostic& a, const Diagnostic& b) {
  return a.code == b.code && a.severity == b.severity && a.message == b.message && a.at.file == b.at.file &&
         a.at.line == b.at.line && a.at.column == b.at.column;
}

}  // namespace

std::string CodeText(DiagnosticCode code) {
  std::string number = StrCat(static_cast<unsigned>(code));
  return "P" + std::string(4 - std::min<std::size_t>(4, number.size()), '0') + number;
}

std::span<const CodeExplanation> AllCodes() { return kCodes; }

Location Locate(const Place& place) {
  Location at;
  if (place.source == nullptr) return at;
  const SourceFile& source = *place.source;
  const auto [line, column] = source.PositionOf(place.offset);
  at.file = source.path();
  at.line = line;
  at.column = column;
  at.source_line = std::string(source.Line(line));
  // Count characters up to the end of the place or of its first line, whichever comes first.
  const std::size_t line_end = source.OffsetOf(line - 1, 0) + at.source_line.size();
  const std::size_t end = std::min(place.offset + place.length, line_end);
  const std::size_t end_column = end > place.offset ? source.PositionOf(end).column : column;
  at.length = std::max<std::size_t>(1, end_column - column);
  return at;
}

Diagnostic& Diagnostics::AddError(DiagnosticCode code, const Place& place, std::string message) {
  Diagnostic found;
  found.code = code;
  found.message = std::move(message);
  if (found_.size() < kCap) found.at = Locate(place);  // beyond the cap only the count matters
  Add(std::move(found));
  return left_out_ > 0 ? overflow_ : found_.back();
}

Diagnostic& Diagnostics::AddWarning(DiagnosticCode code, const Place& place, std::string message) {
  Diagnostic found;
  found.code = code;
  found.severity = Severity::kWarn;
  found.message = std::move(message);
  if (found_.size() < kCap) found.at = Locate(place);  // beyond the cap only the count matters
  Add(std::move(found));
  return left_out_ > 0 ? overflow_ : found_.back();
}

void Diagnostics::Add(Diagnostic diagnostic) {
  for (Diagnostic& known : found_) {
    if (!SameFinding(known, diagnostic)) continue;
    // Said already. Keep it last, so that the caller's Help lands on it.
    std::rotate(found_.begin() + (&known - found_.data()), found_.begin() + (&known - found_.data()) + 1, found_.end());
    return;
  }
  ++(diagnostic.severity == Severity::kError ? errors_ : warnings_);
  if (found_.size() < kCap) {
    found_.push_back(std::move(diagnostic));
  } else {
    ++left_out_;
    overflow_ = std::move(diagnostic);
  }
}

void Diagnostics::AddStatus(DiagnosticCode code, const SourcedText& text, const Status& status) {
  const Place place = status.span() ? text.origin.At(*status.span()) : text.origin.whole;
  AddError(code, place, status.message()).Help(status.help());
}

std::vector<Diagnostic> Diagnostics::Sorted() const {
  std::vector<Diagnostic> sorted = found_;
  std::sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.at.file, a.at.line, a.at.column, a.code, a.severity, a.message) <
           std::tie(b.at.file, b.at.line, b.at.column, b.code, b.severity, b.message);
  });
  return sorted;
}

Status Diagnostics::ToStatus() const {
  if (!has_errors()) return Ok();
  for (const Diagnostic& found : Sorted()) {
    if (found.severity != Severity::kError) continue;
    std::string place = found.at.file.empty() ? "" : StrCat(found.at.file, ":", found.at.line, ":", found.at.column, ": ");
    std::string more = errors_ > 1 ? StrCat(" (and ", errors_ - 1, " more)") : "";
    return Error(ErrorCode::kInvalid, place, found.message, more).WithHelp(found.help);
  }
  return Error(ErrorCode::kInvalid, errors_, " errors");
}

}  // namespace headrace
