// quantile: where a value stands among those of training, by interpolation between quantiles, as that share or as what a normal distribution has there.
#include <algorithm>
#include <cmath>

#include "headrace/base/math.h"
#include "headrace/feature/elementwise.h"

namespace headrace::internal {
namespace {

constexpr double kBound = 1e-7;   // scikit-learn's BOUNDS_THRESHOLD

/// The quantile of the standard normal distribution (Wichura, "Algorithm AS 241", 1988, PPND16). REQUIRES: 0 < p < 1.
double NormalQuantile(double p) {
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) * r + 13731.693765509461125) * r +
                  1971.5909503065514427) * r + 133.14166789178437745) * r + 3.387132872796366608) /
           (((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r + 21213.794301586595867) * r + 5394.1960214247511077) * r +
              687.1870074920579083) * r + 42.313330701600911252) * r + 1.0);
  }
  double r = std::sqrt(-math::Log(q < 0 ? p : 1 - p));
  double value;
  if (r <= 5) {
    r -= 1.6;
    value = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r + 3.64784832476320460504) * r +
               5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734) /
            (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r + 0.68976733498510000455) * r +
               1.6763848301838038494) * r + 2.05319162663775882187) * r + 1.0);
  } else {
    r -= 5;
    value = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r + 0.29656057182850489123) * r +
               1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772) /
            (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r +
               0.13692988092273580531) * r + 0.59983220655588793769) * r + 1.0);
  }
  return q < 0 ? -value : value;
}

class Quantile final : public FittedStep {
 public:
  Quantile(bool normal, std::vector<std::vector<double>> quantiles) : normal_(normal), quantiles_(std::move(quantiles)) {
    const std::size_t n = quantiles_[0].size();
    const double step = n > 1 ? 1.0 / static_cast<double>(n - 1) : 0;
    for (std::size_t j = 0; j < n; ++j) shares_.push_back(j + 1 == n && n > 1 ? 1.0 : static_cast<double>(j) * step);
    lowest_ = NormalQuantile(kBound - 0x1p-52);
    highest_ = NormalQuantile(1 - (kBound - 0x1p-52));
  }

  Status Run(Lane& lane) const override {
    for (std::size_t k = 0; k < lane.out.size(); ++k)
      for (std::size_t i = 0; i < lane.rows; ++i) lane.out[k][i] = Of(quantiles_[k], lane.out[k][i]);
    return Ok();
  }
  json ToJson() const override {
    json lists = json::array();
    for (const std::vector<double>& one : quantiles_) lists.push_back(NumbersToJson(one));
    return {{"step", "quantile"}, {"normal", normal_}, {"quantiles", std::move(lists)}};
  }

 private:
  double Of(const std::vector<double>& quantiles, double x) const {
    if (x != x) return x;
    const double low = quantiles.front(), high = quantiles.back();
    double share = Share(quantiles, x);
    if (!normal_) return x == low ? 0 : x == high ? 1 : share;
    if (x - kBound < low) share = 0;
    else if (x + kBound > high) share = 1;
    if (share <= 0) return lowest_;
    if (share >= 1) return highest_;
    return std::clamp(NormalQuantile(share), lowest_, highest_);
  }

  /// The mean of interpolating upwards and downwards, which differ where quantiles are equal.
  double Share(const std::vector<double>& q, double x) const {
    const std::size_t n = q.size();
    if (x < q[0]) return shares_[0];
    if (x > q[n - 1]) return shares_[n - 1];
    // The last quantile that is not above x: halving without a branch that could be guessed wrong.
    const double* at = q.data();
    for (std::size_t left = n; left > 1;) {
      const std::size_t half = left / 2;
      at += at[half] <= x ? half : 0;
      left -= half;
    }
    const auto j = static_cast<std::size_t>(at - q.data());
    if (q[j] == x) {
      std::size_t first = j;
      if (first > 0 && q[first - 1] == x) first = static_cast<std::size_t>(std::lower_bound(q.begin(), q.end(), x) - q.begin());
      return 0.5 * (shares_[j] + shares_[first]);
    }
    const double slope = (shares_[j + 1] - shares_[j]) / (q[j + 1] - q[j]);
    return 0.5 * ((slope * (x - q[j]) + shares_[j]) - (slope * (q[j + 1] - x) - shares_[j + 1]));
  }

  bool normal_;
  std::vector<std::vector<double>> quantiles_;   // one list a column, all of one length
  std::vector<double> shares_;
  double lowest_, highest_;
};

constexpr std::int64_t kMostQuantiles = 100'000;

}  // namespace

Result<StepPtr> ReadQuantile(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(const bool normal, ReadBool(from, "normal"));
  ASSIGN_OR_RETURN(std::vector<std::vector<double>> quantiles, ReadNumberLists(from, "quantiles", context.inputs));
  for (const std::vector<double>& one : quantiles)
    if (one.empty() || one.size() != quantiles[0].size() || !std::is_sorted(one.begin(), one.end())) return Damaged("quantiles out of order");
  return StepPtr(std::make_unique<Quantile>(normal, std::move(quantiles)));
}

Status Check(const QuantileStep& step, StepTypes& types) {
  if (step.quantiles < 2 || step.quantiles > kMostQuantiles) return types.Refuse(StrCat("quantile needs between 2 and ", kMostQuantiles, " quantiles, not ", step.quantiles));
  return types.NeedNumbers("quantile");
}

Result<FitResult> Fit(const QuantileStep& step, FitInput& input) {
  const std::size_t n = std::max<std::size_t>(1, std::min(static_cast<std::size_t>(step.quantiles), input.rows));
  std::vector<double> percentages;
  for (std::size_t j = 0; j < n; ++j) percentages.push_back((j + 1 == n && n > 1 ? 1.0 : static_cast<double>(j) * (1.0 / static_cast<double>(std::max<std::size_t>(n, 2) - 1))) * 100);
  std::vector<std::vector<double>> quantiles;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    const Ranking ranking = input.Rank(k);
    if (ranking.count() == 0) return input.NeedValue(k);
    quantiles.push_back(ranking.Percentiles(percentages));
    for (std::size_t j = 1; j < n; ++j) quantiles[k][j] = std::max(quantiles[k][j], quantiles[k][j - 1]);   // rounding
  }
  return FitResult{std::make_unique<Quantile>(step.normal, std::move(quantiles))};
}

}  // namespace headrace::internal
