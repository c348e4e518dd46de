#pragma once

#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/model/target.h"
#include "headrace/table/table.h"

namespace headrace {

/// The numbers of the weight column, one a row. kData: a null, a NaN, an infinity or a negative number (how many, and the
/// first row, from 1); all of them 0. REQUIRES: an int or double column of `table`.
Result<std::vector<double>> ReadWeights(const Table& table, const std::string& column);

/// What each of `rows` weighs for the learner: its weight (empty: 1) times its class's. With `class_weight_balanced` a class
/// weighs W / (k W_c), W the weight of all `rows`, W_c that of the class's, k the classes among them: scikit-learn's "balanced". Empty
/// when every row weighs 1. REQUIRES: CheckClassNames.
std::vector<double> LearnerWeights(const TrainSpec& spec, const Target& target, std::span<const double> weights,
                                   std::span<const std::size_t> rows);

/// kInvalid, with the nearest name: `class_weight` names a class that the target does not have.
Status CheckClassNames(const TrainSpec& spec, const Target& target);

}  // namespace headrace
