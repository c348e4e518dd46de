// power: Box-Cox and Yeo-Johnson, the power lambda being the one under which the rows are most likely drawn from a normal distribution. The search (Brent's, on a bounded
// interval) asks for the likelihood some thirty times; each time is a loop over logarithms taken once, with an exponential of its own that runs four at a time.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "headrace/base/math.h"
#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"

namespace headrace::internal {

/// Sums over rows of y and its square, y the transform of a row whose signed logarithm is t. NaN is left out.
struct PowerSums {
  std::array<double, 8> sum{}, squares{};
};

HEADRACE_BODY AddPowersBody(const double* t, std::size_t n, double positive, double negative, PowerSums* out) {
  PowerSums sums = *out;
  const double by_positive = 1.0 / positive, by_negative = -1.0 / negative;
  const auto add = [&](std::size_t lane, double v) __attribute__((always_inline)) {
    const double z = v >= 0 ? positive * v : negative * -v;
    // e^z - 1 = 2^k (e^r - 1) + (2^k - 1), z = k log 2 + r.
    const double rounded = z * 0x1.71547652b82fep+0 + 0x1.8p52;
    const double k = rounded - 0x1.8p52;
    const double r = (z - k * 0x1.62e42fefa3800p-1) - k * 0x1.ef35793c76730p-45;
    const double p = r * (1 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320 + r * (1.0 / 362880 +
                     r * (1.0 / 3628800 + r * (1.0 / 39916800 + r * (1.0 / 479001600))))))))))));
    const double power = std::bit_cast<double>((std::bit_cast<std::uint64_t>(rounded) + 1023) << 52);
    const double e = power * p + (power - 1);
    const double y = e * (v >= 0 ? by_positive : by_negative);
    const double d = v == v ? y : 0.0;
    sums.sum[lane] += d;
    sums.squares[lane] += d * d;
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) add(lane, t[i + lane]);
  for (; i < n; ++i) add(0, t[i]);
  *out = sums;
}
HEADRACE_WITH_AVX2(AddPowers, (const double* t, std::size_t n, double positive, double negative, PowerSums* out), (t, n, positive, negative, out))

namespace {

constexpr double kNotZero = 1e-200;   // stands for a power of 0: (e^(a t) - 1) / a is t to the last bit

/// At most kRun numbers in place; NaN stays.
constexpr std::size_t kRun = 512;

void YeoJohnson(double* x, std::size_t n, double lambda) {
  std::array<double, kRun> logs, powers;
  for (std::size_t i = 0; i < n; ++i) logs[i] = x[i] >= 0 ? x[i] : -x[i];
  math::Log1pAll(logs.data(), n);
  const bool plain_upper = std::fabs(lambda) < kEpsilon, plain_lower = std::fabs(lambda - 2) <= kEpsilon;
  for (std::size_t i = 0; i < n; ++i) powers[i] = logs[i] * (x[i] >= 0 ? lambda : 2 - lambda);
  math::Expm1All(powers.data(), n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = x[i] >= 0 ? plain_upper ? logs[i] : powers[i] / lambda : plain_lower ? -logs[i] : -powers[i] / (2 - lambda);
}

void BoxCox(double* x, std::size_t n, double lambda) {
  math::LogAll(x, n);
  if (std::fabs(lambda) < 1e-19) return;
  for (std::size_t i = 0; i < n; ++i) x[i] *= lambda;
  math::Expm1All(x, n);
  for (std::size_t i = 0; i < n; ++i) x[i] /= lambda;
}

void Transform(bool box_cox, double lambda, double* x, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kRun) box_cox ? BoxCox(x + i, std::min(kRun, n - i), lambda) : YeoJohnson(x + i, std::min(kRun, n - i), lambda);
}

class Power final : public FittedStep {
 public:
  Power(bool box_cox, std::vector<double> lambda, std::vector<double> center, std::vector<double> scale)
      : box_cox_(box_cox), lambda_(std::move(lambda)), center_(std::move(center)), scale_(std::move(scale)) {}

  Status Run(Lane& lane) const override {
    for (std::size_t k = 0; k < lane.out.size(); ++k) {
      double* x = lane.out[k];
      std::size_t none = 0;
      for (std::size_t i = 0; box_cox_ && i < lane.rows; ++i) none += x[i] <= 0 ? 1 : 0;
      Transform(box_cox_, lambda_[k], x, lane.rows);
      if (none > 0)
        return Error(ErrorCode::kData, "column `", lane.column, "` has a value of 0 or below, of which box_cox has no result").WithHelp("use {power: yeo_johnson} when training");
      if (!center_.empty()) CenterAndScale(x, lane.rows, center_[k], scale_[k]);
    }
    return Ok();
  }
  json ToJson() const override {
    return {{"step", "power"}, {"box_cox", box_cox_}, {"lambda", NumbersToJson(lambda_)}, {"center", NumbersToJson(center_)}, {"scale", NumbersToJson(scale_)}};
  }

 private:
  bool box_cox_;
  std::vector<double> lambda_, center_, scale_;   // the last two are empty where nothing is standardized
};

/// The smallest value of `f` in [low, high] by Brent's method without derivatives ("Algorithms for Minimization without Derivatives", 1973, chapter 5).
template <typename F>
double Minimum(const F& f, double low, double high) {
  constexpr double kGolden = 0.3819660112501051, kTolerance = 1e-9;
  double a = low, b = high, x = a + kGolden * (b - a), w = x, v = x, e = 0, d = 0;
  double fx = f(x), fw = fx, fv = fx;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (a + b), near = kTolerance * std::fabs(x) + kTolerance / 3;
    if (std::fabs(x - middle) <= 2 * near - 0.5 * (b - a)) break;
    bool golden = true;
    if (std::fabs(e) > near) {   // a parabola through the three best points
      double r = (x - w) * (fx - fv), q = (x - v) * (fx - fw), p = (x - v) * q - (x - w) * r;
      q = 2 * (q - r);
      if (q > 0) p = -p;
      q = std::fabs(q);
      r = e;
      e = d;
      if (std::fabs(p) < std::fabs(0.5 * q * r) && p > q * (a - x) && p < q * (b - x)) {
        d = p / q;
        const double u = x + d;
        if (u - a < 2 * near || b - u < 2 * near) d = x < middle ? near : -near;
        golden = false;
      }
    }
    if (golden) {
      e = x < middle ? b - x : a - x;
      d = kGolden * e;
    }
    const double u = std::fabs(d) >= near ? x + d : x + (d > 0 ? near : -near), fu = f(u);
    if (fu <= fx) {
      (u < x ? b : a) = x;
      v = w, fv = fw, w = x, fw = fx, x = u, fx = fu;
    } else {
      (u < x ? a : b) = u;
      if (fu <= fw || w == x) v = w, fv = fw, w = u, fw = fu;
      else if (fu <= fv || v == x || v == w) v = u, fv = fu;
    }
  }
  return x;
}

/// The lambda of one column.
double BestLambda(bool box_cox, std::span<const double> x, std::int64_t count, int threads) {
  std::vector<double> t(x.size());   // log x, or the logarithm of 1 + |x| with the sign of x
  ForEach(threads, FitBlocks(x.size()), [&](std::size_t b) {
    const std::size_t begin = b * kFitBlockRows, n = std::min(kFitBlockRows, x.size() - begin);
    for (std::size_t i = begin; i < begin + n; ++i) t[i] = box_cox || x[i] >= 0 ? x[i] : -x[i];
    box_cox ? math::LogAll(t.data() + begin, n) : math::Log1pAll(t.data() + begin, n);
    for (std::size_t i = begin; !box_cox && i < begin + n; ++i) t[i] = x[i] >= 0 ? t[i] : -t[i];
  });
  const RangeState logs = RangeOf(t, threads);
  const double n = static_cast<double>(count), largest = std::max(std::fabs(logs.min), std::fabs(logs.max));
  if (largest == 0) return 1;
  // Where every row is on one branch, y = (e^(k u) - 1) / k with u = t or -t, the factor e^(k mean(u)) comes out of the variance: what remains is well conditioned, however
  // far the rows lie from 0.
  const bool upper = box_cox || logs.min >= 0, lower = !box_cox && logs.max <= 0;
  const double mean = upper ? logs.Mean() : lower ? -logs.Mean() : 0;
  if (upper || lower)
    ForEach(threads, FitBlocks(t.size()), [&](std::size_t b) {
      for (std::size_t i = b * kFitBlockRows; i < std::min(t.size(), (b + 1) * kFitBlockRows); ++i) t[i] = (upper ? t[i] : -t[i]) - mean;
    });
  const auto loss = [&](double lambda) {
    double positive = lower ? 2 - lambda : lambda;
    if (positive == 0) positive = kNotZero;
    double negative = upper || lower ? -positive : 2 - lambda;   // of one branch, the same function of both signs
    if (negative == 0) negative = kNotZero;
    const std::size_t blocks = FitBlocks(t.size());
    std::vector<PowerSums> sums(blocks);
    ForEach(threads, blocks, [&](std::size_t b) {
      AddPowers(t.data() + b * kFitBlockRows, std::min(kFitBlockRows, t.size() - b * kFitBlockRows), positive, negative, &sums[b]);
    });
    ExactSum sum, squares;
    for (const PowerSums& block : sums)
      for (std::size_t lane = 0; lane < 8; ++lane) {
        sum.Add(block.sum[lane]);
        squares.Add(block.squares[lane]);
      }
    const double drift = sum.value() / n, variance = squares.value() / n - drift * drift;
    if (!(variance > std::numeric_limits<double>::min())) return kInfinity;
    return n / 2 * (math::Log(variance) + 2 * positive * mean) - (lambda - 1) * logs.sum.value();
  };
  // Powers under which the variance stays within the range of doubles, with room for larger values than those of training, as scipy bounds them.
  const double half = 350 / (largest + 3);   // 3: values twenty times as large
  double low = -half, high = half;
  if (!box_cox && logs.max < 0) {
    low = 2 - half, high = 2 + half;
  } else if (!box_cox && logs.min < 0) {
    low = std::max(2 - half, -half), high = std::min(2 + half, half);
  }
  // Nearly always lambda is small: look there first, and further out only where the end is the best.
  const double near_low = std::max(low, -5.0), near_high = std::min(high, 7.0);
  if (near_low < near_high) {
    const double found = Minimum(loss, near_low, near_high);
    if (found - near_low > 1e-3 && near_high - found > 1e-3) return found;
  }
  return Minimum(loss, low, high);
}

}  // namespace

Result<StepPtr> ReadPower(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(const bool box_cox, ReadBool(from, "box_cox"));
  ASSIGN_OR_RETURN(std::vector<double> lambda, ReadNumbers(from, "lambda", context.inputs));
  ASSIGN_OR_RETURN(std::vector<double> center, ReadNumbers(from, "center", kAnyCount));
  ASSIGN_OR_RETURN(std::vector<double> scale, ReadNumbers(from, "scale", center.size()));
  if (!center.empty() && center.size() != context.inputs) return Damaged("`center` has not one number a column");
  for (const double s : scale)
    if (s <= 0) return Damaged("a scale that is not positive");
  return StepPtr(std::make_unique<Power>(box_cox, std::move(lambda), std::move(center), std::move(scale)));
}

Status Check(const PowerStep&, StepTypes& types) { return types.NeedNumbers("power"); }

Result<FitResult> Fit(const PowerStep& step, FitInput& input) {
  std::vector<double> lambdas, centers, scales;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    RETURN_IF_ERROR(input.NeedValue(k));
    Numbers& numbers = input.numbers[k];
    const RangeState range = numbers.Range(input.threads);
    if (step.box_cox && range.min <= 0) return input.Refuse("has values of 0 or below, of which box_cox has no result").WithHelp("use {power: yeo_johnson}");
    const double scale = StandardOf(numbers, input.threads).second;
    const bool constant = scale == 1.0 && (range.min == range.max || (range.max - range.min) < 0.5);
    lambdas.push_back(constant ? 1 : BestLambda(step.box_cox, numbers.values(), range.count, input.threads));
    if (!step.standardize) continue;
    std::vector<double> made(numbers.values().begin(), numbers.values().end());
    ForEach(input.threads, FitBlocks(made.size()), [&](std::size_t b) {
      const std::size_t begin = b * kFitBlockRows;
      Transform(step.box_cox, lambdas[k], made.data() + begin, std::min(kFitBlockRows, made.size() - begin));
    });
    Numbers transformed(std::move(made));
    const auto [center, spread] = StandardOf(transformed, input.threads);
    centers.push_back(center);
    scales.push_back(spread);
  }
  for (const std::vector<double>* fitted : {&lambdas, &centers, &scales}) RETURN_IF_ERROR(input.NeedFinite(*fitted));
  return FitResult{std::make_unique<Power>(step.box_cox, std::move(lambdas), std::move(centers), std::move(scales))};
}

}  // namespace headrace::internal
