#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "headrace/base/status.h"

namespace headrace {

/// What is computed from the events of one entity in one window. docs/aggregate.md has the formulas.
enum class FeatureFunction : std::uint8_t {
  kCount, kAny,                          ///< count, any
  kCountValues, kCountDistinct,          ///< count(x), count(distinct x)
  kSum, kMean, kMin, kMax, kStd, kTrend, ///< sum(x), mean(x) or avg(x), ...
  kRecency, kTenure,                     ///< days from the last, from the first event to the date
  kMeanGap, kStdGap,                     ///< of the days between one event and the next
};

/// An entry of `of` taken apart: `FUNCTION [where CONDITION]`, or an expression over features.
struct FeatureText {
  std::optional<FeatureFunction> function;   ///< nullopt: `argument` is an expression over the features before it
  std::string argument;                      ///< an expression over one event; "" for functions without one
  std::string where;                         ///< a condition on one event; "" = every event
  std::size_t argument_at = 0, where_at = 0; ///< where they begin in the text
};

/// kInvalid with a span into `text`. Column names are not looked at.
Result<FeatureText> ParseFeature(std::string_view text);

/// `status` with its span moved by `offset`.
Status Shifted(Status status, std::size_t offset);

}  // namespace headrace
