#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"
#include "headrace/model/standardised_internal.h"

namespace headrace {

/// Logistic and linear regression with L1 and L2 penalties: margin_k = intercept_k + sum over j of coefficient_kj * x_j.
///
/// logistic: minimises  sum of logloss + l2/2 * |coefficients|^2, the intercepts free: scikit-learn's
///   LogisticRegression(C=1/l2), multinomial for several classes (whose intercepts sum to 0). Newton's method with
///   a Cholesky factor up to kNewtonParameters coefficients, L-BFGS (liblbfgs) above; both to rounding.
/// linear: minimises  half the sum of squared errors + l2/2 * |coefficients|^2, the intercept free: scikit-learn's
///   Ridge(alpha=l2), and LinearRegression for l2 = 0. Normal equations of the standardised columns, refined once from the
///   residuals; above kNormalEquations coefficients conjugate gradients (Hestenes, Stiefel 1952) on the same equations.
/// Both: + l1 * sum of |coefficient|, which makes some of them exactly 0. LogisticRegression(C, l1_ratio) has
///   l1 = l1_ratio / C and l2 = (1 - l1_ratio) / C; ElasticNet(alpha, l1_ratio) on n rows has l1 = n * alpha * l1_ratio and
///   l2 = n * alpha * (1 - l1_ratio). Newton's method whose step is found by coordinate descent (Friedman, Hastie, Tibshirani
///   2010), up to kMostL1Parameters coefficients. The multinomial solution with l1 is scikit-learn's as well: the intercepts sum
///   to 0.
/// Weights multiply each row's loss.
///
/// With l2 = 0 a column that is a combination of earlier ones gets the coefficient 0 (scikit-learn spreads the weight
/// instead, as we do where no equations are made; the predictions are the same). kData: a NaN or infinity in a vector; logistic with l2 = 0 on classes that
/// can be told apart perfectly, which has no finite solution.
inline constexpr std::size_t kNewtonParameters = 500;
inline constexpr std::size_t kNormalEquations = 2000;
inline constexpr std::size_t kMostL1Parameters = 2000;

Result<std::unique_ptr<const FittedLearner>> FitCoefficients(const LearnerSettings& settings, const Vectors& train,
                                                             const LearnerControl& control);

Result<std::unique_ptr<const FittedLearner>> ReadCoefficients(LearnerSpec::Kind kind, std::string_view json,
                                                              std::size_t num_features, std::size_t num_outputs);

namespace internal {

/// `loss` over all rows at some coefficients, in the standardised columns; what a solver asks for.
struct Derivatives {
  double value = 0;
  std::vector<double> gradient;
  std::vector<double> hessian;  ///< row-major, upper triangle; empty unless asked for
};

/// Columns standardised on the way in, rows in fixed blocks whose sums are merged in order: any number of threads
/// gives the same bits. Parameters lie output by output, each its intercept and then its coefficients: a column that stands for
/// the intercept with others is then what gives way.
class RegressionProblem {
 public:
  static Result<RegressionProblem> Make(const LearnerSettings& settings, const Vectors& train, int threads);

  std::size_t num_parameters() const { return outputs_ * width_; }
  Status Evaluate(const std::vector<double>& parameters, bool with_hessian, Derivatives* out) const;
  /// Back to the columns as they are: coefficients (output by output) and intercepts.
  void Restore(const std::vector<double>& parameters, std::vector<double>* coefficients,
               std::vector<double>* intercepts) const;
  const std::vector<double>& deviation() const { return standards_.deviation; }
  /// The weight of |parameter| in what is minimised: l1 in terms of the columns as they are; 0 for intercepts.
  double l1_of(std::size_t parameter) const;
  /// Of a linear regression's second derivatives the one by `parameter` alone, about: 0 means of z left out.
  double CurvatureOf(std::size_t parameter) const;

 private:
  struct Sums {
    double value = 0;
    std::vector<double> gradient;
    std::vector<std::vector<double>> grams;
  };
  template <typename Rows>
  void AddRows(Rows z, std::size_t begin, std::size_t end, const std::vector<double>& parameters, bool with_hessian,
               Sums* sums) const;
  double PenaltyOf(std::size_t j) const;
  void LossOfRow(double target, double* margins, double* value) const;

  const Vectors* train_ = nullptr;
  Task task_ = Task::kBinary;
  int threads_ = 1;
  double l1_ = 0, l2_ = 1;
  std::size_t outputs_ = 1, width_ = 1;
  double target_mean_ = 0;                // linear only
  Standards standards_;
};

/// Solve H x = b for a symmetric H (row-major, upper triangle read). A row whose pivot vanishes beside its diagonal
/// gets x = 0.
std::vector<double> SolveSymmetric(std::vector<double> h, std::vector<double> b);

/// Minimise from zero: by Newton's method, with coordinates for l1, a linear regression by conjugate gradients, by L-BFGS.
Result<std::vector<double>> SolveByNewton(const RegressionProblem& problem, const LearnerSettings& settings,
                                          std::size_t rows, const LearnerControl& control);
Result<std::vector<double>> SolveByCoordinates(const RegressionProblem& problem, const LearnerSettings& settings,
                                               const LearnerControl& control);
Result<std::vector<double>> SolveByConjugateGradients(const RegressionProblem& problem, const LearnerControl& control);
Result<std::vector<double>> SolveByLbfgs(const RegressionProblem& problem, std::size_t rows,
                                         const LearnerControl& control);

}  // namespace internal
}  // namespace headrace
