#include "headrace/cli/contract_text.h"

#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/check/check.h"
#include "headrace/cli/scaffold.h"

namespace headrace {

namespace {
std::string Bound(const Value& value) { return IsNumeric(value.type()) ? value.ToString() : YamlText(value.ToString()); }

std::string List(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(YamlText(text));
  return StrCat("[", Join(quoted, ", "), "]");
}

/// Whether the measures leave it open that no value comes twice.
bool MayBeKey(const ColumnMeasures& column) {
  const bool type = column.field.type == Type::kInt || column.field.type == Type::kText;
  if (!type || column.nulls > 0 || column.rows < 2 || !ToLower(column.field.name).ends_with("id")) return false;
  return column.distinct_exact ? column.distinct == column.rows : column.distinct * 20 >= column.rows * 19;
}
}  // namespace

std::string ContractLine(const ContractColumn& column) {
  return StrCat("  - {name: ", YamlText(column.name), ", type: ", TypeName(column.type), column.nullable ? "" : ", nullable: false", column.personal ? ", personal: true" : "",
                column.unique ? ", unique: true" : "", column.tags.empty() ? "" : StrCat(", tags: ", List(column.tags)), column.min ? StrCat(", min: ", Bound(*column.min)) : "", column.max ? StrCat(", max: ", Bound(*column.max)) : "",
                column.one_of.empty() ? "" : StrCat(", one_of: ", List(column.one_of)), column.matches.empty() ? "" : StrCat(", matches: ", YamlText(column.matches)),
                ", description: ", column.description.empty() ? "\"\"" : YamlText(column.description), "}\n");
}

std::string ContractText(const Contract& contract) {
  std::string text = contract.extra == ExtraColumns::kIgnore ? "extra: ignore\n" : "";
  if (!contract.null_values.empty()) text += StrCat("null_values: ", List(contract.null_values), "\n");
  text += "columns:\n";
  for (const ContractColumn& column : contract.columns) text += ContractLine(column);
  return text;
}

Contract ProposeContract(const DataProfile& profile, const std::set<std::string>& keys) {
  Contract contract;
  for (const ColumnMeasures& measures : profile.columns) {
    ContractColumn& column = contract.columns.emplace_back();
    column.name = measures.field.name;
    column.type = measures.field.type;
    column.personal = measures.personal;
    const std::int64_t values = measures.rows - measures.nulls;
    column.nullable = measures.nulls > 0 || measures.rows == 0;
    column.unique = keys.contains(column.name);
    if (column.personal || column.unique) continue;
    if (!measures.min.is_null()) column.min = measures.min;
    if (!measures.max.is_null() && IsNumeric(column.type)) column.max = measures.max;
    const bool repeats = measures.distinct_exact && measures.distinct * 2 <= values && measures.distinct <= static_cast<std::int64_t>(measures.top.size());
    if (column.type != Type::kText || !repeats || measures.distinct == 0) continue;
    for (const auto& [level, rows] : measures.top) column.one_of.push_back(level);
    std::sort(column.one_of.begin(), column.one_of.end());
  }
  return contract;
}

Result<std::set<std::string>> FindKeys(const DataProfile& profile, const OpenRows& open) {
  std::vector<CheckSpec> checks;
  for (const ColumnMeasures& column : profile.columns) {
    if (!MayBeKey(column)) continue;
    CheckSpec& check = checks.emplace_back();
    check.kind = CheckSpec::Kind::kUnique;
    check.columns = {column.field.name};
  }
  std::set<std::string> keys;
  if (checks.empty()) return keys;
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, open());
  ASSIGN_OR_RETURN(const std::vector<CheckVerdict> verdicts, RunChecks(checks, *rows));
  for (std::size_t i = 0; i < checks.size(); ++i)
    if (verdicts[i].passed) keys.insert(checks[i].columns[0]);
  return keys;
}

}  // namespace headrace
