#include "headrace/step/scoring.h"

#include <algorithm>

namespace headrace {

namespace {
/// The columns to carry over. A column that scoring makes is never carried over by itself, and refused when asked for.
Result<std::vector<std::string>> Keep(const ScoringOptions& options, const Schema& schema, std::string_view target) {
  const auto made = [](const std::string& name) {
    return name == "score" || name == "label" || name == "model_version" || name.starts_with("score_");
  };
  std::vector<std::string> keep;
  if (!options.keep) {
    for (const Field& field : schema.fields())
      if (field.name != target) keep.push_back(field.name);
  } else {
    keep = *options.keep;
  }
  for (const std::string& name : keep) {
    if (made(name))
      return Error(ErrorCode::kInvalid, "the data have a column `", name, "`, which is the name of a column that scoring makes")
          .WithHelp(options.keep ? "leave it out of `keep`, or rename it in a sql step above" : "rename it, or name the columns to carry over with `keep`");
  }
  return keep;
}

class ScoringStream final : public TableStream {
 public:
  ScoringStream(std::shared_ptr<const Model> model, std::unique_ptr<TableStream> rows, std::vector<std::string> keep, const ScoringOptions& options)
      : model_(std::move(model)), rows_(std::move(rows)), keep_(std::move(keep)), options_(options) {}

  /// Score no row, to learn the columns.
  Status Start() {
    std::vector<ColumnPtr> none;
    for (const Field& field : rows_->schema().fields()) none.push_back(ColumnBuilder(field.type).Finish());
    ASSIGN_OR_RETURN(const Table empty, Score(Table(rows_->schema(), std::move(none), 0)));
    schema_ = empty.schema();
    return Ok();
  }

  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    if (options_.cancelled && options_.cancelled()) return Error(ErrorCode::kInterrupted, "interrupted while scoring");
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Table>();
    ASSIGN_OR_RETURN(Table scored, Score(*block));
    return std::optional<Table>(std::move(scored));
  }

 private:
  Result<Table> Score(const Table& block) {
    ASSIGN_OR_RETURN(const Table scores, model_->scorer().Score(block, options_.counts));
    ASSIGN_OR_RETURN(Table out, block.Select(keep_));
    for (std::size_t i = 0; i < scores.num_columns(); ++i) {
      const Column& column = scores.column(i);
      if (options_.scores != nullptr && scores.schema()[i].name == "score" && column.type() == Type::kDouble)
        options_.scores->insert(options_.scores->end(), column.doubles().begin(), column.doubles().end());
      out = out.WithColumn(scores.schema()[i].name, scores.column_ptr(i));
    }
    ColumnBuilder version(Type::kText);
    for (std::size_t i = 0; i < block.num_rows(); ++i) version.AppendText(options_.model_version);
    return out.WithColumn("model_version", version.Finish());
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<TableStream> rows_;
  std::vector<std::string> keep_;
  ScoringOptions options_;
  Schema schema_;
};
}  // namespace

Result<std::unique_ptr<TableStream>> MakeScoringStream(std::shared_ptr<const Model> model, std::unique_ptr<TableStream> rows,
                                                       const ScoringOptions& options) {
  ASSIGN_OR_RETURN(std::vector<std::string> keep, Keep(options, rows->schema(), model->info().target));
  auto stream = std::make_unique<ScoringStream>(std::move(model), std::move(rows), std::move(keep), options);
  RETURN_IF_ERROR(stream->Start());
  return std::unique_ptr<TableStream>(std::move(stream));
}

}  // namespace headrace
