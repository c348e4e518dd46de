#pragma once

#include <optional>
#include <string>
#include <vector>

#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schema.h"
#include "headrace/pipeline/scope.h"

namespace headrace {

/// A parameter as a file declares it.
struct ParamDecl {
  enum class Kind : std::uint8_t {
    kText, kInt, kDouble, kBool, kDate, kTimestamp, kDuration, kColumns, kEnum, kSecret, kDataset, kDateOrDataset,
  };
  std::string name;
  Kind kind = Kind::kText;
  std::string type_text;                 ///< as written: "date or dataset"
  std::vector<std::string> values;       ///< kEnum
  std::optional<Node> default_value;     ///< `${...}` not yet evaluated
  bool required = true;                  ///< without a default: whether a value must be given (else it is null)
  Place place;
};

/// The type of a single value of `kind`; nullopt for columns, secrets and datasets.
std::optional<Type> ValueTypeOf(ParamDecl::Kind kind);

/// Read the map under `params:`; what is wrong is reported and left out.
std::vector<ParamDecl> ParseParams(const Node* params, Diagnostics& diagnostics);

/// What a value from some source turned out to be. `pending`: the type fits and only a run knows the value.
struct Assigned {
  ParamValue value;
  bool pending = false;
  bool of_interval = false;   ///< it follows from the run's interval
};

/// A value written as text on the command line.
Result<ParamValue> AssignText(const ParamDecl& decl, const std::string& text);
/// A value in a file, `${...}` evaluated. A dataset keeps the name as written. nullopt after reporting.
std::optional<Assigned> AssignNode(const ParamDecl& decl, const Node& node, Diagnostics& diagnostics);

/// Put a parameter's value, or its type when pending, into `scope` as `params.NAME`.
void Define(const ParamDecl& decl, const Assigned& assigned, Scope& scope);
/// The same for a parameter that got no value at all: unknown, of its type.
void DefineUnknown(const ParamDecl& decl, Scope& scope);

/// "1998-03-02/1998-03-09", half-open. kInvalid says how an interval is written.
Result<Interval> ParseInterval(const std::string& text);

/// The value an unquoted scalar reads as: int, double, bool, date, timestamp, else text. Quoted ones are text.
Value InferValue(const Node& node);

}  // namespace headrace
