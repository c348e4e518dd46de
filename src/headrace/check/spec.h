#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/table/table.h"

namespace headrace {

enum class Severity : std::uint8_t { kWarn, kError };
enum class ExtraColumns : std::uint8_t { kRefuse, kIgnore };

/// One column of a contract file (`contracts/*.yaml`).
struct ContractColumn {
  std::string name;
  Type type = Type::kText;
  bool nullable = true;
  bool personal = false;          ///< masked wherever rows are shown
  std::string description;
};

/// What a dataset must look like: names, types, nullability. Column order does not matter.
struct Contract {
  std::string path;               ///< as written in the pipeline, for messages
  std::vector<ContractColumn> columns;
  ExtraColumns extra = ExtraColumns::kRefuse;
  std::vector<std::string> null_values;  ///< texts read as null from files of text; empty = the default list
  Schema schema() const;
};

/// `baseline:` of a check: what was measured must fit what earlier runs measured. docs/baselines.md has the formula.
struct BaselineSpec {
  enum class Season : std::uint8_t { kHour, kWeekday, kMonth };
  enum class Direction : std::uint8_t { kBoth, kUp, kDown };
  std::vector<Season> same;                ///< only points of the same hour, weekday or month are compared with; empty = all
  std::int64_t learn = 4;                  ///< with fewer points nothing is expected yet
  std::int64_t window = 20;                ///< the newest so many points count
  double within = 3;                       ///< half the width of the band, in spreads
  double min_change = 1.0 / 3;             ///< a change of at most this share of what is expected never counts
  double min_difference = 0;               ///< nor one of at most so much
  Direction direction = Direction::kBoth;  ///< which changes count
  std::int64_t half_life = 0;              ///< a point counts half as much as the one so many points later; 0 = all alike
  bool trend = false;                      ///< go on with the slope of the points
  std::optional<std::int64_t> since_us;    ///< intervals that begin earlier do not count: the level changed for good
};

/// A checkable statement on a dataset. `kind` says which fields count.
struct CheckSpec {
  enum class Kind : std::uint8_t { kContract, kRows, kNotNull, kUnique, kRange, kOneOf, kMatches, kExpect };
  Kind kind = Kind::kExpect;
  Severity severity = Severity::kError;
  std::string name;                        ///< shown; defaults to the check as written
  double at_least = 1.0;                   ///< share of rows that must pass, in [0, 1]; row checks only

  Contract contract;                       ///< kContract
  std::optional<std::int64_t> min_rows, max_rows;   ///< kRows
  std::vector<std::string> columns;        ///< kNotNull (each), kUnique (together), kRange/kOneOf/kMatches (one)
  std::optional<Value> min, max;           ///< kRange, both inclusive; nulls pass, NaN fails
  std::vector<std::string> values;         ///< kOneOf, as text; compared after reading them as the column's type
  std::string pattern;                     ///< kMatches: a POSIX extended regular expression on the whole text
  std::string expression;                  ///< kExpect: a row passes when true or null
  std::optional<BaselineSpec> baseline;    ///< kinds that measure the whole dataset
};

/// What a baseline expected of a measured value.
struct ExpectedBand {
  double lower = 0, center = 0, upper = 0; ///< both ends inclusive; meaningless while learning
  std::int64_t points = 0;                 ///< it was learnt from
  bool learning = false;                   ///< too few: nothing was expected
  std::string basis;                       ///< "8 Mondays 2026-09-07 to 2026-11-09", "learning, 2 of 4"
};

std::string_view CheckKindName(CheckSpec::Kind kind);   ///< "contract", "rows", "not_null", ...

/// How one check ended. Counts are rows (groups of equal keys for kUnique count all their rows but the first).
struct CheckVerdict {
  std::string name;
  std::string kind;
  Severity severity = Severity::kError;
  bool passed = true;
  std::int64_t rows = 0;                   ///< rows looked at
  std::int64_t failed_rows = 0;
  std::optional<double> value;             ///< what was measured of the whole dataset (rows, a sum, a metric, ...); none for checks of single rows
  std::string segment;                     ///< of a check with `by`: "country=de"; "" = all rows
  std::string measure;                     ///< names what `value` is, however the check is worded: "rows"; "" = no value
  std::optional<ExpectedBand> band;        ///< of a check with `baseline`
  std::string message;                     ///< what was expected, what came; empty when passed
  std::string help;                        ///< e.g. the likely new name of a missing column
  /// Up to ten offending rows as text, with their row number (from 1, without the header) in front; personal columns masked as "***".
  std::vector<std::string> sample_columns;
  std::vector<std::vector<std::string>> sample_rows;
};

}  // namespace headrace
