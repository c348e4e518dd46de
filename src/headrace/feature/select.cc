// select: some of a group's columns, by what they hold alone (variance), beside each other (correlation), or beside the target (F, chi-square, mutual information).
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "headrace/base/math.h"
#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"

namespace headrace::internal {
namespace {

using By = SelectStep::By;
constexpr std::size_t kInformationBins = 10;

class Select final : public FittedStep {
 public:
  explicit Select(std::vector<std::size_t> kept) : kept_(std::move(kept)) {}
  Status Run(Lane& lane) const override {
    for (std::size_t k = 0; k < kept_.size(); ++k) std::copy(lane.in[kept_[k]], lane.in[kept_[k]] + lane.rows, lane.out[k]);
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return kept_.size(); }
  bool in_place() const override { return false; }
  void Describe(Outputs& outputs) const override {
    Outputs out;
    for (const std::size_t k : kept_) {
      out.names.push_back(outputs.names[k]);
      out.columns.push_back(outputs.columns[k]);
    }
    outputs = std::move(out);
  }
  json ToJson() const override { return {{"step", "select"}, {"kept", kept_}}; }

 private:
  std::vector<std::size_t> kept_;   // rising
};

/// Rows of which neither is NaN; 0 where one of the two is constant, whatever rounding makes of its deviations. REQUIRES: the same length.
double Correlation(std::span<const double> a, std::span<const double> b) {
  double n = 0, first_a = 0, first_b = 0;
  bool varies_a = false, varies_b = false;
  ExactSum sum_a, sum_b;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] || b[i] != b[i]) continue;
    if (n == 0) {
      first_a = a[i];
      first_b = b[i];
    }
    varies_a = varies_a || a[i] != first_a;
    varies_b = varies_b || b[i] != first_b;
    ++n;
    sum_a.Add(a[i]);
    sum_b.Add(b[i]);
  }
  if (!varies_a || !varies_b) return 0;
  const double mean_a = sum_a.value() / n, mean_b = sum_b.value() / n;
  ExactSum aa, ab, bb;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] || b[i] != b[i]) continue;
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    aa.Add(x * x);
    ab.Add(x * y);
    bb.Add(y * y);
  }
  const double width = std::sqrt(aa.value()) * std::sqrt(bb.value());
  return width > 0 ? ab.value() / width : 0;
}

/// The class of each row, 0 to classes - 1. Of a number, its decile.
std::vector<std::size_t> ClassesOf(const TargetColumns& target, std::size_t rows) {
  std::vector<std::size_t> out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (target.task == Task::kBinary) out[i] = target.columns[0][i] > 0.5 ? 1 : 0;
    for (std::size_t c = 0; target.task == Task::kMulticlass && c < target.columns.size(); ++c)
      if (target.columns[c][i] > 0.5) out[i] = c;
  }
  return out;
}

std::size_t ClassCount(const TargetColumns& target) { return target.task == Task::kMulticlass ? target.columns.size() : 2; }

/// Analysis of variance between classes (f_classif), or the F of a straight line (f_regression).
double FScore(std::span<const double> x, const TargetColumns& target, const std::vector<std::size_t>& classes) {
  const double n = static_cast<double>(x.size());
  if (target.task == Task::kRegression) {
    const double r = Correlation(x, target.columns[0]), squared = r * r;
    return squared < 1 ? squared / (1 - squared) * (n - 2) : HUGE_VAL;
  }
  std::vector<ExactSum> sums(ClassCount(target));
  std::vector<double> counts(sums.size());
  ExactSum all;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sums[classes[i]].Add(x[i]);
    counts[classes[i]] += 1;
    all.Add(x[i]);
  }
  const double mean = all.value() / n;
  ExactSum within, between;
  double present = 0;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    if (counts[c] == 0) continue;
    ++present;
    const double d = sums[c].value() / counts[c] - mean;
    between.Add(counts[c] * d * d);
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = x[i] - sums[classes[i]].value() / counts[classes[i]];
    within.Add(d * d);
  }
  const double f = (between.value() / (present - 1)) / (within.value() / (n - present));
  return f == f ? f : 0;
}

/// Of sums of x in each class against what independence expects (chi2).
double ChiSquare(std::span<const double> x, const TargetColumns& target, const std::vector<std::size_t>& classes) {
  std::vector<ExactSum> observed(ClassCount(target));
  std::vector<double> share(observed.size());
  ExactSum all;
  for (std::size_t i = 0; i < x.size(); ++i) {
    observed[classes[i]].Add(x[i]);
    share[classes[i]] += 1;
    all.Add(x[i]);
  }
  double score = 0;
  for (std::size_t c = 0; c < observed.size(); ++c) {
    const double expected = share[c] / static_cast<double>(x.size()) * all.value(), d = observed[c].value() - expected;
    if (expected > 0) score += d * d / expected;
  }
  return score;
}

/// Which tenth of the values each row lies in: bins whose edges are percentiles, exact for any number of rows.
std::vector<std::size_t> Tenths(std::span<const double> x, int threads) {
  std::vector<double> percentages;
  for (std::size_t i = 1; i < kInformationBins; ++i) percentages.push_back(static_cast<double>(i) * 100 / kInformationBins);
  std::vector<double> edges = Ranking(x, threads, x.size()).Percentiles(percentages);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<std::size_t> out;
  for (const double v : x) out.push_back(static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), v) - edges.begin()));
  return out;
}

double MutualInformation(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
  std::map<std::pair<std::size_t, std::size_t>, double> both;
  std::map<std::size_t, double> of_a, of_b;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both[{a[i], b[i]}] += 1;
    of_a[a[i]] += 1;
    of_b[b[i]] += 1;
  }
  const double n = static_cast<double>(a.size());
  double information = 0;
  for (const auto& [pair, count] : both) information += count / n * math::Log(count * n / (of_a[pair.first] * of_b[pair.second]));
  return information;
}

Result<std::vector<double>> Scores(const SelectStep& step, FitInput& input) {
  RETURN_IF_ERROR(input.NeedTarget("select"));
  const std::vector<std::size_t> classes = ClassesOf(input.target, input.rows);
  const bool regression = input.target.task == Task::kRegression;
  if (step.by == By::kChi2 && regression) return input.Refuse(ErrorCode::kInvalid, "cannot be chosen by chi2: the target is a number, not a class").WithHelp("use {select: f}");
  const std::vector<std::size_t> target = step.by != By::kMutualInformation ? std::vector<std::size_t>() : regression ? Tenths(input.target.columns[0], input.threads) : classes;
  std::vector<double> scores(input.numbers.size());
  const Status status = ParallelFor(input.threads, scores.size(), [&](std::size_t k) -> Status {
    RangeState range = RangeOf(input.numbers[k].values(), 1);
    if (range.count < static_cast<std::int64_t>(input.rows)) return input.Refuse("have missing values, beside which the best cannot be chosen").WithHelp("put {impute: median} in front");
    if (step.by == By::kChi2 && range.min < 0) return input.Refuse("have values below 0, of which chi2 knows nothing").WithHelp("use {select: f}, or put {scale: minmax} in front");
    const std::span<const double> x = input.numbers[k].values();
    if (range.min == range.max) return Ok();   // tells nothing; its F would be rounding divided by rounding
    scores[k] = step.by == By::kF ? FScore(x, input.target, classes) : step.by == By::kChi2 ? ChiSquare(x, input.target, classes) : MutualInformation(Tenths(x, 1), target);
    return Ok();
  });
  RETURN_IF_ERROR(status);
  return scores;
}

}  // namespace

Result<StepPtr> ReadSelect(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  const json& list = Member(from, "kept");
  if (!list.is_array() || list.empty()) return Damaged("`kept` must be a list");
  std::vector<std::size_t> kept;
  for (const json& one : list) {
    if (!one.is_number_unsigned() || one.get<std::uint64_t>() >= context.inputs || (!kept.empty() && one.get<std::uint64_t>() <= kept.back())) return Damaged("`kept` names no column, or out of order");
    kept.push_back(one.get<std::size_t>());
  }
  return StepPtr(std::make_unique<Select>(std::move(kept)));
}

Status Check(const SelectStep& step, StepTypes& types) {
  if (step.k < 1) return types.Refuse("select needs a k of 1 at least");
  if (!(step.threshold >= 0)) return types.Refuse("the threshold of select must not be negative");
  return types.NeedNumbers("select");
}

Result<FitResult> Fit(const SelectStep& step, FitInput& input) {
  std::vector<std::size_t> kept;
  const std::size_t count = input.numbers.size();
  if (step.by == By::kVariance) {
    for (std::size_t k = 0; k < count; ++k) {
      const RangeState& range = input.numbers[k].Range(input.threads);
      if (range.count > 0 && range.max > range.min && VarianceOf(input.numbers[k].values(), range.Mean(), input.threads) > step.threshold) kept.push_back(k);
    }
    if (kept.empty()) return input.Refuse(StrCat("all vary by ", step.threshold, " at most, so that select keeps none")).WithHelp("lower the threshold");
  } else if (step.by == By::kCorrelation) {
    for (std::size_t k = 0; k < count; ++k) {
      std::vector<char> alike(kept.size());
      ForEach(input.threads, kept.size(), [&](std::size_t i) { alike[i] = std::fabs(Correlation(input.numbers[kept[i]].values(), input.numbers[k].values())) > step.threshold ? 1 : 0; });
      if (std::find(alike.begin(), alike.end(), 1) == alike.end()) kept.push_back(k);
    }
  } else {
    ASSIGN_OR_RETURN(const std::vector<double> scores, Scores(step, input));
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });   // of equal ones the first
    kept.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(std::min(count, static_cast<std::size_t>(step.k))));
    std::sort(kept.begin(), kept.end());
  }
  return FitResult{std::make_unique<Select>(std::move(kept))};
}

}  // namespace headrace::internal
