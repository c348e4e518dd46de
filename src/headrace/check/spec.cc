#include "headrace/check/spec.h"

namespace headrace {

Schema Contract::schema() const {
  std::vector<Field> fields;
  fields.reserve(columns.size());
  for (const ContractColumn& column : columns) fields.push_back({column.name, column.type});
  return Schema(std::move(fields));
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
  }
  return "expect";
}

std::vector<std::string> TextForms() { return {"email", "url", "iso_date", "currency", "country"}; }

}  // namespace headrace
