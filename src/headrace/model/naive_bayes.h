#pragma once

#include <memory>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"

namespace headrace {

/// Gaussian naive Bayes: within a class every feature is normal and independent of the others. scikit-learn's
/// GaussianNB(var_smoothing=1e-9): to each variance 1e-9 of the largest variance of any feature is added.
///
///   margin_k = ln P(k) - 1/2 sum over j of [ln(2 pi v_kj) + (x_j - m_kj)^2 / v_kj]
///
/// and for two classes the difference of the two margins. Weights count rows. kData: a NaN or infinity in a vector; a class without
/// a row of weight above 0; features that are all constant.
Result<std::unique_ptr<const FittedLearner>> FitNaiveBayes(const LearnerSettings& settings, const Vectors& train);

Result<std::unique_ptr<const FittedLearner>> ReadNaiveBayes(Task task, std::string_view json, std::size_t num_features);

}  // namespace headrace
