#pragma once

#include <string>
#include <vector>

#include "headrace/feature/spec.h"
#include "headrace/pipeline/decode.h"

/// Private to decoding. REQUIRE: nodes that passed their shape.
namespace headrace {

/// Collects the numbers of transforms' steps that are lists or ranges, which `tune` is to decide. A number goes by the first column of its entry (else by the type or tag), the kind of step
/// and the key, `city.encode.smooth`; where one of that name stands before it, by `city.encode.smooth.2`.
class OpenNumbers {
 public:
  OpenNumbers(LeftOpen& open, Diagnostics& diagnostics) : open_(open), diagnostics_(diagnostics) {}

  /// `step` with the first of its values in the place of each number that it leaves open; `spec`, to which the step will be added, then names those. The bounds of `clip` stay
  /// as they are written, for ValuesOf.
  Node Take(const Node& step, const std::string& kind, TransformSpec& spec);

  /// What a number may be: itself, the values of a list, or the ends of a range.
  static std::vector<const Node*> ValuesOf(const Node& number);

 private:
  void Add(const Node& number, const Place& place, const std::string& kind, const std::string& key, TransformSpec& spec);

  LeftOpen& open_;
  Diagnostics& diagnostics_;
};

}  // namespace headrace
