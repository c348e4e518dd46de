#pragma once

#include <span>

/// Private to this room: the curve of beta calibration (calibration.h).
namespace headrace::internal {

struct BetaCurve {
  double a = 0, b = 0, c = 0;  ///< a, b >= 0
};

/// REQUIRES: finite scores, targets 0 or 1, weights empty or one a row, not all 0.
BetaCurve FitBetaCurve(std::span<const double> scores, std::span<const double> targets, std::span<const double> weights);
double ApplyBeta(const BetaCurve& curve, double score);

}  // namespace headrace::internal
