#include "headrace/check/drift_verdict.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "headrace/base/text.h"

namespace headrace {

namespace {
std::string Show(double value) { return fmt::format("{:.4g}", value); }
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
