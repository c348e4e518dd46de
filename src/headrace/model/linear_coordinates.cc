// L1 penalties. The smooth part of the loss is taken as its quadratic at the present point (Newton), the quadratic with the
// penalty is minimised one coefficient at a time, which has a closed form (soft thresholding), and a line search guards the
// step. Near the solution this converges as fast as Newton's method does, so coefficients are right to rounding.
#include <algorithm>
#include <cmath>

#include "headrace/model/linear.h"

namespace headrace::internal {
namespace {

double Shrink(double value, double by) { return value > by ? value - by : value < -by ? value + by : 0; }

/// The step d that minimises  g d + d H d / 2 + sum of l1 |at + d|, by cyclic coordinate descent. `h` is row-major, upper triangle.
std::vector<double> StepOf(const std::vector<double>& at, const std::vector<double>& g, std::vector<double> h,
                           const std::vector<double>& l1) {
  const std::size_t n = at.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) h[i * n + j] = h[j * n + i];
  std::vector<double> d(n, 0), slope = g;  // slope of the quadratic at d
  for (int pass = 0; pass < 10'000; ++pass) {
    double moved = 0, size = 0;  // in terms of the quadratic's own scale
    for (std::size_t j = 0; j < n; ++j) {
      const double curvature = h[j * n + j];
      if (!(curvature > 0)) continue;
      const double now = at[j] + d[j];
      const double next = Shrink(now - slope[j] / curvature, l1[j] / curvature);
      const double by = next - now;
      size = std::max(size, curvature * next * next);
      if (by == 0) continue;
      d[j] += by;
      const double* row = h.data() + j * n;
      for (std::size_t i = 0; i < n; ++i) slope[i] += by * row[i];
      moved = std::max(moved, curvature * by * by);
    }
    if (moved <= 1e-26 * std::max(size, 1e-300)) break;
  }
  return d;
}

double PenaltyOf(const std::vector<double>& at, const std::vector<double>& l1) {
  double sum = 0;
  for (std::size_t j = 0; j < at.size(); ++j) sum += l1[j] * std::abs(at[j]);
  return sum;
}

}  // namespace

Result<std::vector<double>> SolveByCoordinates(const RegressionProblem& problem, const LearnerSettings& settings,
                                               const LearnerControl& control) {
  constexpr int kMostSteps = 200;
  const std::size_t n = problem.num_parameters();
  if (n > kMostL1Parameters)
    return Error(ErrorCode::kData, "`l1` is for at most ", kMostL1Parameters, " coefficients, the features make ", n)
        .WithHelp("use `l2` alone, or fewer features");
  std::vector<double> at(n, 0), l1(n), next(n);
  for (std::size_t j = 0; j < n; ++j) l1[j] = problem.l1_of(j);
  Derivatives here, there;
  RETURN_IF_ERROR(problem.Evaluate(at, true, &here));
  int fine_steps = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    if (control.cancelled && control.cancelled()) return Error(ErrorCode::kInterrupted, "training was interrupted");
    const std::vector<double> d = StepOf(at, here.gradient, here.hessian, l1);
    double change = -PenaltyOf(at, l1);  // what the model says a full step changes, to first order
    for (std::size_t j = 0; j < n; ++j) {
      change += here.gradient[j] * d[j] + l1[j] * std::abs(at[j] + d[j]);
      next[j] = at[j] + d[j];
    }
    const double value = here.value + PenaltyOf(at, l1), scale = std::max(1.0, value);
    const bool fine = -change < 1e-12 * scale;  // too little to show in the value: trust the full step
    for (double length = 1;; length /= 2) {
      for (std::size_t j = 0; j < n; ++j) next[j] = at[j] + length * d[j];
      RETURN_IF_ERROR(problem.Evaluate(next, true, &there));
      if (fine || there.value + PenaltyOf(next, l1) <= value + 1e-4 * length * change) break;
      if (length < 1e-10) return at;
    }
    at = next;
    std::swap(here, there);
    if (!(-change > 1e-24 * scale) || (fine && ++fine_steps == 3)) return at;
  }
  return Error(ErrorCode::kFailed, LearnerName(settings.kind), " regression did not converge in ", kMostSteps, " steps")
      .WithHelp("set `l1` or `l2` higher");
}

}  // namespace headrace::internal
