#include "headrace/step/scoring.h"

#include <algorithm>
#include <numeric>

#include "headrace/base/text.h"
#include "headrace/model/explanation.h"

namespace headrace {

namespace {
/// The columns to carry over. A column that scoring makes is never carried over by itself, and refused when asked for.
Result<std::vector<std::string>> Keep(const ScoringOptions& options, const Schema& schema, const ModelInfo& model) {
  const auto made = [&](const std::string& name) {
    if (name == "model_version") return true;
    if (model.task == Task::kClustering) return name == "cluster" || name == "distance";
    if (name == "score" || name == "label" || name.starts_with("score_")) return true;
    std::int64_t number = 0;
    return name.starts_with("reason_") && ParseInt(std::string_view(name).substr(7), &number) && number >= 1 && number <= options.reasons;
  };
  std::vector<std::string> keep;
  if (!options.keep) {
    for (const Field& field : schema.fields())
      if (field.name != model.target) keep.push_back(field.name);
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

/// Rows and their scores, side by side.
struct Scored {
  Table rows, scores;
};

/// The rows with the largest scores of all that were offered; of equal scores those that came first.
class BestRows {
 public:
  explicit BestRows(std::int64_t count) : count_(static_cast<std::size_t>(count)) {}

  void Offer(Scored block) {
    held_ += block.rows.num_rows();
    blocks_.push_back(std::move(block));
    if (held_ > 2 * count_ + 65536) Shrink();
  }
  /// In the order in which they came. REQUIRES: a block was offered.
  Scored Finish() {
    Shrink();
    return blocks_.front();
  }

 private:
  void Shrink() {
    std::vector<Table> rows, scores;
    for (Scored& block : blocks_) {
      rows.push_back(std::move(block.rows));
      scores.push_back(std::move(block.scores));
    }
    Scored all{Concat(std::move(rows)), Concat(std::move(scores))};
    if (held_ > count_) {
      const std::span<const double> by = all.scores.Find("score")->doubles();
      std::vector<std::size_t> places(held_);
      std::iota(places.begin(), places.end(), std::size_t{0});
      std::nth_element(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(count_), places.end(),
                       [&](std::size_t a, std::size_t b) { return by[a] != by[b] ? by[a] > by[b] : a < b; });
      places.resize(count_);
      std::sort(places.begin(), places.end());
      all = {all.rows.Take(places), all.scores.Take(places)};
    }
    held_ = all.rows.num_rows();
    blocks_.assign(1, std::move(all));
  }

  std::size_t count_, held_ = 0;
  std::vector<Scored> blocks_;
};

class ScoringStream final : public TableStream {
 public:
  ScoringStream(std::shared_ptr<const Model> model, std::unique_ptr<TableStream> rows, std::vector<std::string> keep, const ScoringOptions& options)
      : model_(std::move(model)), rows_(std::move(rows)), keep_(std::move(keep)), options_(options) {
    for (const InputColumn& input : model_->info().inputs)
      if (input.personal) options_.personal.insert(input.name);
  }

  /// Score no row, to learn the columns.
  Status Start() {
    std::vector<ColumnPtr> none;
    for (const Field& field : rows_->schema().fields()) none.push_back(ColumnBuilder(field.type).Finish());
    ASSIGN_OR_RETURN(Scored empty, Score(Table(rows_->schema(), std::move(none), 0)));
    ASSIGN_OR_RETURN(const Table made, Assemble(empty));
    schema_ = made.schema();
    ASSIGN_OR_RETURN(empty_.rows, empty.rows.Select(Needed()));
    empty_.scores = std::move(empty.scores);
    return Ok();
  }

  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    if (options_.top > 0 && !selected_) RETURN_IF_ERROR(SelectBest());
    if (selected_) return NextSelected();
    ASSIGN_OR_RETURN(const std::optional<Scored> block, NextScored());
    if (!block) return std::optional<Table>();
    ASSIGN_OR_RETURN(Table out, Assemble(*block));
    return std::optional<Table>(std::move(out));
  }

 private:
  static constexpr std::size_t kSelectedBlock = 8192;

  /// The columns of the rows that the output is made of.
  std::vector<std::string> Needed() const {
    std::vector<std::string> names = keep_;
    if (options_.reasons > 0)
      for (const InputColumn& input : model_->info().inputs)
        if (std::find(names.begin(), names.end(), input.name) == names.end()) names.push_back(input.name);
    return names;
  }

  Result<std::optional<Scored>> NextScored() {
    RETURN_IF_ERROR(Interrupted());
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Scored>();
    ASSIGN_OR_RETURN(Scored scored, Score(*block));
    return std::optional<Scored>(std::move(scored));
  }

  Status Interrupted() const {
    return options_.cancelled && options_.cancelled() ? Status(Error(ErrorCode::kInterrupted, "interrupted while scoring")) : Ok();
  }

  Result<Scored> Score(const Table& block) {
    ASSIGN_OR_RETURN(Table scores, model_->scorer().Score(block, options_.counts, options_.threads));
    if (options_.scores != nullptr) Collect(scores);
    return Scored{block, std::move(scores)};
  }

  void Collect(const Table& scores) {
    if (const Column* score = scores.Find("score"); score != nullptr)
      options_.scores->insert(options_.scores->end(), score->doubles().begin(), score->doubles().end());
    else
      for (const std::int64_t cluster : scores.Find("cluster")->ints()) options_.scores->push_back(static_cast<double>(cluster));
  }

  Status SelectBest() {
    BestRows best(options_.top);
    best.Offer(empty_);
    while (true) {
      ASSIGN_OR_RETURN(std::optional<Scored> block, NextScored());
      if (!block) break;
      ASSIGN_OR_RETURN(block->rows, block->rows.Select(Needed()));
      best.Offer(std::move(*block));
    }
    selected_ = best.Finish();
    return Ok();
  }

  Result<std::optional<Table>> NextSelected() {
    RETURN_IF_ERROR(Interrupted());
    const std::size_t left = selected_->rows.num_rows() - given_;
    if (left == 0) return std::optional<Table>();
    const std::size_t count = std::min(left, kSelectedBlock);
    ASSIGN_OR_RETURN(Table out, Assemble({selected_->rows.Slice(given_, count), selected_->scores.Slice(given_, count)}));
    given_ += count;
    return std::optional<Table>(std::move(out));
  }

  Result<Table> Assemble(const Scored& block) const {
    ASSIGN_OR_RETURN(Table out, block.rows.Select(keep_));
    for (std::size_t i = 0; i < block.scores.num_columns(); ++i) out = out.WithColumn(block.scores.schema()[i].name, block.scores.column_ptr(i));
    if (options_.reasons > 0) {
      ASSIGN_OR_RETURN(const std::vector<ColumnPtr> reasons, Reasons(model_->scorer(), block.rows, {options_.reasons, options_.personal, options_.threads}));
      for (std::size_t i = 0; i < reasons.size(); ++i) out = out.WithColumn(StrCat("reason_", i + 1), reasons[i]);
    }
    ColumnBuilder version(Type::kText);
    for (std::size_t i = 0; i < block.rows.num_rows(); ++i) version.AppendText(options_.model_version);
    return out.WithColumn("model_version", version.Finish());
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<TableStream> rows_;
  std::vector<std::string> keep_;
  ScoringOptions options_;
  Schema schema_;
  Scored empty_;
  std::optional<Scored> selected_;
  std::size_t given_ = 0;
};
}  // namespace

Result<std::unique_ptr<TableStream>> MakeScoringStream(std::shared_ptr<const Model> model, std::unique_ptr<TableStream> rows,
                                                       const ScoringOptions& options) {
  if (model->info().task == Task::kClustering && (options.top > 0 || options.reasons > 0))
    return Error(ErrorCode::kInvalid, "the model finds clusters: its rows have no score, ", options.top > 0 ? "of which the largest could be kept" : "for which there could be reasons")
        .WithHelp(options.top > 0 ? "choose rows by `cluster` in a sql step below" : "leave `reasons` out; the model card tells how clusters differ");
  ASSIGN_OR_RETURN(std::vector<std::string> keep, Keep(options, rows->schema(), model->info()));
  auto stream = std::make_unique<ScoringStream>(std::move(model), std::move(rows), std::move(keep), options);
  RETURN_IF_ERROR(stream->Start());
  return std::unique_ptr<TableStream>(std::move(stream));
}

}  // namespace headrace
