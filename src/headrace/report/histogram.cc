#include <algorithm>
#include <cmath>

#include "headrace/report/report.h"

namespace headrace {

std::int64_t HistogramReport::total() const {
  std::int64_t sum = 0;
  for (std::int64_t count : counts) sum += count;
  return sum;
}

HistogramReport MakeHistogram(std::span<const double> values, double low, double high, int bins) {
  HistogramReport histogram;
  for (int i = 0; i <= bins; ++i) histogram.edges.push_back(i == bins ? high : low + (high - low) * i / bins);
  histogram.counts.assign(static_cast<std::size_t>(bins), 0);
  for (double value : values) {
    if (std::isnan(value)) continue;
    const auto upper = std::upper_bound(histogram.edges.begin(), histogram.edges.end(), value);
    const auto bin = std::clamp<std::ptrdiff_t>(upper - histogram.edges.begin() - 1, 0, bins - 1);
    ++histogram.counts[static_cast<std::size_t>(bin)];
  }
  return histogram;
}

HistogramReport TestHistogram(const Curves& curves) {
  HistogramReport histogram;
  for (const Curves::HistogramBin& bin : curves.histogram) {
    if (histogram.edges.empty()) histogram.edges.push_back(bin.from);
    histogram.edges.push_back(bin.to);
    histogram.counts.push_back(bin.negatives + bin.positives);
  }
  return histogram;
}

}  // namespace headrace
