#include "headrace/model/constant.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/math.h"
#include "headrace/model/ranking_internal.h"

namespace headrace {
namespace {

using nlohmann::json;

constexpr double kLeastShare = 1e-300;  // a class that no row has; its logarithm is finite

class ConstantLearner final : public FittedLearner {
 public:
  ConstantLearner(Task task, std::size_t features, std::vector<double> margins)
      : features_(features), margins_(std::move(margins)) {
    link_.kind = task == Task::kBinary       ? Link::Kind::kSigmoid
                 : task == Task::kMulticlass ? Link::Kind::kSoftmax
                                             : Link::Kind::kIdentity;
    text_ = DumpJson(json{{"learner", "constant"}, {"margins", margins_}}) + "\n";
  }
  std::size_t num_features() const override { return features_; }
  std::size_t num_outputs() const override { return margins_.size(); }
  const Link& link() const override { return link_; }
  void RawScores(const double*, std::size_t rows, double* out) const override {
    for (std::size_t r = 0; r < rows; ++r) out = std::copy(margins_.begin(), margins_.end(), out);
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return "constant.json"; }
  std::span<const double> importance() const override { return {}; }

 private:
  std::size_t features_;
  std::vector<double> margins_;
  Link link_;
  std::string text_;
};

}  // namespace

std::vector<double> ConstantAnswer(Task task, std::size_t classes, std::span<const double> target,
                                   std::span<const double> weights, std::optional<double> quantile) {
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  internal::Sum total;
  for (std::size_t i = 0; i < target.size(); ++i) total.Add(weight(i));
  if (task == Task::kRegression && quantile) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < target.size(); ++i)
      if (weight(i) > 0) order.push_back(i);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return target[a] != target[b] ? target[a] < target[b] : a < b; });
    internal::Sum below;
    for (const std::size_t i : order) {
      below.Add(weight(i));
      if (below.value() >= *quantile * total.value()) return {target[i]};
    }
    return {target[order.back()]};
  }
  std::vector<internal::Sum> sums(task == Task::kMulticlass ? classes : 1);
  for (std::size_t i = 0; i < target.size(); ++i)
    sums[task == Task::kMulticlass ? static_cast<std::size_t>(target[i]) : 0].Add(
        task == Task::kMulticlass ? weight(i) : weight(i) * target[i]);
  std::vector<double> answer;
  for (const internal::Sum& sum : sums) answer.push_back(sum.value() / total.value());
  return answer;
}

Result<std::unique_ptr<const FittedLearner>> FitConstant(const LearnerSettings& settings, const Vectors& train) {
  std::vector<double> margins =
      ConstantAnswer(settings.task, settings.classes, train.target, train.weights, std::nullopt);
  if (settings.task == Task::kBinary) {
    const double share = std::clamp(margins[0], kLeastShare, 1 - 1e-16);
    margins[0] = math::Log(share) - math::Log1p(-share);
  } else if (settings.task == Task::kMulticlass) {
    for (double& m : margins) m = math::Log(std::max(m, kLeastShare));
  }
  for (double& m : margins) m += 0.0;  // never -0
  return std::unique_ptr<const FittedLearner>(new ConstantLearner(settings.task, train.features(), std::move(margins)));
}

Result<std::unique_ptr<const FittedLearner>> ReadConstant(Task task, std::string_view text, std::size_t num_features) {
  const json document = ParseJson(text);
  std::vector<double> margins;
  if (document.is_object() && document.contains("margins") && document["margins"].is_array())
    for (const json& number : document["margins"])
      if (number.is_number() && std::isfinite(number.get<double>())) margins.push_back(number.get<double>());
  std::unique_ptr<const FittedLearner> learner;
  if (!margins.empty()) learner.reset(new ConstantLearner(task, num_features, std::move(margins)));
  if (learner == nullptr || learner->text() != text)
    return Error(ErrorCode::kInvalid, "constant.json is not in the one form that Headrace writes");
  return learner;
}

}  // namespace headrace
