// The solvers. All sums run in one fixed order (no library whose blocking depends on cache sizes), so bits do not
// depend on the processor.
#include <lbfgs.h>

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/model/linear.h"

namespace headrace::internal {

std::vector<double> SolveSymmetric(std::vector<double> h, std::vector<double> b) {
  // H = U^T D U by rows of U, in place; pivots relative to the diagonal tell a dependent row.
  const std::size_t n = b.size();
  std::vector<double> diagonal(n), pivot(n, 0);
  for (std::size_t i = 0; i < n; ++i) diagonal[i] = h[i * n + i];
  for (std::size_t i = 0; i < n; ++i) {
    const double d = h[i * n + i];
    if (!(d > 1e-12 * diagonal[i]) || d <= 0) continue;  // pivot stays 0: the row is left out
    pivot[i] = d;
    for (std::size_t r = i + 1; r < n; ++r) {
      const double f = h[i * n + r] / d;
      if (f == 0) continue;
      const double* from = h.data() + i * n;
      double* to = h.data() + r * n;
      for (std::size_t c = r; c < n; ++c) to[c] -= f * from[c];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (pivot[i] == 0) continue;
    const double f = b[i] / pivot[i];
    for (std::size_t r = i + 1; r < n; ++r) b[r] -= f * h[i * n + r];
  }
  for (std::size_t i = n; i-- > 0;) {
    if (pivot[i] == 0) {
      b[i] = 0;
      continue;
    }
    double rest = b[i];
    for (std::size_t c = i + 1; c < n; ++c) rest -= h[i * n + c] * b[c];
    b[i] = rest / pivot[i];
  }
  return b;
}

Result<std::vector<double>> SolveByNewton(const RegressionProblem& problem, const LearnerSettings& settings,
                                          std::size_t rows, const LearnerControl& control) {
  constexpr int kMostSteps = 200;
  const std::size_t d = problem.num_parameters();
  std::vector<double> at(d, 0);
  Derivatives here, there;
  RETURN_IF_ERROR(problem.Evaluate(at, true, &here));
  int fine_steps = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    if (control.cancelled && control.cancelled()) return Error(ErrorCode::kInterrupted, "training was interrupted");
    const std::vector<double> direction = SolveSymmetric(here.hessian, here.gradient);
    double decrement = 0;  // g^T H^-1 g: twice what a full step would gain, the same in any scale of the columns
    for (std::size_t i = 0; i < d; ++i) decrement += here.gradient[i] * direction[i];
    const double scale = std::max(1.0, here.value);
    if (!(decrement > 1e-24 * scale)) return at;
    std::vector<double> next(d);
    double length = 1;
    const bool fine = decrement < 1e-12 * scale;  // too little to show in the value: trust the full step
    for (;; length /= 2) {
      for (std::size_t i = 0; i < d; ++i) next[i] = at[i] - length * direction[i];
      RETURN_IF_ERROR(problem.Evaluate(next, true, &there));
      if (fine || there.value <= here.value - 1e-4 * length * decrement) break;
      if (length < 1e-10) return at;
    }
    at = std::move(next);
    std::swap(here, there);
    if (settings.kind == LearnerSpec::Kind::kLogistic && settings.l2 == 0 &&
        here.value < 1e-8 * static_cast<double>(rows))
      return Error(ErrorCode::kData,
                   "the classes can be told apart perfectly, so logistic regression without l2 has no finite solution")
          .WithHelp("set `l2` above 0");
    if (fine && ++fine_steps == 3) return at;
  }
  return Error(ErrorCode::kFailed, LearnerName(settings.kind), " regression did not converge in ", kMostSteps, " steps")
      .WithHelp("set `l2` higher");
}

namespace {

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

/// Scaled by the diagonal. The gradient is H x + g, so that H p is the difference of two; p is first brought to a size at which that difference is not lost in g.
Result<std::vector<double>> SolveByConjugateGradients(const RegressionProblem& problem, const LearnerControl& control) {
  constexpr int kMostSteps = 20'000;
  const std::size_t n = problem.num_parameters();
  std::vector<double> at(n, 0), scale(n), scaled(n), probe(n);
  for (std::size_t i = 0; i < n; ++i) scale[i] = problem.CurvatureOf(i);
  Derivatives here, there;
  RETURN_IF_ERROR(problem.Evaluate(at, false, &here));
  const std::vector<double>& g = here.gradient;
  std::vector<double> rest(n), direction(n);
  for (std::size_t i = 0; i < n; ++i) {
    rest[i] = -g[i];
    direction[i] = scaled[i] = rest[i] / scale[i];
  }
  double size = Dot(rest, scaled);
  const double begin = size;
  for (int step = 0; step < kMostSteps; ++step) {
    if (!(size > 1e-26 * begin)) return at;
    if (control.cancelled && control.cancelled()) return Error(ErrorCode::kInterrupted, "training was interrupted");
    const double by = std::sqrt(begin / size);
    for (std::size_t i = 0; i < n; ++i) probe[i] = by * direction[i];
    RETURN_IF_ERROR(problem.Evaluate(probe, false, &there));
    for (std::size_t i = 0; i < n; ++i) probe[i] = (there.gradient[i] - g[i]) / by;  // H p
    const double curvature = Dot(direction, probe);
    if (!(curvature > 0)) break;  // nothing but rounding is left
    const double length = size / curvature;
    for (std::size_t i = 0; i < n; ++i) {
      at[i] += length * direction[i];
      rest[i] -= length * probe[i];
      scaled[i] = rest[i] / scale[i];
    }
    const double next = Dot(rest, scaled);
    for (std::size_t i = 0; i < n; ++i) direction[i] = scaled[i] + next / size * direction[i];
    size = next;
  }
  return Error(ErrorCode::kFailed, "linear regression did not converge in ", kMostSteps, " steps").WithHelp("set `l2` higher");
}

namespace {

struct LbfgsCall {
  const RegressionProblem* problem;
  const LearnerControl* control;
  double per_row;
  Derivatives derivatives;
  Status status;
};

double EvaluateForLbfgs(void* instance, const double* x, double* g, int n, double) {
  auto& call = *static_cast<LbfgsCall*>(instance);
  Status status = call.problem->Evaluate(std::vector<double>(x, x + n), false, &call.derivatives);
  if (!status.ok()) call.status = std::move(status);
  for (int i = 0; i < n; ++i) g[i] = call.derivatives.gradient[static_cast<std::size_t>(i)] * call.per_row;
  return call.derivatives.value * call.per_row;
}

int StopLbfgs(void* instance, const double*, const double*, double, double, double, double, int, int, int) {
  const auto& call = *static_cast<const LbfgsCall*>(instance);
  return !call.status.ok() || (call.control->cancelled && call.control->cancelled());
}

}  // namespace

Result<std::vector<double>> SolveByLbfgs(const RegressionProblem& problem, std::size_t rows,
                                         const LearnerControl& control) {
  const auto n = static_cast<int>(problem.num_parameters());
  LbfgsCall call{&problem, &control, 1.0 / static_cast<double>(rows), {}, Ok()};
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.m = 20;
  parameters.epsilon = 1e-10;
  parameters.max_iterations = 5000;
  parameters.max_linesearch = 60;
  double* x = lbfgs_malloc(n);
  if (x == nullptr) return Error(ErrorCode::kFailed, "no memory for ", n, " coefficients");
  std::fill(x, x + n, 0.0);
  double value = 0;
  const int code = lbfgs(n, x, &value, EvaluateForLbfgs, StopLbfgs, &call, &parameters);
  std::vector<double> at(x, x + n);
  lbfgs_free(x);
  if (!call.status.ok()) return call.status;
  if (code == LBFGSERR_CANCELED) return Error(ErrorCode::kInterrupted, "training was interrupted");
  // A line search ends in rounding when nothing is left to gain; the gradient tells that from failure.
  RETURN_IF_ERROR(problem.Evaluate(at, false, &call.derivatives));
  double largest = 0;
  for (const double g : call.derivatives.gradient) largest = std::max(largest, std::abs(g) * call.per_row);
  if (!(largest < 1e-6))
    return Error(ErrorCode::kFailed, "logistic regression did not converge: the gradient is still ", largest, " a row")
        .WithHelp("set `l2` higher");
  return at;
}

}  // namespace headrace::internal
