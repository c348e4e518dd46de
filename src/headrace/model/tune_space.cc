// A point of the search is a position in [0, 1) for each dimension; here positions become values and values a learner.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/metrics.h"
#include "headrace/model/random_internal.h"
#include "headrace/model/tune.h"

namespace headrace {
namespace internal {
namespace {

/// Six significant digits are enough for a parameter, and read well.
std::string Brief(double value) {
  if (value == 0) return "0";
  const double scale = math::Pow(10, 5 - std::floor(math::Log10(std::fabs(value))));
  return FormatDouble(std::round(value * scale) / scale);
}

}  // namespace

std::string ValueAt(const TuneSpec::Dimension& d, double position) {
  if (!d.values.empty()) {
    const auto at = static_cast<std::size_t>(position * static_cast<double>(d.values.size()));
    return d.values[std::min(at, d.values.size() - 1)];
  }
  // A whole number gets the same share of positions as any other: the range reaches half a number beyond its ends.
  const double low = d.whole ? d.low - 0.5 : d.low, high = d.whole ? d.high + 0.5 : d.high;
  const double value = d.log ? math::Exp(math::Log(low) + position * (math::Log(high) - math::Log(low)))
                             : low + position * (high - low);
  if (d.whole) return StrCat(static_cast<std::int64_t>(std::clamp(std::round(value), d.low, d.high)));
  return Brief(std::clamp(value, d.low, d.high));
}

LearnerSpec LearnerAt(const LearnerSpec& base, const std::vector<TuneSpec::Dimension>& space,
                      const std::vector<std::string>& point) {
  LearnerSpec learner = base;
  for (std::size_t i = 0; i < space.size(); ++i) {
    if (GrowsTrees(base.kind) || base.kind == LearnerSpec::Kind::kKMeans)
      learner.parameters[space[i].name] = point[i];
    else
      ParseDouble(point[i], space[i].name == "l1" ? &learner.l1 : &learner.l2);
  }
  return learner;
}

/// Trials are parted into the better quarter and the rest, each dimension's positions smoothed into two densities, and of
/// points drawn from the good one that is kept where good over bad is largest.
std::vector<double> NextByTpe(const std::vector<TuneSpec::Dimension>& space,
                              const std::vector<std::vector<double>>& tried, const std::vector<double>& losses,
                              std::uint64_t seed) {
  constexpr std::size_t kDraws = 24;
  Random random(seed, tried.size());
  std::vector<std::size_t> order(tried.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return losses[a] < losses[b]; });
  const std::size_t good = std::max<std::size_t>(1, order.size() / 4);
  // A kernel on each position, and a flat one over all, so that nowhere is impossible.
  const auto density = [&](std::size_t dimension, double at, std::size_t from, std::size_t to) {
    const double n = static_cast<double>(to - from), width = std::max(0.05, 0.5 / std::sqrt(n));
    double sum = 1;
    for (std::size_t i = from; i < to; ++i) {
      const double z = (at - tried[order[i]][dimension]) / width;
      sum += math::Exp(-0.5 * z * z) / (width * 2.5066282746310002);
    }
    return sum / (n + 1);
  };
  std::vector<double> best;
  double best_gain = 0;
  for (std::size_t draw = 0; draw < kDraws; ++draw) {
    std::vector<double> point;
    double gain = 0;
    for (std::size_t d = 0; d < space.size(); ++d) {
      const std::size_t kernel = random.Below(good + 1);
      double at = random.Uniform();
      if (kernel < good) {
        // Twelve uniform numbers less six are nearly normal, and the same everywhere.
        double normal = -6;
        for (int i = 0; i < 12; ++i) normal += random.Uniform();
        at = tried[order[kernel]][d] + normal * std::max(0.05, 0.5 / std::sqrt(static_cast<double>(good)));
      }
      at = std::clamp(at, 0.0, 0x1.fffffffffffffp-1);
      point.push_back(at);
      gain += math::Log(density(d, at, 0, good)) - math::Log(density(d, at, good, order.size()));
    }
    if (best.empty() || gain > best_gain) {
      best = std::move(point);
      best_gain = gain;
    }
  }
  return best;
}

}  // namespace internal

std::vector<TuneSpec::Dimension> DefaultSpace(const LearnerSpec& base) {
  if (base.kind == LearnerSpec::Kind::kLightGbm)
    return {{"num_leaves", {}, 4, 63, true, true},
            {"learning_rate", {}, 0.02, 0.2, true, false},
            {"min_data_in_leaf", {}, 5, 100, true, true},
            {"feature_fraction", {}, 0.5, 1, false, false},
            {"lambda_l2", {}, 0.001, 10, true, false}};
  if (base.kind == LearnerSpec::Kind::kXgboost)
    return {{"max_depth", {}, 2, 10, false, true},
            {"eta", {}, 0.02, 0.3, true, false},
            {"min_child_weight", {}, 1, 20, true, false},
            {"subsample", {}, 0.5, 1, false, false},
            {"colsample_bytree", {}, 0.5, 1, false, false},
            {"lambda", {}, 0.001, 10, true, false}};
  if (base.kind == LearnerSpec::Kind::kLogistic || base.kind == LearnerSpec::Kind::kLinear)
    return {{"l2", {}, 0.0001, 10000, true, false}};
  if (base.kind == LearnerSpec::Kind::kKMeans) return {{"n_clusters", {}, 2, 12, false, true}};
  return {};
}

Status CheckTuneSpace(const TuneSpec& spec, const LearnerSpec& base) {
  if (spec.trials == 0) {
    if (spec.choices.empty()) return Ok();
    return Error(ErrorCode::kInvalid, "`transform` leaves a choice, `", spec.choices.front().name, "`, and nothing decides it")
        .WithHelp("add `tune: {trials: 20}`, or write one of the alternatives as an entry of its own");
  }
  if (base.automatic)
    return Error(ErrorCode::kInvalid, "`tune` searches around one learner, but `learner` is auto")
        .WithHelp("name a learner, or leave `tune` out: auto tries several learners by itself");
  if (spec.trials < 0 || spec.trials > 100'000)
    return Error(ErrorCode::kInvalid, "`trials` is ", spec.trials, ", expected a number from 1 to 100000");
  const std::vector<TuneSpec::Dimension> space = spec.space.empty() ? DefaultSpace(base) : spec.space;
  for (const TuneSpec::Dimension& choice : spec.choices) {
    const auto same = [&](const TuneSpec::Dimension& other) { return other.name == choice.name; };
    if (choice.values.size() < 2)
      return Error(ErrorCode::kInvalid, "the choice `", choice.name, "` has fewer than two alternatives");
    if (std::count_if(spec.choices.begin(), spec.choices.end(), same) > 1 || std::any_of(space.begin(), space.end(), same))
      return Error(ErrorCode::kInvalid, "the choice `", choice.name, "` has the name of another choice or of a parameter that is searched")
          .WithHelp("give it another name");
  }
  if (space.empty() && spec.choices.empty())
    return Error(ErrorCode::kInvalid, "the ", LearnerName(base.kind), " learner has nothing to tune");
  for (const TuneSpec::Dimension& d : space) {
    if (d.values.empty() && !(d.low < d.high && std::isfinite(d.low) && std::isfinite(d.high)))
      return Error(ErrorCode::kInvalid, "`", d.name, "` is searched from ", d.low, " to ", d.high, ", which is no range");
    if (d.values.empty() && d.log && !(d.low > 0))
      return Error(ErrorCode::kInvalid, "`", d.name, "` is searched from ", d.low, " on a log scale, which begins above 0");
    const bool linear = base.kind == LearnerSpec::Kind::kLogistic || base.kind == LearnerSpec::Kind::kLinear;
    if (!GrowsTrees(base.kind) && base.kind != LearnerSpec::Kind::kKMeans && !(linear && (d.name == "l1" || d.name == "l2")))
      return Error(ErrorCode::kInvalid, "the ", LearnerName(base.kind), " learner has no parameter `", d.name, "`")
          .WithHelp(linear ? "it has `l1` and `l2`" : "it has none");
    std::vector<std::string> values = d.values;
    if (values.empty()) values = {internal::ValueAt(d, 0), internal::ValueAt(d, 0x1.fffffffffffffp-1)};
    for (const std::string& value : values) {
      double number = 0;
      if (linear && !ParseDouble(value, &number))
        return Error(ErrorCode::kInvalid, "`", d.name, "` is \"", value, "\", expected a number of at least 0");
      RETURN_IF_ERROR(CheckLearnerParameters(internal::LearnerAt(base, {d}, {value})));
    }
  }
  return Ok();
}

Status CheckTune(const TuneSpec& spec, const LearnerSpec& base, Task task) {
  RETURN_IF_ERROR(CheckTuneSpace(spec, base));
  return spec.metric.empty() ? Ok() : CheckMetricName(spec.metric, task);
}

}  // namespace headrace
