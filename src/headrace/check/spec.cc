#include "headrace/check/spec.h"

#include "headrace/base/text.h"

namespace headrace {

Schema Contract::schema() const {
  std::vector<Field> fields;
  fields.reserve(columns.size());
  for (const ContractColumn& column : columns) fields.push_back({column.name, column.type});
  return Schema(std::move(fields));
}

std::vector<CheckSpec> RulesOf(const Contract& contract, Severity severity) {
  std::vector<CheckSpec> rules;
  const auto add = [&](const ContractColumn& column, CheckSpec::Kind kind) -> CheckSpec& {
    CheckSpec& rule = rules.emplace_back();
    rule.kind = kind;
    rule.severity = severity;
    rule.name = StrCat("contract ", contract.path, ": ", CheckKindName(kind), " of ", column.name);
    rule.columns = {column.name};
    return rule;
  };
  for (const ContractColumn& column : contract.columns) {
    if (column.min || column.max) {
      CheckSpec& rule = add(column, CheckSpec::Kind::kRange);
      rule.min = column.min;
      rule.max = column.max;
    }
    if (!column.one_of.empty()) add(column, CheckSpec::Kind::kOneOf).values = column.one_of;
    if (!column.matches.empty()) add(column, CheckSpec::Kind::kMatches).pattern = column.matches;
    if (column.unique) add(column, CheckSpec::Kind::kUnique);
  }
  return rules;
}

std::string_view CheckKindName(CheckSpec::Kind kind) {
  switch (kind) {
    case CheckSpec::Kind::kContract: return "contract";
    case CheckSpec::Kind::kRows: return "rows";
    case CheckSpec::Kind::kNotNull: return "not_null";
    case CheckSpec::Kind::kUnique: return "unique";
    case CheckSpec::Kind::kRange: return "range";
    case CheckSpec::Kind::kOneOf: return "one_of";
    case CheckSpec::Kind::kMatches: return "matches";
    case CheckSpec::Kind::kExpect: return "expect";
    case CheckSpec::Kind::kDrift: return "drift";
  }
  return "expect";
}

}  // namespace headrace
