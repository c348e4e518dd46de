#include <algorithm>
#include <cmath>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {
namespace {

constexpr std::size_t kBlockRows = 1024;

void Add(const std::map<std::string, std::int64_t>& from, std::map<std::string, std::int64_t>* to) {
  for (const auto& [name, count] : from) (*to)[name] += count;
}

/// The first input column that is not there. Most tables have the order of training: look there first.
Status CheckColumns(const Schema& needed, const Schema& given) {
  std::size_t next = 0;
  for (const Field& field : needed.fields()) {
    if (next < given.size() && given[next].name == field.name) {
      ++next;
      continue;
    }
    RETURN_IF_ERROR(CheckColumn(field, given));
    next = *given.IndexOf(field.name) + 1;
  }
  return Ok();
}

/// Cluster and distance of each row, as two columns.
Table ClusterTable(std::span<const double> predictions) {
  std::vector<std::int64_t> clusters(predictions.size() / 2);
  std::vector<double> distances(clusters.size());
  for (std::size_t r = 0; r < clusters.size(); ++r) {
    clusters[r] = static_cast<std::int64_t>(predictions[2 * r]);
    distances[r] = predictions[2 * r + 1];
  }
  const std::size_t n = clusters.size();
  return {Schema({{"cluster", Type::kInt}, {"distance", Type::kDouble}}),
          {std::make_shared<const Column>(Type::kInt, std::move(clusters), std::vector<std::uint8_t>()), std::make_shared<const Column>(std::move(distances), std::vector<std::uint8_t>())}, n};
}

/// Call `work` for each block of rows with its first row and rows, on `threads` threads.
template <typename Work>
Status ForBlocks(const Table& rows, int threads, Work work) {
  const std::size_t blocks = (rows.num_rows() + kBlockRows - 1) / kBlockRows;
  if (blocks == 1) return work(0, std::size_t{0}, rows);
  return ParallelFor(threads, blocks, [&](std::size_t b) {
    const std::size_t first = b * kBlockRows;
    return work(b, first, rows.Slice(first, std::min(kBlockRows, rows.num_rows() - first)));
  });
}

}  // namespace

Status CheckColumn(const Field& needed, const Schema& given) {
  if (given.IndexOf(needed.name)) return Ok();
  Status status = Error(ErrorCode::kData, "column `", needed.name, "` (", TypeName(needed.type),
                        ") is missing, which the model reads");
  const std::string near = NearestName(needed.name, given.Names());
  return near.empty()
             ? status
             : std::move(status).WithHelp(StrCat("was `", near, "` meant? rename it, or add `", needed.name, "`"));
}

std::optional<std::string> CalibrationValue(const Column& column, std::size_t row) {
  if (column.IsNull(row)) return std::nullopt;
  return column.type() == Type::kText ? std::string(column.text(row)) : column.At(row).ToString();
}

bool CanCalibrateBy(Type type) { return type == Type::kText || type == Type::kInt || type == Type::kBool; }

std::vector<std::size_t> SegmentsOf(const Calibration& calibration, const Table& rows) {
  std::vector<std::size_t> segments;
  if (calibration.by().empty()) return segments;
  const Column& column = *rows.Find(calibration.by());
  for (std::size_t r = 0; r < rows.num_rows(); ++r) {
    const std::optional<std::string> value = CalibrationValue(column, r);
    segments.push_back(value ? calibration.SegmentOf(*value) : Calibration::kPooled);
  }
  return segments;
}

void ApplyLinkAndCalibration(const Link& link, const Calibration& calibration, std::size_t outputs, std::span<double> values,
                             std::span<const std::size_t> segments) {
  const std::size_t rows = values.size() / outputs;
  const bool calibrates = calibration.kind() != CalibrationSpec::Kind::kNone;
  if (!calibrates || calibration.input() == Calibration::Input::kProbability)
    ApplyLink(link, rows, outputs, values.data());
  if (!calibrates) return;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t segment = segments.empty() ? Calibration::kPooled : segments[r];
    if (outputs == 1)
      values[r] = calibration.Apply(values[r], segment);
    else
      calibration.ApplyRow(values.subspan(r * outputs, outputs), segment);
  }
}

Scorer::Scorer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Scorer::~Scorer() = default;

Result<std::vector<double>> Scorer::Predict(const Table& rows, ScoreCounts* counts, int threads) const {
  const Parts& p = *parts_;
  RETURN_IF_ERROR(CheckColumns(p.transform.input_schema(), rows.schema()));
  const std::size_t features = p.learner->num_features(), outputs = p.num_outputs();
  std::vector<double> out(rows.num_rows() * outputs);
  const std::size_t blocks = (rows.num_rows() + kBlockRows - 1) / kBlockRows;
  std::vector<ApplyCounts> seen(counts == nullptr ? 0 : blocks);
  const auto score_block = [&](std::size_t b, std::size_t first, const Table& block) -> Status {
    std::vector<double> vectors(block.num_rows() * features);
    RETURN_IF_ERROR(p.transform.Apply(block, vectors, counts == nullptr ? nullptr : &seen[b]));
    const std::span<double> values(out.data() + first * outputs, block.num_rows() * outputs);
    p.learner->RawScores(vectors.data(), block.num_rows(), values.data());
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i]))
        return Error(ErrorCode::kData, "row ", first + i / outputs + 1,
                     " has no finite score: its values are too large");
    ApplyLinkAndCalibration(p.learner->link(), p.calibration, outputs, values, SegmentsOf(p.calibration, block));
    return Ok();
  };
  RETURN_IF_ERROR(ForBlocks(rows, threads, score_block));
  if (counts != nullptr) {
    counts->rows += static_cast<std::int64_t>(rows.num_rows());
    for (const ApplyCounts& block : seen) {
      Add(block.unseen, &counts->unseen);
      Add(block.nulls, &counts->nulls);
      Add(block.derive_errors, &counts->derive_errors);
    }
  }
  return out;
}

std::vector<std::size_t> Scorer::Labels(std::span<const double> predictions) const {
  const std::size_t outputs = parts_->num_outputs();
  std::vector<std::size_t> labels(predictions.size() / outputs);
  for (std::size_t r = 0; r < labels.size(); ++r) labels[r] = parts_->Label(predictions.data() + r * outputs);
  return labels;
}

Result<Table> Scorer::Score(const Table& rows, ScoreCounts* counts, int threads) const {
  ASSIGN_OR_RETURN(std::vector<double> predictions, Predict(rows, counts, threads));
  return ScoreTable(*this, std::move(predictions));
}

Table ScoreTable(const Scorer& scorer, std::vector<double> predictions) {
  const Scorer::Parts& p = scorer.parts();
  const std::size_t outputs = p.num_outputs(), n = predictions.size() / outputs;
  if (p.task == Task::kClustering) return ClusterTable(predictions);
  std::vector<Field> fields{{"score", Type::kDouble}};
  std::vector<ColumnPtr> columns;
  const auto add = [&](std::vector<double> values) {
    columns.push_back(std::make_shared<const Column>(std::move(values), std::vector<std::uint8_t>()));
  };
  if (p.task == Task::kRegression) {
    add(std::move(predictions));
    return Table(Schema(std::move(fields)), std::move(columns), n);
  }
  const std::vector<std::size_t> labels = scorer.Labels(predictions);
  if (outputs == 1) {
    add(std::move(predictions));
  } else {
    std::vector<double> values(n);
    for (std::size_t r = 0; r < n; ++r) values[r] = predictions[r * outputs + labels[r]];
    add(values);
    for (std::size_t k = 0; k < outputs; ++k) {
      for (std::size_t r = 0; r < n; ++r) values[r] = predictions[r * outputs + k];
      fields.push_back({StrCat("score_", p.classes[k]), Type::kDouble});
      add(values);
    }
  }
  ColumnBuilder label(Type::kText);
  label.Reserve(n);
  for (const std::size_t index : labels) label.AppendText(p.classes[index]);
  fields.push_back({"label", Type::kText});
  columns.push_back(label.Finish());
  return Table(Schema(std::move(fields)), std::move(columns), n);
}

Table ProfiledOutputs(const Scorer& scorer, std::vector<double> predictions) {
  const std::vector<std::string> names = scorer.parts().task == Task::kClustering ? std::vector<std::string>{"cluster", "distance"} : std::vector<std::string>{"score"};
  return *ScoreTable(scorer, std::move(predictions)).Select(names);
}

Result<std::vector<double>> Scorer::Transform(const Table& rows) const {
  const Parts& p = *parts_;
  RETURN_IF_ERROR(CheckColumns(p.transform.input_schema(), rows.schema()));
  std::vector<double> vectors(rows.num_rows() * p.learner->num_features());
  RETURN_IF_ERROR(p.transform.Apply(rows, vectors, nullptr));
  return vectors;
}

Result<std::vector<double>> Scorer::RawScores(const Table& rows) const {
  ASSIGN_OR_RETURN(const std::vector<double> vectors, Transform(rows));
  std::vector<double> margins(rows.num_rows() * parts_->num_outputs());
  parts_->learner->RawScores(vectors.data(), rows.num_rows(), margins.data());
  return margins;
}

}  // namespace headrace
