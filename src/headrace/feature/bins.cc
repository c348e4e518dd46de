// bins: which of several intervals a value lies in, as KBinsDiscretizer.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"

namespace headrace::internal {
namespace {

constexpr std::int64_t kMostBins = 10'000;
constexpr double kNarrow = 1e-8;   // narrower bins are joined, as in scikit-learn
constexpr std::size_t kFewEdges = 16;   // are all compared, which needs no jumps

}  // namespace

/// How many of few edges are not above each number, in place; what is missing stays so.
HEADRACE_BODY CountEdgesBody(double* x, std::size_t n, const double* edges, std::size_t count) {
  constexpr Four kNone = {}, kOne = {1, 1, 1, 1};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Four v, bin = kNone;
    Load(x + i, &v);
    for (std::size_t e = 0; e < count; ++e) bin += v >= edges[e] ? kOne : kNone;
    bin = v == v ? bin : v;
    std::memcpy(x + i, &bin, sizeof(bin));
  }
  for (; i < n; ++i) {
    double bin = 0;
    for (std::size_t e = 0; e < count; ++e) bin += x[i] >= edges[e] ? 1 : 0;
    x[i] = x[i] == x[i] ? bin : x[i];
  }
}
HEADRACE_WITH_AVX2(CountEdges, (double* x, std::size_t n, const double* edges, std::size_t count), (x, n, edges, count))

namespace {

class Bins final : public FittedStep {
 public:
  Bins(std::vector<std::vector<double>> edges, bool onehot) : edges_(std::move(edges)), onehot_(onehot) {
    for (const std::vector<double>& one : edges_) width_ += onehot_ ? one.size() + 1 : 1;
  }

  Status Run(Lane& lane) const override {
    std::size_t at = 0;
    for (std::size_t k = 0; k < edges_.size(); ++k) {
      const std::vector<double>& edges = edges_[k];
      if (!onehot_ && edges.size() <= kFewEdges) {
        CountEdges(lane.out[k], lane.rows, edges.data(), edges.size());
        continue;
      }
      if (!onehot_) {
        for (std::size_t i = 0; i < lane.rows; ++i) {
          const double x = lane.in[k][i];
          lane.out[k][i] = x == x ? static_cast<double>(BinOf(edges, x)) : x;
        }
        continue;
      }
      for (std::size_t bin = 0; bin <= edges.size(); ++bin) std::fill_n(lane.out[at + bin], lane.rows, 0.0);
      for (std::size_t i = 0; i < lane.rows; ++i)
        if (const double x = lane.in[k][i]; x == x) lane.out[at + BinOf(edges, x)][i] = 1;
      at += edges.size() + 1;
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return width_; }
  bool in_place() const override { return !onehot_; }
  bool leaves_missing() const override { return !onehot_; }

  void Describe(Outputs& outputs) const override {
    if (!onehot_) return;
    Outputs out;
    for (std::size_t k = 0; k < edges_.size(); ++k)
      for (std::size_t bin = 0; bin <= edges_[k].size(); ++bin) {
        const std::string from = bin == 0 ? "-inf" : FormatDouble(edges_[k][bin - 1]), to = bin == edges_[k].size() ? "inf" : FormatDouble(edges_[k][bin]);
        out.names.push_back(StrCat(outputs.names[k], " in [", from, ", ", to, ")"));
        out.columns.push_back(outputs.columns[k]);
      }
    outputs = std::move(out);
  }

  json ToJson() const override {
    json lists = json::array();
    for (const std::vector<double>& one : edges_) lists.push_back(NumbersToJson(one));
    return {{"step", "bins"}, {"edges", std::move(lists)}, {"onehot", onehot_}};
  }

 private:
  /// How many edges are not above x.
  static std::size_t BinOf(const std::vector<double>& edges, double x) {
    if (edges.size() <= kFewEdges) {
      std::size_t bin = 0;
      for (const double edge : edges) bin += edge <= x ? 1 : 0;
      return bin;
    }
    const double* at = edges.data();
    for (std::size_t left = edges.size(); left > 1;) {
      const std::size_t half = left / 2;
      at += at[half - 1] <= x ? half : 0;
      left -= half;
    }
    return static_cast<std::size_t>(at - edges.data()) + (*at <= x ? 1 : 0);
  }

  std::vector<std::vector<double>> edges_;   // inner ones, rising
  bool onehot_;
  std::size_t width_ = 0;
};

/// count + 1 places from low to high, evenly, as numpy's linspace.
std::vector<double> Evenly(double low, double high, std::size_t count) {
  std::vector<double> out;
  const double step = (high - low) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(low + static_cast<double>(i) * step);
  out.push_back(high);
  return out;
}

/// Lloyd's algorithm on a line from evenly spaced centres: middles between the final centres. Values are sorted, so that a cluster is a run of them, and its sum the
/// difference of two running sums. A value halfway between two centres is the lower one's, the first of KMeans.
std::vector<double> KMeansEdges(std::span<const double> values, std::size_t count) {
  std::vector<double> sorted;
  for (const double x : values)
    if (x == x) sorted.push_back(x + 0.0);
  std::sort(sorted.begin(), sorted.end());
  const std::vector<double> even = Evenly(sorted.front(), sorted.back(), count);
  std::vector<double> centers;
  for (std::size_t c = 0; c < count; ++c) centers.push_back((even[c] + even[c + 1]) * 0.5);
  const double shift = sorted[sorted.size() / 2];   // sums of what is small
  std::vector<double> running(1, 0.0);
  ExactSum sum;
  for (const double x : sorted) {
    sum.Add(x - shift);
    running.push_back(sum.value());
  }
  const RangeState range = RangeOf(sorted, 1);
  const double tolerance = 1e-4 * VarianceOf(sorted, range.Mean(), 1);   // where scikit-learn's KMeans stops too
  std::vector<std::size_t> ends(count, sorted.size()), ends_before;
  for (int iteration = 0; iteration < 300; ++iteration) {
    double shifts = 0;
    std::size_t begin = 0;
    for (std::size_t c = 0; c < count; ++c) {
      const auto middle = c + 1 == count ? sorted.end() : std::upper_bound(sorted.begin(), sorted.end(), (centers[c] + centers[c + 1]) * 0.5);
      ends[c] = static_cast<std::size_t>(middle - sorted.begin());
    }
    for (std::size_t c = 0; c < count; ++c) {
      if (ends[c] > begin) {   // an empty cluster stays where it is
        const double center = shift + (running[ends[c]] - running[begin]) / static_cast<double>(ends[c] - begin);
        shifts += (center - centers[c]) * (center - centers[c]);
        centers[c] = center;
      }
      begin = std::max(begin, ends[c]);
    }
    if (ends == ends_before || shifts <= tolerance) break;
    ends_before = ends;
  }
  std::vector<double> edges;
  for (std::size_t c = 0; c + 1 < count; ++c) edges.push_back((centers[c] + centers[c + 1]) * 0.5);
  return edges;
}

std::vector<double> EdgesOf(const BinsStep& step, FitInput& input, std::size_t k, const RangeState& range) {
  const auto count = static_cast<std::size_t>(step.count);
  std::vector<double> edges;
  if (step.by == BinsStep::By::kUniform) {
    edges = Evenly(range.min, range.max, count);
  } else if (step.by == BinsStep::By::kQuantile) {
    edges = input.Rank(k).AveragedPercentiles(Evenly(0, 100, count));
  } else {
    edges = KMeansEdges(input.numbers[k].values(), count);
    edges.insert(edges.begin(), range.min);
    edges.push_back(range.max);
  }
  if (step.by != BinsStep::By::kUniform) {
    std::vector<double> wide(1, edges[0]);
    for (std::size_t i = 1; i < edges.size(); ++i)
      if (edges[i] - edges[i - 1] > kNarrow) wide.push_back(edges[i]);
    edges = std::move(wide);
  }
  if (edges.size() <= 2) return {};
  edges = std::vector<double>(edges.begin() + 1, edges.end() - 1);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

}  // namespace

Result<StepPtr> ReadBins(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(std::vector<std::vector<double>> edges, ReadNumberLists(from, "edges", context.inputs));
  for (const std::vector<double>& one : edges)
    if (!Rising(one)) return Damaged("edges out of order");
  ASSIGN_OR_RETURN(const bool onehot, ReadBool(from, "onehot"));
  return StepPtr(std::make_unique<Bins>(std::move(edges), onehot));
}

Status Check(const BinsStep& step, StepTypes& types) {
  RETURN_IF_ERROR(types.NeedNumbers("bins"));
  if (step.by != BinsStep::By::kEdges && (step.count < 2 || step.count > kMostBins)) return types.Refuse(StrCat("bins must be between 2 and ", kMostBins, ", not ", step.count));
  if (step.by == BinsStep::By::kEdges && (step.edges.empty() || !Rising(step.edges) || !std::all_of(step.edges.begin(), step.edges.end(), [](double x) { return std::isfinite(x); })))
    return types.Refuse("the edges of its bins must be numbers that rise");
  return Ok();
}

Result<FitResult> Fit(const BinsStep& step, FitInput& input) {
  std::vector<std::vector<double>> edges;
  std::size_t outputs = 0;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    if (step.by == BinsStep::By::kEdges) {
      edges.push_back(step.edges);
    } else {
      RETURN_IF_ERROR(input.NeedValue(k));
      const RangeState range = input.numbers[k].Range(input.threads);
      const double width = range.max - range.min;
      RETURN_IF_ERROR(input.NeedFinite({&width, 1}));
      edges.push_back(width == 0 ? std::vector<double>() : EdgesOf(step, input, k, range));
    }
    outputs += step.onehot ? edges.back().size() + 1 : 1;
  }
  RETURN_IF_ERROR(input.LimitOutputs(outputs, "columns of bins", "use fewer bins"));
  return FitResult{std::make_unique<Bins>(std::move(edges), step.onehot)};
}

}  // namespace headrace::internal
