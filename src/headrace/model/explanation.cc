#include "headrace/model/explanation.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {
namespace {

constexpr std::size_t kBlockRows = 256;
constexpr double kNothing = 1e-12;  ///< a contribution up to here is rounding

/// Of each feature, the place of its column among the columns.
std::vector<std::size_t> PlacesOf(const FittedTransform& transform, std::vector<std::string>* columns) {
  std::vector<std::size_t> places;
  for (const std::string& column : transform.output_columns()) {
    const auto known = std::find(columns->begin(), columns->end(), column);
    places.push_back(static_cast<std::size_t>(known - columns->begin()));
    if (known == columns->end()) columns->push_back(column);
  }
  return places;
}

std::string ReasonText(double contribution, const std::string& column, const Column* values, std::size_t row) {
  std::string text = StrCat(contribution > 0 ? "+ " : "- ", column);
  if (values == nullptr) return text;
  const bool missing = values->IsNull(row) || (values->type() == Type::kDouble && std::isnan(values->doubles()[row]));
  return text + (missing ? " = (missing)" : StrCat(" = ", values->At(row).ToString()));
}

}  // namespace

Result<ColumnContributions> Contributions(const Scorer& scorer, const Table& rows, int threads) {
  const Scorer::Parts& parts = scorer.parts();
  ColumnContributions out;
  out.outputs = parts.num_outputs();
  const std::vector<std::size_t> places = PlacesOf(parts.transform, &out.columns);
  const std::size_t features = places.size(), width = out.columns.size() + 1;
  out.values.resize(rows.num_rows() * out.outputs * width);
  const std::size_t blocks = (rows.num_rows() + kBlockRows - 1) / kBlockRows;
  const auto explain = [&](std::size_t b) -> Status {
    const std::size_t first = b * kBlockRows, count = std::min(kBlockRows, rows.num_rows() - first);
    ASSIGN_OR_RETURN(const std::vector<double> vectors, scorer.Transform(rows.Slice(first, count)));
    std::vector<double> of_features(count * out.outputs * (features + 1));
    RETURN_IF_ERROR(parts.learner->Contributions(vectors.data(), count, of_features.data()));
    double* to = out.values.data() + first * out.outputs * width;
    for (std::size_t i = 0; i < count * out.outputs; ++i) {
      const double* from = of_features.data() + i * (features + 1);
      for (std::size_t f = 0; f < features; ++f) to[i * width + places[f]] += from[f];
      to[i * width + width - 1] = from[features];
    }
    return Ok();
  };
  RETURN_IF_ERROR(ParallelFor(threads, blocks, explain));
  return out;
}

Result<std::vector<ColumnPtr>> Reasons(const Scorer& scorer, const Table& rows, const ReasonOptions& options) {
  ASSIGN_OR_RETURN(const ColumnContributions parts, Contributions(scorer, rows, options.threads));
  std::vector<std::size_t> labels(rows.num_rows());
  if (parts.outputs > 1) {
    ASSIGN_OR_RETURN(const std::vector<double> predictions, scorer.Predict(rows, nullptr, options.threads));
    labels = scorer.Labels(predictions);
  }
  std::vector<const Column*> values;
  for (const std::string& column : parts.columns)
    values.push_back(options.personal.contains(column) ? nullptr : rows.Find(column));
  std::vector<ColumnBuilder> reasons(static_cast<std::size_t>(options.count), ColumnBuilder(Type::kText));
  std::vector<std::size_t> order(parts.columns.size());
  const std::size_t shown = std::min(reasons.size(), order.size());
  for (std::size_t r = 0; r < rows.num_rows(); ++r) {
    const std::span<const double> adds = parts.Of(r, labels[r]);
    for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                      [&](std::size_t a, std::size_t b) {
                        const double size_a = std::fabs(adds[a]), size_b = std::fabs(adds[b]);
                        return size_a != size_b ? size_a > size_b : a < b;
                      });
    for (std::size_t i = 0; i < reasons.size(); ++i) {
      if (i < shown && std::fabs(adds[order[i]]) > kNothing)
        reasons[i].AppendText(ReasonText(adds[order[i]], parts.columns[order[i]], values[order[i]], r));
      else
        reasons[i].AppendNull();
    }
  }
  std::vector<ColumnPtr> out;
  for (ColumnBuilder& builder : reasons) out.push_back(builder.Finish());
  return out;
}

}  // namespace headrace
