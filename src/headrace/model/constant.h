#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"

namespace headrace {

/// Always one answer, whatever the row: for classes their (weighted) shares in the training rows, for numbers their mean:
/// scikit-learn's DummyClassifier(strategy="prior") and DummyRegressor(strategy="mean"). What any model must beat.
Result<std::unique_ptr<const FittedLearner>> FitConstant(const LearnerSettings& settings, const Vectors& train);

/// The answer itself, as predictions: one a class (several classes), the positive class's share, or the mean; for numbers with
/// `quantile` that (weighted) quantile instead: the smallest target at which the weight so far reaches it.
std::vector<double> ConstantAnswer(Task task, std::size_t classes, std::span<const double> target,
                                   std::span<const double> weights, std::optional<double> quantile);

Result<std::unique_ptr<const FittedLearner>> ReadConstant(Task task, std::string_view json, std::size_t num_features);

}  // namespace headrace
