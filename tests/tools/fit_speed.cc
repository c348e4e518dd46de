// Says how fast learners and calibrations fit, for bench/fit.py. One JSON line a case.
//
// usage: fit_speed VECTORS.f64 TARGET.f64 FEATURES THREADS REPEATS [CASE...]
//
// VECTORS is row-major; TARGET holds 0 and 1. Seconds are the best of the repeats; `loss` is what the case minimises, or its mean log loss, on the same
// rows, so that who ends early is seen.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/model/calibration.h"
#include "headrace/model/learner.h"

namespace {

using namespace headrace;

struct Case {
  std::string name;
  LearnerSpec::Kind kind;
  Task task = Task::kBinary;
  double l1 = 0, l2 = 0;
  std::map<std::string, std::string> parameters = {};
};

const std::vector<Case> kCases = {
    {"logistic l2", LearnerSpec::Kind::kLogistic, Task::kBinary, 0, 1},
    {"logistic l1", LearnerSpec::Kind::kLogistic, Task::kBinary, 10, 0},
    {"logistic elastic net", LearnerSpec::Kind::kLogistic, Task::kBinary, 5, 5},
    {"linear l2", LearnerSpec::Kind::kLinear, Task::kRegression, 0, 1},
    {"naive bayes", LearnerSpec::Kind::kNaiveBayes},
    {"kmeans 8, 10 starts", LearnerSpec::Kind::kKMeans, Task::kClustering, 0, 0, {{"n_clusters", "8"}, {"n_init", "10"}}},
    {"lightgbm 100 x 31", LearnerSpec::Kind::kLightGbm, Task::kBinary, 0, 1, {{"num_iterations", "100"}, {"num_leaves", "31"}}},
    {"xgboost 100 x depth 6", LearnerSpec::Kind::kXgboost, Task::kBinary, 0, 1, {{"num_boost_round", "100"}, {"max_depth", "6"}}},
};

double Seconds(const std::function<Status()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  if (const Status status = work(); !status.ok()) {
    std::cerr << "fit_speed: " << status << "\n";
    std::exit(1);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Result<std::vector<double>> Doubles(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

void Say(const std::string& name, double seconds, double loss) { std::printf("{\"case\": \"%s\", \"seconds\": %.6f, \"loss\": %.9f}\n", name.c_str(), seconds, loss); }

/// Mean log loss of probabilities, mean squared error of numbers, mean squared distance of rows to their centres.
double LossOf(const FittedLearner& learner, const Vectors& rows, Task task) {
  const std::size_t outputs = learner.num_outputs();
  std::vector<double> scores(rows.rows() * outputs);
  learner.RawScores(rows.matrix.values().data(), rows.rows(), scores.data());
  double sum = 0;
  if (task == Task::kClustering) {
    for (std::size_t i = 0; i < rows.rows(); ++i) sum += scores[2 * i + 1] * scores[2 * i + 1];
    return sum / static_cast<double>(rows.rows());
  }
  ApplyLink(learner.link(), rows.rows(), 1, scores.data());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const double p = std::clamp(scores[i], 1e-15, 1 - 1e-15), y = rows.target[i];
    sum += task == Task::kRegression ? (scores[i] - y) * (scores[i] - y) : -(y * std::log(p) + (1 - y) * std::log(1 - p));
  }
  return sum / static_cast<double>(rows.rows());
}

Status Learners(const Vectors& rows, int threads, int repeats, const std::vector<std::string>& only, std::vector<double>* margins) {
  for (const Case& c : kCases) {
    if (!only.empty() && std::find(only.begin(), only.end(), c.name) == only.end()) continue;
    LearnerSpec spec;
    spec.given = true;
    spec.kind = c.kind;
    spec.l1 = c.l1;
    spec.l2 = c.l2;
    spec.parameters = c.parameters;
    ASSIGN_OR_RETURN(const LearnerSettings settings, ResolveLearner(spec, c.task, 2, rows.rows()));
    LearnerControl control;
    control.threads = threads;
    std::unique_ptr<const FittedLearner> learner;
    double best = 1e300;
    for (int i = 0; i < repeats; ++i)
      best = std::min(best, Seconds([&]() -> Status {
        ASSIGN_OR_RETURN(learner, FitLearner(settings, rows, settings.iterations, control));
        return Ok();
      }));
    Say(c.name, best, LossOf(*learner, rows, c.task));
    if (c.name == "logistic l2") {
      margins->resize(rows.rows());
      learner->RawScores(rows.matrix.values().data(), rows.rows(), margins->data());
    }
  }
  return Ok();
}

Status Calibrations(const Vectors& rows, int repeats, const std::vector<double>& margins) {
  if (margins.empty()) return Ok();
  std::vector<double> probabilities = margins;
  for (double& p : probabilities) p = 1 / (1 + std::exp(-p));
  for (const bool sigmoid : {false, true}) {
    double best = 1e300;
    for (int i = 0; i < repeats; ++i)
      best = std::min(best, Seconds([&]() -> Status {
        return (sigmoid ? Calibration::FitSigmoid(margins, rows.target) : Calibration::FitIsotonic(probabilities, rows.target)).status();
      }));
    Say(sigmoid ? "calibrate sigmoid" : "calibrate isotonic", best, 0);
  }
  return Ok();
}

/// Reading the vectors once: nothing that learns from all of them is faster.
void Floor(const Vectors& rows) {
  const std::vector<double>& values = rows.matrix.values();
  volatile double sink = 0;
  double best = 1e300;
  for (int i = 0; i < 5; ++i)
    best = std::min(best, Seconds([&] {
      double sums[8] = {};
      for (std::size_t k = 0; k + 8 <= values.size(); k += 8)
        for (std::size_t j = 0; j < 8; ++j) sums[j] += values[k + j];
      for (const double sum : sums) sink = sink + sum;
      return Ok();
    }));
  Say("read", best, 0);
}

Status Run(int argc, char** argv) {
  ASSIGN_OR_RETURN(std::vector<double> values, Doubles(argv[1]));
  ASSIGN_OR_RETURN(const std::vector<double> target, Doubles(argv[2]));
  const std::size_t features = std::strtoul(argv[3], nullptr, 10);
  const int threads = std::atoi(argv[4]), repeats = std::atoi(argv[5]);
  const Matrix matrix = Matrix::Dense(std::move(values), features);
  const Vectors rows{matrix, target};
  std::vector<double> margins;
  Floor(rows);
  RETURN_IF_ERROR(Learners(rows, threads, repeats, {argv + 6, argv + argc}, &margins));
  return Calibrations(rows, repeats, margins);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "usage: fit_speed VECTORS.f64 TARGET.f64 FEATURES THREADS REPEATS [CASE...]\n";
    return 2;
  }
  if (const Status status = Run(argc, argv); !status.ok()) {
    std::cerr << "fit_speed: " << status << "\n";
    return 1;
  }
  return 0;
}
