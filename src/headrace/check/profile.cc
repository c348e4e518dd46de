#include "headrace/check/profile.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "headrace/check/summaries.h"

namespace headrace {

namespace {
constexpr double kProbabilities[] = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};
constexpr int kBins = 20;

using Points = std::vector<QuantileSketch::Point>;

bool IsOrdered(Type type) { return IsNumeric(type) || type == Type::kDate || type == Type::kTimestamp; }

std::string_view KeyOf(const std::int64_t& bits) { return {reinterpret_cast<const char*>(&bits), sizeof bits}; }

/// A value of FrequentValues as users write it.
std::string TextOfKey(Type type, const std::string& key) {
  if (type == Type::kText) return key;
  std::int64_t bits = 0;
  std::memcpy(&bits, key.data(), sizeof bits);
  if (type != Type::kDouble) return Value::Int64(type, bits).ToString();
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return FormatDouble(value);
}

/// `bins` bins of equal width over [low, high]; of whole numbers, bins of a whole width.
std::vector<double> EqualEdges(double low, double high, bool whole) {
  std::vector<double> edges;
  constexpr double kExactInts = 4503599627370496;  // 2^52: beyond it there are no bins of width 1
  if (whole && low > -kExactInts && high < kExactInts) {
    const double width = std::max(1.0, std::ceil((high - low + 1) / kBins));
    for (double edge = low; edge <= high; edge += width) edges.push_back(edge);
    edges.push_back(edges.back() + width);
    return edges;
  }
  if (low == high) return {low, high};
  for (int i = 0; i <= kBins; ++i) edges.push_back(i == kBins ? high : low + (high - low) * i / kBins);
  return edges;
}

BinnedRows Bin(const Points& points, bool whole) {
  BinnedRows bins;
  if (points.empty()) return bins;
  double low = points.front().value, high = points.back().value;
  const double first = QuantileOf(points, 0.01), last = QuantileOf(points, 0.99);
  constexpr double kTail = 4;
  if (last > first && high - low > kTail * (last - first)) low = whole ? std::floor(first) : first, high = whole ? std::ceil(last) : last;
  bins.edges = EqualEdges(low, high, whole);
  bins.counts.assign(bins.edges.size() - 1, 0);
  for (const auto& [value, weight] : points) {
    if (value < bins.edges.front()) bins.below += weight;
    else if (value > bins.edges.back()) bins.above += weight;
    else {
      const auto upper = std::upper_bound(bins.edges.begin(), bins.edges.end(), value) - bins.edges.begin();
      bins.counts[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(upper - 1, 0, static_cast<std::ptrdiff_t>(bins.counts.size()) - 1))] += weight;
    }
  }
  return bins;
}

std::int64_t Characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

TextLengths LengthsOf(const std::vector<std::int64_t>& counts) {
  TextLengths lengths;
  Points points;
  std::int64_t rows = 0, sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto length = static_cast<std::int64_t>(i);
    if (rows == 0) lengths.min = length;
    lengths.max = length;
    rows += counts[i];
    sum += counts[i] * length;
    points.push_back({static_cast<double>(length), counts[i]});
  }
  if (rows == 0) return lengths;
  lengths.empty = counts[0];
  lengths.mean = static_cast<double>(sum) / static_cast<double>(rows);
  for (const double p : kProbabilities) lengths.quantiles.emplace_back(p, static_cast<std::int64_t>(QuantileOf(points, p)));
  lengths.histogram = Bin(points, true);
  return lengths;
}
}  // namespace

struct ProfileScan::ColumnState {
  Field field;
  bool personal = false;
  std::int64_t nulls = 0, nans = 0, infinities = 0;
  FrequentValues values;
  std::int64_t min = 0, max = 0;           // of a column held as ints
  double low = 0, high = 0;                // of doubles
  Moments moments;
  QuantileSketch sketch;
  std::vector<std::int64_t> lengths;

  void AddInt(std::int64_t v) {
    values.Add(KeyOf(v));
    if (personal || !IsOrdered(field.type)) return;
    min = sketch.count() == 0 ? v : std::min(min, v);
    max = sketch.count() == 0 ? v : std::max(max, v);
    moments.Add(static_cast<double>(v));
    sketch.Add(static_cast<double>(v));
  }

  void AddDouble(double v) {
    if (std::isnan(v)) {
      ++nans;
      return;
    }
    const double plain = v == 0 ? 0.0 : v;  // -0 and 0 are one value
    std::int64_t bits = 0;
    std::memcpy(&bits, &plain, sizeof bits);
    values.Add(KeyOf(bits));
    if (std::isinf(v)) {
      ++infinities;
      return;
    }
    if (personal) return;
    low = sketch.count() == 0 ? plain : std::min(low, plain);
    high = sketch.count() == 0 ? plain : std::max(high, plain);
    moments.Add(plain);
    sketch.Add(plain);
  }

  void AddText(std::string_view v) {
    values.Add(v);
    if (personal) return;
    const auto length = static_cast<std::size_t>(std::min(Characters(v), TextLengths::kLongText));
    if (lengths.size() <= length) lengths.resize(length + 1);
    ++lengths[length];
  }

  void Add(const Column& column) {
    const std::size_t n = column.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (column.IsNull(i)) ++nulls;
      else if (field.type == Type::kText) AddText(column.text(i));
      else if (field.type == Type::kDouble) AddDouble(column.doubles()[i]);
      else AddInt(column.ints()[i]);
    }
  }

  void Merge(const ColumnState& other) {
    if (other.sketch.count() > 0) {
      min = sketch.count() == 0 ? other.min : std::min(min, other.min);
      max = sketch.count() == 0 ? other.max : std::max(max, other.max);
      low = sketch.count() == 0 ? other.low : std::min(low, other.low);
      high = sketch.count() == 0 ? other.high : std::max(high, other.high);
    }
    nulls += other.nulls;
    nans += other.nans;
    infinities += other.infinities;
    values.Merge(other.values);
    moments.Merge(other.moments);
    sketch.Merge(other.sketch);
    if (lengths.size() < other.lengths.size()) lengths.resize(other.lengths.size());
    for (std::size_t i = 0; i < other.lengths.size(); ++i) lengths[i] += other.lengths[i];
  }

  ColumnMeasures Finish(std::int64_t rows) const {
    ColumnMeasures out;
    out.field = field;
    out.personal = personal;
    out.rows = rows;
    out.nulls = nulls;
    out.nans = nans;
    out.infinities = infinities;
    out.distinct = values.Distinct();
    out.distinct_exact = values.exact();
    if (personal) return out;
    out.top_known = values.counted();
    out.top_slack = values.slack();
    for (const auto& [key, count] : values.Top(kTopValues)) out.top.emplace_back(TextOfKey(field.type, key), count);
    if (field.type == Type::kText && !lengths.empty()) out.lengths = LengthsOf(lengths);
    if (sketch.count() > 0) FinishOrdered(out);
    return out;
  }

  void FinishOrdered(ColumnMeasures& out) const {
    const bool is_double = field.type == Type::kDouble;
    out.min = is_double ? Value::Double(low) : Value::Int64(field.type, min);
    out.max = is_double ? Value::Double(high) : Value::Int64(field.type, max);
    if (IsNumeric(field.type)) {
      out.mean = moments.mean;
      out.sd = moments.StandardDeviation();
    }
    out.quantiles_exact = sketch.exact();
    Points points = sketch.Points();
    for (const double p : kProbabilities) out.quantiles.emplace_back(p, QuantileOf(points, p));
    // The sketch may have let the outermost values go.
    points.front().value = is_double ? low : static_cast<double>(min);
    points.back().value = is_double ? high : static_cast<double>(max);
    out.histogram = Bin(points, field.type == Type::kInt || field.type == Type::kDate);
  }
};

ProfileScan::ProfileScan(const Schema& schema, const std::set<std::string>& personal) {
  for (const Field& field : schema.fields()) {
    ColumnState& state = columns_.emplace_back();
    state.field = field;
    state.personal = personal.contains(field.name);
  }
}

ProfileScan::ProfileScan(ProfileScan&&) noexcept = default;
ProfileScan& ProfileScan::operator=(ProfileScan&&) noexcept = default;
ProfileScan::~ProfileScan() = default;

void ProfileScan::Add(const Table& block) {
  for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].Add(block.column(c));
  rows_ += static_cast<std::int64_t>(block.num_rows());
}

void ProfileScan::Merge(const ProfileScan& other) {
  for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].Merge(other.columns_[c]);
  rows_ += other.rows_;
}

DataProfile ProfileScan::Finish() const {
  DataProfile profile;
  profile.rows = rows_;
  for (const ColumnState& state : columns_) profile.columns.push_back(state.Finish(rows_));
  return profile;
}

const ColumnMeasures* DataProfile::Find(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const ColumnMeasures& measures) { return measures.field.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

Result<DataProfile> ProfileRows(TableStream& rows, const std::set<std::string>& personal) {
  ProfileScan scan(rows.schema(), personal);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows.Next());
    if (!block) return scan.Finish();
    scan.Add(*block);
  }
}

std::string ShowMeasure(Type type, double value) {
  if (type == Type::kDate) return FormatDate(static_cast<std::int64_t>(std::floor(value)));
  if (type == Type::kTimestamp) return FormatTimestamp(static_cast<std::int64_t>(std::floor(value)));
  return FormatDouble(value);
}

}  // namespace headrace
