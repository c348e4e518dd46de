#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

/// How far two counts of rows over the same bins lie apart. With p and q the shares of the reference and of the new rows (docs/drift.md has a
/// calculation by hand). Not set: nothing to measure on one of the sides, or fewer than two bins that hold a row.
struct DriftMeasures {
  std::optional<double> psi;      ///< sum of (q - p) ln(q / p); a bin that is empty on one side counts as half a row there, one empty on both not at all
  std::optional<double> js;       ///< Jensen-Shannon divergence in bits, in [0, 1]; its root is the distance
  std::optional<double> l_inf;    ///< largest |q - p|
  std::optional<double> ks;       ///< largest difference of the cumulated shares at the bins' edges; ordered bins only
  std::optional<double> chi2;     ///< of the table of two rows: sum of (seen - expected)^2 / expected, without correction
  std::optional<std::int64_t> degrees;   ///< bins that hold a row, less one
  std::optional<double> chi2_p;   ///< how likely a chi2 as large is when nothing changed
};
DriftMeasures MeasureDrift(std::span<const std::int64_t> reference, std::span<const std::int64_t> now, bool ordered);

/// The share of the chi-square distribution with `degrees` above `x`: Q(degrees / 2, x / 2), by its finite sums (Abramowitz and Stegun 26.4.4, 26.4.5).
double ChiSquareTail(double x, std::int64_t degrees);

/// The bins that a column is counted in, with the counts of the reference. Nulls and NaN are in no bin.
struct DriftReference {
  enum class Measured : std::uint8_t {
    kNumbers,  ///< int, double, date (days), timestamp (microseconds): (-inf, e0], (e0, e1], ..., (e_last, inf)
    kLevels,   ///< text, bool: one bin a level, then one for all others
    kLengths,  ///< text: its length in characters, in bins as for numbers
  };
  std::string column;
  Type type = Type::kText;
  Measured measured = Measured::kNumbers;
  std::vector<double> edges;
  std::vector<std::string> levels;
  std::int64_t rows = 0, nulls = 0;
  std::vector<std::int64_t> counts;

  std::size_t bins() const { return measured == Measured::kLevels ? levels.size() + 1 : edges.size() + 1; }
  /// "(3.5, 7]", "de", "all others". Edges exactly, or where `rounded` to six digits: for people who look.
  std::string BinName(std::size_t bin, bool rounded = false) const;
};
inline constexpr std::size_t kDriftLevels = 50;   ///< the most frequent levels that get a bin of their own

/// One column, measured one way, reference and new rows side by side.
struct ColumnDrift {
  DriftReference reference;
  std::int64_t rows = 0, nulls = 0;
  std::vector<std::int64_t> counts;
  DriftMeasures measures;
  std::string problem;            ///< why nothing could be measured: the column is gone, or of a type that cannot be compared

  double MissingBefore() const;   ///< share of nulls and NaN; 0 without rows
  double MissingNow() const;
  /// "amount" or "length of comment".
  std::string Name() const;
};

/// Count new rows in the bins of a reference, in one scan.
///
///   DriftScan(references, schema) -> Add* -> Finish
///
/// Threads: none.
class DriftScan {
 public:
  DriftScan(std::vector<DriftReference> references, const Schema& schema);
  void Add(const Table& block);
  /// One answer a reference, in their order.
  std::vector<ColumnDrift> Finish();

 private:
  std::vector<ColumnDrift> columns_;
  std::vector<std::optional<std::size_t>> places_;
};

/// Opens the rows of a dataset; called more than once.
using OpenRows = std::function<Result<std::unique_ptr<TableStream>>()>;

/// The bins of a dataset's columns and its rows in them, in two scans: deciles of numbers (numpy's "linear" rule; beyond 16,384 rows ranks are off by less than
/// 0.2 %, counts never), the kDriftLevels most frequent levels of text, deciles of its length where levels do not tell much. `only`: these columns; empty = all. Columns of `hidden` are left out.
Result<std::vector<DriftReference>> ReferenceOf(const OpenRows& open, const std::vector<std::string>& only, const std::set<std::string>& hidden);

/// Measure `rows` against `references`.
Result<std::vector<ColumnDrift>> DriftOf(std::vector<DriftReference> references, TableStream& rows);

/// Whether levels say little of a text column: more than half of its rows have a level without a bin of its own.
bool LevelsSayLittle(const DriftReference& levels);

}  // namespace headrace
