// Score rows with a registered or given model. Before the first row is written the model proves itself on the made-up rows
// inside its file, and the unfitted steps above are compared with those it was trained on.

#include <algorithm>
#include <cmath>
#include <limits>

#include "headrace/model/evaluation.h"
#include "headrace/model/model.h"
#include "headrace/sql/engine.h"
#include "headrace/step/scoring.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
std::vector<ColumnCount> Counts(const std::map<std::string, std::int64_t>& counts) {
  std::vector<ColumnCount> out;
  for (const auto& [column, rows] : counts) out.push_back({column, rows});
  return out;
}

ScoreReport Summarise(const StepContext& context, const Model& model, const ScoreCounts& counts, const std::vector<double>& scores) {
  ScoreReport report;
  report.step = context.step->name;
  report.model = context.inputs.at("model").label;
  report.rows = counts.rows;
  report.clusters = static_cast<std::int64_t>(model.info().clusters);
  double low = 0, high = 1;
  if (model.info().task == Task::kRegression && !scores.empty()) {
    low = *std::min_element(scores.begin(), scores.end());
    high = std::max(*std::max_element(scores.begin(), scores.end()), std::nextafter(low, std::numeric_limits<double>::infinity()));
  }
  if (report.clusters > 0) high = static_cast<double>(report.clusters);
  report.histogram = MakeHistogram(scores, low, high, report.clusters > 0 ? static_cast<int>(report.clusters) : 20);
  if (const Result<Evaluation> trained = EvaluationOf(model); trained.ok()) report.training_histogram = TestHistogram(trained->curves);
  report.unseen = Counts(counts.unseen);
  report.nulls = Counts(counts.nulls);
  report.derive_errors = Counts(counts.derive_errors);
  return report;
}
}  // namespace

Result<StepFiles> RunScore(const StepContext& context) {
  const auto& spec = context.step->as<ScoreSpec>();
  const StepInputFile& input = context.inputs.at("model");
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Open(input.path));
  if (!spec.allow_changed_features) RETURN_IF_ERROR(CompareUnfitted(model->info().unfitted, context.unfitted, input.label));
  RETURN_IF_ERROR(model->ReplayProof());

  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, StreamParquet(context.inputs.at("data").path, context.run->threads));
  ScoreCounts counts;
  std::vector<double> scores;
  ScoringOptions options;
  options.keep = spec.keep;
  options.model_version = input.label;
  options.cancelled = context.cancelled;
  options.counts = &counts;
  options.scores = &scores;
  options.reasons = spec.reasons;
  options.top = spec.top;
  options.threads = context.run->threads;
  for (const std::string& name : PersonalColumns(context.pipeline())) options.personal.insert(name);
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> scoring, MakeScoringStream(model, std::move(rows), options));
  const std::string path = context.store().ScratchPath(".parquet");
  ASSIGN_OR_RETURN(const std::int64_t written, WriteParquetFile(std::move(scoring), path, context.run->threads));

  StepFiles out;
  out.files[""] = {path, "dataset", written};
  out.details.score = Summarise(context, *model, counts, scores);
  if (spec.top > 0 && written < counts.rows)
    out.details.notes.push_back(StrCat("kept the ", FormatCount(written), " of ", FormatCount(counts.rows), " rows with the largest score"));
  for (const auto& [column, n] : counts.unseen)
    out.details.notes.push_back(StrCat(Counted(n, "row has", "rows have"), " a value of `", column, "` that training never saw; scored by the rule for unknown values"));
  for (const auto& [column, n] : counts.nulls)
    out.details.notes.push_back(StrCat(Counted(n, "row has", "rows have"), " no `", column, "`, which was never missing at training"));
  for (const auto& [column, n] : counts.derive_errors)
    out.details.notes.push_back(StrCat("`", column, "` could not be computed for ", Counted(n, "row"), " and is null there"));
  out.details.model = ModelDetails{};
  out.details.model->digest = input.artifact.digest;
  return out;
}

}  // namespace headrace
