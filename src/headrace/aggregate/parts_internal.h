#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "headrace/aggregate/feature_text.h"
#include "headrace/aggregate/plan.h"
#include "headrace/expr/expr.h"

namespace headrace::internal {

// An event becomes a record of 64-bit words: its entity, its time in microseconds, when it became known (if the spec says), one word a value
// expression (int64, the bits of a double, or a hash of a text), then words of bits: which values are there, which conditions hold, and which
// level each `by` column has (8 bits, 0 = none of them).
inline constexpr std::size_t kKeyWord = 0, kTimeWord = 1;
inline constexpr std::size_t kMaxLevels = 200;
inline constexpr std::size_t kMaxOutputs = 10'000;

struct BitField {
  std::size_t word = 0;
  unsigned shift = 0;
};

/// An expression over one event that records hold.
struct RecordValue {
  BoundExpression expression;
  std::string text;
  bool hashed = false;          ///< for count(distinct x) of texts and doubles: the word is a hash, or canonical bits
  std::size_t word = 0;
  BitField valid;
};

struct RecordCondition {
  BoundExpression expression;
  std::string text;
  BitField bit;
};

struct RecordLevels {
  std::string column;
  std::vector<std::string> levels;
  BitField code;
};

/// One function over one value, condition and level column, for all its windows.
struct Operation {
  FeatureFunction function = FeatureFunction::kCount;
  std::string name;                      ///< of the entry
  bool is_double = false;                ///< how the value word is to be read
  std::size_t value = 0;                 ///< word
  std::size_t test_word[2] = {0, 0};     ///< an event counts when (word & mask) == mask for both
  std::uint64_t test_mask[2] = {0, 0};
  bool by_level = false;
  BitField code;
  std::size_t levels = 1;
  std::size_t state = 0, state_words = 1;   ///< first word; words a level
  std::size_t last_stage = 0;
};

/// Where an operation's result goes after a stage: one column a level, from `first` on.
struct Emission {
  std::size_t operation = 0, first = 0;
};

/// The events from one window's begin up to the next shorter one's.
struct Stage {
  std::int64_t length_us = 0;            ///< 0 = to the first event
  std::vector<std::size_t> operations;   ///< those with this window or a longer one
  std::vector<Emission> emissions;
};

struct DerivedFeature {
  std::string name;
  BoundExpression expression;
  std::size_t column = 0;                ///< among the features
};

struct AggregateParts {
  AggregateSpec spec;
  Schema events, dates, output;
  std::vector<std::string> event_columns;
  std::string time;
  Type entity_type = Type::kInt, time_type = Type::kDate, as_of_type = Type::kDate;
  bool entities_given = false;           ///< the dataset of dates has the entity's column
  std::size_t carried = 0;               ///< columns of the output before the features

  std::size_t words = 2;
  std::optional<std::size_t> known_word;
  std::vector<RecordValue> values;
  std::vector<RecordCondition> conditions;
  std::vector<RecordLevels> levels;

  std::vector<Operation> operations;     ///< of features, then of labels
  std::vector<Stage> stages;             ///< shortest window first
  std::vector<Emission> label_emissions;
  std::size_t state_words = 0;
  std::size_t distinct_sets = 0;         ///< operations that count different values keep a set each
  Schema computed;                       ///< features and labels, derived ones among them
  std::vector<DerivedFeature> derived;   ///< in the order of evaluation

  bool has_labels() const { return !label_emissions.empty(); }
};

}  // namespace headrace::internal
