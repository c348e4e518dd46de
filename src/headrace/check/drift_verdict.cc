#include "headrace/check/drift_verdict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "headrace/base/text.h"

namespace headrace {

namespace {
constexpr std::size_t kShownColumns = 12, kShownLevels = 10;
constexpr std::int64_t kRare = 20;       // a level with fewer rows on both sides may be somebody's own

std::string Show(double value) { return fmt::format("{:.4g}", value); }

/// Levels that are rare, or not among the most frequent, are one with all others.
DriftBins BinsOf(const ColumnDrift& column) {
  const DriftReference& reference = column.reference;
  const auto total = [](const std::vector<std::int64_t>& counts) { return std::max<double>(1, static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}))); };
  const double before = total(reference.counts), now = total(column.counts);
  DriftBins out{column.Name(), column.measures.psi.value_or(0), {}};
  for (std::size_t b = 0; b < reference.counts.size(); ++b)
    out.bins.push_back({reference.BinName(b, true), static_cast<double>(reference.counts[b]) / before, static_cast<double>(column.counts[b]) / now});
  if (reference.measured != DriftReference::Measured::kLevels) return out;
  DriftBins::Bin others = out.bins.back();
  out.bins.pop_back();
  const auto size = [](const DriftBins::Bin& bin) { return std::max(bin.before, bin.now); };
  std::sort(out.bins.begin(), out.bins.end(), [&](const DriftBins::Bin& a, const DriftBins::Bin& b) { return size(a) != size(b) ? size(a) > size(b) : a.name < b.name; });
  const auto rare = [&](const DriftBins::Bin& bin) { return bin.before * before < kRare && bin.now * now < kRare; };
  while (!out.bins.empty() && (out.bins.size() > kShownLevels || rare(out.bins.back()))) {
    others.before += out.bins.back().before;
    others.now += out.bins.back().now;
    out.bins.pop_back();
  }
  out.bins.push_back(others);
  return out;
}

std::vector<DriftBins> Shown(const std::vector<ColumnDrift>& columns) {
  std::vector<const ColumnDrift*> measured;
  for (const ColumnDrift& column : columns)
    if (column.measures.psi) measured.push_back(&column);
  std::sort(measured.begin(), measured.end(), [](const ColumnDrift* a, const ColumnDrift* b) { return *a->measures.psi != *b->measures.psi ? *a->measures.psi > *b->measures.psi : a->Name() < b->Name(); });
  std::vector<DriftBins> shown;
  for (std::size_t k = 0; k < std::min(measured.size(), kShownColumns); ++k) shown.push_back(BinsOf(*measured[k]));
  return shown;
}
}  // namespace

std::string BrokenLimit(const DriftLimits& limits, const ColumnDrift& column) {
  const DriftMeasures& m = column.measures;
  const double missing = std::abs(column.MissingNow() - column.MissingBefore());
  if (limits.missing && column.problem.empty() && missing > *limits.missing)
    return fmt::format("the share of missing values went from {:.2f} % to {:.2f} %, by more than {:.4g} %", column.MissingBefore() * 100, column.MissingNow() * 100, *limits.missing * 100);
  struct Bound { const char* name; const std::optional<double>& measured; const std::optional<double>& limit; };
  for (const Bound& bound : {Bound{"PSI", m.psi, limits.psi}, {"Jensen-Shannon divergence", m.js, limits.js}, {"L-infinity", m.l_inf, limits.l_inf}, {"KS", m.ks, limits.ks}})
    if (bound.measured && bound.limit && *bound.measured > *bound.limit) return StrCat(bound.name, " ", Show(*bound.measured), " is above ", Show(*bound.limit));
  if (m.chi2_p && limits.chi2_p && *m.chi2_p < *limits.chi2_p) return StrCat("the p-value of chi-square, ", Show(*m.chi2_p), ", is below ", Show(*limits.chi2_p));
  return "";
}

CheckVerdict JudgeDrift(const CheckSpec& check, const std::vector<ColumnDrift>& columns, const std::string& against) {
  CheckVerdict verdict;
  verdict.name = check.name.empty() ? StrCat("drift against ", check.drift.against) : check.name;
  verdict.kind = CheckKindName(check.kind);
  verdict.severity = check.severity;
  verdict.drift = Shown(columns);
  std::vector<std::string> broken;
  for (const ColumnDrift& column : columns) {
    verdict.rows = std::max(verdict.rows, column.rows);
    if (column.measures.psi && (!verdict.value || *column.measures.psi > *verdict.value)) verdict.value = *column.measures.psi;
    const bool named = std::find(check.columns.begin(), check.columns.end(), column.reference.column) != check.columns.end();
    std::string why = BrokenLimit(check.drift, column);
    if (why.empty() && named && !column.problem.empty()) why = StrCat("cannot be compared, ", column.problem);
    if (!why.empty()) broken.push_back(StrCat("column `", column.Name(), "`: ", why));
  }
  verdict.passed = broken.empty();
  if (broken.empty()) return verdict;
  verdict.message = StrCat(broken[0], ", against ", against);
  if (broken.size() > 1) verdict.message += StrCat("; and ", broken.size() - 1, broken.size() == 2 ? " more column moved" : " more columns moved");
  verdict.help = "`headrace drift` shows bins and counts; look at what the source changed, or train again on newer rows";
  for (std::size_t i = 1; i < broken.size(); ++i) verdict.help += StrCat(i == 1 ? "; also " : ", ", broken[i]);
  return verdict;
}

}  // namespace headrace
