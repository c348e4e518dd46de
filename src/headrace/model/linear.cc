#include "headrace/model/linear.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using nlohmann::json;

class CoefficientLearner final : public FittedLearner {
 public:
  CoefficientLearner(LearnerSpec::Kind kind, std::size_t features, std::vector<double> coefficients,
                     std::vector<double> intercepts, std::vector<double> importance)
      : features_(features),
        coefficients_(std::move(coefficients)),
        intercepts_(std::move(intercepts)),
        importance_(std::move(importance)) {
    if (kind == LearnerSpec::Kind::kLogistic)
      link_.kind = intercepts_.size() == 1 ? Link::Kind::kSigmoid : Link::Kind::kSoftmax;
    json rows = json::array();
    for (std::size_t k = 0; k < intercepts_.size(); ++k)
      rows.push_back(std::vector<double>(coefficients_.begin() + static_cast<std::ptrdiff_t>(k * features_),
                                         coefficients_.begin() + static_cast<std::ptrdiff_t>((k + 1) * features_)));
    text_ = DumpJson(json{{"coefficients", rows}, {"intercepts", intercepts_}, {"learner", LearnerName(kind)}}) + "\n";
  }
  std::size_t num_features() const override { return features_; }
  std::size_t num_outputs() const override { return intercepts_.size(); }
  const Link& link() const override { return link_; }
  void RawScores(const double* vectors, std::size_t rows, double* out) const override {
    for (std::size_t r = 0; r < rows; ++r) {
      const double* x = vectors + r * features_;
      for (std::size_t k = 0; k < intercepts_.size(); ++k) {
        const double* w = coefficients_.data() + k * features_;
        double margin = intercepts_[k];
        for (std::size_t j = 0; j < features_; ++j) margin += w[j] * x[j];
        *out++ = margin;
      }
    }
  }
  /// Weight times value, from the intercept on. On standardised columns this is the Shapley value.
  Status Contributions(const double* vectors, std::size_t rows, double* out) const override {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t k = 0; k < intercepts_.size(); ++k) {
        for (std::size_t j = 0; j < features_; ++j) *out++ = coefficients_[k * features_ + j] * vectors[r * features_ + j];
        *out++ = intercepts_[k];
      }
    return Ok();
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return "coefficients.json"; }
  std::span<const double> importance() const override { return importance_; }

 private:
  std::size_t features_;
  std::vector<double> coefficients_, intercepts_, importance_;
  Link link_;
  std::string text_;
};

bool ReadNumbers(const json& array, std::size_t count, std::vector<double>* out) {
  if (!array.is_array() || array.size() != count) return false;
  for (const json& number : array) {
    if (!number.is_number() || !std::isfinite(number.get<double>())) return false;
    out->push_back(number.get<double>());
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<const FittedLearner>> FitCoefficients(const LearnerSettings& settings, const Vectors& train,
                                                             const LearnerControl& control) {
  ASSIGN_OR_RETURN(const internal::RegressionProblem problem,
                   internal::RegressionProblem::Make(settings, train, control.threads));
  const bool linear = settings.kind == LearnerSpec::Kind::kLinear;
  const bool newton = problem.num_parameters() <= (linear ? kNormalEquations : kNewtonParameters);
  ASSIGN_OR_RETURN(const std::vector<double> solution,
                   settings.l1 > 0 ? internal::SolveByCoordinates(problem, settings, control)
                   : newton        ? internal::SolveByNewton(problem, settings, train.rows(), control)
                   : linear        ? internal::SolveByConjugateGradients(problem, control)
                                   : internal::SolveByLbfgs(problem, train.rows(), control));
  std::vector<double> coefficients, intercepts, importance(train.features(), 0);
  problem.Restore(solution, &coefficients, &intercepts);
  for (std::size_t k = 0; k < intercepts.size(); ++k)
    for (std::size_t j = 0; j < train.features(); ++j)
      importance[j] += std::abs(coefficients[k * train.features() + j]) * problem.deviation()[j];
  if (control.progress) control.progress(1);
  return std::unique_ptr<const FittedLearner>(new CoefficientLearner(
      settings.kind, train.features(), std::move(coefficients), std::move(intercepts), std::move(importance)));
}

Result<std::unique_ptr<const FittedLearner>> ReadCoefficients(LearnerSpec::Kind kind, std::string_view text,
                                                              std::size_t num_features, std::size_t num_outputs) {
  const Status bad = Error(ErrorCode::kInvalid, "coefficients.json does not hold ", num_outputs, " rows of ",
                           num_features, " coefficients for ", LearnerName(kind));
  const json document = ParseJson(text);
  if (!document.is_object() || !document.contains("coefficients") || !document.contains("intercepts")) return bad;
  const json& rows = document["coefficients"];
  std::vector<double> coefficients, intercepts;
  if (!ReadNumbers(document["intercepts"], num_outputs, &intercepts) || !rows.is_array() || rows.size() != num_outputs)
    return bad;
  for (const json& row : rows)
    if (!ReadNumbers(row, num_features, &coefficients)) return bad;
  std::unique_ptr<const FittedLearner> learner(
      new CoefficientLearner(kind, num_features, std::move(coefficients), std::move(intercepts), {}));
  if (learner->text() != text)
    return Error(ErrorCode::kInvalid, "coefficients.json is not in the one form that Headrace writes");
  return learner;
}

}  // namespace headrace
