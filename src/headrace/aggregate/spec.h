#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/table/value.h"

namespace headrace {

/// A stretch of time that ends at the date: [date - length, date).
struct WindowSpec {
  std::string name;             ///< as written, "7d"; the end of a feature's name. "" = all events before the date
  std::int64_t length_us = 0;   ///< 0 = all
  bool operator==(const WindowSpec&) const = default;
};

/// One entry of `of` or `label`: `spend: sum(amount) where kind = 'purchase'`.
struct FeatureSpec {
  std::string name;
  std::string of;                                   ///< what ParseFeature reads
  std::string by;                                   ///< a column: one feature for each of `levels`; "" = none
  std::vector<std::string> levels;
  std::optional<std::vector<WindowSpec>> windows;   ///< not given = those of the step
};

/// What an `aggregate` step says. docs/aggregate.md has every rule and formula.
struct AggregateSpec {
  std::string events_name;                          ///< the dataset of events as written, for messages and comparisons
  std::string entity, time;                         ///< columns of the events; time "" = the only date or timestamp among them
  std::string known;                                ///< column: when the event became known; "" = when it happened
  std::optional<Value> as_of;                       ///< a date or timestamp (null while only a run knows it); not given = a dataset of dates
  std::vector<WindowSpec> windows = {{}};
  std::vector<FeatureSpec> features, labels;
  std::int64_t within_us = 0;                       ///< labels look at [date, date + within)

  /// All that decides what the features mean, a line each: training and scoring must agree on it. Without the date and the labels.
  std::string Text() const;
};

/// The column of the date, in a dataset of dates and in what comes out.
inline constexpr const char* kAsOf = "as_of";

}  // namespace headrace
