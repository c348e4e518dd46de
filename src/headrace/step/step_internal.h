#pragma once

#include <map>
#include <string>
#include <vector>

#include "headrace/check/check.h"
#include "headrace/check/drift.h"
#include "headrace/step/personal.h"
#include "headrace/step/step.h"

namespace headrace {

/// Put the model that a train step stored into the registry, and move `champion` when every gate passed.
Status RegisterModel(const StepContext& context, const ArtifactRef& model, bool gate_refused, StepDetails& details);

/// The inputs that the step itself reads: all but those of its checks.
std::map<std::string, StepInputFile> OwnInputs(const StepContext& context);

/// The column of a quarantine that says which checks a row fails.
inline constexpr std::string_view kReasonColumn = "failed_checks";
/// The most rows of `rows` that the step's quarantine takes.
std::int64_t QuarantineLimit(const StepSpec& step, std::int64_t rows);
/// Part the main dataset into good rows and bad ones, which become the output `quarantine`. kData when there are more of them than may be.
Status PutAside(const StepContext& context, const BadRows& bad, StepFiles& files);
/// Hold what checks measured against the tenant's earlier runs, where they say `baseline`.
Status JudgeBaselines(const StepContext& context, std::vector<CheckVerdict>& verdicts);

/// The verdict on an extract that gave no row; nullopt when it says `empty: allow`.
std::optional<CheckVerdict> JudgeEmpty(const StepContext& context);

/// The same error, with file:line:column in front where its span stands in a project file.
Status AtPlace(const SourcedText& text, Status status);

/// What an API gave, in scratch files: the body as it came, and its rows as lines of JSON.
struct ApiAnswer {
  std::string body_file, rows_file;
  std::size_t rows = 0;                    ///< 0 only where the step allows it; then `rows_file` is empty
};
/// kData: an answer that is no list of rows, says that something is wrong, or holds none; kBusy: 429, 5xx or no answer, after several attempts. The error
/// names what came, with nothing in it that could be a secret or a value of a row.
Result<ApiAnswer> AskApi(const StepContext& context, const ApiSpec& spec);
/// One check of kind kDrift: counts the rows that this step left while others look at them, and those that a `score` step read in a scan of its own.
///
///   Make -> Add* -> Conclude
class DriftCheck {
 public:
  /// `schema` is that of the rows that the step left. In the first run, `against: last` has nothing to compare with, and passes.
  static Result<DriftCheck> Make(const StepContext& context, const CheckSpec& check, const Schema& schema);
  void Add(const Table& block) { if (output_) output_->Add(block); }
  Result<CheckVerdict> Conclude(const StepContext& context);

 private:
  const CheckSpec* check_ = nullptr;
  std::string against_;                      ///< as people say it; "" = nothing to compare with
  std::optional<DriftScan> output_;
  std::vector<DriftReference> input_;        ///< of the rows that a `score` step read
};

SqlParameters Bind(const BoundValues& values);

/// `act` is called when the step is cancelled, as long as the returned token lives.
std::shared_ptr<void> CancelsWith(const StepContext& context, std::function<void()> act);

}  // namespace headrace
