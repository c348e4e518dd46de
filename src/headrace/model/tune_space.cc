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

constexpr double kBelowOne = 0x1.fffffffffffffp-1;

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
  const char* const unit = d.percent ? "%" : "";
  if (d.whole) return StrCat(static_cast<std::int64_t>(std::clamp(std::round(value), d.low, d.high)), unit);
  return StrCat(Brief(std::clamp(value, d.low, d.high)), unit);
}

std::vector<double> GridOf(const TuneSpec::Dimension& d) {
  constexpr std::size_t kSteps = 5;
  std::vector<double> grid;
  // Few whole numbers: each in the middle of its share. Else the ends of a range are part of its grid; a list has a position in the middle of each value's share.
  const bool few = d.values.empty() && d.whole && d.high - d.low < static_cast<double>(kSteps);
  const std::size_t steps = few ? static_cast<std::size_t>(d.high - d.low) + 1 : d.values.empty() ? kSteps : d.values.size();
  for (std::size_t i = 0; i < steps; ++i) {
    const auto at = static_cast<double>(i), n = static_cast<double>(steps);
    if (few && d.log) grid.push_back(math::Log((d.low + at) / (d.low - 0.5)) / math::Log((d.high + 0.5) / (d.low - 0.5)));
    else grid.push_back(few || !d.values.empty() ? (at + 0.5) / n : std::min(at / (n - 1), kBelowOne));
  }
  return grid;
}

bool Counts(const std::vector<TuneSpec::Dimension>& space, const std::vector<double>& point, std::size_t d) {
  if (space[d].choice.empty()) return true;
  const auto choice = std::find_if(space.begin(), space.end(), [&](const TuneSpec::Dimension& other) { return other.name == space[d].choice; });
  return ValueAt(*choice, point[static_cast<std::size_t>(choice - space.begin())]) == space[d].alternative;
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
  const std::size_t parting = std::max<std::size_t>(1, order.size() / 4);
  std::vector<std::vector<double>> good(space.size()), rest(space.size());   // by dimension, where it counted
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t d = 0; d < space.size(); ++d)
      if (const double at = tried[order[i]][d]; !std::isnan(at)) (i < parting ? good : rest)[d].push_back(at);
  const auto width = [](const std::vector<double>& positions) { return std::max(0.05, 0.5 / std::sqrt(static_cast<double>(positions.size()))); };
  // A kernel on each position, and a flat one over all, so that nowhere is impossible.
  const auto density = [&](const std::vector<double>& positions, double at) {
    double sum = 1;
    for (const double position : positions) {
      const double z = (at - position) / width(positions);
      sum += math::Exp(-0.5 * z * z) / (width(positions) * 2.5066282746310002);
    }
    return sum / (static_cast<double>(positions.size()) + 1);
  };
  std::vector<double> best;
  double best_gain = 0;
  for (std::size_t draw = 0; draw < kDraws; ++draw) {
    std::vector<double> point;
    double gain = 0;
    for (std::size_t d = 0; d < space.size(); ++d) {
      const std::size_t kernel = random.Below(good[d].size() + 1);
      double at = random.Uniform();
      if (kernel < good[d].size()) {
        // Twelve uniform numbers less six are nearly normal, and the same everywhere.
        double normal = -6;
        for (int i = 0; i < 12; ++i) normal += random.Uniform();
        at = good[d][kernel] + normal * width(good[d]);
      }
      at = std::clamp(at, 0.0, kBelowOne);
      point.push_back(at);
      if (Counts(space, point, d)) gain += math::Log(density(good[d], at)) - math::Log(density(rest[d], at));
    }
    if (best.empty() || gain > best_gain) {
      best = std::move(point);
      best_gain = gain;
    }
  }
  return best;
}

}  // namespace internal

namespace {

/// What the transforms leave open, beside the learner's `space`.
Status CheckLeftOpen(const TuneSpec& spec, const std::vector<TuneSpec::Dimension>& space) {
  for (const TuneSpec::Dimension& choice : spec.choices) {
    const auto same = [&](const TuneSpec::Dimension& other) { return other.name == choice.name; };
    if (choice.values.size() < 2)
      return Error(ErrorCode::kInvalid, "the choice `", choice.name, "` has fewer than two alternatives");
    if (std::count_if(spec.choices.begin(), spec.choices.end(), same) > 1 || std::any_of(space.begin(), space.end(), same))
      return Error(ErrorCode::kInvalid, "the choice `", choice.name, "` has the name of another choice or of a parameter that is searched")
          .WithHelp("give it another name");
  }
  for (const TuneSpec::Dimension& number : spec.numbers) RETURN_IF_ERROR(CheckTuneRange(number));
  return Ok();
}

Status CheckGridSize(const TuneSpec& spec, const std::vector<TuneSpec::Dimension>& space) {
  constexpr double kMost = 1'000'000;
  if (spec.search != TuneSpec::Search::kGrid) return Ok();
  double points = 1;
  for (const auto* dimensions : {&space, &spec.choices, &spec.numbers})
    for (const TuneSpec::Dimension& d : *dimensions) points *= static_cast<double>(internal::GridOf(d).size());
  return points <= kMost ? Ok() : Error(ErrorCode::kInvalid, "the grid has more than ", FormatCount(static_cast<std::int64_t>(kMost)), " points").WithHelp("search fewer things, or write `search: tpe`");
}

}  // namespace

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

Status CheckTuneRange(const TuneSpec::Dimension& d) {
  if (d.values.empty() && !(d.low < d.high && std::isfinite(d.low) && std::isfinite(d.high)))
    return Error(ErrorCode::kInvalid, "`", d.name, "` is searched from ", d.low, " to ", d.high, ", which is no range");
  if (d.values.empty() && d.log && !(d.low > 0))
    return Error(ErrorCode::kInvalid, "`", d.name, "` is searched from ", d.low, " on a log scale, which begins above 0");
  return Ok();
}

Status CheckTuneSpace(const TuneSpec& spec, const LearnerSpec& base) {
  if (spec.trials == 0) {
    if (!spec.choices.empty())
      return Error(ErrorCode::kInvalid, "`transform` leaves a choice, `", spec.choices.front().name, "`, and nothing decides it")
          .WithHelp("add `tune: {trials: 20}`, or write one of the alternatives as an entry of its own");
    if (spec.numbers.empty()) return Ok();
    return Error(ErrorCode::kInvalid, "`transform` leaves a number open, `", spec.numbers.front().name, "`, and nothing decides it")
        .WithHelp("add `tune: {trials: 20}`, or write one number");
  }
  if (base.automatic)
    return Error(ErrorCode::kInvalid, "`tune` searches around one learner, but `learner` is auto")
        .WithHelp("name a learner, or leave `tune` out: auto tries several learners by itself");
  if (spec.trials < 0 || spec.trials > 100'000)
    return Error(ErrorCode::kInvalid, "`trials` is ", spec.trials, ", expected a number from 1 to 100000");
  const std::vector<TuneSpec::Dimension> space = spec.space.empty() ? DefaultSpace(base) : spec.space;
  RETURN_IF_ERROR(CheckLeftOpen(spec, space));
  if (space.empty() && spec.choices.empty() && spec.numbers.empty())
    return Error(ErrorCode::kInvalid, "the ", LearnerName(base.kind), " learner has nothing to tune");
  for (const TuneSpec::Dimension& d : space) {
    RETURN_IF_ERROR(CheckTuneRange(d));
    const bool linear = base.kind == LearnerSpec::Kind::kLogistic || base.kind == LearnerSpec::Kind::kLinear;
    if (!GrowsTrees(base.kind) && base.kind != LearnerSpec::Kind::kKMeans && !(linear && (d.name == "l1" || d.name == "l2")))
      return Error(ErrorCode::kInvalid, "the ", LearnerName(base.kind), " learner has no parameter `", d.name, "`")
          .WithHelp(linear ? "it has `l1` and `l2`" : "it has none");
    std::vector<std::string> values = d.values;
    if (values.empty()) values = {internal::ValueAt(d, 0), internal::ValueAt(d, internal::kBelowOne)};
    for (const std::string& value : values) {
      double number = 0;
      if (linear && !ParseDouble(value, &number))
        return Error(ErrorCode::kInvalid, "`", d.name, "` is \"", value, "\", expected a number of at least 0");
      RETURN_IF_ERROR(CheckLearnerParameters(internal::LearnerAt(base, {d}, {value})));
    }
  }
  return CheckGridSize(spec, space);
}

Status CheckTune(const TuneSpec& spec, const LearnerSpec& base, Task task) {
  RETURN_IF_ERROR(CheckTuneSpace(spec, base));
  return spec.metric.empty() ? Ok() : CheckMetricName(spec.metric, task);
}

}  // namespace headrace
