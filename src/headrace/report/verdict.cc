// The first thing a reader sees: what this run did, in one or two sentences without the words of the trade.
// What was delivered comes first, because that is what the run was for; then models; then that nothing had changed.

#include <algorithm>
#include <set>

#include "headrace/base/text.h"
#include "headrace/report/format.h"
#include "headrace/report/report.h"

namespace headrace {
namespace {

using Tone = RunVerdict::Tone;

const StepReport* FindStep(const RunReport& run, std::string_view name) {
  for (const StepReport& step : run.steps)
    if (step.name == name) return &step;
  return nullptr;
}

/// Whether the step `name` numbers clusters: its rows are no scores.
bool GivesClusters(const RunReport& run, std::string_view name) {
  return std::any_of(run.scores.begin(), run.scores.end(), [name](const ScoreReport& s) { return s.step == name && s.clusters > 0; });
}

/// Whether what `step` delivers are scores: some step above it scores.
bool DeliversScores(const RunReport& run, const StepReport& step) {
  std::vector<const StepReport*> open{&step};
  std::set<std::string_view> seen;
  while (!open.empty()) {
    const StepReport* at = open.back();
    open.pop_back();
    if (at->kind == "score" && !GivesClusters(run, at->name)) return true;
    for (const std::string& input : at->inputs) {
      const StepReport* above = FindStep(run, std::string_view(input).substr(0, input.find('.')));
      if (const StepReport* exact = FindStep(run, input)) above = exact;
      if (above != nullptr && seen.insert(above->name).second) open.push_back(above);
    }
  }
  return false;
}

std::string RowsDelivered(const RunReport& run, const StepReport& step) {
  const std::int64_t rows = step.delivery->rows();
  return DeliversScores(run, step) ? ShowCount(rows, "score", "scores") : ShowCount(rows, "row", "rows");
}

std::string ListOf(const std::vector<std::string>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    out += StrCat(i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ", parts[i]);
  return out;
}

/// "Delivered 4,712 scores to cdp.propensity_scores. crm.audience already held its 10 rows." or "".
std::string DeliverySentences(const RunReport& run) {
  std::vector<std::string> written, held, previewed;
  for (const StepReport& step : run.steps) {
    if (!step.delivery) continue;
    const std::string rows = RowsDelivered(run, step);
    if (step.delivery->preview) previewed.push_back(StrCat(rows, " for ", step.delivery->destination));
    else if (step.delivery->no_op) held.push_back(StrCat(step.delivery->destination, " already held these ", rows));
    else written.push_back(StrCat(rows, " to ", step.delivery->destination));
  }
  std::vector<std::string> sentences;
  if (!written.empty()) sentences.push_back(StrCat(run.dry_run ? "Would deliver " : "Delivered ", ListOf(written), "."));
  if (!previewed.empty()) sentences.push_back(StrCat("Previewed ", ListOf(previewed), "; the destination was not touched."));
  if (!held.empty()) sentences.push_back(StrCat("Nothing new to deliver: ", ListOf(held), "."));
  return Join(sentences, " ");
}

std::string ModelName(const ModelReport& model) {
  const std::string name = model.name.empty() ? StrCat("the model of step ", model.step) : model.name;
  return model.version > 0 ? StrCat(name, " version ", std::to_string(model.version)) : name;
}

bool GatesPassed(const ModelReport& model) {
  return std::all_of(model.gates.begin(), model.gates.end(), [](const GateVerdict& gate) { return gate.passed; });
}

/// The metric a reader asks for first: ", AUC 0.8124" or "".
std::string LeadingMetric(const ModelReport& model) {
  for (const auto& [key, label] : {std::pair{"auc", "AUC"}, {"accuracy", "accuracy"}, {"rmse", "RMSE"}, {"logloss", "logloss"}})
    if (const auto found = model.metrics.find(key); found != model.metrics.end())
      return StrCat(", ", label, " ", ShowNumber(found->second));
  return "";
}

std::string ModelSentences(const RunReport& run) {
  std::vector<std::string> sentences;
  for (const ModelReport& model : run.models) {
    std::string sentence = StrCat("Trained ", ModelName(model), LeadingMetric(model));
    if (!GatesPassed(model)) {
      const auto failed = std::find_if(model.gates.begin(), model.gates.end(), [](const GateVerdict& g) { return !g.passed; });
      sentence += StrCat(", but did not promote it: ", failed->message.empty() ? failed->text : failed->message);
    }
    if (model.promoted) sentence += ", and made it the champion";
    else if (model.champion_version > 0 && model.champion_version != model.version)
      sentence += StrCat("; the champion is still version ", std::to_string(model.champion_version));
    sentences.push_back(sentence + ".");
  }
  return Join(sentences, " ");
}

std::string Chained(std::string first, const std::string& second) {
  if (!first.empty() && !second.empty()) first += " ";
  return first + second;
}

std::size_t CountState(const RunReport& run, std::string_view state) {
  return static_cast<std::size_t>(
      std::count_if(run.steps.begin(), run.steps.end(), [&](const StepReport& step) { return step.state == state; }));
}

std::size_t DoneSteps(const RunReport& run) {
  return CountState(run, "succeeded") + CountState(run, "reused") + CountState(run, "warned");
}

std::size_t CheckWarnings(const RunReport& run) {
  std::size_t count = 0;
  for (const StepReport& step : run.steps)
    for (const CheckVerdict& check : step.checks) count += !check.passed && check.severity == Severity::kWarn ? 1 : 0;
  return count;
}

/// What a stopped run did not do, so that nobody has to guess.
std::string NothingDone(const RunReport& run) {
  const std::string delivered = DeliverySentences(run);
  if (!delivered.empty()) return delivered;
  const bool delivers = std::any_of(run.steps.begin(), run.steps.end(), [](const StepReport& s) { return s.kind == "deliver"; });
  if (delivers) return "Nothing was delivered.";
  const bool trains = std::any_of(run.steps.begin(), run.steps.end(), [](const StepReport& s) { return s.kind == "train"; });
  if (trains && run.models.empty()) return "No model was registered.";
  return "";
}

/// The step that stopped the run: the first that failed, in the order of the plan.
const StepReport* Culprit(const RunReport& run) {
  for (const StepReport& step : run.steps)
    if (step.state == "failed") return &step;
  return nullptr;
}

void DescribeFailure(const RunReport& run, RunVerdict* verdict) {
  const StepReport* step = Culprit(run);
  std::string message = run.message, help = run.help;
  if (step != nullptr) {
    message = step->message;
    help = step->help;
    for (const CheckVerdict& check : step->checks) {
      if (check.passed || check.severity == Severity::kWarn) continue;
      if (message.empty()) message = check.message;
      if (help.empty()) help = check.help;
    }
    if (message.empty()) message = StrCat("step `", step->name, "` failed");
  }
  if (message.empty()) message = "the run failed";
  const std::size_t failed = CountState(run, "failed");
  std::string sentence = StrCat(run.exit_code == 75 ? "Try again later: " : "Stopped: ", message, ".");
  if (failed > 1) sentence += StrCat(" ", ShowCount(static_cast<std::int64_t>(failed - 1), "other step", "other steps"), " failed too.");
  verdict->tone = run.exit_code == 75 ? Tone::kWarn : Tone::kBad;
  verdict->sentence = Chained(sentence, NothingDone(run));
  verdict->help = help;
}

void DescribeSuccess(const RunReport& run, RunVerdict* verdict) {
  const std::size_t reused = CountState(run, "reused");
  std::string sentence = Chained(DeliverySentences(run), ModelSentences(run));
  if (!run.steps.empty() && reused == run.steps.size() && sentence.empty())
    sentence = StrCat("Nothing had changed: all ", FormatCount(static_cast<std::int64_t>(reused)), " steps were reused.");
  if (sentence.empty())
    sentence = StrCat("Done: ", ShowCount(static_cast<std::int64_t>(DoneSteps(run)), "step", "steps"), ", no failure.");
  if (run.dry_run) sentence = StrCat("Dry run: nothing outside was changed. ", sentence);
  const std::size_t warnings = CheckWarnings(run);
  verdict->tone = warnings > 0 ? Tone::kWarn : Tone::kGood;
  if (warnings > 0) sentence += StrCat(" ", ShowCount(static_cast<std::int64_t>(warnings), "check warns.", "checks warn."));
  verdict->sentence = sentence;
}

std::string ProgressText(const RunReport& run) {
  return StrCat(FormatCount(static_cast<std::int64_t>(DoneSteps(run))), " of ",
                ShowCount(static_cast<std::int64_t>(run.steps.size()), "step", "steps"));
}

}  // namespace

RunVerdict MakeVerdict(const RunReport& run) {
  RunVerdict verdict;
  verdict.chip = run.state.empty() ? "unknown" : run.state;
  const bool refused_gate = Culprit(run) == nullptr && run.message.empty() &&
                            std::any_of(run.models.begin(), run.models.end(), [](const ModelReport& m) { return !GatesPassed(m); });
  if (run.state == "running") {
    verdict.sentence = StrCat("Running: ", ProgressText(run), " done.");
  } else if (run.state == "waiting") {
    verdict.tone = Tone::kWarn;
    verdict.sentence = StrCat("Waiting for an approval: ", ProgressText(run), " done.");
    verdict.help = StrCat("`headrace approve ", run.run_id, "`, then `headrace run --resume ", run.run_id, "`");
  } else if (run.state == "interrupted" || run.state == "cancelled") {
    verdict.tone = Tone::kWarn;
    verdict.sentence = Chained(StrCat(Capitalised(run.state), " after ", ProgressText(run), "."), NothingDone(run));
    verdict.help = StrCat("`headrace run ", run.pipeline, " --resume ", run.run_id, "` goes on where it stood");
  } else if (refused_gate) {
    verdict.tone = Tone::kWarn;
    verdict.chip = "not promoted";
    verdict.sentence = Chained(ModelSentences(run), DeliverySentences(run));
  } else if (run.state == "failed" || run.exit_code != 0) {
    DescribeFailure(run, &verdict);
  } else {
    DescribeSuccess(run, &verdict);
  }
  if (run.exit_code != 0) verdict.chip += StrCat(" \xC2\xB7 exit code ", std::to_string(run.exit_code));
  return verdict;
}

}  // namespace headrace
