// Beta calibration is a logistic regression on ln s and -ln(1 - s): three parameters, Newton's method with the exact Hessian.
// The columns are centred and scaled first, which changes only the conditioning. Rows that a curve can tell apart perfectly
// have no finite maximum; a ridge far below what anybody can see ends the climb there.

#include "headrace/model/calibration_internal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "headrace/base/math.h"
#include "headrace/model/linear.h"

namespace headrace::internal {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr double kRidge = 1e-9;

std::array<double, 2> Columns(double score) {
  const double s = std::clamp(score, kEps, 1 - kEps);
  return {math::Log(s), -math::Log1p(-s)};
}

/// Logistic regression on some of the two columns.
class BetaFit {
 public:
  BetaFit(std::span<const double> scores, std::span<const double> targets, std::span<const double> weights)
      : targets_(targets), weights_(weights) {
    double total = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      rows_.push_back(Columns(scores[i]));
      total += weight(i);
      for (std::size_t j = 0; j < 2; ++j) mean_[j] += weight(i) * rows_[i][j];
    }
    for (std::size_t j = 0; j < 2; ++j) mean_[j] /= total;
    for (std::size_t i = 0; i < rows_.size(); ++i)
      for (std::size_t j = 0; j < 2; ++j) {
        const double d = rows_[i][j] - mean_[j];
        deviation_[j] += weight(i) * d * d;
      }
    for (std::size_t j = 0; j < 2; ++j) {
      deviation_[j] = std::sqrt(deviation_[j] / total);
      if (!(deviation_[j] > 1e-14 * std::fabs(mean_[j]))) deviation_[j] = 0;
    }
  }

  /// Coefficients of the columns as they are, and the intercept; 0 for a column that is not `used` or is constant.
  std::array<double, 3> Fit(std::array<bool, 2> used) const {
    used = {used[0] && deviation_[0] > 0, used[1] && deviation_[1] > 0};
    std::vector<double> at(3, 0);
    double loss = Loss(at, used, nullptr, nullptr);
    for (int step = 0; step < 100; ++step) {
      std::vector<double> gradient, hessian;
      Loss(at, used, &gradient, &hessian);
      const std::vector<double> direction = SolveSymmetric(hessian, gradient);
      double decrement = 0;
      for (std::size_t j = 0; j < 3; ++j) decrement += gradient[j] * direction[j];
      if (!(decrement > 1e-22 * std::max(1.0, loss))) break;
      const bool fine = decrement < 1e-12 * std::max(1.0, loss);  // too little to show in the loss: trust the full step
      double length = 1, next_loss = loss;
      std::vector<double> next(3);
      for (; length > 1e-10; length /= 2) {
        for (std::size_t j = 0; j < 3; ++j) next[j] = at[j] - length * direction[j];
        next_loss = Loss(next, used, nullptr, nullptr);
        if (fine || next_loss <= loss - 1e-4 * length * decrement) break;
      }
      if (!(length > 1e-10)) break;
      at = next;
      loss = next_loss;
    }
    std::array<double, 3> out{0, 0, at[2]};
    for (std::size_t j = 0; j < 2; ++j) {
      if (!used[j]) continue;
      out[j] = at[j] / deviation_[j];
      out[2] -= out[j] * mean_[j];
    }
    return out;
  }

 private:
  double weight(std::size_t i) const { return weights_.empty() ? 1.0 : weights_[i]; }

  double Loss(const std::vector<double>& at, std::array<bool, 2> used, std::vector<double>* gradient,
              std::vector<double>* hessian) const {
    double loss = 0;
    if (gradient != nullptr) {
      gradient->assign(3, 0);
      hessian->assign(9, 0);
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      std::array<double, 3> x{0, 0, 1};
      for (std::size_t j = 0; j < 2; ++j)
        if (used[j]) x[j] = (rows_[i][j] - mean_[j]) / deviation_[j];
      const double z = at[0] * x[0] + at[1] * x[1] + at[2];
      loss += weight(i) * (math::Log1p(math::Exp(-std::fabs(z))) + (z > 0 ? z : 0) - targets_[i] * z);
      if (gradient == nullptr) continue;
      const double p = math::Sigmoid(z), error = weight(i) * (p - targets_[i]), w = weight(i) * (p * (1 - p));
      for (std::size_t j = 0; j < 3; ++j) {
        (*gradient)[j] += error * x[j];
        for (std::size_t k = j; k < 3; ++k) (*hessian)[j * 3 + k] += w * x[j] * x[k];
      }
    }
    for (std::size_t j = 0; j < 3; ++j) {
      loss += 0.5 * kRidge * at[j] * at[j];
      if (gradient == nullptr) continue;
      (*gradient)[j] += kRidge * at[j];
      (*hessian)[j * 3 + j] += j == 2 || used[j] ? kRidge : 1;
    }
    return loss;
  }

  std::span<const double> targets_, weights_;
  std::vector<std::array<double, 2>> rows_;
  std::array<double, 2> mean_{}, deviation_{};
};

}  // namespace

BetaCurve FitBetaCurve(std::span<const double> scores, std::span<const double> targets, std::span<const double> weights) {
  const BetaFit fit(scores, targets, weights);
  std::array<double, 3> curve = fit.Fit({true, true});
  if (curve[0] < 0) curve = fit.Fit({false, true});
  else if (curve[1] < 0) curve = fit.Fit({true, false});
  // What is negative even alone says that higher scores are no better: the curve is flat.
  if (curve[0] < 0 || curve[1] < 0) curve = fit.Fit({false, false});
  return {curve[0] + 0.0, curve[1] + 0.0, curve[2] + 0.0};  // never -0
}

double ApplyBeta(const BetaCurve& curve, double score) {
  const std::array<double, 2> x = Columns(score);
  return math::Sigmoid(curve.a * x[0] + curve.b * x[1] + curve.c);
}

}  // namespace headrace::internal
