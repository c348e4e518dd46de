#include "headrace/model/row_weights.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {

Result<std::vector<double>> ReadWeights(const Table& table, const std::string& column) {
  const Column& values = *table.Find(column);
  std::vector<double> weights(table.num_rows());
  std::int64_t bad = 0;
  std::size_t first = 0;
  double most = 0;
  for (std::size_t row = 0; row < weights.size(); ++row) {
    const double w = values.IsNull(row)                    ? -1
                     : values.type() == Type::kDouble ? values.doubles()[row]
                                                      : static_cast<double>(values.ints()[row]);
    if (!(w >= 0) || std::isinf(w)) {
      if (bad++ == 0) first = row;
      continue;
    }
    weights[row] = w;
    most = std::max(most, w);
  }
  if (bad > 0)
    return Error(ErrorCode::kData, "weight column `", column, "` has ", Counted(bad, "row"),
                 " that is no weight, the first being row ", first + 1)
        .WithHelp("a weight is a finite number from 0; make nulls a number where the rows are read");
  if (most == 0) return Error(ErrorCode::kData, "weight column `", column, "` is 0 in every row");
  return weights;
}

std::vector<double> LearnerWeights(const TrainSpec& spec, const Target& target, std::span<const double> weights,
                                   std::span<const std::size_t> rows) {
  if (weights.empty() && !spec.class_weight_balanced && spec.class_weight.empty()) return {};
  std::vector<double> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = weights.empty() ? 1.0 : weights[rows[i]];
  if (target.classes.empty()) return out;
  std::vector<double> of_class(target.classes.size(), 1);
  if (spec.class_weight_balanced) {
    std::vector<internal::Sum> sums(of_class.size());
    internal::Sum all;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      sums[static_cast<std::size_t>(target.values[rows[i]])].Add(out[i]);
      all.Add(out[i]);
    }
    double classes = 0;
    for (const internal::Sum& sum : sums) classes += sum.value() > 0;
    for (std::size_t c = 0; c < sums.size(); ++c)
      if (sums[c].value() > 0) of_class[c] = all.value() / (classes * sums[c].value());
  }
  for (std::size_t c = 0; c < of_class.size(); ++c)
    if (const auto named = spec.class_weight.find(target.classes[c]); named != spec.class_weight.end())
      of_class[c] = named->second;
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] *= of_class[static_cast<std::size_t>(target.values[rows[i]])];
  return out;
}

Status CheckClassNames(const TrainSpec& spec, const Target& target) {
  for (const auto& [name, weight] : spec.class_weight) {
    if (std::find(target.classes.begin(), target.classes.end(), name) != target.classes.end()) continue;
    const std::string near = NearestName(name, target.classes);
    return Error(ErrorCode::kInvalid, "`class_weight` names \"", name, "\", which is not a class of `", spec.target, "`")
        .WithHelp(near.empty() ? StrCat("its classes are ", Join(target.classes, ", ")) : StrCat("did you mean \"", near, "\"?"));
  }
  return Ok();
}

}  // namespace headrace
