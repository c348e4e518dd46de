#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/aggregate/spec.h"
#include "headrace/base/status.h"
#include "headrace/table/table.h"

namespace headrace {

namespace internal {
struct AggregateParts;
}

/// A spec bound to the columns of its events, and of the dataset of dates where there is one: every name found, every expression typed.
///
/// What comes out, in this order. One date, or a dataset of dates (without the entity's column): a row for each date and each entity with an event before it,
/// by entity, then date; first the entity's column, then the dataset's columns (`as_of` among them). A dataset of entities and dates: its rows in
/// its order, with all its columns. Then each feature, window by window, then the labels. So the columns follow from spec and schemas alone.
///
/// Threads: immutable.
class AggregatePlan {
 public:
  /// `dates`: the columns of the dataset of dates; null when the spec has its date. kInvalid names the column or entry that does not fit, and what to do.
  static Result<AggregatePlan> Make(const AggregateSpec& spec, const Schema& events, const Schema* dates);

  const Schema& output() const;
  /// The columns of the events that are read; Aggregate takes events that have these, also others.
  const std::vector<std::string>& event_columns() const;
  const internal::AggregateParts& parts() const { return *parts_; }

 private:
  std::shared_ptr<const internal::AggregateParts> parts_;
};

/// What can be said of a spec before any column is known: broken expressions, a function where it cannot stand. Each entry's errors by its place in
/// `features`, then `labels`; spans are in its `of`.
struct AggregateError { bool label = false; std::size_t entry = 0; Status status; };
std::vector<AggregateError> CheckAggregateSpec(const AggregateSpec& spec);

}  // namespace headrace
