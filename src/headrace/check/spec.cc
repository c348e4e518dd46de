#include "headrace/check/spec.h"

namespace headrace {

Schema Contract::schema() const {
  std::vector<Field> fields;
  fields.reserve(columns.size());
  for (const ContractColumn& column : columns) fields.push_back({column.name, column.type});
  return Schema(std::move(fields));
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
  }
  return "expect";
}

}  // namespace headrace
