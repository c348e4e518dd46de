#pragma once

#include <memory>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"

namespace headrace {

/// Learners of uplift: the score is what being treated adds to the target, P(y | x, treated) - P(y | x, not treated) for two
/// classes, the difference of the means for numbers. They are made of other learners:
///
///   two_model  one learns the target of the treated rows, one that of the others; the score is the difference of their
///              predictions (the T-learner of Kuenzel, Sekhon, Bickel, Yu 2019)
///   x_learner  two more learn what those say that treatment did to each row: y - m0(x) of the treated, m1(x) - y of the
///              others; the score is g t0(x) + (1 - g) t1(x), g the share of treated rows (same paper; g is the propensity of
///              an experiment that drew the treated at random)
///
/// In the second stage a learner of classes gives way to the one of numbers: logistic to linear, objectives to squared error.
Result<std::unique_ptr<const FittedLearner>> FitUplift(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control);

/// Read uplift.json, trusting nothing: {"base": "linear", "control": TEXT, "learner": "x_learner", "outcome": "binary", "share":
/// 0.5, "treated": TEXT}, TEXT a learner as it keeps itself and `share` the x_learner's g. kInvalid.
Result<std::unique_ptr<const FittedLearner>> ReadUplift(LearnerSpec::Kind kind, std::string_view text, std::size_t num_features);

/// Whether learners of this kind can be made of those.
bool CanBePartOfUplift(LearnerSpec::Kind base);

}  // namespace headrace
