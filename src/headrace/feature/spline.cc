// spline: the B-splines of each value, as SplineTransformer: smooth bumps, of which degree + 1 are not 0 anywhere and all together add up to 1.
#include <algorithm>
#include <cmath>
#include <span>

#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"

namespace headrace::internal {
namespace {

using Outside = SplineStep::Outside;
constexpr std::string_view kOutsideNames[] = {"constant", "linear", "continue", "periodic"};
constexpr std::size_t kMostDegree = 10, kMostKnots = 1'000;
constexpr std::size_t kCubic = 3, kFewKnots = 32;   // the usual degree; knots that are all compared

}  // namespace

/// Cubic bases of a column's values, four rows at a time from row *at on, each as Spline::Evaluate; stops before four rows of which one is missing or outside the base
/// interval. REQUIRES: zeros in `out`.
HEADRACE_BODY EvaluateCubicBody(const double* values, std::size_t rows, std::span<const double> knots, std::size_t kept, double* const* out, std::size_t* at) {
  const double* t = knots.data();
  const std::size_t last = knots.size() - kCubic - 2;
  const double low = t[kCubic], high = t[last + 1];
  for (std::size_t& i = *at; i + 4 <= rows; i += 4) {
    Four x;
    Load(values + i, &x);
    const auto outside = (x < low) | (x > high) | (x != x);
    if ((outside[0] | outside[1] | outside[2] | outside[3]) != 0) return;
    auto first = outside;   // of each row, the first basis that is not 0
    for (std::size_t j = kCubic + 1; j <= last; ++j) first -= x >= t[j];
    const double* from[4];
    for (std::size_t lane = 0; lane < 4; ++lane) from[lane] = t + first[lane];
    Four near[2 * kCubic + 1], some[kCubic + 1] = {{1, 1, 1, 1}}, before[kCubic];   // knots that matter; the first of them does not
    for (std::size_t m = 1; m <= 2 * kCubic; ++m) {
      const double of_rows[4] = {from[0][m], from[1][m], from[2][m], from[3][m]};
      Load(of_rows, &near[m]);
    }
#pragma GCC unroll 3
    for (std::size_t d = 1; d <= kCubic; ++d) {
#pragma GCC unroll 3
      for (std::size_t n = 0; n < d; ++n) before[n] = some[n];
      some[0] = Four{};
#pragma GCC unroll 3
      for (std::size_t n = 1; n <= d; ++n) {
        const Four &right = near[kCubic + n], &left = near[kCubic + n - d];
        const Four w = before[n - 1] / (right - left), sum = some[n - 1] + w * (right - x), next = w * (x - left);
        some[n - 1] = right == left ? some[n - 1] : sum;
        some[n] = right == left ? Four{} : next;
      }
    }
    for (std::size_t lane = 0; lane < 4; ++lane)
      for (std::size_t d = 0; d <= kCubic; ++d)
        if (const std::size_t b = static_cast<std::size_t>(first[lane]) + d; b < kept) out[b][i + lane] += some[d][lane];
  }
}
HEADRACE_WITH_AVX2(EvaluateCubic, (const double* values, std::size_t rows, std::span<const double> knots, std::size_t kept, double* const* out, std::size_t* at),
                   (values, rows, knots, kept, out, at))

namespace {

class Spline final : public FittedStep {
 public:
  /// `knots`: of each column, degree of them before and after the base interval.
  Spline(std::vector<std::vector<double>> knots, std::size_t degree, Outside outside, bool bias) : knots_(std::move(knots)), degree_(degree), outside_(outside), bias_(bias) {
    const std::size_t bases = knots_[0].size() - degree_ - 1;
    bases_ = outside_ == Outside::kPeriodic ? bases - degree_ : bases;
    if (outside_ != Outside::kConstant && outside_ != Outside::kLinear) return;
    for (const std::vector<double>& t : knots_)
      for (const double at : {t[degree_], t[t.size() - degree_ - 1]}) ends_.push_back(End(t, at));
  }

  Status Run(Lane& lane) const override {
    const std::size_t kept = bases_ - (bias_ ? 0 : 1);
    for (double* column : lane.out) std::fill_n(column, lane.rows, 0.0);
    double some[kMostDegree + 1];
    for (std::size_t k = 0; k < knots_.size(); ++k) {
      const std::vector<double>& t = knots_[k];
      const double low = t[degree_], high = t[t.size() - degree_ - 1];
      double* const* out = lane.out.data() + k * kept;
      const bool together = degree_ == kCubic && outside_ != Outside::kPeriodic && t.size() <= kFewKnots;
      for (std::size_t i = 0, apart = 0; i < lane.rows; ++i) {
        if (together && i == apart) {
          EvaluateCubic(lane.in[k], lane.rows, t, kept, out, &i);
          apart = i + 4;   // these rows come one by one
          if (i == lane.rows) break;
        }
        double x = lane.in[k][i];
        if (x != x) continue;
        if (outside_ == Outside::kPeriodic) x = high > low ? low + Modulo(x - low, high - low) : 0;
        const bool beyond = (x < low || x > high) && !ends_.empty();
        if (beyond) {
          const Edge& end = ends_[2 * k + (x < low ? 0 : 1)];
          for (std::size_t b = 0; b < kept; ++b) out[b][i] = outside_ == Outside::kConstant ? end.values[b] : end.values[b] + end.slopes[b] * (x - end.at);
          continue;
        }
        const std::size_t first = Evaluate(t, degree_, x, some);
        for (std::size_t d = 0; d <= degree_; ++d) {
          std::size_t b = first + d;
          if (outside_ == Outside::kPeriodic && b >= bases_) b -= bases_;
          if (b < kept) out[b][i] += some[d];
        }
      }
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return knots_.size() * (bases_ - (bias_ ? 0 : 1)); }
  bool in_place() const override { return false; }
  bool leaves_missing() const override { return false; }

  void Describe(Outputs& outputs) const override {
    Outputs out;
    for (std::size_t k = 0; k < knots_.size(); ++k)
      for (std::size_t b = 0; b < bases_ - (bias_ ? 0 : 1); ++b) {
        out.names.push_back(StrCat(outputs.names[k], "~", b));
        out.columns.push_back(outputs.columns[k]);
      }
    outputs = std::move(out);
  }
  json ToJson() const override {
    json lists = json::array();
    for (const std::vector<double>& one : knots_) lists.push_back(NumbersToJson(one));
    return {{"step", "spline"}, {"bias", bias_}, {"degree", degree_}, {"knots", std::move(lists)}, {"outside", kOutsideNames[static_cast<std::size_t>(outside_)]}};
  }

 private:
  struct Edge { double at; std::vector<double> values, slopes; };   // at an end of the base interval, of each basis

  /// As Python's %: the sign of the divisor.
  static double Modulo(double x, double by) {
    const double rest = std::fmod(x, by);
    return rest != 0 && rest < 0 ? rest + by : rest;
  }

  /// The degree + 1 bases that are not 0 at x, by de Boor's recurrence; the number of the first.
  static std::size_t Evaluate(const std::vector<double>& t, std::size_t degree, double x, double* out) {
    std::size_t at = degree;
    const std::size_t last = t.size() - degree - 2;
    while (at < last && x >= t[at + 1]) ++at;
    double before[kMostDegree + 1];
    out[0] = 1;
    for (std::size_t d = 1; d <= degree; ++d) {
      std::copy(out, out + d, before);
      out[0] = 0;
      for (std::size_t n = 1; n <= d; ++n) {
        const double right = t[at + n], left = t[at + n - d];
        if (right == left) {
          out[n] = 0;
          continue;
        }
        const double w = before[n - 1] / (right - left);
        out[n - 1] += w * (right - x);
        out[n] = w * (x - left);
      }
    }
    return at - degree;
  }

  Edge End(const std::vector<double>& t, double x) const {
    const std::size_t bases = t.size() - degree_ - 1;
    Edge end{x, std::vector<double>(bases), std::vector<double>(bases)};
    double some[kMostDegree + 1];
    const std::size_t first = Evaluate(t, degree_, x, some);
    for (std::size_t d = 0; d <= degree_; ++d) end.values[first + d] = some[d];
    if (degree_ == 0) return end;
    // The derivative of a basis is a difference of two of one degree less on the same knots.
    double lower[kMostDegree + 1];
    const std::vector<double> inner(t.begin() + 1, t.end() - 1);
    const std::size_t first_lower = Evaluate(inner, degree_ - 1, x, lower);   // number b there is number b + 1 on t
    std::vector<double> of_lower(bases + 1, 0.0);
    for (std::size_t d = 0; d < degree_; ++d) of_lower[first_lower + 1 + d] = lower[d];
    const double p = static_cast<double>(degree_);
    for (std::size_t b = 0; b < bases; ++b) {
      const double left = t[b + degree_] - t[b], right = t[b + degree_ + 1] - t[b + 1];
      end.slopes[b] = (left > 0 ? p * of_lower[b] / left : 0) - (right > 0 ? p * of_lower[b + 1] / right : 0);
    }
    return end;
  }

  std::vector<std::vector<double>> knots_;
  std::size_t degree_;
  Outside outside_;
  bool bias_;
  std::size_t bases_;
  std::vector<Edge> ends_;   // two a column
};

}  // namespace

Result<StepPtr> ReadSpline(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(const std::int64_t degree, ReadInt(from, "degree", 0, kMostDegree));
  ASSIGN_OR_RETURN(std::vector<std::vector<double>> knots, ReadNumberLists(from, "knots", context.inputs));
  ASSIGN_OR_RETURN(const std::size_t outside, ReadName(from, "outside", kOutsideNames));
  ASSIGN_OR_RETURN(const bool bias, ReadBool(from, "bias"));
  const auto d = static_cast<std::size_t>(degree);
  const bool periodic = static_cast<Outside>(outside) == Outside::kPeriodic;
  for (const std::vector<double>& one : knots)
    if (one.size() != knots[0].size() || one.size() < 2 * d + 2 || one.size() > 2 * d + kMostKnots || !std::is_sorted(one.begin(), one.end())) return Damaged("knots out of order");
  if (periodic && knots[0].size() < 3 * d + 2) return Damaged("too few knots for a period");
  const std::size_t bases = knots[0].size() - d - 1 - (periodic ? d : 0);
  if (bases < 2 && !bias) return Damaged("splines that leave nothing");
  return StepPtr(std::make_unique<Spline>(std::move(knots), d, static_cast<Outside>(outside), bias));
}

Status Check(const SplineStep& step, StepTypes& types) {
  RETURN_IF_ERROR(types.NeedNumbers("spline"));
  if (step.knots < 2 || step.knots > static_cast<std::int64_t>(kMostKnots)) return types.Refuse(StrCat("splines need between 2 and ", kMostKnots, " knots, not ", step.knots));
  if (step.degree < 0 || step.degree > static_cast<std::int64_t>(kMostDegree)) return types.Refuse(StrCat("splines have a degree between 0 and ", kMostDegree, ", not ", step.degree));
  if (step.outside == Outside::kPeriodic && step.knots <= step.degree) return types.Refuse("periodic splines need more knots than their degree");
  if (!step.bias && step.knots + step.degree <= 2) return types.Refuse("splines of one output need `bias`");
  return Ok();
}

Result<FitResult> Fit(const SplineStep& step, FitInput& input) {
  const auto count = static_cast<std::size_t>(step.knots), degree = static_cast<std::size_t>(step.degree);
  const bool periodic = step.outside == Outside::kPeriodic;
  std::vector<std::vector<double>> knots;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    RETURN_IF_ERROR(input.NeedValue(k));
    const RangeState range = input.numbers[k].Range(input.threads);
    std::vector<double> base;
    if (step.quantile) {
      std::vector<double> percentages;
      for (std::size_t i = 0; i < count; ++i) percentages.push_back(i + 1 == count ? 100.0 : 100.0 * (static_cast<double>(i) * (1.0 / static_cast<double>(count - 1))));
      base = input.Rank(k).Percentiles(percentages);
    } else {
      const double each = (range.max - range.min) / static_cast<double>(count - 1);
      for (std::size_t i = 0; i < count; ++i) base.push_back(i + 1 == count ? range.max : static_cast<double>(i) * each + range.min);
    }
    std::vector<double> t;
    if (periodic) {
      const double period = base.back() - base.front();
      for (std::size_t i = 0; i < degree; ++i) t.push_back(base[count - 1 - degree + i] - period);
      t.insert(t.end(), base.begin(), base.end());
      for (std::size_t i = 1; i <= degree; ++i) t.push_back(base[i] + period);
    } else {
      const double first = base[1] - base[0], last = base[count - 1] - base[count - 2];
      for (std::size_t i = degree; i >= 1; --i) t.push_back(base[0] - static_cast<double>(i) * first);
      t.insert(t.end(), base.begin(), base.end());
      for (std::size_t i = 1; i <= degree; ++i) t.push_back(base.back() + static_cast<double>(i) * last);
    }
    RETURN_IF_ERROR(input.NeedFinite(t));
    knots.push_back(std::move(t));
  }
  RETURN_IF_ERROR(input.LimitOutputs(knots.size() * (count + degree - 1), "splines", "use fewer knots"));
  return FitResult{std::make_unique<Spline>(std::move(knots), degree, step.outside, step.bias)};
}

}  // namespace headrace::internal
