// Answers the pytest oracle of the learners: one JSON array of requests on stdin, one of answers on stdout, each
// {"error": "..."} or {"text": the fitted learner, "margins": [...], "predictions": [...], "contributions": [...] if asked, "importance": [...]}.
//   {"learner": "logistic", "task": "binary", "classes": 2, "l1": 0, "l2": 1, "weights": [], "monotone": [], "categorical": [], "groups": [], "uplift": "two_model", "treated": [], "contributions": false, "parameters": {}, "features": 3, "x": [...], "y":
//   [...],
//    "apply": [...]}
// x and apply are row-major; null stands for NaN.

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "headrace/model/learner.h"

namespace headrace {
namespace {

using nlohmann::json;
using Doubles = std::vector<double>;

Doubles Numbers(const json& array) {
  Doubles numbers;
  for (const json& value : array) numbers.push_back(value.is_null() ? std::nan("") : value.get<double>());
  return numbers;
}

Result<json> Fit(const json& request) {
  LearnerSpec spec;
  spec.given = true;
  ASSIGN_OR_RETURN(spec.kind, LearnerFromName(request.at("learner").get<std::string>()));
  if (request.contains("uplift")) { ASSIGN_OR_RETURN(spec.uplift, LearnerFromName(request.at("uplift").get<std::string>())); }
  spec.l2 = request.value("l2", 1.0);
  spec.l1 = request.value("l1", 0.0);
  spec.parameters = request.value("parameters", std::map<std::string, std::string>());
  const std::string name = request.at("task");
  const Task task = name == "binary" ? Task::kBinary : name == "multiclass" ? Task::kMulticlass : name == "clustering" ? Task::kClustering : Task::kRegression;
  const Doubles x = Numbers(request.at("x")), y = Numbers(request.at("y")), apply = Numbers(request.at("apply"));
  const Doubles weights = request.value("weights", Doubles());
  const std::vector<int> monotone = request.value("monotone", std::vector<int>());
  const std::vector<int> categorical = request.value("categorical", std::vector<int>());
  const std::vector<std::int64_t> groups = request.value("groups", std::vector<std::int64_t>());
  const auto treated = request.value("treated", std::vector<std::uint8_t>());
  const std::size_t features = request.at("features");
  ASSIGN_OR_RETURN(const LearnerSettings settings,
                   ResolveLearner(spec, task, request.value("classes", std::size_t{2}), x.size() / features));
  ASSIGN_OR_RETURN(const std::unique_ptr<const FittedLearner> learner,
                   FitLearner(settings, {Matrix::Dense(x, features), y, weights, monotone, categorical, groups, treated}, settings.iterations, {}));
  const std::size_t rows = apply.size() / features;
  Doubles margins(rows * learner->num_outputs());
  learner->RawScores(apply.data(), rows, margins.data());
  Doubles predictions = margins;
  ApplyLink(learner->link(), rows, learner->num_outputs(), predictions.data());
  Doubles contributions;
  if (request.value("contributions", false)) {
    contributions.resize(margins.size() * (features + 1));
    RETURN_IF_ERROR(learner->Contributions(apply.data(), rows, contributions.data()));
  }
  return json{{"text", learner->text()},
              {"contributions", contributions},
              {"margins", margins},
              {"predictions", predictions},
              {"importance", Doubles(learner->importance().begin(), learner->importance().end())}};
}

}  // namespace
}  // namespace headrace

int main() {
  try {
    const nlohmann::json requests = nlohmann::json::parse(std::cin);
    nlohmann::json answers = nlohmann::json::array();
    for (const nlohmann::json& request : requests) {
      const headrace::Result<nlohmann::json> answer = headrace::Fit(request);
      answers.push_back(answer.ok() ? answer.value() : nlohmann::json{{"error", answer.status().ToString()}});
    }
    std::cout << answers.dump() << "\n";
  } catch (const nlohmann::json::exception& error) {
    std::cerr << "oracle_learner: " << error.what() << "\n";
    return 2;
  }
  return 0;
}
