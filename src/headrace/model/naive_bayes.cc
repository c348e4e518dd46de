#include "headrace/model/naive_bayes.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>

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

struct Moments {
  double weight = 0;
  std::vector<double> mean, variance;
};

/// Of every feature over the rows that `counts` says. Rows are walked through by their numbers that are not 0; the zeros of a feature come in together, as what the
/// rows weigh beyond those numbers.
template <typename Counts>
Moments MomentsOf(const Vectors& train, Counts counts) {
  const std::size_t features = train.features();
  internal::Sum weight;
  std::vector<internal::Sum> held(features), sums(features), squares(features);
  for (std::size_t r = 0; r < train.rows(); ++r) {
    if (!counts(r)) continue;
    const double w = WeightOf(train, r);
    weight.Add(w);
    train.matrix.ForEach(r, [&](std::size_t j, double x) {
      held[j].Add(w);
      sums[j].Add(w * x);
    });
  }
  Moments out;
  out.weight = weight.value();
  for (const internal::Sum& sum : sums) out.mean.push_back(sum.value() / out.weight);
  for (std::size_t r = 0; r < train.rows(); ++r)
    if (counts(r)) train.matrix.ForEach(r, [&](std::size_t j, double x) { squares[j].Add(WeightOf(train, r) * ((x - out.mean[j]) * (x - out.mean[j]))); });
  for (std::size_t j = 0; j < features; ++j) {
    squares[j].Add(std::max(0.0, out.weight - held[j].value()) * (out.mean[j] * out.mean[j]));
    out.variance.push_back(squares[j].value() / out.weight);
  }
  return out;
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
  std::optional<std::size_t> odd;
  for (std::size_t r = 0; r < train.rows() && !odd; ++r)
    train.matrix.ForEach(r, [&](std::size_t j, double x) {
      if (!std::isfinite(x) && !odd) odd = j;
    });
  if (odd) return Error(ErrorCode::kData, "feature ", *odd, " holds a missing value or an infinity, which the naive_bayes learner cannot take");
  const std::size_t width = settings.task == Task::kBinary ? 2 : settings.classes;
  // The smoothing is of the features as they are, whatever the rows weigh: as scikit-learn.
  const Moments unweighted = MomentsOf({train.matrix}, [](std::size_t) { return true; });
  const double largest = unweighted.variance.empty() ? 0 : *std::max_element(unweighted.variance.begin(), unweighted.variance.end());
  if (largest == 0) return Error(ErrorCode::kData, "every feature is constant, so naive_bayes has nothing to learn from");
  std::vector<NormalClass> classes(width);
  internal::Sum all;
  for (std::size_t r = 0; r < train.rows(); ++r) all.Add(WeightOf(train, r));
  for (std::size_t k = 0; k < width; ++k) {
    const auto counts = [&](std::size_t r) { return train.target[r] == static_cast<double>(k); };
    const Moments moments = MomentsOf(train, counts);
    if (!(moments.weight > 0)) return Error(ErrorCode::kData, "class ", k, " has no training row that counts, which naive_bayes needs");
    classes[k].log_prior = math::Log(moments.weight / all.value()) + 0.0;
    for (const double mean : moments.mean) classes[k].mean.push_back(mean + 0.0);
    for (const double variance : moments.variance) classes[k].variance.push_back(variance + kSmoothing * largest);
  }
  return std::unique_ptr<const FittedLearner>(new NaiveBayesLearner(settings.task, train.features(), std::move(classes)));
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
