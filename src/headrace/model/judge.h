#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/spec.h"
#include "headrace/table/table.h"

namespace headrace {

/// Rows that a model had not seen, and what it says of them. Borrowed; all of one length (predictions: times the classes of a
/// multiclass model).
struct JudgedRows {
  const Table& rows;
  Task task = Task::kBinary;
  int classes = 2;
  double threshold = 0.5;
  std::span<const double> target, predictions;
  std::span<const double> weights;   ///< may be empty
  std::span<const std::int64_t> groups = {};  ///< rankings: the query of each row
  std::span<const std::uint8_t> treated = {};  ///< uplift: who was treated
};

/// What a constant answer rests on: the training rows, and the objective's own loss.
struct ConstantRows {
  std::span<const double> target, weights;
  std::optional<double> quantile;    ///< Loss::constant_quantile
  std::string loss_metric;           ///< Loss::metric
};

/// Fill the parts of `out` that say how good the model is: metrics (`names`), their intervals where `spec` or a gate asks for them,
/// segments, gaps between them, curves, and the same metrics of a constant answer. A note tells when the model is worse than
/// that. Errors as Evaluate and EvaluateSegments.
Status JudgeModel(const TrainSpec& spec, std::span<const std::string> names, const JudgedRows& rows,
                  const ConstantRows& constant, int threads, Evaluation* out);

}  // namespace headrace
