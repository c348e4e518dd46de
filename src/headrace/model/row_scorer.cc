#include "headrace/model/row_scorer.h"

#include <cassert>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {
namespace {

/// A column of one row.
Column Single(Type type, const Value& value) {
  std::vector<std::uint8_t> valid;
  if (value.is_null()) valid.push_back(0);
  if (type == Type::kDouble) return Column({value.is_null() ? 0.0 : value.as_double()}, std::move(valid));
  if (HeldAsInt(type)) return Column(type, {value.is_null() ? 0 : value.as_int()}, std::move(valid));
  std::string text = value.is_null() ? std::string() : value.as_text();
  const auto end = static_cast<std::int64_t>(text.size());
  return Column(std::vector<std::int64_t>{0, end}, std::move(text), std::move(valid));
}

}  // namespace

Result<RowScorer> RowScorer::Bind(std::shared_ptr<const Model> model, const Schema& columns) {
  RowScorer out;
  const Scorer::Parts& parts = model->scorer().parts();
  std::vector<ColumnPtr> shared;
  for (const Field& field : parts.transform.input_schema().fields()) {
    RETURN_IF_ERROR(CheckColumn(field, columns));
    const std::size_t place = *columns.IndexOf(field.name);
    out.places_.push_back(place);
    out.fields_.push_back(columns[place]);
    out.columns_.push_back(std::make_shared<Column>(Single(columns[place].type, Value::Null(columns[place].type))));
    shared.push_back(out.columns_.back());
  }
  out.table_ = Table(Schema(out.fields_), std::move(shared), 1);
  out.vector_.resize(parts.learner->num_features());
  out.predictions_.resize(parts.num_outputs());
  out.model_ = std::move(model);
  return out;
}

Result<std::span<const double>> RowScorer::Score(std::span<const Value> row) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    assert(places_[i] < row.size());
    const Value& value = row[places_[i]];
    if (value.type() != fields_[i].type && !value.is_null())
      return Error(ErrorCode::kData, "column `", fields_[i].name, "` is ", TypeName(fields_[i].type), ", the row has ",
                   TypeName(value.type()));
    *columns_[i] = Single(fields_[i].type, value);
  }
  const Scorer::Parts& parts = model_->scorer().parts();
  RETURN_IF_ERROR(parts.transform.Apply(table_, vector_, nullptr));
  parts.learner->RawScores(vector_.data(), 1, predictions_.data());
  for (const double margin : predictions_)
    if (!std::isfinite(margin)) return Error(ErrorCode::kData, "the row has no finite score: its values are too large");
  ApplyLinkAndCalibration(parts.learner->link(), parts.calibration, predictions_.size(), predictions_, SegmentsOf(parts.calibration, table_));
  return std::span<const double>(predictions_);
}

std::string_view RowScorer::label() const {
  const Scorer::Parts& parts = model_->scorer().parts();
  return parts.classes.empty() ? std::string_view() : parts.classes[parts.Label(predictions_.data())];
}

}  // namespace headrace
