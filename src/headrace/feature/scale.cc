// Steps that treat each number alone by bounds, centre or scale: clip, scale, log1p.
#include <algorithm>
#include <limits>

#include "headrace/base/math.h"
#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"

namespace headrace::internal {
namespace {


struct Total {   // has a result for every number
  static constexpr bool kOpen = false, kLeavesMissing = true;
  static bool Valid(double, double) { return true; }
  static Status NoResult(std::string_view) { return Ok(); }
};

struct ClipKernel : Total {
  static constexpr std::string_view kStep = "clip", kA = "lower", kB = "upper";
  static constexpr bool kOpen = true;
  static bool Valid(double a, double b) { return a <= b; }
  static std::size_t Run(double* x, std::size_t n, double a, double b) { Clip(x, n, a, b); return 0; }
};

struct ScaleKernel : Total {
  static constexpr std::string_view kStep = "scale", kA = "center", kB = "scale";
  static bool Valid(double, double b) { return b > 0; }
  static std::size_t Run(double* x, std::size_t n, double a, double b) { CenterAndScale(x, n, a, b); return 0; }
};

/// As scikit-learn's MinMaxScaler computes it.
struct MinMaxKernel : Total {
  static constexpr std::string_view kStep = "minmax", kA = "scale", kB = "shift";
  static std::size_t Run(double* x, std::size_t n, double a, double b) { ScaleAndShift(x, n, a, b); return 0; }
};

struct DivideKernel : Total {
  static constexpr std::string_view kStep = "divide", kA = "by", kB = "";
  static bool Valid(double a, double) { return a > 0; }
  static std::size_t Run(double* x, std::size_t n, double a, double) { Divide(x, n, a); return 0; }
};

struct Log1pKernel : Total {
  static constexpr std::string_view kStep = "log1p", kA = "", kB = "";
  static std::size_t Run(double* x, std::size_t n, double, double) {
    std::size_t none = 0;
    for (std::size_t i = 0; i < n; ++i) none += x[i] <= -1 ? 1 : 0;
    math::Log1pAll(x, n);
    return none;
  }
  static Status NoResult(std::string_view column) {
    return Error(ErrorCode::kData, "column `", column, "` has a value of -1 or below, of which log1p has no result")
        .WithHelp("put {clip: [0, null]} in front of log1p when training");
  }
};

template <typename Kernel>
FitResult Make(std::vector<double> a, std::vector<double> b = {}) { return {std::make_unique<Elementwise<Kernel>>(std::move(a), std::move(b))}; }

/// Scikit-learn's _handle_zeros_in_scale.
double NotZero(double width) { return width < 10 * kEpsilon ? 1.0 : width; }

}  // namespace

std::pair<double, double> StandardOf(Numbers& numbers, int threads) {
  const RangeState& range = numbers.Range(threads);
  const double mean = range.Mean(), n = static_cast<double>(range.count), variance = VarianceOf(numbers.values(), mean, threads);
  const double noise = n * mean * kEpsilon;   // below it the variance is rounding only: scikit-learn's _is_constant_feature
  return {mean, variance <= n * kEpsilon * variance + noise * noise ? 1.0 : std::sqrt(variance)};
}

Result<StepPtr> ReadClip(const json& from, const ReadContext& context) { return Elementwise<ClipKernel>::Read(from, context); }
Result<StepPtr> ReadScale(const json& from, const ReadContext& context) { return Elementwise<ScaleKernel>::Read(from, context); }
Result<StepPtr> ReadMinMax(const json& from, const ReadContext& context) { return Elementwise<MinMaxKernel>::Read(from, context); }
Result<StepPtr> ReadDivide(const json& from, const ReadContext& context) { return Elementwise<DivideKernel>::Read(from, context); }
Result<StepPtr> ReadLog1p(const json& from, const ReadContext& context) { return Elementwise<Log1pKernel>::Read(from, context); }

Status Check(const ClipStep& step, StepTypes& types) {
  RETURN_IF_ERROR(types.NeedNumbers("clip"));
  if (!step.lower && !step.upper) return types.Refuse("clip needs a lower or an upper bound");
  for (const std::optional<double>& bound : {step.lower, step.upper}) {
    if (!bound) continue;
    if (!std::isfinite(*bound)) return types.Refuse("clip bounds must be finite");
    if (step.percentiles && (*bound < 0 || *bound > 100)) return types.Refuse("clip percentiles must be between 0% and 100%");
  }
  if (step.lower && step.upper && *step.lower > *step.upper)
    return types.Refuse(StrCat("clip's lower bound ", *step.lower, " is above its upper bound ", *step.upper));
  return Ok();
}

Result<FitResult> Fit(const ClipStep& step, FitInput& input) {
  std::vector<double> lower, upper;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    if (step.percentiles) {
      const Ranking ranking = input.Rank(k);
      if (ranking.count() == 0) return input.NeedValue(k);
      std::vector<double> wanted;
      for (const std::optional<double>& bound : {step.lower, step.upper})
        if (bound) wanted.push_back(*bound);
      const std::vector<double> found = ranking.Percentiles(wanted);
      lower.push_back(step.lower ? found.front() : -kInfinity);
      upper.push_back(step.upper ? found.back() : kInfinity);
    } else {
      lower.push_back(step.lower.value_or(-kInfinity));
      upper.push_back(step.upper.value_or(kInfinity));
    }
  }
  return Make<ClipKernel>(std::move(lower), std::move(upper));
}

Status Check(const ScaleStep&, StepTypes& types) { return types.NeedNumbers("scale"); }

Result<FitResult> Fit(const ScaleStep& step, FitInput& input) {
  std::vector<double> a, b;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    Numbers& numbers = input.numbers[k];
    RETURN_IF_ERROR(input.NeedValue(k));
    const RangeState range = numbers.Range(input.threads);
    switch (step.how) {
      case ScaleStep::How::kStandard: {
        const auto [center, scale] = StandardOf(numbers, input.threads);
        a.push_back(center);
        b.push_back(scale);
        break;
      }
      case ScaleStep::How::kMinMax: {
        const double width = range.max - range.min;
        RETURN_IF_ERROR(input.NeedFinite({&width, 1}));
        a.push_back(1.0 / NotZero(width));
        b.push_back(0.0 - range.min * a.back());
        break;
      }
      case ScaleStep::How::kMaxAbs: a.push_back(NotZero(std::max(std::fabs(range.min), std::fabs(range.max)))); break;
      case ScaleStep::How::kRobust: {
        const Ranking ranking = input.Rank(k);
        const std::vector<double> quarters = ranking.Percentiles(std::vector<double>{25, 75});
        a.push_back(ranking.Median());
        b.push_back(NotZero(quarters[1] - quarters[0]));
        break;
      }
    }
  }
  RETURN_IF_ERROR(input.NeedFinite(a));
  RETURN_IF_ERROR(input.NeedFinite(b));
  switch (step.how) {
    case ScaleStep::How::kMinMax: return Make<MinMaxKernel>(std::move(a), std::move(b));
    case ScaleStep::How::kMaxAbs: return Make<DivideKernel>(std::move(a));
    default: return Make<ScaleKernel>(std::move(a), std::move(b));
  }
}

Status Check(const Log1pStep&, StepTypes& types) { return types.NeedNumbers("log1p"); }

Result<FitResult> Fit(const Log1pStep&, FitInput& input) {
  for (const Numbers& numbers : input.numbers) {
    const auto none = std::count_if(numbers.values().begin(), numbers.values().end(), [](double x) { return x <= -1; });
    if (none > 0)
      return input.Refuse(StrCat("has ", FormatCount(none), " values of -1 or below, of which log1p has no result")).WithHelp("put {clip: [0, null]} in front of log1p");
  }
  return Make<Log1pKernel>({});
}

}  // namespace headrace::internal
