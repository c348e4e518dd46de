#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/check/spec.h"
#include "headrace/pipeline/source.h"

namespace headrace {

/// What is wrong with a project file. The number is the user's: kUnknownKey is P0201. Numbers are never reused;
/// `Explain` and docs/diagnostics.md have a line for each.
enum class DiagnosticCode : std::uint16_t {
  // P01xx: the file as text and as YAML.
  kUnreadable = 101, kEncoding = 102, kTooLarge = 103, kSyntax = 104, kTooDeep = 105, kTooManyNodes = 106,
  kAliasOrTag = 107, kDuplicateKey = 108, kSeveralDocuments = 109, kTabIndentation = 110,
  // P02xx: keys and their types.
  kUnknownKey = 201, kWrongType = 202, kMissingKey = 203, kNotYet = 204, kBadName = 205, kConflict = 206, kBadValue = 207,
  // P03xx: parameters, ${...} and expressions.
  kUnknownParameter = 301, kMissingParameter = 302, kParameterValue = 303, kExpression = 304, kSubstitution = 305,
  // P04xx: steps and their graph.
  kUnknownStep = 401, kCycle = 402, kDuplicateName = 403, kUnknownOutput = 404, kWrongInput = 405, kUse = 406,
  kStepKind = 407, kCode = 408, kColumns = 409,
  // P05xx: SQL.
  kSql = 501, kUnknownTable = 502, kBinding = 503,
  // P06xx: learning, checks.
  kMetric = 601, kLearner = 602, kCheck = 603,
  // P07xx: the project around the pipelines.
  kUnknownPipeline = 701, kUnknownTenant = 702, kUnknownEnvironment = 703, kUnknownConnection = 704,
  kMissingFile = 705,
  // P08xx: schedules.
  kSchedule = 801,
};

/// "P0201".
std::string CodeText(DiagnosticCode code);
/// All codes in order, each with one line on what it means and what to do.
struct CodeExplanation { DiagnosticCode code; std::string_view title, explanation; };
std::span<const CodeExplanation> AllCodes();

/// A place as it is shown. Lines and columns from 1; column and length in characters.
struct Location {
  std::string file;                 ///< relative to the project's root; "" = no file (the command line)
  std::size_t line = 0, column = 0, length = 1;
  std::string source_line;
};
Location Locate(const Place& place);

/// One finding, as a compiler reports it.
struct Diagnostic {
  DiagnosticCode code = DiagnosticCode::kSyntax;
  Severity severity = Severity::kError;
  std::string message;              ///< lower case, no full stop, names in backticks
  Location at;
  std::optional<Location> related;  ///< e.g. where the first of two equal names stands
  std::string related_label;        ///< "first defined here"
  std::string help;                 ///< the edit to make; may be empty

  Diagnostic& Help(std::string text) { help = std::move(text); return *this; }
  Diagnostic& Related(const Place& place, std::string label) {
    related = Locate(place);
    related_label = std::move(label);
    return *this;
  }
};

/// Everything found in one pass over a project's files.
///
/// Threads: none.
class Diagnostics {
 public:
  /// At most this many are kept; the rest are counted.
  static constexpr std::size_t kCap = 50;

  /// The reference is good until the next call.
  Diagnostic& AddError(DiagnosticCode code, const Place& place, std::string message);
  Diagnostic& AddWarning(DiagnosticCode code, const Place& place, std::string message);
  void Add(Diagnostic diagnostic);
  /// An error of a parser (span into `text.text`) at its place in the file.
  void AddStatus(DiagnosticCode code, const SourcedText& text, const Status& status);

  /// A file that was read in this pass, whole and well. The newest of a path counts.
  void NoteSource(std::shared_ptr<const SourceFile> source) { sources_[source->path()] = std::move(source); }
  /// By path relative to the project's root.
  const std::map<std::string, std::shared_ptr<const SourceFile>>& sources() const { return sources_; }

  bool has_errors() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return warnings_; }
  std::size_t left_out() const { return left_out_; }
  /// By file, line, column and code; equal ones once.
  std::vector<Diagnostic> Sorted() const;
  /// Ok, or kInvalid with the first error's message and how many there are.
  Status ToStatus() const;

 private:
  std::vector<Diagnostic> found_;
  Diagnostic overflow_;
  std::map<std::string, std::shared_ptr<const SourceFile>> sources_;
  std::size_t errors_ = 0, warnings_ = 0, left_out_ = 0;
};

/// As text for a terminal:
///
///   error[P0201]: unknown key `conection` in `extract`
///     --> pipelines/score.yaml:4:15
///      |
///    4 |     extract: {conection: warehouse, table: profiles}
///      |               ^^^^^^^^^
///      |
///      = help: did you mean `connection`?
///
/// and a last line with the counts. `color` adds ANSI colours.
std::string RenderText(const Diagnostics& diagnostics, bool color);
std::string RenderText(const Diagnostic& diagnostic, bool color);
/// One JSON document: {"version": 1, "errors": n, "warnings": n, "left_out": n, "diagnostics": [{code, severity, message,
/// file, line, column, end_column, help, related: {file, line, column, label}}]}.
std::string RenderJson(const Diagnostics& diagnostics);
/// SARIF 2.1.0, for code-scanning tools.
std::string RenderSarif(const Diagnostics& diagnostics);
/// Workflow commands of GitHub Actions: "::error file=...,line=...,col=...,title=P0201::message".
std::string RenderGithub(const Diagnostics& diagnostics);

}  // namespace headrace
