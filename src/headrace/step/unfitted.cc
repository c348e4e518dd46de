// Promise 1 for what is not fitted: the SQL above `score` must be the SQL above `train`, letter for letter but for layout, so must be what an
// `aggregate` says, and commands with the files of their code. A model file records every query and command above its `train` step; each query above `score` must be one of them.

#include <algorithm>
#include <set>

#include "headrace/base/digest.h"
#include "headrace/sql/sql_text.h"
#include "headrace/step/step.h"

namespace headrace {

namespace {
/// What a command does is what its code says.
std::string WithCode(const std::string& root, const StepSpec& step) {
  std::string text = step.unfitted_text;
  const Result<std::map<std::string, std::string>> code = CodeDigests(root, step.as<CommandSpec>());
  if (!code.ok()) return StrCat(text, "\ncode: ", code.status().message());
  for (const auto& [file, digest] : *code) text += StrCat("\ncode ", file, ": ", digest);
  return text;
}
}  // namespace

std::vector<UnfittedStep> UnfittedAbove(const ResolvedPipeline& pipeline, const StepSpec& step) {
  std::set<std::string> above, open;
  for (const StepInput& input : step.inputs)
    if (input.name == "data") open.insert(input.step);
  while (!open.empty()) {
    const std::string name = *open.begin();
    open.erase(open.begin());
    if (!above.insert(name).second) continue;
    if (const StepSpec* found = pipeline.Find(name))
      for (const StepInput& input : found->inputs)
        if (!input.for_checks()) open.insert(input.step);
  }
  std::vector<UnfittedStep> steps;
  for (const std::string& name : above) {
    const StepSpec* found = pipeline.Find(name);
    if (found == nullptr || found->unfitted_text.empty()) continue;
    if (found->kind == StepKind::kCommand) {
      const std::string text = WithCode(pipeline.root, *found);
      steps.push_back({found->bare_name, std::string(StepKindName(found->kind)), text, Sha256Hex(text)});
      continue;
    }
    if (found->kind == StepKind::kAggregate) {
      steps.push_back({found->bare_name, "aggregate", found->unfitted_text, Sha256Hex(found->unfitted_text)});
      continue;
    }
    if (found->kind != StepKind::kSql && found->kind != StepKind::kExtract) continue;
    const Result<std::string> normal = NormalizeSql(found->unfitted_text, SqlDialect::kDuckDb);
    steps.push_back({found->bare_name, std::string(StepKindName(found->kind)), found->unfitted_text,
                     Sha256Hex(normal.ok() ? *normal : found->unfitted_text)});
  }
  std::sort(steps.begin(), steps.end(), [](const UnfittedStep& a, const UnfittedStep& b) {
    return std::tie(a.name, a.digest) < std::tie(b.name, b.digest);
  });
  return steps;
}

namespace {
/// Lines of both texts, those in common once: "- trained", "+ scored" (longest common subsequence).
std::string Diff(std::string_view trained, std::string_view scored) {
  const std::vector<std::string> a = Split(trained, '\n'), b = Split(scored, '\n');
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::string out;
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      ++i;
      ++j;
    } else if (i < a.size() && (j == b.size() || common[i + 1][j] >= common[i][j + 1])) {
      out += StrCat("\n  - ", a[i++]);
    } else {
      out += StrCat("\n  + ", b[j++]);
    }
  }
  return out;
}
}  // namespace

Status CompareUnfitted(const std::vector<UnfittedStep>& trained, const std::vector<UnfittedStep>& scored, std::string_view model) {
  for (const UnfittedStep& step : scored) {
    const auto same = std::find_if(trained.begin(), trained.end(), [&](const UnfittedStep& t) { return t.digest == step.digest; });
    if (same != trained.end()) continue;
    const auto named = std::find_if(trained.begin(), trained.end(), [&](const UnfittedStep& t) { return t.name == step.name; });
    const std::string help =
        "score what the model was trained on: put the steps both need into one file under shared/, train again, or say `features_changed: allow` beside `model`";
    if (named == trained.end())
      return Error(ErrorCode::kInvalid, "the ", step.kind, " step `", step.name, "` above `score` is none that the model ", model, " was trained on")
          .WithHelp(help);
    return Error(ErrorCode::kInvalid, "the ", step.kind, " step `", step.name, "` differs from the one the model ", model,
                 " was trained on (- then, + now):", Diff(named->text, step.text))
        .WithHelp(help);
  }
  return Ok();
}

}  // namespace headrace
