#include "headrace/check/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>

#include "headrace/base/math.h"
#include "headrace/check/summaries.h"

namespace headrace {

using Measured = DriftReference::Measured;

namespace {
double Ratio(std::int64_t part, std::int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

double Psi(std::span<const std::int64_t> a, std::span<const std::int64_t> b, std::int64_t rows_a, std::int64_t rows_b) {
  double psi = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == 0 && b[i] == 0) continue;
    const double p = (a[i] == 0 ? 0.5 : static_cast<double>(a[i])) / static_cast<double>(rows_a);
    const double q = (b[i] == 0 ? 0.5 : static_cast<double>(b[i])) / static_cast<double>(rows_b);
    psi += (q - p) * math::Log(q / p);
  }
  return psi;
}

/// p log2(p / m), 0 where p is 0.
double Bits(double p, double m) { return p == 0 ? 0 : p * math::Log(p / m) / math::Log(2); }
}  // namespace

DriftMeasures MeasureDrift(std::span<const std::int64_t> reference, std::span<const std::int64_t> now, bool ordered) {
  DriftMeasures out;
  const std::int64_t a = std::accumulate(reference.begin(), reference.end(), std::int64_t{0}), b = std::accumulate(now.begin(), now.end(), std::int64_t{0});
  if (a == 0 || b == 0) return out;
  double js = 0, l_inf = 0, ks = 0, chi2 = 0;
  std::int64_t sum_a = 0, sum_b = 0, held = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double p = Ratio(reference[i], a), q = Ratio(now[i], b), m = (p + q) / 2;
    js += (Bits(p, m) + Bits(q, m)) / 2;
    l_inf = std::max(l_inf, std::abs(q - p));
    sum_a += reference[i];
    sum_b += now[i];
    ks = std::max(ks, std::abs(Ratio(sum_a, a) - Ratio(sum_b, b)));
    if (reference[i] + now[i] == 0) continue;
    ++held;
    const double both = Ratio(reference[i] + now[i], a + b), due_a = both * static_cast<double>(a), due_b = both * static_cast<double>(b);
    const double off_a = static_cast<double>(reference[i]) - due_a, off_b = static_cast<double>(now[i]) - due_b;
    chi2 += off_a * off_a / due_a + off_b * off_b / due_b;
  }
  out.psi = Psi(reference, now, a, b);
  out.js = std::max(0.0, js);
  out.l_inf = l_inf;
  if (ordered) out.ks = ks;
  if (held < 2) return out;
  out.chi2 = chi2;
  out.degrees = held - 1;
  out.chi2_p = ChiSquareTail(chi2, held - 1);
  return out;
}

double ChiSquareTail(double x, std::int64_t degrees) {
  if (x <= 0) return 1;
  const double half = x / 2, log_half = math::Log(half);
  // Terms half^k e^-half / Gamma(k + 1), k whole for even degrees and with a half for odd ones; in logarithms, so that none overflows.
  const bool odd = degrees % 2 != 0;
  double sum = odd ? std::erfc(std::sqrt(half)) : 0;
  double k = odd ? 0.5 : 0.0;
  double log_term = odd ? 0.5 * log_half - half - math::Log(std::sqrt(3.14159265358979323846) / 2) : -half;
  for (; k < static_cast<double>(degrees) / 2 - 0.25; k += 1) {
    sum += math::Exp(log_term);
    log_term += log_half - math::Log(k + 1);
  }
  return std::min(1.0, sum);
}

std::string DriftReference::BinName(std::size_t bin, bool rounded) const {
  if (measured == Measured::kLevels) return bin < levels.size() ? levels[bin] : "all others";
  const Type shown = measured == Measured::kLengths ? Type::kInt : type;
  const auto show = [&](double edge) {
    if (shown == Type::kDate) return FormatDate(static_cast<std::int64_t>(std::floor(edge)));
    if (shown == Type::kTimestamp) return FormatTimestamp(static_cast<std::int64_t>(std::floor(edge)));
    return rounded && edge != std::floor(edge) ? fmt::format("{:.6g}", edge) : FormatDouble(edge);
  };
  if (edges.empty()) return "all";
  if (bin == 0) return StrCat("(-inf, ", show(edges[0]), "]");
  if (bin == edges.size()) return StrCat("(", show(edges.back()), ", inf)");
  return StrCat("(", show(edges[bin - 1]), ", ", show(edges[bin]), "]");
}

double ColumnDrift::MissingBefore() const { return reference.rows == 0 ? 0 : Ratio(reference.nulls, reference.rows); }
double ColumnDrift::MissingNow() const { return rows == 0 ? 0 : Ratio(nulls, rows); }
std::string ColumnDrift::Name() const { return reference.measured == Measured::kLengths ? StrCat("length of ", reference.column) : reference.column; }

namespace {
std::int64_t Characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

/// Whether a column of `found` may be counted in bins made for `type`.
bool Comparable(Type found, Type type) { return found == type || (IsNumeric(found) && IsNumeric(type)); }

/// Finds bins of values. Made for one block.
class BinFinder {
 public:
  BinFinder(const DriftReference& reference, const Column& column) : reference_(reference), column_(column) {
    if (reference.measured == Measured::kLevels)
      for (std::size_t i = 0; i < reference.levels.size(); ++i) levels_.emplace(reference.levels[i], i);
  }

  /// The bin of row `i`; nullopt for null and NaN.
  std::optional<std::size_t> Find(std::size_t i) const {
    if (column_.IsNull(i)) return std::nullopt;
    if (reference_.measured == Measured::kLevels) {
      const auto found = levels_.find(column_.type() == Type::kText ? column_.text(i) : column_.ints()[i] != 0 ? "true" : "false");
      return found == levels_.end() ? reference_.levels.size() : found->second;
    }
    const double value = reference_.measured == Measured::kLengths ? static_cast<double>(Characters(column_.text(i)))
                         : column_.type() == Type::kDouble         ? column_.doubles()[i]
                                                                   : static_cast<double>(column_.ints()[i]);
    if (std::isnan(value)) return std::nullopt;
    return static_cast<std::size_t>(std::lower_bound(reference_.edges.begin(), reference_.edges.end(), value) - reference_.edges.begin());
  }

 private:
  const DriftReference& reference_;
  const Column& column_;
  std::unordered_map<std::string_view, std::size_t> levels_;
};
}  // namespace

DriftScan::DriftScan(std::vector<DriftReference> references, const Schema& schema) {
  for (DriftReference& reference : references) {
    ColumnDrift& column = columns_.emplace_back();
    column.reference = std::move(reference);
    column.counts.assign(column.reference.bins(), 0);
    std::optional<std::size_t> at = schema.IndexOf(column.reference.column);
    if (!at) column.problem = "the new rows have no such column";
    else if (!Comparable(schema[*at].type, column.reference.type)) {
      column.problem = StrCat("it was ", TypeName(column.reference.type), " and is ", TypeName(schema[*at].type), " now");
      at.reset();
    }
    places_.push_back(at);
  }
}

void DriftScan::Add(const Table& block) {
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (!places_[c]) continue;
    ColumnDrift& column = columns_[c];
    const BinFinder finder(column.reference, block.column(*places_[c]));
    column.rows += static_cast<std::int64_t>(block.num_rows());
    for (std::size_t i = 0; i < block.num_rows(); ++i) {
      if (const std::optional<std::size_t> bin = finder.Find(i)) ++column.counts[*bin];
      else ++column.nulls;
    }
  }
}

std::vector<ColumnDrift> DriftScan::Finish() {
  for (ColumnDrift& column : columns_) {
    if (!column.problem.empty()) continue;
    column.measures = MeasureDrift(column.reference.counts, column.counts, column.reference.measured != Measured::kLevels);
    if (column.measures.psi) continue;
    column.problem = std::accumulate(column.reference.counts.begin(), column.reference.counts.end(), std::int64_t{0}) == 0 ? "the reference has no values to compare with" : "the new rows have no value";
  }
  return std::move(columns_);
}

Result<std::vector<ColumnDrift>> DriftOf(std::vector<DriftReference> references, TableStream& rows) {
  DriftScan scan(std::move(references), rows.schema());
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows.Next());
    if (!block) return scan.Finish();
    scan.Add(*block);
  }
}

bool LevelsSayLittle(const DriftReference& levels) {
  const std::int64_t rows = std::accumulate(levels.counts.begin(), levels.counts.end(), std::int64_t{0});
  return levels.type == Type::kText && levels.measured == Measured::kLevels && rows > 0 && levels.counts.back() * 2 > rows;
}

namespace {
/// Distinct deciles.
std::vector<double> Deciles(const QuantileSketch& sketch) {
  std::vector<double> edges;
  if (sketch.count() == 0) return edges;
  const auto points = sketch.Points();
  for (int decile = 1; decile < 10; ++decile) {
    const double edge = QuantileOf(points, decile / 10.0);
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  }
  return edges;
}

/// What the first scan learns of one column.
struct Spread {
  Field field;
  QuantileSketch numbers;     // of a text column: lengths
  FrequentValues levels;

  void Add(const Column& column) {
    for (std::size_t i = 0; i < column.size(); ++i) {
      if (column.IsNull(i)) continue;
      if (field.type == Type::kText) {
        levels.Add(column.text(i));
        numbers.Add(static_cast<double>(Characters(column.text(i))));
      } else if (field.type == Type::kBool) {
        levels.Add(column.ints()[i] != 0 ? "true" : "false");
      } else {
        const double value = field.type == Type::kDouble ? column.doubles()[i] : static_cast<double>(column.ints()[i]);
        if (std::isfinite(value)) numbers.Add(value);
      }
    }
  }

  void AddReferences(std::vector<DriftReference>& out) const {
    DriftReference reference;
    reference.column = field.name;
    reference.type = field.type;
    if (field.type != Type::kText && field.type != Type::kBool) {
      reference.edges = Deciles(numbers);
      out.push_back(std::move(reference));
      return;
    }
    reference.measured = Measured::kLevels;
    for (const auto& [level, rows] : levels.Top(kDriftLevels)) reference.levels.push_back(level);
    std::sort(reference.levels.begin(), reference.levels.end());
    out.push_back(reference);
    if (field.type == Type::kBool) return;
    reference.measured = Measured::kLengths;
    reference.levels.clear();
    reference.edges = Deciles(numbers);
    out.push_back(std::move(reference));
  }
};
}  // namespace

Result<std::vector<DriftReference>> ReferenceOf(const OpenRows& open, const std::vector<std::string>& only, const std::set<std::string>& hidden) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> first, open());
  const Schema& schema = first->schema();
  std::vector<std::size_t> places;
  std::vector<Spread> spreads;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    const bool wanted = only.empty() || std::find(only.begin(), only.end(), schema[c].name) != only.end();
    if (!wanted || hidden.contains(schema[c].name)) continue;
    places.push_back(c);
    spreads.emplace_back().field = schema[c];
  }
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, first->Next());
    if (!block) break;
    for (std::size_t k = 0; k < places.size(); ++k) spreads[k].Add(block->column(places[k]));
  }
  std::vector<DriftReference> references;
  for (const Spread& spread : spreads) spread.AddReferences(references);

  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> second, open());
  ASSIGN_OR_RETURN(std::vector<ColumnDrift> counted, DriftOf(std::move(references), *second));
  std::vector<DriftReference> out;
  for (ColumnDrift& column : counted) {
    column.reference.counts = std::move(column.counts);
    column.reference.rows = column.rows;
    column.reference.nulls = column.nulls;
    // Lengths come after the levels of the same column: they are kept where levels do not tell much.
    if (column.reference.measured == Measured::kLengths && !LevelsSayLittle(out.back())) continue;
    out.push_back(std::move(column.reference));
  }
  return out;
}

}  // namespace headrace
