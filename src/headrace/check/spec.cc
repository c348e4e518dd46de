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
  using Kind = CheckSpec::Kind;
  switch (kind) {
    case Kind::kContract: return "contract";
    case Kind::kRows: return "rows";
    case Kind::kSum: return "sum";
    case Kind::kMean: return "mean";
    case Kind::kQuantile: return "quantile";
    case Kind::kDistinct: return "distinct";
    case Kind::kMetric: return "metric";
    case Kind::kFresh: return "fresh";
    case Kind::kSequence: return "sequence";
    case Kind::kSameAs: return "same_as";
    case Kind::kNotNull: return "not_null";
    case Kind::kUnique: return "unique";
    case Kind::kRange: return "range";
    case Kind::kOneOf: return "one_of";
    case Kind::kMatches: return "matches";
    case Kind::kExpect: return "expect";
    case Kind::kTypeOfText: return "type_of_text";
    case Kind::kOrdered: return "ordered";
    case Kind::kMonotone: return "monotone";
    case Kind::kForeignKey: return "foreign_key";
    case Kind::kSql: return "sql";
    case Kind::kDrift: return "drift";
  }
  return "expect";
}

std::vector<std::string> TextForms() { return {"email", "url", "iso_date", "currency", "country"}; }

}  // namespace headrace
