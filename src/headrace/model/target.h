#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/table/table.h"

namespace headrace {

/// What is to be predicted, as numbers.
struct Target {
  Task task = Task::kBinary;
  std::vector<std::string> classes;    ///< as text; binary: {negative, positive}; multiclass: in byte order; regression: empty
  std::vector<double> values;          ///< one a row: 0 or 1, the index into `classes`, or the number itself; clustering: none
};

/// Read the target column of `table` and tell the task from it; for a learner of clusters there is none to read. The learner's objective decides first (spec.learner.task),
/// then the kind of learner (logistic: classes; linear: numbers), then the column:
///   bool                                                       binary
///   two distinct values of int, double or text                 binary
///   text with more values (at most 100)                        multiclass
///   int with 3 to 20 values that have ten rows each on average  multiclass
///   any other int or double                                    regression
/// The positive class is `spec.positive`; without it true, 1, or the last class in byte order.
///
/// kInvalid: no such column; `positive` is not one of the two values (they are listed), or given for another task.
/// kData: no rows; nulls, NaN or infinity (how many, and the first rows, counted from 1); one distinct value only; a type or
/// number of values that the task asked for cannot use.
Result<Target> ExtractTarget(const Table& table, const TrainSpec& spec);

/// kData unless the given rows hold every class of a binary target, at least two of a multiclass one. `part` names them in the
/// message: "test", "training", "fold 3's training". Always ok without classes.
Status CheckClasses(const Target& target, std::span<const std::size_t> rows, std::string_view part);

}  // namespace headrace
