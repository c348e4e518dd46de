// Score rows with a fitted model, block by block. Before the first row is written the model proves itself on the made-up rows
// inside its file, and the unfitted steps above are compared with those it was trained on.

#include <algorithm>
#include <cmath>
#include <limits>

#include "headrace/model/evaluation.h"
#include "headrace/model/model.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
class ScoringStream final : public TableStream {
 public:
  ScoringStream(const StepContext& context, const Model& model, std::unique_ptr<TableStream> rows, std::vector<std::string> keep,
                std::string version, ScoreCounts* counts, std::vector<double>* scores)
      : context_(context), model_(model), rows_(std::move(rows)), keep_(std::move(keep)), version_(std::move(version)), counts_(counts),
        scores_(scores) {}

  /// Score no row, to learn the columns; kData when the data do not fit the model.
  Status Start() {
    std::vector<ColumnPtr> none;
    for (const Field& field : rows_->schema().fields()) none.push_back(ColumnBuilder(field.type).Finish());
    ASSIGN_OR_RETURN(const Table empty, Score(Table(rows_->schema(), std::move(none), 0)));
    schema_ = empty.schema();
    return Ok();
  }

  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    if (context_.cancelled && context_.cancelled()) return Error(ErrorCode::kInterrupted, "interrupted while scoring");
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Table>();
    ASSIGN_OR_RETURN(Table scored, Score(*block));
    return std::optional<Table>(std::move(scored));
  }

 private:
  Result<Table> Score(const Table& block) {
    ASSIGN_OR_RETURN(const Table scores, model_.scorer().Score(block, counts_));
    ASSIGN_OR_RETURN(Table out, block.Select(keep_));
    for (std::size_t i = 0; i < scores.num_columns(); ++i) {
      if (block.num_rows() > 0 && scores.schema()[i].name == "score" && scores.column(i).type() == Type::kDouble)
        scores_->insert(scores_->end(), scores.column(i).doubles().begin(), scores.column(i).doubles().end());
      out = out.WithColumn(scores.schema()[i].name, scores.column_ptr(i));
    }
    ColumnBuilder version(Type::kText);
    for (std::size_t i = 0; i < block.num_rows(); ++i) version.AppendText(version_);
    return out.WithColumn("model_version", version.Finish());
  }

  const StepContext& context_;
  const Model& model_;
  std::unique_ptr<TableStream> rows_;
  std::vector<std::string> keep_;
  std::string version_;
  ScoreCounts* counts_;
  std::vector<double>* scores_;
  Schema schema_;
};

/// The columns to carry over; kInvalid when one of them would be hidden by a score column.
Result<std::vector<std::string>> Keep(const ScoreSpec& spec, const Schema& schema, std::string_view target) {
  std::vector<std::string> keep;
  if (spec.keep) keep = *spec.keep;
  else
    for (const Field& field : schema.fields())
      if (field.name != target) keep.push_back(field.name);
  for (const std::string& name : keep)
    if (name == "score" || name == "label" || name == "model_version" || name.starts_with("score_"))
      return Error(ErrorCode::kInvalid, "`keep` carries over a column `", name, "`, which is the name of a column that scoring makes")
          .WithHelp("rename it in a sql step above, or leave it out of `keep`");
  return keep;
}

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
  double low = 0, high = 1;
  if (model.info().task == Task::kRegression && !scores.empty()) {
    low = *std::min_element(scores.begin(), scores.end());
    high = std::max(*std::max_element(scores.begin(), scores.end()), std::nextafter(low, std::numeric_limits<double>::infinity()));
  }
  report.histogram = MakeHistogram(scores, low, high, 20);
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

  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, StreamParquet(context.inputs.at("data").path));
  ASSIGN_OR_RETURN(std::vector<std::string> keep, Keep(spec, rows->schema(), model->info().target));
  ScoreCounts counts;
  std::vector<double> scores;
  auto scoring = std::make_unique<ScoringStream>(context, *model, std::move(rows), std::move(keep), input.label, &counts, &scores);
  RETURN_IF_ERROR(scoring->Start());
  const std::string path = context.store().ScratchPath(".parquet");
  ASSIGN_OR_RETURN(const std::int64_t written, WriteParquetFile(std::move(scoring), path));

  StepFiles out;
  out.files[""] = {path, "dataset", written};
  out.details.score = Summarise(context, *model, counts, scores);
  for (const auto& [column, n] : counts.unseen)
    out.details.notes.push_back(StrCat(FormatCount(n), " rows have a value of `", column, "` that training never saw; scored by the rule for unknown values"));
  for (const auto& [column, n] : counts.nulls)
    out.details.notes.push_back(StrCat(FormatCount(n), " rows have no `", column, "`, which was never missing at training"));
  out.details.model = ModelDetails{};
  out.details.model->digest = input.artifact.digest;
  return out;
}

}  // namespace headrace
