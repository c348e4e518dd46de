#include "headrace/model/naive_bayes.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "headrace/base/json.h"
#include "headrace/base/math.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {
namespace {

using nlohmann::json;

constexpr double kSmoothing = 1e-9;

struct NormalClass {
  double log_prior = 0;
  std::vector<double> mean, variance;
};

class NaiveBayesLearner final : public FittedLearner {
 public:
  NaiveBayesLearner(Task task, std::size_t features, std::vector<NormalClass> classes)
      : binary_(task == Task::kBinary), features_(features), classes_(std::move(classes)) {
    link_.kind = binary_ ? Link::Kind::kSigmoid : Link::Kind::kSoftmax;
    json rows = json::array();
    for (const NormalClass& c : classes_) {
      rows.push_back({{"log_prior", c.log_prior}, {"mean", c.mean}, {"variance", c.variance}});
      double sum = c.log_prior;
      for (const double v : c.variance) sum -= 0.5 * math::Log(2 * std::numbers::pi * v);
      constant_.push_back(sum);
    }
    text_ = DumpJson(json{{"classes", rows}, {"learner", "naive_bayes"}}) + "\n";
  }
  std::size_t num_features() const override { return features_; }
  std::size_t num_outputs() const override { return binary_ ? 1 : classes_.size(); }
  const Link& link() const override { return link_; }
  void RawScores(const double* vectors, std::size_t rows, double* out) const override {
    for (std::size_t r = 0; r < rows; ++r) {
      const double* x = vectors + r * features_;
      if (binary_) {
        *out++ = Joint(1, x) - Joint(0, x);
      } else {
        for (std::size_t k = 0; k < classes_.size(); ++k) *out++ = Joint(k, x);
      }
    }
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return "naive_bayes.json"; }
  std::span<const double> importance() const override { return {}; }

 private:
  double Joint(std::size_t k, const double* x) const {
    const NormalClass& c = classes_[k];
    double sum = 0;
    for (std::size_t j = 0; j < features_; ++j) sum += (x[j] - c.mean[j]) * (x[j] - c.mean[j]) / c.variance[j];
    return constant_[k] - 0.5 * sum;
  }

  bool binary_;
  std::size_t features_;
  std::vector<NormalClass> classes_;
  std::vector<double> constant_;
  Link link_;
  std::string text_;
};

double WeightOf(const Vectors& train, std::size_t row) { return train.weights.empty() ? 1.0 : train.weights[row]; }

/// Mean and variance of one feature over the rows that `counts` says.
template <typename Counts>
std::pair<double, double> Moments(const Vectors& train, std::size_t feature, Counts counts) {
  internal::Sum weight, sum, squares;
  const auto at = [&](std::size_t r) { return train.values[r * train.features + feature]; };
  for (std::size_t r = 0; r < train.rows; ++r) {
    if (!counts(r)) continue;
    weight.Add(WeightOf(train, r));
    sum.Add(WeightOf(train, r) * at(r));
  }
  const double mean = sum.value() / weight.value();
  for (std::size_t r = 0; r < train.rows; ++r)
    if (counts(r)) squares.Add(WeightOf(train, r) * ((at(r) - mean) * (at(r) - mean)));
  return {mean, squares.value() / weight.value()};
}

bool ReadNumbers(const json& array, std::size_t count, std::vector<double>* out) {
  if (!array.is_array() || array.size() != count) return false;
  for (const json& number : array) {
    if (!number.is_number() || !std::isfinite(number.get<double>())) return false;
    out->push_back(number.get<double>());
  }
  return true;
}

bool ReadClass(const json& row, std::size_t features, NormalClass* out) {
  for (const char* key : {"log_prior", "mean", "variance"})
    if (!row.is_object() || !row.contains(key)) return false;
  if (!row["log_prior"].is_number() || !std::isfinite(row["log_prior"].get<double>())) return false;
  out->log_prior = row["log_prior"].get<double>();
  return ReadNumbers(row["mean"], features, &out->mean) && ReadNumbers(row["variance"], features, &out->variance) &&
         std::all_of(out->variance.begin(), out->variance.end(), [](double v) { return v > 0; });
}

}  // namespace

Result<std::unique_ptr<const FittedLearner>> FitNaiveBayes(const LearnerSettings& settings, const Vectors& train) {
  for (std::size_t i = 0; i < train.values.size(); ++i)
    if (!std::isfinite(train.values[i]))
      return Error(ErrorCode::kData, "feature ", i % train.features,
                   " holds a missing value or an infinity, which the naive_bayes learner cannot take");
  const std::size_t width = settings.task == Task::kBinary ? 2 : settings.classes;
  double largest = 0;
  // The smoothing is of the features as they are, whatever the rows weigh: as scikit-learn.
  const Vectors unweighted{train.values, train.rows, train.features, train.target, {}, {}};
  for (std::size_t j = 0; j < train.features; ++j)
    largest = std::max(largest, Moments(unweighted, j, [](std::size_t) { return true; }).second);
  if (largest == 0) return Error(ErrorCode::kData, "every feature is constant, so naive_bayes has nothing to learn from");
  std::vector<NormalClass> classes(width);
  internal::Sum all;
  for (std::size_t r = 0; r < train.rows; ++r) all.Add(WeightOf(train, r));
  for (std::size_t k = 0; k < width; ++k) {
    const auto counts = [&](std::size_t r) { return train.target[r] == static_cast<double>(k); };
    internal::Sum weight;
    for (std::size_t r = 0; r < train.rows; ++r)
      if (counts(r)) weight.Add(WeightOf(train, r));
    if (!(weight.value() > 0)) return Error(ErrorCode::kData, "class ", k, " has no training row that counts, which naive_bayes needs");
    classes[k].log_prior = math::Log(weight.value() / all.value()) + 0.0;
    for (std::size_t j = 0; j < train.features; ++j) {
      const auto [mean, variance] = Moments(train, j, counts);
      classes[k].mean.push_back(mean + 0.0);
      classes[k].variance.push_back(variance + kSmoothing * largest);
    }
  }
  return std::unique_ptr<const FittedLearner>(new NaiveBayesLearner(settings.task, train.features, std::move(classes)));
}

Result<std::unique_ptr<const FittedLearner>> ReadNaiveBayes(Task task, std::string_view text, std::size_t num_features) {
  const json document = ParseJson(text);
  std::vector<NormalClass> classes;
  bool good = document.is_object() && document.contains("classes") && document["classes"].is_array() &&
              document["classes"].size() >= 2 && (task != Task::kBinary || document["classes"].size() == 2);
  for (std::size_t k = 0; good && k < document["classes"].size(); ++k)
    good = ReadClass(document["classes"][k], num_features, &classes.emplace_back());
  std::unique_ptr<const FittedLearner> learner;
  if (good) learner.reset(new NaiveBayesLearner(task, num_features, std::move(classes)));
  if (learner == nullptr || learner->text() != text)
    return Error(ErrorCode::kInvalid, "naive_bayes.json is not in the one form that Headrace writes");
  return learner;
}

}  // namespace headrace
